//! The process table, read from /proc.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{collections::BTreeSet, fs, path::Path};

/// One process. Its start time tells it from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    /// Process id.
    pub(crate) id: i32,
    parent: i32,
    started: u64,
}

impl Process {
    /// The process with this id, unless it is gone or only waits to be collected.
    pub(crate) fn find(id: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name in parentheses may contain anything; the fields after the last one are plain.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let (state, parent, started) = (fields.first()?, fields.get(1)?, fields.get(19)?);
        (*state != "Z").then_some(Self { id, parent: parent.parse().ok()?, started: started.parse().ok()? })
    }

    /// Whether this very process still runs.
    pub(crate) fn runs(self) -> bool {
        Self::find(self.id).is_some_and(|now| now.started == self.started)
    }

    /// Its command line, arguments separated by spaces.
    pub(crate) fn command(self) -> String {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.id)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ")
    }

    /// Most memory that it ever held, in bytes.
    pub(crate) fn peak_memory_bytes(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        kib.expect("a running process has a peak") * 1024
    }

    /// Sends it `signal`. A process that is gone already is fine.
    pub(crate) fn signal(self, signal: Signal) {
        if self.runs() {
            // The error can only be that it ended in between.
            let _ = kill(Pid::from_raw(self.id), signal);
        }
    }
}

fn all() -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter_map(Process::find).collect()
}

/// Everything that descends from process `id`, itself included.
pub(crate) fn tree(id: i32) -> BTreeSet<Process> {
    let all = all();
    let mut family: BTreeSet<Process> = all.iter().copied().filter(|process| process.id == id).collect();
    loop {
        let ids: BTreeSet<i32> = family.iter().map(|process| process.id).collect();
        let grown: BTreeSet<Process> =
            all.iter().copied().filter(|one| ids.contains(&one.parent) || ids.contains(&one.id)).collect();
        if grown == family {
            return family;
        }
        family = grown;
    }
}

/// Everything whose command line names `folder`.
pub(crate) fn naming(folder: &Path) -> BTreeSet<Process> {
    let folder = folder.to_string_lossy();
    all().into_iter().filter(|process| process.command().contains(&*folder)).collect()
}
