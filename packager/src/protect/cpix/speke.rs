//! What is asked of a key server that speaks SPEKE v2 (Secure Packager and Encoder Key Exchange, API specification v2.0), and answered by
//! it.

use super::{Document, DrmSystem, HlsData, Key, track_type, write};
use crate::protect::{
    pssh,
    signal::{attributes, read_attributes},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use marquee_core::{
    Error, ErrorKind, Result,
    protection::{ContentKey, ContentKeys, KEY_BYTES, KeyName, KeyUse, Scheme, Secret, System, Told},
};
use std::collections::HashSet;
use uuid::Uuid;

/// Systems that a title of `scheme` is played with, whose players a key server knows what to tell.
fn licensed(systems: &[System], scheme: Scheme) -> impl Iterator<Item = Uuid> {
    // Apple's players know one scheme (Apple HLS Authoring Specification A13.11); Clear Key needs no server of others.
    let is_licensed = move |id: &Uuid| *id != pssh::CLEAR_KEY && (*id != pssh::FAIRPLAY || scheme == Scheme::Cbcs);
    systems.iter().map(pssh::id).filter(is_licensed)
}

/// A request: the keys' ids, vectors and uses; the server has the secrets and says what players of `systems` are told.
#[must_use]
pub fn request(content_id: &str, scheme: Scheme, keys: &ContentKeys, systems: &[System]) -> String {
    let wanted = |_, key: &ContentKey| {
        let playlists = ["media", "master"].map(|playlist| HlsData { playlist: Some(playlist.to_owned()), data: String::new() });
        let of_system = |system: Uuid| DrmSystem {
            key_id: key.id,
            system,
            pssh: (system != pssh::FAIRPLAY).then(String::new),
            hls: playlists.to_vec(),
        };
        licensed(systems, scheme).map(of_system).collect()
    };
    write(content_id, scheme, (keys, &|_| None), |_| None, wanted)
}

/// Reads the answer to a [`request`] for `asked` keys: what is no secret of them, and all of them. The server may have given them other
/// ids (SPEKE v2, "Overriding the key identifier"): then they are known by the tracks that they are for.
///
/// # Errors
/// `key_server_answer` if it is no CPIX document, lacks a secret that was asked for or has it encrypted, is for another scheme, has one key
/// for what are to be several, or says what is no `pssh` box or tag.
pub fn answer(xml: &[u8], scheme: Scheme, asked: &ContentKeys, systems: &[System]) -> Result<(Vec<KeyName>, ContentKeys)> {
    let text = std::str::from_utf8(xml).map_err(|_| wrong("is not UTF-8"))?;
    // What a reader of XML complains about could quote a secret.
    let document: Document = quick_xml::de::from_str(text).map_err(|_| wrong("is no CPIX document"))?;
    let (mut names, mut keys) = (Vec::new(), ContentKeys::default());
    for (of, key) in &asked.0 {
        let given = given(&document, *of, key.id).ok_or_else(|| wrong("lacks a key that was asked for"))?;
        let key = content_key(given, scheme, key.iv)?;
        let told = licensed(systems, scheme).map(|system| told(&document, system, scheme, key.id));
        names.push(KeyName { told: told.collect::<Result<_>>()?, ..KeyName::new(*of, &key) });
        keys.0.push((*of, key));
    }
    if keys.0.iter().map(|(_, key)| key.id).collect::<HashSet<_>>().len() < keys.0.len() {
        return Err(wrong("has one key for several kinds of tracks, which keys = \"per_title\" asks for"));
    }
    Ok((names, keys))
}

/// The key that was asked for by `id`, or the one that is for the same tracks.
fn given(document: &Document, of: KeyUse, id: Uuid) -> Option<&Key> {
    let known = |id: Uuid| document.keys.keys.iter().find(|given| given.id == id);
    let mut rules = document.rules.rules.iter();
    known(id)
        .or_else(|| rules.find(|rule| rule.track_type.as_deref() == Some(track_type(of))).and_then(|rule| known(rule.key_id)))
}

fn content_key(given: &Key, scheme: Scheme, iv: [u8; KEY_BYTES]) -> Result<ContentKey> {
    if given.scheme.as_ref().is_some_and(|given| given != scheme.name()) {
        return Err(wrong("is for another scheme"));
    }
    let plain = given.data.as_ref().and_then(|data| data.secret.plain.as_ref());
    let plain = plain.ok_or_else(|| wrong("has no key in the clear, which is asked for over a line that is encrypted itself"))?;
    let secret = Secret::new(sixteen(plain).ok_or_else(|| wrong("has a key that is not of 16 bytes"))?);
    let iv = match &given.iv {
        Some(iv) => sixteen(iv).ok_or_else(|| wrong("has a vector that is not of 16 bytes"))?,
        None => iv,
    };
    Ok(ContentKey { id: given.id, secret, iv })
}

/// What the players of a system are told of a key. All that was asked for must be there (SPEKE v2, "Customizations and constraints"), but
/// for tags of HLS that follow from a box.
fn told(document: &Document, system: Uuid, scheme: Scheme, key: Uuid) -> Result<Told> {
    let mut systems = document.systems.systems.iter();
    let given = systems.find(|given| given.system == system && given.key_id == key);
    let given = given.ok_or_else(|| wrong("says nothing for one of the systems"))?;
    let decoded = |text: &str| base64(text).ok_or_else(|| wrong("has data that is not in base64"));
    let pssh = given.pssh.as_deref().filter(|text| !text.trim().is_empty()).map(decoded).transpose()?;
    if pssh.as_ref().is_some_and(|pssh| !pssh::parse(pssh).is_ok_and(|(of, _)| of == system)) {
        return Err(wrong("has a pssh box that is none, or of another system"));
    }
    let media = given.hls.iter().find(|hls| hls.playlist.as_deref() != Some("master") && !hls.data.trim().is_empty());
    let key = media.map(|hls| decoded(&hls.data).and_then(|lines| tag(&lines, scheme))).transpose()?;
    let lacks = if system == pssh::FAIRPLAY { key.is_none() } else { pssh.is_none() };
    if lacks {
        return Err(wrong("lacks what the players of one of the systems are told"));
    }
    Ok(Told { system, pssh: pssh.map(|pssh| BASE64.encode(pssh)), key })
}

/// Attributes of the first tag for a key in lines of a playlist.
fn tag(lines: &[u8], scheme: Scheme) -> Result<String> {
    let lines = std::str::from_utf8(lines).unwrap_or_default().lines();
    let read = lines.filter_map(|line| line.trim().strip_prefix("#EXT-X-KEY:")).find_map(|text| read_attributes(text, scheme));
    read.as_ref().map(attributes).ok_or_else(|| wrong("has no tag of HLS"))
}

fn wrong(what: &str) -> Error {
    let message = format!("what the key server answered {what}: look at its settings");
    Error::new(ErrorKind::Invalid, "key_server_answer", message)
}

fn sixteen(text: &str) -> Option<[u8; KEY_BYTES]> {
    base64(text)?.try_into().ok()
}

/// XML lets base64 have spaces and line breaks anywhere.
fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.split_ascii_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protect::{cpix::export, signal::signal};
    use marquee_core::{
        SeededRandom,
        protection::{Choice, KeyPolicy, Protected},
    };

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
        let asked = [System::ClearKey { key_url: None }, System::Widevine { licence_url: None }];
        assert_eq!(request("a <film>", Scheme::Cbcs, &keys, &asked), expected);
        let of_apple = |scheme| request("film", scheme, &keys, &systems()).contains(&pssh::FAIRPLAY.to_string());
        assert!(of_apple(Scheme::Cbcs) && !of_apple(Scheme::Cenc));
    }

    fn protected(keys: KeyPolicy) -> (Protected, ContentKeys) {
        Protected::generate(Choice { keys, ..Choice::default() }, systems().into(), &SeededRandom::new(1))
    }

    #[test]
    fn an_exported_document_reads_back_as_an_answer() {
        let (protected, keys) = protected(KeyPolicy::PerTrackType);
        let document = export("film", &protected, &keys, 1);
        let mut asked = keys.clone();
        for (_, key) in &mut asked.0 {
            (key.secret, key.iv) = (Secret::new([0; 16]), [0; 16]);
        }
        let (names, answered) = answer(document.as_bytes(), Scheme::Cbcs, &asked, &systems()).unwrap();
        assert_eq!(answered, keys);
        for ((of, key), name) in keys.0.iter().zip(&names) {
            assert_eq!(name.told.len(), 3);
            let usual = KeyName::new(*of, key);
            for system in systems() {
                let told = signal(&system, Scheme::Cbcs, name);
                assert_eq!((told, name.of), (signal(&system, Scheme::Cbcs, &usual), *of));
            }
        }
    }

    /// As a server writes it that has prefixes and an order of its own, and says more than was asked for.
    const FOREIGN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CPIX xmlns="urn:dashif:org:cpix" xmlns:p="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="x" contentId="film" version="2.3">
  <!-- keys -->
  <DeliveryDataList/>
  <ContentKeyList>
    <ContentKey commonEncryptionScheme="cbcs" kid="98EE5596-CD3E-A20D-163A-E382420C6EFF" explicitIV="OFj2IjCsPJFfMAxmQxLGPw==">
      <Data><p:Secret><p:PlainValue>
        5dGAgwGuUYu4
        dHeHtNlxJw==
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
    fn what_a_key_server_said_is_exported_again() {
        let (protected, keys) = protected(KeyPolicy::PerTrackType);
        let theirs = |key: &ContentKey| BASE64.encode(pssh::widevine(Scheme::Cbcs, &[key.id], b"theirs"));
        let told = |key| vec![Told { system: pssh::WIDEVINE, pssh: Some(theirs(key)), key: None }];
        let names = keys.0.iter().map(|(of, key)| KeyName { told: told(key), ..KeyName::new(*of, key) }).collect();
        let document = export("film", &Protected { names, ..protected }, &keys, 1);
        assert!(keys.0.iter().all(|(_, key)| document.contains(&theirs(key))), "{document}");
    }

    #[test]
    fn an_answer_is_read_however_it_is_written() {
        let (xml, asked) = foreign();
        let (names, keys) = answer(xml.as_bytes(), Scheme::Cbcs, &asked, &systems()[2..]).unwrap();
        let (_, key) = &keys.0[0];
        assert_eq!(hex::encode(key.secret.expose()), "e5d1808301ae518bb8747787b4d97127");
        assert_eq!(hex::encode(key.iv), "3858f62230ac3c915f300c664312c63f");
        let [KeyName { id, iv, told, .. }] = &names[..] else { panic!("{names:?}") };
        assert_eq!((*id, *iv), (key.id, key.iv));
        let [told] = &told[..] else { panic!("{told:?}") };
        assert_eq!((told.system, &told.pssh), (pssh::FAIRPLAY, &None));
        assert!(told.key.as_ref().unwrap().contains("skd://film"));
        let (names, _) = answer(xml.as_bytes(), Scheme::Cbcs, &asked, &[]).unwrap();
        assert_eq!(names[0].told, [], "nobody asked about it");
        let error = answer(xml.as_bytes(), Scheme::Cbcs, &asked, &systems()).unwrap_err();
        assert!(error.message().contains("says nothing for one of the systems"), "{error:?}");
    }

    #[test]
    fn keys_with_other_ids_are_known_by_their_tracks() {
        let (protected, theirs) = protected(KeyPolicy::PerTrackType);
        let ours = ContentKeys::generate(KeyPolicy::PerTrackType, &SeededRandom::new(2));
        let document = export("film", &protected, &theirs, 1);
        let (names, answered) = answer(document.as_bytes(), Scheme::Cbcs, &ours, &systems()).unwrap();
        assert_eq!(answered, theirs);
        assert!(names.iter().zip(&theirs.0).all(|(name, (_, key))| name.id == key.id && name.told.len() == 3));
        // One key for all of them could not be told apart.
        let one = theirs.0[0].1.id.to_string();
        let same = theirs.0.iter().fold(document, |text, (_, key)| text.replace(&key.id.to_string(), &one));
        let error = answer(same.as_bytes(), Scheme::Cbcs, &ours, &systems()).unwrap_err();
        assert!(error.message().contains("per_title"), "{error:?}");
        let other = ContentKeys::generate(KeyPolicy::PerTitle, &SeededRandom::new(2));
        assert!(answer(same.as_bytes(), Scheme::Cbcs, &other, &systems()).is_err(), "it has none for all tracks");
    }

    #[test]
    fn answers_that_are_none_are_refused_and_never_quoted() {
        let (xml, asked) = foreign();
        let secret = "dHeHtNlxJw==";
        let encrypted = xml.replace("PlainValue", "EncryptedValue");
        let bad = [
            (String::new(), "no CPIX"),
            ("<CPIX><ContentKeyList>".to_owned(), "no CPIX"),
            (xml.replace("98EE5596-CD3E", "98EE5596-CD3F"), "lacks a key"),
            (xml.replace("\"cbcs\"", "\"cenc\""), "another scheme"),
            (encrypted, "no key in the clear"),
            (xml.replace(secret, "dHeHtNlx"), "16 bytes"),
            (xml.replace(secret, "dHeHtNlxJ&w=="), "no CPIX"),
            (xml.replace("OFj2IjCsPJFfMAxmQxLGPw==", "OFj2"), "vector"),
            (xml.replace("<ContentProtectionData>", "<PSSH>AAAA</PSSH><ContentProtectionData>"), "pssh"),
            (xml.replace("playlist=\"media\">", "playlist=\"media\">!"), "base64"),
            (xml.replace("playlist=\"master\"", ""), "no tag"),
            (xml.replace("playlist=\"media\"", "playlist=\"master\""), "lacks what the players"),
        ];
        for (xml, why) in bad {
            let error = answer(xml.as_bytes(), Scheme::Cbcs, &asked, &systems()[2..]).unwrap_err();
            assert!(error.code() == "key_server_answer" && error.message().contains(why), "{why}: {error:?}");
            assert!(!format!("{error:?}").contains("5dGAgw"), "{error:?}");
        }
        assert!(answer(&[0xff, 0xfe], Scheme::Cbcs, &asked, &systems()).is_err());
        // Entities that grow are not followed.
        let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>"#;
        assert!(
            answer(
                xml.replace(secret, "&b;").replacen("<CPIX", &format!("{bomb}<CPIX"), 1).as_bytes(),
                Scheme::Cbcs,
                &asked,
                &systems()[2..]
            )
            .is_err()
        );
    }
}
