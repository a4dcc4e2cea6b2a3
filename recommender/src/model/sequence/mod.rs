//! What comes next, told from the order in which titles were watched.

mod attention;
mod loss;
mod maths;
mod network;
#[cfg(test)]
mod tests;
mod training;

pub use attention::Attention;
pub use network::Shape;
pub use training::{AttentionKnobs, Pass, Trainer};

use super::{TitleIndex, Watched};

/// A model of what comes next.
pub trait Sequence: Send + Sync {
    /// What it says of each of `titles` for a history, newest first: the more, the likelier that title is next.
    fn says(&self, newest: &[Watched], titles: &[TitleIndex]) -> Vec<f32>;
}
