//! Rules about sound and its groups.

use super::Report;
use crate::{
    hls,
    model::{Media, Presentation, Track},
};
use std::collections::BTreeSet;

/// What sound may be longer or shorter than the picture: priming, the last frame's padding, and some.
const TOLERANCE_S: f64 = 0.25;

pub(super) fn check(report: &mut Report, presentation: &Presentation) {
    let picture_s = hls::videos(presentation).first().map(|track| length_s(track));
    let groups = hls::groups(presentation);
    for group in &groups {
        let members = hls::members(presentation, group);
        report.must(!group.is_empty(), "RFC 8216 4.3.4.1", || "an audio group has no name".to_owned());
        names(report, group, &members);
    }
    let sounds = presentation.tracks.iter().filter(|track| matches!(track.rendition.media, Media::Audio { .. }));
    for (track, picture_s) in sounds.filter_map(|track| Some((track, picture_s?))) {
        length(report, track, picture_s);
    }
    stereo(report, presentation);
}

/// What is there in surround sound is there in stereo too.
fn stereo(report: &mut Report, presentation: &Presentation) {
    let (mut stereo, mut surround) = (BTreeSet::new(), BTreeSet::new());
    for track in &presentation.tracks {
        if let Media::Audio { name, channels, .. } = &track.rendition.media {
            let known = if *channels > 2 { &mut surround } else { &mut stereo };
            known.insert(name);
        }
    }
    for name in surround.difference(&stereo) {
        report.must(false, "HLS-AUTH 2.3", || format!("{name:?} is there in surround sound only"));
    }
}

fn length(report: &mut Report, track: &Track, picture_s: f64) {
    let (id, sound_s) = (&track.rendition.id, length_s(track));
    let message = || format!("{id} lasts {sound_s:.3} s, the picture {picture_s:.3} s");
    report.must(sound_s <= picture_s + TOLERANCE_S, "HLS-AUTH 8.3", message);
    // A source whose sound ends early is no reason to refuse it: players keep showing the picture.
    report.should(sound_s >= picture_s - TOLERANCE_S, "HLS-AUTH 8.3", message);
}

fn length_s(track: &Track) -> f64 {
    let end = track.segments.last().map_or(0, |last| last.start_ticks.saturating_add(last.duration_ticks));
    end as f64 / f64::from(track.rendition.timescale.max(1))
}

fn names(report: &mut Report, group: &str, members: &[&Track]) {
    let labels: Vec<_> = members.iter().map(|track| label(track)).collect();
    for (name, language) in &labels {
        report.must(!name.is_empty(), "RFC 8216 4.3.4.1", || format!("a rendition of {group} has no name"));
        report.must(!language.is_empty(), "HLS-AUTH 8.10", || format!("{name:?} of {group} has no language"));
    }
    let distinct: BTreeSet<_> = labels.iter().map(|(name, _)| name).collect();
    report.must(distinct.len() == labels.len(), "RFC 8216 4.3.4.1.1", || format!("names in {group} are not unique"));
    let defaults = members.iter().filter(|track| matches!(track.rendition.media, Media::Audio { default: true, .. })).count();
    report.must(defaults <= 1, "RFC 8216 4.3.4.1.1", || format!("{group} has {defaults} defaults"));
}

/// Name and language.
fn label(track: &Track) -> (&str, &str) {
    match &track.rendition.media {
        Media::Audio { name, language, .. } => (name, language),
        Media::Video { .. } | Media::Text { .. } => ("", ""),
    }
}
