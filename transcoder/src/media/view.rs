//! A source as a demuxer sees it: perhaps with a part that is passed over.

use crate::child::RemoteSource;
use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

/// Bytes of the header of a box whose size has 64 bits (ISO/IEC 14496-12 section 4.2).
const HEADER_BYTES: u64 = 16;

/// See the module. Everything stays where it lies in the file.
pub(super) struct View<S = RemoteSource> {
    source: S,
    position: u64,
    /// The header that covers a part, and where it is.
    cover: Option<(u64, [u8; HEADER_BYTES as usize])>,
}

impl<S: Seek> View<S> {
    /// A view of `source`, an MP4 in which the boxes in `hidden` look like one free box (ISO/IEC 14496-12 section 8.1.2), if there is room
    /// for one.
    pub(super) fn new(mut source: S, hidden: Range<u64>) -> io::Result<Self> {
        let position = source.seek(SeekFrom::Start(0))?;
        let length = hidden.end.saturating_sub(hidden.start);
        let mut header = *b"\0\0\0\x01free\0\0\0\0\0\0\0\0";
        header[8..].copy_from_slice(&length.to_be_bytes());
        Ok(Self { source, position, cover: (length >= HEADER_BYTES).then_some((hidden.start, header)) })
    }
}

impl<S: Read + Seek> Read for View<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wanted = buffer.len();
        if let Some((start, header)) = &self.cover {
            let within = self.position.checked_sub(*start).and_then(|within| usize::try_from(within).ok());
            if let Some(rest) = within.and_then(|within| header.get(within..)).filter(|rest| !rest.is_empty()) {
                let count = rest.len().min(wanted);
                buffer[..count].copy_from_slice(&rest[..count]);
                self.seek(SeekFrom::Current(count as i64))?;
                return Ok(count);
            }
            if self.position < *start {
                wanted = wanted.min(usize::try_from(start - self.position).unwrap_or(usize::MAX));
            }
        }
        let count = self.source.read(&mut buffer[..wanted])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl<S: Seek> Seek for View<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.source.seek(to)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn seen(hidden: Range<u64>, from: u64) -> Vec<u8> {
        let mut view = View::new(Cursor::new((0..40).collect::<Vec<u8>>()), hidden).unwrap();
        view.seek(SeekFrom::Start(from)).unwrap();
        let mut bytes = Vec::new();
        view.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_part_looks_like_a_free_box() {
        let free = b"\0\0\0\x01free\0\0\0\0\0\0\0\x14";
        let expected: Vec<u8> = (0..10).chain(free.iter().copied()).chain(26..40).collect();
        assert_eq!(seen(10..30, 0), expected);
        assert_eq!(seen(10..30, 13), expected[13..]);
        assert_eq!(seen(10..30, 27), expected[27..]);
        assert_eq!(seen(10..20, 0), (0..40).collect::<Vec<u8>>(), "no room for a box");
    }
}
