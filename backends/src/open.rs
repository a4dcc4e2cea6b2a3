//! From the URLs of a configuration to adapters. The only place that knows which engines there are.
//!
//! An engine that does not answer yet is waited for: in a cluster things start in any order.

use crate::{blobs::FileBlobs, cache::MemoryCache, db::Db, queue::PostgresQueue};
use marquee_core::{Error, Result, blobs::Blobs, cache::Cache, queue::Queue};
use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

/// First pause between two tries to reach an engine; it doubles …
const PAUSE: Duration = Duration::from_millis(250);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What somebody does with an object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    Write,
    /// Reads only, as an edge does: it needs no more rights than that.
    Read,
}

/// The database at `url`, waited for up to `patience`.
///
/// # Errors
/// `Unavailable` if it does not answer in time, else why it refuses.
pub async fn database(url: &Url, patience: Duration) -> Result<Db> {
    waited("database.url", patience, || Db::connect(url)).await
}

/// The same with the replica at `url`, waited for up to `patience`.
///
/// # Errors
/// As [`database`].
pub async fn with_replica(db: Db, url: &Url, patience: Duration) -> Result<Db> {
    waited("database.read_url", patience, || db.clone().with_replica(url)).await
}

/// The object store at `url`, waited for up to `patience`: `file:///absolute/folder`, made if it is not there, or
/// `s3://bucket?…`, see [`crate::blobs`].
///
/// # Errors
/// `Invalid` for another scheme, else why the store cannot be used.
#[cfg_attr(not(feature = "s3"), expect(unused_variables, reason = "a folder is waited for by nobody"))]
pub async fn blobs(url: &Url, access: Access, patience: Duration) -> Result<Arc<dyn Blobs>> {
    match url.scheme() {
        "file" => {
            let folder = url.to_file_path().map_err(|()| unknown("blobs.url", url, "file:///absolute/folder"))?;
            Ok(Arc::new(FileBlobs::open(&folder).await?))
        }
        #[cfg(feature = "s3")]
        "s3" => {
            use crate::blobs::S3Blobs;
            let open = async || if access == Access::Write { S3Blobs::open(url).await } else { S3Blobs::open_to_read(url).await };
            Ok(Arc::new(waited("blobs.url", patience, open).await?))
        }
        _ => Err(unknown("blobs.url", url, "file:///absolute/folder or s3://bucket")),
    }
}

/// The job queue at `url`, waited for up to `patience`: `postgres:` keeps it in the database, `amqp:` and `amqps:` in RabbitMQ.
///
/// # Errors
/// `Invalid` for another scheme, else why the queue cannot be used.
#[cfg_attr(not(feature = "rabbitmq"), expect(unused_variables, reason = "the database has been waited for"))]
pub async fn queue(url: &Url, db: &Db, patience: Duration) -> Result<Arc<dyn Queue>> {
    match url.scheme() {
        "postgres" => Ok(Arc::new(PostgresQueue::new(db.clone()))),
        #[cfg(feature = "rabbitmq")]
        "amqp" | "amqps" => {
            let queue = waited("queue.url", patience, || crate::queue::RabbitQueue::connect(url)).await?;
            Ok(Arc::new(queue))
        }
        _ => Err(unknown("queue.url", url, "postgres: or amqp://host")),
    }
}

/// The cache at `url`, waited for up to `patience`: `memory:` keeps it in this process, `redis:` and `rediss:` in Redis.
///
/// # Errors
/// `Invalid` for another scheme, else why the cache cannot be used.
#[cfg_attr(not(feature = "redis"), expect(unused_variables, reason = "memory is waited for by nobody"))]
pub async fn cache(url: &Url, patience: Duration) -> Result<Arc<dyn Cache>> {
    match url.scheme() {
        "memory" => Ok(Arc::new(MemoryCache::new())),
        #[cfg(feature = "redis")]
        "redis" | "rediss" => Ok(waited("cache.url", patience, || crate::cache::redis::connect(url)).await?.into()),
        _ => Err(unknown("cache.url", url, "memory: or redis://host")),
    }
}

/// Tries `open` until it succeeds, fails for good, or `patience` is over. Says what it waits for.
async fn waited<T, F: Future<Output = Result<T>>>(key: &str, patience: Duration, open: impl Fn() -> F) -> Result<T> {
    let give_up = Instant::now() + patience;
    let mut pause = PAUSE;
    loop {
        let opened =
            timeout_at(give_up, open()).await.unwrap_or_else(|late| Err(Error::unavailable("the engine").caused_by(late)));
        let cause = match opened {
            Err(cause) if is_insecure(&cause) => {
                let told = format!(
                    "{key}: TLS fails. Is this the port for it, is the certificate for this host, is its CA known here, or in \
                     the file that SSL_CERT_FILE names?"
                );
                return Err(Error::invalid("invalid_config", told).caused_by(cause));
            }
            Err(cause) if cause.kind().is_transient() => cause,
            opened => return opened,
        };
        if Instant::now() + pause >= give_up {
            let told = format!("{key}: no answer in {} s, is the engine running?", patience.as_secs());
            return Err(Error::new(cause.kind(), "unavailable", told).caused_by(cause));
        }
        tracing::warn!(key, error = cause.detail(), "waiting for an engine that does not answer yet");
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Whether somebody answered, but not as TLS demands: rustls, which all engines' clients use, says so by this kind of error.
fn is_insecure(error: &Error) -> bool {
    type Shared = Arc<dyn std::error::Error + Send + Sync>;
    let mut cause = error.source();
    while let Some(deeper) = cause {
        // Redis' client shares its causes.
        let shared = deeper.downcast_ref::<Shared>().and_then(|shared| shared.downcast_ref::<io::Error>());
        if shared.or(deeper.downcast_ref()).is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        cause = deeper.source();
    }
    false
}

fn unknown(key: &str, url: &Url, expected: &str) -> Error {
    Error::invalid("invalid_config", format!("{key} is {}:… but must be {expected}", url.scheme()))
}
