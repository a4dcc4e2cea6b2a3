//! What every recommender has to be better than.

use crate::{
    data::{Counter, Sparse},
    model::{Neighbours, largest},
};

/// Neighbours of a title.
const NEIGHBOURS: usize = 100;
/// The usual choices of Okapi BM25 (S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework", 2009).
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// Nearest neighbours of titles whose watches are weighted by Okapi BM25: profiles are the words, titles the documents.
#[must_use]
pub(super) fn bm25(liked: &Sparse) -> Neighbours {
    let by_title = liked.transposed();
    let titles = liked.width();
    let mean = (liked.len() as f32 / titles.max(1) as f32).max(f32::MIN_POSITIVE);
    let weigh = |profile: usize, title: usize, value: f32| {
        let rare = (titles as f32).ln() - (liked.row_len(profile) as f32).ln_1p();
        let length = 1.0 - B + B * by_title.row_len(title) as f32 / mean;
        rare.max(0.0) * value * (K1 + 1.0) / (K1 * length + value)
    };
    let weighted = liked.map(|profile, title, value| weigh(profile, title as usize, value));
    let by_title = weighted.transposed();
    let row = |counter: &mut Counter, title: usize| {
        for (profile, weight) in by_title.entries(title) {
            weighted.entries(profile as usize).for_each(|(other, theirs)| counter.add(other, weight * theirs));
        }
        let mut row = counter.take();
        row.retain(|(other, _)| *other as usize != title);
        largest(row, NEIGHBOURS)
    };
    Neighbours::new(Sparse::computed((titles, titles), || Counter::new(titles), row).transposed())
}
