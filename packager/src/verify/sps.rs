//! What sequence parameter sets say of pictures: their size and colours, which sample entries repeat, and whether they are fields, which tear
//! on screens of today (HLS-AUTH 1.14).

use super::{
    boxes::{Atom, Fields, Kind, first},
    entry::{Entry, Media},
    hdr,
    report::Report,
};
use crate::{
    bits::{Bits, Colour},
    cmaf::av1::{self, SEQUENCE_HEADER},
    protect::hevc,
};

/// Profiles of H.264 whose parameter sets say more of their samples (ITU-T H.264 section 7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// `chroma_format_idc` of 4:2:0, 4:2:2 and 4:4:4.
const QUARTER_CHROMA: u32 = 1;
const HALF_CHROMA: u32 = 2;
const FULL_CHROMA: u32 = 3;
/// Pixels of a macroblock's side.
const BLOCK: u64 = 16;
/// `nal_unit_type` of a sequence parameter set of H.264 and of H.265.
const AVC_SPS: u8 = 7;
const HEVC_SPS: u8 = 33;
/// Where the count and the first of the parameter sets of an `avcC` are, the flags of the general profile in an `hvcC`, and the units of an
/// `av1C`.
const AVCC_COUNT: usize = 5;
const AVCC_SETS: usize = 6;
const HVCC_FLAGS: usize = 6;
const AV1C_UNITS: usize = 4;
/// What says nothing of a colour (ITU-T H.273): reserved, and unspecified.
const UNSAID: [u16; 2] = [0, 2];
/// Transfer functions and matrices that are the same by several numbers.
const SAME_TRANSFER: [u16; 4] = [1, 6, 14, 15];
const SAME_MATRIX: [u16; 2] = [5, 6];

/// What the one parameter set of a sample entry says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Coded {
    /// Of what is shown of a picture.
    size: Option<(u32, u32)>,
    colour: Option<Colour>,
    fields: bool,
}

impl Coded {
    /// Of the boxes inside a sample entry of this kind. Nothing where there are several sets: they may be of several sizes.
    pub(super) fn of(kind: &Kind, inside: &[Atom<'_>]) -> Option<Self> {
        match kind {
            b"avc1" | b"avc3" => {
                let avcc = first(inside, b"avcC").ok()?.body;
                (avcc.get(AVCC_COUNT)? & 0x1f == 1).then(|| avc(avcc))?
            }
            b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
                let units = hdr::units(first(inside, b"hvcC").ok()?.body)?;
                let mut sets = units.into_iter().filter(|unit| unit.first().is_some_and(|head| head >> 1 & 0x3f == HEVC_SPS));
                let (set, None) = (sets.next()?, sets.next()) else { return None };
                let (size, colour) = hevc::described(set).ok()?;
                Some(Self { size: Some(size), colour, fields: is_interlaced(kind, inside) })
            }
            b"av01" => {
                let units = first(inside, b"av1C").ok()?.body.get(AV1C_UNITS..)?;
                let header = av1::units(units).find_map(|unit| unit.ok().filter(|unit| unit.kind == SEQUENCE_HEADER))?;
                let [width, height] = av1::Sequence::parse(header.payload).ok()?.size;
                Some(Self { size: Some((width, height)), ..Self::default() })
            }
            _ => None,
        }
    }
}

/// A sample entry repeats what its parameter set says.
pub(super) fn check(report: &mut Report, path: &str, entry: &Entry) {
    let (Some(coded), Media::Video { width, height, colour, .. }) = (entry.coded, entry.media) else { return };
    // Of fields in H.265 the set has the size of one.
    let size = coded.size.filter(|_| !coded.fields || entry.kind.starts_with(b"avc"));
    report.must(size.is_none_or(|size| size == (width, height)), "14496-12 12.1.3.3", path, || {
        let (own_width, own_height) = size.unwrap_or_default();
        format!("says {width}x{height}, its parameter set {own_width}x{own_height}: write the size of the pictures")
    });
    let same = coded.colour.zip(colour).is_none_or(|(coded, listed)| is_same(coded, listed));
    // The box counts where both say something; but not every player reads it.
    report.should(same, "14496-12 12.1.5", path, || {
        format!("has the colours {:?}, its parameter set {:?}", colour.unwrap_or_default(), coded.colour.unwrap_or_default())
    });
}

