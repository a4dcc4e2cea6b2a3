//! Sparse ridge item-item: how much each title that was watched speaks for each other one.
//!
//! The weights `B` minimise `|X - XB|² + |Λ^½ B|²` with nothing on the diagonal, where `X` is what profiles watched (H. Steck,
//! "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019). `Λ` grows with a title's own watches, as dropping inputs
//! does (H. Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020).

mod direct;
mod exact;
mod gram;
mod local;
#[cfg(test)]
mod tests;

use super::{Column, Neighbours, TitleIndex};
use crate::data::Sparse;

/// Titles up to which the whole matrix is solved; of more, each title's neighbourhood by itself.
const EXACT_TITLES_MAX: usize = 20_000;

/// Least neighbours of a column that is solved anew where all titles were neighbours: as good as all of them, by what was measured.
const FRESH_NEIGHBOURS_MIN: usize = 500;

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
    let knobs = knobs.scaled(liked);
    if liked.width() <= EXACT_TITLES_MAX { exact::train(liked, knobs) } else { local::train(liked, knobs) }
}

/// What speaks for each of `titles` alone, as a training on what profiles liked would say among as many neighbours.
#[must_use]
pub fn columns(liked: &Sparse, titles: &[TitleIndex], knobs: RidgeKnobs) -> Vec<Column> {
    let mut knobs = knobs.scaled(liked);
    if liked.width() <= EXACT_TITLES_MAX {
        knobs.neighbours = knobs.neighbours.max(FRESH_NEIGHBOURS_MIN);
    }
    local::columns(liked, titles, knobs)
}

impl RidgeKnobs {
    /// With the penalty in watches.
    fn scaled(self, liked: &Sparse) -> Self {
        let mean = liked.len() as f32 / liked.width().max(1) as f32;
        // A penalty above 0 makes the matrix positive definite.
        Self { penalty: (self.penalty * mean).max(PENALTY_MIN), ..self }
    }
}
