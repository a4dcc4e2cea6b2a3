//! What a reader has found in a file so far.

use super::{CUES_MAX, FAULTS_MAX};
use crate::webvtt::{Cue, Words, ass::TEXT_BYTES_MAX};
use marquee_core::{Error, source::Note};
use std::fmt;

/// What is wrong in one line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1; 0 if it is the file.
    pub line: u32,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.message)
    }
}

/// Why a file was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// The first faults, at most [`FAULTS_MAX`].
    pub faults: Vec<Fault>,
    /// Whether the file was not looked at beyond these.
    pub has_more: bool,
}

impl Refused {
    /// Something that is wrong with all of a file.
    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self { faults: vec![Fault { line: 0, message: message.into() }], has_more: false }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.faults.iter().enumerate() {
            write!(f, "{}{fault}", if position > 0 { "; " } else { "" })?;
        }
        f.write_str(if self.has_more { "; and more" } else { "" })
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::invalid("subtitle_faults", refused.to_string())
    }
}

/// Lines of a cue as they stand in the file.
#[derive(Default)]
pub(super) struct Body {
    text: String,
    is_long: bool,
}

impl Body {
    /// Bytes that are looked at: with all markup, twice of what may be left.
    const BYTES_MAX: usize = 2 * TEXT_BYTES_MAX;

    pub(super) fn add(&mut self, line: &str) {
        self.is_long |= self.text.len() + line.len() > Self::BYTES_MAX;
        if !self.is_long {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }
}

/// Cues, faults and notes of a file so far.
#[derive(Default)]
pub(super) struct Found {
    cues: Vec<Cue>,
    refused: Refused,
    pub(super) notes: Vec<Note>,
    /// The first of the cues without words, and how many there are.
    empty: Option<(u32, u32)>,
    /// The first of the cues that come before the one above them.
    misplaced: Option<u32>,
}

impl Found {
    /// Says what is wrong in `line`.
    pub(super) fn fault(&mut self, line: u32, message: impl Into<String>) {
        if self.is_over() {
            self.refused.has_more = true;
        } else {
            self.refused.faults.push(Fault { line, message: message.into() });
        }
    }

    /// Says once what is left out, or understood otherwise than it may be meant.
    pub(super) fn note(&mut self, code: &str, message: &str) {
        if !self.notes.iter().any(|note| note.message == message) {
            self.notes.push(Note::new(code, message));
        }
    }

    /// Whether nothing more needs to be read.
    pub(super) fn is_over(&self) -> bool {
        self.refused.faults.len() >= FAULTS_MAX
    }

    /// Takes a cue that stands in `line`, with what `read` makes of its lines.
    pub(super) fn body(&mut self, line: u32, (start_ms, end_ms): (u64, u64), body: &Body, read: impl FnOnce(&str) -> Words) {
        if body.is_long {
            self.fault(line, too_long());
        } else {
            self.cue(line, start_ms, end_ms, read(&body.text));
        }
    }

    /// Takes a cue that stands in `line`.
    pub(super) fn cue(&mut self, line: u32, start_ms: u64, end_ms: u64, words: Words) {
        if words.text.is_empty() {
            let (first, count) = self.empty.unwrap_or((line, 0));
            self.empty = Some((first, count + 1));
        } else if words.text.len() > TEXT_BYTES_MAX {
            self.fault(line, too_long());
        } else if end_ms < start_ms {
            self.fault(line, "the cue ends before it begins");
        } else if self.cues.len() >= CUES_MAX {
            self.fault(line, format!("there are more than {CUES_MAX} cues"));
        } else if let Some(cue) = Cue::new(start_ms, end_ms, words) {
            if self.cues.last().is_some_and(|last| last.start_ms > start_ms) {
                self.misplaced = self.misplaced.or(Some(line));
            }
            self.cues.push(cue);
        } else {
            self.fault(line, "the cue ends when it begins: nobody would see it");
        }
    }

    /// Cues in order, each once: scripts repeat lines in layers.
    pub(super) fn settle(mut self) -> Result<(Vec<Cue>, Vec<Note>), Refused> {
        if !self.refused.faults.is_empty() {
            return Err(self.refused);
        }
        if self.cues.is_empty() {
            return Err(Refused::whole("there are no words in the file"));
        }
        if let Some((line, count)) = self.empty {
            let message = format!("cues without words are left out: {count}, the first in line {line}");
            self.notes.push(Note::new("subtitle_empty", message));
        }
        if let Some(line) = self.misplaced {
            let message = format!("cues are put in the order of their times: the one in line {line} came too late");
            self.notes.push(Note::new("subtitle_order", message));
        }
        self.cues.sort_by_key(|cue| (cue.start_ms, cue.end_ms));
        self.cues.dedup();
        let mut shown_until_ms = 0;
        let overlaps = self.cues.iter().filter(|cue| {
            let overlaps = cue.start_ms < shown_until_ms;
            shown_until_ms = shown_until_ms.max(cue.end_ms);
            overlaps
        });
        let overlaps = overlaps.count();
        if overlaps > 0 {
            self.notes.push(Note::new("subtitle_overlap", format!("cues that are shown while others are: {overlaps}")));
        }
        Ok((self.cues, self.notes))
    }
}

fn too_long() -> String {
    format!("the cue has more than {TEXT_BYTES_MAX} bytes of words")
}
