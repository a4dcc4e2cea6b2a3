//! What choices are judged by: some titles of most profiles, and all of a few, who stand for those who come anew.

use super::Effort;
use crate::{
    data::{Holdout, Interactions},
    model::{HISTORY_TITLES_MAX, History, Material, Watched},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

/// Share of profiles of which nothing is trained on, at most [`NEWCOMERS_MAX`].
const NEWCOMERS_SHARE: f64 = 0.05;
const NEWCOMERS_MAX: usize = 1_000;
/// Titles of a newcomer's future that are relevant where order is known: later ones nobody could tell yet.
const FUTURE_TITLES: usize = 5;

/// A history and what came after it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is known.
    pub history: History,
    /// What is to be found; it rises.
    pub relevant: Vec<u32>,
}

/// A holdout, and profiles that the training never saw.
#[derive(Clone, Debug)]
pub struct Validation {
    train: Interactions,
    test: Interactions,
    newcomers: Interactions,
    seed: u64,
    now: i64,
}

impl Validation {
    /// Cuts the watches of `material`.
    #[must_use]
    pub fn new(material: &Material<'_>, effort: &Effort) -> Self {
        let Material { watches, now, .. } = *material;
        let mut random = StdRng::seed_from_u64(effort.seed);
        let mut profiles: Vec<usize> = (0..watches.profiles()).filter(|profile| watches.rows().row_len(*profile) > 1).collect();
        profiles.shuffle(&mut random);
        profiles.truncate(((profiles.len() as f64 * NEWCOMERS_SHARE) as usize).min(NEWCOMERS_MAX));
        let is_new: std::collections::HashSet<usize> = profiles.into_iter().collect();
        let newcomers = watches.filtered(|one| is_new.contains(&(one.profile as usize)));
        let known = watches.filtered(|one| !is_new.contains(&(one.profile as usize)));
        let Holdout { train, test } = Holdout::new(&known, effort.cut, random.random());
        Self { train, test, newcomers, seed: random.random(), now }
    }

    /// Whether there is nobody to judge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.test.is_empty()
    }

    /// What models are trained on.
    #[must_use]
    pub fn train(&self) -> &Interactions {
        &self.train
    }

    /// As of when, in seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now
    }

    /// At most `count` profiles that the training knows, with what was held out of them; of any length of history within `lengths`.
    #[must_use]
    pub fn cases(&self, count: usize, lengths: std::ops::Range<usize>) -> Vec<Case> {
        let fits = |profile: &usize| {
            self.test.rows().row_len(*profile) > 0
                && lengths.contains(&self.train.rows().row_len(*profile).min(HISTORY_TITLES_MAX))
        };
        let mut profiles: Vec<usize> = (0..self.test.profiles()).filter(fits).collect();
        profiles.shuffle(&mut StdRng::seed_from_u64(self.seed));
        profiles.truncate(count);
        let case =
            |profile: usize| Case { history: history(&self.train, profile), relevant: relevant(self.test.rows().row(profile).0) };
        profiles.into_iter().map(case).collect()
    }

    /// At most `count` newcomers who did `titles` things so far: the first ones where order is known, else any.
    #[must_use]
    pub fn newcomers(&self, count: usize, titles: usize) -> Vec<Case> {
        let mut random = StdRng::seed_from_u64(self.seed.wrapping_add(titles as u64));
        let profiles = (0..self.newcomers.profiles()).filter(|profile| self.newcomers.rows().row_len(*profile) > titles);
        let case = |profile: usize| {
            let mut all: Vec<Watched> =
                self.newcomers.rows().entries(profile).map(|(title, weight)| Watched { title, weight }).collect();
            if !self.newcomers.is_timed() {
                all.shuffle(&mut random);
            }
            let future = if self.newcomers.is_timed() { FUTURE_TITLES } else { usize::MAX };
            let liked = all[titles..].iter().take(future).filter(|watched| watched.weight > 0.0);
            let relevant = relevant(&liked.map(|watched| watched.title).collect::<Vec<_>>());
            Case { history: History::new(all[..titles].iter().rev().copied()), relevant }
        };
        profiles.map(case).filter(|case| !case.relevant.is_empty()).take(count).collect()
    }
}

/// The history of `profile`, newest first.
#[must_use]
pub fn history(watches: &Interactions, profile: usize) -> History {
    History::new(watches.rows().entries(profile).rev().map(|(title, weight)| Watched { title, weight }))
}

fn relevant(titles: &[u32]) -> Vec<u32> {
    let mut titles = titles.to_vec();
    titles.sort_unstable();
    titles
}
