//! How sure a mean is.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

/// Draws of the bootstrap.
const DRAWS: usize = 1_000;
/// Values from which on the mean is as good as normal: its interval then needs no draws.
const NORMAL_FROM: usize = 5_000;

/// A mean and the interval that holds it with 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// The mean of `values`: by drawing as many of them again and again (percentile bootstrap; B. Efron, R. Tibshirani, 1993),
    /// which takes no shape for granted; 0 of none.
    #[must_use]
    pub fn of(values: &[f64], seed: u64) -> Self {
        let count = values.len();
        if count == 0 {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / count as f64;
        if count >= NORMAL_FROM {
            let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1) as f64;
            let half = 1.959_964 * (spread / count as f64).sqrt();
            return Self { mean, low: mean - half, high: mean + half };
        }
        let mut random = StdRng::seed_from_u64(seed);
        let mut draw = || (0..count).map(|_| values[random.random_range(0..count)]).sum::<f64>() / count as f64;
        let mut means: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
        means.sort_unstable_by(f64::total_cmp);
        Self { mean, low: means[DRAWS / 40], high: means[DRAWS - 1 - DRAWS / 40] }
    }
}

/// Whether the mean of `new` is above that of `old`, pair by pair, by `errors` standard errors of their difference.
#[must_use]
pub fn is_above(new: &[f64], old: &[f64], errors: f64) -> bool {
    let count = new.len().max(1) as f64;
    let gain = new.iter().zip(old).map(|(new, old)| new - old).sum::<f64>() / count;
    let spread = new.iter().zip(old).map(|(new, old)| (new - old - gain).powi(2)).sum::<f64>() / count;
    gain > 0.0 && gain > errors * (spread / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree_with_the_formula() {
        for count in [400_usize, 10_000] {
            // Half zeros, half ones: the deviation of the mean is half over the root of the count.
            let values: Vec<f64> = (0..count).map(|number| (number % 2) as f64).collect();
            let interval = Interval::of(&values, 7);
            let half = 1.96 * 0.5 / (count as f64).sqrt();
            assert!((interval.mean - 0.5).abs() < 1e-9);
            assert!((interval.high - 0.5 - half).abs() < half * 0.15, "{interval:?}");
            assert!((0.5 - interval.low - half).abs() < half * 0.15, "{interval:?}");
        }
        assert_eq!(Interval::of(&[], 1), Interval::default());
        assert_eq!(Interval::of(&[0.25], 1), Interval { mean: 0.25, low: 0.25, high: 0.25 });
    }

    #[test]
    fn what_is_above_is_above_beyond_chance() {
        let old = [0.0, 1.0, 0.0, 1.0];
        assert!(is_above(&[0.1, 1.1, 0.1, 1.1], &old, 100.0), "the same gain for all leaves nothing to chance");
        assert!(!is_above(&old, &old, 0.0) && !is_above(&[], &[], 0.0));
        // A mean gain of 0.1 whose standard error is 0.1 times the root of 3 over 4, twice: 0.0866.
        let new = [0.4, 1.0, 0.0, 1.0];
        assert!(is_above(&new, &old, 1.0) && !is_above(&new, &old, 1.2));
    }
}
