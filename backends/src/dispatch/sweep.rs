//! The sweep: jobs whose ring was lost or never sent.

use crate::db::{Db, sweep::Duty};
use marquee_core::{Result, Shutdown};
use std::time::Duration;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// Least time between two rings for one job that nobody takes.
const RING_AGAIN: Duration = Duration::from_secs(30);
/// Longest time between two rings for it.
const RING_AGAIN_MAX: Duration = Duration::from_secs(600);
/// Jobs that one pass looks at.
const BATCH_MAX: i64 = 500;

/// Rings again for jobs that are due and have no live lease. Several may run; one acts at a time.
///
/// # Errors
/// Never: what fails is tried again at the next pass.
pub async fn sweep(db: Db, shutdown: Shutdown) -> Result<()> {
    while !shutdown.is_draining() {
        if let Err(cause) = pass(&db).await {
            tracing::warn!(error = cause.detail(), "the sweep failed, it goes on shortly");
        }
        tokio::select! {
            () = shutdown.draining() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    Ok(())
}

/// One pass. False if another process has the turn.
pub(super) async fn pass(db: &Db) -> Result<bool> {
    let Some(turn) = db.turn(Duty::Sweep).await? else { return Ok(false) };
    for job in db.vanished_jobs(BATCH_MAX).await? {
        db.bury_vanished(job).await?;
    }
    let rung = db.ring_due(RING_AGAIN, RING_AGAIN_MAX, BATCH_MAX).await?;
    if rung > 0 {
        tracing::debug!(jobs = rung, "rang for jobs that wait");
    }
    turn.end().await?;
    Ok(true)
}
