//! What every queue must do.

use super::{eventually, ring_for};
use marquee_core::{
    job::{Class, Kind},
    queue::{Consumer, Delivery, Queue, Subscription},
};
use std::time::Duration;

/// Long enough for a message that is there to arrive.
const MOMENT: Duration = Duration::from_millis(400);
const PATIENCE: Duration = super::PATIENCE;

/// Runs the suite on an empty queue.
///
/// # Panics
/// When the queue breaks its contract.
pub async fn queue_contract(queue: &dyn Queue) {
    delivers_what_was_published_before_and_after(queue).await;
    urgent_work_overtakes(queue).await;
    only_what_was_subscribed(queue).await;
    prefetch_is_a_bound(queue).await;
    dropped_deliveries_come_again(queue).await;
    a_gone_consumer_gives_all_back(queue).await;
    waiting_can_be_cancelled_without_loss(queue).await;
    consumers_share_without_overlap(queue).await;
    several_wait_at_a_time(queue).await;
    one_that_stopped_leaves_messages_to_others(queue).await;
}

fn everything(prefetch: u16) -> Subscription {
    Subscription { kinds: Kind::ALL.to_vec(), classes: Class::ALL.to_vec(), prefetch }
}

async fn next(consumer: &dyn Consumer) -> Box<dyn Delivery> {
    tokio::time::timeout(PATIENCE, consumer.next()).await.expect("a message in time").expect("the queue works")
}

async fn nothing(consumer: &dyn Consumer) {
    let heard = tokio::time::timeout(MOMENT, consumer.next()).await;
    assert!(heard.is_err(), "nothing should be delivered now");
}

async fn delivers_what_was_published_before_and_after(queue: &dyn Queue) {
    let (before, after) = (ring_for(Kind::Encode, Class::Normal), ring_for(Kind::Inspect, Class::Normal));
    queue.publish(std::slice::from_ref(&before)).await.expect("published");
    queue.publish(&[]).await.expect("nothing is published");
    let consumer = queue.subscribe(everything(4)).await.expect("subscribed");
    let first = next(consumer.as_ref()).await;
    assert_eq!(first.ring(), &before);
    queue.publish(std::slice::from_ref(&after)).await.expect("published");
    let second = next(consumer.as_ref()).await;
    assert_eq!(second.ring(), &after);
    first.ack().await.expect("acknowledged");
    second.ack().await.expect("acknowledged");
    drop(consumer);
    let consumer = queue.subscribe(everything(4)).await.expect("subscribed");
    nothing(consumer.as_ref()).await;
}

async fn urgent_work_overtakes(queue: &dyn Queue) {
    let rings = [Class::Bulk, Class::Normal, Class::Urgent, Class::Normal].map(|class| ring_for(Kind::Encode, class));
    queue.publish(&rings).await.expect("published");
    let consumer = queue.subscribe(everything(1)).await.expect("subscribed");
    for expected in [&rings[2], &rings[1], &rings[3], &rings[0]] {
        let delivery = next(consumer.as_ref()).await;
        assert_eq!(delivery.ring(), expected);
        delivery.ack().await.expect("acknowledged");
    }
}

async fn only_what_was_subscribed(queue: &dyn Queue) {
    let rings =
        [ring_for(Kind::Audio, Class::Urgent), ring_for(Kind::Encode, Class::Bulk), ring_for(Kind::Encode, Class::Urgent)];
    queue.publish(&rings).await.expect("published");
    let picky = Subscription { kinds: vec![Kind::Encode], classes: vec![Class::Urgent, Class::Normal], prefetch: 8 };
    let consumer = queue.subscribe(picky).await.expect("subscribed");
    let delivery = next(consumer.as_ref()).await;
    assert_eq!(delivery.ring(), &rings[2]);
    delivery.ack().await.expect("acknowledged");
    nothing(consumer.as_ref()).await;
    drop(consumer);
    drain(queue, 2).await;
}

async fn prefetch_is_a_bound(queue: &dyn Queue) {
    let rings: Vec<_> = (0..3).map(|_| ring_for(Kind::Encode, Class::Normal)).collect();
    queue.publish(&rings).await.expect("published");
    let consumer = queue.subscribe(everything(2)).await.expect("subscribed");
    let first = next(consumer.as_ref()).await;
    let second = next(consumer.as_ref()).await;
    nothing(consumer.as_ref()).await;
    first.ack().await.expect("acknowledged");
    let third = next(consumer.as_ref()).await;
    second.ack().await.expect("acknowledged");
    third.ack().await.expect("acknowledged");
}

