//! Playlists by value, and read back.

use super::*;
use crate::{
    model::{Media, Rendition},
    sample::{audio, many_codecs, presentation, surround, text, video},
};
use m3u8_rs::{MasterPlaylist, MediaPlaylist, parse_master_playlist_res, parse_media_playlist_res};
use marquee_core::{presentation::Steering, source::CaptionChannel};

fn read_master(text: &str) -> MasterPlaylist {
    parse_master_playlist_res(text.as_bytes()).unwrap()
}

fn read_media(text: &str) -> MediaPlaylist {
    parse_media_playlist_res(text.as_bytes()).unwrap()
}

/// A title of one track.
fn alone(track: &Track) -> Presentation {
    Presentation { tracks: vec![track.clone()], ..Presentation::default() }
}

fn media_alone(track: &Track, kind: Kind, base: &str) -> String {
    media(&alone(track), track, kind, base)
}

#[test]
fn the_final_master_is_this() {
    let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a/eng-128k/playlist.m3u8\",GROUP-ID=\"aac-128k\",LANGUAGE=\"en\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"a/eng-64k/playlist.m3u8\",GROUP-ID=\"aac-64k\",LANGUAGE=\"en\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"
#EXT-X-STREAM-INF:BANDWIDTH=2128114,AVERAGE-BANDWIDTH=1927963,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=960x540,FRAME-RATE=25.000,VIDEO-RANGE=SDR,STABLE-VARIANT-ID=\"540p/aac-128k\",AUDIO=\"aac-128k\",CLOSED-CAPTIONS=NONE
v/540p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=274781,AVERAGE-BANDWIDTH=267963,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=416x234,FRAME-RATE=25.000,VIDEO-RANGE=SDR,STABLE-VARIANT-ID=\"234p/aac-128k\",AUDIO=\"aac-128k\",CLOSED-CAPTIONS=NONE
v/234p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=210724,AVERAGE-BANDWIDTH=203982,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=416x234,FRAME-RATE=25.000,VIDEO-RANGE=SDR,STABLE-VARIANT-ID=\"234p/aac-64k\",AUDIO=\"aac-64k\",CLOSED-CAPTIONS=NONE
v/234p/playlist.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=750000,AVERAGE-BANDWIDTH=675000,CODECS=\"avc1.64001f\",RESOLUTION=960x540,VIDEO-RANGE=SDR,URI=\"v/540p/iframes.m3u8\"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=55000,AVERAGE-BANDWIDTH=52500,CODECS=\"avc1.64001f\",RESOLUTION=416x234,VIDEO-RANGE=SDR,URI=\"v/234p/iframes.m3u8\"
";
    assert_eq!(master(&presentation()), expected);
}

#[test]
fn subtitles_are_one_group_of_every_variant() {
    let mut presentation = presentation();
    presentation.tracks.extend([
        text("text-0", ("English", "en", false), &[60; 3]),
        text("text-1", ("Signs", "en", true), &[60; 3]),
        text("text-2", ("Commentary", "en", false), &[60; 3]),
    ]);
    if let Media::Text { hearing_impaired, .. } = &mut presentation.tracks[4].rendition.media {
        *hearing_impaired = true;
    }
    let text = master(&presentation);
    let expected = "\
#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"s/text-0/playlist.m3u8\",GROUP-ID=\"text\",LANGUAGE=\"en\",NAME=\"English\",AUTOSELECT=YES,\
CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound\"
#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"s/text-1/playlist.m3u8\",GROUP-ID=\"text\",LANGUAGE=\"en\",NAME=\"Signs\",AUTOSELECT=YES,FORCED=YES
#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"s/text-2/playlist.m3u8\",GROUP-ID=\"text\",LANGUAGE=\"en\",NAME=\"Commentary\"
";
    assert!(text.contains(expected), "{text}");
    let read = read_master(&text);
    assert!(read.variants.iter().all(|variant| variant.is_i_frame != (variant.subtitles.as_deref() == Some("text"))), "{text}");
    assert!(growing_master(&presentation).contains(expected));
}

#[test]
fn a_playlist_of_text_names_no_init_segment() {
    let track = text("text-0", ("English", "en", false), &[60; 2]);
    let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-PLAYLIST-TYPE:VOD
#EXTINF:6.000000,
000001.vtt
#EXTINF:6.000000,
000002.vtt
#EXT-X-ENDLIST
";
    assert_eq!(media_alone(&track, Kind::Vod, ""), expected);
}

