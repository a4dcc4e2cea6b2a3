//! The queue port: a doorbell for workers. The job's row in the database is the truth; a message only says "look at this job".

use crate::{
    Result,
    id::JobId,
    job::{Class, Kind},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Version of [`Ring`]'s meaning; messages of another version are dead-lettered.
pub const RING_VERSION: u32 = 1;

/// "This job is due."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// [`RING_VERSION`].
    pub version: u32,
    /// The job to look at.
    pub job: JobId,
    /// Its kind, so that a worker gets only what it can do.
    pub kind: Kind,
    /// Its class, so that urgent work overtakes.
    pub class: Class,
    /// W3C trace context of whoever made the job.
    pub trace: Option<String>,
}

/// What a consumer wants to hear of.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Kinds of job.
    pub kinds: Vec<Kind>,
    /// Classes of job, served most urgent first.
    pub classes: Vec<Class>,
    /// Deliveries that may be unacknowledged at a time: the worker's slots.
    pub prefetch: u16,
}

/// A message that has to be acknowledged.
#[async_trait]
pub trait Delivery: Send {
    /// The message.
    fn ring(&self) -> &Ring;

    /// Tells the queue to forget the message.
    async fn ack(self: Box<Self>) -> Result<()>;
}

/// A running subscription. Dropping it, or a delivery, gives unacknowledged messages back.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Waits for the next message; several may wait. Cancel-safe. Reconnects by itself; an error means that it cannot.
    async fn next(&self) -> Result<Box<dyn Delivery>>;

    /// Takes no more messages, so that others get them: [`Self::next`] fails from now on. What was delivered stays.
    fn stop(&self);
}

/// A job queue.
///
/// # Contract
/// At least once: every published message is delivered until acknowledged, to one consumer at a time; duplicates are possible.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Publishes messages. On success all are stored by the queue; after an error any of them may be.
    async fn publish(&self, rings: &[Ring]) -> Result<()>;

    /// Begins to consume.
    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>>;
}
