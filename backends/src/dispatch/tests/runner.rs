use super::everything;
use crate::db::{
    Db,
    jobs::{self, Claim, tests::queued_chunk},
};
use crate::dispatch::{Handler, Runner, Work, attempt::Attempts, relay::relay_batch};
use crate::queue::PostgresQueue;
use crate::testing::{PATIENCE, database, eventually, video};
use async_trait::async_trait;
use marquee_core::{
    OsRandom, Shutdown, SystemClock,
    config::Worker,
    id::{JobId, WorkerId},
    job::{Class, Failure, Kind},
    queue::Queue,
    video::Status,
};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// What a [`Script`] does with each job.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    /// Completes when the gate opens.
    Complete,
    /// Panics.
    Panic,
    /// Returns a failure that may pass.
    Retry,
    /// Finds a service away.
    Unanswered,
    /// Waits until it is cancelled.
    UntilCancelled,
}

/// A handler that does what a test says, on real rows.
struct Script {
    db: Db,
    act: Act,
    gate: Semaphore,
    begun: AtomicU32,
    cancelled: AtomicU32,
    claims: Mutex<Vec<Claim>>,
}

impl Script {
    fn new(db: &Db, act: Act, open: usize) -> Arc<Self> {
        let (begun, cancelled) = (AtomicU32::new(0), AtomicU32::new(0));
        Arc::new(Self { db: db.clone(), act, gate: Semaphore::new(open), begun, cancelled, claims: Mutex::default() })
    }

    async fn has_begun(&self, count: u32) {
        eventually("jobs begin", async || self.begun.load(Ordering::SeqCst) >= count).await;
    }
}

#[async_trait]
impl Handler for Script {
    async fn run(&self, claim: &Claim, work: &Work) -> Result<(), Failure> {
        self.claims.lock().expect("no panic here").push(claim.clone());
        self.begun.fetch_add(1, Ordering::SeqCst);
        work.progress(0.5);
        match self.act {
            Act::Panic => panic!("as the test wants"),
            Act::Retry => Err(marquee_core::Error::internal("a slip").into()),
            Act::Unanswered => Err(marquee_core::Error::unavailable("the disk").into()),
            Act::UntilCancelled => {
                work.cancelled().cancelled().await;
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(marquee_core::Error::unavailable("the worker").into())
            }
            Act::Complete => {
                self.gate.acquire().await.expect("open").forget();
                let mut tx = self.db.pool().begin().await.map_err(crate::db::error)?;
                if !jobs::complete(&mut tx, claim).await? {
                    return Err(marquee_core::Error::conflict("lost", "lost").into());
                }
                tx.commit().await.map_err(crate::db::error)?;
                Ok(())
            }
        }
    }
}

struct Running {
    shutdown: Shutdown,
    task: JoinHandle<marquee_core::Result<()>>,
}

impl Running {
    async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.task).await.expect("in time").expect("no panic").expect("it ended well");
    }
}

fn run(db: &Db, handler: &Arc<Script>, slots: u16) -> Running {
    let worker = Worker { slots, ..Worker::default() };
    let queue = Arc::new(PostgresQueue::new(db.clone()));
    let runner = Runner::new(db.clone(), queue, handler.clone(), &worker, WorkerId::new(&SystemClock, &OsRandom));
    let shutdown = Shutdown::new();
    Running { task: tokio::spawn(runner.run(shutdown.clone())), shutdown }
}

async fn publish(db: &Db) {
    while relay_batch(db, &PostgresQueue::new(db.clone()), 100).await.expect("relayed") > 0 {}
}

async fn state(db: &Db, job: JobId) -> String {
    db.job_row(job).await.state
}

