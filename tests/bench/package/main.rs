//! What packaging costs, all in memory on one core: segments out of samples, their protection, and the playlists of ten hours. Medians
//! of five rounds, in processor time.
//!
//! `./dev bench package`

mod playlists;
#[path = "../results.rs"]
mod results;
mod segments;

use nix::sys::resource::{UsageWho, getrusage};
use results::{ROUNDS, median, tell};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Both are asked, whatever the first one says.
    let good = segments::bench() & playlists::bench();
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Median of the seconds of processor time that `work` takes; a first time does not count.
fn seconds<T>(mut work: impl FnMut() -> T) -> f64 {
    std::hint::black_box(work());
    let mut round = || {
        let before = processor_seconds();
        std::hint::black_box(work());
        processor_seconds() - before
    };
    median((0..ROUNDS).map(|_| round()).collect())
}

/// Processor time of this process so far.
fn processor_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the system counts");
    [usage.user_time(), usage.system_time()].iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum()
}

/// Tells how fast `bytes` are worked on, which is to be at least `goal` gigabytes a second.
fn rate(what: &str, bytes: usize, goal: f64, work: impl FnMut() -> Vec<u8>) -> bool {
    let gigabytes = bytes as f64 / seconds(work) / 1e9;
    tell(&format!("{what}: {gigabytes:.2} GB/s, at least {goal}"), gigabytes >= goal)
}
