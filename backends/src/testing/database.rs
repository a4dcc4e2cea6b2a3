//! One Postgres for each test process, one database for each test, cloned from a migrated template.

use crate::db::Db;
use crate::private_postgres::{Server, Tuning};
use marquee_core::{Error, Result};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;
use url::Url;

const TEMPLATE: &str = "template_marquee";

struct Shared {
    server: Server,
    next: AtomicU32,
    /// While this process lives the remover waits.
    _remover: ChildStdin,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();

/// Keeps a test's database. The server ends with the process and takes it along.
#[derive(Debug)]
pub struct TestDatabase {
    url: Url,
}

impl TestDatabase {
    /// Where the test's database is, for processes that connect by themselves.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// A migrated, empty database that nobody else uses.
///
/// # Panics
/// When Postgres cannot be started, with the reason.
pub async fn database() -> (Db, TestDatabase) {
    let url = database_url().await;
    let db = Db::connect(&url).await.expect("a private server answers");
    (db, TestDatabase { url })
}

/// The URL of a migrated, empty database that nobody else uses.
///
/// # Panics
/// When Postgres cannot be started, with the reason.
pub async fn database_url() -> Url {
    let shared = SHARED.get_or_try_init(start).await.expect("a private server starts");
    let name = format!("test_{}", shared.next.fetch_add(1, Ordering::Relaxed));
    clone(shared.server.url(), TEMPLATE, &name).await.expect("the template is cloned");
    named(shared.server.url(), &name)
}

async fn start() -> Result<Shared> {
    let folder = tempfile::Builder::new().prefix("marquee-test-").tempdir()?.keep();
    let remover = remove_after_us(&folder)?;
    let server =
        tokio::task::spawn_blocking(move || Server::start(&folder, Tuning::Scratch)).await.map_err(Error::internal)??;
    clone(server.url(), "template1", TEMPLATE).await?;
    let template = Db::connect(&named(server.url(), TEMPLATE)).await?;
    template.migrate().await?;
    template.close().await;
    Ok(Shared { server, next: AtomicU32::new(0), _remover: remover })
}

/// A process that removes `folder` once we are gone, however we go, and the server with us.
pub(super) fn remove_after_us(folder: &Path) -> Result<ChildStdin> {
    const SCRIPT: &str = r#"read -r _; n=0
        while [ -e "$1/cluster/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
        rm -rf -- "$1""#;
    let mut child = Command::new("sh")
        .args(["-c", SCRIPT, "remover"])
        .arg(folder)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    child.stdin.take().ok_or_else(|| Error::internal("the remover has an input"))
}

fn named(server: &Url, name: &str) -> Url {
    let mut url = server.clone();
    url.set_path(name);
    url
}

async fn clone(server: &Url, template: &str, name: &str) -> Result<()> {
    let maintenance = Db::connect(&named(server, "postgres")).await?;
    maintenance.clone_database(template, name).await?;
    maintenance.close().await;
    Ok(())
}
