//! A consumer that fetches a message whenever a slot is free.

use async_trait::async_trait;
use marquee_core::{
    Error, Result,
    queue::{Consumer, Delivery},
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

/// Looks for messages.
#[async_trait]
pub(super) trait Search: Send + Sync + 'static {
    /// Waits until there is a message, which keeps `slot` until it is acknowledged or dropped; `None` when the consumer is
    /// gone. Runs as a task of its own, so that nothing cancels it between taking a message and handing it over.
    async fn find(self: Arc<Self>, slot: OwnedSemaphorePermit) -> Option<Box<dyn Delivery>>;
}

/// See the module.
pub(super) struct PullConsumer<S> {
    search: Arc<S>,
    slots: Arc<Semaphore>,
    /// A search that was begun and whose caller went away.
    pending: Option<JoinHandle<Option<Box<dyn Delivery>>>>,
    _gone: DropGuard,
}

impl<S: Search> PullConsumer<S> {
    /// A consumer with `prefetch` slots. `gone` fires when it is dropped.
    pub(super) fn new(search: Arc<S>, prefetch: u16, gone: DropGuard) -> Self {
        let slots = Arc::new(Semaphore::new(prefetch.max(1).into()));
        Self { search, slots, pending: None, _gone: gone }
    }
}

#[async_trait]
impl<S: Search> Consumer for PullConsumer<S> {
    async fn next(&mut self) -> Result<Box<dyn Delivery>> {
        if self.pending.is_none() {
            let slot = self.slots.clone().acquire_owned().await.map_err(Error::internal)?;
            self.pending = Some(tokio::spawn(self.search.clone().find(slot)));
        }
        let found = match &mut self.pending {
            Some(pending) => pending.await.map_err(Error::internal),
            None => Ok(None),
        };
        self.pending = None;
        found?.ok_or_else(|| Error::internal("the search ended before its consumer"))
    }
}
