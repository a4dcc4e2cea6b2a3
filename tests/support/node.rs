//! A Marquee of a test's own: the real binary with `up`, on free ports, its data in a folder that goes with it.

use super::{
    client::Client,
    eventually,
    process::{self, Process},
};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// E-mail of the first administrator.
pub(crate) const ADMIN_EMAIL: &str = "admin@example.org";
/// Password of the first administrator.
pub(crate) const ADMIN_PASSWORD: &str = "correct horse battery";

/// How long a start may take on a busy machine: a database is made, the schema laid.
const START_MAX: Duration = Duration::from_secs(180);
/// How long a stop may take: running work drains.
const STOP_MAX: Duration = Duration::from_secs(180);
/// How long what belonged to a killed process may outlive it.
const ORPHAN_MAX: Duration = Duration::from_secs(60);

/// A running Marquee.
pub(crate) struct Node {
    child: Child,
    folder: TempDir,
    settings: Vec<(String, String)>,
    /// Where the API is.
    pub(crate) api: String,
    /// Where the edge is.
    pub(crate) edge: String,
}

impl Node {
    /// Starts one on an empty data folder.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with variables set.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        // The database runs as another user when tests run as root, so the folder must be open to pass through.
        let open = Permissions::from_mode(0o755);
        let folder = tempfile::Builder::new().prefix("marquee-it-").permissions(open).tempdir().expect("a temporary folder");
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::launch(folder, settings).await
    }

    async fn launch(folder: TempDir, settings: Vec<(String, String)>) -> Self {
        let log = folder.path().join("log");
        let file = File::create(&log).expect("a log file");
        let child = Command::new(env!("CARGO_BIN_EXE_marquee"))
            .args(["up", "--listen", "127.0.0.1:0", "--edge-listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .env("MARQUEE_ADMIN_EMAIL", ADMIN_EMAIL)
            .env("MARQUEE_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            // A group of its own, as a shell gives it: Ctrl-C reaches everybody in it.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .spawn()
            .expect("the binary starts");
        let mut node = Self { child, folder, settings, api: String::new(), edge: String::new() };
        node.wait_until_announced(&log).await;
        node
    }

    /// Waits for the two URLs that `up` prints when it is ready.
    async fn wait_until_announced(&mut self, log: &Path) {
        let give_up = tokio::time::Instant::now() + START_MAX;
        loop {
            let text = fs::read_to_string(log).unwrap_or_default();
            if let (Some(api), Some(edge)) = (announced(&text, "Pages and API"), announced(&text, "Edge")) {
                (self.api, self.edge) = (api, edge);
                return;
            }
            let ended = self.child.try_wait().expect("the child can be asked");
            assert!(ended.is_none(), "marquee up ended with {ended:?}:\n{text}");
            assert!(tokio::time::Instant::now() < give_up, "marquee up did not start:\n{text}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A client signed in as the first administrator.
    pub(crate) async fn admin(&self) -> Client {
        Client::sign_in(&self.api, ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The files of the stored sources.
    pub(crate) fn sources(&self) -> Vec<PathBuf> {
        let videos = fs::read_dir(self.data().join("blobs/sources")).into_iter().flatten().flatten();
        let uploads = videos.filter_map(|video| fs::read_dir(video.path()).ok()).flatten().flatten();
        uploads.map(|upload| upload.path()).filter(|path| path.is_file()).collect()
    }

    /// What it has printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process::find(self.id()).unwrap_or_else(|| panic!("marquee is gone:\n{}", self.log()))
    }

    /// The sandboxed children that read media now.
    pub(crate) fn children(&self) -> BTreeSet<Process> {
        let child = format!("{} child", env!("CARGO_BIN_EXE_marquee"));
        process::tree(self.id()).into_iter().filter(|process| process.command().starts_with(&child)).collect()
    }

    /// Stops it; it must end well and leave no process behind.
    pub(crate) async fn stop(self) {
        self.interrupt().await;
    }

    /// Sends what Ctrl-C in a terminal sends; it must end well and leave no process behind.
    pub(crate) async fn interrupt(mut self) -> Self {
        let family = self.family();
        killpg(Pid::from_raw(self.id()), Signal::SIGINT).expect("its group is there");
        let status = self.wait(STOP_MAX).await;
        assert!(status.success(), "marquee up ended with {status}:\n{}", self.log());
        self.nothing_left(&family).await;
        self
    }

    /// Kills it with SIGKILL; what it had started must follow by itself.
    pub(crate) async fn kill(&mut self) {
        let family = self.family();
        self.process().signal(Signal::SIGKILL);
        self.wait(ORPHAN_MAX).await;
        self.nothing_left(&family).await;
    }

    /// Starts it again on the same data, after [`Self::kill`] or [`Self::interrupt`].
    pub(crate) async fn restart(mut self) -> Self {
        let spare = TempDir::new().expect("a temporary folder");
        let folder = std::mem::replace(&mut self.folder, spare);
        Self::launch(folder, std::mem::take(&mut self.settings)).await
    }

    fn id(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids are small")
    }

    fn family(&self) -> BTreeSet<Process> {
        process::tree(self.id())
    }

    async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let give_up = tokio::time::Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(tokio::time::Instant::now() < give_up, "marquee does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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

impl Drop for Node {
    /// A test that fails still leaves nothing behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let family = self.family();
        for process in family {
            process.signal(Signal::SIGKILL);
        }
        drop(self.child.wait());
        if std::thread::panicking() {
            show(&format!("--- what marquee printed ---\n{}", self.log()));
        }
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
