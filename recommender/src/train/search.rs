//! How each term is trained best: a walk from the known knobs, one step at a time, as long as the holdout says that it is uphill.

use super::{Effort, Validation, validation::Case};
use crate::{
    data::keep_first,
    evaluate::judge,
    model::{
        Knobs, Popularity, Recency, Term, Terms,
        factors::{FactorKnobs, Factors},
        next::{self, NextKnobs},
        ridge::{self, RidgeKnobs},
        sequence::{Attention, AttentionKnobs, Trainer},
        spectral::{Spectral, SpectralKnobs},
    },
};
use rayon::prelude::*;

/// Gain below which a step is chance, as a share of what there is.
const GAIN_MIN: f64 = 0.002;
/// Neighbours of a ridge that is only judged, of catalogues that are too large for a whole one: few are much quicker, and want the
/// same penalty.
const NEIGHBOURS_JUDGED: usize = 100;
/// Passes over the data of a factorisation that is only judged.
const PASSES_JUDGED: usize = 8;

/// Guesses in a pass below which a network finds no more than pairs of titles tell, and is not tried.
const GUESSES_MIN: usize = 50_000;
/// Passes of a network after which it is judged, and those in which it has to become better.
const PASSES_JUDGED_AT_ONCE: usize = 2;
const PATIENCE_PASSES: usize = 10;

/// The best knobs that are found.
pub(super) fn knobs(validation: &Validation, effort: &Effort, known: Knobs) -> Knobs {
    let liked = validation.train().liked();
    let cases = validation.cases(effort.judges_max, 1..usize::MAX);
    let popularity = Popularity::train(validation.train(), validation.now());
    let bare = |recency| Terms { popularity: popularity.clone(), recency, ..Terms::default() };
    let value = |terms: &Terms, term| value(terms, term, &cases, effort.k);

    let mut terms = bare(known.recency);
    let judged =
        |knobs: &RidgeKnobs| ridge::train(&liked, RidgeKnobs { neighbours: knobs.neighbours.min(NEIGHBOURS_JUDGED), ..*knobs });
    let ridge = climb(
        known.ridge,
        effort.trials_max,
        |knobs| {
            terms.ridge = judged(knobs);
            value(&terms, Term::Ridge)
        },
        ridge_steps,
    );
    terms.ridge = judged(&ridge);
    let recency = recency(&mut terms, validation, &value);

    let factors = climb(
        known.factors,
        effort.trials_max,
        |knobs| {
            let mut terms = bare(recency);
            terms.factors = Factors::train(&liked, FactorKnobs { passes: PASSES_JUDGED.min(knobs.passes), ..*knobs });
            value(&terms, Term::Factors)
        },
        factor_steps,
    );
    let spectral = climb(
        known.spectral,
        effort.trials_max,
        |knobs| {
            let mut terms = bare(recency);
            terms.spectral = Spectral::train(&liked, *knobs);
            value(&terms, Term::Spectral)
        },
        spectral_steps,
    );
    let next = if validation.train().is_timed() {
        climb(
            known.next,
            effort.trials_max,
            |knobs| {
                let mut terms = bare(recency);
                terms.next = next::train(&liked, *knobs);
                value(&terms, Term::Next)
            },
            next_steps,
        )
    } else {
        known.next
    };
    let sequence = AttentionKnobs { passes: 0, ..known.sequence };
    Knobs { ridge, factors, spectral, next, recency, sequence }
}

/// As many passes as help a network, and `terms` with it; none where there is no order, or too little of it.
pub(super) fn network(
    validation: &Validation,
    effort: &Effort,
    known: AttentionKnobs,
    mut terms: Terms,
) -> (AttentionKnobs, Terms) {
    let (liked, none) = (validation.train().liked(), AttentionKnobs { passes: 0, ..known });
    if !validation.train().is_timed() || liked.len() < GUESSES_MIN {
        return (none, terms);
    }
    let cases = validation.cases(effort.judges_max, 1..usize::MAX);
    let mut best = (none, Attention::default(), 0.0);
    let mut trainer = Trainer::new(&liked, known);
    let (mut passes, mut guesses) = (0, 0);
    while guesses < known.guesses_max && passes <= best.0.passes + PATIENCE_PASSES {
        for _ in 0..PASSES_JUDGED_AT_ONCE {
            guesses += trainer.pass().guesses;
            passes += 1;
        }
        terms.sequence = trainer.model().clone();
        let there = value(&terms, Term::Sequence, &cases, effort.k);
        if there > best.2 * (1.0 + GAIN_MIN) {
            best = (AttentionKnobs { passes, ..known }, terms.sequence.clone(), there);
        }
    }
    (best.0, Terms { sequence: best.1, ..terms })
}

