//! Which variant a profile gets: a pure function of names, the same in every process and after every restart.

use marquee_core::{
    config::{Experiment, Ranking, Recommender as Config, Variant},
    id::ProfileId,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// What an answer was part of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// The experiment.
    pub experiment: String,
    /// What the profile got of it.
    pub variant: String,
}

/// What holds for the answers to one profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What titles are ranked by.
    pub ranking: Ranking,
    /// Power of a title's watches that its score is divided by.
    pub popularity_dial: f32,
    /// Share of a list that is drawn from what little is known of.
    pub exploration_share: f32,
    /// What likeness to a title further up costs.
    pub variety_cost: f32,
}

impl Settings {
    /// What holds for profiles that are part of no experiment.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            ranking: Ranking::Model,
            popularity_dial: config.popularity_dial,
            exploration_share: config.exploration_share,
            variety_cost: config.variety_cost,
        }
    }
}

/// What the configuration says for `profile` at `now`, and the experiment that it is part of: the first that runs and takes it.
#[must_use]
pub fn settings(config: &Config, profile: ProfileId, now: OffsetDateTime) -> (Settings, Option<Part>) {
    let plain = Settings::of(config);
    let mut running = config.experiments.iter().filter(|experiment| experiment.runs(now));
    let Some((experiment, variant)) = running.find_map(|one| variant(one, profile).map(|variant| (one, variant))) else {
        return (plain, None);
    };
    let settings = Settings {
        ranking: variant.ranking.unwrap_or(plain.ranking),
        popularity_dial: variant.popularity_dial.unwrap_or(plain.popularity_dial),
        exploration_share: variant.exploration_share.unwrap_or(plain.exploration_share),
        variety_cost: variant.variety_cost.unwrap_or(plain.variety_cost),
    };
    (settings, Some(Part { experiment: experiment.name.clone(), variant: variant.name.clone() }))
}

/// What `profile` gets of `experiment`; `None` if it is not part of it. Whether it is and what it gets are two draws, so that a larger
/// share changes nothing for those that were part of it before.
fn variant(experiment: &Experiment, profile: ProfileId) -> Option<&Variant> {
    let [taken, place] = draws(&experiment.name, profile);
    if taken >= experiment.share {
        return None;
    }
    let all: f64 = experiment.variants.iter().map(|variant| variant.weight).sum();
    let mut below = 0.0;
    let fits = |variant: &&Variant| {
        below += variant.weight / all;
        place < below
    };
    // The last one also has what rounding leaves.
    experiment.variants.iter().find(fits).or(experiment.variants.last())
}

/// Two independent draws from 0 to below 1: the first two words of SHA-256 over the name, a zero and the profile. Another name gives
/// others, so experiments know nothing of each other.
fn draws(name: &str, profile: ProfileId) -> [f64; 2] {
    let hash = Sha256::new().chain_update(name).chain_update([0_u8]).chain_update(profile.0.as_bytes()).finalize();
    let word = |at: usize| hash[at..at + 8].iter().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
    // As many bits as a float holds, so that none rounds up to 1.
    [0, 8].map(|at| (word(at) >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);

    fn experiment(name: &str, share: f64, weights: &[f64]) -> Experiment {
        let variants = (0..).zip(weights).map(|(number, weight)| Variant {
            weight: *weight,
            popularity_dial: (number > 0).then_some(0.5),
            ..Variant::control(&format!("v{number}"))
        });
        Experiment { name: name.to_owned(), begins_at: None, ends_at: None, share, variants: variants.collect() }
    }

    fn profile(number: u128) -> ProfileId {
        ProfileId(Uuid::from_u128(number))
    }

    #[test]
    fn what_a_profile_gets_never_changes_by_accident() {
        let known = [("blend", 1, 0.876_147, 0.474_927), ("blend", 2, 0.739_599, 0.815_019), ("dial", 1, 0.621_832, 0.874_755)];
        for (name, number, taken, place) in known {
            let draws = draws(name, profile(number));
            assert!((draws[0] - taken).abs() < 1e-6 && (draws[1] - place).abs() < 1e-6, "{name} {number}: {draws:?}");
        }
    }

    #[test]
    fn variants_have_their_shares() {
        let (one, count) = (experiment("even", 0.5, &[1.0, 2.0, 1.0]), 20_000);
        let mut counts = [0_u32; 4];
        for number in 0..count {
            let got = variant(&one, profile(number)).map(|variant| variant.name.as_str());
            counts[["v0", "v1", "v2"].iter().position(|name| Some(*name) == got).unwrap_or(3)] += 1;
        }
        for (found, share) in counts.iter().zip([0.125, 0.25, 0.125, 0.5]) {
            let expected = count as f64 * share;
            let deviation = (expected * (1.0 - share)).sqrt();
            assert!((f64::from(*found) - expected).abs() < 4.0 * deviation, "{counts:?}");
        }
    }

    #[test]
    fn experiments_know_nothing_of_each_other() {
        let (one, two) = (experiment("one", 1.0, &[1.0, 1.0]), experiment("two", 1.0, &[1.0, 1.0]));
        let mut table = [[0.0_f64; 2]; 2];
        for number in 0..20_000 {
            let place = |of: &Experiment| usize::from(variant(of, profile(number)).is_some_and(|variant| variant.name == "v1"));
            table[place(&one)][place(&two)] += 1.0;
        }
        // Each cell has a quarter: chi-square with three degrees of freedom is below 16.27 but once in a thousand times.
        let chi: f64 = table.iter().flatten().map(|found| (found - 5_000.0).powi(2) / 5_000.0).sum();
        assert!(chi < 16.27, "{table:?}");
    }

    #[test]
    fn a_larger_share_leaves_everybody_where_they_were() {
        let (small, large) = (experiment("grows", 0.2, &[1.0, 1.0]), experiment("grows", 0.6, &[1.0, 1.0]));
        for number in 0..1_000 {
            if let Some(before) = variant(&small, profile(number)) {
                assert_eq!(Some(before), variant(&large, profile(number)));
            }
        }
    }

    #[test]
    fn the_first_that_runs_and_takes_a_profile_has_it() {
        let over = Experiment { ends_at: Some(NOW), ..experiment("over", 1.0, &[1.0, 1.0]) };
        let config = Config {
            exploration_share: 0.2,
            experiments: vec![over, experiment("half", 0.5, &[1.0, 1.0]), experiment("rest", 1.0, &[1.0, 1.0])],
            ..Config::default()
        };
        let mut found = [0, 0];
        for number in 0..200 {
            let (settings, part) = settings(&config, profile(number), NOW);
            let part = part.expect("the rest takes all");
            found[usize::from(part.experiment == "rest")] += 1;
            let dial = if part.variant == "v1" { 0.5 } else { config.popularity_dial };
            assert_eq!((settings.popularity_dial, settings.exploration_share), (dial, 0.2));
        }
        assert!(found.iter().all(|found| *found > 60), "{found:?}");
        assert_eq!(settings(&Config::default(), profile(1), NOW).1, None);
    }
}
