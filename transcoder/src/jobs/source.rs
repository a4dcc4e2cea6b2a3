//! A source in the object store, read by offset for a child: in large blocks, the next one fetched while one is used.

use crate::child::SourceReader;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use marquee_core::{Error, Result, blobs::Blobs, object::Key};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// Bytes that are fetched at a time.
const BLOCK_BYTES: u64 = 2 << 20;
/// Blocks that are kept: a file whose sound lies far from its picture is read in several places at once.
const BLOCKS_MAX: usize = 8;

type Block = Arc<OnceCell<Bytes>>;

/// Reads one object. Clones share blocks.
#[derive(Clone)]
pub(crate) struct StoredSource {
    blobs: Arc<dyn Blobs>,
    key: Key,
    size_bytes: u64,
    /// Newest last.
    blocks: Arc<Mutex<VecDeque<(u64, Block)>>>,
}

impl StoredSource {
    pub(crate) fn new(blobs: Arc<dyn Blobs>, key: Key, size_bytes: u64) -> Self {
        Self { blobs, key, size_bytes, blocks: Arc::default() }
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

    async fn fetch(&self, index: u64) -> Result<Bytes> {
        let start = index * BLOCK_BYTES;
        let end = (start + BLOCK_BYTES).min(self.size_bytes);
        read_exactly(self.blobs.as_ref(), &self.key, start, end).await
    }

    /// Begins to fetch a block that is likely to be asked for. If it fails, whoever asks for it finds out.
    fn fetch_ahead(&self, index: u64) {
        if index * BLOCK_BYTES >= self.size_bytes {
            return;
        }
        let (block, is_new) = self.block(index);
        if is_new {
            let source = self.clone();
            tokio::spawn(async move { block.get_or_try_init(|| source.fetch(index)).await.map(|_| ()) });
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
            if is_new {
                self.fetch_ahead(index + 1);
            }
            let bytes = block.get_or_try_init(|| self.fetch(index)).await?;
            let block_start = index * BLOCK_BYTES;
            let piece_end = end.min(block_start + BLOCK_BYTES);
            let piece = bytes.slice((at - block_start) as usize..(piece_end - block_start) as usize);
            if piece_end == end && pieces.is_empty() {
                self.fetch_ahead(index + 1);
                return Ok(piece);
            }
            pieces.extend_from_slice(&piece);
            at = piece_end;
        }
        Ok(pieces.freeze())
    }
}

/// Bytes `start..end` of an object, all of them.
pub(crate) async fn read_exactly(blobs: &dyn Blobs, key: &Key, start: u64, end: u64) -> Result<Bytes> {
    let mut body = blobs.read(key, Some(start..end)).await?.body;
    let mut bytes = BytesMut::with_capacity((end - start) as usize);
    while let Some(piece) = body.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() as u64 == end - start {
        Ok(bytes.freeze())
    } else {
        Err(Error::unavailable("the object store").caused_by(format!("{key} is shorter than {end} bytes")))
    }
}

/// A whole object.
pub(crate) async fn read_all(blobs: &dyn Blobs, key: &Key) -> Result<Bytes> {
    let size_bytes = blobs.head(key).await?.size_bytes;
    read_exactly(blobs, key, 0, size_bytes).await
}
