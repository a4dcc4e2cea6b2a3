//! Things that are worth remembering for a moment only.

use marquee_core::object::Key;
use moka::{policy::EvictionPolicy, sync::Cache};
use std::time::{Duration, Instant};

/// Values by key, each forgotten after a while.
pub(crate) struct Recent<T> {
    entries: Cache<Key, (T, Instant)>,
}

impl<T: Clone + Send + Sync + 'static> Recent<T> {
    /// Remembers for `life`, values of at most `capacity` in all as `cost` counts them; each counts its key as well.
    pub(crate) fn new(life: Duration, capacity: u64, cost: impl Fn(&T) -> usize + Send + Sync + 'static) -> Self {
        let cost = move |_: &Key, (value, _): &(T, Instant)| u32::try_from(cost(value)).unwrap_or(u32::MAX);
        let entries = Cache::builder().max_capacity(capacity).weigher(cost).time_to_live(life);
        Self { entries: entries.eviction_policy(EvictionPolicy::lru()).build() }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<T> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// The value under `key` if it is no older than `age`.
    pub(crate) fn get_within(&self, key: &Key, age: Duration) -> Option<T> {
        self.entries.get(key).filter(|(_, since)| since.elapsed() <= age).map(|(value, _)| value)
    }

    pub(crate) fn insert(&self, key: Key, value: T) {
        self.entries.insert(key, (value, Instant::now()));
    }
}
