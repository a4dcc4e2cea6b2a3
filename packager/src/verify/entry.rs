//! Sample entries: which codec the configuration's own bytes name, and what the entry repeats of it.

use super::boxes::{Atom, Fault, Fields, Kind, all, children, first, is_ordered, name};
use super::{
    hdr::Brightness,
    sps::{self, Coded},
};
use crate::codec::AudioConfig;

/// Bytes of the size of a descriptor in an `esds`.
const DESCRIPTOR_SIZE_BYTES_MAX: usize = 4;
/// Bytes of the fields before the boxes in a visual and in an audio sample entry (ISO/IEC 14496-12 section 12.1.3 and 12.2.3).
const VISUAL_BYTES: usize = 78;
const AUDIO_BYTES: usize = 28;

/// Rules that are broken, and how.
type Faults = Vec<(&'static str, String)>;

/// What a sample entry says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its kind; of an encrypted one what it was before.
    pub(super) kind: Kind,
    /// The codec as RFC 6381 writes it, from the configuration's bytes.
    pub(super) codec: String,
    pub(super) media: Media,
    pub(super) protection: Option<Protection>,
    /// Bytes of the length before each NAL unit; 0 for what has none.
    pub(super) length_bytes: usize,
    /// Whether its parameter sets say that pictures may be fields.
    pub(super) interlaced: bool,
    /// What its parameter set says of pictures, if that can be read.
    pub(super) coded: Option<Coded>,
    /// Bits of a sample of luma, where the configuration says it.
    pub(super) bits: Option<u8>,
    /// What it says of how bright pictures are.
    pub(super) brightness: Brightness,
    /// Rules that it breaks, and how: they need nothing from outside.
    pub(super) faults: Faults,
}

/// What kind of track it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Media {
    /// A picture, how wide it is shown, and its primaries, transfer function and matrix, if it says them (ITU-T H.273).
    Video { width: u32, height: u32, shown_width: u32, colour: Option<(u16, u16, u16)> },
    /// Sound. The count of channels is 0 where only the stream knows it.
    Audio { channels: u16, sample_rate_hz: u32 },
    /// Words.
    #[default]
    Text,
}

/// How samples are encrypted (ISO/IEC 23001-7 section 8.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Protection {
    pub(super) scheme: Kind,
    pub(super) scheme_version: u32,
    pub(super) is_protected: bool,
    /// Blocks that are encrypted, and that are not, in turn.
    pub(super) pattern: (u8, u8),
    pub(super) iv_bytes: u8,
    pub(super) constant_iv_bytes: usize,
    pub(super) key_id: [u8; 16],
}

/// Reads a sample entry.
pub(super) fn read(atom: &Atom<'_>) -> Result<Entry, Fault> {
    let encrypted = [b"encv", b"enca", b"enct"].contains(&&atom.kind);
    let (skip, video) = match &atom.kind {
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" | b"av01" | b"vp09" | b"encv" => (VISUAL_BYTES, true),
        b"mp4a" | b"ac-3" | b"ec-3" | b"Opus" | b"fLaC" | b"alac" | b"enca" => (AUDIO_BYTES, false),
        b"wvtt" | b"stpp" => {
            let codec = if &atom.kind == b"stpp" { "stpp.ttml.im1t" } else { "wvtt" };
            return Ok(Entry { kind: atom.kind, codec: codec.to_owned(), ..Entry::default() });
        }
        kind => return Err(format!("the sample entry {} is of no codec that players of HLS know", name(kind))),
    };
    let mut fields = Fields(atom.body);
    let fixed = fields.bytes(skip)?;
    let inside = children(fields.0)?;
    let mut faults = Vec::new();
    let protection = if encrypted { Some(protection(&inside, &mut faults)?) } else { None };
    let kind = match &protection {
        Some((original, _)) => *original,
        None => atom.kind,
    };
    let number = |at: usize| fixed.get(at..at + 2).map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    let (codec, length_bytes, media) = if video {
        let (codec, length_bytes) = picture(&kind, &inside, &mut faults)?;
        let (width, height) = (number(24).into(), number(26).into());
        let (shown_width, colour) = (shown(&inside, width)?, colour(&inside)?);
        (codec, length_bytes, Media::Video { width, height, shown_width, colour })
    } else {
        let (codec, channels, rate) = sound(&kind, &inside, &mut faults)?;
        let (listed, listed_rate) = (number(16), number(24));
        if kind == *b"mp4a" && channels != 0 && channels != listed {
            faults.push(("14496-14 5.6", format!("the entry says {listed} channels, its configuration {channels}")));
        }
        if rate != 0 && listed_rate != 0 && rate != u32::from(listed_rate) {
            faults.push(("14496-14 5.6", format!("the entry says {listed_rate} Hz, its configuration {rate}")));
        }
        let channels = if channels == 0 { listed } else { channels };
        (codec, 0, Media::Audio { channels, sample_rate_hz: if rate == 0 { listed_rate.into() } else { rate } })
    };
    let (interlaced, coded) = (sps::is_interlaced(&kind, &inside), Coded::of(&kind, &inside));
    // `bitDepthLumaMinus8` of an `hvcC`.
    let bits = first(&inside, b"hvcC").ok().and_then(|hvcc| hvcc.body.get(17)).map(|byte| (byte & 7) + 8);
    let (brightness, protection) = (Brightness::of(&inside), protection.map(|(_, how)| how));
    Ok(Entry { kind, codec, media, protection, length_bytes, interlaced, coded, bits, brightness, faults })
}

