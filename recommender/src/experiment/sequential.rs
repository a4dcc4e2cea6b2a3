//! Intervals that hold whenever somebody looks, and however often: who looks at ordinary ones every day until they say what is hoped for
//! finds an effect where there is none.

use super::Ratio;
use serde::Serialize;

/// How often an interval may miss what it is about, at any look of all: one in twenty.
const MISSES: f64 = 0.05;
/// Observations at which intervals are tightest beside those of a single look.
const BEST_AT: f64 = 1_000.0;
/// Profiles below which nothing is said: spreads are not known yet.
const PROFILES_MIN: f64 = 30.0;

/// Holds what it is about with 95 %, at all looks together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// What was found.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    fn around(value: f64, half: f64) -> Self {
        Self { value, low: value - half, high: value + half }
    }

    /// Whether all of it is below 0.
    #[must_use]
    pub fn is_below(&self) -> bool {
        self.high < 0.0
    }

    /// Whether all of it is above 0.
    #[must_use]
    pub fn is_above(&self) -> bool {
        self.low > 0.0
    }
}

/// What `ratio` tells; `None` as long as too few profiles speak.
#[must_use]
pub fn value(ratio: &Ratio) -> Option<Interval> {
    let tells = ratio.profiles >= PROFILES_MIN;
    tells.then(|| Interval::around(ratio.value, ratio.error * standard_errors(ratio.observations)))
}

/// By how much `ratio` is above `control`, profiles of both being others; `None` as long as too few speak.
#[must_use]
pub fn difference(ratio: &Ratio, control: &Ratio) -> Option<Interval> {
    let tells = ratio.profiles >= PROFILES_MIN && control.profiles >= PROFILES_MIN;
    let observations = ratio.observations + control.observations;
    let half = ratio.error.hypot(control.error) * standard_errors(observations);
    tells.then(|| Interval::around(ratio.value - control.value, half))
}

/// Standard errors on either side of what was found after so many observations: the asymptotic confidence sequence of I. Waudby-Smith,
/// D. Arbour, R. Sinha, E. Kennedy, A. Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (Annals of
/// Statistics 2024), which is the mixture of H. Robbins (1970) with the spread that was found.
///
/// Time is counted in observations, while the error is one between profiles. Those of one profile are alike, so what is found at one look
/// is more like what is found at the next than it would be of independent ones, and a process that is more like itself leaves a
/// boundary less often (D. Slepian, 1962): the boundary stays right.
fn standard_errors(observations: f64) -> f64 {
    // With this it is tightest there.
    let precision = (-2.0 * MISSES.ln() + (-2.0 * MISSES.ln() + 1.0).ln()) / BEST_AT;
    let time = (observations * precision).max(f64::MIN_POSITIVE);
    ((time + 1.0) / time * ((time + 1.0) / (MISSES * MISSES)).ln()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_standard_errors_as_the_formula_says() {
        // By hand, with rho squared of 0.007936: sqrt(2 (t rho² + 1) / (t rho²) · ln(sqrt(t rho² + 1) / 0.05)).
        for (observations, expected) in [(10.0, 9.084), (1_000.0, 3.035), (1_000_000.0, 3.87)] {
            let found = standard_errors(observations);
            assert!((found - expected).abs() < 0.01, "{observations}: {found}");
        }
    }

    #[test]
    fn few_profiles_say_nothing_and_many_say_how_much() {
        let ratio = |value, profiles| Ratio { value, error: 0.01, observations: 1_000.0, profiles };
        assert_eq!(value(&ratio(0.2, 29.0)), None);
        assert_eq!(difference(&ratio(0.2, 30.0), &ratio(0.1, 29.0)), None);
        let found = difference(&ratio(0.2, 30.0), &ratio(0.1, 30.0)).expect("said");
        assert!((found.value - 0.1).abs() < 1e-12 && found.is_above() && !found.is_below(), "{found:?}");
        assert!((found.high - found.value - 2.0_f64.sqrt() * 0.01 * standard_errors(2_000.0)).abs() < 1e-12);
    }
}
