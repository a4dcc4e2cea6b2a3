//! Which titles have which genres, as numbers.

use crate::model::TitleIndex;
use fixedbitset::FixedBitSet;
use std::collections::HashMap;

/// Genres of all titles.
#[derive(Debug, Default)]
pub(super) struct Genres {
    numbers: HashMap<String, u32>,
    /// By title, where its genres begin; the end of the last.
    starts: Vec<u32>,
    genres: Vec<u32>,
    /// By genre, its titles; they rise.
    titles: Vec<Vec<TitleIndex>>,
    /// By genre, what it has of all watches.
    shares: Vec<f32>,
}

impl Genres {
    /// Of these genres of each title, in lower case, which was watched so often. Each title counts one watch more, so that there are
    /// shares where nobody watched anything yet.
    pub(super) fn new<'a>(of_titles: impl Iterator<Item = &'a [String]>, watched: impl Fn(TitleIndex) -> f32) -> Self {
        let mut all = Self { starts: vec![0], ..Self::default() };
        for (title, genres) in of_titles.enumerate() {
            for genre in genres {
                let next = all.titles.len() as u32;
                let number = *all.numbers.entry(genre.clone()).or_insert(next);
                if number == next {
                    all.titles.push(Vec::new());
                    all.shares.push(0.0);
                }
                all.shares[number as usize] += (1.0 + watched(title as TitleIndex)) / genres.len() as f32;
                all.genres.push(number);
                all.titles[number as usize].push(title as TitleIndex);
            }
            all.starts.push(all.genres.len() as u32);
        }
        let sum: f32 = all.shares.iter().sum();
        all.shares.iter_mut().for_each(|share| *share /= sum);
        all
    }

    /// The genres of `title`.
    pub(super) fn of(&self, title: TitleIndex) -> &[u32] {
        let bound = |at: usize| self.starts.get(at).map(|start| *start as usize);
        match (bound(title as usize), bound(title as usize + 1)) {
            (Some(start), Some(end)) => &self.genres[start..end],
            _ => &[],
        }
    }

    /// Share of everybody's watches that has `genre`, in lower case.
    pub(super) fn share(&self, genre: &str) -> f32 {
        self.numbers.get(genre).map_or(0.0, |number| self.shares[*number as usize])
    }

    /// Those of `among` that have `genre`, in lower case.
    pub(super) fn having(&self, genre: &str, among: &FixedBitSet) -> FixedBitSet {
        let titles = self.numbers.get(genre).map_or(&[][..], |number| &self.titles[*number as usize]);
        let mut having = FixedBitSet::with_capacity(among.len());
        titles.iter().filter(|title| among.contains(**title as usize)).for_each(|title| having.insert(*title as usize));
        having
    }

    /// Share of genres that two titles have in common.
    pub(super) fn likeness(left: &[u32], right: &[u32]) -> f32 {
        let common = left.iter().filter(|genre| right.contains(genre)).count();
        let all = left.len() + right.len() - common;
        if all == 0 { 0.0 } else { common as f32 / all as f32 }
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
