//! From a body to the store, in bounded pieces.
//!
//! A piece is at most some MiB and a second long. It streams into the store, then the row is committed: offset, the store's
//! state, the hash's and the sums of blocks. Nothing is held but what the network hands over at a time.

use super::checksum::Checksum;
use crate::{
    app::App,
    problem::{Answer, Problem},
};
use axum::body::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use marquee_backends::db::uploads::{Holder, Upload};
use marquee_core::{Error, Result, blobs::ByteStream, id::UploadId, sha256, sums};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::{self, Instant},
};

/// A crash loses at most this much of what had arrived, …
const PIECE_BYTES_MAX: u64 = 8 << 20;
/// … or this long.
const PIECE_TIME_MAX: Duration = Duration::from_secs(1);
/// A body that is silent for this long is taken to be cut.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long the lock of a silent or dead request lives: then another one may take over.
pub(super) const LEASE: Duration = Duration::from_secs(6);
/// How often the lock is renewed while the store is slow.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// The body of a request.
pub(crate) type Body = BoxStream<'static, Result<Bytes, axum::Error>>;

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Whole,
    /// The connection broke or fell silent. What came is kept, if it needs no proof.
    Cut,
    /// It has more bytes than the upload.
    TooLong,
    /// This process stops. What came is kept, if it needs no proof.
    Draining,
}

/// A body and what is known of the bytes taken from it.
struct Source {
    body: Body,
    pending: Option<Bytes>,
    room_bytes: u64,
    hash: sha256::Running,
    sums: sums::Running,
    checksum: Option<Checksum>,
    end: Option<End>,
}

impl Source {
    /// Waits for bytes. False at the end.
    async fn wait(&mut self, app: &App) -> bool {
        if self.pending.is_some() {
            return true;
        }
        if self.end.is_none() {
            let next = tokio::select! {
                next = time::timeout(SILENCE_MAX, self.body.next()) => next.ok().unwrap_or(Some(Err(axum::Error::new("silence")))),
                () = app.closing.cancelled() => {
                    self.end = Some(End::Draining);
                    return false;
                }
            };
            self.take_in(next);
        }
        self.pending.is_some()
    }

    /// The next bytes of the piece that began at `deadline - PIECE_TIME_MAX` and has `taken` so far; `None` ends the piece.
    async fn next(&mut self, taken: u64, deadline: Instant) -> Option<Bytes> {
        if self.pending.is_none() {
            if taken >= PIECE_BYTES_MAX || self.end.is_some() {
                return None;
            }
            let next = time::timeout_at(deadline, self.body.next()).await.ok()?;
            self.take_in(next);
        }
        let bytes = self.pending.take()?;
        self.hash.update(&bytes);
        self.sums.update(&bytes);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&bytes);
        }
        self.room_bytes -= bytes.len() as u64;
        Some(bytes)
    }

    fn take_in(&mut self, next: Option<Result<Bytes, axum::Error>>) {
        match next {
            Some(Ok(bytes)) if bytes.len() as u64 > self.room_bytes => self.end = Some(End::TooLong),
            // An empty chunk says nothing; waiting goes on with the next call.
            Some(Ok(bytes)) => self.pending = Some(bytes),
            Some(Err(_)) => self.end = Some(End::Cut),
            None => self.end = Some(End::Whole),
        }
    }
}

