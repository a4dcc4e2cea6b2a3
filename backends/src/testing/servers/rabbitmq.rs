//! A RabbitMQ.

use super::{Authority, Kept, free_port, listening};
use crate::{queue::RabbitQueue, testing::eventually};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use url::Url;

/// Where Debian has it. The program of the same name in the path wants to be run by root or `rabbitmq` alone.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const PASSWORD: &str = "the-password-of-a-test";
/// An own port mapper beside the server, in the same group, or the first server on the machine leaves one behind.
const START: &str = r#"epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 & exec "$0""#;

/// A RabbitMQ of its own.
#[derive(Debug)]
pub struct RabbitServer {
    program: Kept,
    scheme: &'static str,
    port: u16,
    next: AtomicU32,
}

impl RabbitServer {
    /// Starts one and waits until it answers, which takes some seconds.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start() -> Self {
        let port = free_port();
        let listeners = format!("listeners.tcp.1 = 127.0.0.1:{port}\n");
        let server = Self::run("amqp", port, &listeners);
        server.wait().await;
        server
    }

    /// Starts one that takes TLS alone, with the certificate of `authority`.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start_secure(authority: &Authority) -> Self {
        let port = free_port();
        let listeners = format!(
            "listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{port}\nssl_options.verify = verify_none\n\
             ssl_options.certfile = {}\nssl_options.keyfile = {}\n",
            authority.certificate().display(),
            authority.key().display(),
        );
        let server = Self::run("amqps", port, &listeners);
        listening(port).await;
        server
    }

    fn run(scheme: &'static str, port: u16, listeners: &str) -> Self {
        let program = Kept::start("rabbitmq", |folder| command(folder, port, listeners));
        Self { program, scheme, port, next: AtomicU32::new(0) }
    }

    /// A URL under which there are no queues yet.
    #[must_use]
    pub fn url(&self) -> Url {
        let prefix = self.next.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}://marquee:{PASSWORD}@127.0.0.1:{}/%2f?prefix=test{prefix}", self.scheme, self.port);
        Url::parse(&url).expect("a URL")
    }

    /// Kills it and starts it again with what it had stored.
    pub async fn restart(&mut self) {
        self.program.restart();
        self.wait().await;
    }

    async fn wait(&self) {
        let url = self.url();
        eventually("RabbitMQ answers", async || RabbitQueue::connect(&url).await.is_ok()).await;
    }
}

fn command(folder: &Path, port: u16, listeners: &str) -> Command {
    let (distribution, mapper) = (free_port(), free_port());
    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("a new folder can be written");
    write("plugins", "[].".into());
    write("rabbitmq.conf", format!("{listeners}default_user = marquee\ndefault_pass = {PASSWORD}\nlog.console.level = error\n"));
    let mut command = Command::new("sh");
    command.args(["-c", START, SERVER]);
    command
        .env("HOME", folder)
        .env("RABBITMQ_NODENAME", format!("marquee-{port}@localhost"))
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("ERL_EPMD_PORT", mapper.to_string())
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("logs"))
        // One thread that does not spin: there are tests beside it.
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none");
    command
}
