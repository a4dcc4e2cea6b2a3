//! One process of the real binary, in a group of its own, its output in a file.

use super::process::{self, Process};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// A variable and its value.
pub(crate) type Setting = (String, String);

/// A process that was started. It is killed with everything that it had started when it is dropped.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts `marquee` with `arguments` and variables; what it prints goes to the file `log`.
    pub(crate) fn start(arguments: &[&OsStr], settings: &[Setting], log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_marquee"))
            .args(arguments)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            // A group of its own, as a shell gives it: Ctrl-C reaches everybody in it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("the binary starts");
        Self { child, log: log.to_owned() }
    }

    /// What it has printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Panics, with what it printed, if it has ended.
    pub(crate) fn assert_runs(&mut self) {
        let ended = self.child.try_wait().expect("the child can be asked");
        assert!(ended.is_none(), "marquee ended with {ended:?}:\n{}", self.log());
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process::find(self.id()).unwrap_or_else(|| panic!("marquee is gone:\n{}", self.log()))
    }

    /// It and everything that it started.
    pub(crate) fn family(&self) -> BTreeSet<Process> {
        process::tree(self.id())
    }

    /// The sandboxed children that read media now.
    pub(crate) fn children(&self) -> BTreeSet<Process> {
        let child = format!("{} child", env!("CARGO_BIN_EXE_marquee"));
        self.family().into_iter().filter(|process| process.command().starts_with(&child)).collect()
    }

    /// Sends `signal` to all of its group, as a terminal does.
    pub(crate) fn signal_group(&self, signal: Signal) {
        killpg(Pid::from_raw(self.id()), signal).expect("its group is there");
    }

    /// Waits until it has ended; panics after `limit`.
    pub(crate) async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let give_up = tokio::time::Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(tokio::time::Instant::now() < give_up, "marquee does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn id(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids are small")
    }
}

impl Drop for Program {
    /// A test that fails still leaves nothing behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        for process in self.family() {
            process.signal(Signal::SIGKILL);
        }
        drop(self.child.wait());
        if std::thread::panicking() {
            super::node::show(&format!("--- {} ---\n{}", self.log.display(), self.log()));
        }
    }
}
