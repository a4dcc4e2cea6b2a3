//! A good title passes; every broken one is caught by the rule it breaks.

use super::*;
use crate::{
    cmaf::{self, Sample, VideoTrack, media_segment},
    hls::{self, Kind},
    model::{Media, Rendition, Segment, Track},
    sample::{audio, many_codecs, presentation, surround, text, video},
    webvtt::{self, Cue},
};
use bytes::Bytes;
use marquee_core::{Random, SeededRandom, object, source::Ratio};

/// Breaks something good.
type Breakage<T> = fn(&mut T);

fn rules(findings: &[Finding]) -> Vec<String> {
    let mut rules: Vec<_> = findings.iter().map(|finding| format!("{:?} {}", finding.severity, finding.rule)).collect();
    rules.dedup();
    rules
}

#[test]
fn a_good_title_passes() {
    assert_eq!(check(&presentation()), []);
    let silent = Presentation { tracks: presentation().tracks.drain(..2).collect(), ..Presentation::default() };
    assert_eq!(check(&silent), []);
    let clip = Presentation { tracks: vec![video("540p", (960, 540), 1_000_000, &[500_000], 30_000)], ..Presentation::default() };
    assert_eq!(check(&clip), [], "a third above its rate, but only three seconds");
}

#[test]
fn every_broken_title_is_caught_by_its_rule() {
    let breakages: Vec<(&str, Breakage<Vec<Track>>)> = vec![
        ("Error HLS-AUTH 9.20", |tracks| drop(tracks.drain(..2))),
        ("Error CMAF 7.3.4", |tracks| tracks[1].rendition.timescale = 90_000),
        ("Error CMAF 7.3.4", |tracks| tracks[1].rendition.edit_ticks = 0),
        ("Error CMAF 7.3.4", |tracks| tracks[1].segments[1].iframes[1].start_ticks += 400),
        ("Error HLS-AUTH 8.7", |tracks| tracks[1].segments.truncate(2)),
        ("Error HLS-AUTH 8.7", |tracks| tracks[3].segments.clear()),
        ("Error RFC 8216 3", |tracks| drop(tracks[0].segments.remove(1))),
        ("Error RFC 8216 6.2.4", |tracks| tracks[2].segments[0].start_ticks = 1024),
        ("Error HLS-AUTH 7.3", |tracks| tracks[2].segments[1].start_ticks += 1),
        ("Error HLS-AUTH 7.1", |tracks| tracks[2].segments[2].size_bytes = 0),
        ("Error HLS-AUTH 7.4", |tracks| tracks[0].segments[2].iframes.truncate(0)),
        ("Error HLS-AUTH 6.10", |tracks| tracks[0].segments[0].iframes[2].size_bytes = 10_000_000),
        ("Error HLS-AUTH 6.10", |tracks| tracks[0].segments[0].iframes[2].offset_bytes = 30),
        ("Warning HLS-AUTH 1.13", |tracks| tracks[0].segments[0].iframes.truncate(1)),
        ("Error HLS-AUTH 1.3", |tracks| tracks[0].rendition.codec = "avc1.64003c".to_owned()),
        ("Error HLS-AUTH 2.3", |tracks| tracks[2].rendition.codec = "mp4a.40.5".to_owned()),
        ("Error RFC 8216 4.3.4.2", |tracks| tracks[2].rendition.codec = "opus".to_owned()),
        ("Error RFC 8216 4.3.4.2", |tracks| tracks[0].rendition.codec = "mp4a.40.2".to_owned()),
        ("Warning HLS-AUTH 1.19", |tracks| {
            tracks[0].rendition.media = Media::Video { width: 960, height: 540, frame_rate: Ratio::new(120, 1) };
        }),
        ("Warning HLS-AUTH 1.33", |tracks| {
            tracks[1].rendition.media = Media::Video { width: 312, height: 234, frame_rate: Ratio::new(25, 1) };
        }),
        ("Warning HLS-AUTH 1.30", |tracks| tracks[0].segments[1].size_bytes = 100_000_000),
        ("Warning HLS-AUTH 1.29", |tracks| tracks[0].rendition.max_bitrate_bps = 1_000_000),
        ("Warning HLS-AUTH 8.3", |tracks| tracks[2].segments.truncate(2)),
        ("Error HLS-AUTH 8.3", |tracks| tracks[2].segments[2].duration_ticks += 48_000),
        ("Error HLS-AUTH 2.3", |tracks| tracks.push(surround("deu", ("Deutsch", "de", false), &[240_000; 3]))),
        ("Error RFC 8216 4.3.4.1.1", |tracks| {
            tracks.insert(3, audio("eng-2", "aac-128k", ("English", "en", false), &[96_000; 3]));
        }),
        ("Error HLS-AUTH 5.5", |tracks| tracks.push(text("t", ("English", "en", false), &[60; 2]))),
        ("Error HLS-AUTH 5.1", |tracks| {
            tracks.push(text("t", ("English", "en", false), &[60; 3]));
            tracks[4].rendition.codec = "stpp".to_owned();
        }),
        ("Error HLS-AUTH 4.7", |tracks| tracks.push(text("t", ("English", "", false), &[60; 3]))),
        ("Error RFC 8216 4.3.4.1.1", |tracks| {
            tracks.extend([text("t", ("English", "en", false), &[60; 3]), text("u", ("English", "de", false), &[60; 3])]);
        }),
        ("Error HLS-AUTH 8.10", |tracks| tracks[2] = audio("eng", "aac-128k", ("English", "", true), &[96_000; 3])),
    ];
    for (index, (rule, breakage)) in breakages.into_iter().enumerate() {
        let mut presentation = presentation();
        breakage(&mut presentation.tracks);
        let found = rules(&check(&presentation));
        assert!(found.iter().any(|found| found == rule), "{index}: {rule} is not in {found:?}");
    }
}

