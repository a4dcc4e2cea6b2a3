//! What headers of slices depend on: sequence and picture parameter sets (ITU-T H.265 sections 7.3.2.2 and 7.3.2.3).

use super::references::{PICTURES_MAX, ReferenceSet, too_many};
use crate::{
    bits::{Bits, Colour},
    malformed,
};
use marquee_core::Result;

/// Sets of references, and pictures of the long term, that a sequence lists at most (section 7.4.3.2.1).
const REFERENCE_SETS_MAX: u32 = 64;
const LONG_TERM_MAX: u32 = 32;
/// Bits of a profile without its level (section 7.3.3).
const PROFILE_BITS: u32 = 88;
/// Columns and rows of tiles at most (table A.8).
const TILES_MAX: u32 = 22;
/// Bytes before a unit's payload.
const HEADER_BITS: u32 = 16;

/// Of the sequence parameter set.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    /// Of what is shown of a picture.
    pub(super) size: (u32, u32),
    pub(super) colour: Option<Colour>,
    pub(super) chroma_format: u32,
    pub(super) has_separate_planes: bool,
    pub(super) order_bits: u32,
    /// Bits of a coding tree block's address.
    pub(super) address_bits: u32,
    pub(super) has_sample_adaptive_offset: bool,
    pub(super) reference_sets: Vec<ReferenceSet>,
    /// Whether there are pictures of the long term, and of those that are listed, whether they are used.
    pub(super) long_term: Option<Vec<bool>>,
    pub(super) has_temporal_prediction: bool,
}

/// Of the picture parameter set.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) id: u32,
    pub(super) has_dependent_slices: bool,
    pub(super) has_output_flag: bool,
    pub(super) extra_bits: u32,
    pub(super) has_cabac_init: bool,
    pub(super) references: [u32; 2],
    pub(super) has_chroma_offsets: bool,
    pub(super) is_weighted: bool,
    pub(super) is_weighted_b: bool,
    pub(super) has_entry_points: bool,
    pub(super) filters_across_slices: bool,
    pub(super) can_override_deblocking: bool,
    pub(super) is_deblocking_off: bool,
    pub(super) has_list_changes: bool,
    pub(super) has_header_extension: bool,
}

impl Sequence {
    pub(super) fn parse(sps: &[u8]) -> Result<Self> {
        let bits = &mut Bits::of_nal(sps);
        bits.skip(HEADER_BITS + 4)?;
        let layers = bits.take(3)?;
        bits.flag()?;
        profile_tier_level(bits, layers)?;
        bits.golomb()?;
        let chroma_format = bits.golomb()?;
        let has_separate_planes = chroma_format == 3 && bits.flag()?;
        let (width, height) = (bits.golomb()?, bits.golomb()?);
        let mut cropped = [0; 4];
        if bits.flag()? {
            for side in &mut cropped {
                *side = bits.golomb()?;
            }
        }
        bits.skip_golombs(2)?;
        let order_bits = bits.golomb()?.saturating_add(4);
        let orders = if bits.flag()? { layers + 1 } else { 1 };
        bits.skip_golombs(3 * orders)?;
        let (block_log2, block_growth) = (bits.golomb()?.saturating_add(3), bits.golomb()?);
        let block_log2 = block_log2.saturating_add(block_growth);
        bits.skip_golombs(4)?;
        if order_bits > 16 || block_log2 > 6 {
            return Err(malformed("pictures have numbers or blocks of too many bits"));
        }
        let blocks = |pixels: u32| u64::from(pixels.div_ceil(1 << block_log2));
        let address_bits = bits_for(blocks(width) * blocks(height));
        if bits.flag()? && bits.flag()? {
            scaling_lists(bits)?;
        }
        bits.flag()?;
        let has_sample_adaptive_offset = bits.flag()?;
        if bits.flag()? {
            bits.skip(8)?;
            bits.skip_golombs(2)?;
            bits.flag()?;
        }
        let count = bits.golomb()?;
        if count > REFERENCE_SETS_MAX {
            return Err(too_many());
        }
        let mut reference_sets = Vec::new();
        for _ in 0..count {
            reference_sets.push(ReferenceSet::parse(bits, &reference_sets, false)?);
        }
        let long_term = if bits.flag()? { Some(long_term(bits, order_bits)?) } else { None };
        let has_temporal_prediction = bits.flag()?;
        // Nothing of what is encrypted depends on what comes now.
        let _ = bits.flag();
        let colour = bits.flag().and_then(|is_there| if is_there { bits.colour() } else { Ok(None) }).unwrap_or_default();
        Ok(Self {
            size: shown((width, height), cropped, chroma_format),
            colour,
            chroma_format,
            has_separate_planes,
            order_bits,
            address_bits,
            has_sample_adaptive_offset,
            reference_sets,
            long_term,
            has_temporal_prediction,
        })
    }
}

