//! A good manifest passes; every broken one is caught by the rule it breaks.

use super::*;
use crate::{
    dash::manifest,
    gate::Severity,
    model::{Media, Segment},
    sample::{audio, many_codecs, presentation, surround, text, thumbnails, video},
};
use marquee_core::presentation::Steering;

/// A title with something of everything.
fn title() -> Presentation {
    let mut all = many_codecs();
    all.tracks.push(surround("eng-51", ("English", "en", true), &[240_000; 3]));
    all.tracks.push(audio("deu-128k", "aac-128k", ("Deutsch", "de", false), &[96_000; 3]));
    all.tracks.push(text("text-0", ("English", "en", false), &[60, 600, 60]));
    all.tracks.push(text("text-1", ("Signs", "en", true), &[60; 3]));
    let sdh = all.tracks.iter_mut().find(|track| track.rendition.id == "text-0").unwrap();
    if let Media::Text { hearing_impaired, .. } = &mut sdh.rendition.media {
        *hearing_impaired = true;
    }
    all
}

fn rules(findings: &[Finding]) -> Vec<&str> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.rule.as_ref()).collect()
}

/// The errors in the manifest of [`title`] after `from` was replaced by `to` at its first place.
fn found(from: &str, to: &str) -> Vec<Finding> {
    let (title, pictures) = (title(), thumbnails());
    let text = manifest(&title, Some(&pictures));
    assert!(text.contains(from), "{from} is not in {text}");
    check_manifest(&title, Some(&pictures), &text.replacen(from, to, 1))
}

#[test]
fn a_good_manifest_passes() {
    let (title, pictures) = (title(), thumbnails());
    assert_eq!(crate::gate::check(&title), []);
    assert_eq!(check_manifest(&title, Some(&pictures), &manifest(&title, Some(&pictures))), []);
    assert_eq!(check_manifest(&title, None, &manifest(&title, None)), []);
}