#[test]
fn every_broken_title_in_several_codecs_is_caught_by_its_rule() {
    assert_eq!(check(&many_codecs()), []);
    let breakages: Vec<(&str, Breakage<Vec<Track>>)> = vec![
        ("Error CMAF 7.3.4", |tracks| tracks[3].segments[1].iframes[1].start_ticks += 400),
        ("Error CMAF 7.3.4", |tracks| tracks[4].rendition.edit_ticks = 0),
        ("Error HLS-AUTH 8.7", |tracks| tracks[4].segments.truncate(2)),
        ("Error HLS-AUTH 1.37", |tracks| tracks[3].rendition.codec = "av01.1.04M.08".to_owned()),
        ("Error HLS-AUTH 1.37", |tracks| tracks[3].rendition.codec = "av01.0.19M.08".to_owned()),
        ("Error HLS-AUTH 1.6", |tracks| tracks[2].rendition.codec = "hvc1.1.6.L156.90".to_owned()),
        ("Error HLS-AUTH 1.6", |tracks| tracks[2].rendition.codec = "hvc1.4.10.L90.90".to_owned()),
        ("Error RFC 8216 4.3.4.2", |tracks| tracks[2].rendition.codec = "hev1.1.6.L90.90".to_owned()),
        ("Warning HLS-AUTH 1.12", |tracks| drop(tracks.drain(..2))),
    ];
    for (index, (rule, breakage)) in breakages.into_iter().enumerate() {
        let mut presentation = many_codecs();
        breakage(&mut presentation.tracks);
        let found = rules(&check(&presentation));
        assert!(found.iter().any(|found| found == rule), "{index}: {rule} is not in {found:?}");
    }
}

#[test]
fn scores_are_on_all_variants_or_none() {
    let presentation = many_codecs();
    let (master, texts) = playlists(&presentation);
    assert_eq!(check_playlists(&presentation, &master, &texts), []);
    let one_less = master.replacen(",SCORE=", ",X-SCORE=", 1);
    assert_eq!(rules(&check_playlists(&presentation, &one_less, &texts)), ["Error HLS-AUTH 9.19"]);
}

