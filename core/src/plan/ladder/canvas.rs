//! The sizes that a picture is made in, and what each may take: the recipe's heights up to the source's size, and the source's own
//! size where that is well above. All of them are the fixed ladder. Additional ladders have sizes of their own.

use super::{Codec, Rung};
use crate::plan::{AdditionalLadder, LowestChoice, Recipe, RungChoice};
use crate::source::Ratio;

/// The source's own size becomes the top rung when it is taller than the next rung by more than this.
const OWN_SIZE_MIN_STEP: f64 = 1.1;
/// Pixels per picture of the source's own size as a rung (1920 × 1080, and a little for other shapes).
const PIXELS_MAX: f64 = 1920.0 * 1080.0 * 1.02;
/// Pixels of either side of a rung.
const SIDE_MAX: f64 = 4096.0;
/// Pixels of either side, at least: the smallest picture that H.264 decoders in the field all take.
const SIDE_MIN: u32 = 16;
/// Pixels a second that level 5.2 of H.264 allows (table A-1), less what rounding up to whole macroblocks may add.
const PIXEL_RATE_MAX: f64 = 2_073_600.0 * 256.0 * 0.98;
/// A picture so wide that the lowest height makes more pixels than this many times those of 16:9 gets a smaller one.
const LOWEST_PIXELS_MAX: f64 = 2.0;
/// Bitrate grows with pixels to this power: larger pictures have more detail that repeats.
const PIXEL_POWER: f64 = 0.75;
/// Least that a rung may be given.
pub(in crate::plan) const BITRATE_MIN_BPS: f64 = 64_000.0;
/// What the lowest variant may take at its peak, sound and container included (Apple HLS Authoring Specification 9.21).
const LOWEST_VARIANT_BPS: f64 = 192_000.0;
/// Peak over the cap: the buffer, which holds a second, may be emptied on top of it. The shortest run of segments that counts
/// (RFC 8216 section 4.1) is half a target duration, 3 s; encoders do reach this where a title's last segment is that short.
const PICTURE_PEAK: f64 = 4.0 / 3.0;
/// Peak of AAC over its rate, and the boxes around it.
const SOUND_PEAK: f64 = 1.04;
const SOUND_BOXES_BPS: f64 = 2_000.0;
/// Most frames a second of any rung (Apple HLS Authoring Specification 1.19), and a little for rates that are no round number.
const FRAME_RATE_MAX: f64 = 60.0 * 1.01;
/// Most frames a second of small rungs.
const LOW_FRAME_RATE_MAX: f64 = 32.0;
/// Pixels below which a rung is small: it is for lines and devices that more frames would be too much for.
const LOW_PIXELS: f64 = 1280.0 * 720.0 * 0.95;
/// The same of a picture that is not much larger itself: share of its own pixels, and pixels at least.
const LOW_SHARE: f64 = 0.8;
const LOW_PIXELS_MIN: f64 = 640.0 * 360.0 * 0.95;
/// Bits of boxes around one picture.
const FRAME_BOX_BITS: f64 = 12.0 * 8.0;

/// What rungs are made for: a picture of some size and frame rate, and the recipe that it is made by.
pub(in crate::plan) struct Canvas<'a> {
    /// Size as displayed, or as far above it as it has to be.
    pub(in crate::plan) display: (u32, u32),
    /// Frames a second of the source.
    pub(in crate::plan) frame_rate: Ratio,
    /// What decides sizes and rates.
    pub(in crate::plan) recipe: &'a Recipe,
}

impl<'a> Canvas<'a> {
    /// What rungs of a picture of the size `display` are made for. One that is too thin for any decoder is enlarged: its shape stays.
    pub(in crate::plan) fn new(display: (u32, u32), frame_rate: Ratio, recipe: &'a Recipe) -> Self {
        let thinner = f64::from(display.0.min(display.1).max(1));
        let factor = (f64::from(SIDE_MIN) / thinner).max(1.0);
        let enlarged = |side: u32| (f64::from(side) * factor).round() as u32;
        Self { display: (enlarged(display.0), enlarged(display.1)), frame_rate, recipe }
    }

    /// The rungs of the fixed ladder, highest first, at least one, and those of each additional one.
    pub(in crate::plan) fn fixed(&self) -> Vec<Rung> {
        let mut rungs = self.h264();
        rungs.extend(self.recipe.additional.iter().flat_map(|ladder| self.additional(ladder)));
        rungs
    }

