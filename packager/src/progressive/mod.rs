//! One ordinary MP4 file of a picture and a sound track (ISO/IEC 14496-12), its index at the front, made of stored segments: their
//! samples stay as they are, and are read only when somebody reads the file.

mod index;
#[cfg(test)]
mod tests;

use crate::{cmaf::read::Fragment, malformed};
use bytes::Bytes;
use marquee_core::{Error, Result};
use mp4_atom::{Encode, FourCC, Ftyp};
use std::ops::Range;

/// Size and kind of the `mdat` box with the size in 64 bits (ISO/IEC 14496-12 section 4.2.2).
const MDAT_HEADER_BYTES: u64 = 16;

/// A stored track: its init segment, and the fragments of its segments in order.
#[derive(Clone, Debug)]
pub struct Source {
    /// The init segment.
    pub init: Bytes,
    /// Fragments of each segment, as [`segment`](crate::cmaf::read::segment) or [`head`](crate::cmaf::read::head) give them.
    pub segments: Vec<Vec<Fragment>>,
}

/// A file that could be written: what comes first, then where its samples are.
#[derive(Clone, Debug)]
pub struct Progressive {
    /// Everything before the samples.
    pub head: Bytes,
    /// Samples, in the file's order.
    pub pieces: Vec<Piece>,
}

/// Bytes of a stored segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Position among the sources.
    pub source: usize,
    /// Position of the segment in its source.
    pub segment: usize,
    /// Its bytes.
    pub range: Range<u64>,
}

impl Piece {
    fn size_bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

impl Progressive {
    /// The file of `sources`. What is shown together lies together: their segments take turns.
    ///
    /// # Errors
    /// `malformed_media` for init segments or fragments that are not those of such tracks.
    pub fn of(sources: &[Source]) -> Result<Self> {
        let pieces = pieces(sources)?;
        // Where samples begin depends on how long the index is, and its length does not depend on where.
        let length = index::movie(sources, &pieces, 0)?.len() as u64;
        let mut head = Vec::new();
        let brands = [*b"isom", *b"iso6", *b"mp41"].map(FourCC::from).to_vec();
        Ftyp { major_brand: b"isom".into(), minor_version: 0, compatible_brands: brands }
            .encode(&mut head)
            .map_err(Error::internal)?;
        let data_offset = head.len() as u64 + length + MDAT_HEADER_BYTES;
        head.extend(index::movie(sources, &pieces, data_offset)?);
        let samples_bytes: u64 = pieces.iter().map(Piece::size_bytes).sum();
        head.extend(1_u32.to_be_bytes());
        head.extend(b"mdat");
        head.extend((MDAT_HEADER_BYTES + samples_bytes).to_be_bytes());
        Ok(Self { head: head.into(), pieces })
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.head.len() as u64 + self.pieces.iter().map(Piece::size_bytes).sum::<u64>()
    }

    /// What a reader of `range` of the file gets: some of the head, then pieces, the first and the last cut.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> (Bytes, Vec<Piece>) {
        let head_bytes = self.head.len() as u64;
        let of_head = |at: u64| usize::try_from(at.min(head_bytes)).unwrap_or(self.head.len());
        let head = self.head.slice(of_head(range.start)..of_head(range.end.max(range.start)));
        let mut at = head_bytes;
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            let (begin, end) = (at.max(range.start), (at + piece.size_bytes()).min(range.end));
            if begin < end {
                let range = piece.range.start + (begin - at)..piece.range.start + (end - at);
                pieces.push(Piece { range, ..*piece });
            }
            at += piece.size_bytes();
        }
        (head, pieces)
    }
}

/// A piece for each fragment: segments of all sources in turn.
fn pieces(sources: &[Source]) -> Result<Vec<Piece>> {
    let segments = sources.iter().map(|source| source.segments.len()).max().unwrap_or(0);
    let mut pieces = Vec::new();
    for segment in 0..segments {
        for (place, source) in sources.iter().enumerate() {
            for fragment in source.segments.get(segment).into_iter().flatten() {
                pieces.push(Piece { source: place, segment, range: data(fragment)? });
            }
        }
    }
    Ok(pieces)
}

/// Where a fragment's samples are, which have to follow one another.
fn data(fragment: &Fragment) -> Result<Range<u64>> {
    let start = fragment.samples.first().map_or(0, |sample| sample.offset_bytes);
    let mut end = start;
    for sample in &fragment.samples {
        if sample.offset_bytes != end {
            return Err(malformed("samples of a fragment do not follow one another"));
        }
        end += u64::from(sample.size_bytes);
    }
    Ok(start..end)
}
