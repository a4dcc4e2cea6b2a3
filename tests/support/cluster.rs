//! A Marquee on many machines, all of them this one: two API processes behind nginx, two workers, an edge and a scheduler on
//! PostgreSQL, RabbitMQ, Redis and an S3 store of a test's own.

use super::{
    eventually,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD, START_MAX},
    program::{Program, Setting},
};
use marquee_backends::testing::{Kept, RabbitServer, RedisServer, S3Server, database_url, free_port};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tokio::sync::OnceCell;

/// One broker for all tests of the process, which share it under names of their own: it takes seconds to start.
static RABBIT: OnceCell<RabbitServer> = OnceCell::const_new();

/// The broker that all tests share.
pub(crate) async fn rabbit() -> &'static RabbitServer {
    RABBIT.get_or_init(RabbitServer::start).await
}

/// What the example of `deploy/` says, in ports of ours.
const NGINX: &str = include_str!("../../deploy/nginx.conf");

/// The processes of a cluster: name and role.
pub(crate) const ROLES: [(&str, &str); 6] = [
    ("api-1", "api"),
    ("api-2", "api"),
    ("worker-1", "worker"),
    ("worker-2", "worker"),
    ("edge", "edge"),
    ("scheduler", "scheduler"),
];

/// Where the engines are.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    pub(crate) database: String,
    pub(crate) queue: String,
    pub(crate) blobs: String,
    pub(crate) cache: String,
}

impl Urls {
    /// The same as settings.
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let urls = [("DATABASE", &self.database), ("QUEUE", &self.queue), ("BLOBS", &self.blobs), ("CACHE", &self.cache)];
        urls.map(|(name, url)| (format!("MARQUEE_{name}_URL"), url.clone())).into()
    }
}

/// Addresses of the roles, and nginx before the API.
pub(crate) struct Stage {
    api_ports: [u16; 2],
    edge_port: u16,
    _nginx: Kept,
    /// nginx.
    pub(crate) api: String,
    /// The edge.
    pub(crate) edge: String,
}

impl Stage {
    /// Starts nginx; no role runs yet.
    pub(crate) fn new() -> Self {
        let api_ports = [free_port(), free_port()];
        let (edge_port, nginx_port) = (free_port(), free_port());
        let (api, edge) = (format!("http://127.0.0.1:{nginx_port}"), format!("http://127.0.0.1:{edge_port}"));
        Self { api_ports, edge_port, _nginx: nginx(nginx_port, api_ports), api, edge }
    }

    /// Starts the role called `name`, with `own` settings over the common ones, its output in `folder`.
    pub(crate) fn start(&self, name: &str, urls: &Urls, own: &[Setting], folder: &Path) -> Program {
        let (_, role) = ROLES.into_iter().find(|(known, _)| *known == name).expect("a role of the cluster");
        let listen = format!("127.0.0.1:{}", self.port(name).unwrap_or(0));
        let listens = ["API", "EDGE", "HEALTH"].map(|role| (format!("MARQUEE_{role}_LISTEN"), listen.clone()));
        let settings: Vec<Setting> = self.settings(urls).into_iter().chain(listens).chain(own.iter().cloned()).collect();
        let log = folder.join(format!("{name}.log"));
        Program::start(&["serve".as_ref(), "--role".as_ref(), role.as_ref()], &settings, &log)
    }