    /// The rungs of an additional ladder, highest first; none if the picture is too small for its encoder.
    fn additional(&self, ladder: &AdditionalLadder) -> Vec<Rung> {
        let AdditionalLadder { codec, preset, options, rungs } = ladder;
        let (style, side_min) = (Style { codec: *codec, preset, options, choices: rungs }, codec.side_min());
        let made = self.heights(rungs).into_iter().map(|height| self.rung(&style, height));
        made.filter(|rung| rung.width.min(rung.height) >= side_min).collect()
    }

    /// The rungs of the fixed H.264 ladder, highest first; at least one.
    pub(in crate::plan) fn h264(&self) -> Vec<Rung> {
        let style = self.h264_style();
        let mut heights = self.heights(style.choices);
        let small = style.choices.last().map_or(PIXELS_MAX, |choice| pixels_of(choice.height));
        let pixels = |height: u32| f64::from(height) * f64::from(height) * self.aspect();
        if heights.last().is_none_or(|lowest| pixels(*lowest) > small * LOWEST_PIXELS_MAX) {
            heights.push((small / self.aspect()).sqrt().clamp(1.0, SIDE_MAX) as u32);
        }
        let mut rungs: Vec<Rung> = heights.into_iter().map(|height| self.rung(&style, height)).collect();
        if let Some(lowest) = rungs.last_mut() {
            lowest.max_bitrate_bps = lowest.max_bitrate_bps.min(self.lowest_max_bitrate_bps(lowest));
        }
        rungs
    }

    /// Rungs of sizes between those of `h264`, but for its lowest, that a ladder which is chosen may have.
    pub(in crate::plan) fn between(&self, h264: &[Rung]) -> Vec<Rung> {
        let ([top, ..], [.., small, _], Some(per_title)) = (h264, h264, &self.recipe.per_title) else { return Vec::new() };
        let is_new =
            |height: &u32| *height < top.height && *height > small.height && h264.iter().all(|rung| rung.height != *height);
        per_title.between.iter().copied().filter(is_new).map(|height| self.rung(&self.h264_style(), height)).collect()
    }

    /// What the recipe has instead of the lowest of `h264` for a ladder that is chosen, if that is larger, but not as the next.
    pub(in crate::plan) fn lowest(&self, h264: &[Rung]) -> Option<Rung> {
        let LowestChoice { height, preset } = self.recipe.per_title.as_ref()?.lowest.as_ref()?;
        let [.., next, lowest] = h264 else { return None };
        if !(lowest.height + 1..next.height).contains(height) {
            return None;
        }
        let rung = self.rung(&Style { preset, ..self.h264_style() }, *height);
        let max_bitrate_bps = rung.max_bitrate_bps.min(self.lowest_max_bitrate_bps(&rung));
        Some(Rung { max_bitrate_bps, ..rung })
    }

    /// What leads while a ladder is not chosen yet: rungs of the fixed one at the qualities that the recipe says, never the highest;
    /// the lowest where there are no others.
    pub(in crate::plan) fn start(&self) -> Vec<Rung> {
        let fixed = self.h264();
        let Some(per_title) = &self.recipe.per_title else { return fixed };
        let others = || fixed.iter().skip(1);
        let leads = per_title.start.iter().filter_map(|choice| {
            let rung = others().find(|rung| rung.height == choice.height)?;
            Some(Rung { crf: choice.crf, reason: "leads".into(), ..per_title.made(rung) })
        });
        let leads: Vec<Rung> = leads.collect();
        if leads.is_empty() { others().last().or(fixed.first()).cloned().into_iter().collect() } else { leads }
    }

