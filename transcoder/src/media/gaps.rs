//! Stretches in the middle of a film that its file does not hold: bytes that were lost and are zeros now, or a recording that broke off.
//! A picture that stands still for long is none: its sound goes on, and the file has nothing else in its place.

use super::{damage::Damage, rate};
use ffmpeg_next::Packet;
use std::{collections::BTreeMap, ops::Range};

/// Shorter gaps are no matter, in seconds.
const GAP_SECONDS: f64 = 0.25;
/// Frames that a gap is as long as, at least: in a film of few frames a second there is time between any two.
const GAP_FRAMES: f64 = 5.0;
/// Share of a gap in which there must be no sound, and of what the picture would have needed in it that must have been passed over.
const LOST_MIN: f64 = 0.5;
/// Stretches that are kept in mind, of bytes and of sound: a film that has more is damaged everywhere.
const STRETCHES_MAX: usize = 50_000;

/// What the packets of a film tell of it, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Whether packets lie in the file as they come.
    is_in_order: bool,
    /// Where the packets so far end in the file.
    read_bytes: u64,
    /// Bytes of the picture.
    picture_bytes: u64,
    /// Latest time of the picture so far.
    latest: Option<i64>,
    /// Bytes that belong to no packet, with the latest time of the picture before, in order.
    passed: Vec<(i64, u64)>,
    /// By stream, stretches of it that no packet fills, in units of its own and in order.
    silences: BTreeMap<usize, Vec<Range<i64>>>,
}

impl Gaps {
    /// `is_in_order` if packets lie in the file as they come.
    pub(super) fn new(is_in_order: bool) -> Self {
        Self { is_in_order, ..Self::default() }
    }

    /// Takes the next packet; `is_picture` if it is of the picture.
    pub(super) fn packet(&mut self, packet: &Packet, is_picture: bool) {
        let size_bytes = packet.size() as u64;
        if let Some(position) = u64::try_from(packet.position()).ok().filter(|_| self.is_in_order) {
            let passed_bytes = position.saturating_sub(self.read_bytes);
            if let Some(latest) = self.latest.filter(|_| passed_bytes > 0) {
                self.pass(latest, passed_bytes);
            }
            self.read_bytes = self.read_bytes.max(position.saturating_add(size_bytes));
        }
        if let Some(time) = packet.pts().or(packet.dts()).filter(|_| is_picture) {
            self.picture_bytes += size_bytes;
            self.latest = Some(self.latest.map_or(time, |latest| latest.max(time)));
        }
    }

    fn pass(&mut self, latest: i64, passed_bytes: u64) {
        let is_full = self.passed.len() == STRETCHES_MAX;
        match self.passed.last_mut() {
            Some((time, bytes)) if *time == latest => *bytes += passed_bytes,
            _ if is_full => {}
            _ => self.passed.push((latest, passed_bytes)),
        }
    }

    /// Of `stream` nothing came between two of its times.
    pub(super) fn silence(&mut self, stream: usize, times: Range<i64>) {
        let silences = self.silences.entry(stream).or_default();
        if silences.len() < STRETCHES_MAX {
            silences.push(times);
        }
    }

    /// When the first stretch of `stream` begins at `time` or later that nothing came in.
    pub(super) fn silence_after(&self, stream: usize, time: i64) -> Option<i64> {
        let own = self.silences.get(&stream)?;
        own.get(own.partition_point(|times| times.start < time)).map(|times| times.start)
    }

