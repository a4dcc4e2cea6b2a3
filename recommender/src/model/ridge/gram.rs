//! How often each two titles were liked by the same profile, for catalogues whose matrix would not fit.

use super::local::{Counts, Slots};
use crate::{
    data::{Counter, Sparse},
    model::TitleIndex,
};

/// Counts of pairs. Titles are numbered by how often they were liked, the most popular first, and each keeps its pairs with more
/// popular ones alone: popular titles then have few that are more popular, and others few pairs at all.
pub(super) struct Gram {
    /// Place of each title in the order.
    rank: Vec<u32>,
    /// The title at each place.
    title: Vec<u32>,
    /// By place, places before it with counts; they rise.
    pairs: Sparse,
    /// By place, what it counts with itself.
    own: Vec<f32>,
}

impl Gram {
    /// Counts `liked`, whose transposed is `by_title`.
    pub(super) fn new(liked: &Sparse, by_title: &Sparse) -> Self {
        let titles = liked.width();
        let mut title: Vec<u32> = (0..titles as u32).collect();
        title.sort_by_key(|title| std::cmp::Reverse(by_title.row_len(*title as usize)));
        let mut rank = vec![0; titles];
        for (place, title) in title.iter().enumerate() {
            rank[*title as usize] = place as u32;
        }
        let pairs = |counter: &mut Counter, place: usize| pairs_before(counter, place, title[place], &rank, liked, by_title);
        let pairs = Sparse::computed((titles, titles), || Counter::new(titles), pairs);
        let own = title.iter().map(|title| by_title.entries(*title as usize).map(|(_, weight)| weight * weight).sum()).collect();
        Self { pairs, rank, title, own }
    }
}

impl Counts for Gram {
    fn place(&self, title: TitleIndex) -> u32 {
        self.rank[title as usize]
    }

    fn title(&self, place: u32) -> TitleIndex {
        self.title[place as usize]
    }

    fn own(&self, place: u32) -> f32 {
        self.own[place as usize]
    }

    fn fill(&self, chosen: &[u32], slots: &Slots, matrix: &mut [f32]) {
        for (row, place) in chosen.iter().enumerate() {
            // Looking through its pairs is quicker than looking for each of those before it.
            for (other, count) in self.pairs.entries(*place as usize) {
                if let Some(column) = slots.row(other) {
                    matrix[column * chosen.len() + row] = count;
                }
            }
        }
    }
}

/// Pairs of the title at `place` with more popular ones.
fn pairs_before(
    counter: &mut Counter,
    place: usize,
    title: u32,
    rank: &[u32],
    liked: &Sparse,
    by_title: &Sparse,
) -> Vec<(u32, f32)> {
    for (profile, weight) in by_title.entries(title as usize) {
        for (other, theirs) in liked.entries(profile as usize) {
            let other = rank[other as usize];
            if (other as usize) < place {
                counter.add(other, weight * theirs);
            }
        }
    }
    counter.take()
}

/// Places that were liked together with the one of `title`, with counts, without itself.
pub(super) fn companions(
    counter: &mut Counter,
    title: u32,
    place: impl Fn(TitleIndex) -> u32,
    liked: &Sparse,
    by_title: &Sparse,
) -> Vec<(u32, f32)> {
    for (profile, weight) in by_title.entries(title as usize) {
        for (other, theirs) in liked.entries(profile as usize) {
            if other != title {
                counter.add(place(other), weight * theirs);
            }
        }
    }
    counter.take()
}
