//! Writing segments.

use super::Cue;
use std::fmt::Write;

/// The first lines of every segment. Our presentations begin at zero, in every clock (RFC 8216 section 3.5).
const HEAD: &str = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n";

/// A segment with `cues`: those that are shown in its time, each with its whole time, also where that reaches beyond the segment
/// (RFC 8216 section 3.5).
#[must_use]
pub fn segment<'a>(cues: impl IntoIterator<Item = &'a Cue>) -> String {
    let mut text = HEAD.to_owned();
    for Cue { start_ms, end_ms, settings, text: words } in cues {
        let space = if settings.is_empty() { "" } else { " " };
        let _ = write!(text, "\n{} --> {}{space}{settings}\n{words}\n", clock(*start_ms), clock(*end_ms));
    }
    text
}

/// `hh:mm:ss.mmm`
pub(crate) fn clock(ms: u64) -> String {
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}
