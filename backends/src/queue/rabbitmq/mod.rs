//! `amqp:` and `amqps:`: RabbitMQ, one quorum queue for each kind and class of job.
//!
//! A consumer fetches one message whenever a slot is free, the most urgent class first: what it cannot work on now stays in
//! the queue for others, which pushed messages would not. So that it need not ask all the time, whoever publishes also rings
//! a bell (a fanout exchange that stores nothing); a look now and then finds what no bell told of, such as what a dead worker
//! gave back. Lines that break are opened again, with all queues declared anew.
//!
//! Messages that cannot be read, or come back too often, end in the queue `marquee.dead`.

#[cfg(any(test, feature = "testing"))]
mod bare;
mod consume;
mod line;
mod publish;

#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "testing"))]
pub use bare::{bare_publish, take_set_aside};

use async_trait::async_trait;
use line::{Broker, Line};
use marquee_core::{
    Result,
    queue::{Consumer, Queue, Ring, Subscription},
};
use tokio::sync::Mutex;
use url::Url;

/// See the module.
pub struct RabbitQueue {
    broker: Broker,
    /// Where messages are published; `None` after a failure, until the next one.
    publisher: Mutex<Option<Line>>,
}

impl RabbitQueue {
    /// The queues at `url`: `amqp://user:password@host/vhost`. With `?prefix=` their names begin with something else than
    /// `marquee`, so that several installations share a virtual host.
    ///
    /// # Errors
    /// `Invalid` if the broker refuses the user, the password or the virtual host, `Unavailable` if it does not answer.
    pub async fn connect(url: &Url) -> Result<Self> {
        let broker = Broker::new(url)?;
        let line = Line::open(&broker).await?;
        Ok(Self { broker, publisher: Mutex::new(Some(line)) })
    }
}

#[async_trait]
impl Queue for RabbitQueue {
    async fn publish(&self, rings: &[Ring]) -> Result<()> {
        let mut publisher = self.publisher.lock().await;
        // Taken out while in use: one that fails, or whose use is cancelled half way, is not used again.
        let line = match publisher.take() {
            Some(line) if line.is_up() => line,
            _ => Line::open(&self.broker).await?,
        };
        publish::publish(&line, &self.broker, rings).await?;
        *publisher = Some(line);
        Ok(())
    }

    async fn subscribe(&self, subscription: Subscription) -> Result<Box<dyn Consumer>> {
        Ok(consume::subscribe(self.broker.clone(), subscription))
    }
}
