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
    #[serde(rename(serialize = "cpix:VideoFilter", deserialize = "VideoFilter"), skip_serializing_if = "Option::is_none")]
    video: Option<VideoFilter>,
    #[serde(rename(serialize = "cpix:AudioFilter", deserialize = "AudioFilter"), skip_serializing_if = "Option::is_none")]
    audio: Option<AudioFilter>,
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

/// A document with the secrets of all `keys` of what is `protected`, for those who may have them, and with what players are told.
#[must_use]
pub fn export(content_id: &str, protected: &Protected, keys: &ContentKeys) -> String {
    let scheme = protected.choice.scheme;
    let data = |key: &ContentKey| {
        let plain = Some(BASE64.encode(key.secret.expose()));
        Some(Data { secret: Value { plain } })
    };
    let name = |id: Uuid| protected.names.iter().find(|name| name.id == id);
    let of_key = |_, key: &ContentKey| {
        let described = |name: &KeyName| protected.systems.iter().map(|system| described(scheme, name, system)).collect();
        name(key.id).map(described).unwrap_or_default()
    };
    write(content_id, scheme, keys, data, of_key)
}

fn write(
    content_id: &str,
    scheme: Scheme,
    keys: &ContentKeys,
    data: impl Fn(&ContentKey) -> Option<Data>,
    systems: impl Fn(KeyUse, &ContentKey) -> Vec<DrmSystem>,
) -> String {
    let key = |(_, key): &(KeyUse, ContentKey)| Key {
        iv: Some(BASE64.encode(key.iv)),
        id: key.id,
        scheme: Some(scheme.name().to_owned()),
        data: data(key),
    };
    let document = Document {
        content_id: content_id.to_owned(),
        version: VERSION.to_owned(),
        cpix: "urn:dashif:org:cpix",
        pskc: "urn:ietf:params:xml:ns:keyprov:pskc",
        keys: KeyList { keys: keys.0.iter().map(key).collect() },
        systems: SystemList { systems: keys.0.iter().flat_map(|(of, key)| systems(*of, key)).collect() },
        rules: RuleList { rules: keys.0.iter().map(|(of, key)| rule(*of, key.id)).collect() },
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

/// Which tracks a key is for (SPEKE v2, encryption contract).
fn rule(of: KeyUse, key_id: Uuid) -> Rule {
    let pixels = |min_pixels, max_pixels| Some(VideoFilter { min_pixels, max_pixels });
    let (video, audio) = match of {
        KeyUse::All => (pixels(None, None), Some(AudioFilter {})),
        KeyUse::Audio => (None, Some(AudioFilter {})),
        KeyUse::Sd => (pixels(None, Some(SD_PIXELS_MAX)), None),
        KeyUse::Hd => (pixels(Some(SD_PIXELS_MAX + 1), Some(HD_PIXELS_MAX)), None),
        KeyUse::Uhd => (pixels(Some(HD_PIXELS_MAX + 1), None), None),
    };
    Rule { key_id, track_type: Some(track_type(of).to_owned()), video, audio }
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
    use marquee_core::{SeededRandom, protection::Choice};

    #[test]
    fn tracks_are_told_apart_by_pixels() {
        let (protected, keys) = Protected::generate(Choice::default(), Vec::new(), &SeededRandom::new(1));
        let text = export("film", &protected, &keys);
        for rule in [
            r#"intendedTrackType="AUDIO"><cpix:AudioFilter/>"#,
            r#"intendedTrackType="SD"><cpix:VideoFilter maxPixels="589824"/>"#,
            r#"intendedTrackType="HD"><cpix:VideoFilter minPixels="589825" maxPixels="2073600"/>"#,
            r#"intendedTrackType="UHD"><cpix:VideoFilter minPixels="2073601"/>"#,
        ] {
            assert!(text.contains(rule), "{rule} in {text}");
        }
    }
}
