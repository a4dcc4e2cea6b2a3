//! Words in files of their own, beside the segments: whole, since no player reads parts of them (DASH-IF IOP 4.3 section 6.4.4).

use super::{MANIFEST, Report, Title, name};
use crate::verify::{files::Files, segment::whole, text};
use dash_mpd_core::{AdaptationSet, Representation};

/// Largest file of words.
const BYTES_MAX: u64 = 16 << 20;
/// How far words may be shown after the end of the title, in milliseconds.
const AFTER_MS: u64 = 1000;

/// Checks the file at `path`, if it is of a kind that is known.
pub(super) async fn check<F: Files>(
    report: &mut Report,
    title: &Title<'_, F>,
    path: &str,
    set: &AdaptationSet,
    representation: &Representation,
) {
    let id = name(representation);
    let mime = representation.mimeType.as_deref().or(set.mimeType.as_deref()).unwrap_or_default();
    let Some(bytes) = whole(report, title.files, (path, None), BYTES_MAX, "23009-1 5.3.9.4").await else { return };
    match mime {
        "text/vtt" => {
            let Some(words) = report.keep(text::parse(&bytes), "WEBVTT 4.1", path) else { return };
            let end_ms = words.cues.iter().map(|cue| cue.end_ms).max().unwrap_or(0);
            let length_ms = (title.length_s * 1000.0) as u64;
            report.should(end_ms <= length_ms.saturating_add(AFTER_MS), "WEBVTT 4.1", path, || {
                format!("has words until {end_ms} ms, the title ends at {length_ms} ms")
            });
        }
        "application/ttml+xml" => {
            let is_xml = std::str::from_utf8(&bytes).is_ok_and(|text| text.trim_start_matches('\u{feff}').starts_with('<'));
            report.must(is_xml, "TTML2 5.1", path, || "is no TTML: it does not begin as XML".to_owned());
        }
        _ => {
            report.should(false, "DASH-IF IOP", MANIFEST, || format!("{id} is one file of {mime:?}, which players do not know"));
        }
    }
}
