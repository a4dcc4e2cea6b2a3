//! Initialization segments: `ftyp` and a `moov` without samples (ISO/IEC 23000-19 section 7.3.1).
//!
//! `mp4-atom` writes required children of a box before optional ones; CMAF fixes another order (`mvhd trak mvex`,
//! `tkhd edts mdia`, `vmhd dinf stbl`), so those three containers are written here.

use super::{Configuration, Loudness, SAMPLE_DESCRIPTION_INDEX, TRACK_ID, roll};
use crate::codec::{AudioConfig, Codec};
use bytes::Bytes;
use marquee_core::{Error, Result, language, source::Ratio};
use mp4_atom::{
    Atom, Audio, Btrt, BufMut, Colr, Dinf, Dref, Edts, Elst, ElstEntry, Encode, Esds, FourCC, Ftyp, Hdlr, Mdhd, Mdia, Minf, Moov,
    Mp4a, Mvex, Mvhd, Smhd, Stbl, Stco, Stsd, Tkhd, Trak, Trex, Url, Visual, Vmhd, esds,
};

/// `objectTypeIndication` of MPEG-4 audio and `streamType` of sound (ISO/IEC 14496-1 tables 5 and 6).
const MPEG4_AUDIO: u8 = 0x40;
const AUDIO_STREAM: u8 = 5;

/// Colour as coding-independent code points (ITU-T H.273).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// `ColourPrimaries`.
    pub primaries: u16,
    /// `TransferCharacteristics`.
    pub transfer: u16,
    /// `MatrixCoefficients`.
    pub matrix: u16,
    /// Whether luma uses 0 to 255.
    pub full_range: bool,
}

impl Colour {
    /// BT.709, limited range: what HD television is.
    pub const BT709: Self = Self { primaries: 1, transfer: 1, matrix: 1, full_range: false };
}

/// A picture track with its decoder configuration in the sample entry: 4:2:0, square pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoTrack {
    /// Ticks per second of the track's times.
    pub timescale: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second; decides the media profile that the file claims.
    pub frame_rate: Ratio,
    /// The edit that all rungs share: see [`edit_ticks`](super::edit_ticks).
    pub edit_ticks: u32,
    /// What a decoder has to know first.
    pub configuration: Configuration,
    /// Colour description.
    pub colour: Colour,
}

impl VideoTrack {
    /// RFC 6381 codec string of the sample entry, such as `avc1.64001f`.
    ///
    /// # Errors
    /// `malformed_media` if the configuration cannot be read.
    pub fn codec(&self) -> Result<String> {
        self.configuration.codec().map(|codec| codec.to_string())
    }

    /// The bytes of `init.mp4`.
    ///
    /// # Errors
    /// `malformed_media` for a configuration that such a track cannot have; `Internal` for sizes that a box cannot hold.
    pub fn init_segment(&self) -> Result<Bytes> {
        let (width, height) = (size(self.width)?, size(self.height)?);
        let visual = Visual { data_reference_index: 1, width, height, ..Visual::default() };
        let colour = Colr::Nclx {
            colour_primaries: self.colour.primaries,
            transfer_characteristics: self.colour.transfer,
            matrix_coefficients: self.colour.matrix,
            full_range_flag: self.colour.full_range,
        };
        let tkhd = Tkhd { width: width.into(), height: height.into(), ..track_header() };
        Header {
            profile: self.media_profile(self.configuration.codec()?),
            timescale: self.timescale,
            tkhd,
            edit: self.edit_ticks,
            hdlr: Hdlr { handler: b"vide".into(), name: "VideoHandler".to_owned() },
            media: MediaHeader::Video,
            language: language::UNKNOWN,
            loudness: None,
            entry: self.configuration.sample_entry(visual, colour)?,
        }
        .write()
    }

    /// The media profile that the track conforms to, if any (ISO/IEC 23000-19 annexes A.1 and B.1; AV1 Codec ISO Media File Format
    /// Binding, section 2.1).
    fn media_profile(&self, codec: Codec) -> Option<[u8; 4]> {
        let (level, table): (u8, &[_]) = match codec {
            Codec::Avc { level, .. } => {
                (level, &[(*b"cfsd", 864, 576, 31), (*b"cfhd", 1920, 1080, 40), (*b"chdf", 1920, 1080, 42)])
            }
            // Main profile, main tier, up to level 4.1.
            Codec::Hevc { profile: 1, high_tier: false, level, .. } => (level, &[(*b"chhd", 1920, 1080, 123)]),
            Codec::Av1 { .. } => return Some(*b"av01"),
            Codec::Hevc { .. } | Codec::Aac { .. } => return None,
        };
        let fits = |&(_, width, height, level_max): &(_, u32, u32, u8)| {
            self.width <= width && self.height <= height && level <= level_max && self.frame_rate.as_f64() <= 60.0
        };
        table.iter().find(|row| fits(row)).map(|(brand, ..)| *brand)
    }
}

/// An AAC track. Its timescale is its sample rate.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioTrack {
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Channel count.
    pub channels: u16,
    /// `AudioSpecificConfig`, the encoder's extradata.
    pub asc: Bytes,
    /// Samples at the start that the encoder put before the sound; a player cuts them.
    pub priming_samples: u32,
    /// Bits per second on average.
    pub bitrate_bps: u32,
    /// Its language (BCP 47).
    pub language: String,
    /// How loud it is, where that is known.
    pub loudness: Option<Loudness>,
}

impl AudioTrack {
    /// RFC 6381 codec string of the sample entry, such as `mp4a.40.2`.
    ///
    /// # Errors
    /// `malformed_media` if `asc` is not an `AudioSpecificConfig`.
    pub fn codec(&self) -> Result<String> {
        AudioConfig::parse(&self.asc).map(|config| config.codec().to_string())
    }

