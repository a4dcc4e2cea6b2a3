//! The queues without the adapter, for tests: messages that nobody of ours would send, and what became of them.

use super::line::{Broker, Line};
use lapin::{
    BasicProperties,
    options::{BasicGetOptions, BasicPublishOptions},
};
use marquee_core::job::{Class, Kind};
use url::Url;

/// Puts `body`, as it is, among the jobs of one kind and class at `url`.
///
/// # Panics
/// When the broker refuses.
pub async fn bare_publish(url: &Url, kind: Kind, class: Class, body: &[u8]) {
    let (broker, line) = open(url).await;
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let sent = line.channel.basic_publish("".into(), broker.queue(kind, class).into(), options, body, properties).await;
    sent.expect("sent").await.expect("stored");
    line.close().await;
}

/// Takes out a message that was set aside at `url`, the oldest first, if there is one.
///
/// # Panics
/// When the broker refuses.
pub async fn take_set_aside(url: &Url) -> Option<Vec<u8>> {
    let (broker, line) = open(url).await;
    let message = line.channel.basic_get(broker.dead().into(), BasicGetOptions { no_ack: true }).await.expect("asked");
    line.close().await;
    message.map(|message| message.delivery.data)
}

async fn open(url: &Url) -> (Broker, Line) {
    let broker = Broker::new(url).expect("a URL of a broker");
    let line = Line::open(&broker).await.expect("connected");
    (broker, line)
}
