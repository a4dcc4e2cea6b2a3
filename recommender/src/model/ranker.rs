//! From a history to a list: titles that any term brings up, judged by all terms, each in units of its own spread.

use super::{Blend, History, Popularity, Scratch, TERMS, Term, Terms, TitleIndex, Watched, Weights, terms};
use crate::data::keep_first;
use fixedbitset::FixedBitSet;
use std::cmp::Ordering;

/// Popular titles that are judged besides, and as many of those that are popular lately.
const POPULAR_MAX: usize = 100;
/// Watches of a title with which half of what is said of it is learned from watches.
const KNOWN_WATCHES: f32 = 5.0;
/// What likeness is worth beside what is learned from watches.
const LIKENESS: f32 = 0.7;
/// Terms that know nothing of a title that nobody watched.
const LEARNED: [Term; 3] = [Term::Ridge, Term::Factors, Term::Spectral];
/// Terms that know nothing of a title that came after the training.
const TRAINED: [Term; 4] = [Term::Factors, Term::Spectral, Term::Next, Term::Sequence];
/// Titles of a history for which the dial is turned half way.
const DIAL_TITLES: f32 = 3.0;

/// A ranking of one catalogue for any history. Immutable once trained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranker {
    /// What was trained.
    pub terms: Terms,
    /// How much each term counts.
    pub blend: Blend,
    /// Power of a title's watches that its score is divided by: what many know already is found without help.
    pub dial: f32,
}

/// A title with what each term says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Which.
    pub title: TitleIndex,
    /// What each term says, in units of its spread among the titles that were judged.
    pub parts: Weights,
    /// What each term adds.
    pub said: Weights,
    /// What that is together, less for what is popular.
    pub score: f32,
}

impl Judged {
    /// What came after the training is as good as any other title to the terms that are only trained.
    fn know_nothing_of_training(&mut self) {
        TRAINED.iter().for_each(|term| self.parts[place(*term)] = 0.0);
    }
}

/// What is asked of a ranker.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Titles that are wanted at least.
    pub count: usize,
    /// What may be shown, if not all; what the profile has seen never is.
    pub allowed: Option<&'a FixedBitSet>,
    /// Titles that are judged whatever becomes of them, seen or not.
    pub also: &'a [TitleIndex],
    /// Whether only the history speaks, and popularity does not.
    pub is_like: bool,
    /// The power that popularity is turned down by; `None`: the ranker's own.
    pub dial: Option<f32>,
}

impl Wanted<'_> {
    /// The `count` best of all titles.
    #[must_use]
    pub fn any(count: usize) -> Self {
        Self { count, allowed: None, also: &[], is_like: false, dial: None }
    }
}

impl Ranker {
    /// The titles in question for `history`, with what each term says of them; at least as many as are wanted, if so many are
    /// allowed.
    pub fn judged(&self, history: &History, wanted: Wanted<'_>, scratch: &mut Scratch) -> Vec<Judged> {
        let faded = self.terms.recency.faded(history.newest());
        let latest = terms::latest(history.newest());
        scratch.begin(self.terms.titles(), history, wanted.allowed);
        self.terms.ridge.add_to(&faded, &mut scratch.ridge);
        scratch.next.add(&self.terms.next, &latest);
        scratch.content.add(&self.terms.content, &faded);
        scratch.bring_up();
        self.add_popular(wanted.count, scratch);
        wanted.also.iter().filter(|title| (**title as usize) < self.terms.titles()).for_each(|title| scratch.choose(*title));
        let mut judged: Vec<Judged> = scratch
            .chosen
            .iter()
            .map(|title| Judged { title: *title, parts: [0.0; TERMS.len()], said: [0.0; TERMS.len()], score: 0.0 })
            .collect();
        self.say(&mut judged, history.newest(), &faded, scratch);
        scratch.end();
        standardise(&mut judged);
        let trained = self.terms.trained_titles();
        judged.iter_mut().filter(|one| one.title as usize >= trained).for_each(Judged::know_nothing_of_training);
        let weights = self.blend.weights(history.newest().len());
        self.add_up(&mut judged, &weights, wanted.is_like);
        turn_down(&mut judged, wanted.dial.unwrap_or(self.dial), history.newest().len(), &self.terms.popularity);
        judged
    }

    /// The best titles for `history`, best first; fewer than wanted only if fewer are allowed.
    pub fn best(&self, history: &History, wanted: Wanted<'_>, scratch: &mut Scratch) -> Vec<Judged> {
        let mut judged = self.judged(history, wanted, scratch);
        keep_first(&mut judged, wanted.count, order);
        judged
    }

