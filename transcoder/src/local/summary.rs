//! What `marquee encode` says at its end.

use marquee_backends::db::ledger::Report;
use marquee_core::{
    plan::Plan,
    source::{Chapter, Note, Source},
    thumbnails::Thumbnails,
};
use serde::Serialize;
use std::{fmt, time::Duration};

/// How an encode went.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Length of the title.
    pub duration_ms: u64,
    /// Chapters of the film.
    pub chapters: Vec<Chapter>,
    /// What was made and repaired, and what it cost.
    #[serde(flatten)]
    pub report: Report,
    /// Posters and tiles; `None` if none could be made.
    pub thumbnails: Option<Thumbnails>,
    /// From the start to the first picture segment.
    pub first_segment_ms: Option<u64>,
    /// From start to end.
    pub elapsed_ms: u64,
}

impl Summary {
    pub(super) fn new(
        plan: &Plan,
        source: &Source,
        mut report: Report,
        thumbnails: Option<Thumbnails>,
        elapsed: Duration,
        first_segment: Option<Duration>,
    ) -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        report.cost.thumbnails_cpu_ms = thumbnails.as_ref().map_or(0, |made| made.cpu_ms);
        report.cpu_ms = report.cost.total_cpu_ms();
        if thumbnails.is_none() {
            report.notes.push(Note::new("thumbnails_missing", "no posters and no preview pictures could be made"));
        }
        Self {
            duration_ms: plan.duration_ms(),
            chapters: source.chapters.clone(),
            report,
            thumbnails,
            first_segment_ms: first_segment.map(ms),
            elapsed_ms: ms(elapsed),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ms: u64| ms as f64 / 1000.0;
        for rendition in &self.report.renditions {
            let (kbps, mb) = (rendition.bitrate_bps as f64 / 1e3, rendition.size_bytes as f64 / 1e6);
            writeln!(f, "  {:<14} {:<18} {kbps:>8.0} kb/s {mb:>9.1} MB", rendition.id, rendition.codec)?;
        }
        for rung in &self.report.quality.rungs {
            write!(f, "  {:<14} VMAF {:.1}, {:.1} at least in 19 of 20", rung.id, rung.vmaf, rung.vmaf_low)?;
            let worst = rung.worst.first().map(|worst| (worst.vmaf, seconds(worst.time_ms)));
            let (lowest, time) = worst.unwrap_or_default();
            writeln!(f, ", lowest {lowest:.1} at {time:.1} s; PSNR {:.1} dB ({} pictures)", rung.psnr_db, rung.pictures)?;
        }
        for note in &self.report.notes {
            writeln!(f, "  note: {} ({})", note.message, note.code)?;
        }
        let (length, elapsed, cpu) = (seconds(self.duration_ms), seconds(self.elapsed_ms), seconds(self.report.cpu_ms));
        write!(f, "  {length:.1} s of film in {elapsed:.1} s, {cpu:.1} s of processor time")?;
        if self.report.quality.cpu_ms > 0 {
            write!(f, ", {:.1} s of them for judging", seconds(self.report.quality.cpu_ms))?;
        }
        match self.first_segment_ms {
            Some(first) => writeln!(f, ", first segment after {:.1} s", seconds(first)),
            None => writeln!(f),
        }
    }
}
