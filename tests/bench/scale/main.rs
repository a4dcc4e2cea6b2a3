//! What dispatch, uploads and idling cost on the engines of a cluster: `./dev bench scale [dispatch|upload|idle]`.
//! Ratios are medians of five rounds in which the two take turns.

mod dispatch;
mod idle;
#[path = "../results.rs"]
mod results;
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use all of it")]
#[path = "../../support/mod.rs"]
mod support;
mod upload;

use results::{ROUNDS, median, tell};
use std::process::ExitCode;

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
