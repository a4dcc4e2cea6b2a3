//! RFC 6381 codec strings: read from a decoder configuration, printed and parsed in this one place.

use crate::{bits::Bits, malformed};
use marquee_core::{Error, Result, plan};
use std::{fmt, str::FromStr};

/// Sample rates by `samplingFrequencyIndex` (ISO/IEC 14496-3, table 1.18).
const AAC_SAMPLE_RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Channels by `channelConfiguration` (ISO/IEC 14496-3, table 1.19); 0 is defined elsewhere in the stream.
const AAC_CHANNELS: [u16; 8] = [0, 1, 2, 3, 4, 5, 6, 8];

/// A codec as playlists name it (RFC 6381 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// `avc1.PPCCLL`: H.264 with its parameter sets in the sample entry.
    Avc {
        /// `profile_idc`.
        profile: u8,
        /// Constraint flags, as one byte.
        constraints: u8,
        /// `level_idc`: ten times the level.
        level: u8,
    },
    /// `hvc1.P.C.TL.B`: HEVC with its parameter sets in the sample entry (ISO/IEC 14496-15 annex E.3).
    Hevc {
        /// Whether the tier is the high one.
        high_tier: bool,
        /// `general_profile_idc`.
        profile: u8,
        /// `general_profile_compatibility_flag[]`, the first in the highest bit.
        compatibility: u32,
        /// Constraint flags.
        constraints: [u8; 6],
        /// `general_level_idc`: thirty times the level.
        level: u8,
    },
    /// `av01.P.LLT.DD`: AV1 in 4:2:0 and the colours of BT.709 (AV1 Codec ISO Media File Format Binding, section 5).
    Av1 {
        /// `seq_profile`.
        profile: u8,
        /// `seq_level_idx`.
        level: u8,
        /// Whether the tier is the high one.
        high_tier: bool,
        /// Bits of a sample.
        bit_depth: u8,
    },
    /// `mp4a.40.N`: MPEG-4 audio.
    Aac {
        /// Audio object type, 2 for AAC-LC.
        object_type: u8,
    },
}

impl Codec {
    /// The codec of an H.264 sequence parameter set (with its NAL header).
    ///
    /// # Errors
    /// `malformed_media` if it is none.
    pub fn of_sps(sps: &[u8]) -> Result<Self> {
        match *sps {
            [header, profile, constraints, level, ..] if header & 0x1f == 7 => Ok(Self::Avc { profile, constraints, level }),
            _ => Err(malformed("this is not a sequence parameter set")),
        }
    }

    /// What the pictures of a track are coded in; `None` if it is none of the picture.
    #[must_use]
    pub fn of_picture(self) -> Option<plan::Codec> {
        match self {
            Self::Avc { .. } => Some(plan::Codec::H264),
            Self::Hevc { .. } => Some(plan::Codec::Hevc),
            Self::Av1 { .. } => Some(plan::Codec::Av1),
            Self::Aac { .. } => None,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Avc { profile, constraints, level } => write!(f, "avc1.{profile:02x}{constraints:02x}{level:02x}"),
            Self::Hevc { high_tier, profile, compatibility, constraints, level } => {
                let tier = if *high_tier { 'H' } else { 'L' };
                write!(f, "hvc1.{profile}.{:X}.{tier}{level}", compatibility.reverse_bits())?;
                let last = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                constraints[..last].iter().try_for_each(|byte| write!(f, ".{byte:X}"))
            }
            Self::Av1 { profile, level, high_tier, bit_depth } => {
                let tier = if *high_tier { 'H' } else { 'M' };
                write!(f, "av01.{profile}.{level:02}{tier}.{bit_depth:02}")
            }
            Self::Aac { object_type } => write!(f, "mp4a.40.{object_type}"),
        }
    }
}

impl FromStr for Codec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || malformed(format!("{text:?} is not a codec string this packager knows"));
        if let Some(digits) = text.strip_prefix("avc1.") {
            let mut bytes = [0; 3];
            hex::decode_to_slice(digits, &mut bytes).map_err(|_| unknown())?;
            let [profile, constraints, level] = bytes;
            return Ok(Self::Avc { profile, constraints, level });
        }
        let read = match text.split_once('.') {
            Some(("hvc1", fields)) => hevc(fields),
            Some(("av01", fields)) => av1(fields),
            Some(("mp4a", fields)) => {
                fields.strip_prefix("40.").and_then(|number| Some(Self::Aac { object_type: number.parse().ok()? }))
            }
            _ => None,
        };
        // There is one way to write each: numbers could be read from "+2" and "02" as well.
        read.filter(|codec| codec.to_string() == text).ok_or_else(unknown)
    }
}

/// What follows `hvc1.`.
fn hevc(fields: &str) -> Option<Codec> {
    let mut fields = fields.split('.');
    let profile = fields.next()?.parse().ok()?;
    let compatibility = u32::from_str_radix(fields.next()?, 16).ok()?.reverse_bits();
    let mut tier_and_level = fields.next()?.chars();
    let high_tier = tier_and_level.next()? == 'H';
    let level = tier_and_level.as_str().parse().ok()?;
    let mut constraints = [0; 6];
    for (place, field) in fields.enumerate() {
        *constraints.get_mut(place)? = u8::from_str_radix(field, 16).ok()?;
    }
    Some(Codec::Hevc { high_tier, profile, compatibility, constraints, level })
}

