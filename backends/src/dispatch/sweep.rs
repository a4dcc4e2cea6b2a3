//! The sweep: whatever was lost, forgotten or left behind.

use crate::db::{Db, sweep::Expired};
use marquee_core::{ErrorKind, Result, Shutdown, blobs::Blobs, id::VideoId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often it looks for jobs.
const EVERY: Duration = Duration::from_secs(1);
/// How often it looks after what is not urgent.
const UPKEEP_EVERY: Duration = Duration::from_secs(60);
/// Least time between two rings for one job that nobody takes.
const RING_AGAIN: Duration = Duration::from_secs(30);
/// Longest time between two rings for it.
const RING_AGAIN_MAX: Duration = Duration::from_secs(600);
/// Rows of each kind that one pass looks at.
const BATCH_MAX: i64 = 500;
/// Objects that are listed at a time.
const OBJECTS_MAX: usize = 1000;
/// How long rows are kept that only people may look at.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// Months of events that have a partition in advance.
const MONTHS_AHEAD: i32 = 2;

/// Rings again for jobs that are due and have no live lease, and once a minute removes expired uploads, deleted
/// videos and old rows and makes event partitions. Several may run; one acts at a time.
///
/// # Errors
/// Never: what fails is tried again at the next pass.
pub async fn sweep(db: Db, blobs: Arc<dyn Blobs>, shutdown: Shutdown) -> Result<()> {
    let mut upkeep_at = Instant::now();
    while !shutdown.is_draining() {
        let due = Instant::now() >= upkeep_at;
        match pass(&db, blobs.as_ref(), due).await {
            Ok(true) if due => upkeep_at = Instant::now() + UPKEEP_EVERY,
            Ok(_) => {}
            Err(cause) => tracing::warn!(error = cause.detail(), "the sweep failed, it goes on shortly"),
        }
        tokio::select! {
            () = shutdown.draining() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    Ok(())
}

/// One pass. False if another process has the turn.
pub(super) async fn pass(db: &Db, blobs: &dyn Blobs, upkeep: bool) -> Result<bool> {
    let Some(turn) = db.sweep_turn().await? else { return Ok(false) };
    for job in db.vanished_jobs(BATCH_MAX).await? {
        db.bury_vanished(job).await?;
    }
    let rung = db.ring_due(RING_AGAIN, RING_AGAIN_MAX, BATCH_MAX).await?;
    if rung > 0 {
        tracing::debug!(jobs = rung, "rang for jobs that wait");
    }
    if upkeep {
        for upload in db.expired_uploads(BATCH_MAX).await? {
            // One that cannot be removed now must not keep the others.
            if let Err(cause) = expire(db, blobs, &upload).await {
                tracing::warn!(upload.id = %upload.id, error = cause.detail(), "could not remove an expired upload");
            }
        }
        for video in db.deleted_videos(BATCH_MAX).await? {
            if let Err(cause) = remove(db, blobs, video).await {
                tracing::warn!(video.id = %video, error = cause.detail(), "could not remove a deleted video's objects");
            }
        }
        db.prune(KEEP).await?;
        db.ensure_event_partitions(MONTHS_AHEAD).await?;
    }
    turn.end().await?;
    Ok(true)
}

/// Objects first, row last, as below.
async fn remove(db: &Db, blobs: &dyn Blobs, video: VideoId) -> Result<()> {
    for prefix in [format!("sources/{video}/"), format!("media/{video}/")] {
        loop {
            let keys = blobs.list(&prefix, None, OBJECTS_MAX).await?;
            for key in &keys {
                blobs.delete(key).await?;
            }
            if keys.len() < OBJECTS_MAX {
                break;
            }
        }
    }
    db.forget_video(video).await?;
    tracing::info!(video.id = %video, "removed what was left of a deleted video");
    Ok(())
}

/// Bytes first, row last: whatever interrupts it, the row still says what is there.
async fn expire(db: &Db, blobs: &dyn Blobs, upload: &Expired) -> Result<()> {
    match &upload.growing {
        Ok(growing) => match blobs.abort(growing).await {
            Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause),
            _ => {}
        },
        Err(cause) => tracing::error!(upload.id = %upload.id, error = %cause, "an upload's state cannot be read, its bytes stay"),
    }
    db.drop_upload(upload.id, upload.video).await?;
    tracing::info!(upload.id = %upload.id, video.id = %upload.video, "removed an upload that was not finished in time");
    Ok(())
}
