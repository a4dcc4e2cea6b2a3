//! A worker's sign of life for operators.

use crate::db::{Db, workers::Identity};
use marquee_core::{Result, Shutdown};
use std::time::Duration;

/// How often a worker says that it is there.
const EVERY: Duration = Duration::from_secs(5);

/// Keeps a worker's row fresh until `work` has ended, then removes it.
///
/// # Errors
/// Those of `work`: a sign of life that does not get through is given again.
pub async fn presence(db: Db, worker: Identity, shutdown: Shutdown, work: impl Future<Output = Result<()>>) -> Result<()> {
    let mut work = std::pin::pin!(work);
    let mut beat = tokio::time::interval(EVERY);
    let mut draining = shutdown.is_draining();
    let outcome = loop {
        if let Err(cause) = db.worker_seen(&worker, draining).await {
            tracing::warn!(worker.id = %worker.id, error = cause.detail(), "a worker's sign of life did not get through");
        }
        tokio::select! {
            outcome = &mut work => break outcome,
            () = shutdown.draining(), if !draining => draining = true,
            _ = beat.tick() => {}
        }
    };
    if let Err(cause) = db.worker_left(worker.id).await {
        tracing::warn!(worker.id = %worker.id, error = cause.detail(), "could not say that a worker has stopped");
    }
    outcome
}