/// What is left of a picture whose sides are cropped by so many samples of chroma (section 7.4.3.2.1).
fn shown((width, height): (u32, u32), [left, right, top, bottom]: [u32; 4], chroma_format: u32) -> (u32, u32) {
    let (across, down) = match chroma_format {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let side =
        |whole: u32, samples: u32, from: u32, to: u32| whole.saturating_sub(from.saturating_add(to).saturating_mul(samples));
    (side(width, across, left, right), side(height, down, top, bottom))
}

/// Of each picture of the long term that the sequence lists, whether it is used.
fn long_term(bits: &mut Bits<'_>, order_bits: u32) -> Result<Vec<bool>> {
    let count = bits.golomb()?;
    if count > LONG_TERM_MAX {
        return Err(too_many());
    }
    (0..count).map(|_| bits.take(order_bits).and_then(|_| bits.flag())).collect()
}

impl Picture {
    pub(super) fn parse(pps: &[u8]) -> Result<Self> {
        let bits = &mut Bits::of_nal(pps);
        bits.skip(HEADER_BITS)?;
        let id = bits.golomb()?;
        bits.golomb()?;
        let (has_dependent_slices, has_output_flag, extra_bits) = (bits.flag()?, bits.flag()?, bits.take(3)?);
        let (_, has_cabac_init) = (bits.flag()?, bits.flag()?);
        let references = [bits.golomb()?.saturating_add(1), bits.golomb()?.saturating_add(1)];
        bits.golomb()?;
        bits.skip(2)?;
        if bits.flag()? {
            bits.golomb()?;
        }
        bits.skip_golombs(2)?;
        let has_chroma_offsets = bits.flag()?;
        let (is_weighted, is_weighted_b, _) = (bits.flag()?, bits.flag()?, bits.flag()?);
        let (has_tiles, is_wavefront) = (bits.flag()?, bits.flag()?);
        if has_tiles {
            tiles(bits)?;
        }
        let filters_across_slices = bits.flag()?;
        let (mut can_override_deblocking, mut is_deblocking_off) = (false, false);
        if bits.flag()? {
            (can_override_deblocking, is_deblocking_off) = (bits.flag()?, bits.flag()?);
            if !is_deblocking_off {
                bits.skip_golombs(2)?;
            }
        }
        if bits.flag()? {
            scaling_lists(bits)?;
        }
        let has_list_changes = bits.flag()?;
        bits.golomb()?;
        let has_header_extension = bits.flag()?;
        if bits.flag()? || references.iter().any(|count| *count > PICTURES_MAX) {
            return Err(malformed("the picture parameter set is of a kind that our encoder does not make"));
        }
        Ok(Self {
            id,
            has_dependent_slices,
            has_output_flag,
            extra_bits,
            has_cabac_init,
            references,
            has_chroma_offsets,
            is_weighted,
            is_weighted_b,
            has_entry_points: has_tiles || is_wavefront,
            filters_across_slices,
            can_override_deblocking,
            is_deblocking_off,
            has_list_changes,
            has_header_extension,
        })
    }
}

fn tiles(bits: &mut Bits<'_>) -> Result<()> {
    let (columns, rows) = (bits.golomb()?, bits.golomb()?);
    if columns >= TILES_MAX || rows >= TILES_MAX {
        return Err(malformed("pictures have too many tiles"));
    }
    if !bits.flag()? {
        bits.skip_golombs(columns + rows)?;
    }
    bits.flag().map(|_| ())
}

fn profile_tier_level(bits: &mut Bits<'_>, layers: u32) -> Result<()> {
    bits.skip(PROFILE_BITS + 8)?;
    let mut described = Vec::new();
    for _ in 0..layers {
        described.push((bits.flag()?, bits.flag()?));
    }
    if layers > 0 {
        bits.skip(2 * (8 - layers))?;
    }
    for (has_profile, has_level) in described {
        bits.skip(if has_profile { PROFILE_BITS } else { 0 } + if has_level { 8 } else { 0 })?;
    }
    Ok(())
}

/// Section 7.3.4.
fn scaling_lists(bits: &mut Bits<'_>) -> Result<()> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if !bits.flag()? {
                bits.golomb()?;
                continue;
            }
            let numbers = 64.min(1 << (4 + 2 * size)) + u32::from(size > 1);
            bits.skip_golombs(numbers)?;
        }
    }
    Ok(())
}

/// Bits of a number below `count`.
pub(super) fn bits_for(count: u64) -> u32 {
    u64::BITS - count.saturating_sub(1).leading_zeros()
}
