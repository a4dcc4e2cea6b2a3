use super::{AHEAD_FROM_BYTES, FETCHES_MAX, StoredSource};
use crate::child::SourceReader;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use marquee_backends::blobs::FileBlobs;
use marquee_core::{
    Error, ErrorKind,
    blobs::{Blobs, Object},
    object::Key,
    sums::{BLOCK_BYTES, Running, Sums},
    testing::Bent,
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
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
            let line = line(blobs.clone(), fault, times);
            let source = StoredSource::new(line, key(), bytes.len() as u64, sums(&bytes));
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

#[tokio::test]
async fn only_reading_that_nears_the_end_of_a_block_is_met_by_the_next() {
    let bytes = film(12 * BLOCK as u32);
    let (blobs, _folder) = stored(bytes.clone()).await;
    let source = StoredSource::new(blobs, key(), bytes.len() as u64, Sums::default());
    let read = async |offset: u64| source.read_at(offset, 1000).await.expect("read");
    let ahead = |index: u64| source.blocks.lock().expect("blocks").iter().any(|(kept, _)| *kept == index);
    for (index, place) in [(1, 10), (3, AHEAD_FROM_BYTES + 10), (5, 10)] {
        read(index * BLOCK_BYTES + place).await;
        assert!(!ahead(index + 1), "looking in at block {index}");
    }
    read(3 * BLOCK_BYTES + AHEAD_FROM_BYTES + 1010).await;
    assert!(ahead(4) && !ahead(5 + 1), "reading went on in the last quarter of block 3");
    read(5 * BLOCK_BYTES + BLOCK_BYTES / 2).await;
    assert!(!ahead(6), "block 5 may be enough");
    read(5 * BLOCK_BYTES + AHEAD_FROM_BYTES).await;
    read(6 * BLOCK_BYTES).await;
    assert!(ahead(6) && !ahead(7), "from one block into the next");
    read(11 * BLOCK_BYTES).await;
    read(11 * BLOCK_BYTES + AHEAD_FROM_BYTES).await;
    assert!(!ahead(12), "there is none");
}

/// What happens to bodies on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Flip,
    Cut,
}

/// The line to the store `inner`, on which the next bodies, `times` of them, come to harm.
fn line(inner: Arc<dyn Blobs>, fault: Fault, times: u32) -> Arc<dyn Blobs> {
    let left = AtomicU32::new(times);
    Arc::new(Bent::new(inner, move |mut object: Object| {
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            object.body = match fault {
                Fault::Flip => object.body.map_ok(|piece| flipped(&piece)).boxed(),
                Fault::Cut => object.body.take(1).chain(stream::iter([Err(Error::unavailable("the line"))])).boxed(),
            };
        }
        Ok(object)
    }))
}

fn flipped(piece: &Bytes) -> Bytes {
    let mut piece = piece.to_vec();
    piece[0] ^= 1;
    piece.into()
}
