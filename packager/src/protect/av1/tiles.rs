//! Tiles: how a frame is divided into them (AV1 specification, section 5.9.15), and where they lie in a group (section 5.11.1).

use crate::{bits::Bits, malformed};
use marquee_core::Result;
use std::ops::Range;

/// Widest and largest tile in pixels, most columns and rows.
const WIDTH_MAX: u32 = 4096;
const AREA_MAX: u32 = 4096 * 2304;
const COUNT_MAX: u32 = 64;

/// The tiles of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    columns: u32,
    rows: u32,
    /// Bits of a column and a row together.
    bits: u32,
    /// Bytes of a tile's size.
    size_bytes: usize,
}

impl Tiling {
    pub(super) fn parse(bits: &mut Bits<'_>, has_large_blocks: bool, width: u32, height: u32) -> Result<Self> {
        if width == 0 || height == 0 {
            return Err(malformed("a frame has the size of one that was never there"));
        }
        let shift = if has_large_blocks { 7 } else { 6 };
        // In blocks of eight pixels first.
        let blocks = |pixels: u32| (pixels.div_ceil(8) * 8).div_ceil(1 << shift);
        let (columns, rows) = (blocks(width), blocks(height));
        let width_max = WIDTH_MAX >> shift;
        let columns_log2_min = log2_for(width_max, columns);
        let tiles_log2_min = columns_log2_min.max(log2_for(AREA_MAX >> (2 * shift), rows * columns));
        let is_uniform = bits.flag()?;
        let (columns, rows) = if is_uniform {
            let columns_log2 = growing(bits, columns_log2_min, log2_for(1, columns.min(COUNT_MAX)))?;
            let rows_log2 = growing(bits, tiles_log2_min.saturating_sub(columns_log2), log2_for(1, rows.min(COUNT_MAX)))?;
            let count = |blocks: u32, log2: u32| blocks.div_ceil(blocks.div_ceil(1 << log2));
            ((count(columns, columns_log2), columns_log2), (count(rows, rows_log2), rows_log2))
        } else {
            let area = rows * columns;
            let (counted, widest) = listed(bits, columns, width_max)?;
            let area_max = if tiles_log2_min > 0 { area >> (tiles_log2_min + 1) } else { area };
            let (row_count, _) = listed(bits, rows, (area_max / widest).max(1))?;
            ((counted, log2_for(1, counted)), (row_count, log2_for(1, row_count)))
        };
        let mut tiling = Self { columns: columns.0, rows: rows.0, bits: columns.1 + rows.1, size_bytes: 0 };
        if tiling.bits > 0 {
            bits.take(tiling.bits)?;
            tiling.size_bytes = bits.take(2)? as usize + 1;
        }
        if tiling.columns > COUNT_MAX || tiling.rows > COUNT_MAX {
            Err(malformed("a frame has too many tiles"))
        } else {
            Ok(tiling)
        }
    }

    /// Where the tiles are in `group`, a group with its header; and whether they are the last ones of the frame.
    pub(super) fn find(&self, group: &[u8]) -> Result<(Vec<Range<usize>>, bool)> {
        let cut_off = || malformed("a tile is cut off");
        let count = self.columns * self.rows;
        let mut bits = Bits::new(group);
        let (mut first, mut last) = (0, count - 1);
        if count > 1 && bits.flag()? {
            (first, last) = (bits.take(self.bits)?, bits.take(self.bits)?);
        }
        if first > last || last >= count {
            return Err(malformed("a group has tiles that its frame does not have"));
        }
        let mut position = bits.bytes_begun();
        let mut tiles = Vec::new();
        for tile in first..=last {
            let end = if tile == last {
                group.len()
            } else {
                let size = group.get(position..position + self.size_bytes).ok_or_else(cut_off)?;
                position += self.size_bytes;
                let size = size.iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte));
                position.checked_add(size + 1).filter(|end| *end <= group.len()).ok_or_else(cut_off)?
            };
            tiles.push(position..end);
            position = end;
        }
        Ok((tiles, last + 1 == count))
    }
}

/// A logarithm that grows by each set bit.
fn growing(bits: &mut Bits<'_>, from: u32, to: u32) -> Result<u32> {
    let mut log2 = from;
    while log2 < to && bits.flag()? {
        log2 += 1;
    }
    Ok(log2)
}

