//! What differs between the codecs of the picture: what a decoder has to know first, what a sample holds, where decoding can start.

use super::{HevcParameterSets, ParameterSets, SequenceHeader, av1, hevc, nal};
use crate::codec::Codec;
use bytes::Bytes;
use marquee_core::{Error, Result, plan};
use mp4_atom::{Av01, Avc1, Avcc, AvccExt, Colr, Hvc1, Pasp, Visual};

/// `profile_idc` values without the chroma and depth fields in `avcC` (ISO/IEC 14496-15 section 5.3.3.1.2).
const PROFILES_WITHOUT_FORMAT: [u8; 3] = [66, 77, 88];
/// `profile_idc` of the High profile, the only other one that is 8-bit 4:2:0.
const HIGH_PROFILE: u8 = 100;

/// What a decoder has to know before the first sample: it is in the sample entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configuration {
    /// H.264: `avc1` with `avcC`, 8-bit 4:2:0.
    Avc(ParameterSets),
    /// HEVC: `hvc1` with `hvcC`, 4:2:0.
    Hevc(HevcParameterSets),
    /// AV1: `av01` with `av1C`, 4:2:0 in the colours of BT.709.
    Av1(SequenceHeader),
}

impl Configuration {
    /// Finds it in the extradata of an encoder of `codec`.
    ///
    /// # Errors
    /// `malformed_media` if it is not there.
    pub fn find(codec: plan::Codec, extradata: &[u8]) -> Result<Self> {
        match codec {
            plan::Codec::H264 => ParameterSets::find(extradata).map(Self::Avc),
            plan::Codec::Hevc => HevcParameterSets::find(extradata).map(Self::Hevc),
            plan::Codec::Av1 => SequenceHeader::find(extradata).map(Self::Av1),
        }
    }

    /// The codec as playlists name it.
    pub(crate) fn codec(&self) -> Result<Codec> {
        match self {
            Self::Avc(sets) => Codec::of_sps(&sets.sps),
            Self::Hevc(sets) => sets.sequence().map(|sequence| sequence.codec),
            Self::Av1(header) => header.codec(),
        }
    }

    /// The sample entry around it.
    pub(super) fn sample_entry(&self, visual: Visual, colr: Colr) -> Result<mp4_atom::Codec> {
        let (colr, pasp) = (Some(colr), Some(Pasp { h_spacing: 1, v_spacing: 1 }));
        Ok(match self {
            Self::Avc(sets) => Avc1 { visual, avcc: avcc(sets)?, colr, pasp, ..Avc1::default() }.into(),
            Self::Hevc(sets) => Hvc1 { visual, hvcc: sets.configuration()?, colr, pasp, ..Hvc1::default() }.into(),
            Self::Av1(header) => Av01 { visual, av1c: header.configuration()?, colr, pasp, ..Av01::default() }.into(),
        })
    }
}

fn avcc(sets: &ParameterSets) -> Result<Avcc> {
    let Codec::Avc { profile, .. } = Codec::of_sps(&sets.sps)? else {
        return Err(Error::internal("a sequence parameter set is H.264"));
    };
    let ext = match profile {
        HIGH_PROFILE => Some(AvccExt::default()),
        profile if PROFILES_WITHOUT_FORMAT.contains(&profile) => None,
        _ => return Err(crate::malformed(format!("H.264 profile {profile} is not 8-bit 4:2:0"))),
    };
    let avcc = Avcc::new(&sets.sps, &sets.pps).map_err(Error::internal)?;
    Ok(Avcc { ext, ..avcc })
}

/// What an encoder of `codec` made of one picture, as a sample: without what the sample entry has or a file has no use for.
#[must_use]
pub fn sample(codec: plan::Codec, coded: &[u8]) -> Bytes {
    match codec {
        plan::Codec::H264 => nal::annexb_to_avcc(coded),
        plan::Codec::Hevc => nal::length_prefixed(coded, |unit| !hevc::is_carried_elsewhere(unit)),
        plan::Codec::Av1 => av1::sample(coded),
    }
}

/// Whether decoding can start with a sample, and nothing after it needs what was before: an IDR picture, or a key frame with its
/// sequence header.
///
/// # Errors
/// `malformed_media` if it cannot be split.
pub fn is_keyframe(codec: plan::Codec, sample: &[u8]) -> Result<bool> {
    match codec {
        plan::Codec::H264 => nal::is_idr(sample),
        plan::Codec::Hevc => Ok(nal::split_avcc(sample)?.into_iter().any(hevc::is_idr)),
        plan::Codec::Av1 => av1::is_key(sample),
    }
}

/// Whether a sample holds what belongs into the sample entry, or into no file.
pub(crate) fn has_what_is_elsewhere(codec: plan::Codec, sample: &[u8]) -> Result<bool> {
    match codec {
        plan::Codec::H264 => nal::has_parameter_sets(sample),
        plan::Codec::Hevc => Ok(nal::split_avcc(sample)?.into_iter().any(hevc::is_parameter_set)),
        plan::Codec::Av1 => av1::has_what_is_elsewhere(sample),
    }
}
