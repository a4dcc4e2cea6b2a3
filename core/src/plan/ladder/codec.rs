//! The codecs of the picture, and the scale of qualities that each has.

use serde::{Deserialize, Serialize};

/// What the pictures of a rung are coded in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// What all devices play: every title has a ladder of it. Plans meant it that did not say.
    #[default]
    H264,
    /// H.265, with parameter sets in the sample entry.
    Hevc,
    /// AOMedia Video 1.
    Av1,
}

/// Presets of x264 and x265 that are ever worth their time, fastest first, and those of SVT-AV1.
const PRESETS: [&str; 9] = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];
const PRESETS_AV1: [&str; 14] = ["13", "12", "11", "10", "9", "8", "7", "6", "5", "4", "3", "2", "1", "0"];
/// How many steps of its scale a better rate factor is better.
const BETTER_STEPS: f32 = 10.0;
/// What no better rate factor is below.
const BEST: f32 = 10.0;
const BEST_AV1: f32 = 14.0;

/// Qualities of a codec, as constant rate factors of its encoder.
pub(super) struct Scale {
    /// The best that is considered, and the step to the next.
    pub(super) best: f32,
    pub(super) step: f32,
    /// The worst that the encoder knows.
    pub(super) worst: f32,
    /// The usual one: processor time is told at it.
    pub(super) usual: f64,
    /// What is tried of the largest sizes, and of others.
    pub(super) tried: &'static [f32],
    pub(super) tried_small: &'static [f32],
}

impl Codec {
    /// What tells its rungs' names from those of H.264.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::H264 => "",
            Self::Hevc => "-hevc",
            Self::Av1 => "-av1",
        }
    }

    /// Pixels of a side at least that its encoder takes.
    pub(super) fn side_min(self) -> u32 {
        match self {
            Self::H264 => 16,
            Self::Hevc | Self::Av1 => 64,
        }
    }

    /// Processor time of a pixel in that of H.264, about, as recipes have it: for telling how far a title is.
    #[must_use]
    pub fn weight(self) -> f64 {
        match self {
            Self::H264 => 1.0,
            Self::Hevc => 6.0,
            Self::Av1 => 7.0,
        }
    }

    /// A rate factor that is clearly better than `crf`, as far as there is one.
    pub(in crate::plan) fn better(self, crf: f32) -> f32 {
        let least = match self {
            Self::H264 | Self::Hevc => BEST,
            Self::Av1 => BEST_AV1,
        };
        (crf - self.scale().step * BETTER_STEPS).max(least.min(crf))
    }

    /// The worst rate factor that its encoder knows.
    pub(in crate::plan) fn crf_max(self) -> f32 {
        self.scale().worst
    }

    /// Its encoder's presets, fastest first.
    pub(in crate::plan) fn presets(self) -> &'static [&'static str] {
        match self {
            Self::H264 | Self::Hevc => &PRESETS,
            Self::Av1 => &PRESETS_AV1,
        }
    }

    /// The next slower preset, if there is one.
    pub(in crate::plan) fn slower(self, preset: &str) -> Option<&'static str> {
        let presets = self.presets();
        let place = presets.iter().position(|known| *known == preset)?;
        presets.get(place + 1).copied()
    }

    pub(super) fn scale(self) -> Scale {
        match self {
            Self::H264 => Scale {
                best: 18.0,
                step: 0.5,
                worst: 51.0,
                usual: 22.0,
                tried: &[22.0, 28.0, 34.0],
                tried_small: &[24.0, 30.0, 36.0],
            },
            Self::Hevc => {
                Scale { best: 18.0, step: 0.5, worst: 51.0, usual: 24.0, tried: &[22.0, 29.0, 36.0], tried_small: &[25.0, 33.0] }
            }
            // Its rate factors are whole numbers.
            Self::Av1 => {
                Scale { best: 24.0, step: 1.0, worst: 63.0, usual: 40.0, tried: &[34.0, 46.0, 58.0], tried_small: &[40.0, 54.0] }
            }
        }
    }
}
