//! A connection with everything declared on it.

use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPHardError},
    types::{AMQPValue, FieldTable},
    uri::AMQPUri,
};
use marquee_core::{
    Error, Result,
    job::{Class, Kind},
};
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// How long opening a line may take.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// Seconds without a sign of life after which either side gives the line up, if the URL does not say.
const HEARTBEAT_SECONDS: u16 = 10;
/// How often a message may come back before it is set aside: a net under the attempts that the database counts.
const DELIVERIES_MAX: i64 = 50;
/// Messages in one queue; more are refused, and wait in the outbox.
const MESSAGES_MAX: i64 = 1_000_000;
const PREFIX: &str = "marquee";

/// Which broker, and how its queues are called.
#[derive(Clone)]
pub(super) struct Broker {
    uri: AMQPUri,
    prefix: String,
}

impl Broker {
    pub(super) fn new(url: &Url) -> Result<Self> {
        let mut prefix = PREFIX.to_owned();
        let mut bare = url.clone();
        bare.set_query(None);
        for (key, value) in url.query_pairs() {
            if key == "prefix" {
                prefix = value.into_owned();
            } else {
                bare.query_pairs_mut().append_pair(&key, &value);
            }
        }
        let mut uri: AMQPUri = bare
            .as_str()
            .parse()
            .map_err(|cause: String| Error::invalid("invalid_config", "queue.url is not an AMQP URL").caused_by(cause))?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Self { uri, prefix })
    }

    /// The queue of jobs of one kind and class.
    pub(super) fn queue(&self, kind: Kind, class: Class) -> String {
        format!("{}.{}.{}", self.prefix, kind.as_str(), class.as_str())
    }

    /// The exchange and queue of messages that were set aside.
    pub(super) fn dead(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// The exchange that wakes consumers.
    pub(super) fn bell(&self) -> String {
        format!("{}.bell", self.prefix)
    }
}

/// A connection and a channel on which publishing is confirmed.
pub(super) struct Line {
    connection: Connection,
    pub(super) channel: Channel,
}

impl Line {
    /// Connects, and declares what there has to be.
    pub(super) async fn open(broker: &Broker) -> Result<Self> {
        timeout(OPEN_MAX, Self::try_open(broker))
            .await
            .map_err(|cause| Error::unavailable("the queue").caused_by(cause))?
            .map_err(error)
    }

    async fn try_open(broker: &Broker) -> lapin::Result<Self> {
        let name = format!("marquee {}", std::process::id());
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = Connection::connect_uri(broker.uri.clone(), properties).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        declare(&channel, broker).await?;
        Ok(Self { connection, channel })
    }

    /// Whether nothing is known to be wrong with it.
    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// Another channel of the connection.
    pub(super) async fn channel(&self) -> Result<Channel> {
        self.connection.create_channel().await.map_err(error)
    }

    /// Hangs up. The broker gives what was not acknowledged to others.
    pub(super) async fn close(&self) {
        // A line that is broken already is as good as closed.
        let _ = timeout(OPEN_MAX, self.connection.close(200, "done".into())).await;
    }
}

async fn declare(channel: &Channel, broker: &Broker) -> lapin::Result<()> {
    let exchange = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for name in [broker.bell(), broker.dead()] {
        channel.exchange_declare(name.into(), ExchangeKind::Fanout, exchange, FieldTable::default()).await?;
    }
    let dead = broker.dead();
    channel.queue_declare(dead.clone().into(), QueueDeclareOptions::durable(), quorum()).await?;
    channel
        .queue_bind(dead.clone().into(), dead.clone().into(), "".into(), QueueBindOptions::default(), FieldTable::default())
        .await?;
    let mut arguments = quorum();
    // What is set aside is not lost on its way, which needs a queue that refuses when it is full.
    for (key, value) in
        [("x-dead-letter-exchange", dead.as_str()), ("x-dead-letter-strategy", "at-least-once"), ("x-overflow", "reject-publish")]
    {
        arguments.insert(key.into(), AMQPValue::LongString(value.into()));
    }
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(DELIVERIES_MAX));
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(MESSAGES_MAX));
    for kind in Kind::ALL {
        for class in Class::ALL {
            let name = broker.queue(kind, class).into();
            channel.queue_declare(name, QueueDeclareOptions::durable(), arguments.clone()).await?;
        }
    }
    Ok(())
}

/// Arguments of a queue that several brokers hold.
fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments
}

/// What a caller can do about it: nothing but wait, unless the broker says that it does not want us.
pub(super) fn error(cause: lapin::Error) -> Error {
    let refused = match cause.kind() {
        lapin::ErrorKind::ProtocolError(refusal) => matches!(
            refusal.kind(),
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) | AMQPErrorKind::Soft(lapin::protocol::AMQPSoftError::ACCESSREFUSED)
        ),
        _ => false,
    };
    if refused {
        return Error::invalid("invalid_config", "queue.url: the broker refuses the user, the password or the virtual host")
            .caused_by(cause);
    }
    Error::unavailable("the queue").caused_by(cause)
}
