//! A look at an MP4's outermost boxes (ISO/IEC 14496-12 section 4.2): do they fit into the file?

use std::io::{self, Read, Seek, SeekFrom};

/// Outermost boxes that are looked at; a film in fragments has thousands, and each look costs a read.
const BOXES_MAX: usize = 64;

/// Whether `head`, the first bytes of a file, is the beginning of an MP4 or MOV.
pub(super) fn starts_like_mp4(head: &[u8]) -> bool {
    head.get(4..8).is_some_and(|kind| matches!(kind, b"ftyp" | b"styp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip"))
}

/// Whether some outermost box claims to end behind the end of the file.
pub(super) fn overrun(file: &mut (impl Read + Seek), size_bytes: u64) -> io::Result<bool> {
    let mut offset = 0_u64;
    for _ in 0..BOXES_MAX {
        if size_bytes.saturating_sub(offset) < 8 {
            break;
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut header = [0; 16];
        let length = if size_bytes - offset < 16 { 8 } else { 16 };
        file.read_exact(&mut header[..length])?;
        let [a, b, c, d, _, _, _, _, large @ ..] = header;
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => break,
            1 => u64::from_be_bytes(large),
            size => u64::from(size),
        };
        if size < 8 {
            return Ok(true);
        }
        offset = offset.saturating_add(size);
    }
    Ok(offset > size_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn boxes_that_end_behind_the_file_are_found() {
        let mut file = b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x0cmdat1234".to_vec();
        assert!(starts_like_mp4(&file) && !starts_like_mp4(b"#EXTM3U\n") && !starts_like_mp4(b"RIFF"));
        let overruns = |file: &[u8]| overrun(&mut Cursor::new(file), file.len() as u64).unwrap();
        assert!(!overruns(&file));
        file[19] = 0x0d;
        assert!(overruns(&file));
        // A 64-bit size, and one that would never end.
        assert!(overruns(b"\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"));
        assert!(overruns(b"\x00\x00\x00\x04mdat"));
        assert!(!overruns(b"\x00\x00\x00\x00mdat1234567890") && !overruns(b""));
    }
}
