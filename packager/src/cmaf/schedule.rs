//! Decode times from presentation times.

use marquee_core::{Error, Result};

/// When a sample is decoded and shown, relative to its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Until the next sample is decoded.
    pub duration_ticks: u32,
    /// Presentation time minus decode time; negative where a frame is shown before its turn in decode order.
    pub composition_offset_ticks: i32,
}

/// Times for samples in coding order whose presentation times are `presentation_ticks`; the last one shown ends at
/// `end_ticks`. Decode times are the sorted presentation times: they start where the presentation starts, and durations
/// add up to its length without an edit list (signed offsets, ISO/IEC 14496-12 section 8.8.8).
///
/// # Errors
/// `Internal` if two samples share a time, or one lies at or after the end, or a difference does not fit its field.
pub fn schedule(presentation_ticks: &[u64], end_ticks: u64) -> Result<Vec<Timing>> {
    let mut decode_ticks = presentation_ticks.to_vec();
    decode_ticks.sort_unstable();
    decode_ticks.push(end_ticks);
    let spans = decode_ticks.windows(2).map(|pair| (pair[0], pair[1]));
    std::iter::zip(presentation_ticks, spans)
        .map(|(&shown, (decoded, next))| {
            let duration_ticks = next.checked_sub(decoded).filter(|ticks| *ticks > 0).and_then(|ticks| u32::try_from(ticks).ok());
            let offset = i128::from(shown) - i128::from(decoded);
            match (duration_ticks, i32::try_from(offset)) {
                (Some(duration_ticks), Ok(composition_offset_ticks)) => Ok(Timing { duration_ticks, composition_offset_ticks }),
                _ => Err(Error::internal(format!("no schedule for a sample shown at {shown} before {end_ticks}"))),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reordered_frames_start_at_the_start_and_add_up() {
        // I P B B P, shown at 0 3 1 2 4 frames of 100 ticks, after a start of 1000.
        let shown = [1000, 1300, 1100, 1200, 1400];
        let timing = schedule(&shown, 1500).unwrap();
        let offsets: Vec<_> = timing.iter().map(|timing| timing.composition_offset_ticks).collect();
        assert_eq!(offsets, [0, 200, -100, -100, 0]);
        assert!(timing.iter().all(|timing| timing.duration_ticks == 100));

        let mut decoded = 1000;
        for (timing, shown) in std::iter::zip(&timing, shown) {
            assert_eq!(decoded + i64::from(timing.composition_offset_ticks), shown as i64);
            decoded += i64::from(timing.duration_ticks);
        }
        assert_eq!(decoded, 1500);
    }

    #[test]
    fn variable_frame_durations_are_kept() {
        let timing = schedule(&[0, 3003, 4000], 9000).unwrap();
        assert_eq!(timing.iter().map(|timing| timing.duration_ticks).collect::<Vec<_>>(), [3003, 997, 5000]);
        assert_eq!(schedule(&[], 0).unwrap(), []);
    }

    #[test]
    fn impossible_times_are_refused() {
        for (shown, end) in [(&[0, 0][..], 10), (&[0, 10], 10), (&[0, 11], 10), (&[0], 0), (&[0, 1 << 40], 1 << 41)] {
            assert!(schedule(shown, end).is_err(), "{shown:?} {end}");
        }
    }
}