    fn h264_style(&self) -> Style<'_> {
        Style { codec: Codec::H264, preset: &self.recipe.preset, options: "", choices: &self.recipe.rungs }
    }

    fn aspect(&self) -> f64 {
        f64::from(self.display.0.max(1)) / f64::from(self.display.1.max(1))
    }

    /// Those of `choices` that the picture has, and its own where that is well above.
    fn heights(&self, choices: &[RungChoice]) -> Vec<u32> {
        let (display, aspect) = (self.display, self.aspect());
        let frames_a_second = self.frame_rate.as_f64() / f64::from(frame_step(self.frame_rate, FRAME_RATE_MAX));
        let fits = |height: u32| {
            let (width, height) = (f64::from(height) * aspect, f64::from(height));
            // Made wider than it is, it would have another shape.
            let is_wide = width.round() >= f64::from(SIDE_MIN);
            is_wide && width <= SIDE_MAX && height <= SIDE_MAX && width * height * frames_a_second <= PIXEL_RATE_MAX
        };
        let chosen = choices.iter().map(|choice| choice.height);
        let mut heights: Vec<u32> = chosen.filter(|height| *height <= display.1 && fits(*height)).collect();
        let tallest = heights.first().copied().unwrap_or(0);
        let own_size_fits = fits(display.1) && f64::from(display.0) * f64::from(display.1) <= PIXELS_MAX;
        if own_size_fits && f64::from(display.1) > f64::from(tallest) * OWN_SIZE_MIN_STEP {
            heights.insert(0, display.1);
        }
        heights
    }

    /// Cap of the lowest rung: with the lowest sound it stays under [`LOWEST_VARIANT_BPS`], whatever its shape and frame rate.
    fn lowest_max_bitrate_bps(&self, lowest: &Rung) -> u32 {
        let sound = self.recipe.audio.last().map_or(0.0, |choice| f64::from(choice.bitrate_bps) * SOUND_PEAK + SOUND_BOXES_BPS);
        let picture = LOWEST_VARIANT_BPS - sound - lowest.frame_rate(self.frame_rate).as_f64() * FRAME_BOX_BITS;
        ((picture / PICTURE_PEAK).max(BITRATE_MIN_BPS) / 1000.0).floor() as u32 * 1000
    }

    fn rung(&self, style: &Style<'_>, height: u32) -> Rung {
        let aspect = self.aspect();
        let (width, height) = (even((f64::from(height) * aspect).min(SIDE_MAX)), even(f64::from(height)));
        let pixels = f64::from(width) * f64::from(height);
        // The recipe's rung that is closest in size gives quality and, scaled by pixels and frame rate, the cap.
        let distance = |reference: u32| (pixels / pixels_of(reference)).ln().abs();
        let choice = style.choices.iter().min_by(|a, b| distance(a.height).total_cmp(&distance(b.height)));
        let (crf, cap, reference) =
            choice.map_or((23.0, 1_000_000, 540), |choice| (choice.crf, choice.max_bitrate_bps, choice.height));
        let own_pixels = f64::from(self.display.0) * f64::from(self.display.1);
        let is_small = pixels < (own_pixels * LOW_SHARE).clamp(LOW_PIXELS_MIN, LOW_PIXELS);
        let frame_step = frame_step(self.frame_rate, if is_small { LOW_FRAME_RATE_MAX } else { FRAME_RATE_MAX });
        let rate_factor = if self.frame_rate.as_f64() / f64::from(frame_step) > LOW_FRAME_RATE_MAX { 1.5 } else { 1.0 };
        let max_bitrate_bps = f64::from(cap) * (pixels / pixels_of(reference)).powf(PIXEL_POWER) * rate_factor;
        Rung {
            id: format!("{height}p{}", style.codec.suffix()),
            codec: style.codec,
            width,
            height,
            crf,
            max_bitrate_bps: (max_bitrate_bps.max(BITRATE_MIN_BPS) / 1000.0).round() as u32 * 1000,
            preset: style.preset.to_owned(),
            options: style.options.to_owned(),
            frame_step,
            reason: String::new(),
            edition: 0,
        }
    }
}

/// What the rungs of one ladder share.
struct Style<'a> {
    codec: Codec,
    preset: &'a str,
    options: &'a str,
    choices: &'a [RungChoice],
}

/// Of how many frames one is shown, so that there are at most `max` a second: every one, every second, every fourth, …
fn frame_step(frame_rate: Ratio, max: f64) -> u32 {
    let too_fast = |step: &u32| frame_rate.as_f64() / f64::from(*step) > max;
    let mut steps = (0..16).map(|doublings| 1 << doublings);
    steps.find(|step| !too_fast(step)).unwrap_or(1)
}

fn pixels_of(height: u32) -> f64 {
    f64::from(height) * f64::from(height) * 16.0 / 9.0
}

/// The nearest even number, at least [`SIDE_MIN`].
fn even(value: f64) -> u32 {
    ((value / 2.0).round() as u32 * 2).max(SIDE_MIN)
}
