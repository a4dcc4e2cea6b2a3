//! What a choice would have been worth that nobody was shown: from what chance showed instead.

use super::{
    ratio::{Ratio, Sums},
    sequential::{Interval, value},
};
use marquee_core::id::ProfileId;
use serde::Serialize;
use std::collections::HashMap;

/// Most that one impression may count: what is rarer is taken for that rare, which is a little wrong and far less noisy.
const WEIGHT_MAX: f64 = 100.0;
/// What is not left to chance is shown with at least this.
const SURE: f64 = 0.999;

/// One impression in the light of another choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logged {
    /// Who saw it.
    pub profile: ProfileId,
    /// How likely it was to be shown, above 0.
    pub propensity: f64,
    /// How likely the other choice would have shown it.
    pub would_be: f64,
    /// What came of it, such as 1 for played.
    pub reward: f64,
}

/// Adds up impressions: self-normalised inverse propensity scoring (A. Swaminathan, T. Joachims, "The Self-Normalized Estimator for
/// Counterfactual Learning", 2015). Each counts as often as the other choice would have shown it for each time that it was shown.
#[derive(Clone, Debug, Default)]
pub struct OffPolicy {
    /// By profile: the weighted rewards, and the weights.
    profiles: HashMap<ProfileId, (f64, f64)>,
    impressions: u64,
    shared: u64,
    by_chance: u64,
    clipped: u64,
    weights: f64,
    weights_squared: f64,
}

/// What is known of the other choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worth {
    /// What an impression of it is worth; `None` if that cannot be told.
    pub value: Option<f64>,
    /// The same with its ends, which hold whenever somebody looks.
    pub interval: Option<Interval>,
    /// Impressions that were looked at.
    pub impressions: u64,
    /// Those that the other choice would have shown, too.
    pub shared: u64,
    /// Of these, those that were left to chance: they alone tell more than what was shown anyway.
    pub by_chance: u64,
    /// As many impressions of equal weight would tell as much.
    pub effective: f64,
    /// Impressions that count less than they should.
    pub clipped: u64,
    /// What is to be known before it is believed.
    pub note: String,
}

impl OffPolicy {
    /// One impression more.
    pub fn see(&mut self, logged: Logged) {
        self.impressions += 1;
        if logged.would_be <= 0.0 || logged.propensity <= 0.0 {
            return;
        }
        let whole = logged.would_be / logged.propensity;
        let weight = whole.min(WEIGHT_MAX);
        self.shared += 1;
        self.by_chance += u64::from(logged.propensity < SURE);
        self.clipped += u64::from(weight < whole);
        self.weights += weight;
        self.weights_squared += weight * weight;
        let sums = self.profiles.entry(logged.profile).or_default();
        *sums = (sums.0 + weight * logged.reward, sums.1 + weight);
    }

    /// What can be said.
    #[must_use]
    pub fn worth(&self) -> Worth {
        let effective = if self.weights > 0.0 { self.weights * self.weights / self.weights_squared } else { 0.0 };
        let mut sums = Sums::default();
        self.profiles.values().for_each(|(rewards, weights)| sums.add(*rewards, *weights));
        let ratio = sums.ratio().filter(|_| self.by_chance > 0).map(|ratio| Ratio { observations: effective, ..ratio });
        Worth {
            value: ratio.map(|ratio| ratio.value),
            interval: ratio.and_then(|ratio| value(&ratio)),
            impressions: self.impressions,
            shared: self.shared,
            by_chance: self.by_chance,
            effective,
            clipped: self.clipped,
            note: self.note(ratio.and_then(|ratio| value(&ratio)).is_some()),
        }
    }

