//! What each title says of each other one.

use super::{TitleIndex, Watched};
use crate::data::Sparse;

/// Weights from title to title: rows are titles that were watched, columns those that they speak for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    weights: Sparse,
}

impl Neighbours {
    /// Of the weights themselves: as many rows as columns.
    #[must_use]
    pub fn new(weights: Sparse) -> Self {
        Self { weights }
    }

    /// Of columns: for each title those that speak for it.
    #[must_use]
    pub fn from_columns(titles: usize, columns: Vec<Vec<(TitleIndex, f32)>>) -> Self {
        Self { weights: Sparse::from_rows(titles, columns).transposed() }
    }

    /// The weights, to be written.
    #[must_use]
    pub fn weights(&self) -> &Sparse {
        &self.weights
    }

    /// Adds to `out` what `history` says of each title.
    pub fn add_to(&self, history: &[Watched], out: &mut [f32]) {
        for watched in history {
            for (title, weight) in self.weights.entries(watched.title as usize) {
                out[title as usize] += watched.weight * weight;
            }
        }
    }

    /// That title of `history` which speaks most for `title`.
    #[must_use]
    pub fn strongest(&self, history: &[Watched], title: TitleIndex) -> Option<TitleIndex> {
        let said = history.iter().map(|watched| (watched.title, watched.weight * self.weight(watched.title, title)));
        said.filter(|(_, said)| *said > 0.0).max_by(|left, right| left.1.total_cmp(&right.1)).map(|(title, _)| title)
    }

    /// What `from` says of `to`.
    #[must_use]
    pub fn weight(&self, from: TitleIndex, to: TitleIndex) -> f32 {
        let (columns, values) = self.weights.row(from as usize);
        columns.binary_search(&to).map_or(0.0, |place| values[place])
    }
}

/// The `count` entries of `column` that are largest in amount, in the order of their titles.
pub(crate) fn largest(mut column: Vec<(TitleIndex, f32)>, count: usize) -> Vec<(TitleIndex, f32)> {
    if column.len() > count {
        column.select_nth_unstable_by(count, |left, right| right.1.abs().total_cmp(&left.1.abs()).then(left.0.cmp(&right.0)));
        column.truncate(count);
        column.shrink_to_fit();
    }
    column.sort_unstable_by_key(|(title, _)| *title);
    column
}
