//! The running server.

use super::{account::Account, cluster, orphan, programs::Programs, socket};
use marquee_core::{Error, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use url::Url;

/// How long a start may take; recovery after a power cut is part of it.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Starts that are tried: processes of a killed server may hold its memory for a moment.
const STARTS_MAX: u32 = 3;
const START_PAUSE: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);
/// How often the lock of a folder is tried again.
const LOCK_TRIES: u32 = 25;
/// How long each way of stopping may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What the server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tuning {
    /// Data that must survive a power cut.
    Durable,
    /// Tests: nothing survives anything.
    Scratch,
}

impl Tuning {
    /// Settings as arguments of `postgres`.
    pub(super) fn settings(self) -> Vec<String> {
        let own: &[&str] = match self {
            Self::Durable => &["shared_buffers=128MB", "max_connections=100"],
            Self::Scratch => &[
                "shared_buffers=64MB",
                "max_connections=500",
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "autovacuum=off",
            ],
        };
        let common = ["listen_addresses=", "timezone=UTC", "log_timezone=UTC", "wal_level=minimal", "max_wal_senders=0"];
        common.iter().chain(own).flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect()
    }
}

/// A server that runs. Dropping it begins a fast shutdown.
#[derive(Debug)]
pub(crate) struct Server {
    pid: Pid,
    url: Url,
    cluster: PathBuf,
    alive: watch::Receiver<bool>,
    /// Held as long as the server runs, so that two processes never work on one folder.
    _lock: File,
}

impl Server {
    /// Starts the server that keeps its data in `folder`. Blocks.
    ///
    /// # Errors
    /// See [`super::PrivatePostgres::start`].
    pub(crate) fn start(folder: &Path, tuning: Tuning) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = fs::canonicalize(folder)?;
        let lock = lock(&folder)?;
        let cluster = folder.join("cluster");
        let major = cluster::major(&cluster)?;
        let programs = Programs::find(&folder, major)?;
        let account = Account::for_cluster(&cluster)?;
        orphan::stop(&cluster)?;
        if major.is_none() {
            cluster::create(&programs, &cluster, account, tuning)?;
        }
        socket::prepare(&cluster)?;
        let log = folder.join("log");
        let mut tries = 0;
        let (pid, alive) = loop {
            tries += 1;
            let mut command = programs.command("postgres", None, &cluster, account)?;
            command.args(["-k", ".", "-p", socket::PORT]).args(tuning.settings());
            match spawn(command, &log)
                .and_then(|(pid, alive)| wait_until_ready(pid, &alive, &cluster, &log).map(|()| (pid, alive)))
            {
                Ok(started) => break started,
                Err(cause) if tries == STARTS_MAX => return Err(cause),
                Err(cause) => tracing::warn!(error = cause.detail(), "the database server did not start, trying again"),
            }
            std::thread::sleep(START_PAUSE);
        };
        Ok(Self { pid, url: socket::url(&cluster), cluster, alive, _lock: lock })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Resolves when the process is gone.
    pub(crate) async fn ended(&self) {
        // An error means that the waiting thread is gone, and so is the process.
        let _ = self.alive.clone().wait_for(|alive| !alive).await;
    }

    /// Fast shutdown, then harder ones.
    ///
    /// # Errors
    /// `Internal` if the polite way did not work.
    pub(crate) async fn stop(self) -> Result<()> {
        for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL] {
            self.signal(signal);
            if tokio::time::timeout(STOP_TIMEOUT, self.ended()).await.is_ok() {
                return match signal {
                    Signal::SIGINT => Ok(()),
                    harder => Err(Error::internal(format!("the database server stopped only after {harder}"))),
                };
            }
        }
        Err(Error::internal("the database server does not stop"))
    }

    /// Kills it at once.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn kill(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        if *self.alive.borrow() {
            // It may end at this very moment.
            let _ = kill(self.pid, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(Signal::SIGINT);
        socket::remove(&self.cluster);
    }
}

/// Where the server of a running process listens that keeps its data in `folder`.
pub(super) fn running(folder: &Path) -> Result<Url> {
    let none = || Error::not_found("running database");
    let folder = fs::canonicalize(folder).map_err(|cause| none().caused_by(cause))?;
    let lock = File::open(folder.join("lock")).map_err(|cause| none().caused_by(cause))?;
    match lock.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Ok(socket::url(&folder.join("cluster"))),
        Err(TryLockError::Error(cause)) => Err(cause.into()),
        Ok(()) => Err(none()),
    }
}

/// Takes the folder for this process; the system gives it back however the process ends.
fn lock(folder: &Path) -> Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(folder.join("lock"))?;
    // A process that is about to become another program holds the locks of its parent for that moment.
    let mut taken = file.try_lock();
    for _ in 0..LOCK_TRIES {
        if !matches!(taken, Err(TryLockError::WouldBlock)) {
            break;
        }
        std::thread::sleep(POLL);
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            file.read_to_string(&mut owner)?;
            let message = format!(
                "{} is in use by process {}: stop that one, or choose another data directory",
                folder.display(),
                owner.trim()
            );
            Err(Error::conflict("data_in_use", message))
        }
        Err(TryLockError::Error(cause)) => Err(cause.into()),
    }
}

/// Starts the process from a thread that lives as long as it does: the death signal is tied to the thread, not the process.
fn spawn(mut command: Command, log: &Path) -> Result<(Pid, watch::Receiver<bool>)> {
    let output = File::create(log)?;
    command.stdout(output.try_clone()?).stderr(output);
    let (tell_pid, pid) = std::sync::mpsc::channel();
    let (tell, alive) = watch::channel(true);
    let keep = move || {
        let child = command.spawn();
        // The child has its own copies of the files now.
        drop(command);
        // Nobody listens only if this thread could not be started.
        let _ = tell_pid.send(child.as_ref().map(Child::id).map_err(ToString::to_string));
        if let Ok(mut child) = child {
            let status = child.wait();
            tracing::debug!(?status, "the database server has ended");
        }
        tell.send_replace(false);
    };
    std::thread::Builder::new().name("private-postgres".into()).spawn(keep)?;
    let pid = pid.recv().map_err(Error::internal)?.map_err(|cause| cluster::broken(&cause, ""))?;
    Ok((Pid::from_raw(i32::try_from(pid).map_err(Error::internal)?), alive))
}

/// Waits until the server's own pid file says that it takes connections, as `pg_ctl -w` does.
fn wait_until_ready(pid: Pid, alive: &watch::Receiver<bool>, cluster: &Path, log: &Path) -> Result<()> {
    let deadline = Instant::now() + START_TIMEOUT;
    let own = pid.to_string();
    while *alive.borrow() {
        let file = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines();
        if lines.next().map(str::trim) == Some(&own) && lines.nth(6).map(str::trim) == Some("ready") {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let _ = kill(pid, Signal::SIGQUIT);
            return Err(cluster::broken("it is not ready after two minutes", &fs::read_to_string(log).unwrap_or_default()));
        }
        std::thread::sleep(POLL);
    }
    Err(cluster::broken("it ended at once", &fs::read_to_string(log).unwrap_or_default()))
}
