//! H.264: how long the header of a slice is, which has to stay in the clear (ITU-T H.264 section 7.3.3).

use crate::{bits::Bits, cmaf::ParameterSets, malformed};
use marquee_core::Result;

/// `nal_unit_type` of slices: of other pictures, and of those that decoding can start with.
const SLICE: u8 = 1;
const IDR_SLICE: u8 = 5;
/// `slice_type`, less 5 where all slices of the picture have the same.
const P: u32 = 0;
const B: u32 = 1;
const I: u32 = 2;
const SP: u32 = 3;
const SI: u32 = 4;
/// `profile_idc` values whose parameter set says the format of the chroma (section 7.3.2.1.1).
const PROFILES_WITH_FORMAT: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Pictures that a slice refers to in one direction at most, and in a cycle of orders.
const REFERENCES_MAX: u32 = 32;
const CYCLE_MAX: u32 = 255;

/// What headers of slices depend on.
#[derive(Clone, Debug)]
pub(super) struct Headers {
    sequence: Sequence,
    picture: Picture,
}

/// Of the sequence parameter set.
#[derive(Clone, Debug)]
struct Sequence {
    has_separate_planes: bool,
    has_chroma: bool,
    frame_number_bits: u32,
    order_type: u32,
    order_bits: u32,
    is_order_delta_zero: bool,
    is_frames_only: bool,
}

/// Of the picture parameter set.
#[derive(Clone, Debug)]
struct Picture {
    id: u32,
    is_arithmetic: bool,
    has_bottom_order: bool,
    references: [u32; 2],
    is_weighted: bool,
    weighted_b: u32,
    has_deblocking: bool,
    has_redundant: bool,
}

impl Headers {
    pub(super) fn new(sets: &ParameterSets) -> Result<Self> {
        Ok(Self { sequence: sequence(&sets.sps)?, picture: picture(&sets.pps)? })
    }

    /// Bytes of a unit that stay in the clear: all, or of a slice its header.
    pub(super) fn clear_bytes(&self, unit: &[u8]) -> Result<usize> {
        match unit.first().map(|header| header & 0x1f) {
            Some(SLICE | IDR_SLICE) => self.slice_header(unit),
            _ => Ok(unit.len()),
        }
    }

    fn slice_header(&self, unit: &[u8]) -> Result<usize> {
        let (sequence, picture) = (&self.sequence, &self.picture);
        let bits = &mut Bits::of_nal(unit);
        bits.take(1)?;
        let is_reference = bits.take(2)? != 0;
        let is_idr = bits.take(5)? == u32::from(IDR_SLICE);
        bits.golomb()?;
        let kind = bits.golomb()? % 5;
        if bits.golomb()? != picture.id {
            return Err(malformed("a slice has other parameter sets than its track"));
        }
        if sequence.has_separate_planes {
            bits.take(2)?;
        }
        bits.take(sequence.frame_number_bits)?;
        let is_field = !sequence.is_frames_only && bits.flag()?;
        if is_field {
            bits.flag()?;
        }
        if is_idr {
            bits.golomb()?;
        }
        self.order(bits, is_field)?;
        if picture.has_redundant {
            bits.golomb()?;
        }
        if kind == B {
            bits.flag()?;
        }
        self.references(bits, kind)?;
        if is_reference {
            marking(bits, is_idr)?;
        }
        if picture.is_arithmetic && kind != I && kind != SI {
            bits.golomb()?;
        }
        bits.signed_golomb()?;
        if kind == SP {
            bits.flag()?;
        }
        if kind == SP || kind == SI {
            bits.signed_golomb()?;
        }
        if picture.has_deblocking && bits.golomb()? != 1 {
            bits.skip_golombs(2)?;
        }
        Ok(bits.bytes_begun())
    }

    /// The order of the picture.
    fn order(&self, bits: &mut Bits<'_>, is_field: bool) -> Result<()> {
        let has_bottom = self.picture.has_bottom_order && !is_field;
        let deltas = match self.sequence.order_type {
            0 => {
                bits.take(self.sequence.order_bits)?;
                u32::from(has_bottom)
            }
            1 if !self.sequence.is_order_delta_zero => 1 + u32::from(has_bottom),
            _ => 0,
        };
        bits.skip_golombs(deltas)
    }

