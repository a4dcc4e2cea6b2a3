//! One process that plays every role on given engines.

use super::{
    client::Client,
    cluster::Urls,
    eventually,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD, START_MAX},
    program::{Program, Setting},
};
use marquee_backends::testing::free_port;
use std::process::Command;
use tempfile::TempDir;

/// See the module.
pub(crate) struct Solo {
    program: Program,
    api: String,
    _folder: TempDir,
}

impl Solo {
    /// Starts one, with `own` settings over the common ones, and waits until it is ready.
    pub(crate) async fn start(urls: &Urls, own: &[Setting]) -> Self {
        let folder = tempfile::Builder::new().prefix("marquee-solo-").tempdir().expect("a temporary folder");
        let port = free_port();
        let api = format!("http://127.0.0.1:{port}");
        let common = [
            ("MARQUEE_API_LISTEN", format!("127.0.0.1:{port}")),
            ("MARQUEE_EDGE_LISTEN", "127.0.0.1:0".to_owned()),
            ("MARQUEE_ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
        ];
        let common = common.map(|(name, value)| (name.to_owned(), value));
        let settings: Vec<Setting> = urls.settings().into_iter().chain(common).chain(own.iter().cloned()).collect();
        let mut create = Command::new(env!("CARGO_BIN_EXE_marquee"));
        let created = create.args(["admin", "create", ADMIN_EMAIL]).envs(settings.clone()).output().expect("the binary starts");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        let arguments = ["serve", "--role", "api,worker,edge,scheduler"].map(AsRef::as_ref);
        let mut program = Program::start(&arguments, &settings, &folder.path().join("log"));
        eventually("it is ready", START_MAX, || {
            program.assert_runs();
            let ready = reqwest::get(format!("{api}/readyz"));
            async { ready.await.is_ok_and(|answer| answer.status() == 200).then_some(()) }
        })
        .await;
        Self { program, api, _folder: folder }
    }

    /// A client signed in as the administrator.
    pub(crate) async fn admin(&self) -> Client {
        Client::sign_in(&self.api, ADMIN_EMAIL, ADMIN_PASSWORD).await
    }

    /// What it has printed so far.
    pub(crate) fn log(&self) -> String {
        self.program.log()
    }
}
