//! What the end-to-end tests stand on: a running Marquee, a client, clips, and the ffmpeg program as judge.

pub(crate) mod client;
pub(crate) mod clip;
pub(crate) mod cluster;
pub(crate) mod hls;
pub(crate) mod judge;
pub(crate) mod media;
pub(crate) mod node;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod solo;
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

/// Bytes of all files in `folder` and below.
pub(crate) fn bytes_below(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Every file in `folder` and below.
pub(crate) fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
