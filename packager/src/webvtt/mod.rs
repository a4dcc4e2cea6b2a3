//! WebVTT (W3C WebVTT: The Web Video Text Tracks Format): subtitles as cues, in the segments of a title.

pub(crate) mod ass;
mod cut;
mod read;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod write;

pub use ass::{Styles, Words};
pub use cut::{Cut, cut, describe};
pub use read::{Document, read};
pub(crate) use write::clock;
pub use write::{segment, whole};

/// How text is called where codecs are (ISO/IEC 14496-30 section 7.1).
pub const CODEC: &str = "wvtt";

/// Words that are shown for some time. Times are those of the title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// From when.
    pub start_ms: u64,
    /// Until when; after `start_ms`.
    pub end_ms: u64,
    /// Where, as cue settings such as `line:0`; empty for the usual place (section 4.4).
    pub settings: String,
    /// Cue text: lines, none of them empty, with `&`, `<` and `>` escaped (section 4.2).
    pub text: String,
}

/// Those of a foreign cue's `settings` that stand by themselves (section 4.4): regions, which a head would have to define, do not.
#[must_use]
pub fn settings(settings: &str) -> String {
    const KNOWN: [&str; 5] = ["vertical", "line", "position", "size", "align"];
    let is_value =
        |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'.' | b',' | b'-'));
    let is_ours = |token: &&str| {
        token.len() <= 40 && token.split_once(':').is_some_and(|(name, value)| KNOWN.contains(&name) && is_value(value))
    };
    settings.split_ascii_whitespace().filter(is_ours).take(KNOWN.len()).collect::<Vec<_>>().join(" ")
}

impl Cue {
    /// A cue, if there is something to show and some time to show it.
    #[must_use]
    pub fn new(start_ms: u64, end_ms: u64, words: Words) -> Option<Self> {
        let Words { settings, text } = words;
        (start_ms < end_ms && !text.is_empty()).then_some(Self { start_ms, end_ms, settings, text })
    }
}
