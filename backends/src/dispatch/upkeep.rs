//! The upkeep: removes what nobody will ask for again, in the store and in the database.
//!
//! Objects first, row last: whatever interrupts it, the row still says what is there.

use crate::db::{
    Db,
    sweep::{Duty, Turn},
    upkeep::Expired,
};
use marquee_core::{
    ErrorKind, Result, Shutdown,
    blobs::Blobs,
    id::{EncodeId, UploadId, VideoId},
    object::{Key, Layout},
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Pause between two passes that left nothing to do.
const EVERY: Duration = Duration::from_secs(60);
/// How long one pass removes objects. Shorter than a turn lives that is not used.
const PASS_MAX: Duration = Duration::from_secs(20);
/// Pause after a pass that did not get to its end.
const PAUSE: Duration = Duration::from_secs(1);
/// Rows of each kind that one pass looks at.
const BATCH_MAX: i64 = 500;
/// Objects that are listed at a time.
const OBJECTS_MAX: usize = 1000;
/// How long rows are kept that only people may look at.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// Months of events that have a partition in advance.
const MONTHS_AHEAD: i32 = 2;
/// What a store holds for a call that began longer ago is left over.
const CALL_MAX: Duration = Duration::from_secs(3600);

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// Another process has the turn.
    Elsewhere,
    /// There may be more to remove.
    Partly,
    /// Everything was looked at.
    Whole,
}

/// Removes uploads that were not finished in time, deleted videos, sources and encodes that were replaced or failed `keep` ago,
/// old rows and what killed processes left in the store; makes event partitions. Several may run; one acts at a time.
///
/// # Errors
/// Never: what fails is tried again at the next pass.
pub async fn upkeep(db: Db, blobs: Arc<dyn Blobs>, keep: Duration, shutdown: Shutdown) -> Result<()> {
    while !shutdown.is_draining() {
        let pause = match pass(&db, blobs.as_ref(), keep).await {
            Ok(Passed::Partly) => PAUSE,
            Ok(_) => EVERY,
            Err(cause) => {
                tracing::warn!(error = cause.detail(), "the upkeep failed, it goes on shortly");
                EVERY
            }
        };
        tokio::select! {
            () = shutdown.draining() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}

/// One pass.
pub(super) async fn pass(db: &Db, blobs: &dyn Blobs, keep: Duration) -> Result<Passed> {
    let Some(turn) = db.turn(Duty::Upkeep).await? else { return Ok(Passed::Elsewhere) };
    let pass = Pass { db, blobs, until: Instant::now() + PASS_MAX };
    pass.uploads().await?;
    pass.videos().await?;
    pass.replaced(keep).await?;
    if pass.is_over() {
        return end(turn, Passed::Partly).await;
    }
    blobs.tidy(&db.growing_objects().await?, CALL_MAX).await?;
    db.prune(KEEP).await?;
    db.forget_workers(KEEP).await?;
    db.ensure_event_partitions(MONTHS_AHEAD).await?;
    end(turn, Passed::Whole).await
}

async fn end(turn: Turn, passed: Passed) -> Result<Passed> {
    turn.end().await?;
    Ok(passed)
}

/// A pass under way.
struct Pass<'a> {
    db: &'a Db,
    blobs: &'a dyn Blobs,
    until: Instant,
}

impl Pass<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    async fn uploads(&self) -> Result<()> {
        for upload in self.db.take_expired_uploads(BATCH_MAX).await? {
            // One that cannot be removed now must not keep the others.
            if let Err(cause) = self.expire(&upload).await {
                tracing::warn!(upload.id = %upload.id, error = cause.detail(), "could not remove an expired upload");
            }
            if self.is_over() {
                break;
            }
        }
        Ok(())
    }

    async fn expire(&self, upload: &Expired) -> Result<()> {
        match &upload.growing {
            Ok(growing) => match self.blobs.abort(growing).await {
                Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
                _ => {}
            },
            Err(cause) => {
                tracing::error!(upload.id = %upload.id, error = %cause, "an upload's state cannot be read, its bytes stay");
            }
        }
        // An object already, if somebody died between finishing it and handing it over.
        self.blobs.delete(&Key::source(upload.video, upload.id)).await?;
        self.db.drop_upload(upload.id, upload.video).await?;
        tracing::info!(upload.id = %upload.id, video.id = %upload.video, "removed an upload that was not finished in time");
        Ok(())
    }

    async fn videos(&self) -> Result<()> {
        for video in self.db.deleted_videos(BATCH_MAX).await? {
            if self.is_over() {
                break;
            }
            if let Err(cause) = self.deleted(video).await {
                tracing::warn!(video.id = %video, error = cause.detail(), "could not remove a deleted video's objects");
            }
        }
        Ok(())
    }

    async fn deleted(&self, video: VideoId) -> Result<()> {
        if self.remove(&format!("sources/{video}/")).await? && self.remove(&format!("media/{video}/")).await? {
            self.db.forget_video(video).await?;
            tracing::info!(video.id = %video, "removed what was left of a deleted video");
        }
        Ok(())
    }

    async fn replaced(&self, keep: Duration) -> Result<()> {
        for (video, encode) in self.db.leftover_encodes(keep, BATCH_MAX).await? {
            if self.is_over() {
                return Ok(());
            }
            if let Err(cause) = self.encode(video, encode, keep).await {
                tracing::warn!(encode.id = %encode, error = cause.detail(), "could not remove an encode that nobody sees");
            }
        }
        for (video, upload) in self.db.leftover_sources(keep, BATCH_MAX).await? {
            if self.is_over() {
                return Ok(());
            }
            if let Err(cause) = self.source(video, upload, keep).await {
                tracing::warn!(upload.id = %upload, error = cause.detail(), "could not remove a source that nobody needs");
            }
        }
        Ok(())
    }

    async fn encode(&self, video: VideoId, encode: EncodeId, keep: Duration) -> Result<()> {
        let folder = format!("media/{}/", Layout::new(video, encode).scope());
        if self.db.condemn_encode(video, encode, keep).await? && self.remove(&folder).await? {
            self.db.forget_encode(encode).await?;
            tracing::info!(encode.id = %encode, video.id = %video, "removed an encode that was replaced or failed");
        }
        Ok(())
    }

    async fn source(&self, video: VideoId, upload: UploadId, keep: Duration) -> Result<()> {
        if self.db.condemn_source(video, upload, keep).await? {
            self.blobs.delete(&Key::source(video, upload)).await?;
            self.db.forget_source(upload).await?;
            tracing::info!(upload.id = %upload, video.id = %video, "removed a source that was replaced or failed");
        }
        Ok(())
    }

    /// Removes the objects whose names begin with `prefix`. False if there are more than the pass has time for.
    async fn remove(&self, prefix: &str) -> Result<bool> {
        loop {
            let keys = self.blobs.list(prefix, None, OBJECTS_MAX).await?;
            for key in &keys {
                if self.is_over() {
                    return Ok(false);
                }
                self.blobs.delete(key).await?;
            }
            if keys.len() < OBJECTS_MAX {
                return Ok(true);
            }
        }
    }
}
