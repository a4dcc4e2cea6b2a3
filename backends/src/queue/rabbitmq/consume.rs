//! Consuming: fetch when a slot is free, most urgent class first; wait for the bell when there is nothing.

use super::line::{Broker, Line, error};
use crate::queue::{
    pull::{PullConsumer, Search},
    readable,
};
use async_trait::async_trait;
use futures::StreamExt;
use lapin::{
    Acker, Channel,
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
use std::sync::{
    self, Arc, PoisonError,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long a queue that was empty is taken to be so without the bell.
const POLL: Duration = Duration::from_secs(2);
/// Pause before a broken line is opened again.
const PAUSE: Duration = Duration::from_millis(500);
/// Channels on which messages are fetched: on each the broker answers one fetch after the other, once it is on disk.
const CHANNELS: usize = 8;

pub(super) fn subscribe(broker: Broker, wanted: Subscription) -> Box<dyn Consumer> {
    let gone = CancellationToken::new();
    let (give_back, returned) = mpsc::unbounded_channel();
    let bell = Arc::new(Bell::default());
    tokio::spawn(hand_back(returned, bell.clone()));
    let prefetch = wanted.prefetch;
    let (line, clock) = (Mutex::default(), Mutex::default());
    let search = Arc::new(Fetch { broker, wanted, bell, give_back, gone: gone.clone(), line, clock });
    tokio::spawn(hang_up(search.clone()));
    Box::new(PullConsumer::new(search, prefetch, gone))
}

/// Closes the line once the consumer is gone, so that the broker gives all it had to others.
async fn hang_up(search: Arc<Fetch>) {
    search.gone.cancelled().await;
    if let Some(listening) = search.line.lock().await.take() {
        listening.line.close().await;
    }
}

/// Gives dropped messages back, until neither consumer nor delivery is left.
async fn hand_back(mut returned: mpsc::UnboundedReceiver<Acker>, bell: Arc<Bell>) {
    while let Some(acker) = returned.recv().await {
        // On a line that is gone this fails, and the broker has given the message back already.
        let _ = acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await;
        bell.ring();
    }
}

/// Wakes those who wait for messages, and knows which queues nobody need ask.
#[derive(Default)]
struct Bell {
    waiting: Notify,
    known: sync::Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Queues found empty since the last ring.
    empty: HashSet<String>,
    /// Rings so far: what was asked before the last one says nothing.
    rings: u64,
    /// Messages found; makes kinds of one class take turns.
    found: usize,
}

impl Bell {
    fn known(&self) -> sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may have come into any queue.
    fn ring(&self) {
        let mut known = self.known();
        known.empty.clear();
        known.rings += 1;
        self.waiting.notify_one();
    }

    /// A message was found, so there may be more: another one of those who wait looks too.
    fn found(&self) {
        self.known().found += 1;
        self.waiting.notify_one();
    }

    /// Whether `queue` may have a message; if so, what to tell [`Self::empty`] if it has none.
    fn may_have(&self, queue: &str) -> Option<u64> {
        let known = self.known();
        (!known.empty.contains(queue)).then_some(known.rings)
    }

    fn empty(&self, queue: &str, asked_at: u64) {
        let mut known = self.known();
        if known.rings == asked_at {
            known.empty.insert(queue.to_owned());
        }
    }
}

/// What a consumer looks for, and how.
struct Fetch {
    broker: Broker,
    wanted: Subscription,
    bell: Arc<Bell>,
    give_back: mpsc::UnboundedSender<Acker>,
    gone: CancellationToken,
    line: Mutex<Option<Arc<Listening>>>,
    /// Held by the one of those who wait that looks at the clock.
    clock: Mutex<()>,
}

/// A line with a bell on it.
struct Listening {
    line: Line,
    channels: Vec<Mutex<Channel>>,
    /// Fetches so far; makes channels take turns.
    fetches: AtomicUsize,
}

#[async_trait]
impl Search for Fetch {
    async fn find(self: Arc<Self>, slot: OwnedSemaphorePermit, stopped: CancellationToken) -> Option<Box<dyn Delivery>> {
        // With the line goes all that came on it.
        let (ring, acker) = self.gone.run_until_cancelled(self.search(&stopped)).await??;
        let give_back = Some(self.give_back.clone());
        Some(Box::new(RabbitDelivery { ring, acker, give_back, _slot: slot }))
    }
}

impl Fetch {
    async fn search(&self, stopped: &CancellationToken) -> Option<(Ring, Acker)> {
        while !stopped.is_cancelled() {
            match self.look(stopped).await {
                Ok(Some(found)) => {
                    self.bell.found();
                    return Some(found);
                }
                Ok(None) => stopped.run_until_cancelled(self.wait()).await?,
                Err(cause) => {
                    tracing::warn!(error = cause.detail(), "the queue does not answer, connecting again shortly");
                }
            }
        }
        None
    }

    /// Waits until there may be a message.
    async fn wait(&self) {
        let time_passes = async {
            let _clock = self.clock.lock().await;
            sleep(POLL).await;
        };
        tokio::select! {
            () = self.bell.waiting.notified() => {}
            () = time_passes => self.bell.ring(),
        }
    }

    /// The next message, if there is one now.
    async fn look(&self, stopped: &CancellationToken) -> Result<Option<(Ring, Acker)>> {
        let listening = self.listening().await?;
        let looked = self.look_on(&listening, stopped).await;
        if looked.is_err() {
            let mut line = self.line.lock().await;
            // Another one who looked may have opened a new one by now.
            if line.as_ref().is_some_and(|line| Arc::ptr_eq(line, &listening)) {
                *line = None;
                sleep(PAUSE).await;
            }
        }
        looked
    }

    async fn look_on(&self, listening: &Listening, stopped: &CancellationToken) -> Result<Option<(Ring, Acker)>> {
        for queue in self.queues() {
            while !stopped.is_cancelled()
                && let Some(asked_at) = self.bell.may_have(&queue)
            {
                let Some(message) = listening.fetch(&queue).await? else {
                    self.bell.empty(&queue, asked_at);
                    break;
                };
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
    fn queues(&self) -> Vec<String> {
        let kinds = &self.wanted.kinds;
        let first = self.bell.known().found % kinds.len().max(1);
        let in_turn = || kinds[first..].iter().chain(&kinds[..first]);
        let mut classes: Vec<Class> = self.wanted.classes.clone();
        classes.sort();
        classes.iter().flat_map(|class| in_turn().map(|kind| self.broker.queue(*kind, *class))).collect()
    }

    /// The line, opened if there is none.
    async fn listening(&self) -> Result<Arc<Listening>> {
        let mut line = self.line.lock().await;
        if let Some(line) = line.as_ref() {
            return Ok(line.clone());
        }
        match self.listen().await {
            Ok(opened) => {
                self.bell.ring();
                Ok(line.insert(Arc::new(opened)).clone())
            }
            Err(cause) => {
                // With the line held, so that however many look, it is tried now and then.
                sleep(PAUSE).await;
                Err(cause)
            }
        }
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
                bell.ring();
            }
            bell.ring();
        });
        let mut channels = Vec::new();
        for _ in 0..CHANNELS.min(self.wanted.prefetch.into()).max(1) {
            channels.push(Mutex::new(line.channel().await?));
        }
        Ok(Listening { line, channels, fetches: AtomicUsize::new(0) })
    }
}

impl Listening {
    /// The first message of `queue`.
    async fn fetch(&self, queue: &str) -> Result<Option<lapin::message::Delivery>> {
        let turn = self.fetches.fetch_add(1, Ordering::Relaxed) % self.channels.len();
        let channel = self.channels[turn].lock().await;
        let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await.map_err(error)?;
        Ok(got.map(|message| message.delivery))
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
