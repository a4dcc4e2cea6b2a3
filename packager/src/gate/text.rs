//! Rules about subtitles.

use super::{Finding, Report};
use crate::{
    hls,
    model::{Media, Presentation, Segment, Track},
    webvtt,
};
use std::collections::BTreeSet;

/// What text may end before or after the picture.
const TOLERANCE_S: f64 = 0.25;

pub(super) fn check(report: &mut Report, presentation: &Presentation) {
    let picture_s = hls::videos(presentation).first().map(|track| length_s(track));
    let mut names = BTreeSet::new();
    for track in hls::texts(presentation) {
        let Media::Text { name, language, .. } = &track.rendition.media else { continue };
        let id = &track.rendition.id;
        report.must(!name.is_empty(), "RFC 8216 4.3.4.1", || format!("{id} has no name"));
        report.must(!language.is_empty(), "HLS-AUTH 4.7", || format!("{id} has no language"));
        report.must(names.insert(name), "RFC 8216 4.3.4.1.1", || format!("there are two subtitles called {name:?}"));
        let length_s = length_s(track);
        let is_whole = picture_s.is_none_or(|picture_s| (length_s - picture_s).abs() <= TOLERANCE_S);
        report.must(is_whole, "HLS-AUTH 5.5", || format!("{id} lasts {length_s:.3} s, the picture {picture_s:.3?} s"));
    }
}

/// Checks the bytes of a stored text segment of `timescale` ticks a second against what the ledger says of it.
pub(super) fn check_segment(name: &str, timescale: u32, segment: &Segment, bytes: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    report.must(bytes.len() as u64 == segment.size_bytes, "RFC 8216 4.1", || {
        format!("{name} has {} bytes, listed with {}", bytes.len(), segment.size_bytes)
    });
    match webvtt::read(bytes) {
        Err(error) => report.must(false, "RFC 8216 3.5", || format!("{name}: {}", error.detail())),
        Ok(document) => {
            report.must(document.maps_to_zero, "HLS-AUTH 5.3", || format!("{name} does not say how it is timed"));
            let ms = |ticks: u64| u128::from(ticks) * 1000 / u128::from(timescale.max(1));
            let end_ticks = segment.start_ticks.saturating_add(segment.duration_ticks);
            let (start_ms, end_ms) = (ms(segment.start_ticks), ms(end_ticks) + 1);
            let is_ours = |cue: &webvtt::Cue| u128::from(cue.start_ms) <= end_ms && u128::from(cue.end_ms) >= start_ms;
            report.must(document.cues.iter().all(is_ours), "RFC 8216 3.5", || format!("{name} has cues of another time"));
        }
    }
    report.0
}

fn length_s(track: &Track) -> f64 {
    let end = track.segments.last().map_or(0, |last| last.start_ticks.saturating_add(last.duration_ticks));
    end as f64 / f64::from(track.rendition.timescale.max(1))
}
