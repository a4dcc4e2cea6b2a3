//! Models side by side: the ranker, its terms alone, and what every recommender has to be better than.

use super::peers;
use crate::{
    data::{Interactions, keep_first},
    model::{History, Neighbours, Popularity, Ranker, Scratch, Term, Terms, Wanted},
};

/// Something that ranks titles.
pub enum Contender {
    /// All terms together.
    Blend(Box<Ranker>),
    /// One term alone.
    Alone(Term, Box<Terms>),
    /// Nearest neighbours, by what is popular where these say nothing.
    Neighbours(Box<Neighbours>, Popularity),
}

impl Contender {
    /// Okapi BM25 on `watches`.
    #[must_use]
    pub fn bm25(watches: &Interactions, now: i64) -> Self {
        Self::Neighbours(Box::new(peers::bm25(&watches.liked())), Popularity::train(watches, now))
    }

    /// What many watch, of `watches`.
    #[must_use]
    pub fn popular(watches: &Interactions, now: i64) -> Self {
        Self::Alone(Term::Popular, Box::new(bare(watches, now)))
    }

    /// The `count` best titles that `history` has not seen, best first.
    pub fn best(&self, history: &History, count: usize, scratch: &mut Scratch) -> Vec<u32> {
        if let Self::Blend(ranker) = self {
            return ranker.best(history, Wanted::any(count), scratch).iter().map(|one| one.title).collect();
        }
        let scores = self.scores(history);
        let popularity = self.popularity();
        let mut titles: Vec<u32> = (0..scores.len() as u32).filter(|title| !history.has_seen(*title)).collect();
        keep_first(&mut titles, count, |left, right| order(&scores, popularity, *left, *right));
        titles
    }

    /// `titles` in order, best first, seen or not. Those that the training does not know are left out: nothing says anything of them, and
    /// by luck none may be found.
    pub fn sorted(&self, history: &History, titles: &[u32], scratch: &mut Scratch) -> Vec<u32> {
        let scores = match self {
            Self::Blend(ranker) => {
                let mut scores = vec![f32::NEG_INFINITY; ranker.terms.titles()];
                let judged = ranker.judged(history, Wanted { also: titles, ..Wanted::any(0) }, scratch);
                judged.iter().for_each(|one| scores[one.title as usize] = one.score);
                scores
            }
            Self::Alone(..) | Self::Neighbours(..) => self.scores(history),
        };
        let known = self.popularity().order().len();
        let mut titles: Vec<u32> = titles.iter().copied().filter(|title| (*title as usize) < known).collect();
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
