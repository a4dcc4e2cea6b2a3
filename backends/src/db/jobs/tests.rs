use super::*;
use crate::testing::{database, video};
use futures::future::join_all;
use marquee_core::{OsRandom, SystemClock, id::UploadId};

const LEASE: Duration = Duration::from_secs(60);
/// A lease that has run out by the time anybody looks.
const GONE: Duration = Duration::ZERO;

/// What the row of a job says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) state: String,
    pub(crate) attempt: i32,
    pub(crate) forgiven: i32,
    /// Seconds from now until it is due.
    pub(crate) due_in_s: i64,
}

impl Db {
    /// What the row of a job says.
    pub(crate) async fn job_row(&self, job: JobId) -> Row {
        let row = query_as!(
            Row,
            r#"select state, attempt, forgiven, extract(epoch from due_at - now())::bigint as "due_in_s!" from jobs where id = $1"#,
            job.0
        );
        row.fetch_one(&self.pool).await.expect("the job is there")
    }

    /// Lets the time until a job's next attempt pass.
    pub(crate) async fn make_due(&self, job: JobId) {
        query!("update jobs set due_at = now() where id = $1", job.0).execute(&self.pool).await.expect("updated");
    }

    /// Lets a job's lease run out.
    pub(crate) async fn expire_lease(&self, job: JobId) {
        let past = query!("update jobs set lease_until = now() - interval '1 second' where id = $1", job.0);
        past.execute(&self.pool).await.expect("updated");
    }

    /// Jobs in the outbox, in order.
    pub(crate) async fn outbox_jobs(&self) -> Vec<JobId> {
        let jobs = query_scalar!("select job_id from outbox order by id").fetch_all(&self.pool).await.expect("read");
        jobs.into_iter().map(JobId).collect()
    }

    /// Status and failure code of a video.
    pub(crate) async fn video_state(&self, video: VideoId) -> (String, Option<String>) {
        let row = query!("select status, failure_code from videos where id = $1", video.0);
        let row = row.fetch_one(&self.pool).await.expect("the video is there");
        (row.status, row.failure_code)
    }
}

/// Inserts an inspect job, one of many for its video.
pub(crate) async fn queued(db: &Db, video: VideoId) -> JobId {
    insert(db, video, &Job::Inspect { video, upload: UploadId::new(&SystemClock, &OsRandom), order: None }).await
}

/// Inserts a job to encode a chunk, whose message is acknowledged only after its end.
pub(crate) async fn queued_chunk(db: &Db, video: VideoId) -> JobId {
    let encode = EncodeId::new(&SystemClock, &OsRandom);
    insert(db, video, &Job::Encode { encode, chunk: 0, rungs: vec!["360p".into()] }).await
}

async fn insert(db: &Db, video: VideoId, job: &Job) -> JobId {
    let id = JobId::new(&SystemClock, &OsRandom);
    let mut tx = db.pool.begin().await.expect("begun");
    assert_eq!(enqueue(&mut tx, &[NewJob::urgent(id, job.clone())], video, None).await.expect("inserted"), 1);
    tx.commit().await.expect("committed");
    id
}

async fn finish(db: &Db, claim: &Claim) -> bool {
    let mut tx = db.pool.begin().await.expect("begun");
    let done = complete(&mut tx, claim).await.expect("answered");
    if done {
        tx.commit().await.expect("committed");
    }
    done
}

async fn claim(db: &Db, job: JobId, lease: Duration) -> Claim {
    db.claim_job(job, "worker", lease).await.expect("answered").expect("there is something to claim")
}

fn transient() -> Failure {
    Failure::Retry(Error::internal("no such luck"))
}

#[tokio::test]
async fn the_same_work_is_inserted_once_and_with_its_ring_or_not_at_all() {
    let (db, _guard) = database().await;
    let video = video(&db, Status::Uploaded).await;
    let job = Job::Inspect { video, upload: UploadId(Uuid::nil()), order: None };
    let again = || NewJob::urgent(JobId::new(&SystemClock, &OsRandom), job.clone());
    let other = NewJob::urgent(JobId::new(&SystemClock, &OsRandom), Job::Publish { encode: Uuid::nil().into() });
    let second = again();

    let mut tx = db.pool.begin().await.expect("begun");
    assert_eq!(enqueue(&mut tx, &[again()], video, None).await.expect("inserted"), 1);
    tx.rollback().await.expect("rolled back");
    assert!(db.outbox_jobs().await.is_empty());

    let mut tx = db.pool.begin().await.expect("begun");
    assert_eq!(enqueue(&mut tx, std::slice::from_ref(&second), video, None).await.expect("inserted"), 1);
    assert_eq!(enqueue(&mut tx, &[again(), other.clone()], video, None).await.expect("one is known already"), 1);
    tx.commit().await.expect("committed");
    assert_eq!(db.outbox_jobs().await, [second.id, other.id]);
    let mut listed: Vec<_> = db.list_jobs(video).await.expect("listed").into_iter().map(|job| (job.kind, job.tries)).collect();
    listed.sort();
    assert_eq!(listed, [("inspect".to_owned(), 0), ("publish".to_owned(), 0)]);
}

