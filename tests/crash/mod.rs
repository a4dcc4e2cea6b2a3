//! The harness that breaks things: a seeded load of uploads, encodes and plays, seeded faults in every part of a cluster while it
//! runs, and then an audit of what must be true whatever happened.
//!
//! `./dev crash FAULTS SEED` runs it; `./dev test` makes a few faults, on the engines of a cluster. What kills the workers of one
//! title (`kills`) is a test as any other.

mod audit;
mod cast;
mod faults;
mod kills;
mod load;

use crate::support::node::show;
use audit::Audit;
use cast::Cast;
use load::Load;
use marquee_core::SeededRandom;
use std::{env, sync::Arc, time::Duration};

/// Faults of a run that is told no number.
const FAULTS: u32 = 4;
const SEED: u64 = 20_261_128;

/// How long the cluster may take to settle once nothing breaks any more: leases run out, delays double.
const SETTLE_MAX: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_lose_nothing_and_double_nothing() {
    let faults = number("CRASH_FAULTS").map_or(FAULTS, |count| count as u32);
    let seed = number("CRASH_SEED").unwrap_or(SEED);
    let random = Arc::new(SeededRandom::new(seed));
    let mut cast = Cast::start().await;
    let load = Load::start(&cast.stage.api, &cast.stage.edge, random.clone());
    let mut done = Vec::new();
    load.has_titles(2).await;
    while done.len() < faults as usize {
        done.extend(faults::strike(&mut cast, random.as_ref()).await);
    }
    cast.heal().await;
    let outcome = load.finish(SETTLE_MAX).await;
    let audit = Audit::run(&cast, &outcome, &done, SETTLE_MAX).await;
    show(&format!("seed {seed}: {audit}"));
    audit.assert_clean();
    cast.stop().await;
}

fn number(variable: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "how a test is told its length")]
    env::var(variable).ok()?.parse().ok()
}
