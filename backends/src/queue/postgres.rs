//! `postgres:`: the queue is a table, woken by `LISTEN`/`NOTIFY`, with a look now and then for what no notice told of.
//!
//! A taken message is hidden until its consumer has had no time to say otherwise; a consumer that vanishes lets it
//! reappear. Time is the database's.

use super::{
    pull::{PullConsumer, Search},
    readable,
};
use crate::db::{Db, Notices, QUEUE};
use async_trait::async_trait;
use marquee_core::{
    Result,
    queue::{Consumer, Delivery, Queue, Ring, Subscription},
};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

/// How long a message stays hidden without word from its consumer.
const HIDDEN: Duration = Duration::from_secs(30);
/// How often a consumer says that it still has its messages.
const KEEP: Duration = Duration::from_secs(8);
/// How long a consumer waits before it looks without having been told.
const POLL: Duration = Duration::from_secs(2);

/// See the module.
pub struct PostgresQueue {
    db: Db,
    hidden: Duration,
}

impl PostgresQueue {
    /// The queue in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, hidden: HIDDEN }
    }
}

#[async_trait]
impl Queue for PostgresQueue {
    async fn publish(&self, rings: &[Ring]) -> Result<()> {
        self.db.queue_add(rings).await
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>> {
        let held = Held::default();
        let (give_back, returned) = mpsc::unbounded_channel();
        let gone = CancellationToken::new();
        tokio::spawn(keep(self.db.clone(), held.clone(), returned, gone.clone(), self.hidden));
        let prefetch = subscription.prefetch;
        let bell = tokio::sync::Mutex::new(self.db.listen(QUEUE));
        let (db, hidden, over) = (self.db.clone(), self.hidden, gone.clone());
        let search = Take { db, wanted: subscription, hidden, bell, held, give_back, gone: over };
        Ok(Box::new(PullConsumer::new(Arc::new(search), prefetch, gone)))
    }
}

/// Messages that this consumer has taken and not acknowledged.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<HashSet<i64>>>);

impl Held {
    fn add(&self, id: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn remove(&self, id: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn all(&self) -> Vec<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Keeps a consumer's messages hidden, gives dropped ones back, and all of them when the consumer is gone.
async fn keep(db: Db, held: Held, mut returned: mpsc::UnboundedReceiver<i64>, gone: CancellationToken, hidden: Duration) {
    let mut beat = tokio::time::interval(KEEP.min(hidden / 3));
    loop {
        let outcome = tokio::select! {
            () = gone.cancelled() => break,
            Some(id) = returned.recv() => {
                held.remove(id);
                db.queue_return(&[id]).await
            }
            _ = beat.tick() => match held.all() {
                ids if ids.is_empty() => Ok(()),
                ids => db.queue_keep(&ids, hidden).await,
            },
        };
        if let Err(cause) = outcome {
            tracing::warn!(error = cause.detail(), "could not tell the queue of messages in hand, they may be delivered twice");
        }
    }
    let ids = held.all();
    if !ids.is_empty()
        && let Err(cause) = db.queue_return(&ids).await
    {
        tracing::warn!(error = cause.detail(), "could not give messages back, they reappear by themselves");
    }
}

/// What a consumer looks for, and where its finds are noted.
struct Take {
    db: Db,
    wanted: Subscription,
    hidden: Duration,
    bell: tokio::sync::Mutex<Notices>,
    held: Held,
    give_back: mpsc::UnboundedSender<i64>,
    gone: CancellationToken,
}

#[async_trait]
impl Search for Take {
    async fn find(self: Arc<Self>, slot: OwnedSemaphorePermit, stopped: CancellationToken) -> Option<Box<dyn Delivery>> {
        let mut bell = self.bell.lock().await;
        while !stopped.is_cancelled() {
            let taken = match self.db.queue_take(&self.wanted, self.hidden).await {
                Ok(taken) => taken,
                Err(cause) => {
                    tracing::warn!(error = cause.detail(), "the queue does not answer, asking again shortly");
                    None
                }
            };
            match taken.map(|taken| (taken.id, taken.ring.and_then(readable))) {
                Some((id, Ok(ring))) => {
                    if self.gone.is_cancelled() {
                        self.give_up(id).await;
                        break;
                    }
                    self.held.add(id);
                    let (db, held) = (self.db.clone(), self.held.clone());
                    let give_back = Some(self.give_back.clone());
                    return Some(Box::new(PostgresDelivery { id, ring, db, held, give_back, _slot: slot }));
                }
                Some((id, Err(reason))) => self.set_aside(id, &reason).await,
                None => tokio::select! {
                    () = stopped.cancelled() => {}
                    _ = bell.next() => {}
                    () = tokio::time::sleep(POLL) => {}
                },
            }
        }
        None
    }
}

impl Take {
    async fn give_up(&self, id: i64) {
        if let Err(cause) = self.db.queue_return(&[id]).await {
            tracing::warn!(error = cause.detail(), "could not give a message back, it reappears by itself");
        }
    }

    async fn set_aside(&self, id: i64, reason: &str) {
        tracing::error!(message.id = id, reason, "set a message aside that cannot be read");
        if let Err(cause) = self.db.queue_set_aside(id, reason).await {
            tracing::warn!(error = cause.detail(), "could not set the message aside, it reappears");
        }
    }
}

struct PostgresDelivery {
    id: i64,
    ring: Ring,
    db: Db,
    held: Held,
    /// Where to say that it was dropped; `None` once acknowledged.
    give_back: Option<mpsc::UnboundedSender<i64>>,
    _slot: OwnedSemaphorePermit,
}

#[async_trait]
impl Delivery for PostgresDelivery {
    fn ring(&self) -> &Ring {
        &self.ring
    }

    async fn ack(mut self: Box<Self>) -> Result<()> {
        self.db.queue_remove(self.id).await?;
        self.held.remove(self.id);
        self.give_back = None;
        Ok(())
    }
}

impl Drop for PostgresDelivery {
    fn drop(&mut self) {
        if let Some(give_back) = &self.give_back {
            // Nobody listens once the consumer is gone, and then all of its messages are given back anyway.
            let _ = give_back.send(self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{database, eventually, queue_contract, ring_for};
    use marquee_core::{
        job::{Class, Kind},
        queue::RING_VERSION,
    };
    use serde_json::json;

    fn everything() -> Subscription {
        Subscription { kinds: Kind::ALL.to_vec(), classes: Class::ALL.to_vec(), prefetch: 2 }
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let (db, _guard) = database().await;
        queue_contract(&PostgresQueue::new(db)).await;
    }

    #[tokio::test]
    async fn a_vanished_consumer_loses_its_messages_and_a_living_one_keeps_them() {
        let (db, _guard) = database().await;
        let hidden = Duration::from_millis(900);
        let queue = PostgresQueue { db: db.clone(), hidden };
        let rings = [ring_for(Kind::Encode, Class::Urgent), ring_for(Kind::Encode, Class::Normal)];
        queue.publish(&rings).await.expect("published");
        // Taken by a process that died at once.
        db.queue_take(&everything(), hidden).await.expect("answered").expect("a message");

        let consumer = queue.subscribe(everything()).await.expect("subscribed");
        let living = consumer.next().await.expect("delivered");
        assert_eq!(living.ring(), &rings[1]);
        let again = consumer.next().await.expect("delivered again");
        assert_eq!(again.ring(), &rings[0]);
        // Both stay hidden from others for as long as they are held.
        let other = queue.subscribe(everything()).await.expect("subscribed");
        assert!(tokio::time::timeout(hidden * 3, other.next()).await.is_err());
        living.ack().await.expect("acknowledged");
        again.ack().await.expect("acknowledged");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_moved_aside_once() {
        let (db, _guard) = database().await;
        let good = ring_for(Kind::Encode, Class::Urgent);
        let mut newer = serde_json::to_value(ring_for(Kind::Encode, Class::Urgent)).expect("json");
        newer["version"] = json!(RING_VERSION + 1);
        for garbage in [json!(null), json!({"job": "job_x"}), json!({"job": 7, "kind": []}), newer] {
            db.queue_garbage(garbage).await;
        }
        let queue = PostgresQueue::new(db.clone());
        queue.publish(std::slice::from_ref(&good)).await.expect("published");
        let consumer = queue.subscribe(everything()).await.expect("subscribed");
        let delivery = consumer.next().await.expect("delivered");
        assert_eq!(delivery.ring(), &good);
        assert_eq!(db.queue_dead_count().await.expect("counted"), 4);
        delivery.ack().await.expect("acknowledged");
    }

    #[tokio::test]
    async fn a_job_has_one_message_however_often_it_is_rung_for() {
        let (db, _guard) = database().await;
        let queue = PostgresQueue::new(db.clone());
        let ring = ring_for(Kind::Encode, Class::Urgent);
        for _ in 0..3 {
            queue.publish(&[ring.clone(), ring.clone()]).await.expect("published");
        }
        let consumer = queue.subscribe(everything()).await.expect("subscribed");
        consumer.next().await.expect("delivered").ack().await.expect("acknowledged");
        assert!(tokio::time::timeout(Duration::from_millis(300), consumer.next()).await.is_err());
    }

    #[tokio::test]
    async fn what_a_stopped_consumer_is_just_taking_is_there_for_others() {
        let (db, _guard) = database().await;
        let queue = PostgresQueue::new(db.clone());
        let ring = ring_for(Kind::Encode, Class::Urgent);
        queue.publish(std::slice::from_ref(&ring)).await.expect("published");
        let held_up = db.lock_queue().await;
        let stopping: Arc<dyn Consumer> = Arc::from(queue.subscribe(everything()).await.expect("subscribed"));
        let next = tokio::spawn({
            let stopping = stopping.clone();
            async move { stopping.next().await.map(drop) }
        });
        eventually("a message is being taken", async || db.queue_is_waited_for().await).await;
        stopping.stop();
        assert!(next.await.expect("no panic").is_err());
        held_up.commit().await.expect("unlocked");
        let other = queue.subscribe(everything()).await.expect("subscribed");
        let delivery = tokio::time::timeout(HIDDEN / 2, other.next()).await.expect("in time").expect("delivered");
        assert_eq!(delivery.ring(), &ring);
    }

    #[tokio::test]
    async fn a_cut_line_is_mended() {
        let (db, guard) = database().await;
        let queue = PostgresQueue::new(db.clone());
        let consumer = queue.subscribe(everything()).await.expect("subscribed");
        assert!(tokio::time::timeout(Duration::from_millis(200), consumer.next()).await.is_err());
        let outside = Db::connect(guard.url()).await.expect("connected");
        outside.cut_connections().await;
        let ring = ring_for(Kind::Encode, Class::Urgent);
        eventually("publishing works again", async || queue.publish(std::slice::from_ref(&ring)).await.is_ok()).await;
        let delivery =
            tokio::time::timeout(crate::testing::PATIENCE, consumer.next()).await.expect("in time").expect("delivered");
        assert_eq!(delivery.ring(), &ring);
    }
}
