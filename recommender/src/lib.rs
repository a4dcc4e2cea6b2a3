//! What a profile may like next: models as pure maths, training and serving.
//!
//! [`model`] turns values into values and never sees a database, a clock or a random source. [`serving`] keeps a model fresh
//! from the watch events and answers requests. Nobody but this crate knows how a score comes about.

pub mod model;
pub mod serving;

pub use model::{Reason, Window};
