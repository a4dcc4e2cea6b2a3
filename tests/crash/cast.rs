//! Everything that can be broken: each role, each engine, and each line between the two.

use crate::support::{
    cluster::{ROLES, Stage, Urls},
    process::Process,
    program::Program,
    proxy::{Line, Proxy, Target},
};
use marquee_backends::{
    db::Db,
    testing::{PostgresServer, RabbitServer, RedisServer, S3Server},
};
use nix::sys::signal::Signal;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tempfile::TempDir;
use url::Url;

/// How long a process may take to end.
const END_MAX: Duration = Duration::from_secs(60);

/// What a line leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    Database,
    Queue,
    Blobs,
    Cache,
}

impl Engine {
    pub(crate) const ALL: [Self; 4] = [Self::Database, Self::Queue, Self::Blobs, Self::Cache];
}

/// A cluster that can be broken.
pub(crate) struct Cast {
    pub(crate) stage: Stage,
    pub(crate) postgres: PostgresServer,
    pub(crate) rabbit: RabbitServer,
    pub(crate) redis: RedisServer,
    pub(crate) s3: S3Server,
    /// The database, around all lines.
    pub(crate) db: Db,
    urls: BTreeMap<&'static str, Urls>,
    lines: BTreeMap<(&'static str, Engine), Proxy>,
    programs: BTreeMap<&'static str, Program>,
    folder: TempDir,
}

impl Cast {
    /// Starts all of it.
    pub(crate) async fn start() -> Self {
        let (postgres, rabbit) = (PostgresServer::start().await, RabbitServer::start().await);
        let (redis, s3) = (RedisServer::start().await, S3Server::start().await);
        let queue = rabbit.url();
        let stage = Stage::new();
        let direct = Urls {
            database: postgres.url().to_string(),
            queue: queue.to_string(),
            blobs: s3.url().to_string(),
            cache: redis.url().to_string(),
        };
        stage.create_administrator(&direct);
        let db = Db::connect(postgres.url()).await.expect("the database answers");
        let folder = tempfile::Builder::new().prefix("marquee-crash-").tempdir().expect("a temporary folder");
        let mut cast = Self {
            stage,
            postgres,
            rabbit,
            redis,
            s3,
            db,
            urls: BTreeMap::new(),
            lines: BTreeMap::new(),
            programs: BTreeMap::new(),
            folder,
        };
        for (name, _) in ROLES {
            let urls = cast.lay_lines(name, &queue).await;
            cast.urls.insert(name, urls);
            cast.launch(name);
        }
        for (name, _) in ROLES {
            cast.stage.ready(name).await;
        }
        cast
    }

    /// A line of its own from the role called `name` to every engine.
    async fn lay_lines(&mut self, name: &'static str, queue: &Url) -> Urls {
        let endpoint = |url: &Url| {
            let found = url.query_pairs().find(|(key, _)| key == "endpoint").map(|(_, endpoint)| endpoint.into_owned());
            Url::parse(&found.expect("an endpoint")).expect("a URL")
        };
        let tcp = |url: &Url| {
            let (host, port) = (url.host_str().expect("a host"), url.port().expect("a port"));
            Target::Tcp(format!("{host}:{port}").parse().expect("an address"))
        };
        let blobs = self.s3.url().clone();
        let targets = [
            (Engine::Database, Target::Unix(self.postgres.socket())),
            (Engine::Queue, tcp(queue)),
            (Engine::Blobs, tcp(&endpoint(&blobs))),
            (Engine::Cache, tcp(self.redis.url())),
        ];
        let mut ports = BTreeMap::new();
        for (engine, target) in targets {
            let line = Proxy::start(target).await;
            ports.insert(engine, line.address.port());
            self.lines.insert((name, engine), line);
        }
        let moved = |url: &Url, engine| {
            let mut url = url.clone();
            url.set_port(Some(ports[&engine])).expect("a URL with a host");
            url.to_string()
        };
        let store = blobs.as_str().replace(
            &format!("127.0.0.1:{}", endpoint(&blobs).port().expect("a port")),
            &format!("127.0.0.1:{}", ports[&Engine::Blobs]),
        );
        Urls {
            database: format!("postgres://marquee@127.0.0.1:{}/marquee", ports[&Engine::Database]),
            queue: moved(queue, Engine::Queue),
            blobs: store,
            cache: moved(self.redis.url(), Engine::Cache),
        }
    }

    fn launch(&mut self, name: &'static str) {
        let program = self.stage.start(name, &self.urls[name], &[], self.folder.path());
        self.programs.insert(name, program);
    }

    /// Makes the line between a role and an engine what it says.
    pub(crate) fn set_line(&self, name: &'static str, engine: Engine, line: Line) {
        self.lines[&(name, engine)].set(line);
    }

    /// Sends `signal` to a role's own process.
    pub(crate) fn signal(&self, name: &'static str, signal: Signal) {
        self.programs[name].process().signal(signal);
    }

    /// Kills a role and starts it again.
    pub(crate) async fn restart(&mut self, name: &'static str) {
        let mut program = self.programs.remove(name).expect("it runs");
        program.process().signal(Signal::SIGKILL);
        program.ended(END_MAX).await;
        drop(program);
        self.launch(name);
    }

    /// Asks a role to stop, as a deployment does, and starts it again.
    pub(crate) async fn replace(&mut self, name: &'static str) {
        let mut program = self.programs.remove(name).expect("it runs");
        program.process().signal(Signal::SIGTERM);
        let status = program.ended(END_MAX).await;
        assert!(status.success(), "{name} did not end well: {status}\n{}", program.log());
        drop(program);
        self.launch(name);
    }

    /// The children that read media now.
    pub(crate) fn children(&self) -> BTreeSet<Process> {
        self.programs.values().flat_map(Program::children).collect()
    }

    /// Makes every line good and waits until everybody is ready; nobody may have given up.
    pub(crate) async fn heal(&mut self) {
        self.s3.refuse(0);
        self.lines.values().for_each(|line| line.set(Line::Good));
        for (name, _) in ROLES {
            self.signal(name, Signal::SIGCONT);
        }
        for (name, _) in ROLES {
            self.stage.ready(name).await;
        }
        self.programs.values_mut().for_each(Program::assert_runs);
    }

    /// Stops all of it in good order.
    pub(crate) async fn stop(mut self) {
        for program in self.programs.values() {
            program.signal_group(Signal::SIGINT);
        }
        for (name, program) in &mut self.programs {
            let status = program.ended(END_MAX).await;
            assert!(status.success(), "{name} ended with {status}:\n{}", program.log());
        }
    }
}
