//! Whole experiments, looked at again and again.

use super::{Interval, Sums, difference};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const RUNS: u64 = 400;
const LOOKS: usize = 60;
/// Profiles of each variant.
const PROFILES: usize = 150;

/// A profile: what it saw, what it played of that, how often it plays, and from which look on it is there.
#[derive(Clone, Copy)]
struct Profile {
    seen: f64,
    played: f64,
    rate: f64,
    from: usize,
}

/// What looks found: whether any of them was sure, by intervals for many looks and by those for a single one.
struct Found {
    better: bool,
    worse: bool,
    fixed: bool,
}

/// One experiment whose second variant is played so many times as often.
fn run(seed: u64, effect: f64) -> Found {
    let mut random = StdRng::seed_from_u64(seed);
    let mut profile = |effect: f64| {
        let rate = (0.05 + 0.4 * random.random::<f64>().powi(2)) * effect;
        Profile { seen: 0.0, played: 0.0, rate, from: random.random_range(0..LOOKS / 2) }
    };
    let mut variants = [1.0, effect].map(|effect| (0..PROFILES).map(|_| profile(effect)).collect::<Vec<_>>());
    let mut found = Found { better: false, worse: false, fixed: false };
    for look in 0..LOOKS {
        for profile in variants.iter_mut().flatten().filter(|profile| profile.from <= look) {
            // Some come often, some look at much.
            for _ in 0..if random.random::<f64>() < 0.4 { random.random_range(1..8) } else { 0 } {
                profile.seen += 1.0;
                profile.played += f64::from(u8::from(random.random::<f64>() < profile.rate));
            }
        }
        let sums = |profiles: &Vec<Profile>| {
            let mut sums = Sums::default();
            profiles.iter().for_each(|profile| sums.add(profile.played, profile.seen));
            sums.ratio()
        };
        let (Some(control), Some(other)) = (sums(&variants[0]), sums(&variants[1])) else { continue };
        let Some(safe) = difference(&other, &control) else { continue };
        found.better |= safe.is_above();
        found.worse |= safe.is_below();
        let half = 1.96 * other.error.hypot(control.error);
        let single = Interval { value: safe.value, low: safe.value - half, high: safe.value + half };
        found.fixed |= single.is_above() || single.is_below();
    }
    found
}

#[test]
fn who_looks_again_and_again_is_not_told_of_effects_that_are_none() {
    let found: Vec<Found> = (0..RUNS).map(|seed| run(seed, 1.0)).collect();
    let share = |is: fn(&Found) -> bool| found.iter().filter(|found| is(found)).count() as f64 / RUNS as f64;
    let (safe, fixed) = (share(|found| found.better || found.worse), share(|found| found.fixed));
    assert!(safe <= 0.05, "{safe}");
    assert!(fixed > 0.1, "intervals for a single look are wrong at {fixed}: else nothing is shown");
}

#[test]
fn an_effect_is_found() {
    let found: Vec<Found> = (0..100).map(|seed| run(seed, 1.6)).collect();
    assert!(found.iter().filter(|found| found.better).count() >= 90);
    assert!(found.iter().all(|found| !found.worse));
}
