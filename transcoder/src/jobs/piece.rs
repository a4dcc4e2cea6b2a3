//! The pieces that an encode is made of, each one child's work, and what is finished with each.

use crate::child::{Report, Task};
use marquee_backends::db::ledger::Finished;
use marquee_core::{
    id::{EncodeId, SubtitleId},
    job::{Class, Failure, Job},
    object::Track,
    plan::{Chunk, Codec, Plan, Rung, SubtitleRendition},
    source::{DAMAGED_MAX, Source},
};
use std::{collections::BTreeSet, ops::RangeInclusive};

/// Work of a sound track compared with the picture of the same length.
const SOUND_WEIGHT: f64 = 0.05;
/// Work of all subtitles.
const TEXT_WEIGHT: f64 = 0.005;
/// Work of decoding a picture compared with encoding the largest rung.
const DECODE_WEIGHT: f64 = 0.25;

/// One child's work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// One chunk of the picture in some rungs, decoded once.
    Picture {
        /// Position in the plan.
        chunk: u32,
        /// Rungs by id.
        rungs: Vec<String>,
    },
    /// One sound track, whole, in all its renditions.
    Sound {
        /// Stream index in the source.
        stream: u32,
    },
    /// All subtitle tracks of the source, which are read in one go.
    Text,
    /// A file of subtitles that came beside the source.
    File {
        /// The file.
        file: SubtitleId,
    },
}

/// The pieces of `plan`, in the order in which a title becomes playable soonest and then grows without a pause: the first picture,
/// sound, the rest of what leads, subtitles, the later chunks in all H.264 rungs, and what is left of the first chunks. Other codecs
/// come last, each chunk in all rungs of one: their encoders need much more time and memory than a second decoding.
///
/// Before its ladder is decided a title has nothing but what leads. Before its film is known it has what a viewer waits for: the rest is
/// yet to be put in order.
pub(crate) fn pieces(plan: &Plan) -> Vec<Piece> {
    let of = |codec| plan.rungs.iter().filter(move |rung| rung.codec == codec).map(|rung| rung.id.clone()).collect::<Vec<_>>();
    let rungs = of(Codec::H264);
    let leads = plan.start.as_ref().map_or(&[][..], |start| &start.rungs);
    let (leading, rest): (Vec<String>, Vec<String>) = rungs.iter().cloned().partition(|rung| leads.contains(rung));
    let (first, later) = plan.chunks.split_at(plan.start_chunks());
    let later = if plan.undecided().is_some() || plan.provisional && plan.start.is_some() { &[] } else { later };
    let picture = |rungs: &[String], chunk: &Chunk| Piece::Picture { chunk: chunk.index, rungs: rungs.to_vec() };
    let mut pieces: Vec<Piece> = first.iter().map(|chunk| picture(&leading, chunk)).collect();
    if !plan.provisional {
        let is_in_source = plan.subtitles.iter().any(|rendition| rendition.stream().is_some());
        pieces.extend(is_in_source.then_some(Piece::Text));
        pieces.extend(plan.subtitles.iter().filter_map(SubtitleRendition::file).map(|file| Piece::File { file }));
    }
    pieces.extend(later.iter().map(|chunk| picture(&rungs, chunk)));
    if !plan.provisional {
        pieces.extend(first.iter().filter(|_| !rest.is_empty()).map(|chunk| picture(&rest, chunk)));
        for others in [Codec::Hevc, Codec::Av1].map(of).iter().filter(|rungs| !rungs.is_empty()) {
            pieces.extend(plan.chunks.iter().map(|chunk| picture(others, chunk)));
        }
    }
    let default = plan.audio.iter().filter(|rendition| rendition.default).map(|rendition| rendition.stream);
    let streams: BTreeSet<u32> = plan.audio.iter().map(|rendition| rendition.stream).collect();
    let mut sound: Vec<u32> = default.chain(streams).collect();
    let mut seen = BTreeSet::new();
    sound.retain(|stream| seen.insert(*stream));
    let after_first = pieces.len().min(1);
    pieces.splice(after_first..after_first, sound.into_iter().map(|stream| Piece::Sound { stream }));
    pieces
}

impl Piece {
    /// The job that does this piece of `encode`.
    pub(crate) fn job(&self, encode: EncodeId) -> Job {
        match self.clone() {
            Self::Picture { chunk, rungs } => Job::Encode { encode, chunk, rungs },
            Self::Sound { stream } => Job::Audio { encode, stream },
            Self::Text => Job::Subtitles { encode, file: None },
            Self::File { file } => Job::Subtitles { encode, file: Some(file) },
        }
    }

    /// What a child is told to do; `None` if it needs none.
    pub(crate) fn task(&self, source: &Source, plan: &Plan) -> Option<Task> {
        let (source, plan) = (source.clone(), plan.clone());
        match self.clone() {
            Self::Picture { chunk, rungs } => Some(Task::Video { source, plan, chunk, rungs }),
            Self::Sound { stream } => Some(Task::Audio { source, plan, stream }),
            Self::Text => Some(Task::Subtitles { source, plan }),
            Self::File { .. } => None,
        }
    }

