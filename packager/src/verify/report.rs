//! Findings, and what a whole verification says.

use crate::gate::Severity;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, cmp::Reverse, collections::BTreeMap, fmt};

/// Findings of one rule that are shown; the rest is counted.
const SHOWN_MAX: usize = 5;
/// Longest message: names may come from hostile files.
const MESSAGE_CHARS_MAX: usize = 400;

/// What a package was found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Rules that must be kept and are not, by how often.
    pub errors: u64,
    /// Rules that should be kept and are not.
    pub warnings: u64,
    /// Whether every sample was looked at.
    pub deep: bool,
    /// Playlists that were read.
    pub playlists: u64,
    /// Media segments that were read.
    pub segments: u64,
    /// Bytes that were read of all files.
    pub read_bytes: u64,
    /// What was found, errors first.
    pub findings: Vec<Finding>,
}

/// A rule that is broken, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Document and section, such as `HLS-AUTH 7.7` or `RFC 8216 4.3.3.1`.
    pub rule: Cow<'static, str>,
    /// How often.
    pub count: u64,
    /// The first places.
    pub places: Vec<Place>,
}

/// Where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file, by its path in the package.
    pub path: String,
    /// One sentence that says what is wrong there.
    pub message: String,
}

impl Verdict {
    /// Whether every rule is kept that must be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.errors == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
            let times = if finding.count == 1 { String::new() } else { format!(", {} times", finding.count) };
            writeln!(f, "{severity}  {}{times}", finding.rule)?;
            for Place { path, message } in &finding.places {
                writeln!(f, "    {path}: {message}")?;
            }
            let more = finding.count.saturating_sub(finding.places.len() as u64);
            if more > 0 {
                writeln!(f, "    and {more} more")?;
            }
        }
        let how = if self.deep { ", every sample" } else { "" };
        let read = format!("{} playlists and {} segments{how}, {} bytes read", self.playlists, self.segments, self.read_bytes);
        writeln!(f, "{} errors, {} warnings in {read}", self.errors, self.warnings)
    }
}

/// How often, and the first places.
type Found = (u64, Vec<Place>);

/// Findings as they are made.
#[derive(Default)]
pub(super) struct Report {
    found: BTreeMap<(Reverse<Severity>, Cow<'static, str>), Found>,
    pub(super) playlists: u64,
    pub(super) segments: u64,
    pub(super) read_bytes: u64,
}

impl Report {
    /// An error at `path` unless `holds`; answers `holds`.
    pub(super) fn must(&mut self, holds: bool, rule: &'static str, path: &str, message: impl FnOnce() -> String) -> bool {
        self.add(holds, Severity::Error, rule, path, message)
    }

    /// A warning at `path` unless `holds`; answers `holds`.
    pub(super) fn should(&mut self, holds: bool, rule: &'static str, path: &str, message: impl FnOnce() -> String) -> bool {
        self.add(holds, Severity::Warning, rule, path, message)
    }

    /// An error at `path`.
    pub(super) fn fail(&mut self, rule: &'static str, path: &str, message: String) {
        self.must(false, rule, path, || message);
    }

    /// Of a media segment that is read now.
    pub(super) fn of_segment() -> Self {
        Self { segments: 1, ..Self::default() }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.found.keys().any(|(Reverse(severity), _)| *severity == Severity::Error)
    }

    /// What was read, or an error at `path` that says why not.
    pub(super) fn keep<T>(&mut self, read: Result<T, impl Into<String>>, rule: &'static str, path: &str) -> Option<T> {
        read.map_err(|fault| self.fail(rule, path, fault.into())).ok()
    }

    fn add(&mut self, holds: bool, severity: Severity, rule: &'static str, path: &str, message: impl FnOnce() -> String) -> bool {
        if !holds {
            let (count, places) = self.found.entry((Reverse(severity), rule.into())).or_default();
            *count += 1;
            if places.len() < SHOWN_MAX {
                places.push(Place { path: clean(path), message: clean(&message()) });
            }
        }
        holds
    }

    /// Adds what was found elsewhere, after what is there.
    pub(super) fn append(&mut self, other: Self) {
        for (key, (count, places)) in other.found {
            let ours = self.found.entry(key).or_default();
            ours.0 += count;
            let room = SHOWN_MAX - ours.1.len();
            ours.1.extend(places.into_iter().take(room));
        }
        self.playlists += other.playlists;
        self.segments += other.segments;
        self.read_bytes += other.read_bytes;
    }

    pub(super) fn verdict(self, deep: bool) -> Verdict {
        let of = |severity| {
            let counts = self.found.iter().filter(|((Reverse(of), _), _)| *of == severity);
            counts.map(|(_, (count, _))| count).sum()
        };
        Verdict {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            deep,
            playlists: self.playlists,
            segments: self.segments,
            read_bytes: self.read_bytes,
            findings: self
                .found
                .into_iter()
                .map(|((Reverse(severity), rule), (count, places))| Finding { severity, rule, count, places })
                .collect(),
        }
    }
}

/// Text that a terminal takes: names come from files that may be hostile.
fn clean(text: &str) -> String {
    let shown = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    text.chars().take(MESSAGE_CHARS_MAX).map(shown).collect()
}