#[test]
fn the_final_media_playlists_are_these() {
    let presentation = presentation();
    let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI=\"init.mp4\"
#EXTINF:6.016000,
000001.m4s
#EXTINF:5.994667,
000002.m4s
#EXTINF:5.994666,
000003.m4s
#EXT-X-ENDLIST
";
    assert_eq!(media(&presentation, &presentation.tracks[2], Kind::Vod, ""), expected);

    let read = read_media(&media(&presentation, &presentation.tracks[0], Kind::Vod, ""));
    assert_eq!(read.segments.iter().map(|segment| segment.duration).collect::<Vec<_>>(), [6.0, 6.0, 6.0]);
    assert!(read.end_list && read.start.is_none());
}

#[test]
fn an_iframe_playlist_points_into_the_segments() {
    let track = video("234p", (416, 234), 200_000, &[80_000, 40_000], 30_000);
    let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-I-FRAMES-ONLY
#EXT-X-MAP:URI=\"init.mp4\"
#EXT-X-BYTERANGE:10000@24
#EXTINF:2.000000,
000001.m4s
#EXT-X-BYTERANGE:10000@20024
#EXTINF:2.000000,
000001.m4s
#EXT-X-BYTERANGE:10000@40024
#EXTINF:2.000000,
000001.m4s
#EXT-X-BYTERANGE:5000@24
#EXTINF:2.000000,
000002.m4s
#EXT-X-BYTERANGE:5000@10024
#EXTINF:1.000000,
000002.m4s
#EXT-X-ENDLIST
";
    assert_eq!(iframes(&alone(&track), &track), expected);
    assert!(read_media(&iframes(&alone(&track), &track)).i_frames_only);
}

#[test]
fn a_growing_playlist_starts_at_the_start_and_stops_at_a_gap() {
    let mut track = video("234p", (416, 234), 200_000, &[1, 2, 3, 4], 60_000);
    track.segments.remove(2);
    let base = "../../../../../media/vid_1/enc_2/v/234p/";
    let read = read_media(&media_alone(&track, Kind::Event { ended: false }, base));
    let uris: Vec<_> = read.segments.iter().map(|segment| segment.uri.as_str()).collect();
    assert_eq!(uris, [format!("{base}000001.m4s"), format!("{base}000002.m4s")]);
    assert_eq!(read.segments[0].map.as_ref().unwrap().uri, format!("{base}init.mp4"));
    assert_eq!(read.playlist_type, Some(m3u8_rs::MediaPlaylistType::Event));
    assert_eq!(read.start.unwrap().time_offset, 0.0);
    assert!(!read.end_list);

    let ended = read_media(&media_alone(&track, Kind::Event { ended: true }, base));
    assert!(ended.end_list);
    assert_eq!(ended.playlist_type, Some(m3u8_rs::MediaPlaylistType::Event));
}

#[test]
fn a_growing_playlist_is_a_prefix_of_what_it_becomes() {
    let whole = video("234p", (416, 234), 200_000, &[10; 7], 31_337);
    let full = media_alone(&whole, Kind::Event { ended: false }, "");
    for count in 0..whole.segments.len() {
        let mut early = whole.clone();
        early.segments.truncate(count);
        let text = media_alone(&early, Kind::Event { ended: false }, "");
        assert!(full.starts_with(&text), "{count}: {text}");
    }
}

#[test]
fn a_growing_master_lists_what_has_begun_at_its_declared_rates() {
    let mut presentation = presentation();
    presentation.tracks[0].segments.clear();
    // Its second segment is there, its first is not.
    presentation.tracks[2].segments.remove(0);
    let read = read_master(&growing_master(&presentation));
    let variants: Vec<_> =
        read.variants.iter().map(|variant| (variant.uri.as_str(), variant.bandwidth, variant.audio.as_deref())).collect();
    assert_eq!(variants, [("v/234p/playlist.m3u8", 328_000, Some("aac-64k"))]);
    assert_eq!(read.alternatives.len(), 1);
    assert!(read.variants.iter().all(|variant| variant.average_bandwidth.is_none()), "nothing is measured yet");
}

