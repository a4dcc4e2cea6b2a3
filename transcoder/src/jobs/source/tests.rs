use super::{FETCHES_MAX, StoredSource};
use crate::child::SourceReader;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use marquee_backends::blobs::FileBlobs;
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, ByteStream, Created, Growing, Meta, Object},
    object::Key,
    sums::{BLOCK_BYTES, Running, Sums},
};
use std::{
    collections::HashSet,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

const BLOCK: usize = BLOCK_BYTES as usize;

fn film(length: u32) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 7)) as u8).collect()
}

fn sums(film: &[u8]) -> Sums {
    let (mut running, mut sums) = (Running::resume(0, None), Sums::default());
    running.update(film);
    running.end();
    sums.add(0, &running.whole().to_bytes());
    sums
}

fn key() -> Key {
    Key::parse("sources/film").expect("a key")
}

async fn stored(bytes: Vec<u8>) -> (Arc<dyn Blobs>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = FileBlobs::open(folder.path()).await.expect("a store");
    blobs.create(&key(), bytes.into()).await.expect("stored");
    (Arc::new(blobs), folder)
}

#[tokio::test]
async fn the_same_bytes_are_read_wherever_blocks_end() {
    let bytes = film(5_000_000);
    let (blobs, _folder) = stored(bytes.clone()).await;
    let source = StoredSource::new(blobs, key(), bytes.len() as u64, sums(&bytes));
    for (offset, length) in
        [(0, 10), (BLOCK - 5, 10), (BLOCK, BLOCK), (1, 2 * BLOCK + 9), (4_999_990, 100), (5_000_000, 1), (9_000_000, 1)]
    {
        let expected = &bytes[offset.min(bytes.len())..(offset + length).min(bytes.len())];
        let read = source.read_at(offset as u64, length as u32).await.expect("read");
        assert!(read == expected, "{length} bytes at {offset}");
    }
}

#[tokio::test]
async fn what_is_shorter_than_promised_is_damaged_and_no_early_end() {
    let (blobs, _folder) = stored(film(5)).await;
    for promised in [6, BLOCK_BYTES + 1] {
        let source = StoredSource::new(blobs.clone(), key(), promised, Sums::default());
        let error = source.read_at(promised - 1, 1).await.expect_err("it is not there");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, "damaged_source"), "{error:?}");
    }
}

#[tokio::test]
async fn a_byte_that_changed_in_the_store_is_refused_by_its_block() {
    let mut bytes = film(5_000_000);
    let known = sums(&bytes);
    bytes[BLOCK + 7] ^= 1;
    let (blobs, _folder) = stored(bytes.clone()).await;
    let source = StoredSource::new(blobs.clone(), key(), bytes.len() as u64, known);
    assert!(source.read_at(0, 100).await.is_ok() && source.read_at(2 * BLOCK_BYTES, 100).await.is_ok());
    let error = source.read_at(BLOCK_BYTES, 1).await.expect_err("another byte");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, "damaged_source"));
    assert!(error.detail().contains("bytes 2097152..4194304 of sources/film"), "{}", error.detail());
    let older = StoredSource::new(blobs, key(), bytes.len() as u64, Sums::default());
    assert!(older.read_at(BLOCK_BYTES, 1).await.is_ok(), "a source without sums is taken as it is");
}

#[tokio::test]
async fn what_changes_or_breaks_off_on_the_way_is_fetched_again() {
    let bytes = film(3_000_000);
    let (blobs, _folder) = stored(bytes.clone()).await;
    for fault in [Fault::Flip, Fault::Cut] {
        for (times, is_read) in [(1, true), (FETCHES_MAX - 1, true), (FETCHES_MAX, false)] {
            let line = Line { inner: blobs.clone(), fault, left: times.into() };
            let source = StoredSource::new(Arc::new(line), key(), bytes.len() as u64, sums(&bytes));
            match source.read_at(2_500_000, 10).await {
                Ok(read) => assert!(is_read && read == bytes[2_500_000..2_500_010], "{fault:?} {times}"),
                Err(error) => {
                    let expected = if fault == Fault::Cut { ErrorKind::Unavailable } else { ErrorKind::Internal };
                    assert!(!is_read && error.kind() == expected, "{fault:?} {times}: {error:?}");
                }
            }
        }
    }
}

/// What happens to bodies on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Flip,
    Cut,
}

/// The line to the store `inner`, bad for the next bodies.
struct Line {
    inner: Arc<dyn Blobs>,
    fault: Fault,
    left: AtomicU32,
}

#[async_trait]
impl Blobs for Line {
    async fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Object> {
        let mut object = self.inner.read(key, range).await?;
        let is_bad = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_bad {
            let mut pieces: Vec<Bytes> = object.body.try_collect().await?;
            let mut last = pieces.pop().expect("not empty").to_vec();
            last[0] ^= u8::from(self.fault == Fault::Flip);
            let last = if self.fault == Fault::Cut { Err(Error::unavailable("the line")) } else { Ok(last.into()) };
            object.body = futures::stream::iter(pieces.into_iter().map(Ok).chain([last])).boxed();
        }
        Ok(object)
    }

    async fn create(&self, key: &Key, body: Bytes) -> Result<Created> {
        self.inner.create(key, body).await
    }

    async fn head(&self, key: &Key) -> Result<Meta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>> {
        self.inner.list(prefix, after, limit).await
    }

    async fn begin(&self, key: &Key) -> Result<Growing> {
        self.inner.begin(key).await
    }

    async fn append(&self, growing: &mut Growing, body: ByteStream) -> Result<()> {
        self.inner.append(growing, body).await
    }

    async fn finish(&self, growing: &Growing) -> Result<Meta> {
        self.inner.finish(growing).await
    }

    async fn abort(&self, growing: &Growing) -> Result<()> {
        self.inner.abort(growing).await
    }

    async fn tidy(&self, growing: &HashSet<Key>, age: Duration) -> Result<()> {
        self.inner.tidy(growing, age).await
    }

    fn summary(&self) -> String {
        self.inner.summary()
    }
}
