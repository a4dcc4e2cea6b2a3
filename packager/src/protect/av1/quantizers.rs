//! Quantizers of a frame and of its segments (AV1 specification, sections 5.9.12 to 5.9.18): whether it is coded without loss.

use super::tiles::signed;
use crate::{bits::Bits, cmaf::av1::Sequence};
use marquee_core::Result;

/// Segments of a frame.
const SEGMENTS: usize = 8;
/// Bits of each feature of a segment, and whether it has a sign; the first is another quantizer.
const FEATURES: [(u32, bool); 8] = [(8, true), (6, true), (6, true), (6, true), (6, true), (3, false), (0, false), (0, false)];
/// Highest quantizer.
const QUANTIZER_MAX: i32 = 255;

/// Quantizers of a frame.
pub(super) struct Quantizers {
    base: u32,
    /// Whether one of the parts of the picture has another one.
    differ: bool,
}

impl Quantizers {
    pub(super) fn parse(bits: &mut Bits<'_>, sequence: &Sequence) -> Result<Self> {
        let base = bits.take(8)?;
        let mut differ = delta(bits)?;
        let has_four = sequence.has_separate_chroma_quantizers && bits.flag()?;
        for _ in 0..if has_four { 4 } else { 2 } {
            differ |= delta(bits)?;
        }
        if bits.flag()? {
            bits.take(if sequence.has_separate_chroma_quantizers { 12 } else { 8 })?;
        }
        Ok(Self { base, differ })
    }

    /// How quantizers and filters change from block to block.
    pub(super) fn parse_deltas(&self, bits: &mut Bits<'_>, has_block_copy: bool) -> Result<()> {
        if self.base > 0 && bits.flag()? {
            bits.take(2)?;
            if !has_block_copy && bits.flag()? {
                bits.take(3)?;
            }
        }
        Ok(())
    }

    /// Whether all segments are coded without loss.
    pub(super) fn is_lossless(&self, segments: &Segments) -> bool {
        let base = self.base.cast_signed();
        let of_segment = |alternate: &Option<i32>| (base + alternate.unwrap_or(0)).clamp(0, QUANTIZER_MAX);
        !self.differ && segments.0.iter().all(|alternate| of_segment(alternate) == 0)
    }
}

/// Whether there is a difference that is not zero.
fn delta(bits: &mut Bits<'_>) -> Result<bool> {
    Ok(bits.flag()? && bits.take(7)? != 0)
}

/// What the quantizer of each segment differs by.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments([Option<i32>; SEGMENTS]);

impl Segments {
    /// Those of a frame, which may take them from the one before.
    pub(super) fn parse(bits: &mut Bits<'_>, before: Option<&Self>) -> Result<Self> {
        if !bits.flag()? {
            return Ok(Self::default());
        }
        if let Some(before) = before {
            // A new map, which may be told by what changes.
            if bits.flag()? {
                bits.flag()?;
            }
            if !bits.flag()? {
                return Ok(before.clone());
            }
        }
        let mut segments = Self::default();
        for alternate in &mut segments.0 {
            for (feature, (width, is_signed)) in FEATURES.into_iter().enumerate() {
                if !bits.flag()? {
                    continue;
                }
                let width = width + u32::from(is_signed);
                let value = bits.take(width)?;
                if feature == 0 {
                    *alternate = Some(signed(value, width).clamp(-QUANTIZER_MAX, QUANTIZER_MAX));
                }
            }
        }
        Ok(segments)
    }
}
