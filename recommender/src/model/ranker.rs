//! From a history to a list: titles that any term brings up, judged by all terms, each in units of its own spread.

use super::{Blend, History, Neighbours, TERMS, Term, Terms, TitleIndex, Watched, Weights, terms};
use crate::data::keep_first;
use std::cmp::Ordering;

/// Titles that the sparse terms bring up.
const BROUGHT_UP_MAX: usize = 1_000;
/// Popular titles that are judged besides, and as many of those that are popular lately.
const POPULAR_MAX: usize = 300;
/// Watches of a title with which half of what is said of it is learned from watches.
const KNOWN_WATCHES: f32 = 5.0;
/// What likeness is worth beside what is learned from watches.
const LIKENESS: f32 = 0.7;
/// Terms that know nothing of a title that nobody watched.
const LEARNED: [Term; 3] = [Term::Ridge, Term::Factors, Term::Spectral];
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

/// What is asked of a ranker.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Titles that are wanted at least.
    pub count: usize,
    /// What may be shown; what the profile has seen never is.
    pub allowed: &'a dyn Fn(TitleIndex) -> bool,
    /// Titles that are judged whatever becomes of them, seen or not.
    pub also: &'a [TitleIndex],
    /// Whether only the history speaks, and popularity does not.
    pub is_like: bool,
}

impl Wanted<'_> {
    /// The `count` best of all titles.
    #[must_use]
    pub fn any(count: usize) -> Self {
        Self { count, allowed: &|_| true, also: &[], is_like: false }
    }
}

/// What a thread needs to judge, again and again: arrays as long as the catalogue, clean in between.
#[derive(Debug, Default)]
pub struct Scratch {
    sums: [Vec<f32>; 3],
    touched: Vec<TitleIndex>,
    is_touched: Vec<bool>,
    chosen: Vec<TitleIndex>,
    is_chosen: Vec<bool>,
}