/// The codec of pictures, and the bytes of the length before each unit.
fn picture(kind: &Kind, inside: &[Atom<'_>], faults: &mut Faults) -> Result<(String, usize), Fault> {
    match kind {
        b"avc1" | b"avc3" => {
            let body = first(inside, b"avcC")?.body;
            let &[_, profile, constraints, level, lengths, sets, ..] = body else { return Err("avcC ends early".to_owned()) };
            let mut fields = Fields(body.get(6..).unwrap_or_default());
            for _ in 0..sets & 0x1f {
                let length = fields.u16()?;
                let set = fields.bytes(length.into())?;
                if set.get(1..4) != Some(&[profile, constraints, level]) {
                    faults.push(("14496-15 5.3.3.1", "avcC is not of the profile and level of its parameter set".to_owned()));
                }
            }
            let complete = sets & 0x1f > 0 && fields.u8().is_ok_and(|count| count > 0);
            if kind == b"avc1" && !complete {
                faults.push(("14496-15 5.3.3.1", "avc1 has no parameter sets in its avcC".to_owned()));
            }
            Ok((format!("{}.{profile:02x}{constraints:02x}{level:02x}", name(kind)), usize::from(lengths & 3) + 1))
        }
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => hevc(kind, first(inside, b"hvcC")?.body, faults),
        b"av01" => {
            let body = first(inside, b"av1C")?.body;
            let &[marker, levels, flags, _, ..] = body else { return Err("av1C ends early".to_owned()) };
            if marker != 0x81 {
                faults.push(("AV1-ISOBMFF 2.3", "av1C has not the marker and version 1".to_owned()));
            }
            let depth = match (flags >> 6 & 1, flags >> 5 & 1) {
                (0, _) => 8,
                (_, 0) => 10,
                _ => 12,
            };
            let tier = if flags >> 7 == 1 { 'H' } else { 'M' };
            // The first unit of the configuration is the sequence header, whose own fields begin with the profile.
            let profile = body.get(4..).and_then(|units| match units {
                [header, rest @ ..] if header >> 3 & 0xf == 1 => rest.iter().skip_while(|byte| **byte & 0x80 != 0).nth(1),
                _ => None,
            });
            if profile.is_some_and(|first| first >> 5 != levels >> 5) {
                faults.push(("AV1-ISOBMFF 2.3", "av1C is not of the profile of its sequence header".to_owned()));
            }
            Ok((format!("av01.{}.{:02}{tier}.{depth:02}", levels >> 5, levels & 0x1f), 0))
        }
        b"vp09" => {
            let &[_, _, _, _, profile, level, depth, ..] = first(inside, b"vpcC")?.body else {
                return Err("vpcC ends early".to_owned());
            };
            Ok((format!("vp09.{profile:02}.{level:02}.{:02}", depth >> 4), 0))
        }
        kind => Err(format!("{} is no codec of pictures that is known", name(kind))),
    }
}

/// The codec of an `hvcC` (ISO/IEC 14496-15 annex E.3), whose parameter set has to say the same.
fn hevc(kind: &Kind, body: &[u8], faults: &mut Faults) -> Result<(String, usize), Fault> {
    let mut fields = Fields(body);
    fields.bytes(1)?;
    let general = fields.bytes(12)?;
    let (space_tier_profile, level) = (general[0], general[11]);
    let compatibility = u32::from_be_bytes([general[1], general[2], general[3], general[4]]).reverse_bits();
    let space = ["", "A", "B", "C"][usize::from(space_tier_profile >> 6)];
    let tier = if space_tier_profile >> 5 & 1 == 1 { 'H' } else { 'L' };
    let mut codec = format!("{}.{space}{}.{compatibility:X}.{tier}{level}", name(kind), space_tier_profile & 0x1f);
    let constraints = &general[5..11];
    let last = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..last] {
        codec += &format!(".{byte:X}");
    }
    fields.bytes(8)?;
    let lengths = fields.u8()?;
    let (arrays, mut sets) = (fields.u8()?, 0);
    for _ in 0..arrays {
        let (unit, count) = (fields.u8()? & 0x3f, fields.u16()?);
        for _ in 0..count {
            let length = fields.u16()?;
            let bytes = fields.bytes(length.into())?;
            if unit == 33 {
                sets += 1;
                // Two bytes of header, then ids; the profile follows with emulation prevention taken out.
                let plain = unescaped(bytes.get(3..).unwrap_or_default(), 12);
                if plain != general {
                    faults.push(("14496-15 8.3.3.1", "hvcC is not of the profile and level of its parameter set".to_owned()));
                }
            }
        }
    }
    if kind == b"hvc1" && sets == 0 {
        faults.push(("14496-15 8.3.3.1", "hvc1 has no parameter sets in its hvcC".to_owned()));
    }
    Ok((codec, usize::from(lengths & 3) + 1))
}

