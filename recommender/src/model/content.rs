//! What is like what: genres, people, year, language and the words of a description, for titles that nobody has watched yet.

use super::{
    Neighbours, TitleIndex,
    neighbours::{Column, largest},
};
use crate::data::{Counter, Sparse};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Titles that are like one title.
const KEPT: usize = 50;
/// Titles up to which a feature tells them apart; of more it says next to nothing, and costs most.
const SHARED_MAX: usize = 5_000;
/// Words of a description that are looked at.
const WORDS_MAX: usize = 200;
/// Shortest word that is one.
const WORD_CHARS_MIN: usize = 4;

/// What is known of a title.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Its genres.
    pub genres: Vec<String>,
    /// Who made it and plays in it.
    pub people: Vec<String>,
    /// When it came out.
    pub year: Option<i32>,
    /// Its language.
    pub language: Option<String>,
    /// Its name and what is said of it.
    pub text: String,
}

impl Features {
    /// What tells these features from others.
    #[must_use]
    pub fn print(&self) -> u64 {
        let hash = Sha256::digest(format!("{self:?}").as_bytes());
        u64::from_le_bytes(std::array::from_fn(|at| hash[at]))
    }

    /// Each feature with how much it counts beside the others.
    fn weighted(&self) -> BTreeMap<String, f32> {
        let lower = |text: &str| text.trim().to_lowercase();
        let mut all = BTreeMap::new();
        all.extend(self.genres.iter().map(|genre| (format!("g:{}", lower(genre)), 1.0)));
        all.extend(self.people.iter().map(|person| (format!("p:{}", lower(person)), 1.5)));
        all.extend(self.year.map(|year| (format!("y:{}", year.div_euclid(10)), 0.3)));
        all.extend(self.language.as_deref().map(|language| (format!("l:{}", lower(language)), 0.3)));
        let words: BTreeSet<String> = self.text.split(|of: char| !of.is_alphanumeric()).take(WORDS_MAX).map(lower).collect();
        let words = words.into_iter().filter(|word| word.chars().count() >= WORD_CHARS_MIN);
        all.extend(words.map(|word| (format!("w:{word}"), 0.5)));
        all
    }
}

/// What titles have in common.
struct Index {
    by_title: Sparse,
    by_feature: Sparse,
}

impl Index {
    fn new(features: &[Features]) -> Self {
        let titles = features.len();
        let weighted: Vec<_> = features.par_iter().map(Features::weighted).collect();
        let mut numbers: HashMap<&str, (u32, usize)> = HashMap::new();
        for name in weighted.iter().flat_map(BTreeMap::keys) {
            let next = numbers.len() as u32;
            numbers.entry(name).or_insert((next, 0)).1 += 1;
        }
        let row = |all: &BTreeMap<String, f32>| {
            let rare = |name: &str, weight: f32| {
                let (number, shared) = numbers[name];
                (2..=SHARED_MAX).contains(&shared).then(|| (number, weight * (titles as f32 / shared as f32).ln_1p()))
            };
            let mut row: Vec<(u32, f32)> = all.iter().filter_map(|(name, weight)| rare(name, *weight)).collect();
            row.sort_unstable_by_key(|(number, _)| *number);
            let length = row.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
            row.iter_mut().for_each(|(_, weight)| *weight /= length.max(f32::MIN_POSITIVE));
            row
        };
        let by_title = Sparse::from_rows(numbers.len(), weighted.iter().map(row));
        Self { by_feature: by_title.transposed(), by_title }
    }

    /// What `title` is most like.
    fn like(&self, counter: &mut Counter, title: usize) -> Column {
        for (feature, weight) in self.by_title.entries(title) {
            self.by_feature.entries(feature as usize).for_each(|(other, theirs)| counter.add(other, weight * theirs));
        }
        let mut others = counter.take();
        others.retain(|(other, _)| *other as usize != title);
        largest(others, KEPT)
    }
}

/// The nearest neighbours of all titles by the cosine of their features, each of which counts the more, the fewer titles share it.
#[must_use]
pub fn train(features: &[Features]) -> Neighbours {
    let (titles, index) = (features.len(), Index::new(features));
    let like = |counter: &mut Counter, title: usize| index.like(counter, title);
    // Likeness is mutual, so that rows would do as columns; but each title has its own nearest ones.
    Neighbours::new(Sparse::computed((titles, titles), || Counter::new(titles), like).transposed())
}

/// What was trained before, with the neighbours of `changed` titles as they are now.
#[must_use]
pub fn refresh(trained: &Neighbours, features: &[Features], changed: &[TitleIndex]) -> Neighbours {
    let (titles, index) = (features.len(), Index::new(features));
    let mut counter = Counter::new(titles);
    trained.refreshed(titles, changed.iter().map(|title| (*title, index.like(&mut counter, *title as usize))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(genres: &[&str], people: &[&str], text: &str) -> Features {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Features { genres: owned(genres), people: owned(people), text: text.to_owned(), ..Features::default() }
    }

    #[test]
    fn rare_things_in_common_count_most() {
        let films = [
            film(&["Drama"], &["Ava"], "a lighthouse keeper"),
            film(&["drama "], &["ava"], "the last train"),
            film(&["Drama"], &["Bo"], "a lighthouse at night"),
            film(&["Drama"], &["Cy"], "winter"),
            film(&["Comedy"], &[], ""),
        ];
        let like = train(&films);
        assert!(like.weight(0, 1) > like.weight(0, 2), "somebody in common says more than a word");
        assert!(like.weight(0, 2) > like.weight(0, 3) && like.weight(0, 3) > 0.0, "a genre that all share says little");
        assert_eq!((like.weight(0, 4), like.weight(0, 0)), (0.0, 0.0));
        assert!(train(&[]).is_empty());
        let known = train(&films[..3]);
        let fresh = refresh(&known, &films, &[2, 3]);
        assert_eq!((fresh.weight(2, 3) > 0.0, fresh.weight(2, 3)), (true, like.weight(2, 3)));
        assert_eq!(fresh.weight(2, 0), known.weight(2, 0), "what did not change is not looked at");
        assert!(films[0].print() != films[2].print() && films[0].print() == films[0].clone().print());
    }
}