    fn note(&self, is_told: bool) -> String {
        if self.impressions == 0 {
            return "nobody saw anything in this time".to_owned();
        }
        if self.shared == 0 {
            return "nothing was shown that this choice would have shown: these logs cannot tell what it is worth".to_owned();
        }
        if self.by_chance == 0 {
            return "nothing that this choice would have shown was left to chance: these logs cannot tell what it is worth. \
                    Raise recommender.exploration_share, or make it a variant of an experiment"
                .to_owned();
        }
        let share = 100.0 * self.shared as f64 / self.impressions as f64;
        let few = if is_told { "" } else { "; too few profiles tell for an interval" };
        format!("judged by {share:.0} % of what was seen; what was never shown is not judged{few}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};
    use uuid::Uuid;

    const LIST: usize = 10;
    const POOL: usize = 20;

    /// How often a title is played: those of the list the more the higher up, those of the pool less, one more than another.
    fn rate(title: usize) -> f64 {
        if title < LIST { 0.5 - 0.04 * title as f64 } else { 0.02 + 0.005 * (title - LIST) as f64 }
    }

    /// What lists show one of whose lower half went to one of a pool: as serving does.
    fn seen(profiles: u128) -> Vec<(ProfileId, usize, f64, f64)> {
        let mut random = StdRng::seed_from_u64(5);
        let mut seen = Vec::new();
        for profile in 0..profiles {
            let (gone, drawn) = (LIST / 2 + random.random_range(0..LIST / 2), LIST + random.random_range(0..POOL));
            let liking = 0.5 + random.random::<f64>();
            for place in 0..LIST {
                let title = if place == gone { drawn } else { place };
                let propensity = match title {
                    LIST.. => 1.0 / POOL as f64,
                    title if title < LIST / 2 => 1.0,
                    _ => 1.0 - 1.0 / (LIST / 2) as f64,
                };
                let reward = f64::from(u8::from(random.random::<f64>() < rate(title) * liking));
                seen.push((ProfileId(Uuid::from_u128(profile)), title, propensity, reward));
            }
        }
        seen
    }

    fn worth(seen: &[(ProfileId, usize, f64, f64)], would_be: impl Fn(usize) -> f64) -> Worth {
        let mut off_policy = OffPolicy::default();
        for (profile, title, propensity, reward) in seen {
            off_policy.see(Logged { profile: *profile, propensity: *propensity, would_be: would_be(*title), reward: *reward });
        }
        off_policy.worth()
    }

    #[test]
    fn choices_that_nobody_saw_are_worth_what_they_are() {
        let seen = seen(4_000);
        let shown = seen.iter().map(|(.., reward)| reward).sum::<f64>() / seen.len() as f64;
        let mean = |titles: std::ops::Range<usize>| titles.clone().map(rate).sum::<f64>() / titles.len() as f64;
        type Choice = fn(usize) -> f64;
        let table: [(&str, Choice, f64); 3] = [
            ("without draws", |title| f64::from(u8::from(title < LIST)), mean(0..LIST)),
            ("draws alone", |title| if title < LIST { 0.0 } else { 0.5 }, mean(LIST..LIST + POOL)),
            (
                "the head and the best of the pool",
                |title| f64::from(u8::from(!(5..25).contains(&title))),
                (mean(0..5) * 5.0 + mean(25..30) * 5.0) / 10.0,
            ),
        ];
        for (name, would_be, truth) in table {
            let found = worth(&seen, would_be);
            let interval = found.interval.expect("many profiles tell");
            assert!(interval.low < truth && truth < interval.high, "{name}: {truth} in {found:?}");
            let (off, naive) = ((interval.value - truth).abs(), (shown - truth).abs());
            assert!(off < 0.02 && (off < naive || naive < 0.005), "{name}: {truth}, shown {shown}, {found:?}");
            assert!(
                found.effective > 500.0 && found.effective <= found.shared as f64 && found.by_chance > 0,
                "{name}: {found:?}"
            );
        }
    }

    #[test]
    fn logs_that_cannot_tell_say_so() {
        assert!(OffPolicy::default().worth().note.contains("nobody"));
        let seen = seen(100);
        let elsewhere = worth(&seen, |_| 0.0);
        assert!(elsewhere.value.is_none() && elsewhere.note.contains("nothing was shown"), "{elsewhere:?}");
        let sure = worth(&seen, |title| f64::from(u8::from(title < 5)));
        assert!(sure.value.is_none() && sure.note.contains("exploration_share"), "{sure:?}");
    }

    #[test]
    fn what_is_rarest_does_not_decide_alone() {
        let one =
            |number, propensity| Logged { profile: ProfileId(Uuid::from_u128(number)), propensity, would_be: 1.0, reward: 1.0 };
        let mut off_policy = OffPolicy::default();
        (0..9).for_each(|number| off_policy.see(Logged { reward: 0.0, ..one(number, 0.5) }));
        off_policy.see(one(9, 0.000_1));
        let found = off_policy.worth();
        assert_eq!((found.clipped, found.shared), (1, 10));
        assert!((found.value.expect("told") - 100.0 / 118.0).abs() < 1e-9 && found.effective < 2.0, "{found:?}");
        assert!(found.interval.is_none() && found.note.contains("too few"), "{found:?}");
    }
}
