use crate::db::{Db, jobs::tests::queued, sweep::Duty};
use crate::dispatch::{relay::relay_batch, sweep::pass};
use crate::queue::PostgresQueue;
use crate::testing::{database, video};
use marquee_core::{id::JobId, job::LEASE, video::Status};
use std::time::Duration;

/// One sweep and whatever it makes the relay publish.
async fn sweep(db: &Db) -> Vec<JobId> {
    assert!(pass(db).await.expect("swept"), "nobody else has the turn");
    let queue = PostgresQueue::new(db.clone());
    while relay_batch(db, &queue, 100).await.expect("relayed") > 0 {}
    db.drain_queue().await
}

#[tokio::test]
async fn it_rings_for_lost_messages_with_growing_pauses() {
    let (db, _guard) = database().await;
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    // Published, and the message was lost.
    assert_eq!(sweep(&db).await, [job]);
    assert!(sweep(&db).await.is_empty(), "not again at once");
    let mut rings = Vec::new();
    for second in (0..600).step_by(10) {
        db.let_time_pass(Duration::from_secs(10)).await;
        if !sweep(&db).await.is_empty() {
            rings.push(second + 10);
        }
    }
    assert!((4..=6).contains(&rings.len()), "it rings ever less often: {rings:?}");
    assert!(rings[0] <= 40, "{rings:?}");
}

#[tokio::test]
async fn it_rings_for_retries_when_they_are_due_and_for_expired_leases() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let (retried, leased, done) = (queued(&db, film).await, queued(&db, film).await, queued(&db, film).await);
    assert_eq!(sweep(&db).await.len(), 3);
    let claim = db.claim_job(retried, "worker", LEASE).await.expect("answered").expect("claimed");
    let failure = marquee_core::Error::unavailable("the disk").into();
    db.fail_job(&claim, &failure).await.expect("put back");
    db.claim_job(leased, "worker", LEASE).await.expect("answered").expect("claimed");
    let claim = db.claim_job(done, "worker", LEASE).await.expect("answered").expect("claimed");
    let cannot = marquee_core::job::Failure::Fail { code: "x".into(), message: "x".into() };
    assert!(sweep(&db).await.is_empty(), "none is due");

    db.let_time_pass(Duration::from_secs(6)).await;
    assert_eq!(sweep(&db).await, [retried]);
    db.expire_lease(leased).await;
    assert_eq!(sweep(&db).await, [leased]);
    assert!(sweep(&db).await.is_empty());
    db.fail_job(&claim, &cannot).await.expect("buried, with its siblings");
    db.let_time_pass(Duration::from_secs(3600)).await;
    assert!(sweep(&db).await.is_empty(), "dead and cancelled jobs stay quiet");
}

#[tokio::test]
async fn it_buries_jobs_whose_workers_all_vanished() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Inspecting).await;
    let job = queued(&db, film).await;
    for _ in 0..marquee_core::job::ATTEMPTS_MAX {
        db.claim_job(job, "worker", Duration::ZERO).await.expect("answered").expect("claimed");
    }
    assert!(sweep(&db).await.is_empty() || db.job_row(job).await.state == "dead");
    assert_eq!(db.video_state(film).await, ("failed".into(), Some("gave_up".into())));
}

#[tokio::test]
async fn one_sweeps_at_a_time() {
    let (db, _guard) = database().await;
    let turn = db.turn(Duty::Sweep).await.expect("answered").expect("free");
    assert!(!pass(&db).await.expect("answered"));
    assert!(db.turn(Duty::Upkeep).await.expect("answered").is_some(), "another duty goes on beside it");
    turn.end().await.expect("ended");
    assert!(pass(&db).await.expect("answered"));
}
