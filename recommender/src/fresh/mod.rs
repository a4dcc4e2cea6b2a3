//! Between two trainings: what others watched in the last minutes counts before the next model does.
//!
//! [`Live`] keeps who likes what, and says again and again what the deployed model does not know yet: a [`Delta`] of popularity and of
//! columns of the ridge that are solved anew. Nobody here sees a database or a clock.

mod delta;
mod live;
#[cfg(test)]
mod tests;
mod watches;

pub use delta::{Delta, Solved};
pub use live::{Live, Refreshed};
pub use watches::{Taste, Watches};
