//! From a row in `jobs` to a handler that runs it, whatever dies on the way.
//!
//! [`relay`] carries rings from the outbox to the queue, [`sweep`] rings again for whatever was lost, a [`Runner`] claims
//! and runs, [`upkeep`] removes what is not needed any more. The row is the truth; the queue only wakes.

mod attempt;
mod handler;
mod presence;
mod relay;
mod runner;
mod sweep;
mod upkeep;

pub use handler::{Handler, Work};
pub use presence::presence;
pub use relay::relay;
pub use runner::Runner;
pub use sweep::sweep;
pub use upkeep::upkeep;

#[cfg(test)]
mod tests;
