//! Decode times from presentation times.

use marquee_core::{Error, Result, source::Ratio};

/// Frames that a decoder may have to hold back: what x264 reorders with a pyramid of B-frames.
const REORDERED_FRAMES: u64 = 2;

/// How long before its presentation a keyframe is decoded, in ticks: the edit of every rung of a title, `frame_rate` being that of
/// the rung with the fewest frames. The same for all, as a switching set must have (ISO/IEC 23000-19 section 7.3.4). At most 1 s.
#[must_use]
pub fn edit_ticks(timescale: u32, frame_rate: Ratio) -> u32 {
    let ticks = (REORDERED_FRAMES * u64::from(timescale)).saturating_mul(frame_rate.den.into());
    let ticks = ticks.div_ceil(u64::from(frame_rate.num.max(1))).min(timescale.into());
    // Not above a timescale, which has 32 bits.
    ticks as u32
}

/// When a sample is decoded and shown, relative to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Until the next sample is decoded.
    pub duration_ticks: u32,
    /// Presentation time on the media timeline (the title's time plus the edit) minus decode time.
    pub composition_offset_ticks: u32,
}

/// Times for a segment's samples in coding order, which are shown at `presentation_ticks` of the title; the last one
/// shown ends at `end_ticks`. Decode times start where the presentation starts and durations add up to its length.
/// They are the sorted presentation times, earlier only where a frame must be decoded more than `edit_ticks` ahead.
///
/// # Errors
/// `Internal` if two samples share a time, one lies at or after the end, no decode times fit, or a difference does not
/// fit its field.
pub fn schedule(presentation_ticks: &[u64], end_ticks: u64, edit_ticks: u32) -> Result<Vec<Timing>> {
    let impossible = || Error::internal(format!("no decode times for samples shown at {presentation_ticks:?} until {end_ticks}"));
    let mut decode_ticks = presentation_ticks.to_vec();
    decode_ticks.sort_unstable();
    let start_ticks = decode_ticks.first().copied();
    let distinct = decode_ticks.is_sorted_by(|a, b| a < b) && decode_ticks.last().is_none_or(|last| *last < end_ticks);
    let mut next_ticks = end_ticks;
    let mut timing = Vec::with_capacity(decode_ticks.len());
    for (decoded, shown) in std::iter::zip(decode_ticks, presentation_ticks).rev() {
        let shown = shown.checked_add(edit_ticks.into()).ok_or_else(impossible)?;
        let decoded = decoded.min(shown).min(next_ticks.checked_sub(1).ok_or_else(impossible)?);
        timing.push(Timing {
            duration_ticks: u32::try_from(next_ticks - decoded).map_err(|_| impossible())?,
            composition_offset_ticks: u32::try_from(shown - decoded).map_err(|_| impossible())?,
        });
        next_ticks = decoded;
    }
    if !distinct || start_ticks.is_some_and(|start| start != next_ticks) {
        return Err(impossible());
    }
    timing.reverse();
    Ok(timing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Presentation times that a player computes from the timing, the edit taken away.
    fn played(timing: &[Timing], start: u64, edit_ticks: u32) -> (Vec<u64>, u64) {
        let mut decoded = start;
        let mut shown = Vec::new();
        for timing in timing {
            shown.push(decoded + u64::from(timing.composition_offset_ticks) - u64::from(edit_ticks));
            decoded += u64::from(timing.duration_ticks);
        }
        (shown, decoded)
    }

    #[test]
    fn reordered_frames_start_at_the_start_and_add_up() {
        // I P B B P, shown at 0 3 1 2 4 frames of 100 ticks, after a start of 1000.
        let shown = [1000, 1300, 1100, 1200, 1400];
        let timing = schedule(&shown, 1500, 200).unwrap();
        let offsets: Vec<_> = timing.iter().map(|timing| timing.composition_offset_ticks).collect();
        assert_eq!(offsets, [200, 400, 100, 100, 200]);
        assert!(timing.iter().all(|timing| timing.duration_ticks == 100));
        assert_eq!(played(&timing, 1000, 200), (shown.to_vec(), 1500));
    }

    #[test]
    fn variable_frame_durations_are_kept() {
        let timing = schedule(&[0, 3003, 4000], 9000, 10).unwrap();
        assert_eq!(timing.iter().map(|timing| timing.duration_ticks).collect::<Vec<_>>(), [3003, 997, 5000]);
        assert_eq!(schedule(&[], 0, 0).unwrap(), []);
    }

    #[test]
    fn a_frame_that_is_needed_long_before_is_decoded_in_time() {
        // A slide show: the P frame at 20 s is decoded before the B frame at 10 s, with an edit of a tenth of a second.
        let shown = [0, 20_000, 10_000, 30_000];
        let timing = schedule(&shown, 31_000, 100).unwrap();
        assert_eq!(played(&timing, 0, 100), (shown.to_vec(), 31_000));
        assert!(timing.iter().all(|timing| timing.duration_ticks > 0));
        assert_eq!(timing[0].composition_offset_ticks, 100, "the keyframe's offset is the edit");
    }

    #[test]
    fn impossible_times_are_refused() {
        for (shown, end) in [(&[0, 0][..], 10), (&[0, 10], 10), (&[0, 11], 10), (&[0], 0), (&[0, 1 << 40], 1 << 41)] {
            assert!(schedule(shown, end, 2).is_err(), "{shown:?} {end}");
        }
        assert!(schedule(&[0, 2, 1], 3, 0).is_err(), "nothing can be reordered without an edit");
        assert!(schedule(&[u64::MAX - 1], u64::MAX, 2).is_err());
    }

    #[test]
    fn the_edit_is_two_frames() {
        for (timescale, num, den, expected) in [
            (10_000, 25, 1, 800),
            (30_000, 30_000, 1001, 2002),
            (90_000, 23_976, 1000, 7508),
            (10_000, 1, 10, 10_000),
            (10_000, 0, 1, 10_000),
            (u32::MAX, 1, u32::MAX, u32::MAX),
        ] {
            assert_eq!(edit_ticks(timescale, Ratio::new(num, den)), expected, "{timescale} {num}/{den}");
        }
    }
}
