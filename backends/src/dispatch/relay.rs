//! The relay: from the outbox to the queue.

use crate::db::{Db, OUTBOX};
use marquee_core::{Error, Result, Shutdown, queue::Queue};
use std::sync::Arc;
use std::time::Duration;

/// Rings published at a time.
const BATCH_MAX: i64 = 500;
/// How long the queue may take to confirm a batch.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the outbox is looked at without a notice.
const POLL: Duration = Duration::from_secs(2);
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Publishes what transactions put into the outbox until the process drains. Several may run: each row is published by the
/// relay that holds it, and again by another one if that one dies before it has removed it.
///
/// # Errors
/// Never: a database or queue that does not answer is asked again.
pub async fn relay(db: Db, queue: Arc<dyn Queue>, shutdown: Shutdown) -> Result<()> {
    let mut notices = db.listen(OUTBOX);
    while !shutdown.is_draining() {
        let pause = match relay_batch(&db, queue.as_ref(), BATCH_MAX).await {
            Ok(0) => POLL,
            Ok(_) => continue,
            Err(cause) => {
                tracing::warn!(error = cause.detail(), "the outbox waits: its rings could not be published");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        tokio::select! {
            () = shutdown.draining() => {}
            _ = notices.next() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}

/// Publishes one batch of at most `rows_max`. Answers how many rows it had.
pub(super) async fn relay_batch(db: &Db, queue: &dyn Queue, rows_max: i64) -> Result<usize> {
    let batch = db.outbox_batch(rows_max).await?;
    let rows = batch.len();
    if rows > 0 {
        let publish = tokio::time::timeout(PUBLISH_TIMEOUT, queue.publish(&batch.rings));
        publish.await.map_err(|cause| Error::unavailable("the queue").caused_by(cause))??;
        batch.published().await?;
    }
    Ok(rows)
}
