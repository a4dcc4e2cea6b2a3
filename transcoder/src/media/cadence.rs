//! Which frames a chunk shows, and when: pure arithmetic over the ticks of decoded frames.
//!
//! Every frame of the source belongs to exactly one chunk, by its tick alone. Where the source pauses for longer than a
//! group of pictures, its last frame is repeated at the start of each group that would be empty: so every group has its
//! keyframe, every segment has content, and two chunks that meet in a pause agree on what happens at their seam.

use marquee_core::plan::{Chunk, Timeline};

/// What to do with a decoded frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is shown before the chunk: worth keeping only because the chunk may start in a pause.
    Before,
    /// It is shown at `tick`, after the frame before it was shown again at each of `repeats`.
    Here { repeats: Vec<u64>, tick: u64 },
    /// It has the time of an earlier frame that cannot be moved: leave it out.
    Never,
    /// It is shown after the chunk.
    After,
}

/// Places the frames of one chunk, which come in presentation order.
#[derive(Debug)]
pub(super) struct Cadence<'a> {
    timeline: &'a Timeline,
    start: u64,
    end: Option<u64>,
    /// Tick of the last frame shown, repeats included.
    last: Option<u64>,
    /// Whether there is a frame that could be repeated.
    holds: bool,
}

impl<'a> Cadence<'a> {
    pub(super) fn new(timeline: &'a Timeline, chunk: &Chunk) -> Self {
        Self { timeline, start: chunk.start_ticks, end: chunk.end_ticks, last: None, holds: false }
    }

    /// What to do with a frame that the source shows at `tick`.
    pub(super) fn place(&mut self, tick: i64) -> Place {
        let Ok(tick) = u64::try_from(tick) else { return Place::Before };
        if tick < self.start {
            self.holds = true;
            return Place::Before;
        }
        // Two frames at the same time: the later one follows by the shortest time there is.
        let tick = match self.last {
            Some(last) if tick == last => tick + 1,
            Some(last) if tick < last => return Place::Never,
            _ => tick,
        };
        if self.end.is_some_and(|end| tick >= end) {
            return Place::After;
        }
        let repeats = if self.holds { self.pauses_before(self.timeline.gop_of(tick)) } else { Vec::new() };
        (self.last, self.holds) = (Some(tick), true);
        Place::Here { repeats, tick }
    }

    /// Ends the chunk. `next` is the tick of the first frame after it, if the source has one there. Answers when to show
    /// the last frame again, and when the last of all ends.
    pub(super) fn finish(&mut self, next: Option<u64>, duration_ticks: u64) -> (Vec<u64>, u64) {
        let (last_gop, end) = match (self.end, next) {
            // The next chunk starts with that frame, or with a repeat if it comes late.
            (Some(end), Some(next)) if self.timeline.gop_of(next) == self.timeline.gop_of(end) => {
                (self.timeline.gop_of(end), next)
            }
            (Some(end), _) => (self.timeline.gop_of(end), end),
            (None, _) => (self.timeline.gop_of(duration_ticks.saturating_sub(1)) + 1, duration_ticks),
        };
        let repeats = if self.holds { self.pauses_before(last_gop) } else { Vec::new() };
        self.last = repeats.last().copied().or(self.last);
        let shortest = u64::from(self.timeline.frame_ticks.unwrap_or(1));
        (repeats, end.max(self.last.map_or(0, |last| last + shortest)))
    }

    /// Starts of the groups of this chunk that have no frame yet and lie before group `gop`.
    fn pauses_before(&self, gop: u64) -> Vec<u64> {
        let first = self.last.map_or(self.timeline.gop_of(self.start), |last| self.timeline.gop_of(last) + 1);
        (first..gop).map(|gop| gop * self.timeline.gop_ticks).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELINE: Timeline = Timeline { timescale: 1000, frame_ticks: None, gop_ticks: 2000, first_lacks_gops: 0 };

    fn chunk(start_ticks: u64, end_ticks: Option<u64>) -> Chunk {
        Chunk { index: 0, start_ticks, end_ticks, first_segment: 1 }
    }

    /// Ticks that a chunk shows of `source`, and where it ends.
    fn shown(chunk: &Chunk, source: &[i64], duration: u64) -> (Vec<u64>, u64) {
        let mut cadence = Cadence::new(&TIMELINE, chunk);
        let (mut ticks, mut next) = (Vec::new(), None);
        for &tick in source {
            match cadence.place(tick) {
                Place::Here { repeats, tick } => ticks.extend(repeats.into_iter().chain([tick])),
                Place::After => {
                    next = u64::try_from(tick).ok();
                    break;
                }
                Place::Before | Place::Never => {}
            }
        }
        let (repeats, end) = cadence.finish(next, duration);
        ticks.extend(repeats);
        (ticks, end)
    }

    #[test]
    fn neighbours_share_frames_without_loss_or_overlap() {
        let source: Vec<i64> = (-3..300).map(|frame| frame * 100).collect();
        let (first, first_end) = shown(&chunk(0, Some(6000)), &source, 30_000);
        let (second, second_end) = shown(&chunk(6000, None), &source, 30_000);
        assert_eq!((first_end, second_end), (6000, 30_000));
        let all: Vec<u64> = first.into_iter().chain(second).collect();
        assert_eq!(all, (0..300).map(|frame| frame * 100).collect::<Vec<u64>>());
    }

    #[test]
    fn a_pause_across_a_seam_is_bridged_from_both_sides() {
        let source = [0, 1900, 9500, 9600];
        assert_eq!(shown(&chunk(0, Some(6000)), &source, 10_000), (vec![0, 1900, 2000, 4000], 6000));
        assert_eq!(shown(&chunk(6000, None), &source, 10_000), (vec![6000, 9500, 9600], 10_000));
        // A short pause over the seam needs no repeat: the frame before it lasts until the next one.
        let source = [0, 1900, 3900, 5900, 6300];
        assert_eq!(shown(&chunk(0, Some(6000)), &source, 7000), (vec![0, 1900, 3900, 5900], 6300));
        assert_eq!(shown(&chunk(6000, None), &source, 7000), (vec![6300], 7000));
    }

    #[test]
    fn a_source_that_stops_early_keeps_its_last_frame_to_the_end() {
        assert_eq!(shown(&chunk(0, None), &[0, 1000], 7000), (vec![0, 1000, 2000, 4000, 6000], 7000));
        assert_eq!(shown(&chunk(6000, Some(12_000)), &[0, 1000], 20_000), (vec![6000, 8000, 10_000], 12_000));
        assert_eq!(shown(&chunk(6000, None), &[], 7000).0, Vec::<u64>::new());
    }

    #[test]
    fn equal_times_move_by_a_tick_and_earlier_ones_are_left_out() {
        assert_eq!(shown(&chunk(0, None), &[0, 100, 100, 50, 200], 300), (vec![0, 100, 101, 200], 300));
        assert_eq!(shown(&chunk(0, None), &[0, 400], 300), (vec![0, 400], 401));
    }
}
