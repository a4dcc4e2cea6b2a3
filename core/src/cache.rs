//! The cache port: losing everything in it costs speed, never truth.

use crate::Result;
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// A bounded key-value cache with expiry.
///
/// # Contract
/// Keys are at most 256 bytes. Any entry may vanish at any time. Counters are exact within one window on one adapter.
#[async_trait]
pub trait Cache: Send + Sync + 'static {
    /// The value under `key`, if it is there and has not expired.
    async fn get(&self, key: &str) -> Result<Option<Bytes>>;

    /// Stores `value` for at most `ttl`.
    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<()>;

    /// Forgets `key`.
    async fn remove(&self, key: &str) -> Result<()>;

    /// Adds one to the counter under `key`, which starts at zero and is forgotten `window` after its first increment. Answers the new count.
    async fn increment(&self, key: &str, window: Duration) -> Result<u64>;
}
