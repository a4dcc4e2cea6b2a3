//! Dispatch on a real database and queue.

mod relay;
mod runner;
mod sweep;

use crate::queue::PostgresQueue;
use marquee_core::{
    id::JobId,
    job::{Class, Kind},
    queue::{Queue, Subscription},
};
use std::time::Duration;

fn everything() -> Subscription {
    Subscription { kinds: Kind::ALL.to_vec(), classes: Class::ALL.to_vec(), prefetch: 1 }
}

/// Every job that the queue has a message for now; the messages are acknowledged.
async fn rung(queue: &PostgresQueue) -> Vec<JobId> {
    let mut consumer = queue.subscribe(everything()).await.expect("subscribed");
    let mut jobs = Vec::new();
    while let Ok(delivery) = tokio::time::timeout(Duration::from_millis(300), consumer.next()).await {
        let delivery = delivery.expect("the queue works");
        jobs.push(delivery.ring().job);
        delivery.ack().await.expect("acknowledged");
    }
    jobs
}