/// The first bytes of a payload, without those that prevent start codes (ITU-T H.265 section 7.4.2).
fn unescaped(bytes: &[u8], count: usize) -> Vec<u8> {
    let (mut plain, mut zeros) = (Vec::with_capacity(count), 0);
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
        if plain.len() == count {
            break;
        }
    }
    plain
}

/// How wide pictures of `width` are shown: pixels need not be square (ISO/IEC 14496-12 section 12.1.4).
fn shown(inside: &[Atom<'_>], width: u32) -> Result<u32, Fault> {
    let Ok(pasp) = first(inside, b"pasp") else { return Ok(width) };
    let mut fields = Fields(pasp.body);
    let (across, down) = (u64::from(fields.u32()?), u64::from(fields.u32()?).max(1));
    Ok(u32::try_from(u64::from(width) * across / down).unwrap_or(width))
}

/// Primaries, transfer function and matrix of the sample entry's `colr`.
fn colour(inside: &[Atom<'_>]) -> Result<Option<(u16, u16, u16)>, Fault> {
    for colr in all(inside, b"colr") {
        let mut fields = Fields(colr.body);
        if fields.kind()? == *b"nclx" {
            return Ok(Some((fields.u16()?, fields.u16()?, fields.u16()?)));
        }
    }
    Ok(None)
}

/// Codec, channels and sample rate; 0 for what only the stream knows.
fn sound(kind: &Kind, inside: &[Atom<'_>], faults: &mut Faults) -> Result<(String, u16, u32), Fault> {
    match kind {
        b"mp4a" => {
            let mut fields = Fields(first(inside, b"esds")?.body);
            fields.full()?;
            let (id, object_type, specific) = descriptors(fields.0)?;
            if id != 0 {
                faults.push(("CMAF 10.3.4", format!("esds has the ES_ID {id}, where files have none")));
            }
            if object_type != 0x40 {
                return Ok((format!("mp4a.{object_type:x}"), 0, 0));
            }
            let config = AudioConfig::parse(specific).map_err(|error| error.detail())?;
            // What spectral band replication adds is not in these fields (ISO/IEC 14496-3 section 1.6.5).
            let rate = if config.object_type == 2 { config.sample_rate_hz } else { 0 };
            Ok((config.codec().to_string(), config.channels, rate))
        }
        b"ac-3" => Ok(("ac-3".to_owned(), dolby(first(inside, b"dac3")?.body, 10), 0)),
        b"ec-3" => Ok(("ec-3".to_owned(), 0, 0)),
        b"Opus" => Ok(("Opus".to_owned(), first(inside, b"dOps")?.body.get(1).copied().unwrap_or(0).into(), 0)),
        b"fLaC" => Ok(("fLaC".to_owned(), 0, 0)),
        b"alac" => Ok(("alac".to_owned(), 0, 0)),
        kind => Err(format!("{} is no codec of sound that is known", name(kind))),
    }
}

/// Channels by `acmod` and `lfeon`, three bits and one from bit `at` on (ETSI TS 102 366 annex F.4).
fn dolby(body: &[u8], at: u32) -> u16 {
    let word = body.get(..3).map_or(0, |bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], 0]));
    let (mode, low) = (word >> (29 - at) & 7, word >> (28 - at) & 1);
    [2, 1, 2, 3, 3, 4, 4, 5][mode as usize] + low as u16
}

