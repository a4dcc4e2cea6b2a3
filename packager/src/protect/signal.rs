//! What manifests say of a key: tags of HLS playlists (RFC 8216 section 4.3.2.4) and descriptors of an MPD (ISO/IEC 23009-1 section
//! 5.8.4.1, DASH-IF IOP part 6).

use super::pssh;
use crate::model::{Presentation, Track};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use m3u8_rs::{ExtTag, Key, KeyMethod, MediaSegment, SessionKey};
use marquee_core::protection::{Choice, KeyName, Scheme, System};
use uuid::Uuid;

/// `schemeIdUri` of the descriptor that says how, not by whom (ISO/IEC 23009-1 section 5.8.5.2).
pub(crate) const MP4_PROTECTION: &str = "urn:mpeg:dash:mp4protection:2011";

/// What manifests say of one key to the players of one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The system, see [`super::pssh`].
    pub system: Uuid,
    /// Its `pssh` box.
    pub pssh: Option<Bytes>,
    /// Its tag in HLS playlists.
    pub key: Option<Key>,
    /// The tag that says where the key itself is, for players that have no licences. Those that know both take this one, wherever it is.
    pub address: Option<Key>,
}

/// What the players of all systems are told of the key of segment `number` of `track`; nothing if it is in the clear.
#[must_use]
pub fn of_segment(presentation: &Presentation, track: &Track, number: u32) -> Vec<Signal> {
    let (Some(protected), Some(key)) = (&presentation.protected, presentation.key_of(track, number)) else { return Vec::new() };
    protected.systems.iter().map(|system| signal(system, protected.choice.scheme, &key)).collect()
}

/// The same of all its keys at once, for players of DASH: they are told nothing later.
#[must_use]
pub fn of_track(presentation: &Presentation, track: &Track) -> Vec<Signal> {
    let first = track.segments.first().map_or(1, |first| first.number);
    let signals = of_segment(presentation, track, first);
    let Some(protected) = presentation.protected.as_ref().filter(|protected| protected.choice.rotation_segments.is_some()) else {
        return signals;
    };
    let Choice { scheme, .. } = protected.choice;
    let ids: Vec<_> = periods(presentation, track).into_iter().map(|(_, key)| key.id).collect();
    let of_all = |(system, signal): (&System, Signal)| {
        let pssh = match system {
            System::Widevine { .. } => Some(pssh::widevine(scheme, &ids, &[])),
            System::PlayReady { licence_url } => Some(playready(scheme, &ids, licence_url.as_deref())),
            System::ClearKey { .. } | System::FairPlay { .. } => None,
        };
        Signal { pssh, ..signal }
    };
    std::iter::zip(&protected.systems, signals).map(of_all).collect()
}

/// The first segments of a track's crypto periods, with the keys that hold from there on: one if keys do not change, none in the clear.
fn periods(presentation: &Presentation, track: &Track) -> Vec<(u32, KeyName)> {
    let mut found: Vec<(u32, KeyName)> = Vec::new();
    let mut last = None;
    for segment in &track.segments {
        let period = presentation.protected.as_ref().map(|protected| protected.choice.period_of(segment.number));
        if last.replace(period) != Some(period) {
            found.extend(presentation.key_of(track, segment.number).map(|key| (segment.number, key)));
        }
    }
    found
}

fn playready(scheme: Scheme, ids: &[Uuid], licence_url: Option<&str>) -> Bytes {
    pssh::pssh(pssh::PLAYREADY, &[], &pssh::playready_object(scheme, ids, licence_url))
}

/// What the players of one system are told of a key: what its key server says, and otherwise what follows from that or from its id.
#[must_use]
pub fn signal(system: &System, scheme: Scheme, key: &KeyName) -> Signal {
    let id = pssh::id(system);
    let told = key.told.iter().find(|told| told.system == id);
    let pssh = told.and_then(|told| BASE64.decode(told.pssh.as_ref()?).ok()).map(Bytes::from);
    let signal = usual(system, scheme, key, pssh);
    let tag = told.and_then(|told| read_attributes(told.key.as_ref()?, scheme));
    Signal { key: tag.or(signal.key), ..signal }
}

