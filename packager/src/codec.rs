//! RFC 6381 codec strings: read from a decoder configuration, printed and parsed in this one place.

use crate::malformed;
use marquee_core::{Error, Result};
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
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Avc { profile, constraints, level } => write!(f, "avc1.{profile:02x}{constraints:02x}{level:02x}"),
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
        let number = text.strip_prefix("mp4a.40.").ok_or_else(unknown)?;
        // `u8::from_str` would take "+2" and "02" as well.
        match number.parse() {
            Ok(object_type) if format!("{object_type}") == number => Ok(Self::Aac { object_type }),
            _ => Err(unknown()),
        }
    }
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
        let mut bits = Bits { bytes: asc, position: 0 };
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

/// Bits of a byte string, most significant first.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32.
    fn take(&mut self, count: u32) -> Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.position / 8).ok_or_else(|| malformed("the audio configuration ends early"))?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_printed_and_parsed_alike() {
        let table = [
            ("avc1.64001f", Codec::Avc { profile: 0x64, constraints: 0, level: 31 }),
            ("avc1.42c00d", Codec::Avc { profile: 0x42, constraints: 0xc0, level: 13 }),
            ("mp4a.40.2", Codec::Aac { object_type: 2 }),
            ("mp4a.40.29", Codec::Aac { object_type: 29 }),
        ];
        for (text, codec) in table {
            assert_eq!(codec.to_string(), text);
            assert_eq!(text.parse::<Codec>().unwrap(), codec);
        }
        for bad in ["", "avc1", "avc1.", "avc1.64001", "avc1.64001f0", "avc1.6400zz", "mp4a.40.", "mp4a.40.+2", "mp4a.40.02"] {
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