/// What follows `av01.`.
fn av1(fields: &str) -> Option<Codec> {
    let mut fields = fields.split('.');
    let profile = fields.next()?.parse().ok()?;
    let level_and_tier = fields.next()?;
    let level = level_and_tier.get(..2)?.parse().ok()?;
    let high_tier = level_and_tier.get(2..)? == "H";
    let bit_depth = fields.next()?.parse().ok()?;
    Some(Codec::Av1 { profile, level, high_tier, bit_depth })
}

/// What an `AudioSpecificConfig` says (ISO/IEC 14496-3 section 1.6.2.1), as far as a container repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioConfig {
    /// Audio object type, 2 for AAC-LC.
    pub object_type: u8,
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// Channel count, 0 if the configuration leaves it to the stream.
    pub channels: u16,
}

impl AudioConfig {
    /// Reads an `AudioSpecificConfig`.
    ///
    /// # Errors
    /// `malformed_media` if it ends early or uses reserved values.
    pub fn parse(asc: &[u8]) -> Result<Self> {
        let mut bits = Bits::new(asc);
        let object_type = match bits.take(5)? {
            31 => 32 + bits.take(6)?,
            short => short,
        };
        let sample_rate_hz = match bits.take(4)? {
            15 => bits.take(24)?,
            index => *AAC_SAMPLE_RATES_HZ.get(index as usize).ok_or_else(|| malformed("reserved AAC sample rate"))?,
        };
        let channels =
            *AAC_CHANNELS.get(bits.take(4)? as usize).ok_or_else(|| malformed("reserved AAC channel configuration"))?;
        // At most 32 + 63.
        Ok(Self { object_type: object_type as u8, sample_rate_hz, channels })
    }

    /// The codec that it configures.
    #[must_use]
    pub fn codec(&self) -> Codec {
        Codec::Aac { object_type: self.object_type }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_printed_and_parsed_alike() {
        let hevc = |high_tier, profile, compatibility, constraints, level| Codec::Hevc {
            high_tier,
            profile,
            compatibility,
            constraints,
            level,
        };
        let table = [
            ("avc1.64001f", Codec::Avc { profile: 0x64, constraints: 0, level: 31 }),
            ("avc1.42c00d", Codec::Avc { profile: 0x42, constraints: 0xc0, level: 13 }),
            ("mp4a.40.2", Codec::Aac { object_type: 2 }),
            ("mp4a.40.29", Codec::Aac { object_type: 29 }),
            ("hvc1.1.6.L120.90", hevc(false, 1, 0x6000_0000, [0x90, 0, 0, 0, 0, 0], 120)),
            ("hvc1.2.4.H153.B0.0.1", hevc(true, 2, 0x2000_0000, [0xb0, 0, 1, 0, 0, 0], 153)),
            ("hvc1.1.6.L93", hevc(false, 1, 0x6000_0000, [0; 6], 93)),
            ("av01.0.08M.08", Codec::Av1 { profile: 0, level: 8, high_tier: false, bit_depth: 8 }),
            ("av01.0.13H.10", Codec::Av1 { profile: 0, level: 13, high_tier: true, bit_depth: 10 }),
        ];
        for (text, codec) in table {
            assert_eq!(codec.to_string(), text);
            assert_eq!(text.parse::<Codec>().unwrap(), codec);
        }
        let bad = "avc1 avc1. avc1.64001 avc1.64001f0 avc1.6400zz mp4a.40. mp4a.40.+2 mp4a.40.02 mp4a.2 hvc1 hvc1.1.6 hvc1.A1.6.L93 \
                   hvc1.1.6.X93 hvc1.1.6.L93.0 hvc1.1.6.L93.1.2.3.4.5.6.7 hvc1.1.+6.L93 av01.0 av01.0.8M.08 av01.0.08X.08 av01.0.08M \
                   av01.0.08M.8 av01.0.08M.08.0 av01.0.0\u{e4}.08 vp09";
        for bad in bad.split(' ').chain([""]) {
            assert!(bad.parse::<Codec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_codec_comes_from_the_parameter_set() {
        assert_eq!(Codec::of_sps(&[0x67, 0x64, 0x00, 0x1f, 0xac]).unwrap().to_string(), "avc1.64001f");
        assert!(Codec::of_sps(&[0x68, 0x64, 0x00, 0x1f]).is_err(), "a picture parameter set");
        assert!(Codec::of_sps(&[0x67, 0x64]).is_err());
    }

    #[test]
    fn audio_configurations_of_common_encoders() {
        let table = [
            (vec![0x11, 0x90], (2, 48_000, 2)),
            (vec![0x12, 0x08], (2, 44_100, 1)),
            (vec![0x11, 0xb0, 0x56, 0xe5, 0x00], (2, 48_000, 6)),
            // An explicit rate of 12 345 Hz.
            (vec![0x17, 0x80, 0x18, 0x1c, 0x90], (2, 12_345, 2)),
            // The escape for object types from 32 (42 is xHE-AAC).
            (vec![0xf9, 0x46, 0x40], (42, 48_000, 2)),
        ];
        for (asc, (object_type, sample_rate_hz, channels)) in table {
            assert_eq!(AudioConfig::parse(&asc).unwrap(), AudioConfig { object_type, sample_rate_hz, channels }, "{asc:02x?}");
        }
        assert_eq!(AudioConfig::parse(&[0x11, 0x90]).unwrap().codec().to_string(), "mp4a.40.2");
        for bad in [&[][..], &[0x11], &[0x17, 0x00, 0x00], &[0x16, 0x90], &[0x11, 0xc8]] {
            assert!(AudioConfig::parse(bad).is_err(), "{bad:02x?}");
        }
    }
}
