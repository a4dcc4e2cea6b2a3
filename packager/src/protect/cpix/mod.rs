//! CPIX documents (DASH-IF Content Protection Information Exchange Format 2.3): keys for those who package or license, and what is asked of
//! key servers of others, and answered by them.

mod speke;

pub use speke::{answer, request};

use super::signal::{self, attributes};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use marquee_core::protection::{
    ContentKey, ContentKeys, HD_PIXELS_MAX, KeyName, KeyUse, Protected, SD_PIXELS_MAX, Scheme, System,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What SPEKE v2 goes by.
const VERSION: &str = "2.3";

#[derive(Serialize, Deserialize)]
#[serde(rename(serialize = "cpix:CPIX"))]
struct Document {
    #[serde(rename = "@contentId", default)]
    content_id: String,
    #[serde(rename = "@version", default)]
    version: String,
    #[serde(rename(serialize = "@xmlns:cpix"), skip_deserializing)]
    cpix: &'static str,
    #[serde(rename(serialize = "@xmlns:pskc"), skip_deserializing)]
    pskc: &'static str,
    #[serde(rename(serialize = "cpix:ContentKeyList", deserialize = "ContentKeyList"), default)]
    keys: KeyList,
    #[serde(rename(serialize = "cpix:DRMSystemList", deserialize = "DRMSystemList"), default)]
    systems: SystemList,
    #[serde(
        rename(serialize = "cpix:ContentKeyPeriodList", deserialize = "ContentKeyPeriodList"),
        default,
        skip_serializing_if = "PeriodList::is_empty"
    )]
    periods: PeriodList,
    #[serde(rename(serialize = "cpix:ContentKeyUsageRuleList", deserialize = "ContentKeyUsageRuleList"), default)]
    rules: RuleList,
}

#[derive(Default, Serialize, Deserialize)]
struct KeyList {
    #[serde(rename(serialize = "cpix:ContentKey", deserialize = "ContentKey"), default)]
    keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    #[serde(rename = "@explicitIV", skip_serializing_if = "Option::is_none")]
    iv: Option<String>,
    #[serde(rename = "@kid")]
    id: Uuid,
    #[serde(rename = "@commonEncryptionScheme", skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
    #[serde(rename(serialize = "cpix:Data", deserialize = "Data"), skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
}

#[derive(Serialize, Deserialize)]
struct Data {
    #[serde(rename(serialize = "pskc:Secret", deserialize = "Secret"))]
    secret: Value,
}

#[derive(Serialize, Deserialize)]
struct Value {
    #[serde(rename(serialize = "pskc:PlainValue", deserialize = "PlainValue"))]
    plain: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct SystemList {
    #[serde(rename(serialize = "cpix:DRMSystem", deserialize = "DRMSystem"), default)]
    systems: Vec<DrmSystem>,
}

#[derive(Serialize, Deserialize)]
struct DrmSystem {
    #[serde(rename = "@kid")]
    key_id: Uuid,
    #[serde(rename = "@systemId")]
    system: Uuid,
    #[serde(rename(serialize = "cpix:PSSH", deserialize = "PSSH"), skip_serializing_if = "Option::is_none")]
    pssh: Option<String>,
    #[serde(rename(serialize = "cpix:HLSSignalingData", deserialize = "HLSSignalingData"), default)]
    hls: Vec<HlsData>,
}

#[derive(Serialize, Deserialize, Clone)]
struct HlsData {
    #[serde(rename = "@playlist", skip_serializing_if = "Option::is_none")]
    playlist: Option<String>,
    #[serde(rename = "$text", default)]
    data: String,
}

#[derive(Default, Serialize, Deserialize)]
struct PeriodList {
    #[serde(rename(serialize = "cpix:ContentKeyPeriod", deserialize = "ContentKeyPeriod"), default)]
    periods: Vec<Period>,
}

impl PeriodList {
    fn is_empty(&self) -> bool {
        self.periods.is_empty()
    }
}

#[derive(Serialize, Deserialize)]
struct Period {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@index", skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
}

#[derive(Default, Serialize, Deserialize)]
struct RuleList {
    #[serde(rename(serialize = "cpix:ContentKeyUsageRule", deserialize = "ContentKeyUsageRule"), default)]
    rules: Vec<Rule>,
}

#[derive(Serialize, Deserialize)]
struct Rule {
    #[serde(rename = "@kid")]
    key_id: Uuid,
    #[serde(rename = "@intendedTrackType", skip_serializing_if = "Option::is_none")]
    track_type: Option<String>,
    #[serde(
        rename(serialize = "cpix:KeyPeriodFilter", deserialize = "KeyPeriodFilter"),
        skip_serializing_if = "Option::is_none"
    )]
    period: Option<PeriodFilter>,
    #[serde(rename(serialize = "cpix:VideoFilter", deserialize = "VideoFilter"), skip_serializing_if = "Option::is_none")]
    video: Option<VideoFilter>,
    #[serde(rename(serialize = "cpix:AudioFilter", deserialize = "AudioFilter"), skip_serializing_if = "Option::is_none")]
    audio: Option<AudioFilter>,
}

