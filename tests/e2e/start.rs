//! A start with something wrong: the process names the key and the way out, shows no secret, and ends; what only needs time is
//! waited for.

use crate::support::{
    client::text,
    cluster::{Urls, rabbit},
    eventually,
    program::{Program, Setting},
    proxy::{Line, Proxy, Target},
    solo::Solo,
};
use futures::future::join_all;
use marquee_backends::testing::{PostgresServer, RedisServer, S3Server, bare_publish, database_url, ring_for, take_set_aside};
use marquee_core::{
    job::{Class, Kind},
    queue::RING_VERSION,
};
use nix::sys::signal::Signal;
use serde_json::json;
use std::{path::Path, time::Duration};
use tokio::net::TcpListener;
use url::Url;

/// How long a process that must end may take on a busy machine.
const END_MAX: Duration = Duration::from_secs(90);
/// How long engines are waited for that never come.
const WAIT_SECONDS: u64 = 3;
/// The end of such a wait.
const NO_ANSWER: &str = "no answer in 3 s";
/// Stands in every wrong URL as its password.
const SECRET: &str = "canary";

/// A start that must end with an error: one URL is wrong.
pub(super) struct Fault {
    /// The section of the configuration whose URL it is.
    pub(super) section: &'static str,
    pub(super) url: String,
    /// What the error must say beside the key.
    pub(super) says: &'static str,
}

/// A folder for a test's processes, and URLs of engines that always work.
async fn ground() -> (tempfile::TempDir, Urls) {
    let folder = tempfile::Builder::new().prefix("marquee-start-").tempdir().expect("a temporary folder");
    let blobs = Url::from_directory_path(folder.path().join("blobs")).expect("an absolute path");
    let urls = Urls {
        database: database_url().await.into(),
        queue: "postgres:".to_owned(),
        blobs: blobs.into(),
        cache: "memory:".to_owned(),
    };
    (folder, urls)
}

/// Starts the role called `role`.
fn serve(role: &str, urls: &Urls, own: &[Setting], log: &Path) -> Program {
    let common = [("MARQUEE_HEALTH_LISTEN", "127.0.0.1:0"), ("MARQUEE_EDGE_LISTEN", "127.0.0.1:0")];
    let common = common.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings: Vec<Setting> = common.into_iter().chain(urls.settings()).chain(own.iter().cloned()).collect();
    Program::start(&["serve".as_ref(), "--role".as_ref(), role.as_ref()], &settings, log)
}

/// Makes all `faults`, each in a process of its own with `own` settings, and looks at how they end.
pub(super) async fn are_refused(faults: &[Fault], own: &[Setting]) {
    let (folder, urls) = ground().await;
    let ended = faults.iter().enumerate().map(|(number, fault)| {
        let mut own = own.to_vec();
        own.push((format!("MARQUEE_{}_URL", fault.section.to_uppercase()), fault.url.clone()));
        if fault.says == NO_ANSWER {
            own.push(("MARQUEE_START_WAIT_SECONDS".to_owned(), WAIT_SECONDS.to_string()));
        }
        let mut program = serve("scheduler", &urls, &own, &folder.path().join(number.to_string()));
        async move {
            let status = program.ended(END_MAX).await;
            let (log, key) = (program.log(), format!("{}.url", fault.section));
            let last = log.lines().rev().find(|line| line.starts_with("marquee: ")).unwrap_or_default();
            assert_eq!(status.code(), Some(1), "{key} {}: {log}", fault.url);
            assert!(last.contains(&key) && last.contains(fault.says), "{key} {}: {log}", fault.url);
            let is_waited_for = log.contains("waiting for an engine");
            assert!(fault.says == NO_ANSWER || !is_waited_for, "there is nothing to wait for: {log}");
            let url = Url::parse(&fault.url).ok();
            for secret in url.as_ref().and_then(Url::password).into_iter().chain([SECRET]) {
                assert!(!log.contains(secret), "{log}");
            }
        }
    });
    join_all(ended).await;
}

fn fault(section: &'static str, url: impl Into<String>, says: &'static str) -> Fault {
    Fault { section, url: url.into(), says }
}

#[tokio::test]
async fn urls_that_cannot_be_right_are_refused() {
    let wrong = ["mysql://me:canary@host/name", "postgres://me:canary@host:port/name", SECRET, ""];
    let says = ["begins with mysql: but must begin with", "not a URL", "not a URL", "not a URL"];
    let sections = ["database", "blobs", "queue", "cache"];
    let faults = sections.iter().flat_map(|section| wrong.into_iter().zip(says).map(|(url, says)| fault(section, url, says)));
    are_refused(&faults.collect::<Vec<_>>(), &[]).await;
}

#[tokio::test]
async fn engines_that_never_answer_are_given_up() {
    // One that takes connections and says nothing, and one that nobody listens for.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let silent = silent.local_addr().expect("an address");
    let faults = [silent.to_string(), "127.0.0.1:1".to_owned()].map(|address| {
        [
            fault("database", format!("postgres://me:{SECRET}@{address}/name"), NO_ANSWER),
            fault("blobs", format!("s3://me:{SECRET}@bucket?endpoint=http://{address}"), NO_ANSWER),
            fault("queue", format!("amqp://me:{SECRET}@{address}/%2f"), NO_ANSWER),
            fault("cache", format!("redis://:{SECRET}@{address}"), NO_ANSWER),
        ]
    });
    are_refused(&faults.into_iter().flatten().collect::<Vec<_>>(), &[]).await;
}

