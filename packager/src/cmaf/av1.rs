//! AV1: open bitstream units, and the decoder configuration that is made of the sequence header (AV1 Codec ISO Media File Format
//! Binding, section 2.3).

use crate::{bits::Bits, codec::Codec, malformed};
use bytes::Bytes;
use marquee_core::Result;
use mp4_atom::{Atom, Av1c};

/// `obu_type` values (AV1 specification, section 6.2.2).
pub(crate) const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
pub(crate) const FRAME_HEADER: u8 = 3;
pub(crate) const FRAME: u8 = 6;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
/// `frame_type` of a key frame.
const KEY_FRAME: u32 = 0;
/// Bytes of a size at most.
const SIZE_BYTES_MAX: usize = 8;
/// Colour of BT.709: primaries, transfer and matrix; and a position of chroma that every decoder takes as it comes.
const BT709: [u32; 3] = [1; 3];

/// One unit.
pub(crate) struct Unit<'a> {
    pub(crate) kind: u8,
    /// With its header.
    pub(crate) whole: &'a [u8],
    pub(crate) payload: &'a [u8],
}

/// The units in `bytes`; each says how long it is.
pub(crate) fn units(bytes: &[u8]) -> impl Iterator<Item = Result<Unit<'_>>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let next = (!rest.is_empty()).then(|| unit(rest))?;
        rest = next.as_ref().map_or(&[], |unit| &rest[unit.whole.len()..]);
        Some(next)
    })
}

fn unit(bytes: &[u8]) -> Result<Unit<'_>> {
    let cut_off = || malformed("an open bitstream unit is cut off");
    let header = *bytes.first().ok_or_else(cut_off)?;
    let (has_extension, has_size) = (header & 4 != 0, header & 2 != 0);
    if header & 0x80 != 0 || !has_size {
        return Err(malformed("an open bitstream unit does not say its size"));
    }
    let first = 1 + usize::from(has_extension);
    let mut size = 0_u64;
    for place in 0..SIZE_BYTES_MAX {
        let byte = *bytes.get(first + place).ok_or_else(cut_off)?;
        size |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let start = first + place + 1;
            let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size)).ok_or_else(cut_off)?;
            let payload = bytes.get(start..end).ok_or_else(cut_off)?;
            return Ok(Unit { kind: header >> 3 & 0xf, whole: &bytes[..end], payload });
        }
    }
    Err(malformed("the size of an open bitstream unit has no end"))
}

fn is_carried_elsewhere(kind: u8) -> bool {
    matches!(kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING)
}

/// A temporal unit as a sample: without delimiters and padding. What cannot be read is passed on, for the gate to see.
pub(super) fn sample(temporal_unit: &[u8]) -> Bytes {
    let mut sample = Vec::with_capacity(temporal_unit.len());
    for unit in units(temporal_unit) {
        let Ok(unit) = unit else { return Bytes::copy_from_slice(temporal_unit) };
        if !is_carried_elsewhere(unit.kind) {
            sample.extend_from_slice(unit.whole);
        }
    }
    sample.into()
}

/// Whether decoding can start with a sample: a sequence header, and then a key frame that is shown.
pub(super) fn is_key(sample: &[u8]) -> Result<bool> {
    let mut has_header = false;
    for unit in units(sample) {
        let unit = unit?;
        match unit.kind {
            SEQUENCE_HEADER => has_header = true,
            FRAME | FRAME_HEADER => {
                let mut bits = Bits::new(unit.payload);
                let (is_repeat, kind, is_shown) = (bits.flag()?, bits.take(2)?, bits.flag()?);
                return Ok(has_header && !is_repeat && kind == KEY_FRAME && is_shown);
            }
            _ => {}
        }
    }
    Ok(false)
}

/// Whether a sample holds what no sample of a track should.
pub(super) fn has_what_is_elsewhere(sample: &[u8]) -> Result<bool> {
    units(sample).try_fold(false, |found, unit| Ok(found || is_carried_elsewhere(unit?.kind)))
}

/// An encoder's sequence header, as a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceHeader(Bytes);

