//! Reading of configurations and headers bit by bit.

use crate::malformed;
use marquee_core::Result;

/// Primaries, transfer function and matrix of pictures, by number (ITU-T H.273).
pub(crate) type Colour = (u16, u16, u16);

/// Bits of a byte string, most significant first.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Whether a 3 after two zeros is none of the bits (ITU-T H.264 and H.265, section 7.4: emulation prevention).
    is_escaped: bool,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, is_escaped: false }
    }

    /// Of a network abstraction layer unit, without the bytes that keep start codes out of it.
    pub(crate) fn of_nal(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, is_escaped: true }
    }

    /// Bytes that were begun, those between included.
    pub(crate) fn bytes_begun(&self) -> usize {
        self.position.div_ceil(8)
    }

    /// The next `count` bits, at most 32.
    pub(crate) fn take(&mut self, count: u32) -> Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            self.pass_escape();
            let byte = self.bytes.get(self.position / 8).ok_or_else(|| malformed("a configuration ends early"))?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Ok(value)
    }

    fn pass_escape(&mut self) {
        let at = self.position / 8;
        let is_escape = self.is_escaped && self.position.is_multiple_of(8) && self.bytes.get(at) == Some(&3);
        if is_escape && at >= 2 && self.bytes[at - 2..at] == [0, 0] {
            self.position += 8;
        }
    }

    /// The next bit.
    pub(crate) fn flag(&mut self) -> Result<bool> {
        Ok(self.take(1)? == 1)
    }

    /// The next number in Exp-Golomb code (ITU-T H.264 and H.265, section 9): as many bits after the first set one as zeros before it.
    pub(crate) fn golomb(&mut self) -> Result<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return Err(malformed("a number of a configuration has no end"));
            }
        }
        Ok((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// Passes over bits.
    pub(crate) fn skip(&mut self, count: u32) -> Result<()> {
        (0..count).try_for_each(|_| self.flag().map(|_| ()))
    }

    /// Passes over numbers in Exp-Golomb code, with or without a sign.
    pub(crate) fn skip_golombs(&mut self, count: u32) -> Result<()> {
        (0..count).try_for_each(|_| self.golomb().map(|_| ()))
    }

    /// The colour, if it is said, where a sequence parameter set begins to say how it is to be used (ITU-T
    /// H.264 and H.265, annex E).
    pub(crate) fn colour(&mut self) -> Result<Option<Colour>> {
        const EXTENDED_SAR: u32 = 255;
        if self.flag()? && self.take(8)? == EXTENDED_SAR {
            self.skip(32)?;
        }
        if self.flag()? {
            self.skip(1)?;
        }
        if !self.flag()? {
            return Ok(None);
        }
        self.skip(4)?;
        if !self.flag()? {
            return Ok(None);
        }
        let mut number = || self.take(8).map(|number| number as u16);
        Ok(Some((number()?, number()?, number()?)))
    }

    /// The next number with a sign: 1, -1, 2, -2 and so on.
    pub(crate) fn signed_golomb(&mut self) -> Result<i32> {
        let code = self.golomb()?;
        // At most 2³¹ - 1 in size.
        let size = code.div_ceil(2).cast_signed();
        Ok(if code % 2 == 1 { size } else { -size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_ends_are_noticed() {
        // 101, then 1, 010, 011, 00100 in Exp-Golomb code.
        let mut bits = Bits::new(&[0b1011_0100, 0b1100_1000]);
        assert_eq!(bits.take(3).unwrap(), 5);
        assert_eq!([(); 4].map(|()| bits.golomb().unwrap()), [0, 1, 2, 3]);
        assert!(bits.golomb().is_err(), "only a zero is left");
        assert!(Bits::new(&[0; 8]).golomb().is_err());
        assert_eq!(Bits::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).golomb().unwrap(), u32::MAX - 1);
        assert_eq!(Bits::new(&[0xff; 4]).take(32).unwrap(), u32::MAX);
        // 1, 010, 011, 00100, 00101.
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!([(); 5].map(|()| bits.signed_golomb().unwrap()), [0, 1, -1, 2, -2]);
        assert_eq!(Bits::new(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).signed_golomb().unwrap(), -i32::MAX);
    }

    #[test]
    fn what_keeps_start_codes_out_is_passed_over() {
        let bytes = [0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3, 0, 3];
        let mut bits = Bits::of_nal(&bytes);
        let mut read = Vec::new();
        while let Ok(byte) = bits.take(8) {
            read.push(byte);
        }
        assert_eq!(read, [0, 0, 1, 0, 0, 0, 0, 3, 0, 3]);
        assert_eq!(bits.bytes_begun(), bytes.len());
        let mut bits = Bits::of_nal(&bytes);
        bits.take(17).unwrap();
        assert_eq!(bits.bytes_begun(), 4);
        assert_eq!(Bits::new(&bytes).take(24).unwrap(), 3);
    }
}
