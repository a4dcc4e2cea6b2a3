//! What the deployed model does not know yet.

use super::{Delta, Solved, Taste, Watches};
use crate::model::{
    Catalog, Popularity, TitleIndex,
    ridge::{self, RidgeKnobs},
};
use marquee_core::id::VideoId;
use std::collections::BTreeMap;

/// Titles that are counted: a delta says something of each.
const TITLES_MAX: usize = 250_000;
/// Columns that are solved at a time; the next ones have to wait.
const SOLVED_MAX: usize = 200;
/// Columns in a delta. When there are more, it is time for a training.
const COLUMNS_MAX: usize = 5_000;
/// Share by which the watches of a title have to change before its column is solved anew.
const CHANGED_SHARE: f32 = 0.03;
/// Watches that are none: sums in another order differ by as much.
const CHANGED_MIN: f32 = 0.1;

/// What is watched while a model is deployed, and what was made known of it.
#[derive(Debug)]
pub struct Live {
    watches: Watches,
    knobs: RidgeKnobs,
    /// Watches of each title by window, as they are known to those who answer.
    known: Vec<[f32; 3]>,
    /// Watches of each title when the model was trained.
    trained: Vec<f32>,
    columns: BTreeMap<TitleIndex, Solved>,
    /// Whether something changed, or was left over, since it was last asked for.
    is_due: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Refreshed {
    /// What is known now.
    pub delta: Delta,
    /// Columns of it that were solved anew.
    pub solved: usize,
    /// Columns that should be as well, and have to wait.
    pub waiting: usize,
}

impl Live {
    /// What is watched of the titles of a model that is trained like that, and knows this `popularity`. [`Self::take`] has to tell it all
    /// that the model was trained on as well.
    #[must_use]
    pub fn new(catalog: Catalog, popularity: &Popularity, knobs: RidgeKnobs) -> Self {
        let known = popularity.counts().to_vec();
        let trained = known.iter().map(|[.., ever]| *ever).collect();
        Self { watches: Watches::new(catalog), knobs, known, trained, columns: BTreeMap::new(), is_due: true }
    }

    /// Goes on from what was made known before, by whomever. Its titles have to be counted already.
    pub fn adopt(&mut self, delta: &Delta) {
        let place = |title: TitleIndex| self.watches.catalog().index(delta.catalog.title(title)?);
        self.known.resize(self.watches.catalog().len(), [0.0; 3]);
        for (title, counts) in (0..).zip(&delta.counts) {
            if let Some(place) = place(title) {
                self.known[place as usize] = *counts;
            }
        }
        for (title, solved) in &delta.columns {
            let column = solved.column.iter().filter_map(|(other, weight)| Some((place(*other)?, *weight)));
            if let Some(title) = place(*title) {
                self.columns.insert(title, Solved { column: column.collect(), watches: solved.watches });
            }
        }
        self.is_due = true;
    }

    /// Counts a title from now on, if there are not too many.
    pub fn know(&mut self, video: VideoId) {
        if self.watches.catalog().len() < TITLES_MAX {
            self.watches.know(video);
        }
    }

    /// Whether `video` is counted.
    #[must_use]
    pub fn knows(&self, video: VideoId) -> bool {
        self.watches.catalog().index(video).is_some()
    }

    /// Takes what a profile thinks of a title now. False if that is known, or the title is not counted.
    pub fn take(&mut self, taste: Taste) -> bool {
        let is_new = self.watches.take(taste);
        self.is_due |= is_new;
        is_new
    }

    /// Pairs of profile and title that are counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watches.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// What is to be known as of `now`, in seconds since 1970; `None` if nobody would notice.
    pub fn refresh(&mut self, now: i64) -> Option<Refreshed> {
        if !std::mem::take(&mut self.is_due) {
            return None;
        }
        let titles = self.watches.catalog().len();
        let counts = Popularity::counted(titles, self.watches.iter(), now, true).counts().to_vec();
        self.known.resize(titles, [0.0; 3]);
        let is_other = counts.iter().zip(&self.known).any(|(new, old)| differ(new, old));
        let mut changed = self.changed(&counts);
        let waiting = changed.split_off(changed.len().min(SOLVED_MAX)).len();
        if changed.is_empty() && !is_other {
            return None;
        }
        for (title, column) in changed.iter().zip(ridge::columns(&self.watches.liked(), &changed, self.knobs)) {
            self.columns.insert(*title, Solved { column, watches: counts[*title as usize][2] });
        }
        self.is_due = waiting > 0;
        self.known.clone_from(&counts);
        let delta = Delta { catalog: self.watches.catalog().clone(), counts, columns: self.columns.clone() };
        Some(Refreshed { delta, solved: changed.len(), waiting })
    }

    /// Titles whose columns say too little of what is watched now, those that changed most beyond chance first.
    fn changed(&self, counts: &[[f32; 3]]) -> Vec<TitleIndex> {
        let change = |(title, [.., watches]): (TitleIndex, &[f32; 3])| {
            let trained = self.trained.get(title as usize).copied().unwrap_or(0.0);
            let before = self.columns.get(&title).map_or(trained, |solved| solved.watches);
            let change = (watches - before).abs();
            (change >= CHANGED_MIN && change >= CHANGED_SHARE * before).then_some((title, change / (before + 1.0).sqrt()))
        };
        let mut changed: Vec<(TitleIndex, f32)> = (0..).zip(counts).filter_map(change).collect();
        changed.sort_unstable_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        let mut room = COLUMNS_MAX.saturating_sub(self.columns.len());
        let mut fits = |title: &TitleIndex| {
            let is_there = self.columns.contains_key(title);
            let fits = is_there || room > 0;
            room -= usize::from(fits && !is_there);
            fits
        };
        changed.into_iter().map(|(title, _)| title).filter(|title| fits(title)).collect()
    }
}

/// Whether two counts of a title are not the same.
fn differ(left: &[f32; 3], right: &[f32; 3]) -> bool {
    left.iter().zip(right).any(|(left, right)| (left - right).abs() >= CHANGED_MIN.max(right * 1e-4))
}
