//! What a profile may like next: models as pure maths, training and serving.
//!
//! [`data`], [`model`], [`train`], [`fresh`] and [`evaluate`] turn values into values and never see a database, a clock or a random source.
//! [`pipeline`] trains from what profiles did, keeps that fresh and stores what is better in the [`repository`]; [`serving`] answers requests with what is
//! deployed. Nobody but this crate knows how a score comes about.

pub mod data;
pub mod evaluate;
pub mod experiment;
pub mod fresh;
pub mod model;
pub mod pipeline;
pub mod report;
pub mod repository;
pub mod serving;
pub mod taste;
#[cfg(test)]
mod testing;
pub mod train;

pub use model::{Reason, Window};
