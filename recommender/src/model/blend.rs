//! How much each term counts, by the number of titles in the history.

use serde::{Deserialize, Serialize};

/// Terms of a score, in the order of [`TERMS`] and of their weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// What the titles of the history say by the ridge, the newest most.
    Ridge,
    /// Factors of titles against a profile's that is solved from the history.
    Factors,
    /// The smooth part of the graph around the history.
    Spectral,
    /// What is watched after the newest titles.
    Next,
    /// What is like the titles of the history in genre, people and words.
    Content,
    /// What many watch.
    Popular,
    /// What many watch lately.
    Trending,
}

/// All terms.
pub const TERMS: [Term; 7] =
    [Term::Ridge, Term::Factors, Term::Spectral, Term::Next, Term::Content, Term::Popular, Term::Trending];

/// A weight for each term.
pub type Weights = [f32; TERMS.len()];

/// Lengths of histories that have weights of their own; between them they are in proportion.
pub const LENGTHS: [usize; 7] = [0, 1, 3, 5, 10, 25, 80];

/// Weights of all terms by length of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// One row for each of [`LENGTHS`].
    pub rows: [Weights; LENGTHS.len()],
}

impl Default for Blend {
    /// What does well on public data before any is learned: the three that know most count the same, and popularity fades as
    /// evidence arrives.
    fn default() -> Self {
        let row = |titles: usize| {
            if titles == 0 {
                return [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5];
            }
            let prior = 4.0 / titles as f32;
            [1.0, 1.0, 1.0, 0.5, 0.3, prior, 0.3 * prior]
        };
        Self { rows: LENGTHS.map(row) }
    }
}

impl Blend {
    /// The weights for a history of `titles` titles.
    #[must_use]
    pub fn weights(&self, titles: usize) -> Weights {
        let place = LENGTHS.partition_point(|length| *length <= titles);
        let (Some(before), Some(after)) = (place.checked_sub(1), LENGTHS.get(place)) else {
            return self.rows[LENGTHS.len() - 1];
        };
        let step = |length: usize| (length as f32).ln_1p();
        let share = (step(titles) - step(LENGTHS[before])) / (step(*after) - step(LENGTHS[before]));
        std::array::from_fn(|term| self.rows[before][term] * (1.0 - share) + self.rows[place][term] * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_lie_between_their_rows() {
        let mut blend = Blend::default();
        for (row, value) in blend.rows.iter_mut().zip([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) {
            *row = [value; TERMS.len()];
        }
        let weight = |titles| blend.weights(titles)[0];
        assert_eq!([0, 1, 3, 5, 10, 25, 80].map(weight), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(weight(100_000), 6.0);
        assert!(weight(2) > 1.0 && weight(2) < 2.0);
    }

    #[test]
    fn weights_are_in_the_order_of_their_terms() {
        assert!((0..).zip(TERMS).all(|(place, term)| crate::model::place(term) == place));
    }

    #[test]
    fn nobody_is_personal_without_a_history() {
        let weights = Blend::default().weights(0);
        assert!(weights[..5].iter().all(|weight| *weight == 0.0) && weights[5] > 0.0);
    }
}
