//! Reading: bounded pieces, never fewer bytes than promised, and a second request where the first one dawdles.

use super::{
    S3Blobs,
    error::{Told, told, unavailable},
    etag,
};
use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::select_ok, stream};
use marquee_core::{
    Error, Result,
    blobs::{ByteStream, Meta, Object},
    object::Key,
};
use std::ops::Range;
use std::time::Duration;
use tokio::time::timeout;

/// After this long without an answer a second request is sent, and the first to be answered counts.
const HEDGE_AFTER: Duration = Duration::from_millis(700);
/// How long the bytes may stand still.
const STALL_MAX: Duration = Duration::from_secs(10);
/// Beyond any byte of any object.
const POSITION_MAX: u64 = i64::MAX as u64;
/// Largest piece that a reader gets.
const PIECE_BYTES_MAX: usize = 1 << 20;

pub(super) async fn read(store: &S3Blobs, key: &Key, range: Option<Range<u64>>) -> Result<Object> {
    if range.as_ref().is_some_and(|range| range.start >= range.end || range.start > POSITION_MAX) {
        return Err(Told::Range("a range that no object has".into()).into());
    }
    let got = hedged(store, &store.raw(key.as_str()), range.as_ref()).await?;
    let length = got.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
    // `bytes 0-9/1000`, RFC 9110 section 14.4.
    let whole = got.content_range().and_then(|range| range.rsplit('/').next()?.parse().ok());
    let start = range.map_or(0, |range| range.start);
    let size_bytes = whole.unwrap_or(length);
    if whole.is_none() && start > 0 {
        return Err(unavailable("the store ignored a range"));
    }
    let meta = Meta { size_bytes, etag: etag(got.e_tag()) };
    Ok(Object { meta, range: start..start + length, body: counted(got.body, length) })
}

async fn hedged(store: &S3Blobs, name: &str, range: Option<&Range<u64>>) -> Result<GetObjectOutput, Told> {
    let get = || {
        let range = range.map(|range| match range.end {
            // Stores differ in what they make of larger numbers.
            POSITION_MAX.. => format!("bytes={}-", range.start),
            end => format!("bytes={}-{}", range.start, end - 1),
        });
        store.client.get_object().bucket(&store.bucket).key(name).set_range(range).send()
    };
    let mut first = get().boxed();
    match timeout(HEDGE_AFTER, &mut first).await {
        Ok(answer) => answer.map_err(told),
        Err(_) => select_ok([first, get().boxed()]).await.map(|(answer, _)| answer).map_err(told),
    }
}

/// The next `length` bytes in bounded pieces, or an error: never fewer, never a stream that stands still. The last piece waits for
/// the end of the body, because only there the client compares it with the store's checksum.
pub(super) fn counted(body: primitives::ByteStream, length: u64) -> ByteStream {
    let state = Some((body, length, Bytes::new()));
    stream::try_unfold(state, |state| async move {
        let Some((mut body, left, mut piece)) = state else { return Ok(None) };
        while piece.is_empty() {
            piece = match next(&mut body).await? {
                Some(bytes) => bytes,
                None if left > 0 => return Err(unavailable(format!("{left} bytes of an object did not arrive"))),
                None => return Ok(None),
            };
        }
        let rest = piece.split_off(piece.len().min(PIECE_BYTES_MAX));
        let left = left.checked_sub(piece.len() as u64).ok_or_else(surplus)?;
        let is_last = left == 0 && rest.is_empty();
        if is_last {
            end(&mut body).await?;
        }
        Ok(Some((piece, (!is_last).then_some((body, left, rest)))))
    })
    .boxed()
}

/// Waits for the end of a body that has to have come.
async fn end(body: &mut primitives::ByteStream) -> Result<()> {
    while let Some(bytes) = next(body).await? {
        if !bytes.is_empty() {
            return Err(surplus());
        }
    }
    Ok(())
}

fn surplus() -> Error {
    Error::internal("the store sent more than it said")
}

async fn next(body: &mut primitives::ByteStream) -> Result<Option<Bytes>> {
    timeout(STALL_MAX, body.next()).await.map_err(unavailable)?.transpose().map_err(unavailable)
}