/// What follows from a key's id, or from the box that its key server gave.
fn usual(system: &System, scheme: Scheme, key: &KeyName, pssh: Option<Bytes>) -> Signal {
    let data = |kind: &str, bytes: &[u8]| format!("data:text/plain;{kind}base64,{}", BASE64.encode(bytes));
    let signal = |pssh, key, address| Signal { system: pssh::id(system), pssh, key, address };
    match system {
        System::ClearKey { key_url } => {
            let address = key_url.as_ref().map(|url| Key {
                iv: Some(format!("0x{}", hex::encode(key.iv))),
                ..key_tag(scheme, format!("{url}{}", key.id.hyphenated()), "identity")
            });
            signal(None, Some(key_tag(scheme, data("", key.id.as_bytes()), "org.w3.clearkey")), address)
        }
        System::Widevine { .. } => {
            let pssh = pssh.unwrap_or_else(|| pssh::widevine(scheme, &[key.id], &[]));
            let key = key_tag(scheme, data("", &pssh), &format!("urn:uuid:{}", pssh::WIDEVINE));
            signal(Some(pssh), Some(key), None)
        }
        System::PlayReady { licence_url } => {
            let pssh = pssh.unwrap_or_else(|| playready(scheme, &[key.id], licence_url.as_deref()));
            let object = pssh::parse(&pssh).map_or(&[][..], |(_, object)| object);
            let key = key_tag(scheme, data("charset=UTF-16;", object), "com.microsoft.playready");
            signal(Some(pssh), Some(key), None)
        }
        System::FairPlay { key_uri } => {
            let key = key_tag(scheme, format!("{key_uri}{}", key.id.hyphenated()), "com.apple.streamingkeydelivery");
            // Apple's players know no other scheme (Apple HLS Authoring Specification A13.11).
            signal(None, (scheme == Scheme::Cbcs).then_some(key), None)
        }
    }
}

/// `EXT-X-KEY`; `EXT-X-SESSION-KEY` says the same.
fn key_tag(scheme: Scheme, uri: String, format: &str) -> Key {
    let (keyformat, keyformatversions) = (Some(format.to_owned()), Some("1".to_owned()));
    Key { method: method(scheme), uri: Some(uri), iv: None, keyformat, keyformatversions }
}

fn method(scheme: Scheme) -> KeyMethod {
    match scheme {
        Scheme::Cbcs => KeyMethod::SampleAES,
        Scheme::Cenc => KeyMethod::Other("SAMPLE-AES-CTR".to_owned()),
    }
}

/// The attributes of a tag for a key, as playlists have them.
pub(super) fn attributes(key: &Key) -> String {
    let mut text = Vec::new();
    key.write_attributes_to(&mut text).expect("writing to memory does not fail");
    String::from_utf8_lossy(&text).into_owned()
}

/// A tag for a key by its attributes, of samples that are encrypted by `scheme`; `None` if it is none, or could be more than one line.
pub(super) fn read_attributes(attributes: &str, scheme: Scheme) -> Option<Key> {
    if attributes.contains(char::is_control) {
        return None;
    }
    let playlist = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-KEY:{attributes}\n#EXTINF:6,\nx\n#EXT-X-ENDLIST\n");
    let read = m3u8_rs::parse_media_playlist_res(playlist.as_bytes()).ok()?;
    let key = read.segments.into_iter().next()?.key.filter(|key| key.uri.is_some())?;
    Some(Key { method: method(scheme), ..key })
}

/// Puts the tags of each key of a playlist of `track` before the first of its `entries` that has it: they hold until the next ones. Entries
/// are with the number of their segment. Where keys themselves are is said if `addresses`.
pub(crate) fn tag<'a>(
    presentation: &Presentation,
    track: &Track,
    entries: impl Iterator<Item = (u32, &'a mut MediaSegment)>,
    addresses: bool,
) {
    let mut keys = periods(presentation, track).into_iter().peekable();
    for (number, entry) in entries {
        let mut begun = None;
        while let Some((first, _)) = keys.next_if(|(first, _)| *first <= number) {
            begun = Some(first);
        }
        if let Some(first) = begun {
            tag_segment(entry, &of_segment(presentation, track, first), addresses);
        }
    }
}

