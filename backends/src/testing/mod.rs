//! For the tests of the whole workspace: real engines, made in a moment and gone without a trace, and the suites that every
//! adapter of a port must pass.

mod blobs;
mod cache;
mod database;
mod fixtures;
mod queue;
mod servers;
mod uploads;

#[cfg(feature = "s3")]
pub use crate::blobs::bare_upload;
#[cfg(feature = "rabbitmq")]
pub use crate::queue::{bare_publish, take_set_aside};
pub use blobs::blobs_contract;
pub use cache::cache_contract;
pub use database::{TestDatabase, database, database_url};
pub use fixtures::{protect, ring_for, video};
pub use queue::queue_contract;
#[cfg(feature = "rabbitmq")]
pub use servers::RabbitServer;
#[cfg(feature = "redis")]
pub use servers::RedisServer;
pub use servers::{Authority, Kept, PostgresServer, SpekeServer, free_port};
#[cfg(feature = "s3")]
pub use servers::{MotoServer, S3Server};
pub use uploads::{Uploaded, replaced, uploaded, uploaded_in_parts};

use crate::key_server::KeyServer;
use marquee_core::{OsRandom, config::Protection};
use std::{sync::Arc, time::Duration};

/// How long a test waits for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A key server whose master key all tests know.
///
/// # Panics
/// Never.
#[must_use]
pub fn key_server() -> Arc<KeyServer> {
    key_server_with(Protection::default())
}

/// The same, but configured otherwise.
///
/// # Panics
/// When the configuration is none.
#[must_use]
pub fn key_server_with(config: Protection) -> Arc<KeyServer> {
    let config = Protection { master_key: Some("5e".repeat(32)), ..config };
    Arc::new(KeyServer::new(&config, Arc::new(OsRandom)).expect("a master key"))
}

/// Waits until `condition` holds; panics with `what` if it does not in [`PATIENCE`].
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
