//! What sequence parameter sets say of their pictures: whether they may be fields, which tear on screens of today (HLS-AUTH 1.14), and how
//! large they are.

use super::boxes::{Atom, Fields, Kind, first};
use crate::bits::Bits;

/// Profiles of H.264 whose parameter sets say more of their samples (ITU-T H.264 section 7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// `chroma_format_idc` of 4:2:0 and of 4:4:4.
const USUAL_CHROMA: u32 = 1;
const FULL_CHROMA: u32 = 3;
/// `nal_unit_type` of a sequence parameter set of H.264.
const AVC_SPS: u8 = 7;
/// Where the first parameter set of an `avcC` begins, and the flags of the general profile in an `hvcC` are.
const AVCC_SETS: usize = 6;
const HVCC_FLAGS: usize = 6;

/// Pictures of a sample entry, by its parameter sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pictures {
    /// Whether they may be fields.
    pub(super) interlaced: bool,
    /// Width and height of what is shown of them, where it is read.
    pub(super) size: Option<(u32, u32)>,
}

/// Reads the parameter sets of a sample entry of this kind.
pub(super) fn of(kind: &Kind, inside: &[Atom<'_>]) -> Pictures {
    match kind {
        b"avc1" | b"avc3" => first(inside, b"avcC").ok().and_then(|avcc| avc(avcc.body)).unwrap_or_default(),
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            // `general_progressive_source_flag` and `general_interlaced_source_flag`; both or none say nothing.
            let flags = first(inside, b"hvcC").ok().and_then(|hvcc| hvcc.body.get(HVCC_FLAGS));
            Pictures { interlaced: flags.is_some_and(|flags| flags >> 6 == 0b01), size: None }
        }
        _ => Pictures::default(),
    }
}

fn avc(avcc: &[u8]) -> Option<Pictures> {
    let mut fields = Fields(avcc.get(AVCC_SETS..)?);
    let length = fields.u16().ok()?;
    let set = fields.bytes(length.into()).ok()?;
    of_set(set).ok().flatten()
}

/// What a sequence parameter set of H.264 says (ITU-T H.264 section 7.3.2.1.1); `None` of another unit.
fn of_set(set: &[u8]) -> marquee_core::Result<Option<Pictures>> {
    let bits = &mut Bits::of_nal(set);
    if bits.take(8)? & 0x1f != u32::from(AVC_SPS) {
        return Ok(None);
    }
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    let mut chroma = USUAL_CHROMA;
    if HIGH_PROFILES.iter().any(|high| u32::from(*high) == profile) {
        chroma = bits.golomb()?;
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
    let (across, down) = (bits.golomb()?.saturating_add(1), bits.golomb()?.saturating_add(1));
    let interlaced = !bits.flag()?;
    // Of fields there are half as many rows in each, and one more flag.
    let fields = 1 + u32::from(interlaced);
    bits.skip(1 + u32::from(interlaced))?;
    let (mut width, mut height) = (across.saturating_mul(16), down.saturating_mul(16 * fields));
    if bits.flag()? {
        let unit_width = if matches!(chroma, 1 | 2) { 2 } else { 1 };
        let unit_height = if chroma == USUAL_CHROMA { 2 } else { 1 } * fields;
        let mut side =
            |unit: u32| -> marquee_core::Result<u32> { Ok(bits.golomb()?.saturating_add(bits.golomb()?).saturating_mul(unit)) };
        width = width.saturating_sub(side(unit_width)?);
        height = height.saturating_sub(side(unit_height)?);
    }
    Ok(Some(Pictures { interlaced, size: Some((width, height)) }))
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
        let told = |interlaced| Some(Pictures { interlaced, size: Some((720, 480)) });
        assert_eq!((of_set(&frames).unwrap(), of_set(&fields).unwrap()), (told(false), told(true)));
        assert!(of_set(&frames[..6]).is_err(), "it ends early");
        assert_eq!(of_set(&[0x68, 1]).unwrap(), None, "another unit");
        let hevc = |flags| [&[1, 1, 0x60, 0, 0, 0][..], &[flags, 0, 0, 0, 0, 0, 90]].concat();
        for (flags, expected) in [(0x90, false), (0x40, true), (0xc0, false), (0, false)] {
            let body = hevc(flags);
            assert_eq!(of(b"hvc1", &[Atom { kind: *b"hvcC", body: &body }]).interlaced, expected, "{flags:#x}");
        }
        assert_eq!(of(b"av01", &[]), Pictures::default());
    }
}
