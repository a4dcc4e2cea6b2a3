use crate::blobs::FileBlobs;
use crate::db::{
    Db,
    jobs::tests::queued,
    uploads::{Holder, NewUpload},
};
use crate::dispatch::{relay::relay_batch, sweep::pass};
use crate::queue::PostgresQueue;
use crate::testing::{database, video};
use bytes::Bytes;
use futures::StreamExt;
use marquee_core::{
    OsRandom, SystemClock,
    blobs::Blobs,
    id::{JobId, UploadId, VideoId},
    job::{Class, Kind, LEASE},
    object::Key,
    queue::Queue,
    video::Status,
};
use std::time::Duration;

async fn blobs() -> (FileBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (FileBlobs::open(folder.path()).await.expect("opened"), folder)
}

/// One sweep and whatever it makes the relay publish.
async fn sweep(db: &Db, blobs: &dyn Blobs) -> Vec<JobId> {
    assert!(pass(db, blobs, true).await.expect("swept"), "nobody else has the turn");
    let queue = PostgresQueue::new(db.clone());
    while relay_batch(db, &queue).await.expect("relayed") > 0 {}
    db.drain_queue().await
}

#[tokio::test]
async fn it_rings_for_lost_messages_with_growing_pauses() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    // Published, and the message was lost.
    assert_eq!(sweep(&db, &blobs).await, [job]);
    assert!(sweep(&db, &blobs).await.is_empty(), "not again at once");
    let mut rings = Vec::new();
    for second in (0..600).step_by(10) {
        db.let_time_pass(Duration::from_secs(10)).await;
        if !sweep(&db, &blobs).await.is_empty() {
            rings.push(second + 10);
        }
    }
    assert!((4..=6).contains(&rings.len()), "it rings ever less often: {rings:?}");
    assert!(rings[0] <= 40, "{rings:?}");
}

#[tokio::test]
async fn it_rings_for_retries_when_they_are_due_and_for_expired_leases() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Uploaded).await;
    let (retried, leased, done) = (queued(&db, film).await, queued(&db, film).await, queued(&db, film).await);
    assert_eq!(sweep(&db, &blobs).await.len(), 3);
    let claim = db.claim_job(retried, "worker", LEASE).await.expect("answered").expect("claimed");
    let failure = marquee_core::Error::unavailable("the disk").into();
    db.fail_job(&claim, &failure).await.expect("put back");
    db.claim_job(leased, "worker", LEASE).await.expect("answered").expect("claimed");
    let claim = db.claim_job(done, "worker", LEASE).await.expect("answered").expect("claimed");
    let cannot = marquee_core::job::Failure::Fail { code: "x".into(), message: "x".into() };
    assert!(sweep(&db, &blobs).await.is_empty(), "none is due");

    db.let_time_pass(Duration::from_secs(6)).await;
    assert_eq!(sweep(&db, &blobs).await, [retried]);
    db.expire_lease(leased).await;
    assert_eq!(sweep(&db, &blobs).await, [leased]);
    assert!(sweep(&db, &blobs).await.is_empty());
    db.fail_job(&claim, &cannot).await.expect("buried, with its siblings");
    db.let_time_pass(Duration::from_secs(3600)).await;
    assert!(sweep(&db, &blobs).await.is_empty(), "dead and cancelled jobs stay quiet");
}

#[tokio::test]
async fn it_buries_jobs_whose_workers_all_vanished() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Inspecting).await;
    let job = queued(&db, film).await;
    for _ in 0..marquee_core::job::ATTEMPTS_MAX {
        db.claim_job(job, "worker", Duration::ZERO).await.expect("answered").expect("claimed");
    }
    assert!(sweep(&db, &blobs).await.is_empty() || db.job_row(job).await.state == "dead");
    assert_eq!(db.video_state(film).await, ("failed".into(), Some("gave_up".into())));
}

#[tokio::test]
async fn one_sweeps_at_a_time() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let turn = db.sweep_turn().await.expect("answered").expect("free");
    assert!(!pass(&db, &blobs, true).await.expect("answered"));
    turn.end().await.expect("ended");
    assert!(pass(&db, &blobs, true).await.expect("answered"));
}

