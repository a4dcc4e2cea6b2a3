//! How much each term counts, by the number of titles in the history.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

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
    /// What a trained network expects after the history.
    Sequence,
}

/// All terms.
pub const TERMS: [Term; 8] =
    [Term::Ridge, Term::Factors, Term::Spectral, Term::Next, Term::Content, Term::Popular, Term::Trending, Term::Sequence];

/// A weight for each term.
pub type Weights = [f32; TERMS.len()];

/// Lengths of histories that have weights of their own; between them they are in proportion.
pub const LENGTHS: [usize; 7] = [0, 1, 3, 5, 10, 25, 80];

/// Square of the number of titles of a history with which what it says counts half of what it may: what one title says is mostly noise,
/// and each term is judged in units of its own spread, however little it rests on.
const EVIDENCE_TITLES_SQUARED: f32 = 3.0;

/// Weights of all terms by length of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blend {
    /// One row for each of [`LENGTHS`].
    #[serde(deserialize_with = "rows")]
    pub rows: [Weights; LENGTHS.len()],
}

/// What counts where nothing is known of a taste.
const POPULAR: Weights = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.0];

impl Default for Blend {
    /// What does well on public data before any is learned: the three that know most count the same, more and more as evidence
    /// arrives, and popularity fades.
    fn default() -> Self {
        let row = |titles: usize| {
            if titles == 0 {
                return POPULAR;
            }
            let prior = 4.0 / titles as f32;
            let square = (titles * titles) as f32;
            let known = square / (square + EVIDENCE_TITLES_SQUARED);
            [known, known, known, 0.5 * known, 0.3 * known, prior, 0.3 * prior, known]
        };
        Self { rows: LENGTHS.map(row) }
    }
}

impl Blend {
    /// What many watch alone, whatever the history.
    #[must_use]
    pub fn popular() -> Self {
        Self { rows: [POPULAR; LENGTHS.len()] }
    }

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

/// Rows of weights; those of terms that came later than what was written are 0.
fn rows<'de, D: Deserializer<'de>>(from: D) -> Result<[Weights; LENGTHS.len()], D::Error> {
    let written: Vec<Vec<f32>> = Deserialize::deserialize(from)?;
    if written.len() != LENGTHS.len() || written.iter().any(|row| row.len() > TERMS.len()) {
        return Err(D::Error::custom("these are not the weights of a blend"));
    }
    Ok(std::array::from_fn(|row| std::array::from_fn(|term| written[row].get(term).copied().unwrap_or(0.0))))
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
    fn weights_that_were_written_before_a_term_came_are_read() {
        let row = |weights: usize| format!("[{}]", vec!["0.5"; weights].join(","));
        let read = |rows: usize, weights: usize| {
            let rows = vec![row(weights); rows].join(",");
            serde_json::from_str::<Blend>(&format!("{{\"rows\":[{rows}]}}"))
        };
        let blend = read(LENGTHS.len(), TERMS.len() - 1).expect("read");
        assert_eq!((blend.rows[3][0], blend.rows[3][TERMS.len() - 1]), (0.5, 0.0));
        assert!(read(LENGTHS.len(), TERMS.len() + 1).is_err() && read(LENGTHS.len() - 1, 3).is_err());
    }

    #[test]
    fn nobody_is_personal_without_a_history() {
        let weights = Blend::default().weights(0);
        assert!(weights[..5].iter().all(|weight| *weight == 0.0) && weights[5] > 0.0);
    }
}
