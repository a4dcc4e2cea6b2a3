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
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long running jobs may go on once draining has begun.
const DRAIN_MAX: Duration = Duration::from_secs(25);

/// Runs jobs in a fixed number of slots.
pub struct Runner {
    queue: Arc<dyn Queue>,
    slots: Arc<Semaphore>,
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
        let slots = Arc::new(Semaphore::new(worker.slots.into()));
        Self { queue, slots, wanted, attempts: Arc::new(attempts), drain_max: DRAIN_MAX }
    }

    /// Works until the process drains. Then takes nothing new, lets running jobs finish for a bounded time or until the hard
    /// signal, and gives back those that did not.
    ///
    /// # Errors
    /// When the queue cannot be consumed.
    pub async fn run(self, shutdown: Shutdown) -> Result<()> {
        let mut consumer = self.queue.subscribe(self.wanted.clone()).await?;
        let mut running = JoinSet::new();
        let outcome = self.take(consumer.as_mut(), &mut running, &shutdown).await;
        let finish = async { while running.join_next().await.is_some() {} };
        tokio::select! {
            () = finish => {}
            () = shutdown.stopping() => {}
            () = tokio::time::sleep(self.drain_max) => {}
        }
        self.attempts.stop();
        while running.join_next().await.is_some() {}
        outcome
    }

    async fn take(&self, consumer: &mut dyn Consumer, running: &mut JoinSet<()>, shutdown: &Shutdown) -> Result<()> {
        loop {
            let slot = tokio::select! {
                biased;
                () = shutdown.draining() => return Ok(()),
                slot = self.slots.clone().acquire_owned() => slot.map_err(Error::internal)?,
            };
            let delivery = tokio::select! {
                biased;
                () = shutdown.draining() => return Ok(()),
                delivery = consumer.next() => delivery?,
            };
            while running.try_join_next().is_some() {}
            let (attempts, shutdown) = (self.attempts.clone(), shutdown.clone());
            running.spawn(async move {
                let rest = attempts.deliver(delivery).await;
                tokio::select! {
                    () = tokio::time::sleep(rest) => {}
                    () = shutdown.draining() => {}
                }
                drop(slot);
            });
        }
    }
}
