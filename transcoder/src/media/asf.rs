//! How long a film is by the header of its ASF file (Advanced Systems Format, revision 01.20.05, sections 3.1 and 3.2).

use std::io::{self, Read, Seek, SeekFrom};

/// Kinds of objects, as they are written.
const HEADER: [u8; 16] = *b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const FILE_PROPERTIES: [u8; 16] = *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
/// Objects of a header that are looked at: this one comes early.
const OBJECTS_MAX: usize = 64;
/// Bytes of the header before its first object, and of each object before what it holds.
const HEADER_BYTES: u64 = 30;
const OBJECT_BYTES: u64 = 24;

/// Seconds from the first to the end of the last picture or sound, as the header states them; `None` if it does not.
///
/// # Errors
/// The file cannot be read.
pub(super) fn seconds(file: &mut (impl Read + Seek)) -> io::Result<Option<f64>> {
    let mut kind = [0; 16];
    file.seek(SeekFrom::Start(0))?;
    if !is_read(file, &mut kind)? || kind != HEADER {
        return Ok(None);
    }
    let mut offset = HEADER_BYTES;
    for _ in 0..OBJECTS_MAX {
        let mut size_bytes = [0; 8];
        file.seek(SeekFrom::Start(offset))?;
        if !is_read(file, &mut kind)? || !is_read(file, &mut size_bytes)? {
            return Ok(None);
        }
        if kind == FILE_PROPERTIES {
            let mut properties = [0; 68];
            return Ok(if is_read(file, &mut properties)? { of_properties(&properties) } else { None });
        }
        offset = offset.saturating_add(u64::from_le_bytes(size_bytes).max(OBJECT_BYTES));
    }
    Ok(None)
}

/// After an identity and the sizes and dates of 40 bytes come play and send duration in units of 100 ns, preroll in ms, and flags,
/// whose lowest says that all of this is not known yet.
fn of_properties(properties: &[u8; 68]) -> Option<f64> {
    let number = |at: usize| properties.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let is_broadcast = properties[64] & 1 != 0;
    let seconds = number(40)? as f64 / 1e7 - number(56)? as f64 / 1e3;
    (!is_broadcast && seconds > 0.0).then_some(seconds)
}

/// Whether the file held as much.
fn is_read(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn told(flags: u8, play: u64, preroll_ms: u64) -> Option<f64> {
        let mut file = HEADER.to_vec();
        file.extend([0; 14]);
        // Something else comes first.
        file.extend([7; 16]);
        file.extend(26_u64.to_le_bytes());
        file.extend([0; 2]);
        file.extend(FILE_PROPERTIES);
        file.extend(104_u64.to_le_bytes());
        file.extend([0; 40]);
        [play, play, preroll_ms].iter().for_each(|number| file.extend(number.to_le_bytes()));
        file.extend([flags, 0, 0, 0]);
        for length in 0..file.len() {
            assert_eq!(seconds(&mut Cursor::new(&file[..length])).expect("read"), None, "{length} bytes");
        }
        seconds(&mut Cursor::new(file)).expect("read")
    }

    #[test]
    fn a_header_states_how_long_its_film_is() {
        assert_eq!(told(2, 231_000_000, 3100), Some(20.0));
        assert_eq!((told(3, 231_000_000, 3100), told(2, 10_000, 3100)), (None, None));
        assert_eq!(seconds(&mut Cursor::new(b"RIFF and so on, which is no such file")).expect("read"), None);
    }
}
