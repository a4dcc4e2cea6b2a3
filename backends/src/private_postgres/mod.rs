//! The database of a single machine: a Postgres server of our own, in our data directory, on a Unix socket that only we
//! can open, stopped when we stop.
//!
//! It dies with its parent even on `kill -9` (Linux); where it could not, the next start stops the orphan. Postgres refuses
//! to run as root, so root starts it as the user `postgres` or `nobody`.

mod account;
mod cluster;
mod orphan;
mod programs;
mod server;
mod socket;

pub(crate) use server::{Server, Tuning};

use marquee_core::{Error, Result};
use std::path::Path;
use url::Url;

/// A private server. Dropping it begins a fast shutdown; [`Self::stop`] also waits for its end.
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Server,
}

impl PrivatePostgres {
    /// Starts the server that keeps its data in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// With a message that says what to do: no Postgres installed, a folder that another process uses, data of another
    /// major version, a server that does not start.
    pub async fn start(folder: &Path) -> Result<Self> {
        let folder = folder.to_owned();
        let start = move || Server::start(&folder, Tuning::Durable);
        Ok(Self { server: tokio::task::spawn_blocking(start).await.map_err(Error::internal)?? })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &Url {
        self.server.url()
    }

    /// Resolves when the server has ended, which it does by itself only when something is wrong.
    pub async fn ended(&self) {
        self.server.ended().await;
    }

    /// Stops the server, with whoever is still connected, and waits for its end.
    ///
    /// # Errors
    /// `Internal` if it had to be killed.
    pub async fn stop(self) -> Result<()> {
        self.server.stop().await
    }
}

/// Where the server of a running process listens that keeps its data in `folder`.
///
/// # Errors
/// `NotFound` if none runs.
pub fn running_url(folder: &Path) -> Result<Url> {
    server::running(folder)
}

#[cfg(test)]
mod tests;