/// An upload of `film` with some bytes stored, that expires in an hour.
async fn upload(db: &Db, blobs: &dyn Blobs, film: VideoId) -> (UploadId, marquee_core::blobs::Growing) {
    let id = UploadId::new(&SystemClock, &OsRandom);
    let mut growing = blobs.begin(&Key::source(film, id)).await.expect("begun");
    blobs.append(&mut growing, futures::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed()).await.expect("appended");
    let user = db.video(film).await.expect("there").owner;
    let (filename, hash_state) = ("film.mp4".into(), Vec::new());
    let new = NewUpload { id, video: film, user, filename, length_bytes: 10, growing: growing.clone(), hash_state };
    let holder = Holder { id: uuid::Uuid::nil(), lease: Duration::from_secs(1) };
    db.open_upload(&new, holder, Duration::from_secs(3600), 10).await.expect("opened");
    (id, growing)
}

#[tokio::test]
async fn expired_uploads_go_with_their_bytes() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Created).await;
    let (id, growing) = upload(&db, &blobs, film).await;
    sweep(&db, &blobs).await;
    assert_eq!(db.video_state(film).await.0, "uploading");
    assert!(db.upload(id).await.is_ok());

    db.let_time_pass(Duration::from_secs(3601)).await;
    sweep(&db, &blobs).await;
    assert_eq!(db.video_state(film).await.0, "created", "it waits for another one");
    assert!(db.upload(id).await.is_err());
    assert!(blobs.finish(&growing).await.is_err(), "its bytes are gone");
}

#[tokio::test]
async fn deleted_videos_go_with_their_objects_and_others_stay() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let (film, other) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    let key = |video: VideoId, path: &str| Key::parse(&format!("{path}/{video}/x/y")).expect("a key");
    for video in [film, other] {
        for path in ["media", "sources"] {
            blobs.create(&key(video, path), Bytes::from_static(b"x")).await.expect("created");
        }
    }
    db.delete_video(film).await.expect("deleted");
    sweep(&db, &blobs).await;
    assert_eq!(blobs.list("", None, 10).await.expect("listed").len(), 4, "a worker may still be writing");
    db.let_time_pass(Duration::from_secs(300)).await;
    sweep(&db, &blobs).await;
    let mut left = [key(other, "media"), key(other, "sources")];
    left.sort();
    assert_eq!(blobs.list("", None, 10).await.expect("listed"), left);
    assert!(db.deleted_videos(10).await.expect("listed").is_empty());
}

#[tokio::test]
async fn events_have_partitions_in_advance() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    db.insert_fixture_event().await;
    assert_eq!(db.event_partitions().await, (vec!["watch_events_default".into()], 1));
    for _ in 0..2 {
        sweep(&db, &blobs).await;
        let (names, in_default) = db.event_partitions().await;
        assert_eq!(names.len(), 4, "{names:?}");
        assert_eq!(in_default, 0, "what waited moved to its month");
    }
    db.insert_fixture_event().await;
    assert_eq!(db.event_partitions().await.1, 0);
}

#[tokio::test]
async fn old_rows_go_and_those_in_use_stay() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let job = queued(&db, video(&db, Status::Uploaded).await).await;
    let queue = PostgresQueue::new(db.clone());
    queue.publish(&[crate::testing::ring_for(Kind::Encode, Class::Normal)]).await.expect("for a job that is not there");
    db.queue_garbage(serde_json::json!({"job": "job_x"})).await;
    let wanted = super::everything();
    let garbage = db.queue_take(&wanted, Duration::ZERO).await.expect("answered").expect("urgent, so it is first");
    db.queue_set_aside(garbage.id, "unreadable").await.expect("moved");
    assert_eq!(relay_batch(&db, &queue).await.expect("relayed"), 1);

    db.let_time_pass(Duration::from_secs(29 * 24 * 3600)).await;
    assert!(pass(&db, &blobs, true).await.expect("swept"));
    assert_eq!(db.queue_dead_count().await.expect("counted"), 1);
    db.let_time_pass(Duration::from_secs(2 * 24 * 3600)).await;
    assert!(pass(&db, &blobs, true).await.expect("swept"));
    assert_eq!(db.queue_dead_count().await.expect("counted"), 0);
    assert_eq!(db.drain_queue().await, [job]);
}
