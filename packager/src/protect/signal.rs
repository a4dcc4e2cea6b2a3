//! What manifests say of a key: tags of HLS playlists (RFC 8216 section 4.3.2.4) and descriptors of an MPD (ISO/IEC 23009-1 section
//! 5.8.4.1, DASH-IF IOP part 6).

use super::pssh;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use m3u8_rs::{ExtTag, Key, KeyMethod, MediaSegment};
use marquee_core::protection::{KEY_BYTES, Scheme};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `schemeIdUri` of the descriptor that says how, not by whom (ISO/IEC 23009-1 section 5.8.5.2).
const MP4_PROTECTION: &str = "urn:mpeg:dash:mp4protection:2011";

/// A licence system that a title can be played with, as an installation has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum System {
    /// W3C Clear Key: every browser has it.
    ClearKey {
        /// Where licences are asked for, see [`super::clear_key`].
        licence_url: String,
        /// What comes before a key's id in the address of its sixteen bytes, for players that have no licences (`KEYFORMAT` identity).
        /// These take it first, wherever it is.
        key_url: Option<String>,
    },
    /// Google Widevine.
    Widevine {
        /// Where licences are asked for; `None` if players are told otherwise.
        licence_url: Option<String>,
    },
    /// Microsoft PlayReady.
    PlayReady {
        /// Where licences are asked for; `None` if players are told otherwise.
        licence_url: Option<String>,
    },
    /// Apple FairPlay Streaming.
    FairPlay {
        /// What comes before a key's id, `skd://` as a rule.
        key_uri: String,
    },
}

/// What manifests say of one key to the players of one system. Key servers may give it instead ([`super::cpix`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The system, see [`super::pssh`].
    pub system: Uuid,
    /// Its `pssh` box.
    pub pssh: Option<Bytes>,
    /// Where its licences are asked for.
    pub licence_url: Option<String>,
    /// Its tag in HLS playlists.
    pub key: Option<Key>,
}

impl System {
    /// What its players are told of a key.
    #[must_use]
    pub fn signal(&self, scheme: Scheme, key_id: Uuid, iv: &[u8; KEY_BYTES]) -> Signal {
        let tag = |uri: String, format: &str| Some(tag(scheme, uri, format));
        let data = |kind: &str, bytes: &[u8]| format!("data:text/plain;{kind}base64,{}", BASE64.encode(bytes));
        match self {
            Self::ClearKey { licence_url, key_url: Some(url) } => {
                let iv = format!("0x{}", hex::encode(iv));
                let key = Key { iv: Some(iv), ..self::tag(scheme, format!("{url}{}", key_id.hyphenated()), "identity") };
                Signal { system: pssh::CLEAR_KEY, pssh: None, licence_url: Some(licence_url.clone()), key: Some(key) }
            }
            Self::ClearKey { licence_url, key_url: None } => Signal {
                system: pssh::CLEAR_KEY,
                pssh: None,
                licence_url: Some(licence_url.clone()),
                key: tag(data("", key_id.as_bytes()), "org.w3.clearkey"),
            },
            Self::Widevine { licence_url } => {
                let pssh = pssh::widevine(scheme, &[key_id], &[]);
                let key = tag(data("", &pssh), &format!("urn:uuid:{}", pssh::WIDEVINE));
                Signal { system: pssh::WIDEVINE, pssh: Some(pssh), licence_url: licence_url.clone(), key }
            }
            Self::PlayReady { licence_url } => {
                let object = pssh::playready_object(scheme, &[key_id], licence_url.as_deref());
                let pssh = Some(pssh::pssh(pssh::PLAYREADY, &[], &object));
                let key = tag(data("charset=UTF-16;", &object), "com.microsoft.playready");
                Signal { system: pssh::PLAYREADY, pssh, licence_url: licence_url.clone(), key }
            }
            Self::FairPlay { key_uri } => {
                let key = tag(format!("{key_uri}{}", key_id.hyphenated()), "com.apple.streamingkeydelivery");
                // Apple's players know no other scheme (Apple HLS Authoring Specification A13.11).
                Signal { system: pssh::FAIRPLAY, pssh: None, licence_url: None, key: key.filter(|_| scheme == Scheme::Cbcs) }
            }
        }
    }
}

