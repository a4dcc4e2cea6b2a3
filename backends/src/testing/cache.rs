//! What every cache must do.

use super::eventually;
use bytes::Bytes;
use futures::future::join_all;
use marquee_core::cache::Cache;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_millis(300);

/// Runs the suite on an empty cache.
///
/// # Panics
/// When the cache breaks its contract.
pub async fn cache_contract(cache: &dyn Cache) {
    values_come_and_go(cache).await;
    values_expire(cache).await;
    counters_count_each_call_once(cache).await;
    counters_begin_anew_after_their_window(cache).await;
    odd_keys_and_values(cache).await;
}

async fn values_come_and_go(cache: &dyn Cache) {
    assert_eq!(cache.get("a").await.expect("read"), None);
    cache.set("a", Bytes::from_static(b"1"), LONG).await.expect("stored");
    cache.set("a", Bytes::from_static(b"2"), LONG).await.expect("replaced");
    assert_eq!(cache.get("a").await.expect("read").as_deref(), Some(b"2".as_slice()));
    assert_eq!(cache.get("A").await.expect("read"), None);
    cache.remove("a").await.expect("removed");
    cache.remove("a").await.expect("removing what is not there succeeds");
    assert_eq!(cache.get("a").await.expect("read"), None);
}

async fn values_expire(cache: &dyn Cache) {
    cache.set("brief", Bytes::from_static(b"x"), SHORT).await.expect("stored");
    cache.set("lasting", Bytes::from_static(b"x"), SHORT).await.expect("stored");
    cache.set("lasting", Bytes::from_static(b"y"), LONG).await.expect("replaced with a longer life");
    eventually("a value expires", || async { cache.get("brief").await.expect("read").is_none() }).await;
    assert_eq!(cache.get("lasting").await.expect("read").as_deref(), Some(b"y".as_slice()));
}

async fn counters_count_each_call_once(cache: &dyn Cache) {
    let mut counts: Vec<_> = join_all((0..50).map(|_| cache.increment("hits", LONG))).await;
    counts.sort_by_key(|count| *count.as_ref().expect("counted"));
    let counts: Vec<_> = counts.into_iter().map(|count| count.expect("counted")).collect();
    assert_eq!(counts, (1..=50).collect::<Vec<_>>());
    assert_eq!(cache.increment("other hits", LONG).await.expect("counted"), 1);
    cache.remove("hits").await.expect("removed");
    assert_eq!(cache.increment("hits", LONG).await.expect("counted"), 1, "a removed counter begins anew");
    cache.remove("hits").await.expect("removed");
    assert_eq!(cache.increment("hits", LONG).await.expect("counted"), 1, "a removed counter begins anew");
}

async fn counters_begin_anew_after_their_window(cache: &dyn Cache) {
    // Counting on must not make the window longer: an increment every moment still sees it end.
    assert_eq!(cache.increment("window", SHORT).await.expect("counted"), 1);
    let last = std::sync::atomic::AtomicU64::new(1);
    eventually("a counter begins anew", || async {
        let count = cache.increment("window", SHORT).await.expect("counted");
        count <= last.swap(count, std::sync::atomic::Ordering::Relaxed)
    })
    .await;
}

async fn odd_keys_and_values(cache: &dyn Cache) {
    let longest = "k".repeat(256);
    cache.set(&longest, Bytes::new(), LONG).await.expect("an empty value under the longest key");
    assert_eq!(cache.get(&longest).await.expect("read"), Some(Bytes::new()));
    assert!(cache.set(&"k".repeat(257), Bytes::new(), LONG).await.is_err(), "a longer key is refused");
    let large = Bytes::from(vec![7; 1 << 20]);
    cache.set("large: ä {} \n", large.clone(), LONG).await.expect("stored");
    assert_eq!(cache.get("large: ä {} \n").await.expect("read"), Some(large));
}
