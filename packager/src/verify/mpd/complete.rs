//! Whoever plays by the manifest gets what others get by the multivariant playlist.

use super::{MANIFEST, Report};
use crate::verify::{entry::Media, init::Init, track::Track};
use std::collections::BTreeSet;

/// Checks that of the `tracks` of HLS all are `listed` by path, and some of each kind and language.
pub(super) fn check(report: &mut Report, tracks: &[Track], listed: &BTreeSet<&str>) {
    // Segments that have no header of their own (MPEG-2 TS) are not for DASH.
    let known = || tracks.iter().filter_map(|track| Some((track, kind(track.init.as_ref()?)?)));
    let covered: BTreeSet<_> = known().filter(|(track, _)| listed.contains(track.path())).map(|(_, kind)| kind).collect();
    for (track, kind) in known().filter(|(track, _)| !listed.contains(track.path())) {
        let there_is_other = report.must(covered.contains(&kind), "DASH-IF IOP", MANIFEST, || {
            let (what, language) = kind;
            format!("has no {what} {language}, which the multivariant playlist has as {}", track.path())
        });
        report.should(!there_is_other, "DASH-IF IOP", MANIFEST, || format!("has not {}, which HLS has", track.path()));
    }
}

/// What viewers would miss: pictures, or sound in a language.
fn kind(init: &Init) -> Option<(&'static str, &str)> {
    match init.entry.media {
        Media::Video { .. } => Some(("picture", "")),
        Media::Audio { .. } => Some(("sound", init.language.as_str())),
        Media::Text => None,
    }
}
