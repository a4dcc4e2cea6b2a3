//! A paragraph: a cue, or several where parts of it come and go.

use super::{
    style::{Region, Style},
    time::Span,
};
use crate::{
    sidecar::found::Found,
    webvtt::{Words, ass, text::Text},
};

/// Parts of a paragraph.
const PARTS_MAX: usize = 500;
/// Bytes of it in the file that are looked at.
const BYTES_MAX: usize = 4 * ass::TEXT_BYTES_MAX;

/// Words of one look and time.
struct Part {
    span: Span,
    style: Style,
    words: String,
}

/// A paragraph while it is read.
pub(super) struct Paragraph {
    line: u32,
    region: Region,
    parts: Vec<Part>,
    bytes: usize,
}

impl Paragraph {
    pub(super) fn new(line: u32, region: Region) -> Self {
        Self { line, region, parts: Vec::new(), bytes: 0 }
    }

    pub(super) fn say(&mut self, span: Span, style: Style, words: impl IntoIterator<Item = char>) {
        if self.bytes > BYTES_MAX || self.parts.len() > PARTS_MAX {
            return;
        }
        let words: String = words.into_iter().take(BYTES_MAX).collect();
        self.bytes += words.len();
        match self.parts.last_mut().filter(|last| (last.span, last.style) == (span, style)) {
            Some(last) => last.words.push_str(&words),
            None => self.parts.push(Part { span, style, words }),
        }
    }

    pub(super) fn close(mut self, found: &mut Found) {
        if self.bytes > BYTES_MAX || self.parts.len() > PARTS_MAX {
            return found.fault(self.line, "one paragraph has more words or parts than any subtitle");
        }
        // What is between its parts belongs to none of them, and is shown with them.
        let says = |part: &Part| part.words.chars().any(|character| !character.is_whitespace());
        let mut edges = Vec::new();
        for part in self.parts.iter().filter(|part| says(part)) {
            let Some(end_ms) = part.span.end_ms else { return found.fault(self.line, "nothing says when these words end") };
            edges.extend([part.span.start_ms, end_ms]);
        }
        if edges.is_empty() {
            return found.cue(self.line, 0, 0, Words::default());
        }
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        let mut last: Option<(u64, u64, Words)> = None;
        for edge in edges.windows(2) {
            let (start_ms, end_ms) = (edge[0].round() as u64, edge[1].round() as u64);
            let words = self.words(edge[0]);
            if words.text.is_empty() || start_ms == end_ms {
                continue;
            }
            match &mut last {
                Some((_, until_ms, said)) if *until_ms == start_ms && *said == words => *until_ms = end_ms,
                other => {
                    if let Some((start_ms, end_ms, words)) = other.replace((start_ms, end_ms, words)) {
                        found.cue(self.line, start_ms, end_ms, words);
                    }
                }
            }
        }
        match last {
            Some((start_ms, end_ms, words)) => found.cue(self.line, start_ms, end_ms, words),
            None => found.note("subtitle_empty", "words that are shown for no time are left out"),
        }
        self.parts.clear();
    }

    /// What is shown at that moment.
    fn words(&self, at_ms: f64) -> Words {
        let is_shown = |part: &&Part| part.span.start_ms <= at_ms && part.span.end_ms.is_none_or(|end_ms| at_ms < end_ms);
        let (mut text, mut place, mut is_apart) = (Text::default(), None, true);
        for part in self.parts.iter().filter(is_shown) {
            let style = self.region.style.then(part.style);
            for character in part.words.chars() {
                // Spaces at the beginning of a line, and more than one, are none.
                let is_space = character == ' ';
                if !(is_space && is_apart) {
                    text.push(character, style.look());
                }
                is_apart = is_space || character == '\n';
            }
            place = place.or(Some(self.region.place(style)));
        }
        Words { settings: ass::settings(place.unwrap_or(2)).to_owned(), text: text.finish() }
    }
}
