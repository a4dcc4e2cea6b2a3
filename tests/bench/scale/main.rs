//! What dispatch, uploads and idling cost on the engines of a cluster: `./dev bench scale [dispatch|upload|idle]`.
//! Ratios are medians of five rounds in which the two take turns.

mod dispatch;
mod idle;
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use all of it")]
#[path = "../../support/mod.rs"]
mod support;
mod upload;

use std::process::ExitCode;

/// Rounds of which the median counts.
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wants = |name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
    let mut good = true;
    if wants("dispatch") {
        good &= dispatch::bench().await;
    }
    if wants("upload") {
        good &= upload::bench().await;
    }
    if wants("idle") {
        good &= idle::bench().await;
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a result and whether it reaches its goal.
#[expect(clippy::print_stdout, reason = "the result of a bench")]
fn tell(what: &str, good: bool) -> bool {
    println!("{}{what}", if good { "" } else { "MISSED: " });
    good
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
