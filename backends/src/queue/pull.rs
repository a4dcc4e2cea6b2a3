//! A consumer that fetches a message whenever a slot is free.

use async_trait::async_trait;
use marquee_core::{
    Error, Result,
    queue::{Consumer, Delivery},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Looks for messages.
#[async_trait]
pub(super) trait Search: Send + Sync + 'static {
    /// Waits until there is a message, which keeps `slot` until it is acknowledged or dropped; `None` once the consumer is
    /// `stopped`. Runs as a task of its own, so that nothing cancels it between taking a message and handing it over: a message
    /// that nobody waits for any more is dropped, which gives it back.
    async fn find(self: Arc<Self>, slot: OwnedSemaphorePermit, stopped: CancellationToken) -> Option<Box<dyn Delivery>>;
}

type Found = Option<Box<dyn Delivery>>;

/// See the module.
pub(super) struct PullConsumer<S> {
    search: Arc<S>,
    slots: Arc<Semaphore>,
    /// Searches that were begun and whose callers went away.
    orphans: Mutex<Vec<JoinHandle<Found>>>,
    /// Rings for each of them: whoever waits for a slot can take it instead.
    orphaned: Notify,
    /// Searches take nothing more.
    stopped: CancellationToken,
    _gone: DropGuard,
}

impl<S: Search> PullConsumer<S> {
    /// A consumer with `prefetch` slots. `gone` fires when it is dropped.
    pub(super) fn new(search: Arc<S>, prefetch: u16, gone: CancellationToken) -> Self {
        let slots = Arc::new(Semaphore::new(prefetch.max(1).into()));
        let (stopped, gone) = (gone.child_token(), gone.drop_guard());
        Self { search, slots, orphans: Mutex::default(), orphaned: Notify::new(), stopped, _gone: gone }
    }

    fn orphans(&self) -> MutexGuard<'_, Vec<JoinHandle<Found>>> {
        self.orphans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find(&self) -> Result<Box<dyn Delivery>> {
        let mut awaited = Awaited { consumer: self, search: Some(self.search().await?) };
        let found = match &mut awaited.search {
            Some(search) => search.await,
            None => Ok(None),
        };
        awaited.search = None;
        found.map_err(Error::internal)?.ok_or_else(|| Error::internal("the search ended before its consumer"))
    }

    /// A search of nobody, or a new one once there is a slot.
    async fn search(&self) -> Result<JoinHandle<Found>> {
        loop {
            let orphan = self.orphans().pop();
            if let Some(orphan) = orphan {
                return Ok(orphan);
            }
            tokio::select! {
                slot = self.slots.clone().acquire_owned() => {
                    let slot = slot.map_err(Error::internal)?;
                    return Ok(tokio::spawn(self.search.clone().find(slot, self.stopped.clone())));
                }
                () = self.orphaned.notified() => {}
            }
        }
    }
}

/// A search that becomes an orphan if its caller goes away.
struct Awaited<'a, S: Search> {
    consumer: &'a PullConsumer<S>,
    search: Option<JoinHandle<Found>>,
}

impl<S: Search> Drop for Awaited<'_, S> {
    fn drop(&mut self) {
        let Some(search) = self.search.take() else { return };
        let mut orphans = self.consumer.orphans();
        // Else it ends by itself, and what it may have found yet is dropped.
        if !self.consumer.stopped.is_cancelled() {
            orphans.push(search);
            self.consumer.orphaned.notify_one();
        }
    }
}

#[async_trait]
impl<S: Search> Consumer for PullConsumer<S> {
    async fn next(&self) -> Result<Box<dyn Delivery>> {
        let stopped = || Error::internal("the consumer takes nothing more");
        self.stopped.run_until_cancelled(self.find()).await.ok_or_else(stopped)?
    }

    fn stop(&self) {
        let mut orphans = self.orphans();
        self.stopped.cancel();
        orphans.clear();
    }
}
