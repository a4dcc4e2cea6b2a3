//! Dispatch on a real database and queue.

mod relay;
mod runner;
mod sweep;
mod upkeep;

use marquee_core::{
    job::{Class, Kind},
    queue::Subscription,
};

fn everything() -> Subscription {
    Subscription { kinds: Kind::ALL.to_vec(), classes: Class::ALL.to_vec(), prefetch: 1 }
}