#[test]
fn a_keyframe_in_any_codec_needs_no_other_and_repeats_nothing() {
    let sequence_header: &[u8] = &[0x0a, 1, 0];
    let (key, inter): (&[u8], &[u8]) = (&[0x32, 1, 0x10], &[0x32, 1, 0x30]);
    let table: [(&str, Vec<u8>, &[&str]); 8] = [
        ("av01.0.04M.08", [sequence_header, key].concat(), &[]),
        ("av01.0.04M.08", key.to_vec(), &["Error HLS-AUTH 7.4"]),
        ("av01.0.04M.08", [sequence_header, inter].concat(), &["Error HLS-AUTH 7.4"]),
        ("av01.0.04M.08", [&[0x12, 0], sequence_header, key].concat(), &["Warning HLS-AUTH 1.10"]),
        ("hvc1.1.6.L90.90", vec![0, 0, 0, 3, 0x28, 1, 0xaf], &[]),
        ("hvc1.1.6.L90.90", vec![0, 0, 0, 3, 0x02, 1, 0xd0], &["Error HLS-AUTH 7.4"]),
        // An open group begins with a picture that others before it may follow (CRA).
        ("hvc1.1.6.L90.90", vec![0, 0, 0, 3, 0x2a, 1, 0xaf], &["Error HLS-AUTH 7.4"]),
        ("hvc1.1.6.L90.90", vec![0, 0, 0, 2, 0x42, 1, 0, 0, 0, 3, 0x26, 1, 0xaf], &["Warning HLS-AUTH 1.10"]),
    ];
    for (codec, data, expected) in table {
        let mut rendition = video("other", (960, 540), 1, &[], 0).rendition;
        codec.clone_into(&mut rendition.codec);
        let sample = Sample {
            data: Bytes::from(data.clone()),
            duration_ticks: 400,
            composition_offset_ticks: rendition.edit_ticks,
            keyframe: true,
        };
        let bytes = media_segment(1, 0, &[sample], object::Track::Video).unwrap().bytes;
        let segment = read_segment(&rendition, 1, &bytes).unwrap();
        assert_eq!(rules(&check_segment(&rendition, &segment, &bytes)), expected, "{codec} {data:02x?}");
    }
}

#[test]
fn nothing_is_enough_to_judge() {
    assert_eq!(rules(&check(&Presentation::default())), ["Error HLS-AUTH 9.20"]);
    let hostile = Segment {
        number: 1,
        start_ticks: u64::MAX,
        duration_ticks: u64::MAX,
        size_bytes: u64::MAX,
        iframes: vec![crate::model::Iframe { start_ticks: 0, offset_bytes: u64::MAX, size_bytes: u64::MAX }],
    };
    let mut track = video("x", (u32::MAX, u32::MAX), 0, &[1], 1);
    track.rendition.timescale = 0;
    track.segments = vec![hostile.clone(), hostile];
    let presentation = Presentation { tracks: vec![track.clone(), track], ..Presentation::default() };
    assert!(!check(&presentation).is_empty());
    let playlists = vec![("v/x/playlist.m3u8".to_owned(), hls::media(&presentation, &presentation.tracks[0], Kind::Vod, ""))];
    assert!(!check_playlists(&presentation, &hls::master(&presentation), &playlists).is_empty());
}

fn playlists(presentation: &Presentation) -> (String, Vec<(String, String)>) {
    let mut texts = Vec::new();
    for track in &presentation.tracks {
        let (id, folder) = (&track.rendition.id, track.rendition.folder());
        if folder == object::Track::Video {
            texts.push((object::iframes_path(id), hls::iframes(presentation, track)));
        }
        texts.push((object::playlist_path(folder, id), hls::media(presentation, track, Kind::Vod, "")));
    }
    (hls::master(presentation), texts)
}

