//! Rules of Apple's that need more than one change to a good package to be broken.

use super::{package::rotating, *};
use marquee_core::protection::Scheme;

/// New rules that are broken once these texts of a file are replaced by others.
fn changed(package: &Package, path: &str, texts: &[(&str, &str)]) -> Vec<String> {
    let before = rules(&judged(package, false));
    let mut text = text_of(&package[path]);
    for (from, to) in texts {
        assert!(text.contains(from), "{path} has no {from}");
        text = text.replace(from, to);
    }
    let mut package = package.clone();
    package.insert(path.to_owned(), text.into());
    rules(&judged(&package, false)).into_iter().filter(|rule| !before.contains(rule)).collect()
}

#[test]
fn steering_says_where_players_begin() {
    let steered = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://a/\"\n#EXT-X-IND";
    assert_eq!(changed(&good(), "master.m3u8", &[("#EXT-X-IND", steered)]), ["Warning HLS-AUTH 9.18"]);
}

#[test]
fn session_data_is_in_the_package() {
    let named = |data: &str| {
        let mut package = good();
        package.insert("chapters.json".to_owned(), Bytes::from_static(b"[]"));
        let tag = format!("#EXT-X-SESSION-DATA:DATA-ID=\"a\",{data}\n#EXT-X-IND");
        changed(&package, "master.m3u8", &[("#EXT-X-IND", &tag)])
    };
    assert_eq!(named("URI=\"chapters.json\""), Vec::<String>::new());
    assert_eq!(named("URI=\"https://elsewhere/chapters.json\""), Vec::<String>::new());
    assert_eq!(named("URI=\"thumbs/index.vtt\",FORMAT=RAW"), Vec::<String>::new());
    assert_eq!(named("URI=\"gone.json\""), ["Error RFC 8216 6.2.1"]);
    assert_eq!(named("URI=\"../../../etc/passwd\""), ["Error RFC 8216 10"]);
    assert_eq!(named("URI=\"thumbs/index.vtt\""), ["Error RFC 8216 4.3.4.4"]);
}

#[test]
fn frame_rates_are_told_to_three_decimals() {
    let said =
        |rate: &str| changed(&good(), "master.m3u8", &[("960x540,FRAME-RATE=25.000", &format!("960x540,FRAME-RATE={rate}"))]);
    assert_eq!(said("25.001"), Vec::<String>::new());
    for false_rate in ["24.800", "25.200"] {
        assert_eq!(said(false_rate), ["Error HLS-AUTH 9.15"], "{false_rate}");
    }
}

#[test]
fn sound_is_not_among_the_pictures() {
    let found = changed(&good(), "master.m3u8", &[(",AUDIO=\"aac-128k\"", "")]);
    assert!(found.contains(&"Warning HLS-AUTH 9.5".to_owned()), "{found:?}");
}

#[test]
fn keys_of_fairplay_bring_their_vectors() {
    let apple = ("KEYFORMAT=\"org.w3.clearkey\"", "KEYFORMAT=\"com.apple.streamingkeydelivery\"");
    let package = rotating(Scheme::Cbcs);
    let path = "v/540p/playlist.m3u8";
    assert_eq!(changed(&package, path, &[apple]), Vec::<String>::new());
    let vector = format!("IV=0x{},KEYFORMAT", "0".repeat(32));
    assert_eq!(changed(&package, path, &[apple, ("KEYFORMAT=", &format!("{vector}="))]), ["Warning HLS-AUTH 13.4"]);
}

#[test]
fn segments_last_six_seconds_as_a_rule() {
    let playlist = |lengths: &[f64]| {
        let entries: String = lengths.iter().map(|length| format!("#EXTINF:{length},\n1.m4s\n")).collect();
        let text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-MAP:URI=\"init.mp4\"\n{entries}#EXT-X-ENDLIST\n"
        );
        let mut report = Report::default();
        media::read(&mut report, "1.m3u8", text.as_bytes(), Kind::Video).unwrap();
        rules(&report.verdict(false))
    };
    assert_eq!(playlist(&[2.0, 6.006, 6.006, 1.0]), Vec::<String>::new());
    assert_eq!(playlist(&[2.0, 1.0]), Vec::<String>::new(), "a short film");
    assert_eq!(playlist(&[4.0; 3]), ["Warning HLS-AUTH 7.6"]);
}

#[test]
fn words_for_everybody_are_in_all_subtitles_of_their_language() {
    let mut package = good();
    let listed = "#EXT-X-MEDIA:TYPE=SUBTITLES";
    let forced = text_of(&package["master.m3u8"]).lines().find(|line| line.starts_with(listed)).unwrap().to_owned();
    let forced = forced.replace("text-0", "text-1").replace("NAME=\"English\"", "NAME=\"English, forced\",FORCED=YES");
    let forced = if forced.contains("AUTOSELECT") { forced } else { forced + ",AUTOSELECT=YES" };
    package.insert(
        "master.m3u8".to_owned(),
        text_of(&package["master.m3u8"]).replacen(listed, &format!("{forced}\n{listed}"), 1).into(),
    );
    for (name, bytes) in good() {
        if name.starts_with("s/text-0/") {
            package.insert(name.replace("text-0", "text-1"), bytes);
        }
    }
    let before = rules(&judged(&package, false));
    assert!(!before.contains(&"Warning HLS-AUTH 5.8".to_owned()), "{before:?}");
    let found = changed(&package, "s/text-1/000001.vtt", &[("words", "other words")]);
    assert!(found.contains(&"Warning HLS-AUTH 5.8".to_owned()), "{found:?}");
}

#[test]
fn dates_are_one_moment_in_all_playlists() {
    let dated = |second: &dyn Fn(&str) -> u32| {
        let mut package = good();
        for path in ["v/540p", "v/234p", "a/eng", "a/deu", "s/text-0"].map(|folder| format!("{folder}/playlist.m3u8")) {
            let date = format!("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{:02}.000Z\n#EXTINF", second(&path));
            package.insert(path.clone(), text_of(&package[&path]).replacen("#EXTINF", &date, 1).into());
        }
        found(&package, false).0
    };
    assert_eq!(dated(&|_| 7), Vec::<String>::new());
    assert_eq!(dated(&|path| if path.starts_with("a/deu") { 8 } else { 7 }), ["Error RFC 8216 6.2.4"]);
}
