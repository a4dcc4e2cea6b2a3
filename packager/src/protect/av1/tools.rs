//! The parts of a frame's header that nothing else depends on: they are only passed over.

use super::{
    frame::{Frame, REFERENCES},
    tiles::below,
};
use crate::{bits::Bits, cmaf::av1::Sequence};
use marquee_core::Result;

/// Bits of a parameter of global motion (AV1 specification, section 3): of a matrix or a shift beside one, and of a shift alone.
const MATRIX_BITS: u32 = 12;
const SHIFT_BITS: u32 = 9;

/// The filters of decoded pictures: deblocking, enhancement of directions, restoration (sections 5.9.11, 5.9.19 and 5.9.20).
pub(super) fn filters(
    bits: &mut Bits<'_>,
    sequence: &Sequence,
    frame: &Frame,
    is_lossless: bool,
    is_whole_width: bool,
) -> Result<()> {
    if frame.has_block_copy {
        return Ok(());
    }
    if !is_lossless {
        deblocking(bits)?;
        if sequence.has_directional_enhancement {
            bits.take(2)?;
            for _ in 0..1 << bits.take(2)? {
                bits.take(12)?;
            }
        }
    }
    if sequence.has_restoration && !(is_lossless && is_whole_width) { restoration(bits, sequence) } else { Ok(()) }
}

fn deblocking(bits: &mut Bits<'_>) -> Result<()> {
    if bits.take(12)? != 0 {
        bits.take(12)?;
    }
    bits.take(3)?;
    if bits.flag()? && bits.flag()? {
        // Of eight references and two modes.
        for _ in 0..10 {
            if bits.flag()? {
                bits.take(7)?;
            }
        }
    }
    Ok(())
}

fn restoration(bits: &mut Bits<'_>, sequence: &Sequence) -> Result<()> {
    let luma = bits.take(2)?;
    let chroma = bits.take(4)?;
    if luma == 0 && chroma == 0 {
        return Ok(());
    }
    let is_larger = bits.flag()?;
    if is_larger && !sequence.tools.has_large_blocks {
        bits.flag()?;
    }
    if chroma != 0 {
        bits.flag()?;
    }
    Ok(())
}

/// Sections 5.9.24 and 5.9.25.
pub(super) fn global_motion(bits: &mut Bits<'_>, is_precise: bool) -> Result<()> {
    for _ in 0..REFERENCES {
        if !bits.flag()? {
            continue;
        }
        // Turned and zoomed, shifted, or any.
        let is_turned = bits.flag()?;
        let is_shifted = !is_turned && bits.flag()?;
        let (matrix, shift_bits) = match (is_turned, is_shifted) {
            (true, _) => (2, MATRIX_BITS),
            (_, true) => (0, if is_precise { SHIFT_BITS } else { SHIFT_BITS - 1 }),
            _ => (4, MATRIX_BITS),
        };
        for _ in 0..matrix {
            parameter(bits, MATRIX_BITS)?;
        }
        for _ in 0..2 {
            parameter(bits, shift_bits)?;
        }
    }
    Ok(())
}

/// A parameter of `width` bits and a sign, in a code that is shorter for small ones (section 5.9.28).
fn parameter(bits: &mut Bits<'_>, width: u32) -> Result<()> {
    let count = (2 << width) + 1;
    let (mut start, mut size) = (0, 3);
    loop {
        if count <= start + (3 << size) {
            return below(bits, count - start).map(|_| ());
        }
        if !bits.flag()? {
            return bits.take(size).map(|_| ());
        }
        // The second step is as long as the first, then each is twice the one before.
        let is_first = start == 0;
        start += 1 << size;
        size += u32::from(!is_first);
    }
}

/// Section 5.9.30.
pub(super) fn film_grain(bits: &mut Bits<'_>, is_inter: bool) -> Result<()> {
    if !bits.flag()? {
        return Ok(());
    }
    bits.take(16)?;
    if is_inter && !bits.flag()? {
        bits.take(3)?;
        return Ok(());
    }
    let luma = points(bits)?;
    let is_from_luma = bits.flag()?;
    let mut chroma = [0; 2];
    if !is_from_luma && luma > 0 {
        chroma = [points(bits)?, points(bits)?];
    }
    bits.take(2)?;
    let lag = bits.take(2)?;
    let coefficients = 2 * lag * (lag + 1);
    if luma > 0 {
        bytes(bits, coefficients)?;
    }
    for count in chroma {
        if is_from_luma || count > 0 {
            bytes(bits, coefficients + u32::from(luma > 0))?;
        }
    }
    bits.take(4)?;
    for _ in chroma.iter().filter(|count| **count > 0) {
        bits.take(25)?;
    }
    bits.take(2).map(|_| ())
}

/// Points of a curve, of two bytes each.
fn points(bits: &mut Bits<'_>) -> Result<u32> {
    let count = bits.take(4)?;
    bytes(bits, 2 * count)?;
    Ok(count)
}

fn bytes(bits: &mut Bits<'_>, count: u32) -> Result<()> {
    (0..count).try_for_each(|_| bits.take(8).map(|_| ()))
}
