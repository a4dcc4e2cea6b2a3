//! CPIX documents (DASH-IF Content Protection Information Exchange Format 2.3): keys for those who package or license, and what is asked of
//! a key server that speaks SPEKE v2, and answered by it.

use super::{
    pssh,
    signal::{self, Signal},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use marquee_core::{
    Error, ErrorKind, Result,
    protection::{ContentKey, ContentKeys, HD_PIXELS_MAX, KEY_BYTES, KeyName, KeyUse, SD_PIXELS_MAX, Scheme, Secret, System},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of an answer at most.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
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

/// A document with the secrets of all keys, for those who may have them, and with what players of `systems` are told.
#[must_use]
pub fn export(content_id: &str, scheme: Scheme, keys: &ContentKeys, systems: &[System]) -> String {
    let data = |key: &ContentKey| {
        let plain = Some(BASE64.encode(key.secret.expose()));
        Some(Data { secret: Value { plain } })
    };
    let of_key = |of, key: &ContentKey| systems.iter().map(|system| described(scheme, &name(of, key), system)).collect();
    write(content_id, scheme, keys, data, of_key)
}

/// A SPEKE v2 request: the keys' ids, vectors and uses; the server has the secrets and says what players of `systems` (ids of
/// [`super::pssh`]) are told.
#[must_use]
pub fn request(content_id: &str, scheme: Scheme, keys: &ContentKeys, systems: &[Uuid]) -> String {
    let wanted = |_, key: &ContentKey| {
        let playlists = ["media", "master"].map(|playlist| HlsData { playlist: Some(playlist.to_owned()), data: String::new() });
        let of_system = |system: &Uuid| {
            let hls = if *system == pssh::CLEAR_KEY { Vec::new() } else { Vec::from(playlists.clone()) };
            DrmSystem { key_id: key.id, system: *system, pssh: (*system != pssh::FAIRPLAY).then(String::new), hls }
        };
        systems.iter().map(of_system).collect()
    };
    write(content_id, scheme, keys, |_| None, wanted)
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

fn name(of: KeyUse, key: &ContentKey) -> KeyName {
    KeyName { of, id: key.id, iv: key.iv }
}

fn described(scheme: Scheme, key: &KeyName, system: &System) -> DrmSystem {
    let signal = signal::signal(system, scheme, key);
    let hls = |key: &m3u8_rs::Key| -> Vec<HlsData> {
        let line = |tag: &str| {
            let mut line = format!("#{tag}:").into_bytes();
            key.write_attributes_to(&mut line).expect("writing to memory does not fail");
            BASE64.encode(line)
        };
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
    let (name, video, audio) = match of {
        KeyUse::All => ("ALL", pixels(None, None), Some(AudioFilter {})),
        KeyUse::Audio => ("AUDIO", None, Some(AudioFilter {})),
        KeyUse::Sd => ("SD", pixels(None, Some(SD_PIXELS_MAX)), None),
        KeyUse::Hd => ("HD", pixels(Some(SD_PIXELS_MAX + 1), Some(HD_PIXELS_MAX)), None),
        KeyUse::Uhd => ("UHD", pixels(Some(HD_PIXELS_MAX + 1), None), None),
    };
    Rule { key_id, track_type: Some(name.to_owned()), video, audio }
}

/// What a key server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The keys that were asked for, with the server's secrets and vectors.
    pub keys: ContentKeys,
    /// What manifests say of each key, by its id.
    pub signals: Vec<(Uuid, Signal)>,
}

/// Reads the answer to a [`request`] for `asked` keys.
///
/// # Errors
/// `key_server_answer` if it is no CPIX document, lacks a secret that was asked for or has it encrypted, is for another scheme, or says
/// what is no `pssh` box or tag.
pub fn answer(xml: &[u8], scheme: Scheme, asked: &ContentKeys) -> Result<Answer> {
    if xml.len() > ANSWER_BYTES_MAX {
        return Err(wrong("is too long"));
    }
    let text = std::str::from_utf8(xml).map_err(|_| wrong("is not UTF-8"))?;
    // What a reader of XML complains about could quote a secret.
    let document: Document = quick_xml::de::from_str(text).map_err(|_| wrong("is no CPIX document"))?;
    let mut keys = asked.clone();
    for (_, key) in &mut keys.0 {
        let given =
            document.keys.keys.iter().find(|given| given.id == key.id).ok_or_else(|| wrong("lacks a key that was asked for"))?;
        if given.scheme.as_ref().is_some_and(|given| given != scheme.name()) {
            return Err(wrong("is for another scheme"));
        }
        let plain = given.data.as_ref().and_then(|data| data.secret.plain.as_ref());
        let plain =
            plain.ok_or_else(|| wrong("has no key in the clear, which is asked for over a line that is encrypted itself"))?;
        key.secret = Secret::new(sixteen(plain).ok_or_else(|| wrong("has a key that is not of 16 bytes"))?);
        if let Some(iv) = &given.iv {
            key.iv = sixteen(iv).ok_or_else(|| wrong("has a vector that is not of 16 bytes"))?;
        }
    }
    let signals = document.systems.systems.iter().filter(|system| asked.find(system.key_id).is_some()).map(signal);
    Ok(Answer { keys, signals: signals.collect::<Result<_>>()? })
}

fn wrong(what: &str) -> Error {
    let message = format!("what the key server answered {what}: look at its settings");
    Error::new(ErrorKind::Invalid, "key_server_answer", message)
}

fn sixteen(base64: &str) -> Option<[u8; KEY_BYTES]> {
    BASE64.decode(base64.trim()).ok()?.try_into().ok()
}

fn signal(system: &DrmSystem) -> Result<(Uuid, Signal)> {
    let decoded = |text: &str| BASE64.decode(text.trim()).map_err(|_| wrong("has data that is not in base64"));
    let box_of = |text: &&String| !text.trim().is_empty();
    let pssh = system.pssh.as_ref().filter(box_of).map(|text| decoded(text)).transpose()?;
    if pssh.as_ref().is_some_and(|bytes| !pssh::parse(bytes).is_ok_and(|(of, _)| of == system.system)) {
        return Err(wrong("has a pssh box that is none, or of another system"));
    }
    let media = system.hls.iter().find(|hls| hls.playlist.as_deref() != Some("master") && !hls.data.trim().is_empty());
    let key = media.map(|hls| decoded(&hls.data).and_then(|lines| tag(&lines))).transpose()?;
    Ok((system.key_id, Signal { system: system.system, pssh: pssh.map(Into::into), key, address: None }))
}

/// The first tag for a key in lines of a playlist.
fn tag(lines: &[u8]) -> Result<m3u8_rs::Key> {
    let playlist = [b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n", lines, b"\n#EXTINF:6,\nx\n#EXT-X-ENDLIST\n"].concat();
    let read = m3u8_rs::parse_media_playlist_res(&playlist).ok();
    read.and_then(|playlist| playlist.segments.into_iter().find_map(|segment| segment.key))
        .ok_or_else(|| wrong("has no tag of HLS"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{SeededRandom, protection::KeyPolicy};

    fn keys(policy: KeyPolicy) -> ContentKeys {
        ContentKeys::generate(policy, &SeededRandom::new(1))
    }

    fn systems() -> [System; 3] {
        let licence_url = None;
        let key_uri = "skd://".to_owned();
        [System::Widevine { licence_url: licence_url.clone() }, System::PlayReady { licence_url }, System::FairPlay { key_uri }]
    }

    #[test]
    fn a_request_names_keys_and_their_tracks_but_no_secret() {
        let keys = keys(KeyPolicy::PerTitle);
        let (_, key) = &keys.0[0];
        let (id, iv) = (key.id, BASE64.encode(key.iv));
        let expected = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<cpix:CPIX contentId="a &lt;film&gt;" version="2.3" xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc"><cpix:ContentKeyList><cpix:ContentKey explicitIV="{iv}" kid="{id}" commonEncryptionScheme="cbcs"/></cpix:ContentKeyList><cpix:DRMSystemList><cpix:DRMSystem kid="{id}" systemId="{}"><cpix:PSSH/><cpix:HLSSignalingData playlist="media"/><cpix:HLSSignalingData playlist="master"/></cpix:DRMSystem></cpix:DRMSystemList><cpix:ContentKeyUsageRuleList><cpix:ContentKeyUsageRule kid="{id}" intendedTrackType="ALL"><cpix:VideoFilter/><cpix:AudioFilter/></cpix:ContentKeyUsageRule></cpix:ContentKeyUsageRuleList></cpix:CPIX>
"#,
            pssh::WIDEVINE
        );
        assert_eq!(request("a <film>", Scheme::Cbcs, &keys, &[pssh::WIDEVINE]), expected);
    }

    #[test]
    fn tracks_are_told_apart_by_pixels() {
        let text = request("film", Scheme::Cenc, &keys(KeyPolicy::PerTrackType), &[]);
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
    fn an_exported_document_reads_back_as_an_answer() {
        let keys = keys(KeyPolicy::PerTrackType);
        let document = export("film", Scheme::Cbcs, &keys, &systems());
        let mut asked = keys.clone();
        for (_, key) in &mut asked.0 {
            (key.secret, key.iv) = (Secret::new([0; 16]), [0; 16]);
        }
        let answer = answer(document.as_bytes(), Scheme::Cbcs, &asked).unwrap();
        assert_eq!(answer.keys, keys);
        let expected: Vec<_> = keys
            .0
            .iter()
            .flat_map(|(of, key)| systems().map(|system| (key.id, signal::signal(&system, Scheme::Cbcs, &name(*of, key)))))
            .collect();
        assert_eq!(answer.signals, expected);
    }

    /// As a server writes it that has prefixes and an order of its own, and says more than was asked for.
    const FOREIGN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CPIX xmlns="urn:dashif:org:cpix" xmlns:p="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="x" contentId="film" version="2.3">
  <!-- keys -->
  <DeliveryDataList/>
  <ContentKeyList>
    <ContentKey commonEncryptionScheme="cbcs" kid="98EE5596-CD3E-A20D-163A-E382420C6EFF" explicitIV="OFj2IjCsPJFfMAxmQxLGPw==">
      <Data><p:Secret><p:PlainValue>
        5dGAgwGuUYu4dHeHtNlxJw==
      </p:PlainValue></p:Secret></Data>
    </ContentKey>
    <ContentKey kid="00000000-cd3e-a20d-163a-e382420c6eff"/>
  </ContentKeyList>
  <DRMSystemList>
    <DRMSystem kid="98ee5596-cd3e-a20d-163a-e382420c6eff" systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2" name="x">
      <HLSSignalingData playlist="master">I0VYVC1YLVNFU1NJT04tS0VZOk1FVEhPRD1TQU1QTEUtQUVT</HLSSignalingData>
      <HLSSignalingData playlist="media">HLS</HLSSignalingData>
      <ContentProtectionData>PHg+</ContentProtectionData>
    </DRMSystem>
  </DRMSystemList>
</CPIX>"#;

    fn foreign() -> (String, ContentKeys) {
        let line = "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://film\",KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1\"";
        let mut keys = keys(KeyPolicy::PerTitle);
        keys.0[0].1.id = uuid::uuid!("98ee5596-cd3e-a20d-163a-e382420c6eff");
        (FOREIGN.replace(">HLS<", &format!(">{}<", BASE64.encode(line))), keys)
    }

    #[test]
    fn an_answer_is_read_however_it_is_written() {
        let (xml, asked) = foreign();
        let answer = answer(xml.as_bytes(), Scheme::Cbcs, &asked).unwrap();
        let (_, key) = &answer.keys.0[0];
        assert_eq!(hex::encode(key.secret.expose()), "e5d1808301ae518bb8747787b4d97127");
        assert_eq!(hex::encode(key.iv), "3858f62230ac3c915f300c664312c63f");
        let [(id, signal)] = &answer.signals[..] else { panic!("{:?}", answer.signals) };
        assert_eq!((*id, signal.system), (key.id, pssh::FAIRPLAY));
        assert_eq!(signal.key.as_ref().unwrap().uri.as_deref(), Some("skd://film"));
    }

    #[test]
    fn answers_that_are_none_are_refused_and_never_quoted() {
        let (xml, asked) = foreign();
        let secret = "5dGAgwGuUYu4dHeHtNlxJw==";
        let encrypted = xml.replace("PlainValue", "EncryptedValue");
        let bad = [
            (String::new(), "no CPIX"),
            ("<CPIX><ContentKeyList>".to_owned(), "no CPIX"),
            (xml.replace("98EE5596-CD3E", "98EE5596-CD3F"), "lacks a key"),
            (xml.replace("\"cbcs\"", "\"cenc\""), "another scheme"),
            (encrypted, "no key in the clear"),
            (xml.replace(secret, "5dGAgwGuUYu4dHeHtNlx"), "16 bytes"),
            (xml.replace(secret, "5dGAgwGuUYu4dHeHtNlxJ&w=="), "no CPIX"),
            (xml.replace("OFj2IjCsPJFfMAxmQxLGPw==", "OFj2"), "vector"),
            (xml.replace("<ContentProtectionData>", "<PSSH>AAAA</PSSH><ContentProtectionData>"), "pssh"),
            (xml.replace("playlist=\"media\">", "playlist=\"media\">!"), "base64"),
            (xml.replace("playlist=\"master\"", ""), "no tag"),
            (format!("{xml}{}", " ".repeat(ANSWER_BYTES_MAX)), "too long"),
        ];
        for (xml, why) in bad {
            let error = answer(xml.as_bytes(), Scheme::Cbcs, &asked).unwrap_err();
            assert!(error.code() == "key_server_answer" && error.message().contains(why), "{why}: {error:?}");
            assert!(!format!("{error:?}").contains("5dGAgw"), "{error:?}");
        }
        assert!(answer(&[0xff, 0xfe], Scheme::Cbcs, &asked).is_err());
        // Entities that grow are not followed.
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>"#;
        assert!(
            answer(xml.replace(secret, "&b;").replacen("<CPIX", &format!("{bomb}<CPIX"), 1).as_bytes(), Scheme::Cbcs, &asked)
                .is_err()
        );
    }
}