/// The crate has a place for one key of a segment; the others are tags beside it.
fn tag_segment(first: &mut MediaSegment, signals: &[Signal], addresses: bool) {
    let by_address = signals.iter().filter_map(|signal| signal.address.clone().filter(|_| addresses));
    let mut keys = by_address.chain(signals.iter().filter_map(|signal| signal.key.clone()));
    first.key = keys.next();
    first.unknown_tags.extend(keys.map(|key| ExtTag { tag: "X-KEY".to_owned(), rest: Some(attributes(&key)) }));
}

/// The first keys of all tracks for a multivariant playlist, each once: players may ask for licences before they read any other (RFC 8216
/// section 4.3.4.5).
#[must_use]
pub fn session_keys(presentation: &Presentation) -> Vec<SessionKey> {
    let mut keys: Vec<Key> = Vec::new();
    let first = |track: &Track| track.segments.first().map_or(1, |first| first.number);
    let signals = presentation.tracks.iter().flat_map(|track| of_segment(presentation, track, first(track)));
    for key in signals.filter_map(|signal| signal.key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.into_iter().map(SessionKey).collect()
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
    use marquee_core::protection::{KeyUse, Told};
    use uuid::uuid;

    const KEY_ID: Uuid = uuid!("00112233-4455-6677-8899-aabbccddeeff");

    fn systems() -> Vec<System> {
        let url = || Some("https://keys.example/licence".to_owned());
        let clear = System::ClearKey { key_url: Some("../keys/".to_owned()) };
        let others = [System::Widevine { licence_url: url() }, System::PlayReady { licence_url: None }];
        let apple = System::FairPlay { key_uri: "skd://".to_owned() };
        [clear].into_iter().chain(others).chain([apple]).collect()
    }

    fn key() -> KeyName {
        KeyName { of: KeyUse::All, id: KEY_ID, iv: [0xab; 16], told: Vec::new() }
    }

    fn signals(scheme: Scheme) -> Vec<Signal> {
        systems().iter().map(|system| signal(system, scheme, &key())).collect()
    }

    #[test]
    fn playlists_name_the_key_in_the_format_of_each_system() {
        let lines = |scheme| {
            let signals = signals(scheme);
            signals.iter().flat_map(|signal| signal.address.iter().chain(&signal.key)).map(attributes).collect::<Vec<_>>()
        };
        let all = lines(Scheme::Cbcs);
        let iv = "ab".repeat(16);
        let id = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(
            all[0],
            format!("METHOD=SAMPLE-AES,URI=\"../keys/{id}\",IV=0x{iv},KEYFORMAT=\"identity\",KEYFORMATVERSIONS=\"1\"")
        );
        let data = "data:text/plain;base64,";
        let widevine = BASE64.encode(pssh::widevine(Scheme::Cbcs, &[KEY_ID], &[]));
        for (line, uri, format) in [
            (&all[1], format!("{data}ABEiM0RVZneImaq7zN3u/w=="), "org.w3.clearkey"),
            (&all[2], format!("{data}{widevine}"), "urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"),
            (&all[4], format!("skd://{id}"), "com.apple.streamingkeydelivery"),
        ] {
            assert_eq!(*line, format!("METHOD=SAMPLE-AES,URI=\"{uri}\",KEYFORMAT=\"{format}\",KEYFORMATVERSIONS=\"1\""));
        }
        assert!(
            all[3].contains("URI=\"data:text/plain;charset=UTF-16;base64,") && all[3].contains("\"com.microsoft.playready\"")
        );
        let all = lines(Scheme::Cenc);
        assert_eq!(all.len(), 4, "Apple's players do not know it");
        assert!(all.iter().all(|line| line.starts_with("METHOD=SAMPLE-AES-CTR,")));
    }

    #[test]
    fn what_a_key_server_says_takes_the_place_of_what_we_would() {
        let theirs = pssh::widevine(Scheme::Cbcs, &[KEY_ID], b"content");
        let tag = "METHOD=SAMPLE-AES,URI=\"skd://theirs\",KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1\"";
        let told = vec![
            Told { system: pssh::WIDEVINE, pssh: Some(BASE64.encode(&theirs)), key: None },
            Told { system: pssh::FAIRPLAY, pssh: None, key: Some(tag.to_owned()) },
        ];
        let key = KeyName { told, ..key() };
        let says = |scheme| systems().iter().map(|system| signal(system, scheme, &key)).collect::<Vec<_>>();
        let (usual, told) = (signals(Scheme::Cbcs), says(Scheme::Cbcs));
        assert_eq!((&told[0], &told[2]), (&usual[0], &usual[2]));
        assert_eq!(told[1].pssh.as_ref(), Some(&theirs));
        let uri = format!("data:text/plain;base64,{}", BASE64.encode(&theirs));
        assert_eq!(told[1].key.as_ref().unwrap().uri, Some(uri), "players of HLS are told the same");
        assert_eq!(told[3].key.as_ref().map(attributes).as_deref(), Some(tag));
        // Whatever it says of how samples are encrypted, we know that.
        let other = Told { key: Some(tag.replace("AES", "AES-CTR")), ..key.told[1].clone() };
        let key = KeyName { told: vec![other], ..key };
        assert_eq!(signal(&systems()[3], Scheme::Cbcs, &key).key.as_ref().map(attributes).as_deref(), Some(tag));
    }

    #[test]
    fn attributes_are_one_line_or_none() {
        for none in ["", "METHOD=NONE", "x", "METHOD=SAMPLE-AES,URI=\"a\n#EXT-X-ENDLIST\"", "METHOD=SAMPLE-AES,URI=\"a\r\""] {
            assert_eq!(read_attributes(none, Scheme::Cbcs), None, "{none}");
        }
    }

    #[test]
    fn all_tags_come_before_the_first_segment() {
        for (addresses, expected) in [(false, 4), (true, 5)] {
            tagged(addresses, expected);
        }
    }

    fn tagged(addresses: bool, expected: usize) {
        let mut segments = [(); 2].map(|()| MediaSegment { uri: "a.m4s".to_owned(), duration: 6.0, ..MediaSegment::default() });
        tag_segment(&mut segments[0], &signals(Scheme::Cbcs), addresses);
        let playlist = m3u8_rs::MediaPlaylist { target_duration: 6, segments: segments.into(), ..Default::default() };
        let mut text = Vec::new();
        playlist.write_to(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let (before, _) = text.split_once("a.m4s").unwrap();
        assert_eq!(
            (before.matches("#EXT-X-KEY:METHOD=SAMPLE-AES,").count(), text.matches("#EXT-X-KEY:").count()),
            (expected, expected),
            "{text}"
        );
        assert!(!text.contains("##") && m3u8_rs::parse_media_playlist_res(text.as_bytes()).is_ok(), "{text}");
    }

    #[test]
    fn an_mpd_names_scheme_key_and_systems() {
        let all = content_protections(Scheme::Cbcs, KEY_ID, &signals(Scheme::Cbcs));
        let how = ContentProtection {
            scheme_id_uri: "urn:mpeg:dash:mp4protection:2011".to_owned(),
            value: Some("cbcs".to_owned()),
            default_kid: Some("00112233-4455-6677-8899-aabbccddeeff".to_owned()),
            ..ContentProtection::default()
        };
        let clear = ContentProtection {
            scheme_id_uri: "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e".to_owned(),
            value: Some("ClearKey1.0".to_owned()),
            ..ContentProtection::default()
        };
        assert_eq!(all[..2], [how, clear]);
        let [_, _, widevine, playready] = &all[..] else { panic!("no descriptor of Apple's: {all:?}") };
        let pssh = |of: &ContentProtection| BASE64.decode(of.pssh.as_ref().unwrap()).unwrap();
        assert_eq!(pssh(widevine), pssh::widevine(Scheme::Cbcs, &[KEY_ID], &[]));
        let object = BASE64.decode(playready.playready_object.as_ref().unwrap()).unwrap();
        assert_eq!(pssh::parse(&pssh(playready)).unwrap(), (pssh::PLAYREADY, &object[..]));
    }
}
