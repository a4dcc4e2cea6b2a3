//! What models are trained on: who watched what, when, and how much that says.

mod array;
mod counter;
mod first;
pub mod generated;
mod holdout;
mod interactions;
mod sparse;
pub mod table;

pub use array::Array;
pub(crate) use counter::Counter;
pub(crate) use first::keep_first;
pub use holdout::{Cut, Holdout};
pub use interactions::{Interaction, Interactions};
pub use sparse::Sparse;