#[test]
fn written_playlists_pass() {
    let mut presentation = presentation();
    let (master, texts) = playlists(&presentation);
    assert_eq!(check_playlists(&presentation, &master, &texts), []);
    for group in ["aac-128k", "aac-64k"] {
        presentation.tracks.push(audio(&format!("deu-{group}"), group, ("Deutsch", "de", false), &[48_000; 3]));
    }
    presentation.tracks.push(surround("eng-51", ("English", "en", true), &[240_000; 3]));
    presentation.tracks.push(text("text-0", ("English", "en", false), &[60, 600, 60]));
    presentation.tracks.push(text("text-1", ("Signs", "en", true), &[60; 3]));
    let (master, texts) = playlists(&presentation);
    assert_eq!(check(&presentation), []);
    assert_eq!(check_playlists(&presentation, &master, &texts), [], "of German there is stereo only");
    presentation.tracks.truncate(1);
    let (master, texts) = playlists(&presentation);
    assert_eq!(check_playlists(&presentation, &master, &texts), []);
}

#[test]
fn every_broken_playlist_is_caught_by_its_rule() {
    const MASTER: &str = "master";
    const MEDIA: &str = "v/540p/playlist.m3u8";
    const IFRAMES: &str = "v/540p/iframes.m3u8";
    let breakages = [
        (MASTER, "BANDWIDTH=2128114", "BANDWIDTH=2928114", "Error HLS-AUTH 1.27"),
        (MASTER, "BANDWIDTH=2128114", "BANDWIDTH=1528114", "Error HLS-AUTH 1.27"),
        (MASTER, "AVERAGE-BANDWIDTH=1927963,", "AVERAGE-BANDWIDTH=1,", "Error HLS-AUTH 1.26"),
        (MASTER, "AVERAGE-BANDWIDTH=1927963,", "", "Error HLS-AUTH 9.14"),
        (MASTER, ",FRAME-RATE=25.000", "", "Error HLS-AUTH 9.15"),
        (MASTER, ",RESOLUTION=960x540", "", "Error HLS-AUTH 9.2"),
        (MASTER, ",CODECS=\"avc1.64001f,mp4a.40.2\"", "", "Error HLS-AUTH 9.1"),
        (MASTER, "avc1.64001f,mp4a.40.2", "avc1.64001f", "Error RFC 8216 6.2.4"),
        (MASTER, "BANDWIDTH=2128114,AVERAGE-BANDWIDTH=1927963,", "", "Error RFC 8216 4.2"),
        (MASTER, "AUDIO=\"aac-128k\"", "AUDIO=\"nothing\"", "Error RFC 8216 4.3.4.2"),
        (MASTER, "#EXT-X-INDEPENDENT-SEGMENTS\n", "", "Warning HLS-AUTH 9.11"),
        (MASTER, "v/540p/playlist", "v/1080p/playlist", "Error RFC 8216 6.2.4"),
        (MASTER, "#EXT-X-I-FRAME-STREAM-INF", "#", "Error HLS-AUTH 6.1"),
        (MASTER, "#EXTM3U\n", "", "Error RFC 8216 4.3.1.1"),
        (MASTER, "English", "Eng\u{7}lish", "Error RFC 8216 4.1"),
        (MASTER, "\"aac-64k\",LANGUAGE=\"en\"", "\"aac-64k\",LANGUAGE=\"de\"", "Error RFC 8216 4.3.4.1.1"),
        (MEDIA, "#EXT-X-ENDLIST", "", "Error HLS-AUTH 8.6"),
        (MEDIA, "TYPE:VOD", "TYPE:EVENT", "Error HLS-AUTH 8.6"),
        (MEDIA, "#EXT-X-MAP:URI=\"init.mp4\"\n", "", "Error HLS-AUTH 8.20"),
        (MEDIA, "#EXT-X-VERSION:7", "#EXT-X-VERSION:3", "Error RFC 8216 7"),
        (MEDIA, "TARGETDURATION:6", "TARGETDURATION:5", "Error RFC 8216 4.3.3.1"),
        (MEDIA, "TARGETDURATION:6", "TARGETDURATION:7", "Error HLS-AUTH 8.2"),
        (MEDIA, "#EXTINF:6.000000", "#EXTINF:5.900000", "Error HLS-AUTH 8.1"),
        (MEDIA, "000002.m4s", "000003.m4s", "Error HLS-AUTH 8.7"),
        (MEDIA, "#EXT-X-MAP", "#EXT-X-DISCONTINUITY\n#EXT-X-MAP", "Error HLS-AUTH 8.13"),
        (MEDIA, "#EXT-X-VERSION:7\n", "#EXT-X-VERSION:7\n#EXT-X-VERSION:7\n", "Error RFC 8216 4.1"),
        (IFRAMES, "#EXT-X-I-FRAMES-ONLY\n", "", "Error HLS-AUTH 6.8"),
        (IFRAMES, "@24", "@25", "Error HLS-AUTH 6.10"),
        (IFRAMES, "#EXTINF:2.000000", "#EXTINF:1.500000", "Error HLS-AUTH 8.1"),
    ];
    let presentation = presentation();
    for (place, from, to, rule) in breakages {
        let (mut master, mut texts) = playlists(&presentation);
        let text = match place {
            MASTER => &mut master,
            path => &mut texts.iter_mut().find(|(at, _)| at == path).unwrap().1,
        };
        let broken = text.replace(from, to);
        assert_ne!(*text, broken, "{from:?} is not in {place}");
        *text = broken;
        let found = rules(&check_playlists(&presentation, &master, &texts));
        assert!(found.iter().any(|found| found == rule), "{from:?} to {to:?}: {rule} is not in {found:?}");
    }
    let (master, mut texts) = playlists(&presentation);
    texts.retain(|(path, _)| path != MEDIA);
    assert_eq!(rules(&check_playlists(&presentation, &master, &texts)), ["Error RFC 8216 6.2.4"]);
}

