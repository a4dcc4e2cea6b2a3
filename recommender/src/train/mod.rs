//! From watches to a ranker: choices are made on a holdout, then everything is trained on all there is.

mod search;
#[cfg(test)]
mod tests;
mod validation;
mod weights;

pub use validation::{Validation, history};

use crate::{
    data::{Cut, Interactions},
    evaluate::is_above,
    model::{Blend, Knobs, Material, Ranker, Terms},
};
use serde::{Deserialize, Serialize};

/// How much popularity is taken back where nobody says otherwise.
pub const DIAL_DEFAULT: f32 = 0.1;

/// Share that is held out where knobs are chosen, at most.
const KNOBS_SHARE_MAX: f64 = 0.1;

/// Interactions that choices are made on; of more, those of some profiles.
const CHOICES_WATCHES_MAX: usize = 3_000_000;

/// Standard errors by which a blend with a network has to be better than one without.
const NETWORK_ERRORS_MIN: f64 = 2.0;

/// What is decided before the last training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choices {
    /// How each term is trained.
    pub knobs: Knobs,
    /// How much each counts.
    pub blend: Blend,
}

/// How choices are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// How the holdout is cut.
    pub cut: Cut,
    /// Length of the lists that are judged.
    pub k: usize,
    /// Profiles that judge a term's knobs.
    pub judges_max: usize,
    /// Histories that judge the weights, for each length.
    pub cases_max: usize,
    /// Trainings of each term.
    pub trials_max: usize,
    /// Where chance begins.
    pub seed: u64,
}

impl Effort {
    /// What is worth its time for a model that will serve for a day.
    #[must_use]
    pub fn standard(cut: Cut, k: usize, seed: u64) -> Self {
        Self { cut, k, judges_max: 1_000, cases_max: 1_000, trials_max: 8, seed }
    }
}

/// Chooses by a holdout of the watches, beginning at `known`. Without enough profiles to judge by, `known` stays.
#[must_use]
pub fn choose(material: &Material<'_>, effort: &Effort, known: Choices) -> Choices {
    let sampled = sampled(material.watches);
    let material = Material { watches: sampled.as_ref().unwrap_or(material.watches), ..*material };
    // Knobs are chosen with as much data as can be: with less, smaller models look better than they are.
    let cut = match effort.cut {
        Cut::Random { share } => Cut::Random { share: share.min(KNOBS_SHARE_MAX) },
        other @ (Cut::Newest { .. } | Cut::NewestShare { .. }) => other,
    };
    let validation = Validation::new(&material, &Effort { cut, ..*effort });
    if validation.is_empty() {
        return known;
    }
    let mut knobs = search::knobs(&validation, effort, known.knobs);
    let validation = if cut == effort.cut { validation } else { Validation::new(&material, effort) };
    let terms = Terms::train(&Material { watches: validation.train(), ..material }, &knobs);
    let without = weights::learn(&validation, terms, effort, known.blend.clone());
    let gains = weights::gains(&validation, &without, effort);
    let Ranker { terms, mut blend, .. } = without;
    let (sequence, terms) = search::network(&validation, effort, known.knobs.sequence, terms);
    if sequence.passes > 0 {
        // A network costs more than all the rest: it has to be worth that.
        let with = weights::learn(&validation, terms, effort, known.blend);
        if is_above(&weights::gains(&validation, &with, effort), &gains, NETWORK_ERRORS_MIN) {
            (knobs.sequence, blend) = (sequence, with.blend);
        }
    }
    Choices { knobs, blend }
}

/// Some of the profiles, of more interactions than choices need.
fn sampled(watches: &Interactions) -> Option<Interactions> {
    let every = watches.len().div_ceil(CHOICES_WATCHES_MAX);
    (every > 1).then(|| watches.filtered(|one| (one.profile as usize).is_multiple_of(every)))
}

/// Trains all terms on all of the material.
#[must_use]
pub fn train(material: &Material<'_>, choices: &Choices) -> Ranker {
    Ranker { terms: Terms::train(material, &choices.knobs), blend: choices.blend.clone(), dial: DIAL_DEFAULT }
}