#[test]
fn surround_comes_after_all_stereo_with_every_rung_and_every_language() {
    let mut presentation = presentation();
    for (group, size) in [("aac-128k", 96_000), ("aac-64k", 48_000)] {
        presentation.tracks.push(audio(&format!("deu-{group}"), group, ("Deutsch", "de", false), &[size; 3]));
    }
    presentation.tracks.push(surround("eng-51", ("English", "en", true), &[240_000; 3]));
    let read = read_master(&master(&presentation));
    let group = |name: &str| {
        let members = read.alternatives.iter().filter(|media| media.group_id == name);
        let described = |media: &m3u8_rs::AlternativeMedia| {
            (media.name.clone(), media.uri.clone().unwrap(), media.channels.clone().unwrap(), media.default)
        };
        members.map(described).collect::<Vec<_>>()
    };
    let member = |name: &str, id: &str, channels: &str, default| {
        (name.to_owned(), format!("a/{id}/playlist.m3u8"), channels.to_owned(), default)
    };
    let german = member("Deutsch", "deu-aac-128k", "2", false);
    assert_eq!(group("aac-51"), [member("English", "eng-51", "6", true), german.clone()], "stereo stands in");
    assert_eq!(group("aac-128k"), [member("English", "eng-128k", "2", true), german]);
    assert_eq!(group("aac-64k").len(), 2);
    let variants: Vec<_> = read.variants.iter().filter(|variant| !variant.is_i_frame).collect();
    let offered: Vec<_> = variants.iter().map(|variant| (&variant.uri[2..6], variant.audio.as_deref().unwrap())).collect();
    let stereo = [("540p", "aac-128k"), ("234p", "aac-128k"), ("234p", "aac-64k")];
    assert_eq!(offered, [&stereo[..], &[("540p", "aac-51"), ("234p", "aac-51")]].concat());
    let lowest = variants.iter().min_by_key(|variant| variant.bandwidth).unwrap();
    assert_eq!(lowest.audio.as_deref(), Some("aac-64k"), "for the thinnest lines");
    // 1 500 000 bytes of picture and 240 000 of sound in 6 s at most: the heaviest member counts.
    assert!((2_300_000..2_330_000).contains(&variants[3].bandwidth), "{}", variants[3].bandwidth);

    let begun = |track: &Track| track.rendition.id.ends_with("51") || matches!(track.rendition.media, Media::Video { .. });
    presentation.tracks.retain(begun);
    let read = read_master(&growing_master(&presentation));
    let groups: Vec<_> = read.variants.iter().map(|variant| variant.audio.as_deref()).collect();
    assert_eq!(groups, [Some("aac-51"); 2], "better than silence");
}

#[test]
fn other_codecs_come_after_h264_with_the_same_sound_and_scores_tell_which_is_better() {
    let mut presentation = many_codecs();
    let read = read_master(&master(&presentation));
    let streams = || read.variants.iter().filter(|stream| !stream.is_i_frame);
    let rungs: Vec<_> = streams().map(|stream| stream.uri.split('/').nth(1).unwrap()).collect();
    assert_eq!(rungs, ["540p", "234p", "234p", "540p-hevc", "540p-av1", "360p-av1"]);
    let score = |stream: &m3u8_rs::VariantStream| match &stream.other_attributes.as_ref().unwrap()["SCORE"] {
        m3u8_rs::QuotedOrUnquoted::Unquoted(text) => text.parse::<u32>().unwrap(),
        quoted @ m3u8_rs::QuotedOrUnquoted::Quoted(_) => panic!("{quoted}"),
    };
    // AV1 at 1.1 Mb/s is better than H.264 at 1.9; so is HEVC at 1.3, if not as much.
    assert_eq!(streams().map(score).collect::<Vec<_>>(), [4, 2, 1, 5, 6, 3]);
    let codecs: Vec<_> = streams().map(|stream| stream.codecs.as_deref().unwrap()).collect();
    assert_eq!(codecs[3..5], ["hvc1.1.6.L90.90,mp4a.40.2", "av01.0.04M.08,mp4a.40.2"]);
    assert!(streams().skip(3).all(|stream| stream.audio.as_deref() == Some("aac-128k")));
    let trick: Vec<_> = read.variants.iter().filter(|stream| stream.is_i_frame).map(|stream| stream.codecs.clone()).collect();
    assert_eq!(trick.len(), 5, "every rung of every codec: {trick:?}");

    let growing = growing_master(&presentation);
    assert!(!growing.contains("av01") && !growing.contains("hvc1") && !growing.contains("SCORE"), "{growing}");
    presentation.tracks.push(surround("eng-51", ("English", "en", true), &[240_000; 3]));
    let read = read_master(&master(&presentation));
    let groups: Vec<_> = read.variants.iter().filter_map(|stream| stream.audio.as_deref()).collect();
    assert_eq!(groups.iter().filter(|group| **group == "aac-51").count(), 5, "every rung once more");
    assert!(groups[6..].iter().all(|group| *group == "aac-51"), "{groups:?}");
    assert_eq!(master(&presentation), master(&presentation), "the same text each time");
}