#[tokio::test]
async fn jobs_are_run_as_slots_allow_and_completed_by_their_handler() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let jobs = [queued_chunk(&db, film).await, queued_chunk(&db, film).await, queued_chunk(&db, film).await];
    publish(&db).await;
    let handler = Script::new(&db, Act::Complete, 0);
    let running = run(&db, &handler, 2);
    handler.has_begun(2).await;
    tokio::time::timeout(Duration::from_millis(300), handler.has_begun(3)).await.expect_err("two slots, two jobs");
    handler.gate.add_permits(3);
    for job in jobs {
        eventually("the job is done", async || state(&db, job).await == "done").await;
    }
    running.shutdown.drain();
    running.ended().await;
    assert!(db.drain_queue().await.is_empty(), "every message is acknowledged");
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_the_worker_lives() {
    for act in [Act::Panic, Act::Retry] {
        let (db, _guard) = database().await;
        let film = video(&db, Status::Uploaded).await;
        let jobs = [queued_chunk(&db, film).await, queued_chunk(&db, film).await];
        publish(&db).await;
        let handler = Script::new(&db, act, 0);
        let running = run(&db, &handler, 1);
        handler.has_begun(2).await;
        for job in jobs {
            eventually("the job waits for its next attempt", async || state(&db, job).await == "queued").await;
            assert_eq!(db.job_row(job).await.attempt, 1);
        }
        running.shutdown.drain();
        running.ended().await;
    }
}

#[tokio::test]
async fn a_worker_that_gets_no_answer_rests_and_leaves_the_rest_to_others() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let jobs = [queued_chunk(&db, film).await, queued_chunk(&db, film).await];
    publish(&db).await;
    let cut_off = Script::new(&db, Act::Unanswered, 0);
    let resting = run(&db, &cut_off, 1);
    eventually("the attempt is over", async || db.job_row(jobs[0]).await.forgiven == 1).await;
    let healthy = Script::new(&db, Act::Complete, 1);
    let working = run(&db, &healthy, 1);
    eventually("the other worker does the second job", async || state(&db, jobs[1]).await == "done").await;
    assert_eq!(cut_off.begun.load(Ordering::SeqCst), 1);
    let asked = tokio::time::Instant::now();
    resting.shutdown.drain();
    resting.ended().await;
    assert!(asked.elapsed() < Duration::from_secs(3), "a rest ends when the worker drains");
    working.shutdown.drain();
    working.ended().await;
}

#[tokio::test]
async fn messages_for_nothing_are_dropped() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let job = queued_chunk(&db, film).await;
    db.claim_job(job, "somebody else", Duration::from_secs(60)).await.expect("answered").expect("claimed");
    publish(&db).await;
    let queue = PostgresQueue::new(db.clone());
    queue.publish(&[crate::testing::ring_for(Kind::Encode, Class::Urgent)]).await.expect("a ring for no job at all");
    let handler = Script::new(&db, Act::Complete, 9);
    let running = run(&db, &handler, 1);
    let last = queued_chunk(&db, film).await;
    publish(&db).await;
    eventually("the last job is done", async || state(&db, last).await == "done").await;
    running.shutdown.drain();
    running.ended().await;
    assert_eq!(handler.begun.load(Ordering::SeqCst), 1);
    assert!(db.drain_queue().await.is_empty());
}

#[tokio::test]
async fn draining_lets_running_jobs_finish_and_takes_no_new_ones() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let first = queued_chunk(&db, film).await;
    publish(&db).await;
    let handler = Script::new(&db, Act::Complete, 0);
    let running = run(&db, &handler, 2);
    handler.has_begun(1).await;
    running.shutdown.drain();
    let late = queued_chunk(&db, film).await;
    publish(&db).await;
    handler.gate.add_permits(2);
    running.ended().await;
    assert_eq!((state(&db, first).await, state(&db, late).await), ("done".into(), "queued".into()));
    assert_eq!(db.drain_queue().await, [late], "its message is there for another worker");
}

