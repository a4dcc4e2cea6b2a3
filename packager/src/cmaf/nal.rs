//! Network abstraction layer units: Annex B byte streams and length-prefixed samples, as H.264 and HEVC have them; the parameter sets
//! of H.264.

use crate::malformed;
use bytes::Bytes;
use marquee_core::Result;
use mp4_atom::{Atom, Avcc};

/// `nal_unit_type` values (ITU-T H.264, table 7-1).
const IDR: u8 = 5;
const SEQUENCE_PARAMETER_SET: u8 = 7;
const PICTURE_PARAMETER_SET: u8 = 8;
/// Sequence and picture parameter sets, access unit delimiter, end of sequence, end of stream, filler.
const CARRIED_ELSEWHERE: std::ops::RangeInclusive<u8> = SEQUENCE_PARAMETER_SET..=12;
/// Bytes of the length before each unit in a sample.
const LENGTH_BYTES: usize = 4;

fn unit_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & 0x1f)
}

/// The units of an Annex B byte stream, without start codes and trailing zero bytes.
pub fn split_nals(annexb: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(annexb).map(|(_, after)| &annexb[after..]);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let unit = match start_code(bytes) {
            Some((before, after)) => {
                rest = Some(&bytes[after..]);
                &bytes[..before]
            }
            None => rest.take()?,
        };
        let length = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        Some(&unit[..length])
    })
    .filter(|unit| !unit.is_empty())
}

/// Where the next `00 00 01` begins and ends.
fn start_code(bytes: &[u8]) -> Option<(usize, usize)> {
    let before = bytes.windows(3).position(|window| window == [0, 0, 1])?;
    Some((before, before + 3))
}

/// The units of a length-prefixed sample.
///
/// # Errors
/// `malformed_media` if a length points behind the end.
pub fn split_avcc(sample: &[u8]) -> Result<Vec<&[u8]>> {
    let mut units = Vec::new();
    let mut rest = sample;
    while !rest.is_empty() {
        let (length, after) =
            rest.split_first_chunk::<LENGTH_BYTES>().ok_or_else(|| malformed("a NAL unit's length is cut off"))?;
        let length = u32::from_be_bytes(*length) as usize;
        let (unit, after) = after.split_at_checked(length).ok_or_else(|| malformed("a NAL unit is cut off"))?;
        units.push(unit);
        rest = after;
    }
    Ok(units)
}

/// An Annex B access unit as a sample: length-prefixed, without what an `avc1` track carries elsewhere or not at all
/// (parameter sets, delimiters, filler).
#[must_use]
pub fn annexb_to_avcc(annexb: &[u8]) -> Bytes {
    length_prefixed(annexb, |unit| !CARRIED_ELSEWHERE.contains(&unit_type(unit)))
}

/// Those units of an Annex B access unit that `keep` wants, each with its length before it.
pub(super) fn length_prefixed(annexb: &[u8], keep: impl Fn(&[u8]) -> bool) -> Bytes {
    let mut sample = Vec::with_capacity(annexb.len() + 2 * LENGTH_BYTES);
    for unit in split_nals(annexb).filter(|unit| keep(unit)) {
        // A unit is shorter than the access unit that it was found in.
        sample.extend_from_slice(&(unit.len() as u32).to_be_bytes());
        sample.extend_from_slice(unit);
    }
    sample.into()
}

/// Whether a length-prefixed sample is an IDR picture.
///
/// # Errors
/// `malformed_media` if it cannot be split.
pub fn is_idr(sample: &[u8]) -> Result<bool> {
    Ok(split_avcc(sample)?.iter().any(|unit| unit_type(unit) == IDR))
}

/// Whether a length-prefixed sample holds parameter sets, which an `avc1` track must not.
pub(crate) fn has_parameter_sets(sample: &[u8]) -> Result<bool> {
    Ok(split_avcc(sample)?.iter().any(|unit| matches!(unit_type(unit), SEQUENCE_PARAMETER_SET | PICTURE_PARAMETER_SET)))
}