#[tokio::test]
async fn of_many_claimers_exactly_one_wins() {
    let (db, _guard) = database().await;
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    for attempt in 1..=3 {
        let claims = join_all((0..12).map(|_| db.claim_job(job, "worker", LEASE))).await;
        let won: Vec<_> = claims.into_iter().filter_map(|claim| claim.expect("answered")).collect();
        assert_eq!(won.iter().map(|claim| claim.attempt).collect::<Vec<_>>(), [attempt]);
        db.expire_lease(job).await;
    }
}

#[tokio::test]
async fn a_zombie_cannot_write() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Inspecting).await;
    let job = queued(&db, film).await;
    let zombie = claim(&db, job, GONE).await;
    let heir = claim(&db, job, LEASE).await;
    assert!(!finish(&db, &zombie).await);
    assert!(!db.heartbeat(&zombie, 0.5, LEASE).await.expect("answered"));
    db.fail_job(&zombie, &Failure::Fail { code: "x".into(), message: "x".into() }).await.expect("nothing happens");
    db.fail_job(&zombie, &transient()).await.expect("nothing happens");
    db.release_job(&zombie).await.expect("nothing happens");
    assert_eq!(db.job_row(job).await.state, "running");
    assert_eq!(db.video_state(film).await, ("inspecting".into(), None));
    assert!(db.heartbeat(&heir, 0.5, LEASE).await.expect("answered"));
    assert!(finish(&db, &heir).await);
    assert!(!finish(&db, &heir).await, "done is done");
    assert!(db.claim_job(job, "worker", LEASE).await.expect("answered").is_none());
}

#[tokio::test]
async fn a_released_attempt_does_not_count_but_still_fences() {
    let (db, _guard) = database().await;
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    for _ in 0..ATTEMPTS_MAX * 2 {
        let claim = claim(&db, job, LEASE).await;
        db.release_job(&claim).await.expect("released");
        assert!(!finish(&db, &claim).await);
    }
    let row = db.job_row(job).await;
    assert_eq!((row.attempt, row.forgiven, row.state.as_str()), (10, 10, "queued"));
    assert!(finish(&db, &claim(&db, job, LEASE).await).await);
}

#[tokio::test]
async fn an_outage_costs_no_attempts() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let job = queued(&db, film).await;
    let mut delays = Vec::new();
    for _ in 0..=ATTEMPTS_MAX {
        let away = Failure::Retry(Error::unavailable("the object store"));
        db.fail_job(&claim(&db, job, LEASE).await, &away).await.expect("put back");
        delays.push(db.job_row(job).await.due_in_s);
        db.make_due(job).await;
    }
    assert!(delays.iter().zip([5, 10, 20, 40, 60, 60]).all(|(got, want)| (want - 2..=want).contains(got)), "{delays:?}");
    let view = &db.list_jobs(film).await.expect("listed")[0];
    assert_eq!((view.state.as_str(), view.tries), ("queued", 0));
    assert!(view.last_error.as_deref().is_some_and(|why| why.contains("the object store does not answer")));
    assert!(finish(&db, &claim(&db, job, LEASE).await).await);
}

#[tokio::test]
async fn retries_wait_longer_and_longer_until_the_job_is_dead() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let (job, sibling, running) = (queued(&db, film).await, queued(&db, film).await, queued(&db, film).await);
    let other = queued(&db, video(&db, Status::Uploaded).await).await;
    let held = claim(&db, running, LEASE).await;
    let mut delays = Vec::new();
    for _ in 1..ATTEMPTS_MAX {
        db.fail_job(&claim(&db, job, LEASE).await, &transient()).await.expect("put back");
        delays.push(db.job_row(job).await.due_in_s);
        assert!(db.claim_job(job, "worker", LEASE).await.expect("answered").is_none(), "not due yet");
        db.make_due(job).await;
    }
    assert!(delays.iter().zip([5, 10, 20, 40]).all(|(got, want)| (want - 2..=want).contains(got)), "{delays:?}");
    assert_eq!(db.video_state(film).await, ("uploaded".into(), None));

    db.fail_job(&claim(&db, job, LEASE).await, &transient()).await.expect("buried");
    assert_eq!(db.job_row(job).await.state, "dead");
    assert_eq!(db.video_state(film).await, ("failed".into(), Some("gave_up".into())));
    assert_eq!(db.job_row(sibling).await.state, "cancelled");
    assert!(!db.heartbeat(&held, 0.5, LEASE).await.expect("answered"), "its work is pointless now");
    assert_eq!(db.job_row(other).await.state, "queued");
    let dead = db.list_jobs(film).await.expect("listed").into_iter().find(|view| view.id == job).expect("listed");
    assert!(dead.last_error.expect("a reason").contains("no such luck"));

    db.retry_job(job).await.expect("retried");
    assert_eq!(db.video_state(film).await, ("uploaded".into(), None));
    for revived in [job, sibling, running] {
        assert_eq!(db.job_row(revived).await.state, "queued");
        let claim = claim(&db, revived, LEASE).await;
        assert!(finish(&db, &claim).await);
    }
    assert!(!finish(&db, &held).await, "an attempt from before the failure stays fenced");
}

