//! What recommending costs, on made data: training at the size of MovieLens 1M, and training and answering with 160,000 titles.
//!
//! `./dev bench recommend [small|large]`

#[path = "../results.rs"]
mod results;

use marquee_core::{Random, SeededRandom};
use marquee_recommender::{
    data::{Interactions, generated::World},
    model::{History, Knobs, Material, Ranker, Scratch, Terms, Wanted, Watched, factors::Factors, ridge, spectral::Spectral},
};
use results::{ROUNDS, median, tell};
use std::{process::ExitCode, time::Instant};

/// As many profiles, titles and watches as MovieLens 1M has.
const SMALL: World = World {
    profiles: 6_040,
    titles: 3_706,
    watches: 165,
    tastes: 18,
    own_share: 0.7,
    sequel_share: 0.1,
    sequel_gap: 0,
    drift_share: 0.5,
    seed: 1,
};
/// Twenty million watches of a million profiles, of 160,000 titles.
const LARGE: World = World {
    profiles: 1_000_000,
    titles: 160_000,
    watches: 20,
    tastes: 400,
    own_share: 0.7,
    sequel_share: 0.1,
    sequel_gap: 0,
    drift_share: 0.5,
    seed: 1,
};
/// Titles of a history that is asked for.
const HISTORY_TITLES: usize = 100;
/// Requests that are timed.
const REQUESTS: usize = 5_000;

fn main() -> ExitCode {
    let which = std::env::args().nth(1).filter(|argument| !argument.starts_with("--"));
    let small = which.as_deref() != Some("large");
    let large = which.as_deref() != Some("small");
    let good = (!small || train_small()) & (!large || large_catalogue());
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn seconds<T>(work: impl Fn() -> T) -> f64 {
    let round = || {
        let begun = Instant::now();
        std::hint::black_box(work());
        begun.elapsed().as_secs_f64()
    };
    median((0..ROUNDS).map(|_| round()).collect())
}

fn train_small() -> bool {
    let watches = SMALL.watches();
    let liked = watches.liked();
    let knobs = Knobs::default();
    let material = Material { watches: &watches, features: &[], now: 1_000 };
    let ridge = seconds(|| ridge::train(&liked, knobs.ridge));
    let factors = seconds(|| Factors::train(&liked, knobs.factors));
    let spectral = seconds(|| Spectral::train(&liked, knobs.spectral));
    let all = seconds(|| Terms::train(&material, &knobs));
    tell(&format!("{} watches of {} profiles and {} titles", watches.len(), watches.profiles(), watches.titles()), true);
    tell(&format!("ridge: {ridge:.2} s, at most 1.5"), ridge <= 1.5)
        & tell(&format!("factors: {factors:.2} s, at most 3"), factors <= 3.0)
        & tell(&format!("spectral: {spectral:.2} s"), true)
        & tell(&format!("all terms: {all:.2} s, at most 6"), all <= 6.0)
}

fn large_catalogue() -> bool {
    let watches = LARGE.watches();
    tell(&format!("{} watches of {} profiles and {} titles", watches.len(), watches.profiles(), watches.titles()), true);
    let begun = Instant::now();
    let terms = Terms::train(&Material { watches: &watches, features: &[], now: 1_000 }, &Knobs::default());
    let minutes = begun.elapsed().as_secs_f64() / 60.0;
    let gigabytes = peak_bytes() as f64 / 1e9;
    let trained = tell(&format!("all terms: {minutes:.2} minutes, at most 8"), minutes <= 8.0)
        & tell(&format!("memory: {gigabytes:.2} GB, at most 3"), gigabytes <= 3.0);
    answers(&watches, &Ranker { terms, dial: 0.1, ..Ranker::default() }) & trained
}

/// Times lists of sixty, of which twenty would be shown, for histories of a hundred titles; a third of all titles is not allowed.
fn answers(watches: &Interactions, ranker: &Ranker) -> bool {
    let random = SeededRandom::new(7);
    let random: &dyn Random = &random;
    let allowed: Vec<bool> = (0..watches.titles()).map(|_| random.unit() > 0.33).collect();
    let mut scratch = Scratch::default();
    let mut times: Vec<f64> = (0..REQUESTS)
        .map(|request| {
            // Several profiles of one taste together have a history that is long enough.
            let profiles = (0..20).map(|number| request % 400 + 400 * number);
            let titles = profiles.flat_map(|profile| watches.rows().row(profile).0.to_vec()).take(HISTORY_TITLES);
            let history = History::new(titles.map(|title| Watched { title, weight: 1.0 }));
            let begun = Instant::now();
            let wanted = Wanted { allowed: &|title| allowed[title as usize], ..Wanted::any(60) };
            std::hint::black_box(ranker.best(&history, wanted, &mut scratch));
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    tell(&format!("a list: {p50:.3} ms (p50), at most 0.3"), p50 <= 0.3)
        & tell(&format!("{p99:.3} ms (p99), at most 1"), p99 <= 1.0)
}

/// The most memory that this process held, where the system tells.
fn peak_bytes() -> u64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).expect("the system counts");
    u64::try_from(usage.max_rss()).unwrap_or(0) * 1024
}
