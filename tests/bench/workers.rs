//! What a second worker brings: how long a film takes on one worker of one processor, and on two of them, from the end of its upload
//! until it is ready, and what that takes of the processors. Medians of five rounds in which the two take turns. All else of the
//! cluster runs on the same processors.
//!
//! `./dev bench workers [FILM]`: FILM is repeated for three minutes; without one, a film of 1080 lines is made.

mod film;
mod repeat;
mod results;
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use all of it")]
#[path = "../support/mod.rs"]
mod support;

use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::signal::Signal,
    unistd::Pid,
};
use reqwest::Method;
use results::{ROUNDS, median, tell};
use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};
use support::{
    client::Client,
    cluster::Engines,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD},
    program::Program,
    tus::Upload,
};

/// What two may take, in the time of one, and of its processor time.
const SECONDS_MAX: f64 = 0.60;
const CPU_MAX: f64 = 1.05;
/// Length of the film.
const FILM_SECONDS: f64 = 180.0;
/// All roles but the workers.
const OTHERS: [&str; 4] = ["api-1", "api-2", "edge", "scheduler"];
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];

#[tokio::main]
async fn main() -> ExitCode {
    let film =
        film::named().into_iter().next().unwrap_or_else(|| film::made("bench-minute.mp4", 60, "format=yuv420p", ["-b:v", "5M"]));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let film = repeat::repeated(&film, FILM_SECONDS, folder.path());
    let engines = Engines::start().await;
    let others = engines.launch_some(&OTHERS, folder.path(), &[]).await;
    let (mut seconds, mut cpu) = ([const { Vec::new() }; 2], [const { Vec::new() }; 2]);
    for round in 1..=ROUNDS {
        for (place, names) in [&WORKERS[..1], &WORKERS[..]].into_iter().enumerate() {
            let (took, used) = run(&engines, names, &film, folder.path()).await;
            tell(&format!("round {round}: {} workers take {took:.1} s, {used:.1} s of processor time", names.len()), true);
            seconds[place].push(took);
            cpu[place].push(used);
        }
    }
    drop(others);
    let [one, two] = seconds.map(median);
    let [one_cpu, two_cpu] = cpu.map(median);
    let (ratio, cpu) = (two / one, two_cpu / one_cpu);
    let good = tell(&format!("workers: two take {ratio:.2} of the time of one, at most {SECONDS_MAX:.2}"), ratio <= SECONDS_MAX)
        & tell(&format!("workers: two take {cpu:.2} of its processor time, at most {CPU_MAX}"), cpu <= CPU_MAX);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long `film` takes from the end of its upload until it is ready on the workers called `names`, each with a processor of its own,
/// and what they take of those, in seconds.
async fn run(engines: &Engines, names: &[&str], film: &Path, folder: &Path) -> (f64, f64) {
    // All rounds together take longer than an access token lives.
    let admin = &Client::sign_in(&engines.stage.api, ADMIN_EMAIL, ADMIN_PASSWORD).await;
    let mut workers = engines.launch_some(names, folder, &[]).await;
    for (processor, worker) in workers.iter().enumerate() {
        let mut own = CpuSet::new();
        own.set(processor).expect("a processor");
        // All its threads, which are there already, and those and the children to come.
        for thread in threads(worker) {
            sched_setaffinity(Pid::from_raw(thread), &own).expect("a processor can be chosen");
        }
    }
    let video = admin.create_video("A film").await;
    let mut bytes = std::fs::read(film).expect("the film is readable");
    bytes.extend(free_box(&video));
    let upload = Upload::open(admin, &video, bytes.len() as u64).await;
    upload.send(bytes).await;
    let begun = Instant::now();
    admin.wait_until_ready(&video).await;
    let seconds = begun.elapsed().as_secs_f64();
    let used = workers.iter().map(used_seconds).sum();
    for worker in &mut workers {
        worker.process().signal(Signal::SIGTERM);
        worker.ended(Duration::from_secs(60)).await;
    }
    let response = admin.request(Method::DELETE, &format!("/v1/videos/{video}")).send().await.expect("the server answers");
    assert_eq!(response.status(), 204, "{response:?}");
    (seconds, used)
}

/// What makes a file of an MP4 that nobody has seen: of one that is known, what was made of it would be copied.
fn free_box(text: &str) -> Vec<u8> {
    let size = u32::try_from(text.len() + 8).expect("a short text");
    [&size.to_be_bytes()[..], b"free", text.as_bytes()].concat()
}

fn threads(worker: &Program) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", worker.process().id)).expect("it runs");
    tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Processor time that a worker and its children that have ended have taken, in seconds.
fn used_seconds(worker: &Program) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", worker.process().id)).expect("it runs");
    let fields: Vec<&str> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    // `utime`, `stime`, `cutime` and `cstime`, proc(5), counted in hundredths of a second on every Linux.
    let ticks = fields.get(11..15).unwrap_or_default().iter().map(|ticks| ticks.parse::<u64>().expect("a number"));
    ticks.sum::<u64>() as f64 / 100.0
}
