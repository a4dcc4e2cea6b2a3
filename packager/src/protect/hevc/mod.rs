//! HEVC: how long the header of a slice segment is, which has to stay in the clear (ITU-T H.265 section 7.3.6).

mod references;
mod sets;

use crate::{
    bits::{Bits, Colour},
    cmaf::HevcParameterSets,
    malformed,
};
use marquee_core::Result;
use references::{PICTURES_MAX, ReferenceSet, too_many};
use sets::{Picture, Sequence, bits_for};

/// `nal_unit_type` values of slices: of pictures that others come before, and of those that decoding can start with, two of which need
/// no order (table 7-1).
const TRAILING: std::ops::RangeInclusive<u32> = 0..=9;
const INTRA: std::ops::RangeInclusive<u32> = 16..=21;
const IDR_W_RADL: u32 = 19;
const IDR_N_LP: u32 = 20;
/// `slice_type`.
const B: u32 = 0;
const I: u32 = 2;
/// Bytes that a header may say are added to it (section 7.4.7.1).
const EXTENSION_BYTES_MAX: u32 = 256;
/// Pictures of the long term that a slice lists at most (section 7.4.7.1).
const LONG_TERM_MAX: u32 = 33;

/// Size and colour of what is shown of pictures, by their sequence parameter set.
pub(crate) fn described(sps: &[u8]) -> Result<((u32, u32), Option<Colour>)> {
    Sequence::parse(sps).map(|sequence| (sequence.size, sequence.colour))
}

/// What headers of slice segments depend on.
#[derive(Clone, Debug)]
pub(super) struct Headers {
    sequence: Sequence,
    picture: Picture,
}

/// What the rest of a header depends on.
#[derive(Default)]
struct References {
    /// Pictures that the slice can refer to.
    count: usize,
    has_temporal_prediction: bool,
}

impl Headers {
    pub(super) fn new(sets: &HevcParameterSets) -> Result<Self> {
        Ok(Self { sequence: Sequence::parse(&sets.sps)?, picture: Picture::parse(&sets.pps)? })
    }

    /// Bytes of a unit that stay in the clear: all, or of a slice segment its header.
    pub(super) fn clear_bytes(&self, unit: &[u8]) -> Result<usize> {
        match unit.first().map(|header| u32::from(header >> 1 & 0x3f)) {
            Some(kind) if TRAILING.contains(&kind) || INTRA.contains(&kind) => self.header(unit, kind),
            _ => Ok(unit.len()),
        }
    }

    fn header(&self, unit: &[u8], kind: u32) -> Result<usize> {
        let picture = &self.picture;
        let bits = &mut Bits::of_nal(unit);
        bits.take(16)?;
        let is_first = bits.flag()?;
        if INTRA.contains(&kind) {
            bits.flag()?;
        }
        if bits.golomb()? != picture.id {
            return Err(malformed("a slice has other parameter sets than its track"));
        }
        let mut is_dependent = false;
        if !is_first {
            is_dependent = picture.has_dependent_slices && bits.flag()?;
            bits.take(self.sequence.address_bits)?;
        }
        if !is_dependent {
            self.independent(bits, kind)?;
        }
        if picture.has_entry_points {
            let count = bits.golomb()?;
            if count > 0 {
                let size = bits.golomb()?.saturating_add(1);
                if size > 32 {
                    return Err(malformed("the size of an entry point has too many bits"));
                }
                for _ in 0..count {
                    bits.take(size)?;
                }
            }
        }
        if picture.has_header_extension {
            let bytes = bits.golomb()?;
            if bytes > EXTENSION_BYTES_MAX {
                return Err(malformed("the header of a slice is too long"));
            }
            bits.skip(8 * bytes)?;
        }
        // One bit, and zeros to the end of its byte.
        bits.flag()?;
        Ok(bits.bytes_begun())
    }