#[test]
fn mutated_playlists_and_segments_never_panic_the_gate() {
    let random = SeededRandom::new(3);
    let number = |limit: usize| ((&random as &dyn Random).unit() * limit as f64) as usize;
    let presentation = presentation();
    let (master, texts) = playlists(&presentation);
    let mutate = |text: &str| {
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..1 + number(4) {
            let at = number(characters.len());
            match number(3) {
                0 => characters[at] = ['9', '-', ',', '"', '\n', 'é', '.', '='][number(8)],
                1 => drop(characters.drain(at..(at + number(30)).min(characters.len()))),
                _ => characters.insert(at, ['9', '0', '"', '\r', '\u{feff}'][number(5)]),
            }
        }
        characters.into_iter().collect::<String>()
    };
    for _ in 0..300 {
        let mutated: Vec<_> = texts.iter().map(|(path, text)| (path.clone(), mutate(text))).collect();
        let _ = check_playlists(&presentation, &mutate(&master), &mutated);
    }
    let (rendition, segment, bytes) = stored();
    for _ in 0..3000 {
        let mut mutated = bytes.to_vec();
        let at = number(mutated.len());
        mutated[at] = number(256) as u8;
        let _ = check_segment(&rendition, &segment, &mutated);
        assert!(!check_init(&rendition, &mutated).is_empty(), "a media segment is no header");
    }
}

/// A track of one stored segment: I P B, twice.
fn stored() -> (Rendition, Segment, Bytes) {
    let rendition = video("540p", (960, 540), 1, &[], 0).rendition;
    let picture = |kind: u8, offset, keyframe| Sample {
        data: [0, 0, 0, 2, kind, 0x80].to_vec().into(),
        duration_ticks: 400,
        composition_offset_ticks: offset,
        keyframe,
    };
    let group = [picture(0x65, 800, true), picture(0x41, 1200, false), picture(0x01, 400, false)];
    let written = media_segment(2, 60_000, &[group.clone(), group].concat(), object::Track::Video).unwrap();
    let segment = Segment {
        number: 2,
        start_ticks: 60_000,
        duration_ticks: written.duration_ticks,
        size_bytes: written.bytes.len() as u64,
        iframes: written.iframes,
    };
    (rendition, segment, written.bytes)
}