impl SequenceHeader {
    /// Finds it in an encoder's extradata: an `av1C` body or units.
    ///
    /// # Errors
    /// `malformed_media` if it is not there.
    pub fn find(extradata: &[u8]) -> Result<Self> {
        if extradata.first() == Some(&0x81) {
            return Self::find(&Av1c::decode_body(&mut &*extradata).map_err(malformed)?.config_obus);
        }
        for unit in units(extradata) {
            let unit = unit?;
            if unit.kind == SEQUENCE_HEADER {
                return Ok(Self(Bytes::copy_from_slice(unit.whole)));
            }
        }
        Err(malformed("the encoder gave no sequence header"))
    }

    /// The codec as playlists name it.
    ///
    /// # Errors
    /// `malformed_media` for what the short name of a codec does not stand for: pictures that are not 4:2:0 in the colours of BT.709.
    pub(super) fn codec(&self) -> Result<Codec> {
        self.sequence().map(|sequence| sequence.codec)
    }

    /// The body of `av1C`.
    pub(super) fn configuration(&self) -> Result<Av1c> {
        let Sequence { codec, chroma_sample_position, .. } = self.sequence()?;
        let Codec::Av1 { profile, level, high_tier, bit_depth } = codec else {
            return Err(malformed("a sequence header is AV1"));
        };
        Ok(Av1c {
            seq_profile: profile,
            seq_level_idx_0: level,
            seq_tier_0: high_tier,
            high_bitdepth: bit_depth > 8,
            twelve_bit: bit_depth > 10,
            monochrome: false,
            chroma_subsampling_x: true,
            chroma_subsampling_y: true,
            chroma_sample_position,
            initial_presentation_delay: None,
            config_obus: self.0.to_vec(),
        })
    }

    /// What it says.
    pub(crate) fn sequence(&self) -> Result<Sequence> {
        Sequence::parse(unit(&self.0)?.payload)
    }
}

/// What a sequence header says (AV1 specification, section 5.5): the codec, and what headers of frames depend on.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    codec: Codec,
    chroma_sample_position: u8,
    /// Bits of a width and of a height that a frame has for itself.
    pub(crate) size_bits: [u32; 2],
    /// Width and height of frames that have none.
    pub(crate) size: [u32; 2],
    pub(crate) tools: Tools,
    pub(crate) has_super_resolution: bool,
    pub(crate) has_directional_enhancement: bool,
    pub(crate) has_restoration: bool,
    pub(crate) has_separate_chroma_quantizers: bool,
    pub(crate) has_film_grain: bool,
}

impl Sequence {
    pub(crate) fn parse(payload: &[u8]) -> Result<Self> {
        let mut bits = Bits::new(payload);
        let profile = bits.take(3)? as u8;
        let (_still, is_reduced) = (bits.flag()?, bits.flag()?);
        let (has_timing, has_delay) = (bits.flag()?, bits.flag()?);
        let points = bits.take(5)? + 1;
        if profile != 0 || is_reduced || has_timing || has_delay || points > 1 {
            return Err(malformed("the sequence header is of a kind that our encoder does not make"));
        }
        bits.take(12)?;
        let level = bits.take(5)? as u8;
        let high_tier = level > 7 && bits.flag()?;
        let size_bits = [bits.take(4)? + 1, bits.take(4)? + 1];
        let size = [bits.take(size_bits[0])? + 1, bits.take(size_bits[1])? + 1];
        if bits.flag()? {
            return Err(malformed("frames are numbered, as for a lossy line"));
        }
        let tools = Tools::parse(&mut bits)?;
        let (has_super_resolution, has_directional_enhancement, has_restoration) = (bits.flag()?, bits.flag()?, bits.flag()?);
        let (is_deep, is_grey) = (bits.flag()?, bits.flag()?);
        let is_described = bits.flag()?;
        let colour = if is_described { [bits.take(8)?, bits.take(8)?, bits.take(8)?] } else { [0; 3] };
        if is_grey || colour != BT709 || bits.flag()? {
            return Err(malformed("the picture is not 4:2:0 in the colours of BT.709"));
        }
        let chroma_sample_position = bits.take(2)? as u8;
        let (has_separate_chroma_quantizers, has_film_grain) = (bits.flag()?, bits.flag()?);
        let bit_depth = if is_deep { 10 } else { 8 };
        Ok(Self {
            codec: Codec::Av1 { profile, level, high_tier, bit_depth },
            chroma_sample_position,
            size_bits,
            size,
            tools,
            has_super_resolution,
            has_directional_enhancement,
            has_restoration,
            has_separate_chroma_quantizers,
            has_film_grain,
        })
    }
}

