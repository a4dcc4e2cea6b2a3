//! A server whose parent died without taking it along.

use marquee_core::{Error, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long an orphan gets for each way of stopping it.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Stops the server that still works on `cluster`, if any, and removes a stale pid file. The caller holds the folder's lock.
///
/// # Errors
/// `Conflict` if it cannot be stopped.
pub(super) fn stop(cluster: &Path) -> Result<()> {
    let file = cluster.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&file) else { return Ok(()) };
    let pid = text.lines().next().and_then(|line| line.trim().parse().ok()).filter(|pid| *pid > 1).map(Pid::from_raw);
    let works = || pid.is_some_and(|pid| works_on(pid, cluster));
    if works() {
        tracing::warn!(postgres.pid = pid.map(Pid::as_raw), "stopping a database server that was left behind");
    }
    // Fast shutdown, then immediate: the write-ahead log keeps what was committed.
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        let deadline = Instant::now() + STOP_TIMEOUT;
        if let Some(pid) = pid.filter(|_| works()) {
            kill(pid, signal).map_err(|cause| stuck(pid).caused_by(cause))?;
        }
        while file.exists() && works() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
    match pid {
        Some(pid) if file.exists() && works() => Err(stuck(pid)),
        // Left by a crash; the number may belong to some other program by now, which would keep Postgres from starting.
        _ => fs::remove_file(&file).or_else(|cause| match cause.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(cause.into()),
        }),
    }
}

fn stuck(pid: Pid) -> Error {
    Error::conflict("orphan", format!("a database server that was left behind (process {pid}) cannot be stopped: kill it"))
}

/// Whether `pid` is a server that works on `cluster`.
fn works_on(pid: Pid, cluster: &Path) -> bool {
    // A server's working directory is its data directory.
    if let Ok(folder) = fs::read_link(format!("/proc/{pid}/cwd")) {
        return fs::canonicalize(cluster).is_ok_and(|cluster| cluster == folder);
    }
    let name = Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output();
    name.is_ok_and(|name| String::from_utf8_lossy(&name.stdout).contains("postgres"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_of_another_program_is_stale() {
        let folder = tempfile::tempdir().expect("a folder");
        for content in [format!("{}\n", std::process::id()), "999999999\n".into(), "1\n".into(), "-7\n".into(), "x".into()] {
            let file = folder.path().join("postmaster.pid");
            fs::write(&file, content).expect("written");
            stop(folder.path()).expect("nothing to stop");
            assert!(!file.exists());
        }
        stop(folder.path()).expect("nothing there");
    }
}
