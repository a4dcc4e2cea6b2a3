//! The child's end of the socket: outputs go out from any thread, bytes of the source come in on one.

use super::{
    Output, Report,
    protocol::{self, Message, Order, READ_BYTES_MAX},
};
use bytes::Bytes;
use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    os::{
        fd::{FromRawFd, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The descriptor that the host leaves its socket at.
pub(super) const DESCRIPTOR: RawFd = 3;
/// Bytes of the source that are asked for at a time.
const BLOCK_BYTES: u32 = 256 << 10;
/// Blocks that are kept: enough for sound and picture that lie far apart in a file.
const BLOCKS_MAX: usize = 32;

/// Hands messages to the host; any thread may.
#[derive(Clone)]
pub(crate) struct Link {
    socket: Arc<Socket>,
}

/// One stream that is read on one thread and written to by many.
struct Socket {
    stream: UnixStream,
    writing: Mutex<()>,
}

impl Link {
    /// Hands one output to the host, waiting while the host is busy.
    ///
    /// # Errors
    /// The host is gone.
    pub(crate) fn output(&self, output: Output) -> io::Result<()> {
        match output {
            Output::Source(source) => self.send(&Message::Source(source), &[]),
            Output::Measures(measures) => self.send(&Message::Measures(measures), &[]),
            Output::Fingerprints(prints) => {
                // Too long for a header where a film is long.
                self.send(&Message::Fingerprints, &serde_json::to_vec(&prints)?)
            }
            Output::Init { track, rendition, bytes } => {
                self.send(&Message::Init { folder: track.folder().to_owned(), rendition }, &bytes)
            }
            Output::Segment { track, rendition, segment, bytes, judged } => {
                self.send(&Message::Segment { folder: track.folder().to_owned(), rendition, segment, judged }, &bytes)
            }
            Output::Image { image, bytes } => self.send(&Message::Image { image }, &bytes),
            Output::Progress(done) => self.send(&Message::Progress(done), &[]),
        }
    }

    /// Says that the task succeeded; nothing follows.
    pub(crate) fn done(&self, report: Report) -> io::Result<()> {
        self.send(&Message::Done(report), &[])
    }

    /// Says that the input is at fault; nothing follows.
    pub(crate) fn failed(&self, code: &str, message: &str) -> io::Result<()> {
        self.send(&Message::Failed { code: code.to_owned(), message: message.to_owned() }, &[])
    }

    /// Says that something of ours is at fault; nothing follows.
    pub(crate) fn broken(&self, detail: &str) -> io::Result<()> {
        self.send(&Message::Broken { detail: detail.to_owned() }, &[])
    }

    fn send(&self, message: &Message, payload: &[u8]) -> io::Result<()> {
        let head = protocol::prefix(message, payload)?;
        // A poisoned lock means that a sender panicked half-way; the host then sees a bad frame and ends us.
        let _writing = self.socket.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stream = &self.socket.stream;
        stream.write_all(&head)?;
        stream.write_all(payload)
    }
}

/// The source at the other end of the socket, as a seekable file that reads ahead. A clone is another such file, at the same place.
#[derive(Clone)]
pub(crate) struct RemoteSource {
    size_bytes: u64,
    position: u64,
    blocks: Arc<Mutex<Blocks>>,
    /// Set once the socket has failed.
    lost: Arc<AtomicBool>,
}

/// What arrived of the source.
struct Blocks {
    link: Link,
    size_bytes: u64,
    /// Most recently used last.
    held: Vec<(u64, Bytes)>,
    /// The block that was asked for and has not arrived.
    ahead: Option<u64>,
}

/// Takes the socket that the host left, confines this process, and returns what to do.
pub(super) fn connect() -> io::Result<(Link, RemoteSource, super::Task)> {
    // SAFETY: the host left a connected socket at this descriptor for us alone; nothing else in this process owns it.
    #[expect(unsafe_code, reason = "adopting an inherited descriptor has no safe form")]
    let stream = UnixStream::from(unsafe { OwnedFd::from_raw_fd(DESCRIPTOR) });
    let (order, _) = protocol::read::<Order>(&stream)?;
    let Order::Run { task, size_bytes, limits } = order else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the host did not say what to do"));
    };
    let link = Link { socket: Arc::new(Socket { stream, writing: Mutex::new(()) }) };
    if let Err(error) = super::confine(&limits) {
        link.broken(&format!("the sandbox cannot be set up: {error}"))?;
        return Err(error);
    }
    let blocks = Blocks { link: link.clone(), size_bytes, held: Vec::new(), ahead: None };
    let source = RemoteSource { size_bytes, position: 0, blocks: Arc::new(Mutex::new(blocks)), lost: Arc::default() };
    Ok((link, source, *task))
}

impl RemoteSource {
    /// Bytes of the whole source.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Becomes true once the socket has failed: libav reports that no differently than a damaged file.
    pub(crate) fn lost(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.lost)
    }
}

impl Blocks {
    /// The block with number `number`, from memory or from the host. The next one is asked for before it is needed.
    fn get(&mut self, number: u64) -> io::Result<Bytes> {
        if let Some(place) = self.held.iter().position(|(held, _)| *held == number) {
            let block = self.held.remove(place);
            self.held.push(block);
        } else {
            if self.ahead != Some(number) {
                self.arrive()?;
                self.ask(number)?;
            }
            self.arrive()?;
        }
        let bytes = self.held.last().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        let next = number + 1;
        let sequential = number == 0 || self.held.iter().any(|(held, _)| *held + 1 == number);
        let wanted = next * u64::from(BLOCK_BYTES) < self.size_bytes && self.held.iter().all(|(held, _)| *held != next);
        if sequential && wanted && self.ahead.is_none() {
            self.ask(next)?;
        }
        Ok(bytes)
    }

    fn ask(&mut self, number: u64) -> io::Result<()> {
        const { assert!(BLOCK_BYTES <= READ_BYTES_MAX) };
        let offset = number * u64::from(BLOCK_BYTES);
        let length = u32::try_from(self.size_bytes - offset).unwrap_or(u32::MAX).min(BLOCK_BYTES);
        self.link.send(&Message::Read { offset, length }, &[])?;
        self.ahead = Some(number);
        Ok(())
    }

    /// Waits for the block that was asked for, if any.
    fn arrive(&mut self) -> io::Result<()> {
        let Some(number) = self.ahead.take() else { return Ok(()) };
        let (Order::Data, bytes) = protocol::read::<Order>(&self.link.socket.stream)? else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the host sent something other than data"));
        };
        if self.held.len() == BLOCKS_MAX {
            self.held.remove(0);
        }
        self.held.push((number, bytes));
        Ok(())
    }
}

impl Read for RemoteSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size_bytes || buffer.is_empty() {
            return Ok(0);
        }
        let number = self.position / u64::from(BLOCK_BYTES);
        let block = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).get(number);
        let block = block.inspect_err(|_| self.lost.store(true, Ordering::Relaxed))?;
        let within = (self.position % u64::from(BLOCK_BYTES)) as usize;
        let Some(rest) = block.get(within..).filter(|rest| !rest.is_empty()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the source is shorter than it was"));
        };
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for RemoteSource {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.size_bytes.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start"))?;
        Ok(self.position)
    }
}
