//! Whether sequence parameter sets allow fields: pictures of them tear on screens of today (HLS-AUTH 1.14).

use super::boxes::{Atom, Fields, Kind, first};
use crate::bits::Bits;

/// Profiles of H.264 whose parameter sets say more of their samples (ITU-T H.264 section 7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// `chroma_format_idc` of 4:4:4.
const FULL_CHROMA: u32 = 3;
/// `nal_unit_type` of a sequence parameter set of H.264.
const AVC_SPS: u8 = 7;
/// Where the first parameter set of an `avcC` begins, and the flags of the general profile in an `hvcC` are.
const AVCC_SETS: usize = 6;
const HVCC_FLAGS: usize = 6;

/// Whether the parameter sets of a sample entry of this kind say that pictures may be fields.
pub(super) fn is_interlaced(kind: &Kind, inside: &[Atom<'_>]) -> bool {
    match kind {
        b"avc1" | b"avc3" => first(inside, b"avcC").is_ok_and(|avcc| avc(avcc.body) == Some(true)),
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            // `general_progressive_source_flag` and `general_interlaced_source_flag`; both or none say nothing.
            first(inside, b"hvcC").is_ok_and(|hvcc| hvcc.body.get(HVCC_FLAGS).is_some_and(|flags| flags >> 6 == 0b01))
        }
        _ => false,
    }
}

fn avc(avcc: &[u8]) -> Option<bool> {
    let mut fields = Fields(avcc.get(AVCC_SETS..)?);
    let length = fields.u16().ok()?;
    let set = fields.bytes(length.into()).ok()?;
    is_of_fields(set).ok()
}

/// `frame_mbs_only_flag` of a sequence parameter set, the other way round.
fn is_of_fields(set: &[u8]) -> marquee_core::Result<bool> {
    let bits = &mut Bits::of_nal(set);
    if bits.take(8)? & 0x1f != u32::from(AVC_SPS) {
        return Ok(false);
    }
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    if HIGH_PROFILES.iter().any(|high| u32::from(*high) == profile) {
        let chroma = bits.golomb()?;
        if chroma == FULL_CHROMA {
            bits.skip(1)?;
        }
        bits.skip_golombs(2)?;
        bits.skip(1)?;
        if bits.flag()? {
            scaling(bits, if chroma == FULL_CHROMA { 12 } else { 8 })?;
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => bits.skip_golombs(1)?,
        1 => {
            bits.skip(1)?;
            bits.skip_golombs(2)?;
            let offsets = bits.golomb()?;
            bits.skip_golombs(offsets.min(255))?;
        }
        _ => {}
    }
    bits.golomb()?;
    bits.skip(1)?;
    bits.skip_golombs(2)?;
    Ok(!bits.flag()?)
}

/// Passes over lists of scales: six small ones, then large ones (section 7.3.2.1.1.1).
fn scaling(bits: &mut Bits<'_>, lists: usize) -> marquee_core::Result<()> {
    for list in 0..lists {
        if !bits.flag()? {
            continue;
        }
        let (mut last, mut next) = (8_i32, 8_i32);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = last.wrapping_add(bits.signed_golomb()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_by_parameter_sets() {
        // What x264 writes of pictures of 720 × 480, of frames and of fields.
        let frames = hex::decode("6764001eacb201687b6022000003000200000300781e2c5c90").unwrap();
        let fields = hex::decode("6764001eace402d1ed8088000003000800000301e0f8a15240").unwrap();
        assert!(!is_of_fields(&frames).unwrap() && is_of_fields(&fields).unwrap());
        assert!(is_of_fields(&frames[..6]).is_err(), "it ends early");
        assert!(!is_of_fields(&[0x68, 1]).unwrap(), "another unit");
        let hevc = |flags| [&[1, 1, 0x60, 0, 0, 0][..], &[flags, 0, 0, 0, 0, 0, 90]].concat();
        for (flags, expected) in [(0x90, false), (0x40, true), (0xc0, false), (0, false)] {
            let body = hevc(flags);
            assert_eq!(is_interlaced(b"hvc1", &[Atom { kind: *b"hvcC", body: &body }]), expected, "{flags:#x}");
        }
        assert!(!is_interlaced(b"av01", &[]));
    }
}
