//! From the first signal to the exit code: drain, then stop.

use marquee_core::Shutdown;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long a drain may take before everything is stopped.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// How long tasks may take to notice the hard signal.
const STOP_MAX: Duration = Duration::from_secs(8);

/// Waits for a signal or for an essential task to give up, then drains; a second signal or the deadline stops at once.
/// Answers whether it was people who asked.
///
/// # Errors
/// When signals cannot be listened to.
pub(crate) async fn run_until_stopped(shutdown: &Shutdown) -> std::io::Result<bool> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let asked = tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
        () = shutdown.draining() => false,
    };
    tracing::info!(deadline_s = DRAIN_MAX.as_secs(), "draining, a second signal stops at once");
    shutdown.drain();
    let drained = tokio::select! {
        () = shutdown.finished() => true,
        () = tokio::time::sleep(DRAIN_MAX) => false,
        _ = interrupt.recv() => false,
        _ = terminate.recv() => false,
    };
    if !drained {
        shutdown.stop();
        if tokio::time::timeout(STOP_MAX, shutdown.finished()).await.is_err() {
            tracing::warn!("some tasks did not stop in time");
        }
    }
    Ok(asked)
}
