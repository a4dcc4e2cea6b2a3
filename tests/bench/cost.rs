//! What programs take of the processors.

use nix::sys::resource::{UsageWho, getrusage};
use std::process::Command;

/// Runs `command`; answers what it and all its children took of the processors.
pub(crate) fn processor_seconds(command: &mut Command) -> f64 {
    let before = children_seconds();
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    children_seconds() - before
}

fn children_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel counts");
    [usage.user_time(), usage.system_time()].iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum()
}
