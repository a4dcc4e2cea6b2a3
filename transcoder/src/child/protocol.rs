//! Frames on the socket between host and child: `[u32 header length][u32 payload length][JSON header][payload]`, lengths
//! little-endian, both bounded so that neither side can make the other allocate without limit.

use super::{Image, Limits, Report, Task};
use bytes::Bytes;
use marquee_core::{plan::Measure, quality::Judged, source::Source};
use marquee_packager::model;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io;

/// Longest JSON header from the host: a plan of a twelve-hour title is about 200 kB.
const HEADER_BYTES_MAX: u32 = 8 << 20;
/// Longest JSON header from a child, which may be taken over by what it reads: the largest source, with a
/// keyframe every two seconds of twelve hours, is less than half of it.
const MESSAGE_BYTES_MAX: u32 = 1 << 20;
/// Longest payload: a segment of 6 s at 80 Mb/s.
const PAYLOAD_BYTES_MAX: u32 = 64 << 20;
/// Longest piece of the source in one answer.
pub(super) const READ_BYTES_MAX: u32 = 4 << 20;
/// Bytes before the header.
const PREFIX_BYTES: usize = 8;

/// What the host says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// The first frame: what to do.
    Run { task: Box<Task>, size_bytes: u64, limits: Limits },
    /// The payload answers the oldest unanswered [`Message::Read`].
    Data,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// Wants bytes of the source.
    Read { offset: u64, length: u32 },
    /// See [`super::Output::Source`].
    Source(Box<Source>),
    /// See [`super::Output::Measures`].
    Measures(Vec<Measure>),
    /// See [`super::Output::Fingerprints`]; the payload is JSON.
    Fingerprints,
    /// See [`super::Output::Init`]; the payload is the object.
    Init { folder: String, rendition: model::Rendition },
    /// See [`super::Output::Segment`]; the payload is the object.
    Segment { folder: String, rendition: String, segment: model::Segment, judged: Vec<Judged> },
    /// See [`super::Output::Image`]; the payload is the object.
    Image { image: Image },
    /// See [`super::Output::Progress`].
    Progress(f32),
    /// The last frame of a success.
    Done(Report),
    /// The last frame where the input is at fault.
    Failed { code: String, message: String },
    /// The last frame where something of ours is at fault.
    Broken { detail: String },
}

/// A header and its payload, ready for the socket except for the payload.
pub(super) fn prefix<H: Serialize>(header: &H, payload: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; PREFIX_BYTES];
    serde_json::to_writer(&mut bytes, header)?;
    let header_length = bounded(bytes.len() - PREFIX_BYTES, HEADER_BYTES_MAX)?;
    let payload_length = bounded(payload.len(), PAYLOAD_BYTES_MAX)?;
    bytes[..4].copy_from_slice(&header_length.to_le_bytes());
    bytes[4..PREFIX_BYTES].copy_from_slice(&payload_length.to_le_bytes());
    Ok(bytes)
}

/// Reads one frame, blocking: the child's side.
pub(super) fn read<H: DeserializeOwned>(mut socket: impl io::Read) -> io::Result<(H, Bytes)> {
    let mut prefix = [0; PREFIX_BYTES];
    socket.read_exact(&mut prefix)?;
    let (header_length, payload_length) = lengths(prefix, HEADER_BYTES_MAX)?;
    let mut header = vec![0; header_length];
    socket.read_exact(&mut header)?;
    let mut payload = vec![0; payload_length];
    socket.read_exact(&mut payload)?;
    Ok((serde_json::from_slice(&header)?, payload.into()))
}

/// Reads one frame, on the runtime: the host's side.
pub(super) async fn receive<H, R>(socket: &mut R) -> io::Result<(H, Bytes)>
where
    H: DeserializeOwned,
    R: tokio::io::AsyncRead + Unpin,
{
    use tokio::io::AsyncReadExt;
    let mut prefix = [0; PREFIX_BYTES];
    socket.read_exact(&mut prefix).await?;
    let (header_length, payload_length) = lengths(prefix, MESSAGE_BYTES_MAX)?;
    let mut header = vec![0; header_length];
    socket.read_exact(&mut header).await?;
    let mut payload = vec![0; payload_length];
    socket.read_exact(&mut payload).await?;
    Ok((serde_json::from_slice(&header)?, payload.into()))
}

fn lengths(prefix: [u8; PREFIX_BYTES], header_max: u32) -> io::Result<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let header = u32::from_le_bytes([a, b, c, d]);
    let payload = u32::from_le_bytes([e, f, g, h]);
    if header > header_max || payload > PAYLOAD_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is longer than allowed"));
    }
    Ok((header as usize, payload as usize))
}

fn bounded(length: usize, max: u32) -> io::Result<u32> {
    u32::try_from(length)
        .ok()
        .filter(|length| *length <= max)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("a frame of {length} bytes is longer than allowed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_back_as_they_were_sent_and_long_ones_are_refused() {
        let payload = vec![7; 3000];
        let mut wire = prefix(&Message::Read { offset: 1 << 40, length: 9 }, &payload).unwrap();
        wire.extend_from_slice(&payload);
        let (message, bytes): (Message, Bytes) = read(wire.as_slice()).unwrap();
        assert!(matches!(message, Message::Read { offset: 0x100_0000_0000, length: 9 }));
        assert_eq!(bytes, payload);
        let (message, bytes): (Message, Bytes) = receive(&mut wire.as_slice()).await.unwrap();
        assert!(matches!(message, Message::Read { length: 9, .. }));
        assert_eq!(bytes.len(), 3000);

        wire[..4].copy_from_slice(&(MESSAGE_BYTES_MAX + 1).to_le_bytes());
        let error = receive::<Message, _>(&mut wire.as_slice()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "nothing of it is read, and no memory made for it");
        wire[..4].copy_from_slice(&(HEADER_BYTES_MAX + 1).to_le_bytes());
        assert_eq!(read::<Message>(wire.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(bounded(PAYLOAD_BYTES_MAX as usize + 1, PAYLOAD_BYTES_MAX).is_err());
    }
}
