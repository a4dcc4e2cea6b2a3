//! HEVC: its parameter sets, and the decoder configuration that is made of them (ISO/IEC 14496-15 section 8.3.3).

use super::nal::split_nals;
use crate::{bits::Bits, codec::Codec, malformed};
use bytes::Bytes;
use marquee_core::Result;
use mp4_atom::{Atom, HvcCArray, Hvcc};

/// `nal_unit_type` values (ITU-T H.265, table 7-1).
const IDR_W_RADL: u8 = 19;
const IDR_N_LP: u8 = 20;
const VIDEO_PARAMETER_SET: u8 = 32;
const SEQUENCE_PARAMETER_SET: u8 = 33;
const PICTURE_PARAMETER_SET: u8 = 34;
/// Parameter sets, access unit delimiter, end of sequence, end of bitstream, filler.
const CARRIED_ELSEWHERE: std::ops::RangeInclusive<u8> = VIDEO_PARAMETER_SET..=38;
/// Bytes before a unit's payload.
const HEADER_BYTES: usize = 2;
/// `chroma_format_idc` of 4:2:0.
const CHROMA_420: u32 = 1;

fn unit_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header >> 1 & 0x3f)
}

pub(super) fn is_idr(unit: &[u8]) -> bool {
    matches!(unit_type(unit), IDR_W_RADL | IDR_N_LP)
}

pub(super) fn is_parameter_set(unit: &[u8]) -> bool {
    matches!(unit_type(unit), VIDEO_PARAMETER_SET | SEQUENCE_PARAMETER_SET | PICTURE_PARAMETER_SET)
}

pub(super) fn is_carried_elsewhere(unit: &[u8]) -> bool {
    CARRIED_ELSEWHERE.contains(&unit_type(unit))
}

/// The first parameter sets of an encoder, each with its NAL header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HevcParameterSets {
    /// Video parameter set.
    pub vps: Bytes,
    /// Sequence parameter set.
    pub sps: Bytes,
    /// Picture parameter set.
    pub pps: Bytes,
}

impl HevcParameterSets {
    /// Finds them in an encoder's extradata: an `hvcC` body or Annex B.
    ///
    /// # Errors
    /// `malformed_media` if one of them is not there.
    pub fn find(extradata: &[u8]) -> Result<Self> {
        if extradata.first() == Some(&1) {
            return Self::of(&Hvcc::decode_body(&mut &*extradata).map_err(malformed)?);
        }
        Self::among(split_nals(extradata))
    }

    /// Those of a decoder configuration.
    pub(super) fn of(hvcc: &Hvcc) -> Result<Self> {
        Self::among(hvcc.arrays.iter().flat_map(|array| array.nalus.iter().map(Vec::as_slice)))
    }

    fn among<'a>(units: impl Iterator<Item = &'a [u8]>) -> Result<Self> {
        let mut found = [None; 3];
        for unit in units.filter(|unit| is_parameter_set(unit)) {
            found[usize::from(unit_type(unit) - VIDEO_PARAMETER_SET)].get_or_insert(unit);
        }
        match found {
            [Some(vps), Some(sps), Some(pps)] => {
                let [vps, sps, pps] = [vps, sps, pps].map(Bytes::copy_from_slice);
                Ok(Self { vps, sps, pps })
            }
            _ => Err(malformed("the encoder gave no parameter sets")),
        }
    }

    /// What the sequence parameter set says.
    ///
    /// # Errors
    /// `malformed_media` if it is not one of an 8-bit or 10-bit 4:2:0 picture without layers.
    pub(super) fn sequence(&self) -> Result<Sequence> {
        Sequence::parse(&self.sps)
    }

    /// The body of `hvcC`.
    pub(super) fn configuration(&self) -> Result<Hvcc> {
        let Sequence { codec, nested, depth_minus8 } = self.sequence()?;
        let Codec::Hevc { high_tier, profile, compatibility, constraints, level } = codec else {
            return Err(malformed("a sequence parameter set is HEVC"));
        };
        let array = |unit: &Bytes| HvcCArray { completeness: true, nal_unit_type: unit_type(unit), nalus: vec![unit.to_vec()] };
        Ok(Hvcc {
            general_tier_flag: high_tier,
            general_profile_idc: profile,
            general_profile_compatibility_flags: compatibility.to_be_bytes(),
            general_constraint_indicator_flags: constraints,
            general_level_idc: level,
            chroma_format_idc: CHROMA_420 as u8,
            bit_depth_luma_minus8: depth_minus8,
            bit_depth_chroma_minus8: depth_minus8,
            num_temporal_layers: 1,
            temporal_id_nested: nested,
            length_size_minus_one: 3,
            arrays: [&self.vps, &self.sps, &self.pps].map(array).into(),
            ..Hvcc::new()
        })
    }
}

