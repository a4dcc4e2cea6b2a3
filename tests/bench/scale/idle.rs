//! What every role takes of a processor while nobody wants anything.

use crate::{
    support::{
        cluster::{Engines, ROLES},
        process::Process,
        program::Program,
    },
    tell,
};
use nix::sys::signal::Signal;
use std::time::Duration;

/// How long they idle before it counts, and while it counts.
const SETTLE: Duration = Duration::from_secs(20);
const WATCH: Duration = Duration::from_secs(60);
/// Most of one processor, in percent.
const PERCENT_MAX: f64 = 0.5;

/// Whether the goal is reached by every role.
pub(crate) async fn bench() -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engines = Engines::start().await;
    let mut programs = engines.launch(folder.path(), &[]).await;
    tokio::time::sleep(SETTLE).await;
    let before: Vec<Duration> = programs.iter().map(taken).collect();
    tokio::time::sleep(WATCH).await;
    let mut good = true;
    for ((name, _), (program, before)) in ROLES.iter().zip(programs.iter().zip(before)) {
        let percent = (taken(program) - before).as_secs_f64() / WATCH.as_secs_f64() * 100.0;
        good &= tell(&format!("idle: {name} takes {percent:.2} % of a processor, at most {PERCENT_MAX}"), percent <= PERCENT_MAX);
    }
    programs.iter().map(Program::process).for_each(|process: Process| process.signal(Signal::SIGTERM));
    for program in &mut programs {
        program.ended(Duration::from_secs(60)).await;
    }
    good
}

/// Processor time that a program has taken by itself.
fn taken(program: &Program) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.process().id)).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    // `utime` and `stime`, proc(5), counted in hundredths of a second on every Linux.
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<u64>().ok()).expect("a number");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
