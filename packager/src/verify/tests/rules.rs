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
fn sound_is_in_its_language_and_lasts_as_long_as_the_picture() {
    let swapped = [("a/eng/playlist", "a/x/playlist"), ("a/deu/playlist", "a/eng/playlist"), ("a/x/playlist", "a/deu/playlist")];
    assert_eq!(changed(&good(), "master.m3u8", &swapped), ["Error HLS-AUTH 8.10"]);
    for none in ["english", "xx"] {
        let found = changed(&good(), "master.m3u8", &[("LANGUAGE=\"de\"", &format!("LANGUAGE=\"{none}\""))]);
        assert_eq!(found, ["Error RFC 5646 2.2.9"], "{none}");
    }
    let path = "a/eng/playlist.m3u8";
    let text = text_of(&good()[path]);
    let rest = |segment: &str| {
        let at = text.find(segment).unwrap();
        text[text[..at].rfind("#EXTINF").unwrap()..text.find("#EXT-X-ENDLIST").unwrap()].to_owned()
    };
    let early = |segment: &str| changed(&good(), path, &[(&rest(segment), "")]);
    assert_eq!(early("000003.m4s"), ["Warning HLS-AUTH 8.3"], "a little");
    assert!(early("000002.m4s").contains(&"Error HLS-AUTH 8.3".to_owned()), "two segments");
}

#[test]
fn what_is_published_lacks_nothing_and_is_as_it_says() {
    let video = |from: &str, to: &str| changed(&good(), "v/540p/playlist.m3u8", &[(from, to)]);
    assert_eq!(video("#EXT-X-ENDLIST", "#EXT-X-GAP\n#EXT-X-ENDLIST"), ["Error HLS-AUTH 7.1"]);
    let map = "#EXT-X-MAP:URI=\"init.mp4\"";
    let whole = format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n{map}");
    assert_eq!(video(map, &whole), ["Error HLS-AUTH 13.2"], "which are clear");
}

#[test]
fn iframes_are_of_the_variant_that_they_are_listed_for() {
    let listed = |codec: &str| {
        let line = |codec: &str| format!("CODECS=\"{codec}\",RESOLUTION=960x540,VIDEO-RANGE=SDR,URI");
        changed(&good(), "master.m3u8", &[(&line("avc1.64001f"), &line(codec))])
    };
    assert_eq!(listed("avc1.640028"), ["Error HLS-AUTH 9.3"]);
    let path = "v/540p/iframes.m3u8";
    let strange = "Error RFC 8216 4.3.2.5".to_owned();
    let other = [1, 2, 3].map(|number| (format!("{number:06}.m4s"), format!("../234p/{number:06}.m4s")));
    let other: Vec<_> = other.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    assert!(changed(&good(), path, &other).contains(&strange));
    // A copy of the init segment is as good.
    let mut package = good();
    for (name, init, is_other) in [("copy.mp4", "v/540p/init.mp4", false), ("small.mp4", "v/234p/init.mp4", true)] {
        package.insert(format!("v/540p/{name}"), good()[init].clone());
        let found = changed(&package, path, &[("init.mp4", name)]);
        assert_eq!(found.contains(&strange), is_other, "{found:?}");
        assert_eq!(found.contains(&"Error HLS-AUTH 9.4".to_owned()), is_other, "{found:?}");
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