#[test]
fn every_broken_manifest_is_caught_by_its_rule() {
    let broken = [
        ("</Period>", "", "23009-1 5.2.1"),
        ("type=\"static\"", "type=\"dynamic\"", "23009-1 5.3.1.2"),
        ("type=\"static\"", "type=\"static\" minimumUpdatePeriod=\"PT2S\"", "23009-1 5.3.1.2"),
        ("mediaPresentationDuration=\"PT18S\"", "mediaPresentationDuration=\"PT18.04S\"", "23009-1 5.3.1.2"),
        ("minBufferTime=\"PT6S\"", "", "23009-1 5.3.1.2"),
        ("profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"", "", "23009-1 8.1"),
        ("start=\"PT0S\"", "start=\"PT1S\"", "23009-1 5.3.2.1"),
        ("</Period>", "</Period><Period start=\"PT18S\"/>", "23009-1 5.3.2.1"),
        ("start=\"PT0S\"", "start=\"PT0S\" duration=\"PT17S\"", "23009-1 5.3.2.2"),
        ("<AdaptationSet id=\"2\"", "<AdaptationSet id=\"1\"", "23009-1 5.3.3.2"),
        ("<AdaptationSet id=\"2\"", "<AdaptationSet id=\"two\"", "23009-1 5.3.3.2"),
        ("<Representation id=\"234p\"", "<Representation id=\"540p\"", "23009-1 5.3.5.2"),
        ("<Representation id=\"234p\"", "<Representation id=\"999p\"", "23009-1 5.3.5.1"),
        ("segmentAlignment=\"true\"", "", "23009-1 5.3.3.2"),
        ("startWithSAP=\"1\"", "startWithSAP=\"2\"", "IOP4 3.2.4"),
        ("mimeType=\"video/mp4\"", "mimeType=\"video/mp2t\"", "23009-1 5.3.7.2"),
        ("mimeType=\"audio/mp4\"", "mimeType=\"video/mp4\"", "23009-1 5.3.7.2"),
        ("mimeType=\"text/vtt\"", "mimeType=\"application/mp4\"", "23009-1 5.3.7.2"),
        ("codecs=\"avc1.64001f\"", "codecs=\"avc1.640028\"", "23009-1 5.3.7.2"),
        ("codecs=\"mp4a.40.2\"", "", "23009-1 5.3.7.2"),
        ("width=\"416\"", "width=\"640\"", "IOP4 3.2.4"),
        ("frameRate=\"25\"", "frameRate=\"24\"", "IOP4 3.2.4"),
        ("frameRate=\"25\"", "frameRate=\"25/0\"", "IOP4 3.2.4"),
        ("sar=\"1:1\"", "sar=\"4:3\"", "IOP4 3.2.4"),
        ("par=\"16:9\"", "par=\"4:3\"", "IOP4 3.2.4"),
        ("maxHeight=\"540\"", "maxHeight=\"360\"", "23009-1 5.3.3.2"),
        ("timescale=\"10000\"", "timescale=\"90000\"", "23009-1 5.3.9.2"),
        ("timescale=\"10000\"", "timescale=\"10000\" presentationTimeOffset=\"800\"", "23009-1 5.3.9.2"),
        ("timescale=\"10000\"", "timescale=\"10000\" duration=\"60000\"", "23009-1 5.3.9.2"),
        ("initialization=\"v/$RepresentationID$/init.mp4\"", "initialization=\"v/540p/init.mp4\"", "23009-1 5.3.9.4"),
        ("$Number%06d$", "$Number$", "23009-1 5.3.9.4"),
        ("$Number%06d$", "$Time$", "23009-1 5.3.9.4"),
        ("startNumber=\"1\"", "startNumber=\"0\"", "23009-1 5.3.9.4"),
        ("<S t=\"0\" d=\"60000\" r=\"2\"/>", "<S t=\"800\" d=\"60000\" r=\"2\"/>", "23009-1 5.3.9.6"),
        ("<S t=\"0\" d=\"60000\" r=\"2\"/>", "<S t=\"0\" d=\"60000\" r=\"1\"/>", "IOP5 4.3"),
        ("<S t=\"0\" d=\"60000\" r=\"2\"/>", "<S t=\"0\" d=\"60000\" r=\"3\"/>", "IOP5 4.3"),
        ("<S t=\"0\" d=\"60000\" r=\"2\"/>", "<S t=\"0\" d=\"60000\" r=\"-1\"/>", "23009-1 5.3.9.6"),
        ("<S t=\"0\" d=\"60000\" r=\"2\"/>", "<S t=\"0\" d=\"60000\" r=\"9223372036854775807\"/>", "23009-1 5.3.9.6"),
        ("<S t=\"0\" d=\"60000\" r=\"2\"/>", "<S t=\"0\" n=\"1\" d=\"60000\" r=\"2\"/>", "23009-1 5.3.9.6.2"),
        ("<S t=\"0\" d=\"60000\" r=\"2\"/>", "<S t=\"9007199254740992\" d=\"60000\" r=\"2\"/>", "IOP5 4"),
        ("bandwidth=\"146667\"", "bandwidth=\"146666\"", "23009-1 5.3.5.2"),
        ("bandwidth=\"146667\"", "bandwidth=\"166667\"", "23009-1 5.3.5.2"),
        ("bandwidth=\"146667\"", "", "23009-1 5.3.5.2"),
        ("lang=\"de\"", "lang=\"en\"", "IOP4 3.2.4"),
        ("audioSamplingRate=\"48000\"", "audioSamplingRate=\"44100\"", "IOP4 3.2.4"),
        ("cicp:ChannelConfiguration\" value=\"6\"", "cicp:ChannelConfiguration\" value=\"2\"", "23009-1 5.8.5.4"),
        ("role:2011\" value=\"main\"", "role:2011\" value=\"dub\"", "23009-1 5.8.5.5"),
        ("value=\"forced-subtitle\"", "value=\"main\"", "23009-1 5.8.5.5"),
        ("AudioPurposeCS:2007\" value=\"2\"", "AudioPurposeCS:2007\" value=\"1\"", "23009-1 5.8.4.3"),
        ("s/text-0/whole.vtt", "../text-0/whole.vtt", "23009-1 5.6.4"),
        ("mimeType=\"image/jpeg\"", "mimeType=\"image/png\"", "IOP4 6.2.6"),
        ("value=\"5x5\"", "value=\"5x4\"", "IOP4 6.2.6"),
        ("width=\"1200\"", "width=\"240\"", "IOP4 6.2.6"),
        ("$Number%04d$", "$Number%03d$", "23009-1 5.3.9.4"),
        ("duration=\"250000\"", "duration=\"10000\"", "IOP4 6.2.6"),
        ("duration=\"250000\"", "duration=\"10000\"", "IOP5 4.3"),
    ];
    for (index, (from, to, rule)) in broken.into_iter().enumerate() {
        let findings = found(from, to);
        assert!(rules(&findings).contains(&rule), "{index}: {rule} is not in {findings:?}");
    }
}

#[test]
fn tracks_that_are_left_out_or_cannot_be_switched_between_are_caught() {
    let mut title = title();
    let text = manifest(&title, None);
    title.tracks.push(audio("fra-128k", "aac-128k", ("Français", "fr", false), &[96_000; 3]));
    assert_eq!(rules(&check_manifest(&title, None, &text)), ["23009-1 5.3.5.1"]);
    let pictures = thumbnails();
    let offered = manifest(&presentation(), Some(&pictures));
    assert_eq!(rules(&check_manifest(&presentation(), None, &offered)), ["IOP4 6.2.6"], "sheets that are not there");
    let mut edited = presentation();
    let text = manifest(&edited, None);
    edited.tracks[1].rendition.edit_ticks = 0;
    assert_eq!(rules(&check_manifest(&edited, None, &text)), ["CMAF 7.3.4"]);
}

#[test]
fn tiles_that_are_fewer_than_the_title_needs_or_dearer_than_they_say_are_caught() {
    let title = presentation();
    let text = manifest(&title, Some(&thumbnails()));
    let mut heavy = thumbnails();
    heavy.sheets_bytes[0] *= 2;
    assert_eq!(rules(&check_manifest(&title, Some(&heavy), &text)), ["23009-1 5.3.5.2"]);
    let mut two = thumbnails();
    two.tiles.count = 26;
    assert_eq!(rules(&check_manifest(&title, Some(&two), &text)), ["IOP5 4.3"]);
}

#[test]
fn sound_that_ends_early_is_said_and_no_error() {
    let mut title = presentation();
    title.tracks[2].segments.truncate(2);
    let findings = check_manifest(&title, None, &manifest(&title, None));
    assert_eq!(
        findings.iter().map(|finding| (finding.severity, finding.rule.as_ref())).collect::<Vec<_>>(),
        [(Severity::Warning, "IOP5 4.3")]
    );
}

#[test]
fn nothing_is_enough_to_judge() {
    for text in ["", "<MPD/>", "text", "<MPD><Period><AdaptationSet/></Period></MPD>", "<MPD><Period>"] {
        assert!(!check_manifest(&presentation(), None, text).is_empty(), "{text}");
    }
    let mut hostile = video("x", (u32::MAX, u32::MAX), 0, &[1], 1);
    hostile.rendition.timescale = 0;
    let huge = Segment { number: 1, start_ticks: u64::MAX, duration_ticks: u64::MAX, size_bytes: u64::MAX, iframes: Vec::new() };
    hostile.segments = vec![huge.clone(), huge];
    let title = Presentation { tracks: vec![hostile], ..Presentation::default() };
    assert!(!check_manifest(&title, None, &manifest(&title, None)).is_empty());
}

#[test]
fn players_are_steered_by_whom_the_plan_says_and_by_nobody_else() {
    let by = Steering { url: "https://steer.example/a".parse().unwrap(), pathway: "main".to_owned() };
    let steered = Presentation { steering: Some(by), ..title() };
    let text = manifest(&steered, None);
    assert_eq!(check_manifest(&steered, None, &text), []);
    assert_eq!(rules(&check_manifest(&title(), None, &text)), ["23009-1 5.6.4", "TS 103 998"]);
    for (from, to, rule) in [
        (">./<", ">https://other.example/<", "23009-1 5.6.4"),
        ("serviceLocation=\"main\"", "serviceLocation=\"other\"", "23009-1 5.6.4"),
        ("defaultServiceLocation=\"main\"", "defaultServiceLocation=\"other\"", "TS 103 998"),
        ("https://steer", "https://steal", "TS 103 998"),
        ("ContentSteering", "Other", "TS 103 998"),
    ] {
        assert_eq!(rules(&check_manifest(&steered, None, &text.replace(from, to))), [rule], "{to}");
    }
}
