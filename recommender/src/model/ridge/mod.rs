//! Sparse ridge item-item: how much each title that was watched speaks for each other one.
//!
//! The weights `B` minimise `|X - XB|² + |Λ^½ B|²` with nothing on the diagonal, where `X` is what profiles watched (H. Steck,
//! "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019). `Λ` grows with a title's own watches, as dropping inputs
//! does (H. Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020).

mod exact;
mod gram;
mod local;
#[cfg(test)]
mod tests;

use super::Neighbours;
use crate::data::Sparse;

/// Titles up to which the whole matrix is solved; of more, each title's neighbourhood by itself.
const EXACT_TITLES_MAX: usize = 20_000;

/// Least penalty in watches: single precision solves nothing with less.
const PENALTY_MIN: f32 = 1.0;

/// Choices of a ridge.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RidgeKnobs {
    /// λ: what every weight costs, in watches of a title that is watched as often as the mean.
    pub penalty: f32,
    /// What it costs more for each watch of its title: `p/(1-p)` for a dropout of `p`.
    pub dropout: f32,
    /// Titles that may speak for one title.
    pub neighbours: usize,
}

impl Default for RidgeKnobs {
    fn default() -> Self {
        Self { penalty: 2.0, dropout: 0.0, neighbours: 200 }
    }
}

/// Trains on what profiles liked.
#[must_use]
pub fn train(liked: &Sparse, knobs: RidgeKnobs) -> Neighbours {
    let mean = liked.len() as f32 / liked.width().max(1) as f32;
    // A penalty above 0 makes the matrix positive definite.
    let penalty = (knobs.penalty * mean).max(PENALTY_MIN);
    let knobs = RidgeKnobs { penalty, ..knobs };
    if liked.width() <= EXACT_TITLES_MAX { exact::train(liked, knobs) } else { local::train(liked, knobs) }
}