fn ridge_steps(knobs: &RidgeKnobs) -> Vec<RidgeKnobs> {
    let by = |penalty: f32, dropout: f32| RidgeKnobs { penalty: knobs.penalty * penalty, dropout, ..*knobs };
    let dropout = knobs.dropout;
    vec![by(2.0, dropout), by(0.5, dropout), by(1.0, dropout + 0.25), by(1.0, (dropout - 0.25).max(0.0))]
}

fn factor_steps(knobs: &FactorKnobs) -> Vec<FactorKnobs> {
    let by = |penalty: f32, unwatched: f32| FactorKnobs {
        penalty: knobs.penalty * penalty,
        unwatched: knobs.unwatched * unwatched,
        ..*knobs
    };
    vec![by(2.0, 1.0), by(0.5, 1.0), by(1.0, 3.0), by(1.0, 1.0 / 3.0), by(3.0, 1.0 / 3.0), by(1.0 / 3.0, 3.0)]
}

fn spectral_steps(knobs: &SpectralKnobs) -> Vec<SpectralKnobs> {
    let sizes = [knobs.size * 2, knobs.size / 2].into_iter().filter(|size| (16..=512).contains(size));
    sizes.map(|size| SpectralKnobs { size, ..*knobs }).collect()
}

fn next_steps(knobs: &NextKnobs) -> Vec<NextKnobs> {
    let by = |step: f32| NextKnobs { popularity: (knobs.popularity + step).max(0.0) };
    vec![by(0.15), by(-0.15)]
}

/// How fast histories fade best; not at all where their order is not known.
fn recency(terms: &mut Terms, validation: &Validation, value: &impl Fn(&Terms, Term) -> f64) -> Recency {
    let mut best = (Recency { titles: 0.0 }, 0.0);
    let tried: &[f32] = if validation.train().is_timed() { &[0.0, 60.0, 30.0, 15.0, 8.0, 5.0, 3.0] } else { &[0.0] };
    for titles in tried {
        terms.recency = Recency { titles: *titles };
        let value = value(terms, Term::Ridge);
        if value > best.1 * (1.0 + GAIN_MIN) {
            best = (terms.recency, value);
        }
    }
    terms.recency = best.0;
    best.0
}

/// From `start` to the best of its neighbours, and on, until none is better or `trials_max` were tried.
fn climb<K: Copy + PartialEq>(start: K, trials_max: usize, mut value: impl FnMut(&K) -> f64, steps: impl Fn(&K) -> Vec<K>) -> K {
    let mut best = (start, value(&start));
    let mut tried = vec![start];
    loop {
        let before = best;
        for step in steps(&before.0) {
            // A step that helped is taken at once: what is left of the round begins there.
            if tried.len() >= trials_max.max(1) {
                return best.0;
            }
            if tried.contains(&step) {
                continue;
            }
            tried.push(step);
            let there = value(&step);
            if there > best.1 * (1.0 + GAIN_MIN) {
                best = (step, there);
                break;
            }
        }
        if best.0 == before.0 {
            return best.0;
        }
    }
}

/// Mean gain of the lists that one term alone gives.
fn value(terms: &Terms, term: Term, cases: &[Case], k: usize) -> f64 {
    let one = |case: &Case| {
        let mut scores = terms.alone(term, case.history.newest());
        (0_u32..)
            .zip(&mut scores)
            .filter(|(title, _)| case.history.has_seen(*title))
            .for_each(|(_, score)| *score = f32::NEG_INFINITY);
        let best = best(&scores, k);
        judge(&best, k, case.relevant.len(), |title| case.relevant.binary_search(&title).is_ok()).ndcg
    };
    cases.par_iter().map(one).sum::<f64>() / cases.len().max(1) as f64
}

/// The `k` largest of `scores`, the largest first; of equal ones the first.
pub(crate) fn best(scores: &[f32], k: usize) -> Vec<u32> {
    let mut titles: Vec<u32> = (0..scores.len() as u32).collect();
    keep_first(&mut titles, k, |left, right| scores[*right as usize].total_cmp(&scores[*left as usize]).then(left.cmp(right)));
    titles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn climbing_finds_the_top_and_stops_at_its_bound() {
        let hill = |at: &i32| 100.0 - f64::from((at - 7) * (at - 7));
        let steps = |at: &i32| vec![at + 1, at - 1];
        assert_eq!(climb(0, 100, hill, steps), 7);
        assert_eq!(climb(20, 100, hill, steps), 7);
        assert_eq!(climb(0, 4, hill, steps), 3);
    }

    #[test]
    fn the_best_are_the_largest_in_order() {
        assert_eq!(best(&[0.0, 2.0, 1.0, 2.0], 3), [1, 3, 2]);
        assert_eq!(best(&[1.0], 5), [0]);
        assert!(best(&[], 5).is_empty());
    }
}
