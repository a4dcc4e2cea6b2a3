//! Consuming: fetch when a slot is free, most urgent class first; wait for the bell when there is nothing.

use super::line::{Broker, Line, error};
use crate::queue::{
    pull::{PullConsumer, Search},
    readable,
};
use async_trait::async_trait;
use futures::StreamExt;
use lapin::{
    Acker,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicNackOptions, BasicRejectOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::FieldTable,
};
use marquee_core::{
    Error, Result,
    job::Class,
    queue::{Consumer, Delivery, Ring, Subscription},
};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a queue that was empty is taken to be so without the bell.
const POLL: Duration = Duration::from_secs(2);
/// Pause before a broken line is opened again.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) fn subscribe(broker: Broker, wanted: Subscription) -> Box<dyn Consumer> {
    let gone = CancellationToken::new();
    let (give_back, returned) = mpsc::unbounded_channel();
    let bell = Arc::new(Notify::new());
    tokio::spawn(hand_back(returned, bell.clone()));
    let prefetch = wanted.prefetch;
    let search = Arc::new(Fetch { broker, wanted, bell, give_back, gone: gone.clone(), line: Mutex::default() });
    tokio::spawn(hang_up(search.clone()));
    Box::new(PullConsumer::new(search, prefetch, gone.drop_guard()))
}

/// Closes the line once the consumer is gone, so that the broker gives all it had to others.
async fn hang_up(search: Arc<Fetch>) {
    search.gone.cancelled().await;
    if let Some(listening) = search.line.lock().await.take() {
        listening.line.close().await;
    }
}

/// Gives dropped messages back, until neither consumer nor delivery is left.
async fn hand_back(mut returned: mpsc::UnboundedReceiver<Acker>, bell: Arc<Notify>) {
    while let Some(acker) = returned.recv().await {
        // On a line that is gone this fails, and the broker has given the message back already.
        let _ = acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await;
        bell.notify_one();
    }
}

/// What a consumer looks for, and how.
struct Fetch {
    broker: Broker,
    wanted: Subscription,
    bell: Arc<Notify>,
    give_back: mpsc::UnboundedSender<Acker>,
    gone: CancellationToken,
    line: Mutex<Option<Listening>>,
}

/// A line with a bell on it, and what is known of the queues.
struct Listening {
    line: Line,
    /// Queues found empty since the bell rang.
    empty: HashSet<String>,
    /// When to ask them all again.
    ask_at: Instant,
    /// Messages fetched; makes kinds of one class take turns.
    turn: usize,
}

#[async_trait]
impl Search for Fetch {
    async fn find(self: Arc<Self>, slot: OwnedSemaphorePermit) -> Option<Box<dyn Delivery>> {
        let mut line = self.line.lock().await;
        let (ring, acker) = loop {
            let looked = tokio::select! {
                biased;
                () = self.gone.cancelled() => return None,
                looked = self.look(&mut line) => looked,
            };
            match looked {
                Ok(Some(found)) => break found,
                Ok(None) => {
                    let ask_at = line.as_ref().map_or_else(Instant::now, |line| line.ask_at);
                    tokio::select! {
                        () = self.gone.cancelled() => return None,
                        () = self.bell.notified() => {}
                        () = sleep_until(ask_at) => {}
                    }
                    if let Some(line) = line.as_mut() {
                        line.forget();
                    }
                }
                Err(cause) => {
                    tracing::warn!(error = cause.detail(), "the queue does not answer, connecting again shortly");
                    *line = None;
                    tokio::select! {
                        () = self.gone.cancelled() => return None,
                        () = sleep(PAUSE) => {}
                    }
                }
            }
        };
        let give_back = Some(self.give_back.clone());
        Some(Box::new(RabbitDelivery { ring, acker, give_back, _slot: slot }))
    }
}

impl Fetch {
    /// The next message, if there is one now.
    async fn look(&self, line: &mut Option<Listening>) -> Result<Option<(Ring, Acker)>> {
        if line.is_none() {
            *line = Some(self.listen().await?);
        }
        let Some(listening) = line else { return Ok(None) };
        for queue in self.queues(listening.turn) {
            while !listening.empty.contains(&queue) {
                let got = listening.line.channel.basic_get(queue.clone().into(), BasicGetOptions::default()).await;
                let Some(message) = got.map_err(error)? else {
                    listening.empty.insert(queue);
                    break;
                };
                listening.turn = listening.turn.wrapping_add(1);
                let message = message.delivery;
                match serde_json::from_slice(&message.data).map_err(|cause| cause.to_string()).and_then(readable) {
                    Ok(ring) => return Ok(Some((ring, message.acker))),
                    Err(reason) => {
                        tracing::error!(message.queue = queue, reason, "set a message aside that cannot be read");
                        message.acker.reject(BasicRejectOptions { requeue: false }).await.map_err(error)?;
                    }
                }
            }
        }
        Ok(None)
    }

    /// What to ask, in order.
    fn queues(&self, turn: usize) -> Vec<String> {
        let kinds = &self.wanted.kinds;
        let first = turn % kinds.len().max(1);
        let in_turn = || kinds[first..].iter().chain(&kinds[..first]);
        let mut classes: Vec<Class> = self.wanted.classes.clone();
        classes.sort();
        classes.iter().flat_map(|class| in_turn().map(|kind| self.broker.queue(*kind, *class))).collect()
    }

    /// Opens a line and hangs a bell on it, which also rings when the line breaks.
    async fn listen(&self) -> Result<Listening> {
        let line = Line::open(&self.broker).await?;
        let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let channel = &line.channel;
        let queue = channel.queue_declare("".into(), own, FieldTable::default()).await.map_err(error)?;
        let (name, exchange) = (queue.name().clone(), self.broker.bell());
        channel
            .queue_bind(name.clone(), exchange.into(), "".into(), QueueBindOptions::default(), FieldTable::default())
            .await
            .map_err(error)?;
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
        let mut rings = channel.basic_consume(name, "".into(), options, FieldTable::default()).await.map_err(error)?;
        let bell = self.bell.clone();
        tokio::spawn(async move {
            while rings.next().await.is_some() {
                bell.notify_one();
            }
            bell.notify_one();
        });
        Ok(Listening { line, empty: HashSet::new(), ask_at: Instant::now() + POLL, turn: 0 })
    }
}

impl Listening {
    /// Forgets which queues were empty.
    fn forget(&mut self) {
        self.empty.clear();
        self.ask_at = Instant::now() + POLL;
    }
}

struct RabbitDelivery {
    ring: Ring,
    acker: Acker,
    /// Where to say that it was dropped; `None` once acknowledged.
    give_back: Option<mpsc::UnboundedSender<Acker>>,
    _slot: OwnedSemaphorePermit,
}

#[async_trait]
impl Delivery for RabbitDelivery {
    fn ring(&self) -> &Ring {
        &self.ring
    }

    async fn ack(mut self: Box<Self>) -> Result<()> {
        self.give_back = None;
        match self.acker.ack(BasicAckOptions::default()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::unavailable("the queue").caused_by("the line that the message came on is gone")),
            Err(cause) => Err(error(cause)),
        }
    }
}

impl Drop for RabbitDelivery {
    fn drop(&mut self) {
        if let Some(give_back) = self.give_back.take() {
            let _ = give_back.send(self.acker.clone());
        }
    }
}