/// Which tools a sequence uses.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) has_large_blocks: bool,
    pub(crate) has_warped_motion: bool,
    pub(crate) has_reference_motion: bool,
    /// Bits of a frame's place in the order; 0 if frames have none.
    pub(crate) order_bits: u32,
    /// Whether frames are for screen content, and have vectors of whole pixels; `None` if each says so.
    pub(crate) is_screen_content: Option<bool>,
    pub(crate) has_integer_motion: Option<bool>,
}

impl Tools {
    /// From the size of superblocks to the bits of the order.
    fn parse(bits: &mut Bits<'_>) -> Result<Self> {
        let has_large_blocks = bits.flag()?;
        bits.take(4)?;
        let (has_warped_motion, _) = (bits.flag()?, bits.flag()?);
        let has_order = bits.flag()?;
        let (_, has_reference_motion) = if has_order { (bits.flag()?, bits.flag()?) } else { (false, false) };
        let is_screen_content = if bits.flag()? { None } else { Some(bits.flag()?) };
        let has_integer_motion = if is_screen_content == Some(false) || bits.flag()? { None } else { Some(bits.flag()?) };
        let order_bits = if has_order { bits.take(3)? + 1 } else { 0 };
        Ok(Self { has_large_blocks, has_warped_motion, has_reference_motion, order_bits, is_screen_content, has_integer_motion })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::AV1_HEADER as HEADER;

    const DELIMITER: &[u8] = &[0x12, 0];
    /// A key frame that is shown, and another frame.
    const KEY: &[u8] = &[0x32, 2, 0b0001_0000, 7];
    const INTER: &[u8] = &[0x32, 2, 0b0011_0000, 7];

    #[test]
    fn the_codec_is_read_from_the_sequence_header() {
        let header = SequenceHeader::find(&[DELIMITER, HEADER].concat()).unwrap();
        assert_eq!(header.codec().unwrap().to_string(), "av01.0.04M.08");
        let mut body = Vec::new();
        let configuration = header.configuration().unwrap();
        configuration.encode_body(&mut body).unwrap();
        // Version 1; profile 0, level 3.0; main tier, 8 bits, 4:2:0 with chroma to the left.
        assert_eq!(body, [&[0x81, 4, 0b0000_1101, 0], HEADER].concat());
        assert_eq!(SequenceHeader::find(&body).unwrap(), header);
        assert!(SequenceHeader::find(DELIMITER).is_err());
        for length in 2..HEADER.len() - 1 {
            let cut = [&[0x0a, length as u8 - 2], &HEADER[2..length]].concat();
            assert!(SequenceHeader::find(&cut).unwrap().codec().is_err(), "{length}");
        }
    }

    #[test]
    fn what_the_short_name_does_not_stand_for_is_refused() {
        // Other primaries, then the whole range.
        for (byte, bits) in [(12, 0x10), (14, 0x01)] {
            let mut other = HEADER.to_vec();
            other[byte] ^= bits;
            assert!(SequenceHeader::find(&other).unwrap().codec().is_err(), "{byte}");
        }
    }

    #[test]
    fn a_sample_has_no_delimiter_and_a_key_frame_has_its_header() {
        let key = sample(&[DELIMITER, HEADER, KEY].concat());
        assert_eq!(key, [HEADER, KEY].concat());
        assert!(is_key(&key).unwrap() && !has_what_is_elsewhere(&key).unwrap());
        assert!(!is_key(KEY).unwrap(), "nothing says what it is a frame of");
        assert!(!is_key(&[HEADER, INTER].concat()).unwrap());
        assert!(has_what_is_elsewhere(&[DELIMITER, KEY].concat()).unwrap());
        let hidden = [0x32, 1, 0];
        assert!(!is_key(&[HEADER, &hidden].concat()).unwrap());
    }

    #[test]
    fn units_that_lie_about_their_size_are_refused() {
        for bad in [&[0x32][..], &[0x32, 5, 1], &[0x30, 1, 1], &[0xb2, 0], &[0x36, 0], &[0x32; 9], &[0x32, 0xff, 0xff, 0xff]] {
            assert!(is_key(bad).is_err(), "{bad:02x?}");
            assert_eq!(sample(bad), bad);
        }
    }
}
