//! What the end-to-end tests stand on: a running Marquee, a client, clips, and the ffmpeg program as judge.

pub(crate) mod client;
pub(crate) mod clip;
pub(crate) mod hls;
pub(crate) mod judge;
pub(crate) mod media;
pub(crate) mod node;
pub(crate) mod process;
pub(crate) mod tus;

/// Calls `probe` until it answers something; panics with `what` after `limit`.
pub(crate) async fn eventually<T, F>(what: &str, limit: std::time::Duration, mut probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let give_up = tokio::time::Instant::now() + limit;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < give_up, "after {limit:?} still not: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