/// How many tiles there are in one direction, each with its length, and the longest.
fn listed(bits: &mut Bits<'_>, blocks: u32, length_max: u32) -> Result<(u32, u32)> {
    let (mut start, mut count, mut longest) = (0, 0, 1);
    while start < blocks {
        let length = below(bits, (blocks - start).min(length_max))? + 1;
        longest = longest.max(length);
        start += length;
        count += 1;
    }
    Ok((count, longest))
}

/// How often `size` has to be doubled to reach `target`.
fn log2_for(size: u32, target: u32) -> u32 {
    (0..).find(|log2| u64::from(size) << log2 >= u64::from(target)).unwrap_or(0)
}

/// A number below `count` (section 4.10.7, `ns`).
pub(super) fn below(bits: &mut Bits<'_>, count: u32) -> Result<u32> {
    let width = u32::BITS - count.leading_zeros();
    let short = (1 << width) - count;
    let value = bits.take(width.saturating_sub(1))?;
    if value < short { Ok(value) } else { Ok((value << 1) - short + bits.take(1)?) }
}

/// The number that the lowest `width` bits are as two's complement.
pub(super) fn signed(value: u32, width: u32) -> i32 {
    let unused = u32::BITS - width;
    (value << unused).cast_signed() >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], width: u32, height: u32) -> Result<Tiling> {
        Tiling::parse(&mut Bits::new(bytes), false, width, height)
    }

    #[test]
    fn tiles_lie_one_after_the_other() {
        // Evenly, two columns, one row; the first tile; sizes of two bytes.
        let tiling = parse(&[0b1100_0010], 1920, 1080).unwrap();
        assert_eq!((tiling.columns, tiling.rows, tiling.size_bytes), (2, 1, 2));
        let group = [0, 2, 0, 7, 7, 7, 8, 8];
        assert_eq!(tiling.find(&group).unwrap(), (vec![3..6, 6..8], true));
        // One of the two alone, each way.
        assert_eq!(tiling.find(&[0b1000_0000, 7, 7]).unwrap(), (vec![1..3; 1], false));
        assert_eq!(tiling.find(&[0b1110_0000, 7, 7]).unwrap(), (vec![1..3; 1], true));
        for bad in [&[][..], &[0], &[0, 2], &[0, 2, 0, 7, 7], &[0b1100_0000, 7], &[0, 0xff, 0xff, 7]] {
            assert!(tiling.find(bad).is_err(), "{bad:?}");
        }
        let whole = parse(&[0b1000_0000], 320, 180).unwrap();
        assert_eq!(whole.find(&[1, 2, 3]).unwrap(), (vec![0..3; 1], true));
    }

    #[test]
    fn a_picture_that_is_too_wide_for_one_tile_has_more() {
        // Five blocks of 64 pixels more than a tile may have, and no bit that asks for it.
        let tiling = parse(&[0b1000_0000, 0], 4416, 64).unwrap();
        assert_eq!((tiling.columns, tiling.rows), (2, 1));
        // Column by column: 3 blocks of 5, then the others; one row.
        let tiling = parse(&[0b0101_0100, 0], 320, 64).unwrap();
        assert_eq!((tiling.columns, tiling.rows), (2, 1));
    }

    #[test]
    fn a_picture_of_no_size_has_no_tiles() {
        assert!(parse(&[0; 8], 0, 180).is_err() && parse(&[0x80; 8], 320, 0).is_err() && parse(&[], 320, 180).is_err());
    }

    #[test]
    fn numbers_below_another_take_as_many_bits_as_they_need() {
        // Of five: 0, 1 and 2 in two bits, 3 and 4 in three.
        let read = |byte: u8| below(&mut Bits::new(&[byte]), 5).unwrap();
        assert_eq!([0, 0b0100_0000, 0b1000_0000, 0b1100_0000, 0b1110_0000].map(read), [0, 1, 2, 3, 4]);
        assert_eq!(below(&mut Bits::new(&[]), 1).unwrap(), 0);
        assert_eq!([signed(0b0111, 4), signed(0b1000, 4), signed(0b1_1111, 4)], [7, -8, -1]);
    }
}
