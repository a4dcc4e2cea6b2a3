//! Checksums of a source whose parts went to the store itself: nobody has read a byte of it before its inspection.

use super::{Jobs, source::StoredSource};
use crate::child::SourceReader;
use marquee_backends::dispatch::Work;
use marquee_core::{
    Error, ErrorKind, Result,
    id::UploadId,
    job::Failure,
    object::Key,
    sums::{BLOCK_BYTES, Run, Running, Sums},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Readings of a source that is not what its sender stated: it may have been the line.
const READINGS_MAX: u32 = 2;

impl Jobs {
    /// Reads the source `key` whole and stores its checksums, if nobody has done so.
    pub(super) async fn hash(&self, work: &Work, upload: UploadId, key: &Key, size_bytes: u64) -> Result<(), Failure> {
        let Some(unread) = self.deps.db.unread_source(upload).await? else { return Ok(()) };
        for _ in 0..READINGS_MAX {
            let source = StoredSource::new(Arc::clone(&self.deps.blobs), key.clone(), size_bytes, Sums::default());
            let reading = read(&source, |part| work.progress(part));
            let cancelled = || Error::new(ErrorKind::Cancelled, "cancelled", "the work was cancelled");
            let (sha256, run) = work.cancelled().run_until_cancelled(reading).await.ok_or_else(cancelled)??;
            if unread.stated_sha256.as_ref().is_none_or(|stated| stated[..] == sha256) {
                return Ok(self.deps.db.store_sums(upload, &sha256, &run).await?);
            }
        }
        let message = "the film that arrived does not have the SHA-256 that was stated for it: upload it again";
        Err(Failure::Fail { code: "checksum_mismatch".into(), message: message.into() })
    }
}

/// SHA-256 of a source, and the sums of its blocks.
async fn read(source: &StoredSource, progress: impl Fn(f32)) -> Result<([u8; 32], Run)> {
    let (mut hash, mut sums) = (Sha256::new(), Running::resume(0, None));
    while sums.offset_bytes() < source.size_bytes() {
        let block = source.read_at(sums.offset_bytes(), BLOCK_BYTES as u32).await?;
        let summing = spawn_blocking(move || {
            hash.update(&block);
            sums.update(&block);
            (hash, sums)
        });
        (hash, sums) = summing.await.map_err(Error::internal)?;
        progress(sums.offset_bytes() as f32 / source.size_bytes() as f32);
    }
    sums.end();
    Ok((hash.finalize().into(), sums.whole().clone()))
}
