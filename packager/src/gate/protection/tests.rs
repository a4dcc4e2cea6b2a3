//! Manifests of protected titles, and what is wrong with some.

use crate::{
    dash,
    gate::{check_manifest, check_playlists},
    hls::{self, Kind},
    model::{Media, Presentation},
    sample::{presentation, text},
};
use marquee_core::{
    SeededRandom, object,
    protection::{Choice, KeyPolicy, Protected, Scheme, System},
};

/// A protected title with subtitles, all systems named.
fn protected(scheme: Scheme, keys: KeyPolicy) -> Presentation {
    let clear = System::ClearKey { key_url: Some("../keys/".to_owned()) };
    let others = [System::Widevine { licence_url: None }, System::PlayReady { licence_url: None }];
    let apple = System::FairPlay { key_uri: "skd://".to_owned() };
    let systems = [clear].into_iter().chain(others).chain([apple]).collect();
    let (protected, _) = Protected::generate(Choice { scheme, keys, ..Choice::default() }, systems, &SeededRandom::new(1));
    let mut title = Presentation { protected: Some(protected), ..presentation() };
    title.tracks.push(text("words", ("English", "en", false), &[100, 100, 100]));
    title
}

/// The title's manifests, of which `text` is done something to.
fn rules(title: &Presentation, written: &Presentation, change: impl Fn(&str) -> String) -> Vec<String> {
    let mut playlists = Vec::new();
    for track in &written.tracks {
        let (folder, id) = (track.rendition.folder(), &track.rendition.id);
        playlists.push((object::playlist_path(folder, id), change(&hls::media(written, track, Kind::Vod, ""))));
        if folder == object::Track::Video {
            playlists.push((object::iframes_path(id), change(&hls::iframes(written, track))));
        }
    }
    let mut findings = check_playlists(title, &hls::master(written), &playlists);
    findings.extend(check_manifest(title, None, &change(&dash::manifest(written, None))));
    let mut rules: Vec<_> = findings.iter().map(|finding| format!("{} {}", finding.rule, finding.message)).collect();
    rules.sort();
    rules
}

#[test]
fn manifests_of_protected_titles_pass() {
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        for keys in [KeyPolicy::PerTitle, KeyPolicy::PerTrackType] {
            let title = protected(scheme, keys);
            assert_eq!(rules(&title, &title, str::to_owned), [""; 0]);
            let master = hls::master(&title);
            assert!(master.contains("#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES") && !master.contains("../keys/"), "{master}");
            let text = title.tracks.last().unwrap();
            assert!(!hls::media(&title, text, Kind::Vod, "").contains("EXT-X-KEY"), "text is in the clear");
        }
    }
}

#[test]
fn tracks_with_other_keys_are_in_other_sets_between_which_players_switch() {
    let count = |title: &Presentation| dash::manifest(title, None).matches("<AdaptationSet").count();
    let mut title = protected(Scheme::Cbcs, KeyPolicy::PerTrackType);
    title.tracks.insert(0, crate::sample::video("1080p", (1920, 1080), 6_000_000, &[5_000_000; 3], 60_000));
    let manifest = dash::manifest(&title, None);
    assert_eq!(count(&title), count(&protected(Scheme::Cbcs, KeyPolicy::PerTitle)) + 1);
    let switching = "schemeIdUri=\"urn:mpeg:dash:adaptation-set-switching:2016\" value=";
    assert!(manifest.contains(&format!("{switching}\"2\"")) && manifest.contains(&format!("{switching}\"1\"")), "{manifest}");
    assert!(!dash::manifest(&presentation(), None).contains(switching));
}

#[test]
fn what_is_said_otherwise_is_found() {
    let title = protected(Scheme::Cbcs, KeyPolicy::PerTitle);
    let clear = Presentation { protected: None, ..title.clone() };
    let has = |found: &[String], rule: &str| assert!(found.iter().any(|found| found.starts_with(rule)), "{rule}: {found:?}");
    let found = rules(&title, &clear, str::to_owned);
    has(&found, "RFC 8216 4.3.2.4 v/540p/playlist.m3u8");
    has(&found, "RFC 8216 4.3.2.4 v/540p/iframes.m3u8");
    has(&found, "RFC 8216 4.3.2.4 a/");
    has(&found, "23009-1 5.8.5.2");
    has(&found, "CENC 11.2");
    let found = rules(&clear, &title, str::to_owned);
    has(&found, "RFC 8216 4.3.2.4");
    has(&found, "23009-1 5.8.4.1");
    has(&rules(&title, &title, |text| text.replace("METHOD=SAMPLE-AES", "METHOD=AES-128")), "HLS-AUTH 13.2");
    has(&rules(&title, &title, |text| text.replace("default_KID=\"", "default_KID=\"0")), "CENC 11.2");
    has(&rules(&title, &title, |text| text.replace("value=\"cbcs\"", "value=\"cenc\"")), "23009-1 5.8.5.2");
}

#[test]
fn fairplay_asks_for_protected_outputs_of_high_definition() {
    let mut title = protected(Scheme::Cbcs, KeyPolicy::PerTrackType);
    for (track, size) in title.tracks.iter_mut().zip([(3840, 2160), (1280, 720)]) {
        let Media::Video { width, height, .. } = &mut track.rendition.media else { panic!("two rungs come first") };
        (*width, *height) = size;
    }
    let levels = |title: &Presentation| {
        let master = hls::master(title);
        let level = |line: &str| line.split_once("HDCP-LEVEL=").map(|(_, rest)| rest[..6].to_owned());
        master
            .lines()
            .filter(|line| line.contains("RESOLUTION=3840x2160") || line.contains("RESOLUTION=1280x720"))
            .map(level)
            .collect()
    };
    let with: Vec<_> = levels(&title);
    assert!(with.len() >= 4 && with.iter().all(Option::is_some), "variants and their I-frames: {with:?}");
    assert!(with.contains(&Some("TYPE-0".to_owned())) && with.contains(&Some("TYPE-1".to_owned())), "{with:?}");
    title.protected.as_mut().unwrap().systems.retain(|system| !matches!(system, System::FairPlay { .. }));
    let without: Vec<Option<String>> = levels(&title);
    assert!(without.iter().all(Option::is_none), "{without:?}");
}
