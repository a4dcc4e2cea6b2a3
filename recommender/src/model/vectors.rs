//! Vectors of titles: exact ones to solve with, and small ones, of which many are looked at for each list.

use super::{
    TitleIndex,
    vector::{self, dot_whole, widest},
};
use crate::data::Array;

/// The largest amount of a number in a small vector.
const SMALL_MAX: f32 = i8::MAX as f32;
/// The largest amount that a sum of products may have.
const SUM_MAX: f32 = 1e9;

/// One vector for each title.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vectors {
    size: usize,
    /// One after the other.
    exact: Array<f32>,
    /// The same in steps of their own: a quarter of the memory that a list waits for, and lists stay as they are.
    small: Array<i8>,
    /// What a product with a small vector has to be multiplied by.
    steps: Array<f32>,
}

impl Vectors {
    /// Of so many numbers each, one after the other. What they say is multiplied by the `worth` of their title.
    pub(super) fn new(size: usize, exact: Array<f32>, worth: impl Fn(usize) -> f32) -> Self {
        let count = exact.len().checked_div(size).unwrap_or(0);
        let (mut small, mut steps) = (Vec::with_capacity(count * size), Vec::with_capacity(count));
        for (title, vector) in exact.chunks_exact(size.max(1)).enumerate().take(count) {
            let most = vector.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
            let scale = if most > 0.0 { SMALL_MAX / most } else { 0.0 };
            small.extend(vector.iter().map(|number| (number * scale).round() as i8));
            steps.push(most / SMALL_MAX * worth(title));
        }
        Self { size, exact, small: small.into(), steps: steps.into() }
    }

    /// Numbers in a vector.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Number of vectors.
    pub(super) fn count(&self) -> usize {
        self.steps.len()
    }

    /// All of them, one after the other.
    pub(super) fn exact(&self) -> &Array<f32> {
        &self.exact
    }

    /// The vectors of `titles` that have one, one after the other, as exact as small ones are, times the worth of their titles.
    pub(super) fn of(&self, titles: impl Iterator<Item = TitleIndex>) -> Vec<f32> {
        let small = self.fetched(titles.filter(|title| (*title as usize) < self.count()));
        let mut out = vec![0.0; small.len() * self.size];
        widest(
            #[inline(always)]
            || {
                for (out, (small, step)) in out.chunks_exact_mut(self.size.max(1)).zip(&small) {
                    for (out, number) in out.iter_mut().zip(*small) {
                        *out = f32::from(*number) * step;
                    }
                }
            },
        );
        out
    }

    /// The product of `profile` with the vector of each of `titles`; 0 of one that has none.
    pub(super) fn says(&self, profile: &[f32], titles: &[TitleIndex]) -> Vec<f32> {
        let small = self.fetched(titles.iter().copied());
        let mut said = vec![0.0; small.len()];
        // Sums of whole numbers may be added up in any order, so all at once.
        let most = profile.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
        let whole_max = (SUM_MAX / SMALL_MAX / self.size.max(1) as f32).min(f32::from(i16::MAX));
        let scale = if most > 0.0 { whole_max / most } else { 0.0 };
        let whole: Vec<i16> = profile.iter().map(|number| (number * scale).round() as i16).collect();
        let unit = most / whole_max;
        widest(
            #[inline(always)]
            || {
                for (said, (small, step)) in said.iter_mut().zip(&small) {
                    *said = step * unit * dot_whole(&whole, small) as f32;
                }
            },
        );
        said
    }

    /// The small vector of each of `titles`, on its way from memory, with its step; empty of one that has none.
    fn fetched(&self, titles: impl Iterator<Item = TitleIndex>) -> Vec<(&[i8], f32)> {
        let (small, steps): (&[i8], &[f32]) = (&self.small, &self.steps);
        let of = |title: TitleIndex| {
            let start = title as usize * self.size;
            let vector = small.get(start..start + self.size).unwrap_or_default();
            vector::fetch(vector);
            (vector, steps.get(title as usize).copied().unwrap_or(0.0))
        };
        titles.map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_vectors_say_what_exact_ones_do() {
        let exact: Vec<f32> = (0..60).map(|number| ((number * 37 % 23) as f32 - 11.0) / 7.0).collect();
        let mut numbers = exact.clone();
        numbers.extend([0.0; 20]);
        let vectors = Vectors::new(20, numbers.into(), |title| title as f32 + 1.0);
        let profile: Vec<f32> = (0..20).map(|number| (number as f32 - 9.0) / 5.0).collect();
        let said = vectors.says(&profile, &[0, 1, 2, 3, 4, u32::MAX]);
        for (title, said) in said.iter().take(3).enumerate() {
            let vector = &exact[title * 20..(title + 1) * 20];
            let worth = title as f32 + 1.0;
            let plain: f32 = vector.iter().zip(&profile).map(|(left, right)| left * right).sum();
            assert!((said - plain * worth).abs() < 0.1 * worth, "{title}: {said} {plain}");
            let again = vectors.of([title as u32].into_iter());
            assert!(again.iter().zip(vector).all(|(again, number)| (again - number * worth).abs() < 0.01 * worth));
        }
        assert_eq!(said[3..], [0.0; 3], "nothing of nothing, and of what is new");
        assert_eq!((vectors.count(), vectors.size(), vectors.of([4, 3].into_iter())), (4, 20, vec![0.0; 20]));
        assert_eq!(Vectors::default().says(&[], &[0]), [0.0]);
    }
}
