//! What is watched after what.

use super::{Neighbours, TitleIndex, Watched, neighbours::largest, sequence::Sequence, terms::latest};
use crate::data::{Counter, Sparse};

/// How far apart two titles may be in a history, and what a pair counts then.
const GAPS: [f32; 3] = [1.0, 0.5, 0.33];
/// Successors that are kept of a title.
const KEPT: usize = 500;

/// Choices of a next-title matrix.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NextKnobs {
    /// Power of a title's popularity that its counts are divided by.
    pub popularity: f32,
}

impl Default for NextKnobs {
    fn default() -> Self {
        Self { popularity: 0.3 }
    }
}

/// A next-title matrix as a model of what comes next: what followed the newest titles before.
pub struct NextTitles<'a>(pub &'a Neighbours);

impl Sequence for NextTitles<'_> {
    fn says(&self, newest: &[Watched], titles: &[TitleIndex]) -> Vec<f32> {
        let latest = latest(newest);
        let said = |title: &TitleIndex| latest.iter().map(|watched| watched.weight * self.0.weight(watched.title, *title)).sum();
        titles.iter().map(said).collect()
    }
}

/// Trains on histories, the oldest first: how often a title came after another, over how often that was watched.
#[must_use]
pub fn train(histories: &Sparse, knobs: NextKnobs) -> Neighbours {
    let titles = histories.width();
    let watched: Vec<f32> = histories.column_lens().iter().map(|count| *count as f32).collect();
    let places = histories.places();
    let row = |counter: &mut Counter, title: usize| {
        for (profile, place) in places.entries(title) {
            let later = &histories.row(profile as usize).0[place as usize + 1..];
            later.iter().zip(GAPS).for_each(|(later, count)| counter.add(*later, count));
        }
        let scale = 1.0 / watched[title].max(1.0);
        let said = counter.take().into_iter();
        let said = said.map(|(later, count)| (later, count * scale / watched[later as usize].powf(knobs.popularity)));
        largest(said.collect(), KEPT)
    };
    Neighbours::new(Sparse::computed((titles, titles), || Counter::new(titles), row))
}
