//! A whole Marquee of a test's own, on free ports, its data in folders that go with it: `marquee up` in one process, or, when
//! `TEST_SET` is `cluster`, its roles as processes on the engines of a cluster.

use super::{
    client::Client,
    cluster::Engines,
    eventually,
    process::{self, Process},
    program::{Program, Setting},
};
use nix::sys::signal::Signal;
use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Duration,
};
use tempfile::TempDir;

/// E-mail of the first administrator.
pub(crate) const ADMIN_EMAIL: &str = "admin@example.org";
/// Password of the first administrator.
pub(crate) const ADMIN_PASSWORD: &str = "correct horse battery";

/// How long a start may take on a busy machine: a database is made, the schema laid.
pub(super) const START_MAX: Duration = Duration::from_secs(180);
/// How long a stop may take: running work drains.
const STOP_MAX: Duration = Duration::from_secs(180);
/// How long what belonged to a killed process may outlive it.
const ORPHAN_MAX: Duration = Duration::from_secs(60);

/// A running Marquee.
pub(crate) struct Node {
    programs: Vec<Program>,
    folder: TempDir,
    settings: Vec<Setting>,
    /// What a cluster stands on; `None` where everything is built in.
    engines: Option<Engines>,
    /// Where the API is.
    pub(crate) api: String,
    /// Where the edge is.
    pub(crate) edge: String,
}

impl Node {
    /// Starts one without any data.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with variables set.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        // The database runs as another user when tests run as root, so the folder must be open to pass through.
        let open = Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix("marquee-it-").permissions(open).tempdir().expect("a temporary folder");
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        #[expect(clippy::disallowed_methods, reason = "how the tests are told on what they run")]
        let is_cluster = std::env::var("TEST_SET").is_ok_and(|set| set == "cluster");
        let engines = if is_cluster { Some(Engines::start().await) } else { None };
        let mut node = Self { programs: Vec::new(), folder, settings, engines, api: String::new(), edge: String::new() };
        node.launch().await;
        node
    }

    async fn launch(&mut self) {
        if let Some(engines) = &self.engines {
            self.programs = engines.launch(self.folder.path(), &self.settings).await;
            (self.api, self.edge) = (engines.stage.api.clone(), engines.stage.edge.clone());
            return;
        }
        let data = self.data();
        let arguments = ["up", "--listen", "127.0.0.1:0", "--edge-listen", "127.0.0.1:0", "--data"].map(AsRef::as_ref);
        let arguments: Vec<_> = arguments.into_iter().chain([data.as_os_str()]).collect();
        let admin = [("MARQUEE_ADMIN_EMAIL", ADMIN_EMAIL), ("MARQUEE_ADMIN_PASSWORD", ADMIN_PASSWORD)];
        let admin = admin.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings: Vec<_> = admin.into_iter().chain(self.settings.clone()).collect();
        let log = self.folder.path().join("log");
        // A restart must not find the addresses of the process before it.
        let _ = fs::remove_file(&log);
        let mut up = Program::start(&arguments, &settings, &log);
        let give_up = tokio::time::Instant::now() + START_MAX;
        // The two URLs that `up` prints when it is ready.
        (self.api, self.edge) = loop {
            let text = up.log();
            if let (Some(api), Some(edge)) = (announced(&text, "Pages and API"), announced(&text, "Edge")) {
                break (api, edge);
            }
            up.assert_runs();
            assert!(tokio::time::Instant::now() < give_up, "marquee up did not start:\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        self.programs = vec![up];
    }

    /// Whether its roles are processes on the engines of a cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        self.engines.is_some()
    }

    /// A client signed in as the first administrator.
    pub(crate) async fn admin(&self) -> Client {
        Client::sign_in(&self.api, ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// The data folder of `marquee up`.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where the object store keeps its files.
    pub(crate) fn store(&self) -> PathBuf {
        self.engines.as_ref().map_or_else(|| self.data().join("blobs"), Engines::store)
    }

    /// The files of the stored sources.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        super::files_below(&self.store().join("sources"))
    }

    /// Most memory that one of its processes ever held.
    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        self.programs.iter().map(|program| program.process().peak_memory_bytes()).max().expect("there is a process")
    }

    /// The sandboxed children that read media now.
    pub(crate) fn children(&self) -> BTreeSet<Process> {
        self.programs.iter().flat_map(Program::children).collect()
    }

    /// Stops it; it must end well and leave no process behind.
    pub(crate) async fn stop(self) {
        self.interrupt().await;
    }

    /// Sends what Ctrl-C in a terminal sends; it must end well and leave no process behind.
    pub(crate) async fn interrupt(mut self) -> Self {
        let family = self.family();
        for program in &self.programs {
            program.signal_group(Signal::SIGINT);
        }
        for program in &mut self.programs {
            let status = program.ended(STOP_MAX).await;
            assert!(status.success(), "marquee ended with {status}:\n{}", program.log());
        }
        self.nothing_left(&family).await;
        self
    }

    /// Kills it with SIGKILL; what it had started must follow by itself.
    pub(crate) async fn kill(&mut self) {
        let family = self.family();
        for program in &mut self.programs {
            program.process().signal(Signal::SIGKILL);
            program.ended(ORPHAN_MAX).await;
        }
        self.nothing_left(&family).await;
    }

    /// Starts it again on the same data, after [`Self::kill`] or [`Self::interrupt`].
    pub(crate) async fn restart(mut self) -> Self {
        self.launch().await;
        self
    }

    fn family(&self) -> BTreeSet<Process> {
        self.programs.iter().flat_map(Program::family).collect()
    }

    /// Neither what it had started nor anything that works in its folder may still run.
    async fn nothing_left(&self, family: &BTreeSet<Process>) {
        let data = self.data();
        eventually("every process of marquee is gone", ORPHAN_MAX, || async {
            let left = family.iter().any(|process| process.runs()) || !process::naming(&data).is_empty();
            (!left).then_some(())
        })
        .await;
    }
}

/// The URL on the line of `text` that begins with `label`.
fn announced(text: &str, label: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
    let url = line.trim();
    // A line that is still being written has no end yet.
    (url.starts_with("http://") && text.contains(&format!("{url}\n"))).then(|| url.to_owned())
}

/// Prints for whoever reads the test's output.
#[expect(clippy::print_stderr, reason = "test output")]
pub(crate) fn show(text: &str) {
    eprintln!("{text}");
}
