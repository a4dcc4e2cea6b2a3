//! A look at an MP4's outermost boxes (ISO/IEC 14496-12 section 4.2): do they fit into the file, and is it in fragments?

use std::io::{self, Read, Seek, SeekFrom};

/// Outermost boxes that are looked at; a film in fragments has thousands, and each look costs a read.
const BOXES_MAX: usize = 64;

/// Whether `head`, the first bytes of a file, is the beginning of an MP4 or MOV.
pub(super) fn starts_like_mp4(head: &[u8]) -> bool {
    head.get(4..8).is_some_and(|kind| matches!(kind, b"ftyp" | b"styp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip"))
}

/// What the outermost boxes tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Boxes {
    /// Some box claims to end behind the end of the file.
    pub(super) overrun: bool,
    /// There are movie fragments, or may be: the index does not list what is in them.
    pub(super) fragmented: bool,
    /// Where the first box ends up to which there are a description of the film and media of it.
    pub(super) head_end: Option<u64>,
}

/// Looks at the first boxes of `file`; if `briefly`, at no more of a film in fragments than where its first media end.
pub(super) fn look(file: &mut (impl Read + Seek), size_bytes: u64, briefly: bool) -> io::Result<Boxes> {
    let mut boxes = Boxes::default();
    let (mut offset, mut looks) = (0_u64, 0);
    let (mut is_described, mut has_media) = (false, false);
    while size_bytes.saturating_sub(offset) >= 8 && !(briefly && boxes.fragmented && boxes.head_end.is_some()) {
        looks += 1;
        if looks > BOXES_MAX {
            return Ok(Boxes { fragmented: true, ..boxes });
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut header = [0; 16];
        let length = if size_bytes - offset < 16 { 8 } else { 16 };
        file.read_exact(&mut header[..length])?;
        let [a, b, c, d, e, f, g, h, large @ ..] = header;
        boxes.fragmented |= matches!(&[e, f, g, h], b"moof" | b"sidx" | b"styp");
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => return Ok(boxes),
            1 => u64::from_be_bytes(large),
            size => u64::from(size),
        };
        if size < 8 {
            return Ok(Boxes { overrun: true, ..boxes });
        }
        offset = offset.saturating_add(size);
        is_described |= &[e, f, g, h] == b"moov";
        has_media |= &[e, f, g, h] == b"mdat";
        if is_described && has_media && offset <= size_bytes {
            boxes.head_end.get_or_insert(offset);
        }
    }
    boxes.overrun = offset > size_bytes;
    Ok(boxes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn boxes_that_end_behind_the_file_are_found() {
        let mut file = b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x0cmdat1234".to_vec();
        assert!(starts_like_mp4(&file) && !starts_like_mp4(b"#EXTM3U\n") && !starts_like_mp4(b"RIFF"));
        let told = |file: &[u8]| look(&mut Cursor::new(file), file.len() as u64, false).unwrap();
        let overruns = |file: &[u8]| told(file).overrun;
        assert!(!overruns(&file));
        file[19] = 0x0d;
        assert!(overruns(&file));
        // A 64-bit size, and one that would never end.
        assert!(overruns(b"\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"));
        assert!(overruns(b"\x00\x00\x00\x04mdat"));
        assert!(!overruns(b"\x00\x00\x00\x00mdat1234567890") && !overruns(b""));
        assert!(told(b"\x00\x00\x00\x08moov\x00\x00\x00\x08moof").fragmented && !told(b"\x00\x00\x00\x08moov").fragmented);
        let free = |count: usize| b"\x00\x00\x00\x08free".repeat(count);
        assert!(!told(&free(BOXES_MAX)).fragmented && told(&free(BOXES_MAX + 1)).fragmented, "what nobody has looked at");
    }
    #[test]
    fn of_a_film_in_fragments_the_first_media_are_enough() {
        let fragments = b"\x00\x00\x00\x08moov\x00\x00\x00\x08moof\x00\x00\x00\x09mdat.\x00\x00\x00\x08moof\x00\x00\x00\x09mdat";
        let told = |briefly| look(&mut Cursor::new(fragments), fragments.len() as u64, briefly).unwrap();
        assert_eq!(told(true), Boxes { overrun: false, fragmented: true, head_end: Some(25) });
        assert_eq!(told(false), Boxes { overrun: true, fragmented: true, head_end: Some(25) });
    }
}