    /// What is missing of a picture that is shown at `times` (ascending, the first at zero), of which those before `beginning` were read
    /// without a break and those from there on; `unit` are the seconds of a unit. `sound` are streams of sound and the seconds of theirs.
    pub(super) fn of(&self, times: &[i64], beginning: usize, unit: f64, sound: &[(usize, f64)]) -> Missing {
        let mut missing = Missing::default();
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return missing };
        let seconds = rate::distance(*first, *last) * unit;
        let frame_seconds = seconds / (times.len() - 1).max(1) as f64;
        let bytes_a_second = self.picture_bytes as f64 / seconds;
        for (number, pair) in times.windows(2).enumerate() {
            let gap = pair[0]..pair[1];
            let gap_seconds = rate::distance(gap.start, gap.end) * unit;
            let is_long = gap_seconds > GAP_SECONDS && gap_seconds > GAP_FRAMES * frame_seconds;
            if !is_long || number + 1 == beginning {
                continue;
            }
            let needed_bytes = gap_seconds * bytes_a_second;
            let is_lost = self.passed_bytes(&gap) as f64 >= needed_bytes * LOST_MIN || self.is_silent(&gap, unit, sound);
            if is_lost {
                missing.seconds += gap_seconds - frame_seconds;
                let ms = |time: i64| (rate::distance(*first, time) * unit * 1000.0) as u64;
                missing.damage.add(ms(gap.start), ms(gap.end));
            }
        }
        missing
    }

    fn passed_bytes(&self, gap: &Range<i64>) -> u64 {
        let within = self.passed.partition_point(|(latest, _)| *latest < gap.start);
        self.passed[within..].iter().take_while(|(latest, _)| *latest < gap.end).map(|(_, bytes)| bytes).sum()
    }

    /// Whether there is sound, and none of it is heard in most of `gap`.
    fn is_silent(&self, gap: &Range<i64>, unit: f64, sound: &[(usize, f64)]) -> bool {
        let (start, end) = (gap.start as f64 * unit, gap.end as f64 * unit);
        let silent_seconds = |(stream, unit): &(usize, f64)| -> f64 {
            let own = self.silences.get(stream).map_or(&[][..], Vec::as_slice);
            let within = own.partition_point(|times| times.end as f64 * unit <= start);
            let own = own[within..].iter().map(|times| (times.start as f64 * unit, times.end as f64 * unit));
            own.take_while(|times| times.0 < end).map(|times| times.1.min(end) - times.0.max(start)).sum()
        };
        !sound.is_empty() && sound.iter().all(|track| silent_seconds(track) >= (end - start) * LOST_MIN)
    }
}

/// Which stretches are missing, and how long they are together.
#[derive(Debug, Default)]
pub(super) struct Missing {
    pub(super) damage: Damage,
    pub(super) seconds: f64,
}

/// Whether a stream that ended at `end` and goes on at `start` (`unit` seconds each) had nothing to say between.
pub(super) fn is_gap(end: i64, start: i64, unit: f64) -> bool {
    end > i64::MIN && rate::distance(end, start) * unit > GAP_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 25 frames a second, 1000 bytes each, of which those in `lost` are not there; `holds` says whether their bytes are.
    fn film(lost: Range<usize>, holds: bool) -> (Gaps, Vec<i64>) {
        let (mut gaps, mut times) = (Gaps::new(true), Vec::new());
        let mut position = 0_usize;
        for number in 0..1000 {
            if !lost.contains(&number) {
                let mut packet = Packet::copy(&[0; 1000]);
                packet.set_pts(Some(number as i64 * 40));
                packet.set_position(position as isize);
                gaps.packet(&packet, true);
                times.push(number as i64 * 40);
            }
            position += if lost.contains(&number) && !holds { 0 } else { 1010 };
        }
        (gaps, times)
    }

    #[test]
    fn bytes_that_nobody_reads_are_a_part_that_is_missing() {
        let (gaps, times) = film(100..200, true);
        let missing = gaps.of(&times, times.len(), 0.001, &[]);
        assert!((missing.seconds - 4.0).abs() < 0.05, "{missing:?}");
        assert_eq!(missing.damage.to_string(), "at 0:03.9–0:08.0");
        let (gaps, times) = film(100..105, true);
        assert_eq!(gaps.of(&times, times.len(), 0.001, &[]).seconds, 0.0, "a moment is no matter");
        let (gaps, times) = film(100..200, true);
        assert_eq!(gaps.of(&times, 100, 0.001, &[]).seconds, 0.0, "where nothing was read nothing is known");
    }

    #[test]
    fn a_picture_that_stands_still_is_missing_only_where_its_sound_is() {
        let (mut gaps, times) = film(100..200, false);
        let sound = [(1, 1.0 / 48_000.0), (2, 0.001)];
        let seconds = |gaps: &Gaps| gaps.of(&times, times.len(), 0.001, &sound).seconds;
        assert_eq!(gaps.of(&times, times.len(), 0.001, &[]).seconds, 0.0);
        assert_eq!(seconds(&gaps), 0.0);
        gaps.silence(1, 5 * 48_000..8 * 48_000);
        assert_eq!(seconds(&gaps), 0.0, "one of two tracks goes on");
        gaps.silence(2, 4_500..5_000);
        gaps.silence(2, 5_500..8_000);
        assert!((seconds(&gaps) - 4.0).abs() < 0.05);
        assert!(is_gap(0, 300, 0.001) && !is_gap(0, 200, 0.001) && !is_gap(i64::MIN, 0, 0.001));
    }
}
