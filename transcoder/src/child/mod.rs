//! The child process that reads one source: what it is told to do, what it hands back, and the sandbox it does it in.
//!
//! Everything that parses or decodes bytes of a source runs here and nowhere else. The child holds one socket. Through
//! it the child asks for bytes of the source by offset and hands results to the [`Host`]; it knows no file, no name and no
//! network.

mod host;
mod link;
mod protocol;
mod sandbox;

pub use host::{CRASHED, Host, Limits, STUCK};
pub(crate) use link::{Link, RemoteSource};

use crate::media;
use async_trait::async_trait;
use bytes::Bytes;
use marquee_core::{
    Result,
    fingerprint::Fingerprints,
    object,
    plan::{Measure, Plan, Timeline},
    quality::Judged,
    source::{Note, Source},
};
use marquee_packager::model;
use serde::{Deserialize, Serialize};
use std::io::Write;

/// What a child does: one thing, then it ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Find out what a source is.
    Inspect {
        /// Where a source lists nothing of what it holds, read no more than this of its beginning and of its end, if they are such that
        /// they promise the rest. `None` to read all of it.
        ends_bytes: Option<u64>,
    },
    /// Encode one chunk of the picture into some rungs of the plan, decoding it once.
    Video {
        /// What inspection found.
        source: Source,
        /// What to make of it.
        plan: Plan,
        /// Position of the chunk in the plan.
        chunk: u32,
        /// Rungs by id.
        rungs: Vec<String>,
    },
    /// Measure what the plan's ladder is chosen by.
    Analyse {
        /// What inspection found.
        source: Source,
        /// What to measure, and how pictures look.
        plan: Plan,
    },
    /// Encode one sound track, whole, into all renditions that the plan wants of it.
    Audio {
        /// What inspection found.
        source: Source,
        /// What to make of it.
        plan: Plan,
        /// Stream index in the source.
        stream: u32,
    },
    /// Extract all subtitle tracks of the plan, in one reading.
    Subtitles {
        /// What inspection found.
        source: Source,
        /// What to make of it.
        plan: Plan,
    },
    /// Take checksums of what the tracks hold.
    Fingerprint {
        /// What inspection found.
        source: Source,
        /// The grid that parts of the picture are placed on.
        timeline: Timeline,
    },
    /// Make posters and tiles of the picture.
    Thumbnails {
        /// What inspection found.
        source: Source,
        /// How pictures look.
        plan: Plan,
    },
}

/// One of the images that [`Task::Thumbnails`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// What the film shows at a time.
    Poster {
        /// From the beginning.
        time_ms: u64,
    },
    /// A sheet of tiles.
    Sheet {
        /// Its number, from 1.
        number: u32,
    },
}

/// What a child hands back while it works. A rendition's init segment comes before its media segments, and those come in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The answer to [`Task::Inspect`].
    Source(Box<Source>),
    /// The answer to [`Task::Analyse`]; empty if nothing could be measured.
    Measures(Vec<Measure>),
    /// The answer to [`Task::Fingerprint`].
    Fingerprints(Fingerprints),
    /// An init segment; of text, which has none, the description alone.
    Init {
        /// Picture, sound or text.
        track: object::Track,
        /// What manifests need to know about the rendition.
        rendition: model::Rendition,
        /// The object.
        bytes: Bytes,
    },
    /// A complete media segment.
    Segment {
        /// Picture, sound or text.
        track: object::Track,
        /// The rendition's id.
        rendition: String,
        /// Its number, times and measures.
        segment: model::Segment,
        /// The object.
        bytes: Bytes,
        /// Pictures of it that were judged, in order.
        judged: Vec<Judged>,
    },
    /// A JPEG file: the sheets in order, then the posters, best first.
    Image {
        /// Which one.
        image: Image,
        /// The object.
        bytes: Bytes,
    },
    /// Share of the task that is done, 0 to 1.
    Progress(f32),
}

/// What a child says when it has succeeded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Frames (or sound samples, or cues) of each rendition.
    pub frames: u64,
    /// Source frames that were decoded to get there, those before a chunk included.
    pub decoded: u64,
    /// Source frames that were damaged, or promised by the container and never decoded.
    pub damaged: u64,
    /// User and system time of the child.
    pub cpu_ms: u64,
    /// What of it was spent on judging pictures.
    pub quality_cpu_ms: u64,
    /// Most memory the child held at one time.
    pub peak_memory_bytes: u64,
    /// What was decided on the way, for the content team.
    pub notes: Vec<Note>,
}

/// Reads a source by offset, for a child.
#[async_trait]
pub trait SourceReader: Send + Sync {
    /// Bytes of the whole source.
    fn size_bytes(&self) -> u64;

    /// Up to `length` bytes from `offset`; fewer only at the end.
    ///
    /// # Errors
    /// Whatever the store says; the task then ends and is tried again later.
    async fn read_at(&self, offset: u64, length: u32) -> Result<Bytes>;
}

/// Takes what a child hands back, in order. While it waits the child waits.
#[async_trait]
pub trait Sink: Send {
    /// Stores or notes one output.
    ///
    /// # Errors
    /// Any error ends the child; the task is tried again later.
    async fn accept(&mut self, output: Output) -> Result<()>;
}

/// Confines the calling process for good, as every child is before it reads a source.
///
/// # Errors
/// The confinement cannot be set up; the process may then be half confined and should end.
pub fn confine(limits: &Limits) -> std::io::Result<()> {
    sandbox::enter(limits)
}

/// The child's side: serves the host at the other end of file descriptor 3, then ends the process.
pub fn main() -> ! {
    let end = link::connect().and_then(|(link, source, task)| media::run(&link, source, task));
    std::process::exit(match end {
        Ok(()) => 0,
        Err(error) => {
            // The host is gone or does not speak our protocol. Its log may still take this.
            let _ = writeln!(std::io::stderr(), "{error}");
            1
        }
    })
}
