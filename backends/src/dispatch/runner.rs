//! The worker's loop: a bounded number of attempts at a time, and how it ends.

use super::{attempt::Attempts, handler::Handler};
use crate::db::Db;
use marquee_core::{
    Error, Result, Shutdown,
    config::Worker,
    id::WorkerId,
    queue::{Consumer, Queue, Subscription},
};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long running jobs may go on once draining has begun.
const DRAIN_MAX: Duration = Duration::from_secs(25);

/// Runs jobs in a fixed number of slots.
pub struct Runner {
    queue: Arc<dyn Queue>,
    wanted: Subscription,
    attempts: Arc<Attempts>,
    drain_max: Duration,
}

impl Runner {
    /// The worker called `id`, which takes what `worker` says.
    #[must_use]
    pub fn new(db: Db, queue: Arc<dyn Queue>, handler: Arc<dyn Handler>, worker: &Worker, id: WorkerId) -> Self {
        let wanted = Subscription { kinds: worker.kinds.clone(), classes: worker.classes.clone(), prefetch: worker.slots };
        let attempts = Attempts::new(db, handler, id.to_string(), worker.slots);
        Self { queue, wanted, attempts: Arc::new(attempts), drain_max: DRAIN_MAX }
    }

    /// Works until the process drains. Then takes nothing new, lets running jobs finish for a bounded time or until the hard
    /// signal, and gives back those that did not.
    ///
    /// # Errors
    /// When the queue cannot be consumed.
    pub async fn run(self, shutdown: Shutdown) -> Result<()> {
        let consumer: Arc<dyn Consumer> = Arc::from(self.queue.subscribe(self.wanted.clone()).await?);
        let enough = CancellationToken::new();
        let mut slots = JoinSet::new();
        for _ in 0..self.wanted.prefetch.max(1) {
            slots.spawn(work(consumer.clone(), self.attempts.clone(), enough.clone()));
        }
        let outcome = tokio::select! {
            biased;
            () = shutdown.draining() => Ok(()),
            // None ends by itself but for an error.
            Some(ended) = slots.join_next() => ended.map_err(Error::internal).flatten(),
        };
        enough.cancel();
        consumer.stop();
        let finish = async { while slots.join_next().await.is_some() {} };
        tokio::select! {
            () = finish => {}
            () = shutdown.stopping() => {}
            () = tokio::time::sleep(self.drain_max) => {}
        }
        self.attempts.stop();
        while slots.join_next().await.is_some() {}
        outcome
    }
}

/// One slot: takes a message, does what it says, rests if it shall, until it is `enough`.
async fn work(consumer: Arc<dyn Consumer>, attempts: Arc<Attempts>, enough: CancellationToken) -> Result<()> {
    loop {
        let delivery = tokio::select! {
            biased;
            () = enough.cancelled() => return Ok(()),
            delivery = consumer.next() => delivery?,
        };
        let rest = attempts.deliver(delivery).await;
        tokio::select! {
            biased;
            () = enough.cancelled() => return Ok(()),
            () = tokio::time::sleep(rest) => {}
        }
    }
}
