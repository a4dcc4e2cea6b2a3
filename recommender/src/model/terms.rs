//! All that is trained for one catalogue.

use super::{
    Neighbours, Popularity, Term, TitleIndex, Watched,
    content::{self, Features},
    factors::{FactorKnobs, Factors},
    next::{self, NextKnobs, NextTitles},
    ridge::{self, RidgeKnobs},
    sequence::{Attention, AttentionKnobs, Sequence},
    spectral::{Spectral, SpectralKnobs},
};
use crate::data::{Array, Interactions};
use serde::{Deserialize, Serialize};

/// Newest titles whose successors count.
const NEXT_TITLES: usize = 3;
/// What each of them counts beside the one that came after it.
const NEXT_FADE: f32 = 0.6;

/// All choices that are made before training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Knobs {
    /// Of the ridge.
    pub ridge: RidgeKnobs,
    /// Of the factorisation.
    pub factors: FactorKnobs,
    /// Of the low-pass filter.
    pub spectral: SpectralKnobs,
    /// Of the next-title matrix.
    pub next: NextKnobs,
    /// Of the network.
    #[serde(default)]
    pub sequence: AttentionKnobs,
    /// How fast a history fades.
    pub recency: Recency,
}

/// How fast a history fades.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recency {
    /// Titles after which a watch counts 1/e of the newest one; 0: all count the same.
    pub titles: f32,
}

impl Default for Recency {
    fn default() -> Self {
        Self { titles: 0.0 }
    }
}

impl Recency {
    /// `history`, newest first, with what each title still counts.
    #[must_use]
    pub fn faded(self, history: &[Watched]) -> Vec<Watched> {
        let fade = |(rank, watched): (usize, &Watched)| {
            let left = if self.titles > 0.0 { (-(rank as f32) / self.titles).exp() } else { 1.0 };
            Watched { title: watched.title, weight: watched.weight * left }
        };
        history.iter().enumerate().map(fade).collect()
    }
}

/// What is trained on.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// Who watched what.
    pub watches: &'a Interactions,
    /// What is known of each title; empty where nothing is known of any.
    pub features: &'a [Features],
    /// As of when, in seconds since 1970.
    pub now: i64,
}

/// All that is trained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// What titles say of each other.
    pub ridge: Neighbours,
    /// Titles as vectors.
    pub factors: Factors,
    /// The smooth part of the graph.
    pub spectral: Spectral,
    /// What follows what; nothing where no order is known.
    pub next: Neighbours,
    /// What a network expects next; nothing where no order is known.
    pub sequence: Attention,
    /// What is like what; nothing where no facts are known.
    pub content: Neighbours,
    /// [`Features::print`] of each title as it was then.
    pub prints: Array<u64>,
    /// What many watch.
    pub popularity: Popularity,
    /// How histories fade.
    pub recency: Recency,
}

impl Terms {
    /// Trains on `material`.
    #[must_use]
    pub fn train(material: &Material<'_>, knobs: &Knobs) -> Self {
        let Material { watches, features, now } = *material;
        let liked = watches.liked();
        Self {
            ridge: ridge::train(&liked, knobs.ridge),
            factors: Factors::train(&liked, knobs.factors),
            spectral: Spectral::train(&liked, knobs.spectral),
            next: if watches.is_timed() { next::train(&liked, knobs.next) } else { Neighbours::default() },
            sequence: if watches.is_timed() { Attention::train(&liked, knobs.sequence) } else { Attention::default() },
            content: content::train(features),
            prints: features.iter().map(Features::print).collect::<Vec<_>>().into(),
            popularity: Popularity::train(watches, now),
            recency: knobs.recency,
        }
    }

    /// Number of titles.
    #[must_use]
    pub fn titles(&self) -> usize {
        self.popularity.order().len()
    }

    /// Number of titles that there were when vectors were trained.
    #[must_use]
    pub fn trained_titles(&self) -> usize {
        self.factors.titles().max(self.spectral.titles())
    }

    /// What `term` alone says of all titles for a history, newest first.
    #[must_use]
    pub fn alone(&self, term: Term, history: &[Watched]) -> Vec<f32> {
        let all = || (0..self.titles() as TitleIndex).collect::<Vec<_>>();
        let mut out = vec![0.0; self.titles()];
        let faded = self.recency.faded(history);
        match term {
            Term::Ridge => self.ridge.add_to(&faded, &mut out),
            Term::Content => self.content.add_to(&faded, &mut out),
            Term::Factors => out = self.factors.says(&self.factors.profile(&liked(&faded)), &all()),
            Term::Spectral => out = self.spectral.says(&self.spectral.profile(&faded), &all()),
            Term::Next => out = NextTitles(&self.next).says(history, &all()),
            Term::Sequence => out = self.sequence.says(history, &all()),
            Term::Popular => (0..).zip(&mut out).for_each(|(title, out)| *out = self.popularity.popular(title)),
            Term::Trending => (0..).zip(&mut out).for_each(|(title, out)| *out = self.popularity.trending(title)),
        }
        out
    }
}

/// Those of `history` that were liked.
pub(super) fn liked(history: &[Watched]) -> Vec<Watched> {
    history.iter().filter(|watched| watched.weight > 0.0).copied().collect()
}

/// The newest titles of `history`, with what each counts for what is watched next.
pub(super) fn latest(history: &[Watched]) -> Vec<Watched> {
    let liked = history.iter().filter(|watched| watched.weight > 0.0).take(NEXT_TITLES);
    let faded =
        liked.enumerate().map(|(rank, watched)| Watched { weight: watched.weight * NEXT_FADE.powi(rank as i32), ..*watched });
    faded.collect()
}
