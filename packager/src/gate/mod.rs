//! The conformance gate: what must hold before a title is published, and what should.
//!
//! Every finding names the rule it is about: `HLS-AUTH` is the Apple HLS Authoring Specification, `CMAF` is
//! ISO/IEC 23000-19, `23009-1` is that part of ISO/IEC 23009 (DASH), `IOP4` and `IOP5` are the DASH-IF interoperability points,
//! `IMAGES` is the draft of image playlists, `CENC` is ISO/IEC 23001-7 (Common Encryption). The functions judge stored bytes and texts by reading them back, not by trusting their writer.

mod audio;
mod images;
mod init;
mod masters;
mod mpd;
mod playlists;
mod protection;
mod rates;
mod rungs;
mod segment;
mod text;
mod track;

pub use images::check_images;
pub use init::check_init;
pub use mpd::check_manifest;
pub use playlists::check_playlists;
pub use protection::{check_protected_init, check_protected_segment};
pub use segment::{check_segment, read_segment};

use crate::{hls, model::Presentation};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A SHOULD is not followed: publish, and say so.
    Warning,
    /// A MUST is broken: do not publish.
    Error,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Document and section, such as `HLS-AUTH 7.7` or `RFC 8216 4.3.3.1`.
    pub rule: Cow<'static, str>,
    /// One sentence that says where and what.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}, {}: {}", self.rule, self.message)
    }
}

/// Checks what the ledger says of a whole title: its tracks cover the same time on the same grid at honest rates.
#[must_use]
pub fn check(presentation: &Presentation) -> Vec<Finding> {
    let mut report = Report::default();
    let videos = hls::videos(presentation);
    report.must(!videos.is_empty(), "HLS-AUTH 9.20", || "there is no picture".to_owned());
    for track in &presentation.tracks {
        track::check(&mut report, track);
    }
    rungs::check(&mut report, &videos);
    audio::check(&mut report, presentation);
    text::check(&mut report, presentation);
    rates::check(&mut report, presentation);
    report.0
}

/// Findings as they are made.
#[derive(Default)]
struct Report(Vec<Finding>);

impl Report {
    /// An error unless `holds`.
    fn must(&mut self, holds: bool, rule: &'static str, message: impl FnOnce() -> String) {
        self.add(holds, Severity::Error, rule, message);
    }

    /// A warning unless `holds`.
    fn should(&mut self, holds: bool, rule: &'static str, message: impl FnOnce() -> String) {
        self.add(holds, Severity::Warning, rule, message);
    }

    fn add(&mut self, holds: bool, severity: Severity, rule: &'static str, message: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Finding { severity, rule: rule.into(), message: message() });
        }
    }
}

#[cfg(test)]
mod tests;