    /// The bytes of `init.mp4`.
    ///
    /// # Errors
    /// `malformed_media` if `asc` does not describe this track.
    pub fn init_segment(&self) -> Result<Bytes> {
        let config = AudioConfig::parse(&self.asc)?;
        if config.sample_rate_hz != self.sample_rate_hz || ![0, self.channels].contains(&config.channels) {
            return Err(crate::malformed(format!("{config:?} does not describe {self:?}")));
        }
        let dec_config = esds::DecoderConfig {
            object_type_indication: MPEG4_AUDIO,
            stream_type: AUDIO_STREAM,
            max_bitrate: self.bitrate_bps,
            avg_bitrate: self.bitrate_bps,
            dec_specific: Some(esds::DecoderSpecific { raw: self.asc.to_vec(), ..esds::DecoderSpecific::default() }),
            ..esds::DecoderConfig::default()
        };
        let entry = Mp4a {
            audio: Audio {
                data_reference_index: 1,
                channel_count: self.channels,
                sample_size: 16,
                // The field has 16 bits; where the rate does not fit, it is 0 and the configuration counts.
                sample_rate: u16::try_from(self.sample_rate_hz).unwrap_or(0).into(),
            },
            // In a file the id is 0: the track's own id counts (ISO/IEC 14496-14 section 4.1.2).
            esds: Esds { es_desc: esds::EsDescriptor { dec_config, ..esds::EsDescriptor::default() } },
            btrt: Some(Btrt { buffer_size_db: 0, max_bitrate: self.bitrate_bps, avg_bitrate: self.bitrate_bps }),
            taic: None,
        };
        Header {
            profile: Some(*b"caac"),
            timescale: self.sample_rate_hz,
            tkhd: Tkhd { volume: 1.into(), ..track_header() },
            edit: self.priming_samples,
            hdlr: Hdlr { handler: b"soun".into(), name: "SoundHandler".to_owned() },
            media: MediaHeader::Audio,
            language: language::three_letters(&self.language),
            loudness: self.loudness,
            entry: entry.into(),
        }
        .write()
    }
}

fn size(pixels: u32) -> Result<u16> {
    u16::try_from(pixels).map_err(Error::internal)
}

fn track_header() -> Tkhd {
    Tkhd { track_id: TRACK_ID, enabled: true, in_movie: true, ..Tkhd::default() }
}

/// What differs between the init segments of video and audio.
struct Header {
    /// Brand of the media profile.
    profile: Option<[u8; 4]>,
    timescale: u32,
    tkhd: Tkhd,
    /// Media time at which the presentation starts.
    edit: u32,
    hdlr: Hdlr,
    media: MediaHeader,
    /// ISO 639-2/T.
    language: &'static str,
    loudness: Option<Loudness>,
    entry: mp4_atom::Codec,
}

enum MediaHeader {
    Video,
    Audio,
}

impl Header {
    fn write(self) -> Result<Bytes> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes).map_err(Error::internal)?;
        Ok(bytes.into())
    }

    fn encode(self, buf: &mut Vec<u8>) -> mp4_atom::Result<()> {
        let compatible = [*b"iso6", *b"cmfc"].into_iter().chain(self.profile).map(FourCC::from).collect();
        Ftyp { major_brand: b"iso6".into(), minor_version: 0, compatible_brands: compatible }.encode(buf)?;
        buf.encode_atom(Moov::KIND, |buf| {
            let rate_and_volume = Mvhd { rate: 1.into(), volume: 1.into(), ..Mvhd::default() };
            Mvhd { timescale: self.timescale, next_track_id: TRACK_ID + 1, ..rate_and_volume }.encode(buf)?;
            self.track(buf)?;
            Mvex { mehd: None, trex: vec![extends()] }.encode(buf)
        })
    }

    fn track(self, buf: &mut Vec<u8>) -> mp4_atom::Result<()> {
        // One edit without an end, as CMAF asks for (ISO/IEC 23000-19 section 7.5.13).
        let entry = ElstEntry { segment_duration: 0, media_time: Some(self.edit.into()), media_rate: 1.into() };
        let edit = (self.edit > 0).then(|| Edts { elst: Some(Elst { entries: vec![entry] }) });
        buf.encode_atom(Trak::KIND, |buf| {
            self.tkhd.encode(buf)?;
            edit.encode(buf)?;
            buf.encode_atom(Mdia::KIND, |buf| {
                Mdhd { timescale: self.timescale, language: self.language.to_owned(), ..Mdhd::default() }.encode(buf)?;
                self.hdlr.encode(buf)?;
                buf.encode_atom(Minf::KIND, |buf| {
                    match self.media {
                        MediaHeader::Video => Vmhd::default().encode(buf)?,
                        MediaHeader::Audio => Smhd::default().encode(buf)?,
                    }
                    Dinf { dref: Dref { entries: vec![Url::default().into()] } }.encode(buf)?;
                    let stsd = Stsd { codecs: vec![self.entry] };
                    let sgpd = match self.media {
                        MediaHeader::Video => Vec::new(),
                        MediaHeader::Audio => vec![roll::group()],
                    };
                    Stbl { stsd, stco: Some(Stco::default()), sgpd, ..Stbl::default() }.encode(buf)
                })
            })?;
            self.loudness.map_or(Ok(()), |loudness| loudness.encode(buf))
        })
    }
}

/// Defaults that no fragment relies on.
fn extends() -> Trex {
    Trex { track_id: TRACK_ID, default_sample_description_index: SAMPLE_DESCRIPTION_INDEX, ..Trex::default() }
}