#[derive(Serialize, Deserialize)]
struct PeriodFilter {
    #[serde(rename = "@periodId")]
    id: String,
}

#[derive(Default, Serialize, Deserialize)]
struct VideoFilter {
    #[serde(rename = "@minPixels", skip_serializing_if = "Option::is_none")]
    min_pixels: Option<u64>,
    #[serde(rename = "@maxPixels", skip_serializing_if = "Option::is_none")]
    max_pixels: Option<u64>,
}

#[derive(Default, Serialize, Deserialize)]
struct AudioFilter {}

/// A document with the secrets of all `keys` of what is `protected` and has so many segments, for those who may have them, and with what
/// players are told.
#[must_use]
pub fn export(content_id: &str, protected: &Protected, keys: &ContentKeys, segments: u32) -> String {
    let choice = protected.choice;
    let scheme = choice.scheme;
    let data = |key: &ContentKey| {
        let plain = Some(BASE64.encode(key.secret.expose()));
        Some(Data { secret: Value { plain } })
    };
    let names =
        (0..choice.periods(segments)).flat_map(|period| protected.names.iter().map(move |name| name.of_period(choice, period)));
    let names: BTreeMap<_, _> = names.map(|name| (name.id, name)).collect();
    let of_key = |_, key: &ContentKey| {
        let described = |name: &KeyName| protected.systems.iter().map(|system| described(scheme, name, system)).collect();
        names.get(&key.id).map(described).unwrap_or_default()
    };
    let period = |place: usize| u32::try_from(place / keys.0.len().max(1)).ok().filter(|_| choice.rotation_segments.is_some());
    write(content_id, scheme, (&keys.of_periods(choice, segments), &period), data, of_key)
}

/// Writes a document of `keys`, each in the crypto period that `period` says by its place.
fn write(
    content_id: &str,
    scheme: Scheme,
    (keys, period): (&ContentKeys, &dyn Fn(usize) -> Option<u32>),
    data: impl Fn(&ContentKey) -> Option<Data>,
    systems: impl Fn(KeyUse, &ContentKey) -> Vec<DrmSystem>,
) -> String {
    let key = |(_, key): &(KeyUse, ContentKey)| Key {
        iv: Some(BASE64.encode(key.iv)),
        id: key.id,
        scheme: Some(scheme.name().to_owned()),
        data: data(key),
    };
    let mut indices: Vec<_> = (0..keys.0.len()).filter_map(period).collect();
    indices.dedup();
    let rules = keys.0.iter().enumerate().map(|(place, (of, key))| rule(*of, key.id, period(place)));
    let document = Document {
        content_id: content_id.to_owned(),
        version: VERSION.to_owned(),
        cpix: "urn:dashif:org:cpix",
        pskc: "urn:ietf:params:xml:ns:keyprov:pskc",
        keys: KeyList { keys: keys.0.iter().map(key).collect() },
        systems: SystemList { systems: keys.0.iter().flat_map(|(of, key)| systems(*of, key)).collect() },
        periods: PeriodList {
            periods: indices.into_iter().map(|index| Period { id: period_id(index), index: Some(index) }).collect(),
        },
        rules: RuleList { rules: rules.collect() },
    };
    let body = quick_xml::se::to_string(&document).expect("values are XML");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}\n")
}

