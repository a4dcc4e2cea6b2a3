//! Cutting a title into chunks: short ones first, so that it plays soon; longer ones later, so that little is spent on what lies
//! between a keyframe of the source and the chunk that begins after it.

use super::Timeline;
use crate::source::{DURATION_SECONDS_MAX, Seek, VideoTrack};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// Segments in the first chunks: 2 s, 12 s, and then as short as chunks may be, since a viewer waits for the one that is made first
/// of several at a time.
const FIRST_SEGMENTS: [u32; 5] = [1, 2, LATER_SEGMENTS, LATER_SEGMENTS, LATER_SEGMENTS];
/// Segments of a later chunk, at least: 24 s, a minute or so of work.
const LATER_SEGMENTS: u32 = 4;
/// Segments of the longest chunk for workers that begin together: two minutes.
const LONGEST_SEGMENTS: u32 = 20;
/// Segments of the longest chunk of a source that is decoded from its beginning each time: four minutes, of which a slow machine
/// makes large pictures within the time of one child.
const FROM_START_SEGMENTS: u32 = 40;

/// Segments of the longest title: twelve hours of the shortest ones, which last four seconds (three frames at 0.75 a second), and a
/// first one.
const SEGMENTS_MAX: u32 = DURATION_SECONDS_MAX / 4 + 1;

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

impl Chunk {
    /// Whether what is shown at `tick` is in the chunk.
    #[must_use]
    pub fn contains(&self, tick: u64) -> bool {
        tick >= self.start_ticks && self.end_ticks.is_none_or(|end| tick < end)
    }
}

/// Number of the last segment of a title that is `duration_ticks` long. No title has more than [`SEGMENTS_MAX`], whatever is
/// said of its length: work is never without bound.
pub(super) fn last_segment(timeline: &Timeline, duration_ticks: u64) -> u32 {
    timeline.segment_of(duration_ticks.saturating_sub(1)).min(SEGMENTS_MAX)
}

/// The chunks of a title that is `duration_ticks` long, for workers that nobody knows the number of. Those that are `cut` already stay,
/// none of them being the last one.
pub(super) fn cut(cut: Vec<Chunk>, timeline: &Timeline, duration_ticks: u64, track: &VideoTrack) -> Vec<Chunk> {
    let cutting = Cutting { timeline, track, last_segment: last_segment(timeline, duration_ticks) };
    cutting.chunks(cut, |index, first| {
        FIRST_SEGMENTS.get(index).copied().unwrap_or_else(|| cutting.length(first, LATER_SEGMENTS..=2 * LATER_SEGMENTS))
    })
}

/// About as few chunks as keep `workers` busy.
pub(super) fn cut_for(timeline: &Timeline, duration_ticks: u64, track: &VideoTrack, workers: u32) -> Vec<Chunk> {
    let last_segment = last_segment(timeline, duration_ticks);
    let shortest = last_segment.div_ceil(workers.max(1)).clamp(LATER_SEGMENTS, LONGEST_SEGMENTS);
    let cutting = Cutting { timeline, track, last_segment };
    cutting.chunks(Vec::new(), |_, first| cutting.length(first, shortest..=shortest + shortest / 4))
}

struct Cutting<'a> {
    timeline: &'a Timeline,
    track: &'a VideoTrack,
    last_segment: u32,
}

impl Cutting<'_> {
    /// All chunks, those after `chunks`; `length` says how many segments the one with an index and a first segment has.
    fn chunks(&self, mut chunks: Vec<Chunk>, length: impl Fn(usize, u32) -> u32) -> Vec<Chunk> {
        let cut_until = chunks.last().and_then(|chunk| chunk.end_ticks);
        let mut first_segment = cut_until.map_or(1, |tick| self.timeline.segment_of(tick));
        while first_segment <= self.last_segment {
            let next = first_segment + length(chunks.len(), first_segment);
            chunks.push(Chunk {
                index: chunks.len() as u32,
                start_ticks: self.timeline.segment_start(first_segment),
                end_ticks: (next <= self.last_segment).then(|| self.timeline.segment_start(next)),
                first_segment,
            });
            first_segment = next;
        }
        chunks
    }

    /// Segments of a chunk: that one of `lengths` after which the next chunk begins soonest after a keyframe.
    fn length(&self, first_segment: u32, lengths: RangeInclusive<u32>) -> u32 {
        let shortest = *lengths.start();
        if self.track.seek != Seek::Keyframe {
            // All before the chunk is decoded once more to reach it, which as much again is worth.
            return (first_segment - 1).clamp(shortest, FROM_START_SEGMENTS);
        }
        lengths.min_by_key(|length| self.lead_in_ticks(first_segment + length)).unwrap_or(shortest)
    }

    /// What has to be decoded and is not shown before a chunk that begins with `segment`.
    fn lead_in_ticks(&self, segment: u32) -> u64 {
        if segment > self.last_segment {
            0
        } else {
            lead_in_ticks(self.timeline, self.track, self.timeline.segment_start(segment))
        }
    }
}

/// What has to be decoded and is not shown before a piece of the source that begins at `start_ticks`; 0 if nobody knows.
pub(super) fn lead_in_ticks(timeline: &Timeline, track: &VideoTrack, start_ticks: u64) -> u64 {
    let keyframes = &track.keyframes;
    let tick = |pts: i64| u64::try_from(timeline.tick(track, pts)).unwrap_or(0);
    let later = keyframes.partition_point(|pts| tick(*pts) <= start_ticks);
    later.checked_sub(1).map_or(0, |index| start_ticks - tick(keyframes[index]))
}
