//! Models side by side: the ranker, its terms alone, and what every recommender has to be better than.

use super::peers;
use crate::{
    data::Interactions,
    model::{History, Neighbours, Popularity, Ranker, Scratch, Term, Terms, Wanted},
};

/// Something that ranks titles.
pub enum Contender {
    /// All terms together.
    Blend(Box<Ranker>),
    /// One term alone.
    Alone(Term, Box<Terms>),
    /// Nearest neighbours, by what is popular where these say nothing.
    Neighbours(Neighbours, Popularity),
}

impl Contender {
    /// Okapi BM25 on `watches`.
    #[must_use]
    pub fn bm25(watches: &Interactions, now: i64) -> Self {
        Self::Neighbours(peers::bm25(&watches.liked()), Popularity::train(watches, now))
    }

    /// The `count` best titles that `history` has not seen, best first.
    pub fn best(&self, history: &History, count: usize, scratch: &mut Scratch) -> Vec<u32> {
        if let Self::Blend(ranker) = self {
            return ranker.best(history, Wanted::any(count), scratch).iter().map(|one| one.title).collect();
        }
        let scores = self.scores(history);
        let popularity = self.popularity();
        let mut titles: Vec<u32> = (0..scores.len() as u32).filter(|title| !history.has_seen(*title)).collect();
        let order = |left: &u32, right: &u32| order(&scores, popularity, *left, *right);
        if count < titles.len() {
            titles.select_nth_unstable_by(count, order);
            titles.truncate(count);
        }
        titles.sort_unstable_by(order);
        titles
    }

    /// `titles` in order, best first, seen or not.
    pub fn sorted(&self, history: &History, titles: &[u32], scratch: &mut Scratch) -> Vec<u32> {
        let mut titles = titles.to_vec();
        if let Self::Blend(ranker) = self {
            let wanted = Wanted { also: &titles, ..Wanted::any(0) };
            let scores: std::collections::HashMap<u32, f32> =
                ranker.judged(history, wanted, scratch).iter().map(|one| (one.title, one.score)).collect();
            let score = |title: u32| scores.get(&title).copied().unwrap_or(f32::NEG_INFINITY);
            let popularity = &ranker.terms.popularity;
            titles.sort_by(|left, right| {
                let by_score = score(*right).total_cmp(&score(*left));
                by_score.then(popularity.ever(*right).total_cmp(&popularity.ever(*left))).then(left.cmp(right))
            });
            return titles;
        }
        let scores = self.scores(history);
        titles.sort_by(|left, right| order(&scores, self.popularity(), *left, *right));
        titles
    }

    fn scores(&self, history: &History) -> Vec<f32> {
        match self {
            Self::Blend(_) => Vec::new(),
            Self::Alone(term, terms) => terms.alone(*term, history.newest()),
            Self::Neighbours(neighbours, popularity) => {
                let mut scores = vec![0.0; popularity.order().len()];
                neighbours.add_to(history.newest(), &mut scores);
                scores
            }
        }
    }

    fn popularity(&self) -> &Popularity {
        match self {
            Self::Blend(ranker) => &ranker.terms.popularity,
            Self::Alone(_, terms) => &terms.popularity,
            Self::Neighbours(_, popularity) => popularity,
        }
    }
}

/// Best first; equal ones by popularity, then by index: sparse models say nothing of most titles, and a list must not be luck.
fn order(scores: &[f32], popularity: &Popularity, left: u32, right: u32) -> std::cmp::Ordering {
    let score = |title: u32| scores.get(title as usize).copied().unwrap_or(f32::NEG_INFINITY);
    let by_score = score(right).total_cmp(&score(left));
    by_score.then(popularity.ever(right).total_cmp(&popularity.ever(left))).then(left.cmp(&right))
}

/// Nothing but popularity, so that a term can be trained beside it.
#[must_use]
pub(super) fn bare(watches: &Interactions, now: i64) -> Terms {
    Terms { popularity: Popularity::train(watches, now), ..Terms::default() }
}
