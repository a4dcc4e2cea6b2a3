//! Deaths of workers during one title, each in the middle of a job of it. Runs with all other tests.

use super::{audit::Audit, load::Title};
use crate::support::{
    client::Client,
    clip::Clip,
    cluster::Engines,
    eventually,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD, show},
    program::{Program, Setting},
};
use marquee_backends::{db::Db, open};
use marquee_core::{Random, SeededRandom};
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};
use std::{path::Path, time::Duration};
use tempfile::TempDir;
use url::Url;

/// Workers that die.
const DEATHS: usize = 20;
/// As many jobs as there are deaths and more, each soon done.
const FILM: Clip = Clip { seconds: 660, frames_per_second: 5, width: 320, height: 180 };
/// No job that others wait for once the plan is made.
const RECIPE: [(&str, &str); 1] = [("MARQUEE_WORKER_RECIPE", "fast")];
/// Longer than a lease lives, on a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// All roles but the workers.
const OTHERS: [&str; 4] = ["api-1", "api-2", "edge", "scheduler"];
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];
/// Attempts at a job that may be killed, of the five that there are: each has to wait for a lease to run out.
const TRIES_MAX: i32 = 2;
/// Objects that are stored between two deaths at most, so that these come early in a job and late.
const BETWEEN_MAX: f64 = 4.0;

/// The workers of one title.
struct Workers<'a> {
    engines: &'a Engines,
    folder: &'a Path,
    db: &'a Db,
    programs: Vec<Program>,
}

impl Workers<'_> {
    /// Waits for a worker that is in the middle of a job, after `more` objects have been stored. Answers which, and what it does.
    async fn busy(&self, more: u32) -> (usize, String) {
        let stored = || self.engines.writes().values().sum::<u32>();
        let wanted = stored() + more;
        eventually("a worker is in the middle of a job", WAIT_MAX, || async {
            for (place, program) in self.programs.iter().enumerate().filter(|_| stored() >= wanted) {
                let held = self.db.held_by_process(program.process().id).await.expect("the database answers");
                if let Some((kind, _)) = held.into_iter().find(|(_, tries)| *tries <= TRIES_MAX) {
                    return Some((place, kind));
                }
            }
            None
        })
        .await
    }

    /// Kills a worker and puts another in its place. Answers whether it still held a job when it was dead.
    async fn kill(&mut self, place: usize) -> bool {
        let mut program = self.programs.swap_remove(place);
        let id = program.process().id;
        program.process().signal(Signal::SIGKILL);
        program.ended(WAIT_MAX).await;
        self.programs.extend(self.engines.launch_some(&WORKERS[..1], self.folder, &recipe()).await);
        let held = self.db.held_by_process(id).await.expect("the database answers");
        !held.is_empty()
    }
}

fn recipe() -> Vec<Setting> {
    RECIPE.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_during_one_title_lose_no_frame_and_write_nothing_twice() {
    let engines = Engines::start().await;
    let folder = TempDir::with_prefix("marquee-kills-").expect("a temporary folder");
    let others = engines.launch_some(&OTHERS, folder.path(), &[]).await;
    let db = Db::connect(&Url::parse(&engines.urls.database).expect("a URL")).await.expect("the database answers");
    let programs = engines.launch_some(&WORKERS, folder.path(), &recipe()).await;
    let mut workers = Workers { engines: &engines, folder: folder.path(), db: &db, programs };
    let admin = Client::sign_in(&engines.stage.api, ADMIN_EMAIL, ADMIN_PASSWORD).await;
    let file = FILM.file();
    let id = admin.upload_form("Killed twenty times", &file).await;
    admin.wait_for(&id, "being encoded", |video| video.status == "encoding").await;

    let random: &dyn Random = &SeededRandom::new(20);
    let mut deaths = 0;
    while deaths < DEATHS {
        let (place, kind) = workers.busy((random.unit() * BETWEEN_MAX) as u32).await;
        if workers.kill(place).await {
            deaths += 1;
            show(&format!("death {deaths}: a worker in the middle of {kind}"));
        }
    }
    assert_ne!(admin.video(&id).await.status, "ready", "all of them died before the title was whole");
    admin.wait_until_ready(&id).await;

    let mut audit = Audit::default();
    audit.settle(&db, WAIT_MAX).await;
    let (jobs, attempts) = db.work_done().await.expect("the database answers");
    assert_eq!(attempts, jobs + DEATHS as u64, "each death interrupts one attempt, and nothing else costs one");
    // No key of an object begins with a dot.
    let writes: Vec<_> = engines.writes().into_iter().filter(|(path, _)| !path.contains("/.")).collect();
    let again: Vec<_> = writes.iter().filter(|(_, count)| *count > 1).collect();
    assert!(again.is_empty() && !writes.is_empty(), "stored more than once: {again:?}");
    let sha256 = hex::encode(Sha256::digest(std::fs::read(&file).expect("the film is readable")));
    let blobs = open::blobs(&Url::parse(&engines.urls.blobs).expect("a URL"), open::Access::Read, WAIT_MAX).await;
    audit.title(&db, &admin, &blobs.expect("the store answers"), &Title { id, film: FILM, sha256 }).await;
    show(&format!("{attempts} attempts at {jobs} jobs, {} objects\n{audit}", writes.len()));
    audit.assert_clean();
    drop((workers, others));
}
