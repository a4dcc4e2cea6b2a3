//! Cutting a title into chunks: short ones first, so that it plays soon; longer ones later, so that little is spent on what lies
//! between a keyframe of the source and the chunk that begins after it.

use super::Timeline;
use crate::source::DURATION_SECONDS_MAX;
use serde::{Deserialize, Serialize};

/// Segments in the first chunks; every later chunk has [`LATER_SEGMENTS`].
const FIRST_SEGMENTS: [u32; 2] = [1, 2];
/// Segments of a later chunk: 24 s, a minute or so of work.
const LATER_SEGMENTS: u32 = 4;
/// Segments of the longest chunk: two minutes, well below what one child may take of a processor.
const LONGEST_SEGMENTS: u32 = 20;

/// Segments of the longest title: twelve hours of the shortest ones, which last four seconds (three frames at 0.75 a second).
const SEGMENTS_MAX: u32 = DURATION_SECONDS_MAX / 4;

/// Some seconds of the source: frames with `start_ticks <= tick < end_ticks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Position in the plan, from 0.
    pub index: u32,
    /// First tick, the start of a segment.
    pub start_ticks: u64,
    /// First tick that is not in the chunk; the last chunk takes what there is.
    pub end_ticks: Option<u64>,
    /// Number of the chunk's first segment, from 1.
    pub first_segment: u32,
}

/// Number of the last segment of a title that is `duration_ticks` long. No title has more than [`SEGMENTS_MAX`], whatever is
/// said of its length: work is never without bound.
pub(super) fn last_segment(timeline: &Timeline, duration_ticks: u64) -> u32 {
    timeline.segment_of(duration_ticks.saturating_sub(1)).min(SEGMENTS_MAX)
}

/// The chunks of a title that is `duration_ticks` long, for workers that nobody knows the number of.
pub(super) fn cut(timeline: &Timeline, duration_ticks: u64) -> Vec<Chunk> {
    let length = |index| FIRST_SEGMENTS.get(index).copied().unwrap_or(LATER_SEGMENTS);
    cut_by(timeline, last_segment(timeline, duration_ticks), length)
}

/// As few chunks as keep `workers` busy.
pub(super) fn cut_for(timeline: &Timeline, duration_ticks: u64, workers: u32) -> Vec<Chunk> {
    let last_segment = last_segment(timeline, duration_ticks);
    let length = last_segment.div_ceil(workers.max(1)).clamp(LATER_SEGMENTS, LONGEST_SEGMENTS);
    cut_by(timeline, last_segment, |_| length)
}

/// Chunks up to `last_segment`; `length` says how many segments the one at an index has.
fn cut_by(timeline: &Timeline, last_segment: u32, length: impl Fn(usize) -> u32) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut first_segment = 1;
    while first_segment <= last_segment {
        let next = first_segment + length(chunks.len());
        chunks.push(Chunk {
            index: chunks.len() as u32,
            start_ticks: timeline.segment_start(first_segment),
            end_ticks: (next <= last_segment).then(|| timeline.segment_start(next)),
            first_segment,
        });
        first_segment = next;
    }
    chunks
}