#[test]
fn a_stored_segment_tells_what_the_ledger_should_say() {
    let (rendition, segment, bytes) = stored();
    assert_eq!(read_segment(&rendition, 2, &bytes).unwrap(), segment);
    assert_eq!(check_segment(&rendition, &segment, &bytes), []);

    let sound = audio("eng", "aac", ("English", "en", true), &[]).rendition;
    let frames =
        vec![Sample { data: Bytes::from_static(&[1, 2]), duration_ticks: 1024, composition_offset_ticks: 0, keyframe: true }; 5];
    let bytes = media_segment(1, 0, &frames, object::Track::Audio).unwrap().bytes;
    let segment = read_segment(&sound, 1, &bytes).unwrap();
    assert_eq!((segment.start_ticks, segment.duration_ticks, segment.iframes.len()), (0, 4096, 0), "without priming");
    assert_eq!(check_segment(&sound, &segment, &bytes), []);
    let later = media_segment(2, 5120, &frames, object::Track::Audio).unwrap().bytes;
    let segment = read_segment(&sound, 2, &later).unwrap();
    assert_eq!((segment.start_ticks, segment.duration_ticks), (4096, 5120));
}

#[test]
fn a_segment_that_differs_from_its_row_is_caught() {
    let (rendition, good, bytes) = stored();
    let breakages: [(&str, Breakage<Segment>); 4] = [
        ("Error RFC 8216 4.1", |segment| segment.size_bytes += 1),
        ("Error HLS-AUTH 7.3", |segment| segment.start_ticks += 1),
        ("Error HLS-AUTH 8.1", |segment| segment.duration_ticks -= 1),
        ("Error HLS-AUTH 6.10", |segment| segment.iframes[1].offset_bytes += 1),
    ];
    for (rule, breakage) in breakages {
        let mut segment = good.clone();
        breakage(&mut segment);
        assert_eq!(rules(&check_segment(&rendition, &segment, &bytes)), [rule]);
    }
}

#[test]
fn a_segment_with_wrong_bytes_is_caught() {
    let (rendition, segment, bytes) = stored();
    let breakages: [(&str, &[u8], &[u8]); 7] = [
        ("Error HLS-AUTH 7.4", &[0x65, 0x80], &[0x41, 0x80]),
        ("Warning HLS-AUTH 1.10", &[0x65, 0x80], &[0x67, 0x80]),
        ("Warning CMAF 7.3.3.1", b"styp", b"free"),
        ("Error CMAF 7.3.2", b"tfdt", b"free"),
        ("Error CMAF 7.3.2", b"mdat", b"free"),
        // The P picture is shown at once with the B picture, or the last one after the end.
        ("Error HLS-AUTH 7.1", &[0, 0, 4, 0xb0], &[0, 0, 3, 0x20]),
        ("Error HLS-AUTH 7.1", &[0, 0, 4, 0xb0], &[0, 0, 6, 0x40]),
    ];
    for (rule, from, to) in breakages {
        let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
        let mut broken = bytes.to_vec();
        broken[at..at + to.len()].copy_from_slice(to);
        let found = rules(&check_segment(&rendition, &segment, &broken));
        assert!(found.iter().any(|found| found == rule), "{rule} is not in {found:?}");
    }
    assert_eq!(rules(&check_segment(&rendition, &segment, &bytes[..100])), ["Error RFC 8216 4.1", "Error CMAF 7.3.2"]);
}

