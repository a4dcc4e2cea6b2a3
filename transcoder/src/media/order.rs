//! Times for a picture whose container does not state when frames are shown (AVI): the frame that is shown k-th has the k-th of
//! the times that frames are decoded at, which go at the same pace.

use std::collections::VecDeque;

/// Packets that a decoder works on at most: what H.264 holds back for reordering, as fields, and a few in its threads.
const WORKED_ON_MAX: usize = 64;

/// Pairs frames, in the order in which they are shown, with the decoding times of their packets.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Times of packets that no frame has taken yet, ascending.
    waiting: VecDeque<i64>,
    /// The time that the first frame took.
    first: Option<i64>,
    /// Latest time of a packet whose own frame has been shown.
    latest: i64,
}

impl Order {
    /// A packet with that decoding time was handed to the decoder.
    pub(super) fn sent(&mut self, time: i64) {
        let place = self.waiting.partition_point(|other| *other <= time);
        self.waiting.insert(place, time);
        if self.waiting.len() > WORKED_ON_MAX {
            self.waiting.pop_front();
        }
    }

    /// The frame of the packet with decoding time `own` is shown, by a decoder that holds back `held` frames until it is their
    /// turn. Answers the time since the first frame.
    pub(super) fn shown(&mut self, own: Option<i64>, held: usize) -> Option<i64> {
        let own = own.or(self.waiting.front().copied())?;
        self.latest = if self.first.is_some() { self.latest.max(own) } else { own };
        // Packets whose frame never came (damaged, or saying only "the same again") give their times up. Nothing that was
        // decoded before the first frame is shown after it; later on, only what the decoder holds back still is.
        let still_comes = if self.first.is_some() { held + 1 } else { 1 };
        let due = self.waiting.partition_point(|time| *time <= self.latest);
        self.waiting.drain(..due.saturating_sub(still_comes));
        let time = self.waiting.pop_front()?;
        Some(time.saturating_sub(*self.first.get_or_insert(time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times at which a decoder that holds back `held` frames shows packets, sent at times 0, 1, … and decoded in this order.
    /// `shown` are the packets' numbers in the order of their frames.
    fn times(packets: i64, shown: &[i64], held: usize) -> Vec<Option<i64>> {
        let mut order = Order::default();
        let mut sent = 0;
        let times = shown.iter().map(|own| {
            while sent < packets.min(own + 3) {
                order.sent(sent);
                sent += 1;
            }
            order.shown(Some(*own), held)
        });
        times.collect()
    }

    fn counted(times: impl IntoIterator<Item = i64>) -> Vec<Option<i64>> {
        times.into_iter().map(Some).collect()
    }

    #[test]
    fn reordered_frames_have_the_times_of_their_places() {
        assert_eq!(times(7, &[0, 2, 3, 1, 5, 6, 4], 1), counted(0..7));
        assert_eq!(times(8, &[0, 3, 2, 4, 1, 6, 7, 5], 2), counted(0..8));
    }

    #[test]
    fn a_packet_without_a_frame_leaves_a_gap_and_moves_nothing_else() {
        // Packet 4, a reference that is not coded, and packet 2, a damaged B-frame.
        assert_eq!(times(10, &[0, 2, 3, 1, 5, 6, 8, 9, 7], 1), counted([0, 1, 2, 3, 4, 5, 7, 8, 9]));
        assert_eq!(times(7, &[0, 3, 1, 5, 6, 4], 1), counted([0, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn the_first_frame_is_the_beginning_whatever_was_lost_before_it() {
        assert_eq!(times(8, &[3, 5, 6, 4, 7], 1), counted([0, 1, 2, 3, 4]));
    }

    #[test]
    fn frames_without_a_packet_of_their_own_take_what_is_there() {
        let mut order = Order::default();
        order.sent(5);
        order.sent(4);
        assert_eq!([order.shown(None, 0), order.shown(None, 0), order.shown(None, 0)], [Some(0), Some(1), None]);
        (0..1000).for_each(|time| order.sent(time));
        assert_eq!(order.waiting.len(), WORKED_ON_MAX);
    }
}
