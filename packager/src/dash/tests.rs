//! What is written is what was to be said, and can be read back.

use super::*;
use crate::{
    gate,
    model::Presentation,
    sample::{audio, many_codecs, presentation, surround, text, thumbnails, video},
};
use dash_mpd_core::AdaptationSet;
use marquee_core::{
    presentation::Steering,
    source::{CaptionChannel, Ratio},
};

fn read(presentation: &Presentation, thumbnails: Option<&Thumbnails>) -> Vec<AdaptationSet> {
    let text = manifest(presentation, thumbnails);
    assert_eq!(gate::check_manifest(presentation, thumbnails, &text), [], "{text}");
    let mpd = dash_mpd_core::parse(&text).unwrap();
    assert_eq!(dash_mpd_core::check_conformity(&mpd), Vec::<String>::new());
    mpd.periods[0].adaptations.clone()
}

/// A set in a few words: its kind, language, roles and representations.
fn told(set: &AdaptationSet) -> String {
    let ids: Vec<_> = set.representations.iter().filter_map(|one| one.id.clone()).collect();
    let roles: Vec<_> = set.Role.iter().filter_map(|role| role.value.clone()).collect();
    let kind = set.contentType.as_deref().unwrap_or_default();
    format!("{kind} {} {}: {}", set.lang.as_deref().unwrap_or("-"), roles.join("+"), ids.join(" "))
}

#[test]
fn a_manifest_says_what_there_is() {
    let one = Presentation { tracks: vec![presentation().tracks.remove(1)], ..Presentation::default() };
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"static\" \
        mediaPresentationDuration=\"PT18S\" minBufferTime=\"PT6S\" ";
    let text = manifest(&one, None);
    assert!(text.starts_with(expected), "{text}");
    let period = "<Period id=\"0\" start=\"PT0S\"><AdaptationSet id=\"1\" contentType=\"video\" par=\"16:9\" segmentAlignment=\"true\" \
        mimeType=\"video/mp4\" maxWidth=\"416\" maxHeight=\"234\" maxFrameRate=\"25\" startWithSAP=\"1\">\
        <SegmentTemplate media=\"v/$RepresentationID$/$Number%06d$.m4s\" initialization=\"v/$RepresentationID$/init.mp4\" \
        startNumber=\"1\" timescale=\"10000\"><SegmentTimeline><S t=\"0\" d=\"60000\" r=\"2\"/></SegmentTimeline></SegmentTemplate>\
        <Representation id=\"234p\" bandwidth=\"146667\" width=\"416\" height=\"234\" sar=\"1:1\" frameRate=\"25\" \
        codecs=\"avc1.64001f\"/></AdaptationSet></Period></MPD>\n";
    assert!(text.ends_with(period), "{text}");
}

#[test]
fn tracks_between_which_players_switch_are_one_set() {
    let mut all = many_codecs();
    all.tracks.push(surround("eng-51", ("English", "en", true), &[240_000; 3]));
    all.tracks.push(audio("deu-128k", "aac-128k", ("Deutsch", "de", false), &[96_000; 3]));
    all.tracks.push(text("text-0", ("English", "en", false), &[60, 600, 60]));
    all.tracks.push(text("text-1", ("Signs", "en", true), &[60; 3]));
    if let Media::Text { hearing_impaired, .. } = &mut all.tracks.iter_mut().rev().nth(1).unwrap().rendition.media {
        *hearing_impaired = true;
    }
    let pictures = thumbnails();
    let sets = read(&all, Some(&pictures));
    assert_eq!(
        sets.iter().map(told).collect::<Vec<_>>(),
        [
            "video - : 540p 234p",
            "video - : 540p-hevc",
            "video - : 540p-av1 360p-av1",
            "audio en main: eng-128k eng-64k",
            "audio en main: eng-51",
            "audio de alternate: deu-128k",
            "text en caption: text-0",
            "text en subtitle+forced-subtitle: text-1",
            "image - : thumbs",
        ]
    );
    let channels = |set: &AdaptationSet| set.AudioChannelConfiguration[0].value.clone().unwrap();
    assert_eq!((channels(&sets[3]), channels(&sets[4])), ("2".into(), "6".into()));
    assert_eq!((sets[6].Accessibility.len(), sets[7].Accessibility.len()), (1, 0));
    assert_eq!(sets[7].Label[0].content, "Signs");
}

#[test]
fn what_is_cut_otherwise_is_no_set_to_switch_in() {
    let mut title = presentation();
    let last = title.tracks[3].segments.last_mut().unwrap();
    last.duration_ticks -= 1024;
    assert_eq!(read(&title, None).len(), 3, "two qualities of one language that do not end together");
    let mut title = presentation();
    title.tracks[3].rendition.edit_ticks = 2112;
    assert_eq!(read(&title, None).len(), 3, "or whose encoders need another start");
}

