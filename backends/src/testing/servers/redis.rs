//! A Redis.

use super::{Kept, free_port};
use crate::{cache::redis::connect, testing::eventually};
use nix::sys::signal::Signal;
use std::process::Command;
use url::Url;

const PASSWORD: &str = "the-password-of-a-test";

/// An empty Redis with a password; it keeps nothing over a restart.
#[derive(Debug)]
pub struct RedisServer {
    program: Kept,
    url: Url,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start() -> Self {
        let port = free_port();
        let program = Kept::start("redis", |folder| {
            let mut command = Command::new("redis-server");
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD]);
            command.arg("--dir").arg(folder);
            command
        });
        let url = Url::parse(&format!("redis://:{PASSWORD}@127.0.0.1:{port}")).expect("a URL");
        let server = Self { program, url };
        server.wait().await;
        server
    }

    /// Where it is, with the password.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Stops it from answering, without closing anything.
    pub fn freeze(&self) {
        self.program.signal(Signal::SIGSTOP);
    }

    /// Kills it and starts it again, empty.
    pub async fn restart(&mut self) {
        self.program.restart();
        self.wait().await;
    }

    async fn wait(&self) {
        let what = "Redis answers";
        eventually(what, async || connect(&self.url).await.is_ok()).await;
    }
}
