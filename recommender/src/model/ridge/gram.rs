//! How often each two titles were liked by the same profile, for catalogues whose matrix would not fit.

use crate::data::{Counter, Sparse};

/// Counts of pairs. Titles are numbered by how often they were liked, the most popular first, and each keeps its pairs with more
/// popular ones alone: popular titles then have few that are more popular, and others few pairs at all.
pub(super) struct Gram {
    /// Place of each title in the order.
    pub(super) rank: Vec<u32>,
    /// The title at each place.
    pub(super) title: Vec<u32>,
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

    /// Places before this one with the counts of both together; they rise.
    pub(super) fn pairs_before(&self, place: u32) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.pairs.entries(place as usize)
    }

    /// What `place` counts with itself.
    pub(super) fn own(&self, place: u32) -> f32 {
        self.own[place as usize]
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
pub(super) fn companions(counter: &mut Counter, title: u32, rank: &[u32], liked: &Sparse, by_title: &Sparse) -> Vec<(u32, f32)> {
    for (profile, weight) in by_title.entries(title as usize) {
        for (other, theirs) in liked.entries(profile as usize) {
            if other != title {
                counter.add(rank[other as usize], weight * theirs);
            }
        }
    }
    counter.take()
}
