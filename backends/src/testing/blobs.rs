//! What every object store must do.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::join_all, stream};
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, ByteStream, Created, Growing},
    object::Key,
};
use std::time::Duration;

/// Runs the suite on an empty store.
///
/// # Panics
/// When the store breaks its contract.
pub async fn blobs_contract(blobs: &dyn Blobs) {
    what_is_not_there(blobs).await;
    objects_are_created_once(blobs).await;
    one_of_many_creators_wins(blobs).await;
    copies_stand_by_themselves(blobs).await;
    ranges(blobs).await;
    empty_objects(blobs).await;
    reading_goes_on_after_deletion_or_fails(blobs).await;
    lists_in_order(blobs).await;
    large_objects_grow(blobs).await;
    a_failing_body_keeps_what_arrived(blobs).await;
    interrupted_appends_leave_nothing(blobs).await;
    finishing_twice_and_aborting(blobs).await;
    tidying_spares_what_is_known(blobs).await;
    assert!(!blobs.summary().is_empty());
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

/// A body in pieces.
fn body(pieces: &[&[u8]]) -> ByteStream {
    let pieces: Vec<Result<Bytes>> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn content(blobs: &dyn Blobs, name: &Key) -> Bytes {
    let object = blobs.read(name, None).await.expect("the object is there");
    let pieces: Vec<Bytes> = object.body.try_collect().await.expect("the body arrives");
    let content = pieces.concat();
    assert_eq!(content.len() as u64, object.meta.size_bytes);
    content.into()
}

async fn names(blobs: &dyn Blobs, prefix: &str, after: Option<&Key>, limit: usize) -> Vec<String> {
    let keys = blobs.list(prefix, after, limit).await.expect("listed");
    keys.iter().map(ToString::to_string).collect()
}

fn is_missing<T>(result: Result<T>) -> bool {
    result.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

async fn what_is_not_there(blobs: &dyn Blobs) {
    let nothing = key("nothing/here");
    assert!(is_missing(blobs.head(&nothing).await));
    assert!(is_missing(blobs.read(&nothing, None).await));
    assert!(is_missing(blobs.read(&nothing, Some(0..1)).await));
    blobs.delete(&nothing).await.expect("deleting what is not there succeeds");
    assert!(names(blobs, "", None, 10).await.is_empty(), "the store is empty");
}

async fn objects_are_created_once(blobs: &dyn Blobs) {
    let name = key("once/object.bin");
    assert_eq!(blobs.create(&name, Bytes::from_static(b"first")).await.expect("created"), Created::New);
    let before = blobs.head(&name).await.expect("there");
    assert_eq!(blobs.create(&name, Bytes::from_static(b"second!")).await.expect("answered"), Created::Existed);
    assert_eq!(content(blobs, &name).await, "first");
    let after = blobs.head(&name).await.expect("there");
    assert_eq!((before.size_bytes, &before), (5, &after), "size and validator did not change");
    blobs.delete(&name).await.expect("deleted");
    assert!(is_missing(blobs.head(&name).await));
    assert_eq!(blobs.create(&name, Bytes::from_static(b"third")).await.expect("created"), Created::New);
    assert_ne!(blobs.head(&name).await.expect("there").etag, before.etag, "other bytes, other validator");
    blobs.delete(&name).await.expect("deleted");
}

async fn one_of_many_creators_wins(blobs: &dyn Blobs) {
    let name = key("race/object");
    let bodies: Vec<Bytes> = (0..8u8).map(|number| vec![number; 1000].into()).collect();
    let created = join_all(bodies.iter().map(|body| blobs.create(&name, body.clone()))).await;
    let created: Vec<_> = created.into_iter().map(|created| created.expect("answered")).collect();
    assert_eq!(created.iter().filter(|created| **created == Created::New).count(), 1);
    let winner = created.iter().position(|created| *created == Created::New).expect("one is new");
    assert_eq!(content(blobs, &name).await, bodies[winner]);
    blobs.delete(&name).await.expect("deleted");
}

async fn copies_stand_by_themselves(blobs: &dyn Blobs) {
    let (first, second, other) = (key("copied/first"), key("copied/deep/er/second"), key("copied/other"));
    assert!(is_missing(blobs.copy(&first, &second).await), "there is nothing to copy");
    blobs.create(&first, Bytes::from_static(b"bytes")).await.expect("created");
    blobs.create(&other, Bytes::from_static(b"others")).await.expect("created");
    assert_eq!(blobs.copy(&first, &second).await.expect("copied"), Created::New);
    assert_eq!(blobs.copy(&other, &second).await.expect("answered"), Created::Existed);
    assert_eq!(blobs.create(&second, Bytes::from_static(b"new")).await.expect("answered"), Created::Existed);
    assert_eq!(names(blobs, "copied/", None, 10).await, [second.as_str(), first.as_str(), other.as_str()]);
    blobs.delete(&first).await.expect("deleted");
    assert_eq!(content(blobs, &second).await, "bytes", "it does not go with what it was copied from");
    assert_eq!(blobs.create(&first, Bytes::from_static(b"again")).await.expect("created"), Created::New);
    assert_eq!(content(blobs, &second).await, "bytes");
    for name in [first, second, other] {
        blobs.delete(&name).await.expect("deleted");
    }
}

async fn ranges(blobs: &dyn Blobs) {
    let name = key("ranges");
    let bytes: Vec<u8> = (0..700_000u32).map(|number| (number % 251) as u8).collect();
    blobs.create(&name, bytes.clone().into()).await.expect("created");
    for (asked, got) in [
        (0..1, 0..1),
        (0..700_000, 0..700_000),
        (699_999..700_000, 699_999..700_000),
        (300_000..u64::MAX, 300_000..700_000),
        (123_456..654_321, 123_456..654_321),
    ] {
        let object = blobs.read(&name, Some(asked)).await.expect("readable");
        assert_eq!(object.range, got);
        assert_eq!(object.meta.size_bytes, 700_000);
        let pieces: Vec<Bytes> = object.body.try_collect().await.expect("arrives");
        assert!(pieces.iter().all(|piece| piece.len() <= 1 << 20), "pieces are bounded");
        assert!(pieces.concat() == bytes[got.start as usize..got.end as usize]);
    }
    #[expect(clippy::reversed_empty_ranges, reason = "what a careless caller may ask for")]
    for bad in [700_000..700_001, u64::MAX - 1..u64::MAX, 5..5, 6..5] {
        let error = blobs.read(&name, Some(bad)).await.err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    blobs.delete(&name).await.expect("deleted");
}

async fn empty_objects(blobs: &dyn Blobs) {
    let name = key("empty");
    assert_eq!(blobs.create(&name, Bytes::new()).await.expect("created"), Created::New);
    assert_eq!(blobs.head(&name).await.expect("there").size_bytes, 0);
    assert_eq!(content(blobs, &name).await, "");
    let growing = blobs.begin(&key("empty-grown")).await.expect("begun");
    assert_eq!(blobs.finish(&growing).await.expect("finished").size_bytes, 0);
    assert_eq!(content(blobs, &key("empty-grown")).await, "");
    blobs.delete(&name).await.expect("deleted");
    blobs.delete(&key("empty-grown")).await.expect("deleted");
}

async fn reading_goes_on_after_deletion_or_fails(blobs: &dyn Blobs) {
    let name = key("deleted/while/read");
    blobs.create(&name, vec![9; 3_000_000].into()).await.expect("created");
    let object = blobs.read(&name, None).await.expect("readable");
    blobs.delete(&name).await.expect("deleted");
    let body: Result<Vec<Bytes>> = object.body.try_collect().await;
    if let Ok(pieces) = body {
        assert_eq!(pieces.concat().len(), 3_000_000, "all of it or an error");
    }
}

async fn lists_in_order(blobs: &dyn Blobs) {
    let sorted = ["l/a-b", "l/a.b", "l/a/1", "l/a/2/x", "l/a/2/y", "l/a0", "l/b", "m/a", "m/b/c"].map(|text| (text, key(text)));
    for (text, name) in sorted.iter().rev() {
        blobs.create(name, Bytes::copy_from_slice(text.as_bytes())).await.expect("created");
    }
    let all: Vec<&str> = sorted.iter().map(|(text, _)| *text).collect();
    assert_eq!(names(blobs, "", None, 100).await, all);
    assert_eq!(names(blobs, "l/", None, 100).await, all[..7]);
    assert_eq!(names(blobs, "l/a", None, 100).await, all[..6]);
    assert_eq!(names(blobs, "l/a/2/", None, 100).await, all[3..5]);
    assert_eq!(names(blobs, "l/a/2/x", None, 100).await, all[3..4]);
    assert!(names(blobs, "l/a/2/x/", None, 100).await.is_empty());
    assert!(names(blobs, "../", None, 100).await.is_empty());
    assert!(names(blobs, "/", None, 100).await.is_empty());
    assert!(names(blobs, "l/", None, 0).await.is_empty());
    for page in 1..=4 {
        let mut paged = Vec::new();
        loop {
            let after = paged.last().map(|last: &String| key(last));
            let next = names(blobs, "l/", after.as_ref(), page).await;
            assert!(next.len() <= page);
            if next.is_empty() {
                break;
            }
            paged.extend(next);
        }
        assert_eq!(paged, all[..7]);
    }
    for (_, name) in &sorted {
        blobs.delete(name).await.expect("deleted");
    }
    assert!(names(blobs, "", None, 10).await.is_empty());
}

async fn large_objects_grow(blobs: &dyn Blobs) {
    let name = key("sources/film");
    let mut growing = blobs.begin(&name).await.expect("begun");
    assert_eq!(growing.size_bytes, 0);
    blobs.append(&mut growing, body(&[b"hello ", b"", b"wor"])).await.expect("appended");
    assert_eq!(growing.size_bytes, 9);
    assert!(is_missing(blobs.head(&name).await), "nothing is visible before the end");
    assert!(names(blobs, "", None, 10).await.is_empty());
    // Callers keep it as JSON between requests, and go on in another process.
    let kept = serde_json::to_string(&growing).expect("written");
    let mut growing: Growing = serde_json::from_str(&kept).expect("read");
    blobs.append(&mut growing, body(&[])).await.expect("nothing is appended");
    blobs.append(&mut growing, body(&[b"ld"])).await.expect("appended");
    let large = vec![b'x'; 3_500_000];
    blobs.append(&mut growing, body(&[&large, &large])).await.expect("appended");
    let meta = blobs.finish(&growing).await.expect("finished");
    assert_eq!(meta.size_bytes, 11 + 7_000_000);
    assert_eq!(blobs.head(&name).await.expect("there"), meta);
    let content = content(blobs, &name).await;
    assert!(content.starts_with(b"hello worldxxx"));
    blobs.delete(&name).await.expect("deleted");
}

async fn a_failing_body_keeps_what_arrived(blobs: &dyn Blobs) {
    let name = key("sources/cut");
    let mut growing = blobs.begin(&name).await.expect("begun");
    let pieces = vec![Ok(Bytes::from_static(b"abc")), Err(Error::unavailable("the client")), Ok(Bytes::from_static(b"never"))];
    let failure = blobs.append(&mut growing, stream::iter(pieces).boxed()).await.expect_err("the body failed");
    assert_eq!(failure.kind(), ErrorKind::Unavailable);
    assert!(growing.size_bytes <= 3, "never more than arrived");
    let rest = &b"abcdef"[growing.size_bytes as usize..];
    blobs.append(&mut growing, body(&[rest])).await.expect("appended");
    blobs.finish(&growing).await.expect("finished");
    assert_eq!(content(blobs, &name).await, "abcdef");
    blobs.delete(&name).await.expect("deleted");
}

async fn interrupted_appends_leave_nothing(blobs: &dyn Blobs) {
    let name = key("sources/interrupted");
    let mut growing = blobs.begin(&name).await.expect("begun");
    blobs.append(&mut growing, body(&[b"abc"])).await.expect("appended");
    // The process died before it could note the second append.
    let mut unnoted = growing.clone();
    blobs.append(&mut unnoted, body(&[b"LOST AND LONGER"])).await.expect("appended");
    // Or the caller went away in the middle of one.
    let endless = stream::repeat_with(|| Ok(Bytes::from(vec![b'z'; 70_000]))).then(|piece| async {
        tokio::task::yield_now().await;
        piece
    });
    let mut cut = growing.clone();
    let cut_off = tokio::time::timeout(Duration::from_millis(100), blobs.append(&mut cut, endless.boxed()));
    assert!(cut_off.await.is_err());
    blobs.append(&mut growing, body(&[b"def"])).await.expect("appended");
    assert_eq!(blobs.finish(&growing).await.expect("finished").size_bytes, 6);
    assert_eq!(content(blobs, &name).await, "abcdef");
    blobs.delete(&name).await.expect("deleted");
}

async fn tidying_spares_what_is_known(blobs: &dyn Blobs) {
    let (grown, grows) = (key("media/grown"), key("sources/grows"));
    blobs.create(&grown, Bytes::from_static(b"abc")).await.expect("created");
    let mut growing = blobs.begin(&grows).await.expect("begun");
    blobs.append(&mut growing, body(&[b"abc"])).await.expect("appended");
    // Ages are told in whole seconds.
    for _ in 0..3 {
        blobs.tidy(&[grows.clone()].into(), Duration::ZERO).await.expect("tidied");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    blobs.append(&mut growing, body(&[b"def"])).await.expect("appended");
    blobs.finish(&growing).await.expect("finished");
    assert_eq!(content(blobs, &grows).await, "abcdef");
    assert_eq!(content(blobs, &grown).await, "abc");
    for name in [grown, grows] {
        blobs.delete(&name).await.expect("deleted");
    }
}

async fn finishing_twice_and_aborting(blobs: &dyn Blobs) {
    let name = key("sources/twice");
    let mut growing = blobs.begin(&name).await.expect("begun");
    blobs.append(&mut growing, body(&[b"abc"])).await.expect("appended");
    let meta = blobs.finish(&growing).await.expect("finished");
    assert_eq!(blobs.finish(&growing).await.expect("finished again"), meta);
    blobs.abort(&growing).await.expect("aborting what is finished does no harm");
    assert_eq!(content(blobs, &name).await, "abc");
    blobs.delete(&name).await.expect("deleted");

    let mut dropped = blobs.begin(&name).await.expect("begun");
    blobs.append(&mut dropped, body(&[b"abc"])).await.expect("appended");
    blobs.abort(&dropped).await.expect("aborted");
    blobs.abort(&dropped).await.expect("aborted again");
    assert!(is_missing(blobs.head(&name).await));
    assert!(blobs.finish(&dropped).await.is_err(), "what was dropped cannot be finished");
    assert!(names(blobs, "", None, 10).await.is_empty());
}