    /// How many pictures the slice refers to, in which order, at which weights.
    fn references(&self, bits: &mut Bits<'_>, kind: u32) -> Result<()> {
        let directions = match kind {
            P | SP => 1,
            B => 2,
            _ => return Ok(()),
        };
        let mut counts = self.picture.references;
        if bits.flag()? {
            for count in &mut counts[..directions] {
                *count = bits.golomb()?.saturating_add(1);
            }
        }
        if counts.iter().any(|count| *count > REFERENCES_MAX) {
            return Err(malformed("a slice refers to more pictures than there can be"));
        }
        for _ in 0..directions {
            if bits.flag()? {
                // Changes of the order, each with a number; 3 ends them.
                while bits.golomb()? != 3 {
                    bits.golomb()?;
                }
            }
        }
        let is_weighted = if kind == B { self.picture.weighted_b == 1 } else { self.picture.is_weighted };
        if is_weighted { self.weights(bits, &counts[..directions]) } else { Ok(()) }
    }

    fn weights(&self, bits: &mut Bits<'_>, counts: &[u32]) -> Result<()> {
        let has_chroma = self.sequence.has_chroma;
        bits.golomb()?;
        if has_chroma {
            bits.golomb()?;
        }
        for _ in 0..counts.iter().sum() {
            if bits.flag()? {
                bits.skip_golombs(2)?;
            }
            if has_chroma && bits.flag()? {
                bits.skip_golombs(4)?;
            }
        }
        Ok(())
    }
}

/// What becomes of pictures that are referred to.
fn marking(bits: &mut Bits<'_>, is_idr: bool) -> Result<()> {
    if is_idr {
        bits.take(2)?;
    } else if bits.flag()? {
        loop {
            let numbers = match bits.golomb()? {
                0 => break,
                3 => 2,
                5 => 0,
                _ => 1,
            };
            bits.skip_golombs(numbers)?;
        }
    }
    Ok(())
}

fn sequence(sps: &[u8]) -> Result<Sequence> {
    let bits = &mut Bits::of_nal(sps);
    bits.take(8)?;
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.golomb()?;
    let (mut chroma_format, mut has_separate_planes) = (1, false);
    if PROFILES_WITH_FORMAT.contains(&profile) {
        chroma_format = bits.golomb()?;
        has_separate_planes = chroma_format == 3 && bits.flag()?;
        bits.skip_golombs(2)?;
        bits.flag()?;
        if bits.flag()? {
            scaling_lists(bits, if chroma_format == 3 { 12 } else { 8 })?;
        }
    }
    let frame_number_bits = bits.golomb()?.saturating_add(4);
    let order_type = bits.golomb()?;
    let (mut order_bits, mut is_order_delta_zero) = (0, false);
    if order_type == 0 {
        order_bits = bits.golomb()?.saturating_add(4);
    } else if order_type == 1 {
        is_order_delta_zero = bits.flag()?;
        bits.skip_golombs(2)?;
        let cycle = bits.golomb()?;
        if cycle > CYCLE_MAX {
            return Err(malformed("the orders of pictures have too long a cycle"));
        }
        bits.skip_golombs(cycle)?;
    }
    if frame_number_bits > 16 || order_bits > 16 {
        return Err(malformed("numbers of pictures have too many bits"));
    }
    // References, gaps, width and height.
    bits.golomb()?;
    bits.flag()?;
    bits.skip_golombs(2)?;
    let is_frames_only = bits.flag()?;
    let has_chroma = chroma_format != 0 && !has_separate_planes;
    Ok(Sequence {
        has_separate_planes,
        has_chroma,
        frame_number_bits,
        order_type,
        order_bits,
        is_order_delta_zero,
        is_frames_only,
    })
}

fn scaling_lists(bits: &mut Bits<'_>, count: usize) -> Result<()> {
    for list in 0..count {
        if !bits.flag()? {
            continue;
        }
        let (mut last, mut next) = (8_i32, 8);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = last.wrapping_add(bits.signed_golomb()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Ok(())
}

fn picture(pps: &[u8]) -> Result<Picture> {
    let bits = &mut Bits::of_nal(pps);
    bits.take(8)?;
    let id = bits.golomb()?;
    bits.golomb()?;
    let (is_arithmetic, has_bottom_order) = (bits.flag()?, bits.flag()?);
    if bits.golomb()? != 0 {
        return Err(malformed("pictures have groups of slices, as for a lossy line"));
    }
    let references = [bits.golomb()?.saturating_add(1), bits.golomb()?.saturating_add(1)];
    let (is_weighted, weighted_b) = (bits.flag()?, bits.take(2)?);
    bits.skip_golombs(3)?;
    let (has_deblocking, _, has_redundant) = (bits.flag()?, bits.flag()?, bits.flag()?);
    Ok(Picture { id, is_arithmetic, has_bottom_order, references, is_weighted, weighted_b, has_deblocking, has_redundant })
}