/// `ES_ID`, `objectTypeIndication` and the decoder's own configuration (ISO/IEC 14496-1 section 7.2.6).
fn descriptors(bytes: &[u8]) -> Result<(u16, u8, &[u8]), Fault> {
    let mut fields = Fields(descriptor(bytes, 3)?);
    let id = fields.u16()?;
    let flags = fields.u8()?;
    if flags & 0x80 != 0 {
        fields.u16()?;
    }
    if flags & 0x40 != 0 {
        let length = fields.u8()?;
        fields.bytes(length.into())?;
    }
    if flags & 0x20 != 0 {
        fields.u16()?;
    }
    let mut config = Fields(descriptor(fields.0, 4)?);
    let object_type = config.u8()?;
    config.bytes(12)?;
    Ok((id, object_type, if object_type == 0x40 { descriptor(config.0, 5)? } else { &[] }))
}

/// The body of the descriptor with `tag` that comes first.
fn descriptor(bytes: &[u8], tag: u8) -> Result<&[u8], Fault> {
    let mut fields = Fields(bytes);
    if fields.u8()? != tag {
        return Err(format!("esds lacks descriptor {tag}"));
    }
    let mut size = 0_usize;
    for _ in 0..DESCRIPTOR_SIZE_BYTES_MAX {
        let byte = fields.u8()?;
        size = size << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return fields.bytes(size);
        }
    }
    Err("a descriptor's size has no end".to_owned())
}

/// What a sample entry was before it was encrypted, and how it is.
fn protection(inside: &[Atom<'_>], faults: &mut Faults) -> Result<(Kind, Protection), Fault> {
    let sinf = children(first(inside, b"sinf")?.body)?;
    if !is_ordered(&sinf, &[*b"frma", *b"schm", *b"schi"]) {
        faults.push(("CMAF 7.3.1", "has frma, schm and schi in another order".to_owned()));
    }
    let original = Fields(first(&sinf, b"frma")?.body).kind()?;
    let mut schm = Fields(first(&sinf, b"schm")?.body);
    schm.full()?;
    let (scheme, scheme_version) = (schm.kind()?, schm.u32()?);
    let schi = children(first(&sinf, b"schi")?.body)?;
    let mut tenc = Fields(first(&schi, b"tenc")?.body);
    let (version, _) = tenc.full()?;
    tenc.u8()?;
    let pattern = tenc.u8()?;
    let (protected, iv_bytes) = (tenc.u8()?, tenc.u8()?);
    let mut key_id = [0; 16];
    key_id.copy_from_slice(tenc.bytes(16)?);
    let constant_iv_bytes = if protected == 1 && iv_bytes == 0 { tenc.u8()?.into() } else { 0 };
    tenc.bytes(constant_iv_bytes)?;
    let pattern = if version == 0 { (0, 0) } else { (pattern >> 4, pattern & 15) };
    let is_protected = protected == 1;
    Ok((original, Protection { scheme, scheme_version, is_protected, pattern, iv_bytes, constant_iv_bytes, key_id }))
}