    /// Waits until the role called `name` says that it is ready, if it has an address that is known.
    pub(crate) async fn ready(&self, name: &str) {
        let Some(port) = self.port(name) else { return };
        let url = format!("http://127.0.0.1:{port}/readyz");
        eventually(&format!("{name} is ready"), START_MAX, || async {
            reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200).then_some(())
        })
        .await;
    }

    /// Makes the administrator of the tests.
    pub(crate) fn create_administrator(&self, urls: &Urls) {
        let output = Command::new(env!("CARGO_BIN_EXE_marquee"))
            .args(["admin", "create", ADMIN_EMAIL])
            .envs(self.settings(urls))
            .env("MARQUEE_ADMIN_PASSWORD", ADMIN_PASSWORD)
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn port(&self, name: &str) -> Option<u16> {
        match name {
            "api-1" => Some(self.api_ports[0]),
            "api-2" => Some(self.api_ports[1]),
            "edge" => Some(self.edge_port),
            _ => None,
        }
    }

    fn settings(&self, urls: &Urls) -> Vec<Setting> {
        let settings = [
            ("API_PUBLIC_URL", &*self.api),
            ("API_TRUSTED_PROXIES", r#"["127.0.0.1"]"#),
            ("EDGE_PUBLIC_URL", &self.edge),
            ("EDGE_API_URL", &self.api),
            ("EDGE_KEY", "a secret of one test"),
            ("WORKER_SLOTS", "1"),
        ];
        let settings = settings.map(|(name, value)| (format!("MARQUEE_{name}"), value.to_owned()));
        urls.settings().into_iter().chain(settings).collect()
    }
}

/// The engines of one test, and the stage on them.
pub(crate) struct Engines {
    s3: S3Server,
    _redis: RedisServer,
    pub(crate) urls: Urls,
    pub(crate) stage: Stage,
}

impl Engines {
    /// Starts all but the roles.
    pub(crate) async fn start() -> Self {
        let rabbit = rabbit().await;
        let (redis, s3, database) = (RedisServer::start().await, S3Server::start().await, database_url().await);
        let urls = Urls {
            database: database.into(),
            queue: rabbit.url().into(),
            blobs: s3.url().to_string(),
            cache: redis.url().to_string(),
        };
        let stage = Stage::new();
        stage.create_administrator(&urls);
        Self { s3, _redis: redis, urls, stage }
    }

    /// How often an object was stored, by its path.
    pub(crate) fn writes(&self) -> BTreeMap<String, u32> {
        self.s3.writes()
    }

    /// Where the object store keeps its files.
    pub(crate) fn store(&self) -> PathBuf {
        self.s3.folder().join("some/prefix")
    }

    /// Starts every role and waits until they are ready.
    pub(crate) async fn launch(&self, folder: &Path, own: &[Setting]) -> Vec<Program> {
        self.launch_some(&ROLES.map(|(name, _)| name), folder, own).await
    }

    /// Starts the roles called `names` and waits until they are ready.
    pub(crate) async fn launch_some(&self, names: &[&str], folder: &Path, own: &[Setting]) -> Vec<Program> {
        let mut programs: Vec<Program> = names.iter().map(|name| self.stage.start(name, &self.urls, own, folder)).collect();
        for name in names {
            self.stage.ready(name).await;
        }
        programs.iter_mut().for_each(Program::assert_runs);
        programs
    }
}

/// nginx with the configuration of `deploy/`, on other ports.
fn nginx(port: u16, api_ports: [u16; 2]) -> Kept {
    let site = NGINX
        .replace("listen 8000", &format!("listen 127.0.0.1:{port}"))
        .replace("127.0.0.1:8080 ", &format!("127.0.0.1:{} ", api_ports[0]))
        .replace("127.0.0.1:8082 ", &format!("127.0.0.1:{} ", api_ports[1]));
    run_nginx(&site)
}

/// nginx with one `site`.
pub(crate) fn run_nginx(site: &str) -> Kept {
    Kept::start("nginx", |folder| {
        let main = format!(
            "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;\nevents {{}}\n\
             http {{ access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/f;\n\
             uwsgi_temp_path {0}/u; scgi_temp_path {0}/s; include {0}/site; }}\n",
            folder.display()
        );
        fs::write(folder.join("site"), site).expect("a new folder can be written");
        fs::write(folder.join("main"), main).expect("a new folder can be written");
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(folder).arg("-c").arg(folder.join("main"));
        command
    })
}
