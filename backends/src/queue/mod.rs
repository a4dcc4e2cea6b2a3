//! Job queues.

mod postgres;
mod pull;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;

pub use postgres::PostgresQueue;
#[cfg(feature = "rabbitmq")]
pub use rabbitmq::RabbitQueue;
#[cfg(all(feature = "rabbitmq", any(test, feature = "testing")))]
pub use rabbitmq::{bare_publish, take_set_aside};

use marquee_core::queue::{RING_VERSION, Ring};

/// The ring, if this version knows what it means.
fn readable(ring: Ring) -> Result<Ring, String> {
    if ring.version == RING_VERSION { Ok(ring) } else { Err(format!("version {} is not known here", ring.version)) }
}
