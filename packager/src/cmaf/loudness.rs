//! How loud a track of sound is: `ludt` in its user data (ISO/IEC 14496-12 section 12.2.7), with values as ISO/IEC 23003-4 codes them.

use mp4_atom::{BufMut, FourCC};

/// User data of a track.
pub(crate) const UDTA: FourCC = FourCC::new(b"udta");
const LUDT: FourCC = FourCC::new(b"ludt");
const TLOU: FourCC = FourCC::new(b"tlou");
/// `method_definition`: the gated loudness of all that is heard.
const PROGRAM_LOUDNESS: u8 = 1;
/// `measurement_system`: ITU-R BS.1770-4.
const BS_1770: u8 = 2;
/// `reliability` of what was not measured whole, of what is a ceiling, and of what is measured and accurate.
const UNVERIFIED: u8 = 1;
const CEILING: u8 = 2;
const ACCURATE: u8 = 3;
/// Loudness that is coded as 0, and how much more each step is.
const LKFS_MIN: f64 = -57.75;
const LKFS_STEP: f64 = 0.25;
/// True peak that is coded as 0 (which stands for none), how much less each step is, and the largest code: a field has 12 bits.
const DBTP_MAX: f64 = 20.0;
const DBTP_STEP: f64 = 1.0 / 32.0;
const DBTP_CODE_MAX: f64 = 4095.0;

/// How loud a track is (ITU-R BS.1770-4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Gated loudness of the whole track, in LKFS; `None` if there is nothing to hear.
    pub lkfs: Option<f64>,
    /// Whether all of it was measured, not parts.
    pub is_whole: bool,
    /// What no true peak exceeds, in dBTP.
    pub true_peak_max_dbtp: f64,
}

impl Loudness {
    /// Writes the track's `udta` with it.
    pub(super) fn encode(self, buf: &mut Vec<u8>) -> mp4_atom::Result<()> {
        // What is less than can be said is no louder than the least that can.
        let said = self.lkfs.filter(|lkfs| *lkfs >= LKFS_MIN);
        let value = said.map_or(0.0, |lkfs| ((lkfs - LKFS_MIN) / LKFS_STEP).round());
        let reliability = match (self.is_whole, said) {
            (false, _) => UNVERIFIED,
            (true, None) => CEILING,
            (true, Some(_)) => ACCURATE,
        };
        let peak = ((DBTP_MAX - self.true_peak_max_dbtp) / DBTP_STEP).round().clamp(1.0, DBTP_CODE_MAX) as u32;
        buf.encode_atom(UDTA, |buf| {
            buf.encode_atom(LUDT, |buf| {
                buf.encode_atom(TLOU, |buf| {
                    // Version 0; for the sound as it is, without downmix or compression; no peak of samples.
                    buf.append_slice(&[0; 6]);
                    buf.append_slice(&(peak << 8 | u32::from(BS_1770 << 4 | CEILING)).to_be_bytes());
                    // Floats saturate.
                    buf.append_slice(&[1, PROGRAM_LOUDNESS, value as u8, BS_1770 << 4 | reliability]);
                    Ok(())
                })
            })
        })
    }
}

#[cfg(test)]
impl Loudness {
    /// The track's `udta`.
    pub(crate) fn user_data(self) -> mp4_atom::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lkfs: Option<f64>, is_whole: bool) -> Vec<u8> {
        Loudness { lkfs, is_whole, true_peak_max_dbtp: -2.0 }.user_data().unwrap()
    }

    #[test]
    fn a_loudness_box_is_this() {
        let expected = b"\0\0\0\x26udta\0\0\0\x1eludt\0\0\0\x16tlou\0\0\0\0\0\0\0\x02\xc0\x22\x01\x01\x87\x23";
        assert_eq!(written(Some(-24.04), true), expected, "22 dB and 33.75 LU from where counting begins, measured");
    }

    #[test]
    fn what_was_not_heard_whole_or_not_at_all_says_so() {
        for (lkfs, is_whole, expected) in [
            (Some(-24.1), false, [0x87, 0x21]),
            (Some(-70.0), true, [0, 0x22]),
            (None, true, [0, 0x22]),
            (None, false, [0, 0x21]),
            (Some(100.0), true, [0xff, 0x23]),
        ] {
            assert!(written(lkfs, is_whole).ends_with(&expected), "{lkfs:?}");
        }
    }
}