    /// Adds up what all terms say. Of a title that hardly anybody watched those that learn from watches know nothing: what it is like
    /// speaks for them.
    fn add_up(&self, judged: &mut [Judged], weights: &Weights, is_like: bool) {
        let content = place(Term::Content);
        let has_content = !self.terms.content.is_empty();
        let learned: f32 = LEARNED.iter().map(|term| weights[place(*term)]).sum();
        for one in judged {
            let watched = self.terms.popularity.ever(one.title);
            let known = if has_content { watched / (watched + KNOWN_WATCHES) } else { 1.0 };
            one.said = std::array::from_fn(|term| {
                let share = match TERMS[term] {
                    Term::Popular | Term::Trending => f32::from(u8::from(!is_like)),
                    _ => known,
                };
                one.parts[term] * weights[term] * share
            });
            one.said[content] += (1.0 - known) * learned * LIKENESS * one.parts[content];
            one.score = one.said.iter().sum();
        }
    }

    /// Adds the most popular of all titles, the most popular lately, and then more until there are as many as are wanted.
    fn add_popular(&self, count: usize, scratch: &mut Scratch) {
        let popularity = &self.terms.popularity;
        for (order, chosen_min) in [(popularity.trending_order(), 0), (popularity.order(), count)] {
            let mut added = 0;
            for title in order {
                if added >= POPULAR_MAX && scratch.chosen.len() >= chosen_min {
                    break;
                }
                if scratch.may(*title) {
                    added += 1;
                    scratch.choose(*title);
                }
            }
        }
    }

    /// Lets each term speak of each title, in the order in which they were chosen.
    fn say(&self, judged: &mut [Judged], newest: &[Watched], faded: &[Watched], scratch: &Scratch) {
        let liked = terms::liked(faded);
        let factors = self.terms.factors.says(&self.terms.factors.profile(&liked), &scratch.chosen);
        let spectral = self.terms.spectral.says(&self.terms.spectral.profile(faded), &scratch.chosen);
        let expected = self.terms.sequence.profile(newest);
        for (place, one) in judged.iter_mut().enumerate() {
            let title = one.title as usize;
            let says = |term| match term {
                Term::Ridge => scratch.ridge[title],
                Term::Next => scratch.next.said[title],
                Term::Content => scratch.content.said[title],
                Term::Factors => factors[place],
                Term::Spectral => spectral[place],
                Term::Popular => self.terms.popularity.popular(one.title),
                Term::Trending => self.terms.popularity.trending(one.title),
                Term::Sequence => self.terms.sequence.of(&expected, one.title),
            };
            one.parts = TERMS.map(says).map(|part| if part.is_finite() { part } else { 0.0 });
        }
    }
}

/// The place of a term among the weights.
#[must_use]
pub fn place(term: Term) -> usize {
    term as usize
}

/// Best first; equal ones by popularity, then by index, so that the same input always gives the same list.
pub(crate) fn order(left: &Judged, right: &Judged) -> Ordering {
    let popular = place(Term::Popular);
    let by_score = right.score.total_cmp(&left.score);
    by_score.then(right.parts[popular].total_cmp(&left.parts[popular])).then(left.title.cmp(&right.title))
}

/// Divides scores, from the lowest on, by a power of popularity. Of a history of few titles little is known but what is popular.
fn turn_down(judged: &mut [Judged], dial: f32, titles: usize, popularity: &Popularity) {
    let power = dial * titles as f32 / (titles as f32 + DIAL_TITLES);
    let lowest = judged.iter().map(|one| one.score).fold(f32::INFINITY, f32::min);
    for one in judged.iter_mut() {
        one.score = (one.score - lowest) * (-power * popularity.popular(one.title)).exp();
    }
}

/// Takes the mean from each part, and divides it by its spread.
fn standardise(judged: &mut [Judged]) {
    let count = judged.len().max(1) as f32;
    let mut means = [0.0_f32; TERMS.len()];
    judged.iter().for_each(|one| means.iter_mut().zip(one.parts).for_each(|(mean, part)| *mean += part / count));
    let mut squares = [0.0_f32; TERMS.len()];
    for one in judged.iter_mut() {
        for ((part, mean), square) in one.parts.iter_mut().zip(means).zip(&mut squares) {
            *part -= mean;
            *square += *part * *part;
        }
    }
    let scales = squares.map(|square| {
        let spread = (square / count).sqrt();
        if spread > 1e-9 && spread.is_finite() { 1.0 / spread } else { 0.0 }
    });
    judged.iter_mut().for_each(|one| one.parts.iter_mut().zip(scales).for_each(|(part, scale)| *part *= scale));
}
