//! What a track costs to deliver, measured from its stored segments: the rates of a run (RFC 8216 section 4.1), and the rate of a
//! channel that never lets a player wait (ISO/IEC 23009-1 section 5.3.5.2).

use crate::model::{Segment, Track};

/// One playlist entry: its length and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Length in ticks of the track.
    pub duration_ticks: u64,
    /// Bytes of the segment or range.
    pub size_bytes: u64,
}

/// A measured rate, containers included, in bits per second, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bitrate {
    /// Largest rate of any contiguous run of entries that lasts 0.5 to 1.5 target durations.
    pub peak_bps: u64,
    /// Rate of the whole.
    pub average_bps: u64,
}

impl Bitrate {
    /// Measures entries with `timescale` ticks per second, listed with `target_duration_s`. Where no run has the wanted
    /// length (a title of a second), the average is the peak.
    #[must_use]
    pub fn of(pieces: &[Piece], timescale: u32, target_duration_s: u64) -> Self {
        let target_ticks = target_duration_s.saturating_mul(timescale.into());
        let (shortest, longest) = (target_ticks.div_ceil(2), target_ticks.saturating_mul(3) / 2);
        let mut peak_bps = 0;
        for start in 0..pieces.len() {
            let mut run = Piece { duration_ticks: 0, size_bytes: 0 };
            for piece in &pieces[start..] {
                run = run.and(piece);
                if run.duration_ticks > longest {
                    break;
                }
                if run.duration_ticks >= shortest {
                    peak_bps = peak_bps.max(run.rate_bps(timescale));
                }
            }
        }
        let whole = pieces.iter().fold(Piece { duration_ticks: 0, size_bytes: 0 }, Piece::and);
        let average_bps = whole.rate_bps(timescale);
        // Runs can miss the densest part; the peak is never below the average.
        Self { peak_bps: peak_bps.max(average_bps), average_bps }
    }

    /// Measures a track's segments.
    #[must_use]
    pub fn of_track(track: &Track, target_duration_s: u64) -> Self {
        Self::of(&Piece::all(track), track.rendition.timescale, target_duration_s)
    }

    /// Both at once, as a variant with sound is delivered.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { peak_bps: self.peak_bps + other.peak_bps, average_bps: self.average_bps + other.average_bps }
    }
}

/// The least rate of a channel over which `pieces` can be played without a pause from the start of any of them, if playing begins
/// `buffer_s` after the first byte: `@bandwidth` where that is `@minBufferTime` (ISO/IEC 23009-1 section 5.3.5.2).
#[must_use]
pub fn sustained_bps(pieces: &[Piece], timescale: u32, buffer_s: u64) -> u64 {
    // All of it before the first is played is surely enough.
    let bytes = pieces.iter().map(|piece| u128::from(piece.size_bytes)).fold(0, u128::saturating_add);
    let bps = bytes.saturating_mul(8).div_ceil(buffer_s.max(1).into());
    let (mut too_low, mut enough) = (0, u64::try_from(bps).unwrap_or(u64::MAX));
    while too_low < enough {
        let middle = too_low + (enough - too_low) / 2;
        if sustains(middle, pieces, timescale, buffer_s) { enough = middle } else { too_low = middle + 1 }
    }
    enough
}

/// Whether a channel of `rate_bps` is enough for that: each piece is whole when its time comes.
#[must_use]
pub fn sustains(rate_bps: u64, pieces: &[Piece], timescale: u32, buffer_s: u64) -> bool {
    // In bits times ticks a second: how far what is sent is ahead of what could be sent in the time of the film.
    let [rate, timescale] = [i128::from(rate_bps), i128::from(timescale.max(1))];
    let head_start = rate.saturating_mul(timescale).saturating_mul(i128::from(buffer_s.max(1)));
    let (mut ahead, mut least) = (0_i128, 0_i128);
    for piece in pieces {
        least = least.min(ahead);
        ahead = ahead.saturating_add(i128::from(piece.size_bytes).saturating_mul(8 * timescale));
        if ahead.saturating_sub(least) > head_start {
            return false;
        }
        ahead = ahead.saturating_sub(rate.saturating_mul(i128::from(piece.duration_ticks)));
    }
    true
}

impl Piece {
    /// The segments of a track.
    #[must_use]
    pub fn all(track: &Track) -> Vec<Self> {
        let piece = |segment: &Segment| Self { duration_ticks: segment.duration_ticks, size_bytes: segment.size_bytes };
        track.segments.iter().map(piece).collect()
    }

    fn and(self, next: &Self) -> Self {
        Self {
            duration_ticks: self.duration_ticks.saturating_add(next.duration_ticks),
            size_bytes: self.size_bytes.saturating_add(next.size_bytes),
        }
    }