#[test]
fn times_are_those_of_the_ledger_in_runs_of_equal_length() {
    let mut title = presentation();
    for track in &mut title.tracks[..2] {
        // The first segment is short.
        for segment in &mut track.segments {
            segment.start_ticks = segment.start_ticks.saturating_sub(40_000);
            segment.iframes.retain(|frame| frame.start_ticks >= 40_000);
        }
        track.segments[0].duration_ticks = 20_000;
    }
    let text = manifest(&title, None);
    let picture = "<S t=\"0\" d=\"20000\"/><S d=\"60000\" r=\"1\"/>";
    assert!(text.contains(picture) && text.contains("mediaPresentationDuration=\"PT14S\""), "{text}");
    assert!(text.contains("<S t=\"0\" d=\"288768\"/><S d=\"287744\" r=\"1\"/>"), "{text}");
}

#[test]
fn a_title_that_is_shorter_than_the_buffer_has_its_own_rate() {
    let second = Presentation { tracks: vec![video("234p", (416, 234), 500_000, &[25_000], 10_000)], ..Presentation::default() };
    let set = &read(&second, None)[0];
    assert_eq!(set.representations[0].bandwidth, Some(200_000));
}

#[test]
fn rates_of_frames_are_fractions_and_half_of_them_is_the_same_set() {
    let mut title = presentation();
    let rate = |track: &mut Track, num, den| {
        if let Media::Video { frame_rate, .. } = &mut track.rendition.media {
            *frame_rate = Ratio::new(num, den);
        }
    };
    rate(&mut title.tracks[0], 60_000, 1001);
    rate(&mut title.tracks[1], 30_000, 1001);
    let sets = read(&title, None);
    let rates: Vec<_> = sets[0].representations.iter().filter_map(|one| one.frameRate.clone()).collect();
    assert_eq!((rates, sets[0].maxFrameRate.as_deref()), (vec!["60000/1001".into(), "30000/1001".into()], Some("60000/1001")));
}

#[test]
fn names_out_of_files_cannot_break_the_manifest() {
    let mut title = presentation();
    let name = "</Label><Role value=\"main\"/> & \u{1}\u{ffff}'\"";
    title.tracks.push(audio("x", "aac-128k", (name, "de", false), &[96_000; 3]));
    title.tracks.push(text("t", ("\u{1}", "en", false), &[60; 3]));
    let sets = read(&title, None);
    assert_eq!(sets[2].Label[0].content, "</Label><Role value=\"main\"/> & '\"");
    assert!(sets[3].Label.is_empty(), "a name of nothing is none");
}

#[test]
fn nothing_and_too_much_are_written_too() {
    for title in
        [Presentation::default(), Presentation { tracks: vec![video("x", (0, 0), 0, &[], 0)], ..Presentation::default() }]
    {
        assert!(manifest(&title, None).contains("mediaPresentationDuration=\"PT0S\""));
    }
    let mut title = presentation();
    for segment in title.tracks.iter_mut().flat_map(|track| &mut track.segments) {
        (segment.start_ticks, segment.duration_ticks, segment.size_bytes) = (u64::MAX, u64::MAX, u64::MAX);
    }
    assert!(manifest(&title, None).contains("18446744073709551615"));
}

#[test]
fn closed_captions_are_told_of_the_set_that_carries_them() {
    let captions = vec![CaptionChannel::Cc1, CaptionChannel::Cc3, CaptionChannel::Service(1), CaptionChannel::Service(63)];
    let title = Presentation { captions, ..many_codecs() };
    let told = |set: &AdaptationSet| set.Accessibility.iter().filter_map(|one| one.value.clone()).collect::<Vec<_>>();
    let sets = read(&title, None);
    assert_eq!(
        sets.iter().map(told).collect::<Vec<_>>(),
        [vec!["CC1=eng;CC3=und", "1=lang:eng;63=lang:und"], vec![], vec![], vec![]]
    );
    let schemes = sets[0].Accessibility.iter().map(|one| one.schemeIdUri.as_str());
    assert!(schemes.eq(["urn:scte:dash:cc:cea-608:2015", "urn:scte:dash:cc:cea-708:2015"]));
    let services = read(&Presentation { captions: vec![CaptionChannel::Service(2)], ..many_codecs() }, None);
    assert_eq!(told(&services[0]), ["2=lang:und"]);
}

#[test]
fn steered_players_are_told_by_whom_and_where_they_are() {
    let by = Steering { url: "https://steer.example/a?b=1&c=\"<d".parse().unwrap(), pathway: "main".to_owned() };
    let title = Presentation { steering: Some(by.clone()), ..presentation() };
    assert_eq!(read(&title, Some(&thumbnails())).len(), 3);
    let text = manifest(&title, None);
    let told = "<BaseURL serviceLocation=\"main\">./</BaseURL>\
        <ContentSteering defaultServiceLocation=\"main\" queryBeforeStart=\"false\">https://steer.example/a?b=1&amp;c=%22%3Cd\
        </ContentSteering><Period ";
    assert_eq!(text.matches(told).count(), 1, "{text}");
    assert_eq!(steering::read(&text), [steering::ContentSteering::of(&by)]);
    let plain = manifest(&presentation(), None);
    assert!(!plain.contains("ContentSteering") && !plain.contains("serviceLocation"));
    assert_eq!(steering::read(&plain), []);
    assert_eq!(steering::read("no manifest"), []);
}
