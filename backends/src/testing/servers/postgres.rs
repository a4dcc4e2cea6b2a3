//! A Postgres that may be killed.

use crate::{
    db::Db,
    private_postgres::{Server, Tuning},
    testing::{database::remove_after_us, eventually},
};
use std::fs;
use std::path::PathBuf;
use std::process::ChildStdin;
use tokio::task::spawn_blocking;
use url::Url;

/// Who is let in how, see "The pg_hba.conf File" in the PostgreSQL manual.
const WITH_PASSWORD: &str = "local all all scram-sha-256\n";

/// A durable Postgres of its own, empty.
#[derive(Debug)]
pub struct PostgresServer {
    folder: PathBuf,
    url: Url,
    /// `None` only while it restarts.
    server: Option<Server>,
    /// While this process lives the remover waits.
    _remover: ChildStdin,
}

impl PostgresServer {
    /// Starts one.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("marquee-postgres-").tempdir().expect("a folder").keep();
        let remover = remove_after_us(&folder).expect("there is a shell");
        let server = run(folder.clone()).await;
        Self { url: server.url().clone(), folder, server: Some(server), _remover: remover }
    }

    /// Starts one that lets nobody in without a password, which nobody knows.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start_guarded() -> Self {
        let server = Self::start().await;
        let db = Db::connect(&server.url).await.expect("it trusts everybody yet");
        fs::write(server.folder.join("cluster/pg_hba.conf"), WITH_PASSWORD).expect("it can be written");
        sqlx::query("select pg_reload_conf()").execute(db.pool()).await.expect("asked");
        db.close().await;
        eventually("strangers are refused", async || Db::connect(&server.url).await.is_err()).await;
        server
    }

    /// Where it is; the same after a restart.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Path of the socket that it listens on.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        let host = self.url.query_pairs().find(|(key, _)| key == "host").map(|(_, host)| host.into_owned());
        PathBuf::from(host.unwrap_or_default()).join(".s.PGSQL.5432")
    }

    /// Kills it with all that it was doing, and starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
            server.ended().await;
        }
        self.server = Some(run(self.folder.clone()).await);
    }
}

async fn run(folder: PathBuf) -> Server {
    spawn_blocking(move || Server::start(&folder, Tuning::Durable)).await.expect("it does not panic").expect("a server starts")
}
