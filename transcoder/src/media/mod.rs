//! Everything that touches libav: probing, decoding, filtering, encoding. It runs in the sandboxed child only.

mod again;
mod analyse;
mod asf;
mod attempt;
mod audio;
mod bare;
mod boxes;
mod cadence;
mod captions;
mod chapters;
mod coders;
mod colour;
mod damage;
mod decode;
mod encode_audio;
mod encode_video;
mod ends;
mod entry;
mod fields;
mod filter;
mod fingerprint;
mod formats;
mod gaps;
mod glance;
mod index;
mod input;
mod jpeg;
mod locks;
mod looks;
mod loss;
mod loudness;
mod order;
mod pictures;
mod places;
mod player;
mod poster;
mod probe;
mod pulldown;
mod rate;
mod reach;
mod reading;
mod resample;
mod review;
mod rung;
mod scan;
mod segmenter;
mod subtitles;
mod text_decoder;
mod thumbnails;
mod video;
mod view;
mod vmaf;

use crate::child::{Link, RemoteSource, Report, Task};
use ffmpeg_next as ffmpeg;
use nix::sys::resource::{UsageWho, getrusage};
use std::io;

/// Why a task ended early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The input is at fault: `code` and `message` are for the content team.
    Refuse { code: &'static str, message: String },
    /// Something of ours is at fault, or the host is gone; the detail is for the log.
    Fault(String),
}

impl Stop {
    fn refuse(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refuse { code, message: message.into() }
    }

    /// A libav call that does not fail for reasons of the input did fail.
    fn fault(doing: &str) -> impl FnOnce(ffmpeg::Error) -> Self + use<> {
        let doing = doing.to_owned();
        move |error| Self::Fault(format!("{doing}: {error}"))
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Fault(error.to_string())
    }
}

impl From<marquee_core::Error> for Stop {
    fn from(error: marquee_core::Error) -> Self {
        Self::Fault(error.detail())
    }
}

/// Names the decoding and encoding libraries: with source and plan it decides the bytes of an encode.
#[must_use]
pub(crate) fn version() -> String {
    let triple = |version: u32| format!("{}.{}.{}", version >> 16, (version >> 8) & 0xff, version & 0xff);
    format!(
        "libavcodec {}, libavfilter {}, libavformat {}",
        triple(ffmpeg::codec::version()),
        triple(ffmpeg::filter::version()),
        triple(ffmpeg::format::version())
    )
}

/// Does `task` and tells the host how it ended.
///
/// # Errors
/// The host cannot be told.
pub(crate) fn run(link: &Link, source: RemoteSource, task: Task) -> io::Result<()> {
    ffmpeg::log::set_level(ffmpeg::log::Level::Error);
    let end = match task {
        Task::Inspect { ends_bytes } => probe::inspect(link, source, ends_bytes),
        Task::Video { source: found, plan, chunk, rungs } => {
            video::encode(link, &source, &video::Job { source: &found, plan: &plan }, chunk, &rungs)
        }
        Task::Analyse { source: found, plan } => analyse::analyse(link, source, &video::Job { source: &found, plan: &plan }),
        Task::Thumbnails { source: found, plan } => thumbnails::make(link, source, &video::Job { source: &found, plan: &plan }),
        Task::Fingerprint { source: found, timeline } => fingerprint::take(link, source, &found, &timeline),
        Task::Audio { source: found, plan, stream } => audio::encode(link, source, &found, &plan, stream),
        Task::Subtitles { source: found, plan } => subtitles::extract(link, source, &found, &plan),
    };
    match end {
        Ok(report) => link.done(measured(report)),
        Err(Stop::Refuse { code, message }) => link.failed(code, &message),
        Err(Stop::Fault(detail)) => link.broken(&detail),
    }
}

/// The report with what this process has used so far.
fn measured(report: Report) -> Report {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return report };
    let ms = |time: nix::sys::time::TimeVal| time.tv_sec() * 1000 + time.tv_usec() / 1000;
    // Linux counts the peak in kilobytes, macOS in bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    Report {
        cpu_ms: u64::try_from(ms(usage.user_time()) + ms(usage.system_time())).unwrap_or(0),
        peak_memory_bytes: u64::try_from(usage.max_rss()).unwrap_or(0) * unit,
        ..report
    }
}