async fn dropped_deliveries_come_again(queue: &dyn Queue) {
    let ring = ring_for(Kind::Publish, Class::Normal);
    queue.publish(std::slice::from_ref(&ring)).await.expect("published");
    let consumer = queue.subscribe(everything(1)).await.expect("subscribed");
    drop(next(consumer.as_ref()).await);
    let again = next(consumer.as_ref()).await;
    assert_eq!(again.ring(), &ring);
    again.ack().await.expect("acknowledged");
    nothing(consumer.as_ref()).await;
}

async fn a_gone_consumer_gives_all_back(queue: &dyn Queue) {
    let rings: Vec<_> = (0..3).map(|_| ring_for(Kind::Encode, Class::Normal)).collect();
    queue.publish(&rings).await.expect("published");
    let gone = queue.subscribe(everything(3)).await.expect("subscribed");
    let held = [next(gone.as_ref()).await, next(gone.as_ref()).await];
    drop(gone);
    drain(queue, 3).await;
    drop(held);
}

async fn waiting_can_be_cancelled_without_loss(queue: &dyn Queue) {
    let consumer = queue.subscribe(everything(4)).await.expect("subscribed");
    let rings: Vec<_> = (0..4).map(|_| ring_for(Kind::Encode, Class::Normal)).collect();
    // Cut off at many moments of the wait, among them those at which a message is on its way.
    let publish = async {
        for ring in &rings {
            queue.publish(std::slice::from_ref(ring)).await.expect("published");
        }
    };
    let mut heard = Vec::new();
    let listen = async {
        for delay_us in (0..4000).step_by(100) {
            if let Ok(delivery) = tokio::time::timeout(Duration::from_micros(delay_us), consumer.next()).await {
                heard.push(delivery.expect("the queue works"));
            }
        }
    };
    tokio::join!(publish, listen);
    while heard.len() < rings.len() {
        heard.push(next(consumer.as_ref()).await);
    }
    for delivery in heard {
        delivery.ack().await.expect("acknowledged");
    }
}

async fn consumers_share_without_overlap(queue: &dyn Queue) {
    let rings: Vec<_> = (0..20).map(|_| ring_for(Kind::Encode, Class::Normal)).collect();
    queue.publish(&rings).await.expect("published");
    let take = async || {
        let consumer = queue.subscribe(everything(10)).await.expect("subscribed");
        let mut jobs = Vec::new();
        while let Ok(delivery) = tokio::time::timeout(MOMENT * 3, consumer.next()).await {
            let delivery = delivery.expect("the queue works");
            jobs.push(delivery.ring().job);
            delivery.ack().await.expect("acknowledged");
        }
        jobs
    };
    let (left, right) = tokio::join!(take(), take());
    let mut all: Vec<_> = left.into_iter().chain(right).collect();
    all.sort();
    let mut expected: Vec<_> = rings.iter().map(|ring| ring.job).collect();
    expected.sort();
    assert_eq!(all, expected);
}

async fn several_wait_at_a_time(queue: &dyn Queue) {
    let consumer = queue.subscribe(everything(3)).await.expect("subscribed");
    let rings: Vec<_> = (0..3).map(|_| ring_for(Kind::Encode, Class::Normal)).collect();
    let publish = async {
        for ring in &rings {
            queue.publish(std::slice::from_ref(ring)).await.expect("published");
        }
    };
    let wait = || next(consumer.as_ref());
    let ((), first, second, third) = tokio::join!(publish, wait(), wait(), wait());
    let mut heard = [first, second, third].map(|delivery| delivery.ring().job);
    heard.sort();
    let mut expected: Vec<_> = rings.iter().map(|ring| ring.job).collect();
    expected.sort();
    assert_eq!(heard.as_slice(), expected);
    drop(consumer);
    drain(queue, 3).await;
}

async fn one_that_stopped_leaves_messages_to_others(queue: &dyn Queue) {
    let rings = [(); 2].map(|()| ring_for(Kind::Encode, Class::Normal));
    let consumer = queue.subscribe(everything(4)).await.expect("subscribed");
    queue.publish(&rings[..1]).await.expect("published");
    let held = next(consumer.as_ref()).await;
    // One waits, and another one went away.
    let (waiting, ()) = tokio::join!(consumer.next(), async {
        nothing(consumer.as_ref()).await;
        consumer.stop();
        queue.publish(&rings[1..]).await.expect("published");
    });
    assert!(waiting.is_err() && consumer.next().await.is_err(), "it takes nothing more");
    drain(queue, 1).await;
    held.ack().await.expect("what it had is still its own");
}

/// Acknowledges exactly `count` messages.
async fn drain(queue: &dyn Queue, count: usize) {
    let consumer = queue.subscribe(everything(8)).await.expect("subscribed");
    for _ in 0..count {
        next(consumer.as_ref()).await.ack().await.expect("acknowledged");
    }
    nothing(consumer.as_ref()).await;
    drop(consumer);
    eventually("the queue settles", || async { true }).await;
}
