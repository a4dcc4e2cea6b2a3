//! The grid that all renditions of a title share: exact ticks, keyframes about every two seconds, segments of three of those.

use crate::source::{Ratio, VideoTrack};
use serde::{Deserialize, Serialize};

/// Groups of pictures per segment: 3 × 2 s = 6 s (Apple HLS Authoring Specification 7.5).
pub(super) const GOPS_PER_SEGMENT: u64 = 3;
/// Groups that the first segment has less: it is short, so that a title plays soon.
const FIRST_LACKS_GOPS: u64 = 2;
/// Nominal seconds between keyframes (Apple HLS Authoring Specification 1.13).
const GOP_SECONDS: f64 = 2.0;
/// Ticks per second where frame durations are not constant, and nowhere else.
const VARIABLE_TIMESCALE: u32 = 90_000;
/// Ticks per second at least, so that sound and rounded durations have room.
const TIMESCALE_MIN: u32 = 10_000;
/// Largest tick.
const TICK_MAX: i128 = 1 << 62;
/// A frame this close to the constant-rate grid belongs on it: containers such as Matroska round to milliseconds.
const SNAP_SECONDS: f64 = 0.0021;

/// Maps the source's times to ticks, and ticks to groups of pictures and segments. Zero is the first frame presented.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Ticks per second.
    pub timescale: u32,
    /// Ticks of one frame where the rate is constant: then every frame duration is exact.
    pub frame_ticks: Option<u32>,
    /// Ticks between keyframes: whole frames where the rate is constant.
    pub gop_ticks: u64,
    /// Groups of pictures that the first segment has less than the others.
    #[serde(default)]
    pub first_lacks_gops: u64,
}

impl Timeline {
    /// The timeline for a source's picture track, of which `frame_rate` frames a second are shown.
    #[must_use]
    pub fn of(video: &VideoTrack, frame_rate: Ratio) -> Self {
        if video.constant_rate { Self::constant(frame_rate) } else { Self::variable() }
    }

    /// The timeline that a picture of `frame_rate` with `timescale` ticks a second was encoded on.
    #[must_use]
    pub fn of_encoded(frame_rate: Ratio, timescale: u32) -> Self {
        if timescale == VARIABLE_TIMESCALE { Self::variable() } else { Self::constant(frame_rate) }
    }

    fn variable() -> Self {
        let gop_ticks = u64::from(VARIABLE_TIMESCALE) * 2;
        Self { timescale: VARIABLE_TIMESCALE, frame_ticks: None, gop_ticks, first_lacks_gops: FIRST_LACKS_GOPS }
    }

    fn constant(frame_rate: Ratio) -> Self {
        let Ratio { num, den } = frame_rate;
        if num == 0 || u64::from(num) > 240 * u64::from(den) || u64::from(den) > 10 * u64::from(num) {
            return Self::variable();
        }
        let factor = if num == VARIABLE_TIMESCALE { 2 } else { TIMESCALE_MIN.div_ceil(num) };
        let frames = (GOP_SECONDS * frame_rate.as_f64()).round().max(1.0) as u64;
        let frame_ticks = den * factor;
        Self {
            timescale: num * factor,
            frame_ticks: Some(frame_ticks),
            gop_ticks: frames * u64::from(frame_ticks),
            first_lacks_gops: FIRST_LACKS_GOPS,
        }
    }

    /// Tick at which a frame with presentation time `pts` (in the track's time base) is shown; negative before zero.
    #[must_use]
    pub fn tick(&self, video: &VideoTrack, pts: i64) -> i64 {
        let elapsed = i128::from(pts) - i128::from(video.origin);
        let numerator = elapsed.saturating_mul(i128::from(video.time_base.num)).saturating_mul(i128::from(self.timescale));
        // A frame of a hostile file may claim any time; beyond this bound it belongs to no title.
        let tick = div_round(numerator, i128::from(video.time_base.den)).clamp(-TICK_MAX, TICK_MAX) as i64;
        let Some(frame_ticks) = self.frame_ticks.map(i64::from) else { return tick };
        let on_grid = div_round(i128::from(tick), i128::from(frame_ticks)) as i64 * frame_ticks;
        let tolerance = (f64::from(self.timescale) * SNAP_SECONDS) as i64;
        if (tick - on_grid).abs() <= tolerance.min(frame_ticks / 3) { on_grid } else { tick }
    }

    /// Length of the title in ticks: at least one.
    #[must_use]
    pub fn duration_ticks(&self, video: &VideoTrack) -> u64 {
        u64::try_from(self.tick(video, video.end)).unwrap_or(0).max(1)
    }

    /// Ticks of every segment but the first and the last.
    #[must_use]
    pub fn segment_ticks(&self) -> u64 {
        self.gop_ticks * GOPS_PER_SEGMENT
    }

    /// Ticks that no segment lasts longer than. A segment begins with its first frame, which comes within its first group of
    /// pictures: exactly at the start of that if the rate is constant, and anywhere in it if not.
    #[must_use]
    pub fn segment_ticks_max(&self) -> u64 {
        self.segment_ticks() + if self.frame_ticks.is_some() { 0 } else { self.gop_ticks }
    }

    /// Number of the segment that holds `tick`, from 1 as in object names.
    #[must_use]
    pub fn segment_of(&self, tick: u64) -> u32 {
        // As if the first segment were whole and had begun earlier.
        let gop = self.gop_of(tick).saturating_add(self.first_lacks_gops);
        u32::try_from(gop / GOPS_PER_SEGMENT).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Number of the group of pictures that holds `tick`, from 0. A frame whose number differs from its predecessor's is an IDR.
    #[must_use]
    pub fn gop_of(&self, tick: u64) -> u64 {
        tick / self.gop_ticks
    }

    /// First tick of segment `number` (from 1).
    #[must_use]
    pub fn segment_start(&self, number: u32) -> u64 {
        let gops = u64::from(number.saturating_sub(1)) * GOPS_PER_SEGMENT;
        gops.saturating_sub(self.first_lacks_gops) * self.gop_ticks
    }

    /// Ticks in milliseconds, rounded.
    #[must_use]
    pub fn ticks_to_ms(&self, ticks: u64) -> u64 {
        u64::try_from((u128::from(ticks) * 1000 + u128::from(self.timescale) / 2) / u128::from(self.timescale))
            .unwrap_or(u64::MAX)
    }
}

fn div_round(numerator: i128, denominator: i128) -> i128 {
    numerator.saturating_add(denominator / 2).div_euclid(denominator)
}
