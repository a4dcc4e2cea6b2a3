//! Subtitles that come in files of their own, beside a film: SubRip, WebVTT, Advanced SubStation Alpha and TTML, as people and tools
//! write them, into cues. A file that says something that cannot be meant is refused with every line that does; what is harmless, or
//! lies beyond what WebVTT can carry, is noted.

mod ass;
mod charset;
mod clock;
mod found;
mod markup;
mod srt;
#[cfg(test)]
mod tests;
mod ttml;
mod vtt;

pub use found::{Fault, Refused};

use crate::webvtt::Cue;
use found::Found;
use marquee_core::source::Note;
use std::fmt;

/// Bytes of a file that are looked at: ten times what the longest films say.
pub const FILE_BYTES_MAX: usize = 8 << 20;
/// Cues of a file.
pub const CUES_MAX: usize = 50_000;
/// Faults that are told one by one: who sees so many looks at the whole file.
pub const FAULTS_MAX: usize = 20;

/// A form of subtitles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// SubRip, `.srt`.
    Srt,
    /// WebVTT, `.vtt`.
    Vtt,
    /// Advanced SubStation Alpha and its predecessor, `.ass` and `.ssa`.
    Ass,
    /// Timed Text Markup Language, of which IMSC is a part, `.ttml`.
    Ttml,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Srt => "SRT",
            Self::Vtt => "WebVTT",
            Self::Ass => "ASS",
            Self::Ttml => "TTML",
        })
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Sidecar {
    /// What it was.
    pub format: Format,
    /// In the order of their times; those that overlap do so in the file. At least one.
    pub cues: Vec<Cue>,
    /// What its author should know.
    pub notes: Vec<Note>,
}

/// Reads a file of any of the formats. Its name has no say in what it is.
///
/// # Errors
/// Lines, and what is wrong there.
pub fn read(bytes: &[u8]) -> Result<Sidecar, Refused> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refused::whole(format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20)));
    }
    let (text, charset) = charset::decode(bytes);
    let format = format_of(&text).ok_or_else(|| Refused::whole("this is no SRT, WebVTT, ASS or TTML"))?;
    let mut found = Found::default();
    found.notes.extend(charset);
    match format {
        Format::Srt => srt::read(&text, &mut found),
        Format::Vtt => vtt::read(&text, &mut found),
        Format::Ass => ass::read(&text, &mut found),
        Format::Ttml => ttml::read(&text, &mut found),
    }
    let (cues, notes) = found.settle()?;
    Ok(Sidecar { format, cues, notes })
}

/// What `text` looks like.
fn format_of(text: &str) -> Option<Format> {
    /// Lines in which a script says what it is.
    const SCRIPT_HEAD_LINES: usize = 100;
    const SECTIONS: [&str; 4] = ["[script info]", "[v4+ styles]", "[v4 styles]", "[events]"];
    // With the namespace of today or of its drafts (DFXP), or without one.
    const ROOTS: [&str; 4] = ["http://www.w3.org/ns/ttml", "/ttaf1", "<tt ", "<tt>"];
    let is_section = |line: &str| SECTIONS.iter().any(|section| line.trim().eq_ignore_ascii_case(section));
    let start = text.trim_start();
    if start.starts_with("WEBVTT") {
        Some(Format::Vtt)
    } else if start.lines().take(SCRIPT_HEAD_LINES).any(is_section) {
        Some(Format::Ass)
    } else if start.starts_with('<') && ROOTS.iter().any(|root| start.contains(root)) {
        Some(Format::Ttml)
    } else {
        text.contains("-->").then_some(Format::Srt)
    }
}
