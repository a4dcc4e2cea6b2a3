//! The fixed ladder: the recipe's heights up to the source's size, and the source's own size where that is well above.

use super::Recipe;
use crate::source::Ratio;
use serde::{Deserialize, Serialize};

/// The source's own size becomes the top rung when it is taller than the next rung by more than this.
const OWN_SIZE_MIN_STEP: f64 = 1.1;
/// Pixels per picture of the largest rung (1920 × 1080, and a little for other shapes).
const PIXELS_MAX: f64 = 1920.0 * 1080.0 * 1.02;
/// Bitrate grows with pixels to this power: larger pictures have more detail that repeats.
const PIXEL_POWER: f64 = 0.75;

/// One step of the ladder: an H.264 rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Name in object keys (`v/{id}/…`): letters, digits and dashes.
    pub id: String,
    /// Width in square pixels, even.
    pub width: u32,
    /// Height in square pixels, even.
    pub height: u32,
    /// Constant rate factor.
    pub crf: f32,
    /// Rate that the buffer model never exceeds.
    pub max_bitrate_bps: u32,
    /// x264 preset.
    pub preset: String,
}

/// The rungs for a picture of `display` size, highest first; at least one.
pub(super) fn fixed(display: (u32, u32), frame_rate: Ratio, recipe: &Recipe) -> Vec<Rung> {
    let aspect = f64::from(display.0) / f64::from(display.1.max(1));
    let mut heights: Vec<u32> = recipe.rungs.iter().map(|choice| choice.height).filter(|height| *height <= display.1).collect();
    let tallest = heights.first().copied().unwrap_or(0);
    let own_size_fits = f64::from(display.0) * f64::from(display.1) <= PIXELS_MAX;
    if own_size_fits && f64::from(display.1) > f64::from(tallest) * OWN_SIZE_MIN_STEP {
        heights.insert(0, display.1);
    }
    heights.iter().map(|height| rung(*height, aspect, frame_rate, recipe)).collect()
}

fn rung(height: u32, aspect: f64, frame_rate: Ratio, recipe: &Recipe) -> Rung {
    let (width, height) = (even(f64::from(height) * aspect), even(f64::from(height)));
    let pixels = f64::from(width) * f64::from(height);
    // The recipe's rung that is closest in size gives quality and, scaled by pixels and frame rate, the cap.
    let distance = |reference: u32| (pixels / pixels_of(reference)).ln().abs();
    let choice = recipe.rungs.iter().min_by(|a, b| distance(a.height).total_cmp(&distance(b.height)));
    let (crf, cap, reference) =
        choice.map_or((23.0, 1_000_000, 540), |choice| (choice.crf, choice.max_bitrate_bps, choice.height));
    let rate_factor = if frame_rate.as_f64() > 32.0 { 1.5 } else { 1.0 };
    let max_bitrate_bps = f64::from(cap) * (pixels / pixels_of(reference)).powf(PIXEL_POWER) * rate_factor;
    Rung {
        id: format!("{height}p"),
        width,
        height,
        crf,
        max_bitrate_bps: (max_bitrate_bps / 1000.0).round().max(64.0) as u32 * 1000,
        preset: recipe.preset.clone(),
    }
}

fn pixels_of(height: u32) -> f64 {
    f64::from(height) * f64::from(height) * 16.0 / 9.0
}

/// The nearest even number, at least 16 (the smallest picture that H.264 decoders in the field all take).
fn even(value: f64) -> u32 {
    ((value / 2.0).round() as u32 * 2).max(16)
}