#[tokio::test]
async fn bad_input_fails_at_once_with_its_reason() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Inspecting).await;
    let job = queued(&db, film).await;
    let failure = Failure::Fail { code: "not_a_video".into(), message: "it is a poem".into() };
    db.fail_job(&claim(&db, job, LEASE).await, &failure).await.expect("buried");
    assert_eq!(db.job_row(job).await.state, "dead");
    assert_eq!(db.video_state(film).await, ("failed".into(), Some("not_a_video".into())));
}

#[tokio::test]
async fn a_job_whose_workers_all_vanish_is_buried() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Inspecting).await;
    let job = queued(&db, film).await;
    for _ in 0..ATTEMPTS_MAX {
        claim(&db, job, GONE).await;
    }
    assert!(db.claim_job(job, "worker", LEASE).await.expect("answered").is_none());
    assert_eq!(db.job_row(job).await.state, "dead");
    assert_eq!(db.video_state(film).await, ("failed".into(), Some("gave_up".into())));
}

#[tokio::test]
async fn a_payload_of_another_version_is_buried() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Inspecting).await;
    let job = queued(&db, film).await;
    query!(r#"update jobs set payload = '{"kind": "paint"}' where id = $1"#, job.0).execute(&db.pool).await.expect("updated");
    assert!(db.claim_job(job, "worker", LEASE).await.expect("answered").is_none());
    assert_eq!(db.job_row(job).await.state, "dead");
    assert_eq!(db.video_state(film).await, ("failed".into(), Some("unreadable_job".into())));
}

#[tokio::test]
async fn only_dead_jobs_are_retried_and_only_where_the_video_allows() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Uploaded).await;
    let kind = |result: Result<()>| result.expect_err("refused").kind();
    assert_eq!(kind(db.retry_job(JobId::new(&SystemClock, &OsRandom)).await), ErrorKind::NotFound);
    let job = queued(&db, film).await;
    assert_eq!(kind(db.retry_job(job).await), ErrorKind::Conflict);
    let failure = Failure::Fail { code: "x".into(), message: "x".into() };
    db.fail_job(&claim(&db, job, LEASE).await, &failure).await.expect("buried");
    // Meanwhile somebody uploads another file.
    let moved = query!("update videos set status = 'uploading', failure_code = null where id = $1", film.0);
    moved.execute(&db.pool).await.expect("updated");
    assert_eq!(kind(db.retry_job(job).await), ErrorKind::Conflict);
    assert_eq!(db.job_row(job).await.state, "dead", "and nothing was changed");
}

#[tokio::test]
async fn two_failures_of_one_title_do_not_block_each_other() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Inspecting).await;
    let jobs = [queued(&db, film).await, queued(&db, film).await];
    let claims = [claim(&db, jobs[0], LEASE).await, claim(&db, jobs[1], LEASE).await];
    let failure = |code: &str| Failure::Fail { code: code.into(), message: "x".into() };
    let (first, second) = (failure("first"), failure("second"));
    let (left, right) = tokio::join!(db.fail_job(&claims[0], &first), db.fail_job(&claims[1], &second));
    left.and(right).expect("both are told");
    let states = [db.job_row(jobs[0]).await.state, db.job_row(jobs[1]).await.state];
    assert!(states.contains(&"dead".to_owned()) && states.contains(&"cancelled".to_owned()), "{states:?}");
}

#[tokio::test]
async fn a_job_for_a_source_that_was_replaced_is_not_retried() {
    let (db, _guard) = database().await;
    let (encode, jobs) = crate::db::encodes::tests::encode_of(&db).await;
    let claim = db.claim_job(jobs[0].id, "worker", LEASE).await.expect("answered").expect("free");
    let failure = Failure::Fail { code: "x".into(), message: "x".into() };
    db.fail_job(&claim, &failure).await.expect("buried");
    // Another source was tried, in vain.
    db.refuse_source(encode.video, false, "empty_file", "the file is empty").await.expect("refused");
    assert_eq!(db.retry_job(jobs[0].id).await.expect_err("refused").code(), "superseded");
    assert_eq!(db.video_state(encode.video).await, ("failed".into(), Some("empty_file".into())));
}
