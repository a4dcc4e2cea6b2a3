//! What recommending costs, on made data: training at the size of MovieLens 1M, training and answering with 160,000 titles, requests
//! over HTTP; and Marquee beside the `implicit` package.
//!
//! `./dev bench recommend [small | large | http | peer [TRAIN.csv TEST.csv]]`

mod http;
mod peer;
#[path = "../results.rs"]
mod results;
mod serving;
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use all of it")]
#[path = "../../support/mod.rs"]
mod support;

use marquee_recommender::{
    data::generated::World,
    model::{Knobs, Material, Terms, factors::Factors, ridge, spectral::Spectral},
};
use results::{ROUNDS, median, tell};
use std::{path::Path, process::ExitCode, time::Instant};

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

/// Columns that are solved anew: a tenth of what a look between trainings may.
const FRESH_COLUMNS: usize = 20;

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let good = match words[..] {
        [] => train_small() & large_catalogue() & http()? & peer::beside(&SMALL, None)?,
        ["small"] => train_small(),
        ["large"] => large_catalogue(),
        ["http"] => http()?,
        ["peer"] => peer::beside(&SMALL, None)?,
        ["peer", train, test] => peer::beside(&SMALL, Some([Path::new(train), Path::new(test)]))?,
        _ => anyhow::bail!("there are: small, large, http, peer, and peer TRAIN.csv TEST.csv"),
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn http() -> anyhow::Result<bool> {
    Ok(tokio::runtime::Runtime::new()?.block_on(http::requests()))
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
    let some: Vec<u32> = (0..liked.width() as u32).step_by(liked.width() / FRESH_COLUMNS).take(FRESH_COLUMNS).collect();
    let fresh = seconds(|| ridge::columns(&liked, &some, knobs.ridge));
    let all = seconds(|| Terms::train(&material, &knobs));
    tell(&format!("{} watches of {} profiles and {} titles", watches.len(), watches.profiles(), watches.titles()), true);
    tell(&format!("ridge: {ridge:.2} s, at most 1.5"), ridge <= 1.5)
        & tell(&format!("factors: {factors:.2} s, at most 3"), factors <= 3.0)
        & tell(&format!("spectral: {spectral:.2} s"), true)
        & tell(&format!("{FRESH_COLUMNS} columns of the ridge anew: {fresh:.2} s, at most 1"), fresh <= 1.0)
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
    serving::answers(&watches, terms) & trained
}

/// The most memory that this process held, where the system tells.
fn peak_bytes() -> u64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).expect("the system counts");
    u64::try_from(usage.max_rss()).unwrap_or(0) * 1024
}
