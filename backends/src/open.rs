//! From the URLs of a configuration to adapters. The only place that knows which engines there are.

use crate::{blobs::FileBlobs, cache::MemoryCache, db::Db, queue::PostgresQueue};
use marquee_core::{Error, Result, blobs::Blobs, cache::Cache, queue::Queue};
use std::sync::Arc;
use url::Url;

/// The object store at `url`: `file:///absolute/folder`, made if it is not there.
///
/// # Errors
/// `Invalid` for another scheme, else why the folder cannot be used.
pub async fn blobs(url: &Url) -> Result<Arc<dyn Blobs>> {
    match url.scheme() {
        "file" => {
            let folder = url.to_file_path().map_err(|()| unknown("blobs.url", url, "file:///absolute/folder"))?;
            Ok(Arc::new(FileBlobs::open(&folder).await?))
        }
        _ => Err(unknown("blobs.url", url, "file:///absolute/folder")),
    }
}

/// The job queue at `url`: `postgres:` keeps it in the database.
///
/// # Errors
/// `Invalid` for another scheme.
pub async fn queue(url: &Url, db: &Db) -> Result<Arc<dyn Queue>> {
    match url.scheme() {
        "postgres" => Ok(Arc::new(PostgresQueue::new(db.clone()))),
        _ => Err(unknown("queue.url", url, "postgres:")),
    }
}

/// The cache at `url`: `memory:` keeps it in this process.
///
/// # Errors
/// `Invalid` for another scheme.
pub async fn cache(url: &Url) -> Result<Arc<dyn Cache>> {
    match url.scheme() {
        "memory" => Ok(Arc::new(MemoryCache::new())),
        _ => Err(unknown("cache.url", url, "memory:")),
    }
}

fn unknown(key: &str, url: &Url, expected: &str) -> Error {
    Error::invalid("invalid_config", format!("{key} is {}:… but must be {expected}", url.scheme()))
}
