//! A model: terms, how much each counts, and the choice among all titles.

use super::{Catalog, Cause, History, Popularity, Reason, Similarity, Term, TitleIndex, Watch, select};
use marquee_core::id::VideoId;
use time::OffsetDateTime;

/// How much a term counts, by the number of titles in the history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blend {
    /// The same for every history.
    Constant(f32),
    /// A prior that fades as evidence arrives: the value divided by √n for a history of n titles.
    Fading(f32),
}

impl Blend {
    /// The weight for a history of `titles` titles. Never negative, never NaN.
    #[must_use]
    pub fn weight(self, titles: usize) -> f32 {
        let weight = match self {
            Self::Constant(weight) => weight,
            Self::Fading(weight) => weight / (titles.max(1) as f32).sqrt(),
        };
        if weight.is_finite() { weight.max(0.0) } else { 0.0 }
    }
}

/// Popularity counts 0.3/√n beside a personal term whose best title counts 1: on public data this is at least as good as
/// popularity alone from the first title on, and better than the personal term alone up to about ten.
const POPULARITY: Blend = Blend::Fading(0.3);
const SIMILARITY: Blend = Blend::Constant(1.0);

/// A ranking of one catalogue for any history. Immutable once trained.
pub struct Model {
    catalog: Catalog,
    terms: Vec<(Blend, Box<dyn Term>)>,
}

/// A chosen title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Which.
    pub video: VideoId,
    /// Why.
    pub reason: Reason,
}

impl Model {
    /// Trains the standard model on `watches`, one for each pair of profile and title.
    #[must_use]
    pub fn train(catalog: Catalog, watches: &[Watch], now: OffsetDateTime) -> Self {
        let similarity = Similarity::train(&catalog, watches, now);
        let popularity = Popularity::train(&catalog, watches, now);
        Self::new(catalog, vec![(SIMILARITY, Box::new(similarity)), (POPULARITY, Box::new(popularity))])
    }

    /// A model of these terms.
    #[must_use]
    pub fn new(catalog: Catalog, terms: Vec<(Blend, Box<dyn Term>)>) -> Self {
        Self { catalog, terms }
    }

    /// The titles that this model ranks.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The `count` best titles for `history` that were not seen and that `allowed` lets pass, best first. Fewer only if fewer
    /// are left: titles without any score follow, the newest first.
    #[must_use]
    pub fn recommend(&self, history: &History, count: usize, allowed: impl Fn(VideoId) -> bool) -> Vec<Pick> {
        let parts = self.parts(history);
        let mut total = vec![0.0; self.catalog.len()];
        for part in &parts {
            total.iter_mut().zip(part).for_each(|(total, score)| *total += score);
        }
        let allowed = |title| !history.has_seen(title) && self.catalog.title(title).is_some_and(&allowed);
        let chosen = select::best(&total, count, allowed);
        let picks = chosen.into_iter().filter_map(|title| {
            let video = self.catalog.title(title)?;
            Some(Pick { video, reason: self.reason(&parts, history, title) })
        });
        picks.collect()
    }

    /// What each term adds to each title: the term's score over its largest, times its weight.
    fn parts(&self, history: &History) -> Vec<Vec<f32>> {
        let scaled = self.terms.iter().map(|(blend, term)| {
            let mut scores = vec![0.0; self.catalog.len()];
            term.scores(history, &mut scores);
            scores.iter_mut().filter(|score| !score.is_finite() || **score < 0.0).for_each(|score| *score = 0.0);
            let largest = scores.iter().copied().fold(0.0, f32::max);
            if largest > 0.0 {
                let weight = blend.weight(history.newest().len());
                scores.iter_mut().for_each(|score| *score = *score / largest * weight);
            }
            scores
        });
        scaled.collect()
    }

    /// The reason of the term that gave `title` most.
    fn reason(&self, parts: &[Vec<f32>], history: &History, title: TitleIndex) -> Reason {
        let part = |term: usize| parts[term][title as usize];
        let largest = (0..parts.len()).rev().max_by(|left, right| part(*left).total_cmp(&part(*right)));
        let cause = largest.filter(|term| part(*term) > 0.0).and_then(|term| self.terms[term].1.reason(history, title));
        let reason = cause.and_then(|cause| match cause {
            Cause::Watched(watched) => self.catalog.title(watched).map(|video| Reason::BecauseYouWatched { video }),
            Cause::Popular(window) => Some(Reason::Popular { window }),
        });
        reason.unwrap_or(Reason::New)
    }
}