#[tokio::test]
async fn stopping_gives_running_jobs_back_at_once() {
    let (db, _guard) = database().await;
    let job = queued_chunk(&db, video(&db, Status::Uploaded).await).await;
    publish(&db).await;
    let handler = Script::new(&db, Act::UntilCancelled, 0);
    let running = run(&db, &handler, 1);
    handler.has_begun(1).await;
    running.shutdown.stop();
    running.ended().await;
    assert_eq!(handler.cancelled.load(Ordering::SeqCst), 1);
    let row = db.job_row(job).await;
    assert_eq!((row.state.as_str(), row.attempt, row.forgiven), ("queued", 1, 1));

    // Another worker goes on without waiting for any sweep.
    publish(&db).await;
    let heir = Script::new(&db, Act::Complete, 1);
    let running = run(&db, &heir, 1);
    eventually("the heir finishes", async || state(&db, job).await == "done").await;
    running.shutdown.drain();
    running.ended().await;
}

/// One attempt at the only job in the queue, with a lease of a second.
async fn attempt(db: &Db, handler: &Arc<Script>) -> JoinHandle<()> {
    let attempts = Attempts::new(db.clone(), handler.clone(), "worker".into(), 1).with_lease(Duration::from_millis(900));
    let queue = PostgresQueue::new(db.clone());
    let consumer = queue.subscribe(everything()).await.expect("subscribed");
    let delivery = consumer.next().await.expect("delivered");
    tokio::spawn(async move {
        let _ = attempts.deliver(delivery).await;
        drop(consumer);
    })
}

#[tokio::test]
async fn a_lease_is_kept_for_as_long_as_the_job_runs() {
    let (db, _guard) = database().await;
    let job = queued_chunk(&db, video(&db, Status::Uploaded).await).await;
    publish(&db).await;
    let handler = Script::new(&db, Act::Complete, 0);
    let running = attempt(&db, &handler).await;
    handler.has_begun(1).await;
    let until = tokio::time::Instant::now() + Duration::from_millis(2500);
    while tokio::time::Instant::now() < until {
        assert!(db.claim_job(job, "thief", Duration::from_secs(60)).await.expect("answered").is_none());
        tokio::task::yield_now().await;
    }
    let view = db.list_jobs(db.video_of_job(job).await.expect("there")).await.expect("listed");
    assert!((view[0].progress - 0.5).abs() < 1e-6, "heartbeats carry the progress");
    handler.gate.add_permits(1);
    running.await.expect("no panic");
    assert_eq!(state(&db, job).await, "done");
}

#[tokio::test]
async fn a_lost_lease_cancels_the_handler_at_once() {
    let (db, _guard) = database().await;
    let job = queued_chunk(&db, video(&db, Status::Uploaded).await).await;
    publish(&db).await;
    let handler = Script::new(&db, Act::UntilCancelled, 0);
    let running = attempt(&db, &handler).await;
    handler.has_begun(1).await;
    db.expire_lease(job).await;
    let heir = db.claim_job(job, "heir", Duration::from_secs(60)).await.expect("answered");
    // A heartbeat may have saved the lease between the two statements; then it is lost by another way.
    if heir.is_none() {
        db.delete_video(db.video_of_job(job).await.expect("there")).await.expect("deleted");
    }
    tokio::time::timeout(PATIENCE, running).await.expect("in time").expect("no panic");
    assert_eq!(handler.cancelled.load(Ordering::SeqCst), 1);
    let expected = if heir.is_some() { ("running", 2) } else { ("cancelled", 1) };
    let row = db.job_row(job).await;
    assert_eq!((row.state.as_str(), row.attempt), expected, "the loser wrote nothing");
}

#[tokio::test]
async fn a_database_that_is_gone_ends_the_attempt_when_the_lease_may_have_run_out() {
    let (db, guard) = database().await;
    let job = queued_chunk(&db, video(&db, Status::Uploaded).await).await;
    publish(&db).await;
    let worker = Db::connect(guard.url()).await.expect("connected");
    let handler = Script::new(&worker, Act::UntilCancelled, 0);
    let running = attempt(&worker, &handler).await;
    handler.has_begun(1).await;
    worker.close().await;
    tokio::time::timeout(PATIENCE, running).await.expect("in time").expect("no panic");
    assert_eq!(handler.cancelled.load(Ordering::SeqCst), 1);
    eventually("another worker can take it", async || {
        db.claim_job(job, "heir", Duration::from_secs(60)).await.expect("answered").is_some()
    })
    .await;
}