/// `EXT-X-KEY`; `EXT-X-SESSION-KEY` says the same.
fn tag(scheme: Scheme, uri: String, format: &str) -> Key {
    Key {
        method: match scheme {
            Scheme::Cbcs => KeyMethod::SampleAES,
            Scheme::Cenc => KeyMethod::Other("SAMPLE-AES-CTR".to_owned()),
        },
        uri: Some(uri),
        iv: None,
        keyformat: Some(format.to_owned()),
        keyformatversions: Some("1".to_owned()),
    }
}

/// Puts the tags of a key before the first segment of a playlist: they hold for all that follow. The crate has a place for one; the others
/// are tags beside it.
pub fn tag_segment(first: &mut MediaSegment, signals: &[Signal]) {
    let mut keys = signals.iter().filter_map(|signal| signal.key.clone());
    first.key = keys.next();
    first.unknown_tags.extend(keys.map(|key| {
        let mut attributes = Vec::new();
        key.write_attributes_to(&mut attributes).expect("writing to memory does not fail");
        ExtTag { tag: "X-KEY".to_owned(), rest: Some(String::from_utf8_lossy(&attributes).into_owned()) }
    }));
}

/// A `ContentProtection` descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentProtection {
    /// `@schemeIdUri`.
    pub scheme_id_uri: String,
    /// `@value`.
    pub value: Option<String>,
    /// `@cenc:default_KID`, in lower case.
    pub default_kid: Option<String>,
    /// `cenc:pssh`, in base64.
    pub pssh: Option<String>,
    /// `dashif:Laurl` (namespace `https://dashif.org/CPS`).
    pub licence_url: Option<String>,
    /// `mspr:pro` (namespace `urn:microsoft:playready`), in base64.
    pub playready_object: Option<String>,
}

/// The descriptors of an adaptation set: how it is protected, and one for each system that has players of DASH.
#[must_use]
pub fn content_protections(scheme: Scheme, key_id: Uuid, signals: &[Signal]) -> Vec<ContentProtection> {
    let how = ContentProtection {
        scheme_id_uri: MP4_PROTECTION.to_owned(),
        value: Some(scheme.name().to_owned()),
        default_kid: Some(key_id.hyphenated().to_string()),
        ..ContentProtection::default()
    };
    let of_system = |signal: &Signal| {
        let playready = signal.pssh.as_ref().filter(|_| signal.system == pssh::PLAYREADY).and_then(|pssh| pssh::parse(pssh).ok());
        ContentProtection {
            scheme_id_uri: format!("urn:uuid:{}", signal.system.hyphenated()),
            value: system_name(signal.system).map(str::to_owned),
            default_kid: None,
            pssh: signal.pssh.as_ref().map(|pssh| BASE64.encode(pssh)),
            licence_url: signal.licence_url.clone(),
            playready_object: playready.map(|(_, object)| BASE64.encode(object)),
        }
    };
    std::iter::once(how).chain(signals.iter().filter(|signal| signal.system != pssh::FAIRPLAY).map(of_system)).collect()
}