/// What a container repeats of a sequence parameter set (ITU-T H.265 section 7.3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) codec: Codec,
    /// `sps_temporal_id_nesting_flag`.
    nested: bool,
    depth_minus8: u8,
}

impl Sequence {
    fn parse(sps: &[u8]) -> Result<Self> {
        if unit_type(sps) != SEQUENCE_PARAMETER_SET {
            return Err(malformed("this is not a sequence parameter set"));
        }
        let mut bits = Bits::of_nal(sps.get(HEADER_BYTES..).unwrap_or_default());
        bits.take(4)?;
        let layers = bits.take(3)? + 1;
        let nested = bits.flag()?;
        let (space, high_tier, profile) = (bits.take(2)?, bits.flag()?, bits.take(5)? as u8);
        if layers > 1 || space > 0 {
            return Err(malformed("the picture has temporal layers or a profile of its own kind"));
        }
        let compatibility = bits.take(32)?;
        let mut constraints = [0; 6];
        for byte in &mut constraints {
            *byte = bits.take(8)? as u8;
        }
        let level = bits.take(8)? as u8;
        bits.golomb()?;
        let chroma = bits.golomb()?;
        // Width and height, and what is cropped of them.
        let _ = (bits.golomb()?, bits.golomb()?);
        if bits.flag()? {
            for _ in 0..4 {
                bits.golomb()?;
            }
        }
        let (luma, other) = (bits.golomb()?, bits.golomb()?);
        if chroma != CHROMA_420 || luma != other || luma > 2 {
            return Err(malformed(format!("chroma format {chroma} of {} and {} bits is not supported", luma + 8, other + 8)));
        }
        let codec = Codec::Hevc { high_tier, profile, compatibility, constraints, level };
        Ok(Self { codec, nested, depth_minus8: luma as u8 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{HEVC_PPS as PPS, HEVC_SPS as SPS, HEVC_VPS as VPS};

    fn annexb(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
    }

    #[test]
    fn the_codec_is_read_through_the_bytes_that_prevent_start_codes() {
        let sets = HevcParameterSets::find(&annexb(&[&[0x4e, 0x01, 0x05], VPS, SPS, PPS])).unwrap();
        assert_eq!((&sets.vps[..], &sets.sps[..], &sets.pps[..]), (VPS, SPS, PPS));
        assert_eq!(sets.sequence().unwrap().codec.to_string(), "hvc1.1.6.L90.90");
    }

    #[test]
    fn parameter_sets_come_back_from_a_configuration() {
        let sets = HevcParameterSets::find(&annexb(&[VPS, SPS, PPS])).unwrap();
        let mut body = Vec::new();
        sets.configuration().unwrap().encode_body(&mut body).unwrap();
        // Version 1, profile 1, its compatibility, constraints and level.
        assert_eq!(&body[..13], [1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 90]);
        assert_eq!(HevcParameterSets::find(&body).unwrap(), sets);
        for length in 0..body.len() {
            assert!(HevcParameterSets::find(&body[..length]).is_err(), "{length}");
        }
        assert!(HevcParameterSets::find(&annexb(&[VPS, SPS])).is_err());
    }

    #[test]
    fn what_is_cut_off_or_not_420_is_refused() {
        let of = |sps: &[u8]| Sequence::parse(sps);
        for length in 0..24 {
            assert!(of(&SPS[..length]).is_err(), "{length}");
        }
        let mut layered = SPS.to_vec();
        layered[2] |= 2;
        assert!(of(&layered).is_err());
        // The chroma format is the second number after the level: 1 becomes 2, which moves what comes after.
        let mut other = SPS.to_vec();
        other[18] = 0b1011_0000;
        assert!(of(&other).is_err());
        assert!(of(VPS).is_err());
    }
}
