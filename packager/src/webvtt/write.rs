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
    cues.into_iter().for_each(|cue| write(&mut text, cue));
    text
}

/// One file with the cues of `segments`, each once: what lasts into the next segment is in both. Its clock is that of the title.
#[must_use]
pub fn whole(segments: impl IntoIterator<Item = Vec<Cue>>) -> String {
    let mut text = "WEBVTT\n".to_owned();
    let mut before = Vec::new();
    for cues in segments {
        cues.iter().filter(|cue| !before.contains(*cue)).for_each(|cue| write(&mut text, cue));
        before = cues;
    }
    text
}

fn write(text: &mut String, Cue { start_ms, end_ms, settings, text: words }: &Cue) {
    let space = if settings.is_empty() { "" } else { " " };
    // Writing into a string cannot fail.
    let _ = write!(text, "\n{} --> {}{space}{settings}\n{words}\n", clock(*start_ms), clock(*end_ms));
}

/// `hh:mm:ss.mmm`
pub(crate) fn clock(ms: u64) -> String {
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}