impl Ranker {
    /// The titles in question for `history`, with what each term says of them; at least as many as are wanted, if so many are
    /// allowed.
    pub fn judged(&self, history: &History, wanted: Wanted<'_>, scratch: &mut Scratch) -> Vec<Judged> {
        let faded = self.terms.recency.faded(history.newest());
        let latest = terms::latest(history.newest());
        scratch.begin(self.terms.titles());
        scratch.add(0, &self.terms.ridge, &faded);
        scratch.add(1, &self.terms.next, &latest);
        scratch.add(2, &self.terms.content, &faded);
        let may = |title: TitleIndex| !history.has_seen(title) && (wanted.allowed)(title);
        scratch.bring_up(&may);
        self.add_popular(wanted.count, &may, scratch);
        wanted.also.iter().filter(|title| (**title as usize) < self.terms.titles()).for_each(|title| scratch.choose(*title));
        let mut judged: Vec<Judged> = scratch
            .chosen
            .iter()
            .map(|title| Judged { title: *title, parts: [0.0; TERMS.len()], said: [0.0; TERMS.len()], score: 0.0 })
            .collect();
        self.say(&mut judged, history.newest(), &faded, scratch);
        scratch.end();
        standardise(&mut judged);
        let weights = self.blend.weights(history.newest().len());
        self.add_up(&mut judged, &weights, wanted.is_like);
        self.turn_down(&mut judged, history.newest().len());
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
        let has_content = !self.terms.content.weights().is_empty();
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

    /// Divides scores, from the lowest on, by a power of popularity. Of a short history little is known but what is popular.
    fn turn_down(&self, judged: &mut [Judged], titles: usize) {
        let power = self.dial * titles as f32 / (titles as f32 + DIAL_TITLES);
        let lowest = judged.iter().map(|one| one.score).fold(f32::INFINITY, f32::min);
        for one in judged.iter_mut() {
            one.score = (one.score - lowest) * (-power * self.terms.popularity.popular(one.title)).exp();
        }
    }

    /// Adds the most popular of all titles, the most popular lately, and then more until there are `count`.
    fn add_popular(&self, count: usize, may: &dyn Fn(TitleIndex) -> bool, scratch: &mut Scratch) {
        let popularity = &self.terms.popularity;
        let allowed = |title: &&TitleIndex| may(**title);
        popularity.trending_order().iter().filter(allowed).take(POPULAR_MAX).for_each(|title| scratch.choose(*title));
        let mut added = 0;
        for title in popularity.order() {
            if added >= POPULAR_MAX && scratch.chosen.len() >= count {
                break;
            }
            if may(*title) {
                added += 1;
                scratch.choose(*title);
            }
        }
    }

    /// Lets each term speak of each title.
    fn say(&self, judged: &mut [Judged], newest: &[Watched], faded: &[Watched], scratch: &Scratch) {
        let liked = terms::liked(faded);
        let factors = self.terms.factors.profile(&liked);
        let spectral = self.terms.spectral.profile(faded);
        let expected = self.terms.sequence.profile(newest);
        for one in judged {
            let title = one.title as usize;
            let says = |term| match term {
                Term::Ridge => scratch.sums[0][title],
                Term::Next => scratch.sums[1][title],
                Term::Content => scratch.sums[2][title],
                Term::Factors => self.terms.factors.says(&factors, one.title),
                Term::Spectral => self.terms.spectral.says(&spectral, one.title),
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

/// Takes the mean from each part, and divides it by its spread.
fn standardise(judged: &mut [Judged]) {
    let count = judged.len().max(1) as f32;
    for term in 0..TERMS.len() {
        let mean = judged.iter().map(|one| one.parts[term]).sum::<f32>() / count;
        let spread = (judged.iter().map(|one| (one.parts[term] - mean).powi(2)).sum::<f32>() / count).sqrt();
        let tells = spread > 1e-9 && spread.is_finite();
        judged.iter_mut().for_each(|one| one.parts[term] = if tells { (one.parts[term] - mean) / spread } else { 0.0 });
    }
}

impl Scratch {
    fn begin(&mut self, titles: usize) {
        self.sums.iter_mut().for_each(|sums| sums.resize(titles, 0.0));
        self.is_touched.resize(titles, false);
        self.is_chosen.resize(titles, false);
    }

    fn add(&mut self, term: usize, neighbours: &Neighbours, history: &[Watched]) {
        for watched in history {
            for (title, weight) in neighbours.weights().entries(watched.title as usize) {
                if !std::mem::replace(&mut self.is_touched[title as usize], true) {
                    self.touched.push(title);
                }
                self.sums[term][title as usize] += watched.weight * weight;
            }
        }
    }

    /// Chooses those titles of which the sparse terms say most, each term in units of the most that it says of any.
    fn bring_up(&mut self, may: &dyn Fn(TitleIndex) -> bool) {
        let most = |sums: &Vec<f32>| self.touched.iter().map(|title| sums[*title as usize]).fold(f32::MIN_POSITIVE, f32::max);
        let scales = [0, 1, 2].map(|term| 1.0 / most(&self.sums[term]));
        let said = |title: TitleIndex| (0..scales.len()).map(|term| self.sums[term][title as usize] * scales[term]).sum::<f32>();
        // What is not allowed is sorted out before titles are counted.
        let allowed = self.touched.iter().filter(|title| may(**title));
        let mut titles: Vec<(TitleIndex, f32)> = allowed.map(|title| (*title, said(*title))).collect();
        if titles.len() > BROUGHT_UP_MAX {
            titles.select_nth_unstable_by(BROUGHT_UP_MAX, |left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            titles.truncate(BROUGHT_UP_MAX);
        }
        titles.into_iter().for_each(|(title, _)| self.choose(title));
    }

    fn choose(&mut self, title: TitleIndex) {
        if !std::mem::replace(&mut self.is_chosen[title as usize], true) {
            self.chosen.push(title);
        }
    }

    fn end(&mut self) {
        for title in self.touched.drain(..) {
            self.is_touched[title as usize] = false;
            self.sums.iter_mut().for_each(|sums| sums[title as usize] = 0.0);
        }
        for title in self.chosen.drain(..) {
            self.is_chosen[title as usize] = false;
        }
    }
}
