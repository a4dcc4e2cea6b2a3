//! What a job's code sees of its worker.

use crate::db::jobs::Claim;
use async_trait::async_trait;
use marquee_core::job::Failure;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tokio_util::sync::CancellationToken;

/// Does jobs.
///
/// # Contract
/// A success has committed the job's result and its completion in one transaction. When [`Work::cancelled`] fires the
/// handler returns soon, with any failure; what it commits after that is refused by the fence.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Runs one attempt.
    async fn run(&self, claim: &Claim, work: &Work) -> Result<(), Failure>;
}

/// An attempt that is under way. Clones share state.
#[derive(Clone, Debug, Default)]
pub struct Work {
    progress: Arc<AtomicU32>,
    cancel: CancellationToken,
}

impl Work {
    /// Work that has just begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how far the attempt is, from 0 to 1. Stored with the next heartbeat.
    pub fn progress(&self, part: f32) {
        self.progress.store(part.to_bits(), Ordering::Relaxed);
    }

    /// Fires when the attempt must end: its lease is lost, or the process stops.
    #[must_use]
    pub fn cancelled(&self) -> CancellationToken {
        self.cancel.clone()
    }

    pub(super) fn reached(&self) -> f32 {
        f32::from_bits(self.progress.load(Ordering::Relaxed))
    }

    pub(super) fn cancel(&self) {
        self.cancel.cancel();
    }
}