fn described(scheme: Scheme, key: &KeyName, system: &System) -> DrmSystem {
    let signal = signal::signal(system, scheme, key);
    let hls = |key: &m3u8_rs::Key| -> Vec<HlsData> {
        let line = |tag: &str| BASE64.encode(format!("#{tag}:{}", attributes(key)));
        [("media", "EXT-X-KEY"), ("master", "EXT-X-SESSION-KEY")]
            .map(|(playlist, tag)| HlsData { playlist: Some(playlist.to_owned()), data: line(tag) })
            .into()
    };
    DrmSystem {
        key_id: key.id,
        system: signal.system,
        pssh: signal.pssh.map(|pssh| BASE64.encode(pssh)),
        hls: signal.key.iter().flat_map(hls).collect(),
    }
}

/// What a crypto period is called in a document.
fn period_id(index: u32) -> String {
    format!("period_{index}")
}

/// Which tracks a key is for (SPEKE v2, encryption contract), and when.
fn rule(of: KeyUse, key_id: Uuid, period: Option<u32>) -> Rule {
    let pixels = |min_pixels, max_pixels| Some(VideoFilter { min_pixels, max_pixels });
    let (video, audio) = match of {
        KeyUse::All => (pixels(None, None), Some(AudioFilter {})),
        KeyUse::Audio => (None, Some(AudioFilter {})),
        KeyUse::Sd => (pixels(None, Some(SD_PIXELS_MAX)), None),
        KeyUse::Hd => (pixels(Some(SD_PIXELS_MAX + 1), Some(HD_PIXELS_MAX)), None),
        KeyUse::Uhd => (pixels(Some(HD_PIXELS_MAX + 1), None), None),
    };
    let period = period.map(|index| PeriodFilter { id: period_id(index) });
    Rule { key_id, track_type: Some(track_type(of).to_owned()), period, video, audio }
}

/// `@intendedTrackType` of a use.
fn track_type(of: KeyUse) -> &'static str {
    match of {
        KeyUse::All => "ALL",
        KeyUse::Audio => "AUDIO",
        KeyUse::Sd => "SD",
        KeyUse::Hd => "HD",
        KeyUse::Uhd => "UHD",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{
        SeededRandom,
        protection::{Choice, KeyPolicy},
    };
    use std::num::NonZeroU32;

    #[test]
    fn tracks_are_told_apart_by_pixels() {
        let (protected, keys) = Protected::generate(Choice::default(), Vec::new(), &SeededRandom::new(1));
        let text = export("film", &protected, &keys, 20);
        assert!(!text.contains("Period"), "{text}");
        for rule in [
            r#"intendedTrackType="AUDIO"><cpix:AudioFilter/>"#,
            r#"intendedTrackType="SD"><cpix:VideoFilter maxPixels="589824"/>"#,
            r#"intendedTrackType="HD"><cpix:VideoFilter minPixels="589825" maxPixels="2073600"/>"#,
            r#"intendedTrackType="UHD"><cpix:VideoFilter minPixels="2073601"/>"#,
        ] {
            assert!(text.contains(rule), "{rule} in {text}");
        }
    }

    #[test]
    fn keys_of_crypto_periods_say_when() {
        let choice = Choice { keys: KeyPolicy::PerTitle, rotation_segments: NonZeroU32::new(10), ..Choice::default() };
        let systems = vec![System::Widevine { licence_url: None }];
        let (protected, keys) = Protected::generate(choice, systems, &SeededRandom::new(1));
        let text = export("film", &protected, &keys, 20);
        let [first, second] = [0, 1].map(|period| keys.0[0].1.of_period(choice, period));
        for part in [
            r#"<cpix:ContentKeyPeriod id="period_0" index="0"/><cpix:ContentKeyPeriod id="period_1" index="1"/>"#.to_owned(),
            format!(
                r#"kid="{}" intendedTrackType="ALL"><cpix:KeyPeriodFilter periodId="period_1"/><cpix:VideoFilter/>"#,
                second.id
            ),
            BASE64.encode(first.secret.expose()),
            BASE64.encode(second.secret.expose()),
            format!(r#"<cpix:DRMSystem kid="{}" systemId="edef8ba9"#, second.id),
        ] {
            assert!(text.contains(&part), "{part} in {text}");
        }
        assert!(!text.contains(&keys.0[0].1.id.to_string()), "what others follow from stays here");
        assert!(!text.contains(&BASE64.encode(keys.0[0].1.secret.expose())));
    }
}
