//! What each title says of each other one.

use super::{TitleIndex, Watched, vector::fetch};
use crate::data::Sparse;
use std::collections::BTreeMap;

/// Weights from title to title: rows are titles that were watched, columns those that they speak for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    weights: Sparse,
    fresh: Fresh,
}

/// What speaks for one title, in the order of titles.
pub type Column = Vec<(TitleIndex, f32)>;

/// Columns that were solved since: they count instead of what was known of their titles.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fresh {
    titles: Vec<TitleIndex>,
    columns: Vec<Column>,
    /// The columns as rows of the titles that speak.
    weights: Sparse,
}

impl Neighbours {
    /// Of the weights themselves: as many rows as columns.
    #[must_use]
    pub fn new(weights: Sparse) -> Self {
        Self { weights, fresh: Fresh::default() }
    }

    /// The same with these columns instead of those that their titles had, in a catalogue of `titles`.
    #[must_use]
    pub fn refreshed(&self, titles: usize, columns: impl IntoIterator<Item = (TitleIndex, Column)>) -> Self {
        let mut all: BTreeMap<TitleIndex, Column> =
            self.fresh.titles.iter().copied().zip(self.fresh.columns.iter().cloned()).collect();
        all.extend(columns);
        let row = |title: usize| all.get(&(title as TitleIndex)).cloned().unwrap_or_default();
        let weights = Sparse::from_rows(titles, (0..titles).map(row)).transposed();
        let (titles, columns) = all.into_iter().unzip();
        Self { weights: self.weights.clone(), fresh: Fresh { titles, columns, weights } }
    }

    /// As it was trained, without what was solved since.
    #[must_use]
    pub fn as_trained(&self) -> Self {
        Self::new(self.weights.clone())
    }

    /// The weights, to be written.
    #[must_use]
    pub fn weights(&self) -> &Sparse {
        &self.weights
    }

    /// Whether nothing speaks for anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty() && self.fresh.titles.is_empty()
    }

    /// What is known, the oldest first: titles of which all is to be forgotten that was known before, and the weights.
    #[inline(always)]
    pub(super) fn layers(&self) -> [(&[TitleIndex], &Sparse); 2] {
        [(&[], &self.weights), (&self.fresh.titles, &self.fresh.weights)]
    }

    /// Adds to `out`, which is 0 everywhere, what `history` says of each title.
    pub fn add_to(&self, history: &[Watched], out: &mut [f32]) {
        for (forgotten, weights) in self.layers() {
            forgotten.iter().for_each(|title| out[*title as usize] = 0.0);
            fetch_rows(weights, history);
            for watched in history {
                for (title, weight) in weights.entries(watched.title as usize) {
                    out[title as usize] += watched.weight * weight;
                }
            }
        }
    }

    /// For each of `titles` the one of `history` that speaks most for it, if any does.
    #[must_use]
    pub fn strongest(&self, history: &[Watched], titles: &[TitleIndex]) -> Vec<Option<TitleIndex>> {
        let layers: Vec<&Sparse> = titles.iter().map(|title| self.layer_of(*title)).collect();
        let mut found = vec![(0.0, None); titles.len()];
        history.iter().for_each(|watched| fetch(self.weights.row(watched.title as usize).0));
        for watched in history {
            for ((to, layer), found) in titles.iter().zip(&layers).zip(&mut found) {
                let said = watched.weight * weight(layer, watched.title, *to);
                if said > found.0 {
                    *found = (said, Some(watched.title));
                }
            }
        }
        found.into_iter().map(|(_, by)| by).collect()
    }

    /// What `from` says of `to`.
    #[must_use]
    pub fn weight(&self, from: TitleIndex, to: TitleIndex) -> f32 {
        weight(self.layer_of(to), from, to)
    }

    /// The weights that count of those for `title`.
    fn layer_of(&self, title: TitleIndex) -> &Sparse {
        if self.fresh.titles.binary_search(&title).is_ok() { &self.fresh.weights } else { &self.weights }
    }
}

fn weight(weights: &Sparse, from: TitleIndex, to: TitleIndex) -> f32 {
    let (columns, values) = weights.row(from as usize);
    columns.binary_search(&to).map_or(0.0, |place| values[place])
}

/// Asks memory for the rows of `history`.
pub(super) fn fetch_rows(weights: &Sparse, history: &[Watched]) {
    for (columns, values) in history.iter().map(|watched| weights.row(watched.title as usize)) {
        fetch(columns);
        fetch(values);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_column_counts_instead_of_the_old_one_and_titles_may_be_new() {
        let old = Neighbours::new(Sparse::from_rows(3, [vec![(1, 0.25)], vec![(0, 0.5)], vec![(1, 1.0)]]));
        let once = old.refreshed(4, [(1, vec![(2, 2.0)]), (3, vec![(0, 4.0)])]);
        let fresh = once.refreshed(4, [(3, vec![(0, 8.0), (1, 1.0)])]);
        let said = |neighbours: &Neighbours, from: u32| {
            let mut out = vec![0.0; 4];
            neighbours.add_to(&[Watched { title: from, weight: 1.0 }], &mut out);
            assert!((0..).zip(&out).all(|(to, said)| neighbours.weight(from, to) == *said));
            out
        };
        assert_eq!(said(&old, 0), [0.0, 0.25, 0.0, 0.0]);
        assert_eq!(said(&once, 0), [0.0, 0.0, 0.0, 4.0]);
        assert_eq!(
            [0, 1, 2, 3].map(|from| said(&fresh, from)),
            [vec![0.0, 0.0, 0.0, 8.0], vec![0.5, 0.0, 0.0, 1.0], vec![0.0, 2.0, 0.0, 0.0], vec![0.0; 4]]
        );
        let both = [Watched { title: 0, weight: 1.0 }, Watched { title: 1, weight: 9.0 }];
        assert_eq!(fresh.strongest(&both, &[3, 1, 3, 2]), [Some(1), None, Some(1), None]);
    }
}