#[tokio::test]
async fn engines_that_refuse_are_not_waited_for() {
    let (rabbit, redis, s3) = (rabbit().await.url(), RedisServer::start().await, S3Server::start().await);
    let postgres = PostgresServer::start_guarded().await;
    let guard = Proxy::start(Target::Unix(postgres.socket())).await;
    let wrong = |url: &Url| {
        let mut url = url.clone();
        url.set_password(Some(SECRET)).expect("a URL with a host");
        url.to_string()
    };
    let absent = s3.url().as_str().replace("@films/", "@no-such-bucket/");
    let faults = [
        fault("database", format!("postgres://marquee:{SECRET}@{}/marquee", guard.address), "password authentication failed"),
        fault("queue", wrong(&rabbit), "refuses the user, the password or the virtual host"),
        fault("cache", wrong(redis.url()), "refuses the user or password"),
        fault("blobs", wrong(s3.url()), "refuses the access key"),
        fault("blobs", absent, "there is no such bucket"),
        fault("blobs", s3.reader_url(), "or what it may do with this bucket"),
    ];
    are_refused(&faults, &[]).await;
}

/// Waits until `program` has logged a line that holds all of `words`.
async fn logged(program: &mut Program, words: &[&str]) {
    eventually(&format!("it says {words:?}"), END_MAX, || {
        program.assert_runs();
        let log = program.log();
        let found = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
        async move { found.then_some(()) }
    })
    .await;
}

async fn stopped(mut program: Program) {
    program.signal_group(Signal::SIGINT);
    let status = program.ended(END_MAX).await;
    assert!(status.success(), "{}", program.log());
}

#[tokio::test]
async fn an_edge_starts_with_a_key_that_may_only_read() {
    let (folder, mut urls) = ground().await;
    let s3 = S3Server::start().await;
    urls.blobs = s3.reader_url().into();
    let own = [("MARQUEE_EDGE_KEY", "a secret of one test"), ("MARQUEE_EDGE_API_URL", "http://127.0.0.1:1")];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut edge = serve("edge", &urls, &own, &folder.path().join("log"));
    logged(&mut edge, &["\"running\""]).await;
    stopped(edge).await;
}

#[tokio::test]
async fn engines_that_come_late_are_waited_for() {
    let (rabbit, redis, s3) = (rabbit().await.url(), RedisServer::start().await, S3Server::start().await);
    let (folder, direct) = ground().await;
    let database = Url::parse(&direct.database).expect("a URL");
    let socket = database.query_pairs().find(|(key, _)| key == "host").expect("a folder of sockets").1.into_owned();
    let endpoint = s3.url().query_pairs().find(|(key, _)| key == "endpoint").expect("an endpoint").1.into_owned();
    let endpoint = Url::parse(&endpoint).expect("a URL");
    let tcp = |url: &Url| Target::Tcp(([127, 0, 0, 1], url.port().expect("a port")).into());
    let targets = [Target::Unix(Path::new(&socket).join(".s.PGSQL.5432")), tcp(&endpoint), tcp(&rabbit), tcp(redis.url())];
    let lines = join_all(targets.map(Proxy::start)).await;
    lines.iter().for_each(|line| line.set(Line::Cut));
    let moved = |url: &Url, line: &Proxy| {
        let port = url.port().expect("a port");
        url.as_str().replace(&format!("127.0.0.1:{port}"), &line.address.to_string())
    };
    let urls = Urls {
        database: format!("postgres://marquee@{}{}", lines[0].address, database.path()),
        blobs: s3.url().as_str().replace(endpoint.as_str().trim_end_matches('/'), &format!("http://{}", lines[1].address)),
        queue: moved(&rabbit, &lines[2]),
        cache: moved(redis.url(), &lines[3]),
    };
    let mut program = serve("scheduler", &urls, &[], &folder.path().join("log"));
    for (key, line) in ["database.url", "blobs.url", "queue.url", "cache.url"].into_iter().zip(&lines) {
        logged(&mut program, &["waiting for an engine", key]).await;
        line.set(Line::Good);
    }
    logged(&mut program, &["\"running\""]).await;
    stopped(program).await;
}

#[tokio::test]
async fn messages_that_cannot_be_read_are_set_aside_and_the_next_job_runs() {
    let (folder, mut urls) = ground().await;
    let queue = rabbit().await.url();
    urls.queue = queue.to_string();
    let mut newer = serde_json::to_value(ring_for(Kind::Inspect, Class::Normal)).expect("JSON");
    newer["version"] = json!(RING_VERSION + 1);
    let mut garbage = [b"\xff\0not a message".to_vec(), newer.to_string().into_bytes()];
    for body in &garbage {
        bare_publish(&queue, Kind::Inspect, Class::Normal, body).await;
    }
    let solo = Solo::start(&urls, &[]).await;
    let mut aside = Vec::new();
    for _ in &garbage {
        aside.push(eventually("a message is set aside", END_MAX, || take_set_aside(&queue)).await);
    }
    // Two slots set them aside, each in its own time.
    aside.sort();
    garbage.sort();
    assert_eq!(aside, garbage);
    let admin = solo.admin().await;
    let note = folder.path().join("note.mp4");
    std::fs::write(&note, "This is not a film.\n".repeat(10)).expect("written");
    let id = admin.upload_form("A note", &note).await;
    let video = admin.wait_until_settled(&id).await;
    assert_eq!(video.failure.map(|failure| failure.code).as_deref(), Some("not_a_video"), "{}", solo.log());
    let jobs = admin.get(&format!("/v1/videos/{id}/jobs"), 200).await;
    let jobs = jobs["items"].as_array().expect("a list");
    assert_eq!(jobs.iter().map(|job| (text(job, "kind"), &job["attempts"])).collect::<Vec<_>>(), [("inspect", &json!(1))]);
    assert_eq!(solo.log().matches("set a message aside").count(), garbage.len(), "{}", solo.log());
}