/// The first sequence and picture parameter set of an encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSets {
    /// Sequence parameter set with its NAL header.
    pub sps: Bytes,
    /// Picture parameter set with its NAL header.
    pub pps: Bytes,
}

impl ParameterSets {
    /// Finds them in an encoder's extradata: an `avcC` body or Annex B.
    ///
    /// # Errors
    /// `malformed_media` if one of them is not there.
    pub fn find(extradata: &[u8]) -> Result<Self> {
        let missing = || malformed("the encoder gave no parameter sets");
        let (sps, pps) = if extradata.first() == Some(&1) {
            let avcc = Avcc::decode_body(&mut &*extradata).map_err(|error| missing().caused_by(error))?;
            (avcc.sequence_parameter_sets.into_iter().next(), avcc.picture_parameter_sets.into_iter().next())
        } else {
            let find = |kind| split_nals(extradata).find(|unit| unit_type(unit) == kind).map(<[u8]>::to_vec);
            (find(SEQUENCE_PARAMETER_SET), find(PICTURE_PARAMETER_SET))
        };
        Ok(Self { sps: sps.ok_or_else(missing)?.into(), pps: pps.ok_or_else(missing)?.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[0x67, 0x64, 0x00, 0x1f, 0xac];
    const PPS: &[u8] = &[0x68, 0xeb, 0xec];

    fn annexb(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
    }

    #[test]
    fn units_are_split_at_both_kinds_of_start_code() {
        let stream = [&[0, 0, 0, 1][..], SPS, &[0, 0, 1], PPS, &[0, 0, 0, 0, 1, 0x65, 0x88, 0, 0]].concat();
        assert_eq!(split_nals(&stream).collect::<Vec<_>>(), [SPS, PPS, &[0x65, 0x88]]);
        assert_eq!(split_nals(&[1, 2, 3]).count(), 0);
        assert_eq!(split_nals(&[0, 0, 1]).count(), 0);
        assert_eq!(split_nals(&[]).count(), 0);
    }

    #[test]
    fn a_sample_keeps_slices_and_messages_only() {
        let sei: &[u8] = &[0x06, 0x05];
        let idr: &[u8] = &[0x65, 0x88, 0x84];
        let sample = annexb_to_avcc(&annexb(&[&[0x09, 0xf0], SPS, PPS, sei, idr, &[0x0c, 0xff]]));
        assert_eq!(&sample[..], [0, 0, 0, 2, 0x06, 0x05, 0, 0, 0, 3, 0x65, 0x88, 0x84]);
        assert_eq!(split_avcc(&sample).unwrap(), [sei, idr]);
        assert!(is_idr(&sample).unwrap());
        assert!(!has_parameter_sets(&sample).unwrap());
        assert!(!is_idr(&annexb_to_avcc(&annexb(&[&[0x41, 0x9a]]))).unwrap());
    }

    #[test]
    fn a_cut_sample_is_refused() {
        let sample = annexb_to_avcc(&annexb(&[&[0x65, 0x88, 0x84]]));
        for length in 1..sample.len() {
            assert!(split_avcc(&sample[..length]).is_err(), "{length}");
        }
        assert!(split_avcc(&[0xff; 9]).is_err());
    }

    #[test]
    fn parameter_sets_are_found_in_both_forms() {
        let expected = ParameterSets { sps: Bytes::from_static(SPS), pps: Bytes::from_static(PPS) };
        assert_eq!(ParameterSets::find(&annexb(&[&[0x09, 0xf0], SPS, PPS])).unwrap(), expected);
        let mut avcc = Vec::new();
        Avcc::new(SPS, PPS).unwrap().encode_body(&mut avcc).unwrap();
        assert_eq!(ParameterSets::find(&avcc).unwrap(), expected);
        for length in 0..avcc.len() {
            assert!(ParameterSets::find(&avcc[..length]).is_err(), "{length}");
        }
        assert!(ParameterSets::find(&annexb(&[SPS])).is_err());
    }
}