fn is_same(coded: Colour, listed: Colour) -> bool {
    let alike = |one: u16, other: u16, same: &[u16]| {
        one == other || UNSAID.contains(&one) || UNSAID.contains(&other) || same.contains(&one) && same.contains(&other)
    };
    alike(coded.0, listed.0, &[]) && alike(coded.1, listed.1, &SAME_TRANSFER) && alike(coded.2, listed.2, &SAME_MATRIX)
}

/// Whether the parameter sets of a sample entry of this kind say that pictures may be fields.
pub(super) fn is_interlaced(kind: &Kind, inside: &[Atom<'_>]) -> bool {
    match kind {
        b"avc1" | b"avc3" => first(inside, b"avcC").is_ok_and(|avcc| avc(avcc.body).is_some_and(|coded| coded.fields)),
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => {
            // `general_progressive_source_flag` and `general_interlaced_source_flag`; both or none say nothing.
            first(inside, b"hvcC").is_ok_and(|hvcc| hvcc.body.get(HVCC_FLAGS).is_some_and(|flags| flags >> 6 == 0b01))
        }
        _ => false,
    }
}

/// The first parameter set of an `avcC`.
fn avc(avcc: &[u8]) -> Option<Coded> {
    let mut fields = Fields(avcc.get(AVCC_SETS..)?);
    let length = fields.u16().ok()?;
    let set = fields.bytes(length.into()).ok()?;
    sequence(set).ok().flatten()
}

/// A sequence parameter set of H.264; nothing of another unit.
fn sequence(set: &[u8]) -> marquee_core::Result<Option<Coded>> {
    let bits = &mut Bits::of_nal(set);
    if bits.take(8)? & 0x1f != u32::from(AVC_SPS) {
        return Ok(None);
    }
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    let mut chroma = QUARTER_CHROMA;
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
    let blocks = (bits.golomb()?, bits.golomb()?);
    let fields = !bits.flag()?;
    // What ends after that says this at least.
    let (size, colour) = shown(bits, blocks, (fields, chroma)).map_or((None, None), |(size, colour)| (Some(size), colour));
    Ok(Some(Coded { size, colour, fields }))
}

/// Width and height.
type Size = (u32, u32);

/// What is shown of pictures of so many macroblocks, and in which colours.
fn shown(
    bits: &mut Bits<'_>,
    (across, down): (u32, u32),
    (fields, chroma): (bool, u32),
) -> marquee_core::Result<(Size, Option<Colour>)> {
    bits.skip(if fields { 2 } else { 1 })?;
    let mut cropped = [0_u64; 4];
    if bits.flag()? {
        for side in &mut cropped {
            *side = bits.golomb()?.into();
        }
    }
    let colour = if bits.flag()? { bits.colour().unwrap_or_default() } else { None };
    let lines = if fields { 2 } else { 1 };
    let [wide, high] = match chroma {
        QUARTER_CHROMA => [2, 2],
        HALF_CHROMA => [2, 1],
        _ => [1, 1],
    };
    let side = |blocks: u32, lines: u64, cropped: u64| {
        let pixels = (u64::from(blocks) + 1) * BLOCK * lines;
        u32::try_from(pixels.saturating_sub(cropped)).unwrap_or(u32::MAX)
    };
    let [left, right, top, bottom] = cropped;
    Ok(((side(across, 1, wide * (left + right)), side(down, lines, high * lines * (top + bottom))), colour))
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
        let of = |set: &[u8]| sequence(set).unwrap().map(|coded| (coded.fields, coded.size));
        assert_eq!(of(&frames), Some((false, Some((720, 480)))));
        assert_eq!(of(&fields), Some((true, Some((720, 480)))));
        assert!(sequence(&frames[..6]).is_err(), "it ends early");
        assert_eq!(of(&[0x68, 1]), None, "another unit");
        let hevc = |flags| [&[1, 1, 0x60, 0, 0, 0][..], &[flags, 0, 0, 0, 0, 0, 90]].concat();
        for (flags, expected) in [(0x90, false), (0x40, true), (0xc0, false), (0, false)] {
            let body = hevc(flags);
            assert_eq!(is_interlaced(b"hvc1", &[Atom { kind: *b"hvcC", body: &body }]), expected, "{flags:#x}");
        }
        assert!(!is_interlaced(b"av01", &[]));
    }

    /// Rules that a sample entry breaks which has this configuration, and says this size and these colours.
    fn found(kind: &Kind, configuration: (&Kind, &[u8]), (width, height): Size, colour: Colour) -> Vec<String> {
        let coded = Coded::of(kind, &[Atom { kind: *configuration.0, body: configuration.1 }]);
        assert!(coded.is_some());
        let media = Media::Video { width, height, shown_width: width, colour: Some(colour) };
        let mut report = Report::default();
        check(&mut report, "init.mp4", &Entry { kind: *kind, media, coded, ..Entry::default() });
        report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    }

    #[test]
    fn sample_entries_repeat_what_parameter_sets_say() {
        // What x264 and x265 write of pictures of 960 × 540 and of 1920 × 1080, which are cropped, and are in BT.709 and in PQ.
        let avc = hex::decode("6742c01fda03c045fbc05a808080a0000003002000000641e30654").unwrap();
        let full = hex::decode("6742c028da01e0089f97016a020202800000030080000019078c1950").unwrap();
        let hevc = "420101022000000300900000030000030078a003c0801107cad965654a4c2f016a12201208000003000800000300c840";
        let hevc = hex::decode(hevc).unwrap();
        let avcc = |sets: &[&[u8]]| {
            let set = |set: &&[u8]| [&[0, set.len() as u8], *set].concat();
            [&[1, 0x42, 0xc0, 0x1f, 0xff, 0xe0 | sets.len() as u8][..], &sets.iter().flat_map(set).collect::<Vec<_>>()].concat()
        };
        let hvcc = [&[1; 22][..], &[1, 33, 0, 1, 0, hevc.len() as u8], &hevc].concat();
        let (sdr, hdr) = ((1, 1, 1), (9, 16, 9));
        let of = |set: &[u8], size, colour| found(b"avc1", (b"avcC", &avcc(&[set])), size, colour);
        assert_eq!(of(&avc, (960, 540), sdr), Vec::<String>::new());
        assert_eq!(of(&avc, (960, 540), (2, 14, 2)), Vec::<String>::new(), "not said, or the same");
        assert_eq!(of(&avc, (960, 544), sdr), ["14496-12 12.1.3.3"]);
        assert_eq!(of(&avc, (960, 540), hdr), ["14496-12 12.1.5"]);
        assert_eq!(of(&full, (1920, 1080), sdr), Vec::<String>::new());
        assert_eq!(of(&full, (1920, 1088), sdr), ["14496-12 12.1.3.3"]);
        let of = |size, colour| found(b"hvc1", (b"hvcC", &hvcc), size, colour);
        assert_eq!(of((1920, 1080), hdr), Vec::<String>::new());
        assert_eq!(of((1280, 720), hdr), ["14496-12 12.1.3.3"]);
        assert_eq!(of((1920, 1080), sdr), ["14496-12 12.1.5"]);
        let av1c = [&[0x81, 4, 0x0d, 0], crate::sample::AV1_HEADER].concat();
        assert_eq!(found(b"av01", (b"av1C", &av1c), (960, 540), sdr), Vec::<String>::new());
        assert_eq!(found(b"av01", (b"av1C", &av1c), (960, 544), sdr), ["14496-12 12.1.3.3"]);
        let both = avcc(&[&avc, &full]);
        assert_eq!(Coded::of(b"avc1", &[Atom { kind: *b"avcC", body: &both }]), None, "of several sizes");
    }
}
