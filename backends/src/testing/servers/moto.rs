//! Another S3 store, of other people's making: what holds for one store may be its own habit.

use super::{Kept, free_port, listening};
use std::path::PathBuf;
use std::process::Command;
use url::Url;

const BUCKET: &str = "films";

/// moto's S3 in its own process, empty, its objects in memory.
#[derive(Debug)]
pub struct MotoServer {
    _program: Kept,
    url: Url,
}

impl MotoServer {
    /// Starts one with one empty bucket, if `./dev` has installed it.
    ///
    /// # Panics
    /// When it is installed and does not start.
    pub async fn start() -> Option<Self> {
        let packages = packages()?;
        let port = free_port();
        let program = Kept::start("moto", |_| {
            let mut command = Command::new("python3");
            command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]).env("PYTHONPATH", packages);
            command
        });
        listening(port).await;
        let url = format!("s3://key:secret@{BUCKET}/some/prefix?endpoint=http://127.0.0.1:{port}");
        let server = Self { _program: program, url: Url::parse(&url).expect("a URL") };
        crate::blobs::create_bucket(&server.url).await;
        Some(server)
    }

    /// Where it is, with the access key.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// `tools/moto` beside what cargo builds: this program lies in `debug/deps`.
fn packages() -> Option<PathBuf> {
    let program = std::fs::read_link("/proc/self/exe").ok()?;
    let folder = program.ancestors().nth(3)?.join("tools/moto");
    folder.join("moto").is_dir().then_some(folder)
}
