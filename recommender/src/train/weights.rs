//! How much each term counts, by length of the history.

use super::{Effort, Validation, validation::Case};
use crate::{
    evaluate::{is_above, judge},
    model::{Blend, LENGTHS, Ranker, Scratch, TERMS, Terms, Wanted, Weights},
};
use rayon::prelude::*;

/// Steps of a weight, one after the other.
const STEPS: [f32; 3] = [0.5, 0.25, 0.12];
/// Rounds with each step.
const ROUNDS_MAX: usize = 3;
/// Standard errors by which a step has to be better: weights that are not stay as they are known to be good.
const ERRORS_MIN: f64 = 1.5;
/// Length from which on histories have much in common: their weights are learned together first.
const LONG_FROM: usize = 8;
/// Cases of long histories beside those of one length.
const LONG_FACTOR: usize = 3;
/// Least weight: taking popularity back is the dial's business.
const WEIGHT_MIN: f32 = 0.0;
/// Cases below which a length keeps the weights of the one before.
const CASES_MIN: usize = 30;

/// A case as all terms judged it.
struct Trial {
    /// What each term says of each title in question.
    parts: Vec<Weights>,
    /// Whether it is relevant.
    is_relevant: Vec<bool>,
    /// All that is relevant, in question or not.
    relevant: usize,
}

/// Weights that do best on the holdout, beginning at `known`: first the same for all long histories, then for each length.
pub(super) fn learn(validation: &Validation, terms: Terms, effort: &Effort, known: Blend) -> Ranker {
    let mut ranker = Ranker { terms, blend: known.clone(), dial: 0.0 };
    let (mut blend, general) = (known, Blend::default());
    let is_long = |row: &usize| LENGTHS[*row] >= LONG_FROM;
    let learned = |cases: &[Case], start: Weights| {
        let trials = trials(&ranker, cases);
        if trials.len() < CASES_MIN { None } else { Some(ascend(start, |weights| values(&trials, weights, effort.k))) }
    };
    let long = validation.cases(effort.cases_max * LONG_FACTOR, LONG_FROM..usize::MAX);
    if let Some(together) = learned(&long, blend.rows[LENGTHS.len() - 1]) {
        (0..LENGTHS.len()).filter(is_long).for_each(|row| blend.rows[row] = together);
    }
    for row in 0..LENGTHS.len() {
        if let Some(own) = learned(&cases_of(validation, row, effort.cases_max), blend.rows[row]) {
            blend.rows[row] = half_way(own, general.rows[row]);
        }
    }
    ranker.blend = blend;
    ranker
}

/// Gain of each list of `ranker` for profiles that the training knows.
pub(super) fn gains(validation: &Validation, ranker: &Ranker, effort: &Effort) -> Vec<f64> {
    let gain = |scratch: &mut Scratch, case: &Case| {
        let best = ranker.best(&case.history, Wanted::any(effort.k), scratch);
        let titles: Vec<u32> = best.iter().map(|one| one.title).collect();
        judge(&titles, effort.k, case.relevant.len(), |title| case.relevant.binary_search(&title).is_ok()).ndcg
    };
    let cases = validation.cases(effort.cases_max * LONG_FACTOR, 1..usize::MAX);
    cases.par_iter().map_init(Scratch::default, gain).collect()
}

/// Between what the holdout says and what is good elsewhere: what comes is never quite as what was held out.
fn half_way(own: Weights, general: Weights) -> Weights {
    std::array::from_fn(|term| (own[term] + general[term]) / 2.0)
}

/// Profiles whose history is about as long as this row's, and newcomers where these are few.
fn cases_of(validation: &Validation, row: usize, count: usize) -> Vec<Case> {
    let middle = |left: usize, right: usize| ((left.max(1) * right) as f64).sqrt().ceil() as usize;
    let from = row.checked_sub(1).map_or(0, |before| middle(LENGTHS[before], LENGTHS[row])).max(usize::from(row > 0));
    let to = LENGTHS.get(row + 1).map_or(usize::MAX, |after| middle(LENGTHS[row], *after));
    let mut cases = if row == 0 { Vec::new() } else { validation.cases(count, from..to.max(from + 1)) };
    if cases.len() < count {
        cases.extend(validation.newcomers(count - cases.len(), LENGTHS[row]));
    }
    cases
}

fn trials(ranker: &Ranker, cases: &[Case]) -> Vec<Trial> {
    let trial = |scratch: &mut Scratch, case: &Case| {
        let judged = ranker.judged(&case.history, Wanted::any(0), scratch);
        let is_relevant = judged.iter().map(|one| case.relevant.binary_search(&one.title).is_ok()).collect();
        Trial { parts: judged.iter().map(|one| one.parts).collect(), is_relevant, relevant: case.relevant.len() }
    };
    cases.par_iter().map_init(Scratch::default, trial).collect()
}

/// Gain of each list that `weights` give.
fn values(trials: &[Trial], weights: &Weights, k: usize) -> Vec<f64> {
    let one = |trial: &Trial| {
        let said = |parts: &Weights| parts.iter().zip(weights).map(|(part, weight)| part * weight).sum::<f32>();
        let scores: Vec<f32> = trial.parts.iter().map(said).collect();
        let best = super::search::best(&scores, k);
        judge(&best, k, trial.relevant, |place| trial.is_relevant[place as usize]).ndcg
    };
    trials.par_iter().map(one).collect()
}

/// One weight after the other up or down, as long as that helps beyond chance, in smaller and smaller steps.
fn ascend(start: Weights, values: impl Fn(&Weights) -> Vec<f64>) -> Weights {
    let mut best = (start, values(&start));
    for step in STEPS {
        for _ in 0..ROUNDS_MAX {
            let before = best.0;
            for term in 0..TERMS.len() {
                for change in [step, -step] {
                    let mut weights = best.0;
                    weights[term] = (weights[term] + change).max(WEIGHT_MIN);
                    let there = values(&weights);
                    if is_above(&there, &best.1, ERRORS_MIN) {
                        best = (weights, there);
                        break;
                    }
                }
            }
            if best.0 == before {
                break;
            }
        }
    }
    best.0
}
