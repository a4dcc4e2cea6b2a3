//! Publishing: stored by a majority of the brokers, or an error.

use super::line::{Broker, Line, error};
use futures::future::try_join_all;
use lapin::{
    BasicProperties,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable, ShortString},
};
use marquee_core::{Error, Result, queue::Ring};

/// `delivery_mode` of a message that outlives the broker, AMQP 0-9-1 section 1.8.
const PERSISTENT: u8 = 2;

/// Publishes `rings` and waits until every one is confirmed, then wakes the consumers.
pub(super) async fn publish(line: &Line, broker: &Broker, rings: &[Ring]) -> Result<()> {
    if rings.is_empty() {
        return Ok(());
    }
    let mut confirms = Vec::with_capacity(rings.len());
    for ring in rings {
        // Mandatory: a queue that somebody deleted must not swallow messages.
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let body = serde_json::to_vec(ring).map_err(Error::internal)?;
        let queue = broker.queue(ring.kind, ring.class).into();
        let sent = line.channel.basic_publish("".into(), queue, options, &body, properties(ring)).await;
        confirms.push(sent.map_err(error)?);
    }
    for confirm in try_join_all(confirms).await.map_err(error)? {
        if !confirm.is_ack() {
            return Err(Error::unavailable("the queue").caused_by("the broker refused a message"));
        }
        if let Some(returned) = confirm.take_message() {
            let why = format!("{} came back: {}", returned.routing_key, returned.reply_text);
            return Err(Error::unavailable("the queue").caused_by(why));
        }
    }
    let bell = line.channel.basic_publish(
        broker.bell().into(),
        "".into(),
        BasicPublishOptions::default(),
        &[],
        BasicProperties::default(),
    );
    // Everything is stored: that nobody could be woken only costs the time until they look by themselves.
    if let Err(cause) = bell.await {
        tracing::debug!(error = %cause, "could not ring the bell");
    }
    Ok(())
}

fn properties(ring: &Ring) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("version".into(), AMQPValue::LongUInt(ring.version));
    if let Some(trace) = &ring.trace {
        headers.insert("traceparent".into(), AMQPValue::LongString(trace.as_str().into()));
    }
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(ShortString::from(ring.job.to_string()))
        .with_headers(headers)
}