/// `@value` of a system's descriptor, for people.
fn system_name(system: Uuid) -> Option<&'static str> {
    [(pssh::CLEAR_KEY, "ClearKey1.0"), (pssh::WIDEVINE, "Widevine"), (pssh::PLAYREADY, "MSPR 2.0")]
        .into_iter()
        .find_map(|(id, name)| (id == system).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::uuid;

    const KEY_ID: Uuid = uuid!("00112233-4455-6677-8899-aabbccddeeff");

    fn systems() -> Vec<System> {
        let url = || Some("https://keys.example/licence".to_owned());
        let clear = |key_url: Option<&str>| System::ClearKey {
            licence_url: "https://example/licence".to_owned(),
            key_url: key_url.map(str::to_owned),
        };
        let others = [System::Widevine { licence_url: url() }, System::PlayReady { licence_url: None }];
        let apple = System::FairPlay { key_uri: "skd://".to_owned() };
        [clear(Some("https://example/keys/")), clear(None)].into_iter().chain(others).chain([apple]).collect()
    }

    fn signals(scheme: Scheme) -> Vec<Signal> {
        systems().iter().map(|system| system.signal(scheme, KEY_ID, &[0xab; 16])).collect()
    }

    #[test]
    fn playlists_name_the_key_in_the_format_of_each_system() {
        let line = |signal: &Signal| {
            let mut text = Vec::new();
            signal.key.as_ref()?.write_attributes_to(&mut text).unwrap();
            String::from_utf8(text).ok()
        };
        let lines: Vec<_> = signals(Scheme::Cbcs).iter().filter_map(line).collect();
        let iv = "ab".repeat(16);
        let id = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(
            lines[0],
            format!(
                "METHOD=SAMPLE-AES,URI=\"https://example/keys/{id}\",IV=0x{iv},KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1\""
            )
        );
        let data = "data:text/plain;base64,";
        let widevine = BASE64.encode(pssh::widevine(Scheme::Cbcs, &[KEY_ID], &[]));
        for (line, uri, format) in [
            (&lines[1], format!("{data}ABEiM0RVZneImaq7zN3u/w=="), "org.w3.clearkey"),
            (&lines[2], format!("{data}{widevine}"), "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"),
            (&lines[4], format!("skd://{id}"), "com.apple.streamingkeydelivery"),
        ] {
            assert_eq!(*line, format!("METHOD=SAMPLE-AES,URI=\"{uri}\",KEYFORMAT=\"{format}\",KEYFORMATVERSIONS=\"1\""));
        }
        assert!(
            lines[3].contains("URI=\"data:text/plain;charset=UTF-16;base64,") && lines[3].contains("\"com.microsoft.playready\"")
        );
        let lines: Vec<_> = signals(Scheme::Cenc).iter().filter_map(line).collect();
        assert_eq!(lines.len(), 4, "Apple's players do not know it");
        assert!(lines.iter().all(|line| line.starts_with("METHOD=SAMPLE-AES-CTR,")));
    }

    #[test]
    fn all_tags_come_before_the_first_segment() {
        let mut segments = [(); 2].map(|()| MediaSegment { uri: "a.m4s".to_owned(), duration: 6.0, ..MediaSegment::default() });
        tag_segment(&mut segments[0], &signals(Scheme::Cbcs)[1..]);
        let playlist = m3u8_rs::MediaPlaylist { target_duration: 6, segments: segments.into(), ..Default::default() };
        let mut text = Vec::new();
        playlist.write_to(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let (before, _) = text.split_once("a.m4s").unwrap();
        assert_eq!(
            (before.matches("#EXT-X-KEY:METHOD=SAMPLE-AES,").count(), text.matches("#EXT-X-KEY:").count()),
            (4, 4),
            "{text}"
        );
        assert!(!text.contains("##") && m3u8_rs::parse_media_playlist_res(text.as_bytes()).is_ok(), "{text}");
    }

    #[test]
    fn an_mpd_names_scheme_key_and_systems() {
        let all = content_protections(Scheme::Cbcs, KEY_ID, &signals(Scheme::Cbcs)[1..]);
        let how = ContentProtection {
            scheme_id_uri: "urn:mpeg:dash:mp4protection:2011".to_owned(),
            value: Some("cbcs".to_owned()),
            default_kid: Some("00112233-4455-6677-8899-aabbccddeeff".to_owned()),
            ..ContentProtection::default()
        };
        let clear = ContentProtection {
            scheme_id_uri: "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e".to_owned(),
            value: Some("ClearKey1.0".to_owned()),
            licence_url: Some("https://example/licence".to_owned()),
            ..ContentProtection::default()
        };
        assert_eq!(all[..2], [how, clear]);
        let [_, _, widevine, playready] = &all[..] else { panic!("no descriptor of Apple's: {all:?}") };
        let pssh = |of: &ContentProtection| BASE64.decode(of.pssh.as_ref().unwrap()).unwrap();
        assert_eq!(pssh(widevine), pssh::widevine(Scheme::Cbcs, &[KEY_ID], &[]));
        assert_eq!(widevine.licence_url.as_deref(), Some("https://keys.example/licence"));
        let object = BASE64.decode(playready.playready_object.as_ref().unwrap()).unwrap();
        assert_eq!(pssh::parse(&pssh(playready)).unwrap(), (pssh::PLAYREADY, &object[..]));
    }
}