/// Takes a body into the upload that `holder` holds. With a checksum nothing is committed before the whole body has proved
/// right; on a mismatch, and when it ends in any other way, the upload is as before.
pub(super) async fn receive(
    app: &App,
    upload: &mut Upload,
    holder: Holder,
    body: Body,
    checksum: Option<Checksum>,
) -> Answer<End> {
    let before = upload.clone();
    let checked = checksum.is_some();
    let source = Arc::new(Mutex::new(Source {
        body,
        pending: None,
        room_bytes: upload.length_bytes - upload.offset_bytes,
        hash: sha256::Running::restore(&upload.hash_state)?,
        sums: upload.sums.clone(),
        checksum,
        end: None,
    }));
    loop {
        if !source.lock().await.wait(app).await {
            break;
        }
        // Waiting may have been long: nothing is written without the lock.
        keep(app, upload.id, holder).await?;
        let growing = &mut upload.growing.clone();
        let piece = piece(source.clone().lock_owned().await);
        keeping(app, upload.id, holder, app.deps.blobs.append(growing, piece)).await?;
        let mut source = source.lock().await;
        upload.growing = growing.clone();
        upload.offset_bytes = growing.size_bytes;
        upload.hash_state = source.hash.state();
        upload.sums = source.sums.clone();
        if source.end == Some(End::TooLong) {
            break;
        }
        if !checked {
            commit(app, upload, holder).await?;
            source.sums.forget();
        }
    }
    let mut source = source.lock().await;
    let end = source.end.unwrap_or(End::Whole);
    if let Some(checksum) = source.checksum.take() {
        let proved = match end {
            End::Whole => checksum.check(),
            End::Cut => Err(Problem::bad_request("cut_off", "the body was cut off: send it again from the same offset")),
            // The caller refuses these; their bytes are not proved either.
            End::TooLong | End::Draining => {
                *upload = before;
                return Ok(end);
            }
        };
        if let Err(refused) = proved {
            *upload = before;
            return Err(refused);
        }
        commit(app, upload, holder).await?;
    }
    Ok(end)
}

/// One piece as a stream. It gives the source back when it ends, or is dropped.
fn piece(source: OwnedMutexGuard<Source>) -> ByteStream {
    let deadline = Instant::now() + PIECE_TIME_MAX;
    let state = (source, 0);
    let next = move |(mut source, taken): (OwnedMutexGuard<Source>, u64)| async move {
        let bytes = source.next(taken, deadline).await?;
        let taken = taken + bytes.len() as u64;
        Some((Ok(bytes), (source, taken)))
    };
    stream::unfold(state, next).boxed()
}

/// Does `work` of the store, keeping the lock for as long as it takes; ends it if the lock is lost.
pub(super) async fn keeping<T, E: Into<Problem>>(
    app: &App,
    upload: UploadId,
    holder: Holder,
    work: impl Future<Output = Result<T, E>>,
) -> Answer<T> {
    renewing(async { work.await.map_err(Into::into) }, move || keep(app, upload, holder)).await
}

/// Does `work` that has to come to its end once it is begun, keeping the lock meanwhile as far as that can be kept.
pub(super) async fn ending<T>(app: &App, upload: UploadId, holder: Holder, work: impl Future<Output = Result<T>>) -> Result<T> {
    let renew = move || async move {
        if let Err(error) = app.deps.db.renew_upload(upload, holder).await {
            tracing::warn!(upload.id = %upload, error = error.detail(), "cannot keep the lock of the upload");
        }
        Ok(())
    };
    renewing(work, renew).await
}

/// Does `work`, and `renew` now and then meanwhile; an error of either ends both.
async fn renewing<T, E, R: Future<Output = Result<(), E>>>(
    work: impl Future<Output = Result<T, E>>,
    renew: impl Fn() -> R,
) -> Result<T, E> {
    tokio::pin!(work);
    let mut every = time::interval_at(Instant::now() + RENEW_EVERY, RENEW_EVERY);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = every.tick() => renew().await?,
        }
    }
}

async fn keep(app: &App, upload: UploadId, holder: Holder) -> Answer<()> {
    if app.deps.db.renew_upload(upload, holder).await? { Ok(()) } else { Err(taken_over()) }
}

async fn commit(app: &App, upload: &mut Upload, holder: Holder) -> Answer<()> {
    let expiry = Duration::from_secs(app.deps.uploads.expiry_seconds.into());
    if !app.deps.db.advance_upload(upload, holder, expiry).await? {
        return Err(taken_over());
    }
    upload.sums.forget();
    Ok(())
}

pub(super) fn taken_over() -> Problem {
    Error::conflict("taken_over", "another request goes on with this upload: ask for its offset with HEAD").into()
}