#[test]
fn an_init_segment_that_differs_from_its_row_is_caught() {
    let rendition = video("540p", (960, 540), 1, &[], 0).rendition;
    let with_sps = |sps: &'static [u8]| {
        cmaf::Configuration::Avc(cmaf::ParameterSets { sps: Bytes::from_static(sps), pps: Bytes::from_static(&[0x68, 0xeb]) })
    };
    let track = VideoTrack {
        timescale: 10_000,
        width: 960,
        height: 540,
        frame_rate: Ratio::new(25, 1),
        edit_ticks: cmaf::edit_ticks(10_000, Ratio::new(25, 1)),
        configuration: with_sps(&[0x67, 0x64, 0x00, 0x1f, 0xac]),
        colour: cmaf::Colour::BT709,
    };
    let init = |track: VideoTrack| track.init_segment().unwrap();
    assert_eq!(check_init(&rendition, &init(track.clone())), []);
    let higher = with_sps(&[0x67, 0x64, 0x00, 0x28, 0xac]);
    assert_eq!(rules(&check_init(&rendition, &init(VideoTrack { timescale: 90_000, ..track.clone() })))[0], "Error CMAF 7.5.5");
    for (rule, track) in [
        ("Error CMAF 7.5.13", VideoTrack { edit_ticks: 400, ..track.clone() }),
        ("Error HLS-AUTH 9.2", VideoTrack { width: 640, ..track.clone() }),
        ("Error RFC 8216 6.2.4", VideoTrack { configuration: higher, ..track.clone() }),
    ] {
        assert_eq!(rules(&check_init(&rendition, &init(track))), [rule]);
    }
    let mut unbranded = init(track).to_vec();
    let at = unbranded.windows(4).position(|window| window == b"cmfc").unwrap();
    unbranded[at] = b'x';
    assert_eq!(rules(&check_init(&rendition, &unbranded)), ["Error CMAF 7.2"]);
    assert_eq!(rules(&check_init(&rendition, b"text")), ["Error CMAF 7.3.1"]);
}

#[test]
fn findings_are_printed_and_stored() {
    let finding = Finding { severity: Severity::Error, rule: "HLS-AUTH 7.7".into(), message: "too long".to_owned() };
    assert_eq!(finding.to_string(), "error, HLS-AUTH 7.7: too long");
    let json = serde_json::to_string(&finding).unwrap();
    assert_eq!(json, r#"{"severity":"error","rule":"HLS-AUTH 7.7","message":"too long"}"#);
    assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
    assert!(Severity::Warning < Severity::Error);
}

#[test]
fn text_segments_are_read_and_held_to_their_time() {
    let track = text("text-0", ("English", "en", false), &[0; 3]);
    let cue = |start_ms, end_ms| Cue { start_ms, end_ms, settings: String::new(), text: "words".into() };
    let findings = |bytes: &str| {
        let segment = Segment { size_bytes: bytes.len() as u64, ..track.segments[1].clone() };
        rules(&check_segment(&track.rendition, &segment, bytes.as_bytes()))
    };
    let good = webvtt::segment(&[cue(1000, 6500), cue(7000, 8000), cue(11_900, 30_000)]);
    assert_eq!(findings(&good), Vec::<String>::new());
    assert_eq!(findings(&webvtt::segment([])), Vec::<String>::new());
    assert_eq!(findings(&webvtt::segment(&[cue(1000, 5900)])), ["Error RFC 8216 3.5"]);
    assert_eq!(findings(&webvtt::segment(&[cue(12_100, 13_000)])), ["Error RFC 8216 3.5"]);
    assert_eq!(findings(&good.replace(" --> ", " ")), ["Error RFC 8216 3.5"]);
    assert_eq!(findings(&good.replace("MPEGTS:0", "MPEGTS:900000")), ["Error HLS-AUTH 5.3"]);
    let longer = check_segment(&track.rendition, &track.segments[1], good.as_bytes());
    assert_eq!(rules(&longer), ["Error RFC 8216 4.1"]);
}