    fn rate_bps(self, timescale: u32) -> u64 {
        let bit_ticks = u128::from(self.size_bytes) * 8 * u128::from(timescale);
        bit_ticks.div_ceil(u128::from(self.duration_ticks.max(1))).try_into().unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{Random, SeededRandom};

    fn pieces(table: &[(u64, u64)]) -> Vec<Piece> {
        table.iter().map(|&(duration_ticks, size_bytes)| Piece { duration_ticks, size_bytes }).collect()
    }

    #[test]
    fn the_peak_is_over_runs_around_the_target_duration() {
        let table = [
            // Six seconds each: a run is one segment.
            (vec![(6000, 750), (6000, 1500), (6000, 750)], 6, (2000, 1334)),
            // A tail of one second is too short to be a run, but long enough with its neighbour.
            (vec![(6000, 750), (1000, 1000)], 6, (2000, 2000)),
            // A tail of four seconds counts alone; ten seconds together are too long.
            (vec![(6000, 750), (4000, 1000)], 6, (2000, 1400)),
            // A whole title that is shorter than half the target.
            (vec![(1000, 500)], 6, (4000, 4000)),
            (vec![], 6, (0, 0)),
        ];
        for (table, target, (peak_bps, average_bps)) in table {
            assert_eq!(Bitrate::of(&pieces(&table), 1000, target), Bitrate { peak_bps, average_bps }, "{table:?}");
        }
    }

    #[test]
    fn a_channel_of_the_sustained_rate_never_lets_a_player_wait() {
        let table = [
            // What is constant costs its rate, with a buffer of one segment.
            (vec![(6000, 750), (6000, 750), (6000, 750)], 6, 1000),
            // A short segment at the start fits the buffer easily.
            (vec![(2000, 250), (6000, 750), (6000, 750)], 6, 1000),
            // A peak is sent while what was before it plays, unless playing begins with it.
            (vec![(6000, 750), (6000, 1500), (6000, 750)], 6, 2000),
            (vec![(6000, 750), (6000, 1500), (6000, 1500)], 12, 1334),
            (vec![(6000, 75)], 6, 100),
            (vec![], 6, 0),
        ];
        for (table, buffer_s, expected) in table {
            let pieces = pieces(&table);
            assert_eq!(sustained_bps(&pieces, 1000, buffer_s), expected, "{table:?}");
            assert!(
                sustains(expected, &pieces, 1000, buffer_s)
                    && (expected == 0 || !sustains(expected - 1, &pieces, 1000, buffer_s))
            );
        }
    }

    /// The definition, written the slow way: from every start to every piece.
    #[test]
    fn random_titles_agree_with_the_definition_of_the_channel() {
        let random = SeededRandom::new(11);
        let number = |limit: f64| ((&random as &dyn Random).unit() * limit) as u64;
        for _ in 0..300 {
            let title: Vec<_> = (0..=number(12.0))
                .map(|_| Piece { duration_ticks: 1 + number(60_000.0), size_bytes: 1 + number(5_000_000.0) })
                .collect();
            let runs = (0..title.len()).flat_map(|start| (start + 1..=title.len()).map(move |end| (start, end)));
            let needed = runs.map(|(start, end)| {
                let bits: u64 = title[start..end].iter().map(|piece| piece.size_bytes * 8).sum();
                let ticks: u64 = title[start..end - 1].iter().map(|piece| piece.duration_ticks).sum();
                bits as f64 / (6.0 + ticks as f64 / 10_000.0)
            });
            let needed = needed.max_by(f64::total_cmp).unwrap().ceil();
            assert!((sustained_bps(&title, 10_000, 6) as f64 - needed).abs() <= 1.0, "{needed} {title:?}");
        }
    }

    #[test]
    fn hostile_numbers_do_not_overflow() {
        let huge = pieces(&[(u64::MAX, u64::MAX), (0, u64::MAX), (u64::MAX, 0)]);
        assert!(Bitrate::of(&huge, u32::MAX, u64::MAX).peak_bps > 0);
        assert_eq!(Bitrate::of(&pieces(&[(0, 5)]), 0, 0), Bitrate::default());
        assert!(sustained_bps(&huge, u32::MAX, u64::MAX) > 0);
        assert_eq!(sustained_bps(&pieces(&[(0, 5)]), 0, 0), 40);
    }

    /// The definition, written the slow way: every run, its length compared as a fraction of the target.
    fn peak_by_definition(pieces: &[Piece], timescale: u32, target_duration_s: u64) -> Option<f64> {
        let seconds = |ticks: u64| ticks as f64 / f64::from(timescale);
        let runs = (0..pieces.len()).flat_map(|start| (start + 1..=pieces.len()).map(move |end| &pieces[start..end]));
        runs.map(|run| {
            let length = seconds(run.iter().map(|piece| piece.duration_ticks).sum());
            (length, run.iter().map(|piece| piece.size_bytes * 8).sum::<u64>() as f64 / length)
        })
        .filter(|(length, _)| (0.5..=1.5).contains(&(length / target_duration_s as f64)))
        .map(|(_, rate)| rate)
        .max_by(f64::total_cmp)
    }

    #[test]
    fn random_titles_agree_with_the_definition() {
        let random = SeededRandom::new(7);
        let number = |limit: f64| ((&random as &dyn Random).unit() * limit) as u64;
        for _ in 0..300 {
            let count = 1 + number(12.0);
            let title: Vec<_> =
                (0..count).map(|_| Piece { duration_ticks: 1 + number(60_000.0), size_bytes: number(5_000_000.0) }).collect();
            let measured = Bitrate::of(&title, 10_000, 6);
            let total: u64 = title.iter().map(|piece| piece.size_bytes * 8).sum();
            let ticks: u64 = title.iter().map(|piece| piece.duration_ticks).sum();
            let average = total as f64 * 10_000.0 / ticks as f64;
            let peak = peak_by_definition(&title, 10_000, 6).unwrap_or(average).max(average);
            assert!((measured.average_bps as f64 - average) <= 1.0 && measured.average_bps as f64 >= average, "{title:?}");
            assert!((measured.peak_bps as f64 - peak).abs() <= 1.0, "{} {peak} {title:?}", measured.peak_bps);
        }
    }
}
