//! A source in the object store, read by offset for a child: in large blocks, the next one fetched while one is used, where reading goes
//! on and does not only look in here and there. Each is compared with the checksum that was made of it when it was received.

#[cfg(test)]
mod tests;

use crate::child::SourceReader;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, Object},
    object::Key,
    sums::{BLOCK_BYTES, Sums},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// Fetches of a block that does not arrive as it should: it may have been the line.
const FETCHES_MAX: u32 = 3;
/// Blocks that are kept: a file whose sound lies far from its picture is read in several places at once.
const BLOCKS_MAX: usize = 8;
/// Bytes of a block after which the next one is fetched.
const AHEAD_FROM_BYTES: u64 = BLOCK_BYTES / 4 * 3;

type Block = Arc<OnceCell<Bytes>>;

/// Reads one object. Clones share blocks.
#[derive(Clone)]
pub(crate) struct StoredSource {
    blobs: Arc<dyn Blobs>,
    key: Key,
    size_bytes: u64,
    sums: Arc<Sums>,
    /// Newest last.
    blocks: Arc<Mutex<VecDeque<(u64, Block)>>>,
}

impl StoredSource {
    pub(crate) fn new(blobs: Arc<dyn Blobs>, key: Key, size_bytes: u64, sums: Sums) -> Self {
        Self { blobs, key, size_bytes, sums: Arc::new(sums), blocks: Arc::default() }
    }

    /// The block with that index, perhaps not fetched yet, and whether it is new here.
    fn block(&self, index: u64) -> (Block, bool) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, is_new) = match blocks.iter().position(|(kept, _)| *kept == index).and_then(|at| blocks.remove(at)) {
            Some((_, block)) => (block, false),
            None => (Block::default(), true),
        };
        blocks.push_back((index, found.clone()));
        let surplus = blocks.len().saturating_sub(BLOCKS_MAX);
        blocks.drain(..surplus);
        (found, is_new)
    }

    /// The block with that index, as it was received.
    async fn fetch(&self, index: u64) -> Result<Bytes> {
        let start = index * BLOCK_BYTES;
        let end = (start + BLOCK_BYTES).min(self.size_bytes);
        let mut fetches = 1;
        loop {
            let fault = match self.range(start, end).await? {
                Ok(bytes) if self.sums.agree(index, &bytes) => return Ok(bytes),
                Ok(_) => damaged(format!("bytes {start}..{end} of {} do not have their checksum", self.key)),
                Err(fault) => fault,
            };
            if fetches == FETCHES_MAX {
                return Err(fault);
            }
            fetches += 1;
            tracing::warn!(source.key = %self.key, source.offset = start, error = fault.detail(), "fetching a block again");
        }
    }

    /// Bytes `start..end`. The inner error is of what may be right when it is fetched once more.
    async fn range(&self, start: u64, end: u64) -> Result<Result<Bytes>> {
        let short = || damaged(format!("{} has no bytes {start}..{end}", self.key));
        match self.blobs.read(&self.key, Some(start..end)).await {
            Ok(object) if object.meta.size_bytes < end => Ok(Err(short())),
            Ok(object) => Ok(gather(object, &self.key, end - start).await),
            Err(cause) if cause.kind() == ErrorKind::Invalid => Ok(Err(short())),
            Err(cause) => Err(cause),
        }
    }

    /// Begins to fetch the block after the one in which `offset` is asked for, if reading nears the end of that and so is likely to go on;
    /// not sooner, since every reading ends somewhere, and what it does not come to was fetched for nothing. If it fails, whoever asks
    /// for it finds out.
    fn fetch_ahead(&self, offset: u64) {
        let next = offset / BLOCK_BYTES + 1;
        if offset % BLOCK_BYTES < AHEAD_FROM_BYTES || next * BLOCK_BYTES >= self.size_bytes {
            return;
        }
        let (block, is_new) = self.block(next);
        if is_new {
            let source = self.clone();
            tokio::spawn(async move { block.get_or_try_init(|| source.fetch(next)).await.map(|_| ()) });
        }
    }
}

#[async_trait]
impl SourceReader for StoredSource {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    async fn read_at(&self, offset: u64, length: u32) -> Result<Bytes> {
        let end = offset.saturating_add(u64::from(length)).min(self.size_bytes);
        let mut pieces = BytesMut::new();
        let mut at = offset;
        while at < end {
            let index = at / BLOCK_BYTES;
            let (block, is_new) = self.block(index);
            let bytes = block.get_or_try_init(|| self.fetch(index)).await?;
            let block_start = index * BLOCK_BYTES;
            let piece_end = end.min(block_start + BLOCK_BYTES);
            let piece = bytes.slice((at - block_start) as usize..(piece_end - block_start) as usize);
            if piece_end == end && pieces.is_empty() {
                // Whoever asks for one piece of a block may only look in.
                if !is_new {
                    self.fetch_ahead(at);
                }
                return Ok(piece);
            }
            pieces.extend_from_slice(&piece);
            at = piece_end;
        }
        Ok(pieces.freeze())
    }
}

/// A whole object. Asked for as a whole, so that the store sends its checksum along, if it has one.
pub(crate) async fn read_all(blobs: &dyn Blobs, key: &Key) -> Result<Bytes> {
    let object = blobs.read(key, None).await?;
    let size_bytes = object.meta.size_bytes;
    gather(object, key, size_bytes).await
}

/// All bytes of a body that has to have `length_bytes`.
pub(super) async fn gather(object: Object, key: &Key, length_bytes: u64) -> Result<Bytes> {
    let mut body = object.body;
    let mut bytes = BytesMut::with_capacity(usize::try_from(length_bytes).map_err(Error::internal)?);
    while let Some(piece) = body.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() as u64 == length_bytes {
        Ok(bytes.freeze())
    } else {
        let detail = format!("{} of {length_bytes} bytes of {key} arrived", bytes.len());
        Err(Error::unavailable("the object store").caused_by(detail))
    }
}

/// Trying again will not help: what is stored is not what was received.
fn damaged(detail: String) -> Error {
    Error::new(ErrorKind::Internal, "damaged_source", "the stored film is not what was uploaded").caused_by(detail)
}
