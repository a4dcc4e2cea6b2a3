//! AV1: where the tiles of a sample are, all that is protected of it (AV1 Codec ISO Media File Format Binding, section 4).

mod frame;
mod quantizers;
mod tiles;
mod tools;

use super::map::Map;
use crate::{
    bits::Bits,
    cmaf::av1::{self, Sequence},
    malformed,
};
use frame::Frames;
use marquee_core::Result;
use tiles::Tiling;

/// `obu_type` of tiles whose header is another unit.
const TILE_GROUP: u8 = 4;

/// Reads the samples of a segment in order: headers of frames depend on the frames before.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    sequence: Sequence,
    frames: Frames,
}

impl Reader {
    pub(super) fn new(sequence: Sequence) -> Self {
        Self { sequence, frames: Frames::default() }
    }

    /// Maps the next sample.
    pub(super) fn map(&mut self, sample: &[u8], map: &mut Map) -> Result<()> {
        let mut tiling: Option<Tiling> = None;
        for unit in av1::units(sample) {
            let unit = unit?;
            let mut header_bytes = 0;
            match unit.kind {
                av1::SEQUENCE_HEADER => self.sequence = Sequence::parse(unit.payload)?,
                // A header that a frame has is only repeated.
                av1::FRAME_HEADER if tiling.is_none() => {
                    tiling = self.frames.header(&self.sequence, &mut Bits::new(unit.payload))?;
                }
                av1::FRAME => {
                    let mut bits = Bits::new(unit.payload);
                    tiling = self.frames.header(&self.sequence, &mut bits)?;
                    header_bytes = bits.bytes_begun();
                }
                _ => {}
            }
            if !matches!(unit.kind, av1::FRAME | TILE_GROUP) {
                map.clear(unit.whole.len());
                continue;
            }
            let (of, group) =
                tiling.as_ref().zip(unit.payload.get(header_bytes..)).ok_or_else(|| malformed("tiles have no frame"))?;
            let (tiles, is_last) = of.find(group)?;
            let mut done = 0;
            map.clear(unit.whole.len() - group.len());
            for tile in tiles {
                map.clear(tile.start - done);
                map.protect(tile.len());
                done = tile.end;
            }
            if is_last {
                tiling = None;
            }
        }
        Ok(())
    }
}
