use super::*;
use crate::db::Db;
use crate::testing::eventually;
use marquee_core::ErrorKind;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// A server without the costs of durability, started where it may block.
async fn start(folder: &Path) -> Result<Server> {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || Server::start(&folder, Tuning::Scratch)).await.expect("no panic")
}

#[tokio::test]
async fn starts_keeps_data_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("not").join("there yet");
    let server = PrivatePostgres::start(&data).await.expect("started");
    let db = Db::connect(server.url()).await.expect("connected");
    db.migrate().await.expect("migrated");
    db.migrate().await.expect("nothing to do");
    let film = crate::testing::video(&db, marquee_core::video::Status::Created).await;
    assert_eq!(running_url(&data).expect("it runs"), *server.url());

    let refused = PrivatePostgres::start(&data).await.expect_err("one at a time");
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "data_in_use"));
    assert!(refused.message().contains(&std::process::id().to_string()), "{refused}");

    // Somebody is still connected.
    server.stop().await.expect("stopped");
    assert!(db.ping().await.is_err());
    assert_eq!(running_url(&data).expect_err("stopped").kind(), ErrorKind::NotFound);

    let server = PrivatePostgres::start(&data).await.expect("started again");
    let db = Db::connect(server.url()).await.expect("connected");
    assert_eq!(db.video_state(film).await.0, "created");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_long_path_works_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("long".repeat(30));
    let server = start(&data).await.expect("started");
    Db::connect(server.url()).await.expect("connected").ping().await.expect("answers");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn data_of_another_major_version_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("cluster")).expect("made");
    fs::write(folder.path().join("cluster/PG_VERSION"), "9\n").expect("written");
    let refused = start(folder.path()).await.expect_err("refused");
    assert_eq!(refused.code(), "postgres_version");
    assert!(refused.message().contains("PostgreSQL 9") && refused.message().contains("pg_upgrade"), "{refused}");
}

#[tokio::test]
async fn something_else_in_its_place_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("cluster")).expect("made");
    fs::write(folder.path().join("cluster/thesis.txt"), "precious").expect("written");
    assert_eq!(start(folder.path()).await.expect_err("refused").code(), "not_a_cluster");
    assert!(folder.path().join("cluster/thesis.txt").exists());
}

#[tokio::test]
async fn an_interrupted_making_begins_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("cluster.new")).expect("made");
    fs::write(folder.path().join("cluster.new/PG_VERSION"), "15\n").expect("written");
    start(folder.path()).await.expect("started").stop().await.expect("stopped");
}

#[tokio::test]
async fn the_end_of_the_server_is_noticed_and_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path()).await.expect("started");
    let file = fs::read_to_string(folder.path().join("cluster/postmaster.pid")).expect("it runs");
    let pid = file.lines().next().and_then(|line| line.parse().ok()).expect("a process");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).expect("killed");
    tokio::time::timeout(crate::testing::PATIENCE, server.ended()).await.expect("noticed");
    drop(server);
    let server = start(folder.path()).await.expect("started again");
    Db::connect(server.url()).await.expect("connected").ping().await.expect("answers");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn an_orphan_is_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    start(folder.path()).await.expect("started").stop().await.expect("stopped");
    let cluster = fs::canonicalize(folder.path().join("cluster")).expect("there");
    let programs = programs::Programs::find(folder.path(), None).expect("installed");
    let account = account::Account::for_cluster(&cluster).expect("known");
    let mut command = programs.command("postgres", None, &cluster, account).expect("a command");
    command.args(["-k", ".", "-p", socket::PORT]).args(Tuning::Scratch.settings());
    let mut orphan = command.stderr(Stdio::null()).spawn().expect("spawned");
    eventually("the orphan is up", async || {
        fs::read_to_string(cluster.join("postmaster.pid")).is_ok_and(|file| file.contains("ready"))
    })
    .await;

    let server = start(folder.path()).await.expect("started");
    assert!(orphan.wait().expect("it ended").success(), "by a fast shutdown");
    Db::connect(server.url()).await.expect("connected").ping().await.expect("answers");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn it_dies_with_a_killed_parent() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parent = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "private_postgres::tests::parent_to_be_killed", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawned");
    let mut input = parent.stdin.take().expect("piped");
    writeln!(input, "{}", folder.path().display()).expect("told where");
    let output = BufReader::new(parent.stdout.take().expect("piped"));
    assert!(output.lines().map_while(std::io::Result::ok).any(|line| line.contains("it runs")));
    let url = running_url(folder.path()).expect("it runs");
    Db::connect(&url).await.expect("connected");

    parent.kill().expect("kill -9");
    parent.wait().expect("reaped");
    if cfg!(target_os = "linux") {
        let pid_file = folder.path().join("cluster/postmaster.pid");
        eventually("the server ends by itself", async || !pid_file.exists()).await;
    }
    let server = start(folder.path()).await.expect("started by somebody else");
    Db::connect(server.url()).await.expect("connected").ping().await.expect("answers");
    server.stop().await.expect("stopped");
}

/// The other process of the test above: reads a folder from its input, starts a server there, waits for its end.
#[tokio::test]
#[ignore = "run by another test, in a process that it kills"]
#[expect(clippy::print_stdout, reason = "how the two processes talk")]
async fn parent_to_be_killed() {
    let mut folder = String::new();
    std::io::stdin().read_line(&mut folder).expect("an input");
    if folder.is_empty() {
        return;
    }
    let server = start(Path::new(folder.trim())).await.expect("started");
    println!("it runs");
    server.ended().await;
}
