//! Which titles are in question for a history: those of which what is sparse says most.

use super::{
    History, Neighbours, TitleIndex, Watched,
    neighbours::fetch_rows,
    scan::{CHUNK, places_from, tops},
    vector,
};
use fixedbitset::FixedBitSet;

/// Titles that are brought up.
const BROUGHT_UP_MAX: usize = 300;

/// What a thread needs to judge, again and again: arrays as long as the catalogue, clean in between.
#[derive(Debug, Default)]
pub struct Scratch {
    /// What the ridge says of each title, in whole chunks.
    pub(super) ridge: Vec<f32>,
    /// What follows the newest titles.
    pub(super) next: Sums,
    /// What is like those of the history.
    pub(super) content: Sums,
    /// Titles in question, in the order in which they were chosen.
    pub(super) chosen: Vec<TitleIndex>,
    is_chosen: FixedBitSet,
    /// Titles that may be shown: none that was seen.
    open: FixedBitSet,
}

/// What a term says that speaks of few titles.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// By title; 0 of all others.
    pub(super) said: Vec<f32>,
    /// Those of which it speaks.
    titles: Vec<TitleIndex>,
    is_there: FixedBitSet,
}

impl Scratch {
    /// Makes room for `titles`, of which those may be shown that are `allowed` and not in `history`.
    pub(super) fn begin(&mut self, titles: usize, history: &History, allowed: Option<&FixedBitSet>) {
        self.ridge.resize(titles.next_multiple_of(CHUNK), 0.0);
        [&mut self.next, &mut self.content].into_iter().for_each(|sums| sums.begin(titles));
        self.is_chosen.grow(titles);
        if let Some(allowed) = allowed {
            self.open.clone_from(allowed);
            self.open.grow(titles);
        } else {
            self.open.grow(titles);
            self.open.insert_range(..);
        }
        history.seen().iter().filter(|title| (**title as usize) < titles).for_each(|title| self.open.remove(*title as usize));
    }

    /// Whether `title` may be shown.
    pub(super) fn may(&self, title: TitleIndex) -> bool {
        self.open.contains(title as usize)
    }

    /// Chooses those titles of which most is said, each term in units of the most that it says of any.
    pub(super) fn bring_up(&mut self) {
        let best = self.most_said();
        best.into_iter().for_each(|(title, _)| self.choose(title));
    }

    fn most_said(&self) -> Vec<(TitleIndex, f32)> {
        // As many chunks as titles are wanted have one of which the ridge says as much as of the last of them: less need not be looked at.
        let tops = tops(&self.ridge, self.open.as_slice());
        let scale = |most: f32| if most > 0.0 { 1.0 / most } else { 0.0 };
        let mosts = [vector::largest(&tops), self.next.largest(), self.content.largest()];
        let scales = mosts.map(scale);
        let floor = nth_largest(tops.clone(), BROUGHT_UP_MAX).max(0.0);
        let mut best = Vec::new();
        let only_like = self.content.titles.iter().filter(|title| !self.next.speaks_of(**title));
        for title in self.next.titles.iter().chain(only_like) {
            let at = *title as usize;
            let said = self.ridge[at] * scales[0] + self.next.said[at] * scales[1] + self.content.said[at] * scales[2];
            if said > 0.0 && said >= floor * scales[0] && self.may(*title) {
                best.push((*title, said));
            }
        }
        // All others are judged by the ridge alone.
        for at in places_from(&self.ridge, &tops, floor.max(f32::MIN_POSITIVE)) {
            let title = at as TitleIndex;
            if self.may(title) && !self.next.speaks_of(title) && !self.content.speaks_of(title) {
                best.push((title, self.ridge[at] * scales[0]));
            }
        }
        keep_largest(&mut best);
        best
    }

    /// Puts `title` in question, once.
    pub(super) fn choose(&mut self, title: TitleIndex) {
        if !self.is_chosen.put(title as usize) {
            self.chosen.push(title);
        }
    }

    /// Clears everything for the next history.
    pub(super) fn end(&mut self) {
        self.ridge.fill(0.0);
        [&mut self.next, &mut self.content].into_iter().for_each(Sums::end);
        self.chosen.drain(..).for_each(|title| self.is_chosen.remove(title as usize));
    }
}

impl Sums {
    fn begin(&mut self, titles: usize) {
        self.said.resize(titles, 0.0);
        self.is_there.grow(titles);
    }

    /// Adds what `history` says of each title.
    pub(super) fn add(&mut self, neighbours: &Neighbours, history: &[Watched]) {
        for (forgotten, weights) in neighbours.layers() {
            forgotten.iter().for_each(|title| self.said[*title as usize] = 0.0);
            fetch_rows(weights, history);
            for watched in history {
                for (title, weight) in weights.entries(watched.title as usize) {
                    self.said[title as usize] += watched.weight * weight;
                    if !self.is_there.put(title as usize) {
                        self.titles.push(title);
                    }
                }
            }
        }
    }

    fn speaks_of(&self, title: TitleIndex) -> bool {
        self.is_there.contains(title as usize)
    }

    fn largest(&self) -> f32 {
        self.titles.iter().map(|title| self.said[*title as usize]).fold(0.0, f32::max)
    }

    fn end(&mut self) {
        for title in self.titles.drain(..) {
            self.said[title as usize] = 0.0;
            self.is_there.remove(title as usize);
        }
    }
}

/// The `count`th of `numbers` when the largest comes first; minus infinity if there are not so many.
fn nth_largest(mut numbers: Vec<f32>, count: usize) -> f32 {
    if numbers.len() < count {
        return f32::NEG_INFINITY;
    }
    *numbers.select_nth_unstable_by(count - 1, |left, right| right.total_cmp(left)).1
}

/// Keeps those of which most is said, at most [`BROUGHT_UP_MAX`].
fn keep_largest(best: &mut Vec<(TitleIndex, f32)>) {
    if best.len() > BROUGHT_UP_MAX {
        best.select_nth_unstable_by(BROUGHT_UP_MAX - 1, |left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
        best.truncate(BROUGHT_UP_MAX);
    }
}
