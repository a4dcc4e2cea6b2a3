//! Whether a film is encrypted, in all the ways in which containers say so.

use super::input::Input;
use ffmpeg_next::{ffi, format::stream::Stream};
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes of a transport stream that are looked at, and those of one of its packets (ISO/IEC 13818-1 section 2.4.3.2).
const LOOK_BYTES: usize = 1 << 20;
const PACKET_BYTES: usize = 188;
const SYNC: u8 = 0x47;
/// Packets in a row that begin where they should, so that it is a transport stream.
const IN_ROW: usize = 5;
/// Identifiers below are those of tables, which are never scrambled.
const FIRST_STREAM: u16 = 0x20;
/// One of so many packets that is scrambled tells that the film is.
const ONE_OF: usize = 10;

/// Whether the container says that a stream is encrypted: by its sample entry's type or a key's description (MP4), by the identity of a
/// key (Matroska), or for the film as a whole (ASF).
pub(super) fn is_encrypted(input: &Input, stream: &Stream<'_>) -> bool {
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INIT_INFO;
    // SAFETY: the stream is alive; libav only looks through its side data.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for these fields")]
    let (tag, info) = unsafe {
        let raw = stream.as_ptr();
        ((*(*raw).codecpar).codec_tag, ffi::av_stream_get_side_data(raw, kind, std::ptr::null_mut()))
    };
    let tag = tag.to_le_bytes();
    !info.is_null()
        || matches!(&tag, b"encv" | b"enca" | b"drmi" | b"drms")
        || stream.metadata().get("enc_key_id").is_some()
        || input.context().metadata().get("ASF_Protection_Type").is_some()
}

/// Whether `file` is a transport stream whose pictures or sound are scrambled: libav passes over what is.
///
/// # Errors
/// It cannot be read.
pub(super) fn is_scrambled(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut head = Vec::with_capacity(LOOK_BYTES);
    file.seek(SeekFrom::Start(0))?;
    file.take(LOOK_BYTES as u64).read_to_end(&mut head)?;
    let begins = |at: &usize| (0..IN_ROW).all(|number| head.get(at + number * PACKET_BYTES) == Some(&SYNC));
    let Some(first) = (0..PACKET_BYTES).find(begins) else { return Ok(false) };
    let (mut packets, mut scrambled) = (0, 0);
    for packet in head[first..].chunks_exact(PACKET_BYTES) {
        let [SYNC, high, low, control, ..] = packet else { continue };
        let (identifier, has_payload) = (u16::from_be_bytes([high & 0x1f, *low]), control & 0x10 != 0);
        if has_payload && identifier >= FIRST_STREAM {
            packets += 1;
            scrambled += usize::from(control & 0xc0 != 0);
        }
    }
    Ok(scrambled > 0 && scrambled * ONE_OF >= packets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn stream(control: u8, before: usize) -> Vec<u8> {
        let packet = |identifier: u8, control: u8| {
            let mut packet = vec![0xff; PACKET_BYTES];
            packet[..4].copy_from_slice(&[SYNC, 0, identifier, control]);
            packet
        };
        let mut stream = vec![0; before];
        (0..10).for_each(|_| stream.extend([packet(0, 0x10), packet(0x80, control), packet(0x81, 0x10)].concat()));
        stream
    }

    #[test]
    fn a_stream_is_scrambled_if_its_packets_say_so() {
        let told = |bytes: Vec<u8>| is_scrambled(&mut Cursor::new(bytes)).expect("read");
        assert!(told(stream(0x90, 0)) && told(stream(0xd5, 100)));
        assert!(!told(stream(0x10, 0)) && !told(vec![SYNC; 3]) && !told(Vec::new()) && !told(vec![0; 5000]));
    }
}