    /// What a slice segment that depends on the one before does not repeat.
    fn independent(&self, bits: &mut Bits<'_>, kind: u32) -> Result<()> {
        let (sequence, picture) = (&self.sequence, &self.picture);
        bits.take(picture.extra_bits)?;
        let slice = bits.golomb()?;
        if slice > I {
            return Err(malformed("a slice is of no kind"));
        }
        if picture.has_output_flag {
            bits.flag()?;
        }
        if sequence.has_separate_planes {
            bits.take(2)?;
        }
        let is_idr = matches!(kind, IDR_W_RADL | IDR_N_LP);
        let references = if is_idr { References::default() } else { self.references(bits)? };
        let mut filters = false;
        let has_chroma = sequence.chroma_format != 0 && !sequence.has_separate_planes;
        if sequence.has_sample_adaptive_offset {
            filters = bits.flag()?;
            filters |= has_chroma && bits.flag()?;
        }
        if slice != I {
            self.prediction(bits, slice == B, &references, has_chroma)?;
        }
        bits.signed_golomb()?;
        if picture.has_chroma_offsets {
            bits.skip_golombs(2)?;
        }
        let mut is_deblocking_off = picture.is_deblocking_off;
        if picture.can_override_deblocking && bits.flag()? {
            is_deblocking_off = bits.flag()?;
            if !is_deblocking_off {
                bits.skip_golombs(2)?;
            }
        }
        if picture.filters_across_slices && (filters || !is_deblocking_off) {
            bits.flag()?;
        }
        Ok(())
    }

    /// The picture's order, and which pictures it can refer to.
    fn references(&self, bits: &mut Bits<'_>) -> Result<References> {
        let sequence = &self.sequence;
        bits.take(sequence.order_bits)?;
        let sets = &sequence.reference_sets;
        let of_slice;
        let set = if bits.flag()? {
            let index = bits.take(bits_for(sets.len() as u64))?;
            sets.get(index as usize).ok_or_else(too_many)?
        } else {
            of_slice = ReferenceSet::parse(bits, sets, true)?;
            &of_slice
        };
        let mut count = set.used();
        if let Some(listed) = &sequence.long_term {
            count += self.long_term(bits, listed)?;
        }
        let has_temporal_prediction = sequence.has_temporal_prediction && bits.flag()?;
        Ok(References { count, has_temporal_prediction })
    }

    /// Pictures of the long term that are referred to.
    fn long_term(&self, bits: &mut Bits<'_>, listed: &[bool]) -> Result<usize> {
        let of_sequence = if listed.is_empty() { 0 } else { bits.golomb()? };
        let own = bits.golomb()?;
        if of_sequence.saturating_add(own) > LONG_TERM_MAX {
            return Err(too_many());
        }
        let mut count = 0;
        for index in 0..of_sequence + own {
            let is_used = if index < of_sequence {
                let which = bits.take(bits_for(listed.len() as u64))?;
                *listed.get(which as usize).ok_or_else(too_many)?
            } else {
                bits.take(self.sequence.order_bits)?;
                bits.flag()?
            };
            count += usize::from(is_used);
            if bits.flag()? {
                bits.golomb()?;
            }
        }
        Ok(count)
    }

    /// What slices have that refer to other pictures, in one direction or in both.
    fn prediction(&self, bits: &mut Bits<'_>, is_b: bool, references: &References, has_chroma: bool) -> Result<()> {
        let picture = &self.picture;
        let directions = if is_b { 2 } else { 1 };
        let mut counts = picture.references;
        if bits.flag()? {
            for count in &mut counts[..directions] {
                *count = bits.golomb()?.saturating_add(1);
            }
        }
        let counts = &counts[..directions];
        if counts.iter().any(|count| *count > PICTURES_MAX) {
            return Err(too_many());
        }
        if picture.has_list_changes && references.count > 1 {
            for count in counts {
                if bits.flag()? {
                    bits.skip(count * bits_for(references.count as u64))?;
                }
            }
        }
        if is_b {
            bits.flag()?;
        }
        if picture.has_cabac_init {
            bits.flag()?;
        }
        if references.has_temporal_prediction {
            let is_from_first = !is_b || bits.flag()?;
            if counts[usize::from(!is_from_first)] > 1 {
                bits.golomb()?;
            }
        }
        if if is_b { picture.is_weighted_b } else { picture.is_weighted } {
            weights(bits, counts, has_chroma)?;
        }
        bits.golomb().map(|_| ())
    }
}

/// Section 7.3.6.3.
fn weights(bits: &mut Bits<'_>, counts: &[u32], has_chroma: bool) -> Result<()> {
    bits.golomb()?;
    if has_chroma {
        bits.signed_golomb()?;
    }
    for count in counts {
        let mut flags = |is_there: bool| (0..*count).map(|_| Ok(is_there && bits.flag()?)).collect::<Result<Vec<_>>>();
        let (luma, chroma) = (flags(true)?, flags(has_chroma)?);
        for (luma, chroma) in std::iter::zip(luma, chroma) {
            bits.skip_golombs(if luma { 2 } else { 0 } + if chroma { 4 } else { 0 })?;
        }
    }
    Ok(())
}
