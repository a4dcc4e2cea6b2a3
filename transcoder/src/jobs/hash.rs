//! Checksums of a source whose parts went to the store itself: nobody has read a byte of it before its inspection. How far that is
//! is noted, so that a worker that stops or an engine that is away costs little of it, however large the source.

use super::{Jobs, cancelled, source::StoredSource};
use crate::child::SourceReader;
use marquee_backends::{
    db::direct::{Read, Unread},
    dispatch::Work,
};
use marquee_core::{
    Error, Result,
    id::UploadId,
    job::Failure,
    object::Key,
    sha256,
    sums::{self, BLOCK_BYTES, Sums},
};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Readings of a source that is not what its sender stated: it may have been the line.
const READINGS_MAX: u32 = 2;
/// Bytes between two notes.
const NOTE_EVERY_BYTES: u64 = 8 * BLOCK_BYTES;

impl Jobs {
    /// Reads the source `key` whole and stores its checksums, if nobody has done so.
    pub(super) async fn hash(&self, work: &Work, upload: UploadId, key: &Key, size_bytes: u64) -> Result<(), Failure> {
        let Some(Unread { stated_sha256, mut read }) = self.deps.db.unread_source(upload).await? else { return Ok(()) };
        for _ in 0..READINGS_MAX {
            let source = StoredSource::new(Arc::clone(&self.deps.blobs), key.clone(), size_bytes, Sums::default());
            let reading = self.read(upload, &source, Reading::from(read.take())?, |part| work.progress(part));
            let reading = work.cancelled().run_until_cancelled(reading).await.ok_or_else(cancelled)??;
            let sha256 = reading.hash.finish();
            if stated_sha256.as_ref().is_none_or(|stated| stated[..] == sha256) {
                let finished = self.deps.db.finish_reading(upload, reading.noted_bytes, &sha256, reading.sums.whole()).await?;
                return if finished { Ok(()) } else { Err(taken_over().into()) };
            }
            self.deps.db.forget_reading(upload).await?;
        }
        let message = "the film that arrived does not have the SHA-256 that was stated for it: upload it again";
        Err(Failure::Fail { code: "checksum_mismatch".into(), message: message.into() })
    }

    /// Reads a source to its end, noting now and then how far it came.
    async fn read(
        &self,
        upload: UploadId,
        source: &StoredSource,
        mut reading: Reading,
        progress: impl Fn(f32),
    ) -> Result<Reading> {
        while reading.sums.offset_bytes() < source.size_bytes() {
            let block = source.read_at(reading.sums.offset_bytes(), BLOCK_BYTES as u32).await?;
            let taking = spawn_blocking(move || {
                reading.hash.update(&block);
                reading.sums.update(&block);
                reading
            });
            reading = taking.await.map_err(Error::internal)?;
            let bytes = reading.sums.offset_bytes();
            progress(bytes as f32 / source.size_bytes() as f32);
            if bytes - reading.noted_bytes >= NOTE_EVERY_BYTES && bytes < source.size_bytes() {
                self.note(upload, &mut reading).await?;
            }
        }
        reading.sums.end();
        Ok(reading)
    }

    async fn note(&self, upload: UploadId, reading: &mut Reading) -> Result<()> {
        let read = Read { bytes: reading.sums.offset_bytes(), hash_state: reading.hash.state() };
        if !self.deps.db.keep_reading(upload, reading.noted_bytes, &read, reading.sums.whole()).await? {
            return Err(taken_over());
        }
        reading.sums.forget();
        reading.noted_bytes = read.bytes;
        Ok(())
    }
}

fn taken_over() -> Error {
    Error::conflict("taken_over", "another worker reads this source too")
}

/// A reading under way.
struct Reading {
    hash: sha256::Running,
    sums: sums::Running,
    /// How far the last note of it says that it is.
    noted_bytes: u64,
}

impl Reading {
    /// Goes on from the last note, if there is one.
    fn from(read: Option<Read>) -> Result<Self> {
        let (noted_bytes, hash) = match read {
            Some(read) => (read.bytes, sha256::Running::restore(&read.hash_state)?),
            None => (0, sha256::Running::default()),
        };
        Ok(Self { hash, sums: sums::Running::resume(noted_bytes, None), noted_bytes })
    }
}
