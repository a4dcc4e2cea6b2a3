//! One fetch at a time for each key, however many ask, and whoever of them leaves.

use marquee_core::Error;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What a fetch comes to, for everyone who waits for it.
pub(crate) type Outcome<T> = Result<T, Arc<Error>>;

/// The fetches that are under way. Nothing is kept once a fetch has ended: that is the store's business.
pub(crate) struct Flight<K: Eq + Hash, T> {
    going: Mutex<HashMap<K, watch::Receiver<Option<Outcome<T>>>>>,
}

/// Where a fetch tells its outcome. It may go on afterwards, as one does that shares bytes while they arrive; until it ends,
/// whoever asks is given the same outcome.
pub(crate) struct Landing<T>(watch::Sender<Option<Outcome<T>>>);

impl<T> Landing<T> {
    /// Tells everyone who waits, and everyone who comes before the fetch ends.
    pub(crate) fn share(&self, outcome: Outcome<T>) {
        self.0.send_replace(Some(outcome));
    }
}

impl<K, T> Flight<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { going: Mutex::new(HashMap::new()) })
    }

    /// The outcome of the fetch of `key` that is under way, else of a new one. `stored` is asked once more when none is under
    /// way, because the last may have ended, its result stored, since the caller looked. The fetch is a task of its own: it goes on
    /// when its first caller leaves.
    pub(crate) async fn join<F>(
        self: &Arc<Self>,
        key: &K,
        stored: impl FnOnce() -> Option<T>,
        fetch: impl FnOnce(Landing<T>) -> F,
    ) -> Outcome<T>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut outcome = {
            let mut going = self.going();
            if let Some(outcome) = going.get(key) {
                outcome.clone()
            } else if let Some(stored) = stored() {
                return Ok(stored);
            } else {
                let (sender, outcome) = watch::channel(None);
                going.insert(key.clone(), outcome.clone());
                let ended = Ended { flight: self.clone(), key: key.clone() };
                let fetch = fetch(Landing(sender));
                tokio::spawn(async move {
                    let _ended = ended;
                    fetch.await;
                });
                outcome
            }
        };
        let shared = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        shared.ok().flatten().unwrap_or_else(|| Err(Arc::new(Error::internal("a fetch ended without an outcome"))))
    }

    fn going(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<Outcome<T>>>>> {
        self.going.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a fetch off the list when it ends, by a panic too.
struct Ended<K: Eq + Hash, T> {
    flight: Arc<Flight<K, T>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Ended<K, T> {
    fn drop(&mut self) {
        self.flight.going.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::ErrorKind;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// Counts fetches of one key and lets them end when told.
    struct Gate {
        flight: Arc<Flight<&'static str, usize>>,
        fetches: Arc<AtomicUsize>,
        open: Arc<Semaphore>,
    }

    impl Gate {
        fn new() -> Self {
            Self { flight: Flight::new(), fetches: Arc::default(), open: Arc::new(Semaphore::new(0)) }
        }

        /// One that asks; the fetch waits for the gate and answers how many fetches there were.
        fn ask(&self) -> tokio::task::JoinHandle<Outcome<usize>> {
            let (flight, fetches, open) = (self.flight.clone(), self.fetches.clone(), self.open.clone());
            tokio::spawn(async move {
                let fetch = |landing: Landing<usize>| async move {
                    let number = fetches.fetch_add(1, Ordering::SeqCst) + 1;
                    let _pass = open.acquire().await;
                    landing.share(if number == 1 { Ok(number) } else { Err(Arc::new(Error::unavailable("it"))) });
                };
                flight.join(&"key", || None, fetch).await
            })
        }

        async fn until_fetching(&self) {
            while self.fetches.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn a_thousand_callers_make_one_fetch() {
        let gate = Gate::new();
        let callers: Vec<_> = (0..1000).map(|_| gate.ask()).collect();
        gate.until_fetching().await;
        gate.open.add_permits(1);
        for caller in callers {
            assert_eq!(caller.await.expect("no panic").ok(), Some(1));
        }
        assert_eq!(gate.fetches.load(Ordering::SeqCst), 1);
        assert!(gate.flight.going().is_empty());
    }

    #[tokio::test]
    async fn the_fetch_outlives_who_began_it() {
        let gate = Gate::new();
        let leader = gate.ask();
        gate.until_fetching().await;
        let follower = gate.ask();
        tokio::task::yield_now().await;
        leader.abort();
        gate.open.add_permits(1);
        assert_eq!(follower.await.expect("no panic").ok(), Some(1));
        assert_eq!(gate.fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_error_is_shared_but_not_kept() {
        let gate = Gate::new();
        gate.open.add_permits(1);
        assert_eq!(gate.ask().await.expect("no panic").ok(), Some(1));
        let error = gate.ask().await.expect("no panic").expect_err("the second fetch fails");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(gate.fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_was_stored_meanwhile_is_not_fetched_again() {
        let gate = Gate::new();
        let fetch = |_landing| async { unreachable!("it is stored") };
        assert_eq!(gate.flight.join(&"key", || Some(7), fetch).await.ok(), Some(7));
    }

    #[tokio::test]
    async fn a_fetch_that_panics_fails_its_callers_and_frees_the_key() {
        let gate = Gate::new();
        let fetch = |_landing: Landing<usize>| async { panic!("a planned panic") };
        let error = gate.flight.join(&"key", || None, fetch).await.expect_err("panicked");
        assert_eq!(error.kind(), ErrorKind::Internal);
        while !gate.flight.going().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}
