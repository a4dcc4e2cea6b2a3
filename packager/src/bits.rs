//! Reading of configurations bit by bit.

use crate::malformed;
use marquee_core::Result;

/// Bits of a byte string, most significant first.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The next `count` bits, at most 32.
    pub(crate) fn take(&mut self, count: u32) -> Result<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.position / 8).ok_or_else(|| malformed("a configuration ends early"))?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Ok(value)
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
    }
}
