//! Ladders: the fixed one of a recipe, and the one that is chosen per title by measured quality.

mod analysis;
mod canvas;
mod choice;
mod codec;
mod curve;
#[cfg(test)]
mod tests;

pub use analysis::{Analysis, Measure, Sample};
pub(super) use canvas::{BITRATE_MIN_BPS, Canvas};
pub use codec::Codec;

use crate::source::Ratio;
use serde::{Deserialize, Serialize};

/// One step of a ladder: a rendition of the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Name in object keys (`v/{id}/…`): letters, digits and dashes.
    pub id: String,
    /// What its pictures are coded in.
    #[serde(default)]
    pub codec: Codec,
    /// Width in square pixels, even.
    pub width: u32,
    /// Height in square pixels, even.
    pub height: u32,
    /// Constant rate factor, on the codec's own scale.
    pub crf: f32,
    /// Rate that the buffer model never exceeds.
    pub max_bitrate_bps: u32,
    /// The encoder's preset.
    pub preset: String,
    /// The encoder's options beyond the preset, `name=value` with colons between.
    #[serde(default)]
    pub options: String,
    /// Of how many frames of the source it shows one.
    #[serde(default = "every_frame")]
    pub frame_step: u32,
    /// Why it is there, for people.
    #[serde(default)]
    pub reason: String,
    /// How often it was made anew by hand: what an earlier edition stored is not taken for it.
    #[serde(default, skip_serializing_if = "is_first")]
    pub edition: u32,
}

fn is_first(edition: &u32) -> bool {
    *edition == 0
}

/// What rungs meant that did not say it yet.
fn every_frame() -> u32 {
    1
}

impl Rung {
    /// Pixels of its pictures for each frame of the source.
    fn pixels_a_frame(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height) / f64::from(self.frame_step.max(1))
    }

    /// Frames a second, of a source that has `source` of them.
    #[must_use]
    pub fn frame_rate(&self, source: Ratio) -> Ratio {
        let step = self.frame_step.max(1);
        if source.num.is_multiple_of(step) {
            Ratio::new(source.num / step, source.den)
        } else {
            Ratio::new(source.num, source.den.saturating_mul(step))
        }
    }
}
