//! What this edge keeps: whole objects, in memory, the least recently used leave first.

use bytes::Bytes;
use marquee_core::object::Key;
use moka::{policy::EvictionPolicy, sync::Cache};
use std::sync::Arc;

/// What an entry costs beside its bytes: names, headers, the list of what was used when.
const ENTRY_BYTES: usize = 512;

/// An object that is here from its first byte to its last.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Strong, quoted.
    pub(crate) etag: String,
    /// The bytes as stored at the origin.
    pub(crate) body: Bytes,
    /// The same in gzip, where that is worth it.
    pub(crate) gzip: Option<Bytes>,
}

impl Whole {
    fn cost_bytes(&self) -> usize {
        self.body.len() + self.gzip.as_ref().map_or(0, Bytes::len) + ENTRY_BYTES
    }
}

/// A bounded number of bytes, by key.
pub(crate) struct Store {
    entries: Cache<Key, Arc<Whole>>,
}

impl Store {
    /// An empty store for `memory_bytes`.
    pub(crate) fn new(memory_bytes: u64) -> Self {
        let cost = |_: &Key, whole: &Arc<Whole>| u32::try_from(whole.cost_bytes()).unwrap_or(u32::MAX);
        let entries = Cache::builder().max_capacity(memory_bytes).weigher(cost).eviction_policy(EvictionPolicy::lru());
        Self { entries: entries.build() }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Whole>> {
        self.entries.get(key)
    }

    pub(crate) fn insert(&self, key: Key, whole: Arc<Whole>) {
        self.entries.insert(key, whole);
    }

    /// Bytes that are kept now, as of the last tidying.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.entries.weighted_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        Key::parse(&format!("media/v/e/{number}")).expect("a good key")
    }

    fn whole(size: usize) -> Arc<Whole> {
        Arc::new(Whole { etag: "\"e\"".into(), body: vec![7; size].into(), gzip: None })
    }

    #[test]
    fn the_bound_holds_and_what_is_used_stays() {
        let store = Store::new(100_000);
        for number in 0..100 {
            store.insert(key(number), whole(10_000 - ENTRY_BYTES));
            assert!(store.get(&key(0)).is_some(), "used after each insertion, {number}");
            store.entries.run_pending_tasks();
            assert!(store.size_bytes() <= 100_000);
        }
        assert!(store.get(&key(99)).is_some() && store.get(&key(50)).is_none());
    }

    #[test]
    fn what_is_larger_than_everything_is_not_kept() {
        let store = Store::new(10_000);
        store.insert(key(1), whole(20_000));
        store.entries.run_pending_tasks();
        assert!(store.get(&key(1)).is_none());
        assert_eq!(store.size_bytes(), 0);
    }
}