#[test]
fn without_sound_there_is_no_audio_attribute() {
    let mut presentation = presentation();
    presentation.tracks.truncate(2);
    let read = read_master(&master(&presentation));
    assert!(read.alternatives.is_empty());
    assert!(read.variants.iter().all(|variant| variant.audio.is_none()));
    assert_eq!(read.variants[0].codecs.as_deref(), Some("avc1.64001f"));
    assert_eq!(read.variants.iter().filter(|variant| !variant.is_i_frame).count(), 2);
}

#[test]
fn the_first_variant_is_near_two_megabits_and_the_rest_descend() {
    let table = [
        (vec![6_000, 4_000, 2_400, 1_700, 300], vec![1_700, 6_000, 4_000, 2_400, 300]),
        (vec![6_000, 4_000, 1_100, 300], vec![1_100, 6_000, 4_000, 300]),
        (vec![6_000, 4_000], vec![4_000, 6_000]),
        (vec![300, 145], vec![300, 145]),
        (vec![], vec![]),
    ];
    for (rates_kbps, expected) in table {
        let rung = |kbps: &u64| video(&format!("{kbps}k"), (416, 234), 1, &[kbps * 750; 2], 60_000);
        let presentation = Presentation { tracks: rates_kbps.iter().map(rung).collect(), ..Presentation::default() };
        let order: Vec<_> = variants(&presentation, |track| crate::bitrate::Bitrate::of_track(track, 6))
            .iter()
            .map(|variant| variant.bitrate.average_bps / 1000)
            .collect();
        assert_eq!(order, expected);
    }
}

#[test]
fn names_from_files_cannot_break_a_line_or_an_attribute() {
    let mut presentation = presentation();
    presentation.tracks[2] = audio("a", "g", ("Di\"rector\n#EXT-X-ENDLIST", "en", true), &[1]);
    let text = master(&presentation);
    assert!(!text.lines().any(|line| line == "#EXT-X-ENDLIST"));
    assert_eq!(read_master(&text).alternatives[0].name, "Di'rector#EXT-X-ENDLIST");

    presentation.tracks[2] = audio("a", "g", ("\n", "", true), &[1]);
    let alternative = &read_master(&master(&presentation)).alternatives[0];
    assert_eq!((alternative.name.as_str(), alternative.language.as_deref()), ("a", Some("und")));
}

#[test]
fn players_select_one_rendition_per_language_by_themselves() {
    let tracks = vec![
        audio("en-1", "g", ("English", "en", false), &[1]),
        audio("en-2", "g", ("Director", "en", true), &[1]),
        audio("de-1", "g", ("Deutsch", "de", false), &[1]),
        audio("de-2", "g", ("Regie", "de", false), &[1]),
    ];
    let read = read_master(&master(&Presentation { tracks, ..Presentation::default() }));
    let flags: Vec<_> = read.alternatives.iter().map(|media| (media.default, media.autoselect)).collect();
    assert_eq!(flags, [(false, false), (true, true), (false, true), (false, false)]);
}

#[test]
fn frame_rates_have_three_decimals() {
    for (num, den, expected) in [(30_000, 1001, "29.970"), (24_000, 1001, "23.976"), (60, 1, "60.000"), (25, 2, "12.500")] {
        let mut track = video("540p", (960, 540), 1, &[1], 60_000);
        track.rendition.media = Media::Video { width: 960, height: 540, frame_rate: marquee_core::source::Ratio::new(num, den) };
        let text = master(&Presentation { tracks: vec![track], ..Presentation::default() });
        assert!(text.contains(&format!("FRAME-RATE={expected},")), "{text}");
    }
}

#[test]
fn durations_never_drift_from_the_truth() {
    // 29.97 frames per second, six hours.
    let mut track = video("540p", (960, 540), 1, &[1; 3600], 60_000);
    for (segment, start) in track.segments.iter_mut().zip((0..).step_by(180_180)) {
        (segment.start_ticks, segment.duration_ticks) = (start, 180_180);
    }
    track.rendition = Rendition { timescale: 30_000, ..track.rendition };
    let mut listed = 0.0;
    for (index, segment) in read_media(&media_alone(&track, Kind::Vod, "")).segments.iter().enumerate() {
        listed += f64::from((f64::from(segment.duration) * 1e6).round() as u32) / 1e6;
        let truth = (index + 1) as f64 * 6.006;
        assert!((listed - truth).abs() < 2e-6, "{index}: {listed} {truth}");
    }
}

