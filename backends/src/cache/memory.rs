//! `memory:`: a cache inside this process, bounded in bytes and entries.

use super::check;
use async_trait::async_trait;
use bytes::Bytes;
use marquee_core::{Result, cache::Cache};
use moka::{Expiry, policy::EvictionPolicy, sync};
use std::time::{Duration, Instant};

/// Bytes that all entries may take, their keys and bookkeeping included.
const BYTES_MAX: u64 = 64 << 20;
/// What an entry weighs besides its bytes, so that many small ones are bounded too.
const ENTRY_BYTES: usize = 128;
/// Counters that are kept; the least recently used goes first.
const COUNTERS_MAX: u64 = 100_000;

/// A value and how long it may live.
#[derive(Clone)]
struct Entry<V> {
    value: V,
    ttl: Duration,
}

/// Lets each entry live as long as it says, counted from when it was stored; replacing a value starts anew.
struct Since {
    /// Whether a change of the value starts anew.
    restart: bool,
}

impl<V> Expiry<String, Entry<V>> for Since {
    fn expire_after_create(&self, _: &String, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(&self, _: &String, entry: &Entry<V>, _: Instant, left: Option<Duration>) -> Option<Duration> {
        if self.restart { Some(entry.ttl) } else { left }
    }
}

/// See the module.
pub struct MemoryCache {
    values: sync::Cache<String, Entry<Bytes>>,
    /// Apart, so that values never push out the counters that limit somebody's rate.
    counters: sync::Cache<String, Entry<u64>>,
}

impl MemoryCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(BYTES_MAX, COUNTERS_MAX)
    }

    fn bounded(bytes_max: u64, counters_max: u64) -> Self {
        let weight =
            |key: &String, entry: &Entry<Bytes>| u32::try_from(key.len() + entry.value.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        let values = sync::Cache::builder().max_capacity(bytes_max).weigher(weight).expire_after(Since { restart: true });
        let counters = sync::Cache::builder().max_capacity(counters_max).expire_after(Since { restart: false });
        Self { values: values.build(), counters: counters.eviction_policy(EvictionPolicy::lru()).build() }
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>> {
        Ok(self.values.get(key).map(|entry| entry.value))
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Duration) -> Result<()> {
        check(key)?;
        self.values.insert(key.to_owned(), Entry { value, ttl });
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<()> {
        self.values.invalidate(key);
        self.counters.invalidate(key);
        Ok(())
    }

    async fn increment(&self, key: &str, window: Duration) -> Result<u64> {
        check(key)?;
        let counted = self.counters.entry_by_ref(key).and_upsert_with(|before| match before {
            Some(before) => Entry { value: before.into_value().value.saturating_add(1), ttl: window },
            None => Entry { value: 1, ttl: window },
        });
        Ok(counted.into_value().value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_contract() {
        crate::testing::cache_contract(&MemoryCache::new()).await;
    }

    #[tokio::test]
    async fn stays_within_its_bytes_and_entries() {
        let cache = MemoryCache::bounded(10_000, 5);
        for number in 0..1000 {
            cache.set(&format!("key{number}"), Bytes::from(vec![0; 100]), Duration::from_secs(60)).await.expect("stored");
            cache.increment(&format!("counter{number}"), Duration::from_secs(60)).await.expect("counted");
        }
        cache.values.run_pending_tasks();
        cache.counters.run_pending_tasks();
        assert!(cache.values.weighted_size() <= 10_000);
        assert!(cache.values.entry_count() > 10, "it keeps something");
        assert!(cache.counters.entry_count() <= 5);
    }

    #[tokio::test]
    async fn values_do_not_push_out_counters() {
        let cache = MemoryCache::bounded(10_000, 5);
        cache.increment("logins", Duration::from_secs(60)).await.expect("counted");
        for number in 0..1000 {
            cache.set(&format!("key{number}"), Bytes::from(vec![0; 100]), Duration::from_secs(60)).await.expect("stored");
        }
        assert_eq!(cache.increment("logins", Duration::from_secs(60)).await.ok(), Some(2));
    }
}
