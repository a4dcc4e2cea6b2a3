//! How a process stops: a soft signal (finish what you have), a hard one (stop now), and a count of who still works.

use std::future::Future;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Handed to every long-running task. Clones share state.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// A running process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every task to take nothing new and finish what it has.
    pub fn drain(&self) {
        self.soft.cancel();
        self.tasks.close();
    }

    /// Asks every task to stop now. Implies [`Self::drain`].
    pub fn stop(&self) {
        self.drain();
        self.hard.cancel();
    }

    /// True once draining has begun: readiness is red, nothing new is taken.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Resolves when draining begins.
    pub async fn draining(&self) {
        self.soft.cancelled().await;
    }

    /// Resolves when everything must stop at once.
    pub async fn stopping(&self) {
        self.hard.cancelled().await;
    }

    /// Token of the soft signal, for APIs that take one.
    #[must_use]
    pub fn soft_token(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Token of the hard signal, for APIs that take one.
    #[must_use]
    pub fn hard_token(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Runs an essential task. A task that ends by itself, in error or not, before draining began drains the process:
    /// half a node is worse than a restarted one.
    pub fn spawn_essential<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = crate::Result<()>> + Send + 'static,
    {
        let shutdown = self.clone();
        self.tasks.spawn(async move {
            let outcome = tokio::spawn(task).await;
            match outcome {
                Ok(Ok(())) if shutdown.is_draining() => {}
                Ok(Ok(())) => tracing::error!(task.name = name, "essential task ended early"),
                Ok(Err(error)) => tracing::error!(task.name = name, error = error.detail(), "essential task failed"),
                Err(error) => tracing::error!(task.name = name, error = %error, "essential task panicked"),
            }
            shutdown.drain();
        });
    }

    /// Resolves when every task spawned here has ended. Only meaningful after [`Self::drain`].
    pub async fn finished(&self) {
        self.tasks.wait().await;
    }
}
