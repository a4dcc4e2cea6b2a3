//! From a row in `jobs` to a handler that runs it, whatever dies on the way.
//!
//! [`relay`] carries rings from the outbox to the queue, [`sweep`] rings again for whatever was lost, a [`Runner`] claims
//! and runs. The row is the truth; the queue only wakes.

mod attempt;
mod handler;
mod relay;
mod runner;
mod sweep;

pub use handler::{Handler, Work};
pub use relay::relay;
pub use runner::Runner;
pub use sweep::sweep;

#[cfg(test)]
mod tests;
