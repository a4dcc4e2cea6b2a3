//! An evaluation from beginning to end: choices on a holdout, trainings, judgements.

use super::{Contender, Judgement, Task, assess, contender::bare};
use crate::{
    model::{Material, Term, Terms, factors::Factors, next, ridge, sequence::Attention, spectral::Spectral},
    train::{Choices, Effort, choose, train},
};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What tells how much memory the process holds.
pub trait Meter {
    /// Forgets what was the most.
    fn reset(&self);
    /// The most since then, in bytes, where the system tells.
    fn peak_bytes(&self) -> Option<u64>;
}

/// What an evaluation found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Profiles that were trained on.
    pub profiles: usize,
    /// Titles of the catalogue.
    pub titles: usize,
    /// Interactions that were trained on.
    pub interactions: usize,
    /// Profiles that were judged.
    pub judged: usize,
    /// What was chosen on a holdout of the training.
    pub choices: Choices,
    /// Seconds that choosing took.
    pub choose_seconds: f64,
    /// The blend first, then its terms alone and what every recommender has to be better than.
    pub models: Vec<Judgement>,
}

/// Chooses, trains and judges. Lists are as long as the longest of `ks`.
#[must_use]
pub fn run(task: &Task, ks: &[usize], effort: &Effort, meter: &dyn Meter, progress: &dyn Fn(&str)) -> Report {
    let now = task.train.newest_at().unwrap_or(0);
    progress("choosing on a holdout of the training");
    let begun = Instant::now();
    let material = Material { watches: &task.train, features: &[], now };
    let choices = choose(&material, effort, Choices::default());
    let choose_seconds = begun.elapsed().as_secs_f64();
    let mut models = Vec::new();
    let mut judge = |name: &str, train: &dyn Fn() -> Contender| {
        progress(name);
        meter.reset();
        let begun = Instant::now();
        let contender = train();
        let train_seconds = begun.elapsed().as_secs_f64();
        let judgement = assess(task, name, &contender, ks, effort.seed);
        models.push(Judgement { train_seconds, memory_peak_bytes: meter.peak_bytes(), ..judgement });
    };
    judge("blend", &|| Contender::Blend(Box::new(train(&material, &choices))));
    let is_trained = |term| match term {
        Term::Next => task.train.is_timed(),
        Term::Sequence => choices.knobs.sequence.passes > 0,
        _ => true,
    };
    let terms = [
        ("ridge", Term::Ridge),
        ("factors", Term::Factors),
        ("spectral", Term::Spectral),
        ("next", Term::Next),
        ("sequence", Term::Sequence),
    ];
    for (name, term) in terms.into_iter().filter(|(_, term)| is_trained(*term)) {
        judge(name, &|| Contender::Alone(term, Box::new(alone(task, &choices, term, now))));
    }
    judge("bm25_knn", &|| Contender::bm25(&task.train, now));
    judge("popularity", &|| Contender::popular(&task.train, now));
    Report {
        profiles: task.train.profiles(),
        titles: task.train.titles(),
        interactions: task.train.len(),
        judged: task.profiles().len(),
        choices,
        choose_seconds,
        models,
    }
}

/// One term, trained with the chosen knobs.
fn alone(task: &Task, choices: &Choices, term: Term, now: i64) -> Terms {
    let (liked, knobs) = (task.train.liked(), &choices.knobs);
    let mut terms = Terms { recency: knobs.recency, ..bare(&task.train, now) };
    match term {
        Term::Ridge => terms.ridge = ridge::train(&liked, knobs.ridge),
        Term::Factors => terms.factors = Factors::train(&liked, knobs.factors),
        Term::Spectral => terms.spectral = Spectral::train(&liked, knobs.spectral),
        Term::Next => terms.next = next::train(&liked, knobs.next),
        Term::Sequence => terms.sequence = Attention::train(&liked, knobs.sequence),
        Term::Content | Term::Popular | Term::Trending => {}
    }
    terms
}
