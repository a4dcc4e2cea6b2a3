//! Which titles have which genres, as numbers.

use crate::model::TitleIndex;
use fixedbitset::FixedBitSet;
use std::collections::HashMap;

/// Genres of one title, a bit for each. Of more than 64 in a catalogue some have a bit in common, and are then taken to be alike.
pub(super) type GenreSet = u64;

/// Genres of all titles.
#[derive(Debug, Default)]
pub(super) struct Genres {
    numbers: HashMap<String, usize>,
    /// By title, the bits of its genres.
    sets: Vec<GenreSet>,
    /// By genre, its titles; they rise.
    titles: Vec<Vec<TitleIndex>>,
    /// By genre, what it has of all watches.
    shares: Vec<f32>,
}

impl Genres {
    /// Of these genres of each title, in lower case, which was watched so often. Each title counts one watch more, so that there are
    /// shares where nobody watched anything yet.
    pub(super) fn new<'a>(of_titles: impl Iterator<Item = &'a [String]>, watched: impl Fn(TitleIndex) -> f32) -> Self {
        let mut all = Self::default();
        for (title, genres) in of_titles.enumerate() {
            let mut set = 0;
            for genre in genres {
                let next = all.titles.len();
                let number = *all.numbers.entry(genre.clone()).or_insert(next);
                if number == next {
                    all.titles.push(Vec::new());
                    all.shares.push(0.0);
                }
                all.shares[number] += (1.0 + watched(title as TitleIndex)) / genres.len() as f32;
                all.titles[number].push(title as TitleIndex);
                set |= 1 << (number % GenreSet::BITS as usize);
            }
            all.sets.push(set);
        }
        let sum: f32 = all.shares.iter().sum();
        all.shares.iter_mut().for_each(|share| *share /= sum);
        all
    }

    /// The genres of `title`.
    pub(super) fn of(&self, title: TitleIndex) -> GenreSet {
        self.sets.get(title as usize).copied().unwrap_or(0)
    }

    /// Share of everybody's watches that has `genre`, in lower case.
    pub(super) fn share(&self, genre: &str) -> f32 {
        self.numbers.get(genre).map_or(0.0, |number| self.shares[*number])
    }

    /// Those of `among` that have `genre`, in lower case.
    pub(super) fn having(&self, genre: &str, among: &FixedBitSet) -> FixedBitSet {
        let titles = self.numbers.get(genre).map_or(&[][..], |number| &self.titles[*number]);
        let mut having = FixedBitSet::with_capacity(among.len());
        titles.iter().filter(|title| among.contains(**title as usize)).for_each(|title| having.insert(*title as usize));
        having
    }

    /// Share of genres that two titles have in common.
    #[inline(always)]
    pub(super) fn likeness(left: GenreSet, right: GenreSet) -> f32 {
        (left & right).count_ones() as f32 / (left | right).count_ones().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_alike_by_what_they_share() {
        let names = [vec!["drama", "crime"], vec![], vec!["crime"], vec!["war"]];
        let names: Vec<Vec<String>> = names.into_iter().map(|names| names.into_iter().map(str::to_owned).collect()).collect();
        let genres = Genres::new(names.iter().map(Vec::as_slice), |title| if title == 2 { 6.0 } else { 0.0 });
        let likeness = |left, right| Genres::likeness(genres.of(left), genres.of(right));
        assert_eq!((likeness(0, 2), likeness(0, 3), likeness(1, 1), likeness(2, 9)), (0.5, 0.0, 0.0, 0.0));
        let among: FixedBitSet = [0, 1, 3].into_iter().collect();
        let having = |genre| genres.having(genre, &among).ones().collect::<Vec<_>>();
        assert_eq!(["drama", "crime", "war", "horror"].map(|genre| genres.share(genre)), [0.5 / 9.0, 7.5 / 9.0, 1.0 / 9.0, 0.0]);
        assert_eq!((having("crime"), having("war"), having("horror")), (vec![0], vec![3], vec![]));
    }
}
