//! A Redis.

use super::{Authority, Kept, free_port, listening};
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
        let server = Self::run("redis", port, &["--port", &port.to_string()]);
        server.wait().await;
        server
    }

    /// Starts one that takes TLS alone, with the certificate of `authority`.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start_secure(authority: &Authority) -> Self {
        let port = free_port();
        let [certificate, key] = [authority.certificate(), authority.key()].map(|file| file.display().to_string());
        let tls = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-auth-clients", "no"];
        let ports = ["--port", "0", "--tls-port", &port.to_string()];
        let server = Self::run("rediss", port, &[&ports[..], &tls].concat());
        listening(port).await;
        server
    }

    fn run(scheme: &str, port: u16, arguments: &[&str]) -> Self {
        let program = Kept::start("redis", |folder| {
            let mut command = Command::new("redis-server");
            command.args(["--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD]).args(arguments);
            command.arg("--dir").arg(folder);
            command
        });
        let url = Url::parse(&format!("{scheme}://:{PASSWORD}@127.0.0.1:{port}")).expect("a URL");
        Self { program, url }
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

    /// Kills it.
    pub fn stop(&self) {
        self.program.signal(Signal::SIGKILL);
    }

    /// Kills it, if it runs, and starts it again, empty.
    pub async fn restart(&mut self) {
        self.program.restart();
        self.wait().await;
    }

    async fn wait(&self) {
        let what = "Redis answers";
        eventually(what, async || connect(&self.url).await.is_ok()).await;
    }
}