#[test]
fn the_target_duration_of_a_growing_playlist_never_changes() {
    // A picture of variable rate: its first segment ends where the late first frame of the second is shown.
    let mut whole = presentation();
    for track in &mut whole.tracks[..2] {
        track.rendition.timescale = 90_000;
        for (segment, (start, end)) in
            track.segments.iter_mut().zip([(0_u64, 715_000), (715_000, 1_080_000), (1_080_000, 1_620_000)])
        {
            (segment.start_ticks, segment.duration_ticks) = (start, end - start);
        }
    }
    for count in 1..=3 {
        let mut early = whole.clone();
        early.tracks.iter_mut().for_each(|track| track.segments.truncate(count));
        assert_eq!(growing_target_duration_s(&early), 8, "{count}");
        early.tracks[0].segments[0].duration_ticks = 540_000;
        early.tracks.truncate(1);
        assert_eq!(growing_target_duration_s(&early), 8, "nothing long yet, {count}");
    }
    assert_eq!(target_duration_s(&whole), 8, "the final playlist says what is true");
    whole.tracks[0].segments[0].duration_ticks = 540_000;
    whole.tracks[1].segments[0].duration_ticks = 540_000;
    assert_eq!(target_duration_s(&whole), 6);
}

#[test]
fn the_target_duration_of_a_constant_rate_is_known_from_its_grid() {
    for ((num, den), timescale, expected) in
        [((25, 1), 10_000, 6), ((30_000, 1001), 30_000, 6), ((103, 10), 10_094, 6), ((1, 2), 10_000, 6), ((1, 10), 10_000, 30)]
    {
        let mut track = video("540p", (960, 540), 1, &[1], 1);
        let frame_rate = marquee_core::source::Ratio::new(num, den);
        track.rendition = Rendition { timescale, media: Media::Video { width: 960, height: 540, frame_rate }, ..track.rendition };
        assert_eq!(
            growing_target_duration_s(&Presentation { tracks: vec![track], ..Presentation::default() }),
            expected,
            "{num}/{den}"
        );
    }
}

#[test]
fn the_target_duration_is_one_for_all_and_never_below_six() {
    let mut presentation = presentation();
    assert_eq!(target_duration_s(&presentation), 6);
    presentation.tracks[1].segments[0].duration_ticks = 65_000;
    assert_eq!(target_duration_s(&presentation), 7);
    presentation.tracks.clear();
    assert_eq!(target_duration_s(&presentation), 6);
}

#[test]
fn closed_captions_are_offered_with_the_pictures_that_carry_them() {
    let captions = vec![CaptionChannel::Cc1, CaptionChannel::Cc3, CaptionChannel::Service(1), CaptionChannel::Service(63)];
    let title = Presentation { captions, ..many_codecs() };
    for text in [master(&title), growing_master(&title)] {
        let media = "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"captions\"";
        for channel in [
            "LANGUAGE=\"en\",NAME=\"Closed captions\",AUTOSELECT=YES,INSTREAM-ID=\"CC1\"",
            "LANGUAGE=\"und\",NAME=\"Closed captions 2\",INSTREAM-ID=\"CC3\"",
            "LANGUAGE=\"en\",NAME=\"Closed captions 3\",INSTREAM-ID=\"SERVICE1\"",
            "LANGUAGE=\"und\",NAME=\"Closed captions 4\",INSTREAM-ID=\"SERVICE63\"",
        ] {
            assert!(text.contains(&format!("{media},{channel}\n")), "{text}");
        }
        for line in text.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF")) {
            assert_eq!(line.contains(",CLOSED-CAPTIONS=\"captions\""), line.contains("avc1"), "{line}");
            assert!(!line.contains("CLOSED-CAPTIONS=NONE"), "{line}");
        }
    }
    assert!(!master(&many_codecs()).contains("TYPE=CLOSED-CAPTIONS"));
}

#[test]
fn steered_players_are_told_by_whom_and_where_they_are() {
    let by = Steering { url: "https://steer.example/a?b=\"c".parse().unwrap(), pathway: "main".to_owned() };
    let title = Presentation { steering: Some(by), ..presentation() };
    for text in [master(&title), growing_master(&title)] {
        let tag = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"https://steer.example/a?b=%22c\",PATHWAY-ID=\"main\"\n";
        assert_eq!(text.matches(tag).count(), 1, "{text}");
        let variants = text.lines().filter(|line| line.contains("STREAM-INF:"));
        assert!(variants.into_iter().all(|line| line.contains(",PATHWAY-ID=\"main\"")), "{text}");
        assert_eq!(read_master(&text).variants.len(), text.matches("STREAM-INF:").count());
    }
    assert!(!master(&presentation()).contains("PATHWAY-ID"));
}