    /// The chunk that its segments belong to.
    pub(crate) fn chunk(&self) -> u32 {
        match self {
            Self::Picture { chunk, .. } => *chunk,
            Self::Sound { .. } | Self::Text | Self::File { .. } => 0,
        }
    }

    /// Ids of the renditions that it makes, and their folder.
    pub(crate) fn renditions<'a>(&'a self, plan: &'a Plan) -> (Track, Vec<&'a str>) {
        match self {
            Self::Picture { rungs, .. } => (Track::Video, rungs.iter().map(String::as_str).collect()),
            Self::Sound { stream } => {
                let renditions = plan.audio.iter().filter(|rendition| rendition.stream == *stream);
                (Track::Audio, renditions.map(|rendition| rendition.id.as_str()).collect())
            }
            Self::Text => text(plan, None),
            Self::File { file } => text(plan, Some(*file)),
        }
    }

    /// Numbers that its segments may have. A source may last a moment longer than its container said, and that moment may
    /// begin one more segment.
    pub(crate) fn segments(&self, plan: &Plan) -> RangeInclusive<u32> {
        let last = plan.last_segment() + 1;
        match self {
            Self::Picture { chunk, .. } => {
                let Some(chunk) = plan.chunks.get(*chunk as usize) else { return 1..=last };
                chunk.first_segment..=chunk.end_ticks.map_or(last, |end| plan.timeline.segment_of(end) - 1)
            }
            Self::Sound { .. } | Self::Text | Self::File { .. } => 1..=last,
        }
    }

    /// How urgent it is: whether a viewer may wait for it.
    pub(crate) fn class(&self, plan: &Plan) -> Class {
        let awaited = match (self, &plan.start) {
            (Self::Sound { .. }, _) => true,
            (Self::Picture { chunk, rungs }, Some(start)) => *chunk < start.chunks && *rungs == start.rungs,
            (Self::Text | Self::File { .. }, _) => false,
            (Self::Picture { chunk, rungs }, None) => {
                let is_h264 = |id: &String| plan.rung(id).is_some_and(|rung| rung.codec == Codec::H264);
                *chunk == 0 && rungs.iter().any(is_h264)
            }
        };
        if awaited { Class::Urgent } else { Class::Normal }
    }

    /// How much work it is compared with other pieces, in ticks of a whole ladder's picture.
    pub(crate) fn weight(&self, plan: &Plan) -> f64 {
        match self {
            Self::Picture { chunk, rungs } => {
                let found = plan.chunks.get(*chunk as usize);
                let ticks = found
                    .map_or(1, |found| found.end_ticks.unwrap_or(plan.duration_ticks).saturating_sub(found.start_ticks).max(1));
                let pixels = |rung: &Rung| f64::from(rung.width) * f64::from(rung.height) * rung.codec.weight();
                // A ladder that is not decided yet will be about as much work as the fixed one.
                let ladder = plan.undecided().map_or(&plan.rungs, |analysis| &analysis.fixed);
                let decode = DECODE_WEIGHT * ladder.first().map_or(1.0, pixels);
                let ours: f64 = plan.rungs.iter().filter(|rung| rungs.contains(&rung.id)).map(pixels).sum();
                let all: f64 = ladder.iter().map(pixels).sum();
                ticks as f64 * (decode + ours) / (decode + all)
            }
            Self::Sound { .. } => SOUND_WEIGHT * plan.duration_ticks as f64,
            Self::Text | Self::File { .. } => TEXT_WEIGHT * plan.duration_ticks as f64,
        }
    }

    /// What is finished once a child did this piece. Its processor time is shared out among the renditions.
    pub(crate) fn finished(&self, plan: &Plan, report: &Report) -> Vec<Finished> {
        let (track, renditions) = self.renditions(plan);
        let count = renditions.len().max(1) as u64;
        let share = |ms: u64, index: u64| ms / count + u64::from(index < ms % count);
        let row = |(index, rendition): (u64, &str)| Finished {
            track,
            rendition: rendition.to_owned(),
            chunk: self.chunk(),
            frames: report.frames,
            damaged: report.damaged,
            cpu_ms: share(report.cpu_ms, index),
            quality_cpu_ms: share(report.quality_cpu_ms, index),
            notes: report.notes.clone(),
        };
        (0..).zip(renditions).map(row).collect()
    }
}

/// Ids of the subtitles that come from `file`, or from the source.
fn text(plan: &Plan, file: Option<SubtitleId>) -> (Track, Vec<&str>) {
    let ours = plan.subtitles.iter().filter(|rendition| rendition.file() == file);
    (Track::Text, ours.map(|rendition| rendition.id.as_str()).collect())
}

/// Refuses a title of which `damaged` frames could not be shown as they were, unless its plan accepts that.
pub(crate) fn refuse_damage(source: &Source, plan: &Plan, damaged: u64) -> Result<(), Failure> {
    let frames = source.video.frames.max(1);
    if plan.accept_damaged || damaged as f64 <= frames as f64 * DAMAGED_MAX {
        return Ok(());
    }
    let message = format!(
        "{damaged} of the film's {frames} frames are damaged or missing. The file was probably cut off or changed on its way: \
         export it again, upload the original, or accept what is readable (accept_damaged)"
    );
    Err(Failure::Fail { code: "damaged".into(), message })
}
