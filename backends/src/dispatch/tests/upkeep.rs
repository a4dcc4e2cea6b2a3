use crate::blobs::FileBlobs;
use crate::db::{
    Db,
    encodes::tests::encode_of,
    jobs::tests::queued,
    uploads::{Holder, Lock, NewUpload},
};
use crate::dispatch::{
    relay::relay_batch,
    upkeep::{Passed, pass},
};
use crate::queue::PostgresQueue;
use crate::testing::{database, video};
use bytes::Bytes;
use futures::StreamExt;
use marquee_core::{
    OsRandom, SystemClock,
    blobs::{Blobs, Growing},
    id::{JobId, UploadId, VideoId},
    job::{Class, Kind},
    object::{Key, Layout},
    queue::Queue,
    video::Status,
};
use std::time::Duration;
use uuid::Uuid;

const DAY: Duration = Duration::from_secs(24 * 3600);
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

async fn blobs() -> (FileBlobs, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (FileBlobs::open(folder.path()).await.expect("opened"), folder)
}

async fn clean(db: &Db, blobs: &dyn Blobs) {
    assert_eq!(pass(db, blobs, KEEP).await.expect("passed"), Passed::Whole);
}

async fn stored(blobs: &dyn Blobs) -> Vec<Key> {
    blobs.list("", None, 100).await.expect("listed")
}

const HOLDER: Holder = Holder { id: Uuid::from_u128(7), lease: Duration::from_secs(1) };

/// An upload of `film` with three of ten bytes stored, that expires in an hour.
async fn upload(db: &Db, blobs: &dyn Blobs, film: VideoId) -> (UploadId, Growing) {
    let id = UploadId::new(&SystemClock, &OsRandom);
    let mut growing = blobs.begin(&Key::source(film, id)).await.expect("begun");
    blobs.append(&mut growing, futures::stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed()).await.expect("appended");
    let user = db.video(film).await.expect("there").owner;
    let (filename, hash_state, part_bytes) = ("film.mp4".into(), Vec::new(), None);
    let (begun, replaces) = (growing.clone(), false);
    let new = NewUpload { id, video: film, user, filename, length_bytes: 10, growing: begun, hash_state, part_bytes, replaces };
    db.open_upload(&new, HOLDER, Duration::from_secs(3600), 10).await.expect("opened");
    (id, growing)
}

#[tokio::test]
async fn expired_uploads_go_with_their_bytes() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Created).await;
    let (id, growing) = upload(&db, &blobs, film).await;
    clean(&db, &blobs).await;
    assert_eq!(db.video_state(film).await.0, "uploading");
    assert!(db.upload(id).await.is_ok());

    db.let_time_pass(Duration::from_secs(3601)).await;
    clean(&db, &blobs).await;
    assert_eq!(db.video_state(film).await.0, "created", "it waits for another one");
    assert!(db.upload(id).await.is_err());
    assert!(blobs.finish(&growing).await.is_err(), "its bytes are gone");
}

#[tokio::test]
async fn an_object_that_was_never_handed_over_goes_with_its_upload() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Created).await;
    let (_, growing) = upload(&db, &blobs, film).await;
    // The process died between the two.
    blobs.finish(&growing).await.expect("finished");
    db.let_time_pass(Duration::from_secs(3601)).await;
    clean(&db, &blobs).await;
    assert!(stored(&blobs).await.is_empty());
}

#[tokio::test]
async fn nobody_goes_on_with_an_upload_that_is_being_removed() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Created).await;
    let (id, _) = upload(&db, &blobs, film).await;
    let upload = db.upload(id).await.expect("there");
    db.let_time_pass(Duration::from_secs(3601)).await;
    assert_eq!(db.take_expired_uploads(10).await.expect("taken").len(), 1);
    assert!(db.take_expired_uploads(10).await.expect("asked").is_empty(), "one removes it");
    assert!(!db.advance_upload(&upload, HOLDER, DAY).await.expect("answered"));
    assert!(!db.renew_upload(id, HOLDER).await.expect("answered"));
    assert!(!db.finish_upload(&upload, HOLDER, Some(&[0; 32]), JobId::new(&SystemClock, &OsRandom)).await.expect("answered"));
}

#[tokio::test]
async fn an_upload_that_was_ended_is_not_revived_by_the_request_that_holds_it() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Created).await;
    let (id, _) = upload(&db, &blobs, film).await;
    let upload = db.upload(id).await.expect("there");
    assert!(db.renew_upload(id, HOLDER).await.expect("answered"), "it is held");
    db.delete_video(film).await.expect("deleted");
    assert!(!db.renew_upload(id, HOLDER).await.expect("answered"));
    assert!(!db.advance_upload(&upload, HOLDER, DAY).await.expect("answered"));
}

#[tokio::test]
async fn a_whole_upload_waits_for_whoever_hands_it_over() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Created).await;
    let (id, _) = upload(&db, &blobs, film).await;
    let mut upload = db.upload(id).await.expect("there");
    assert!(db.whole_uploads(10).await.expect("listed").is_empty());
    upload.offset_bytes = upload.length_bytes;
    assert!(db.advance_upload(&upload, HOLDER, DAY).await.expect("answered"));
    assert!(db.whole_uploads(10).await.expect("listed").is_empty(), "somebody holds it");
    db.let_time_pass(30 * DAY).await;
    clean(&db, &blobs).await;
    assert_eq!(db.whole_uploads(10).await.expect("listed"), [id]);
    assert!(matches!(db.lock_upload(id, HOLDER).await.expect("answered"), Lock::Held(_)));
}

#[tokio::test]
async fn a_second_upload_that_was_given_up_leaves_the_video_waiting() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let film = video(&db, Status::Created).await;
    let (first, _) = upload(&db, &blobs, film).await;
    let whole = db.upload(first).await.expect("there");
    assert!(db.finish_upload(&whole, HOLDER, Some(&[0; 32]), JobId::new(&SystemClock, &OsRandom)).await.expect("handed over"));
    db.set_video_failed(film).await;
    let (second, _) = upload(&db, &blobs, film).await;
    assert_eq!(db.video_state(film).await.0, "uploading");
    db.expire_upload(second, HOLDER).await.expect("ended");
    db.drop_upload(second, film).await.expect("dropped");
    assert_eq!(db.video_state(film).await.0, "created");
}

#[tokio::test]
async fn what_a_failed_video_left_goes_after_a_while_and_what_is_shown_stays() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    let (failed, shown) = (encode_of(&db).await.0, encode_of(&db).await.0);
    for encode in [&failed, &shown] {
        let segment = format!("media/{}/v/x", Layout::new(encode.video, encode.id).scope());
        for key in [Key::source(encode.video, encode.upload), Key::parse(&segment).expect("a key")] {
            blobs.create(&key, Bytes::from_static(b"x")).await.expect("created");
        }
        db.end_jobs(encode.video).await;
    }
    db.set_video_failed(failed.video).await;
    db.let_time_pass(KEEP - DAY).await;
    clean(&db, &blobs).await;
    assert_eq!(stored(&blobs).await.len(), 4, "somebody may still retry it");
    db.let_time_pass(2 * DAY).await;
    clean(&db, &blobs).await;
    let left = stored(&blobs).await;
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|key| key.as_str().contains(&shown.video.to_string())), "{left:?}");
    assert!(db.encode(failed.id).await.is_err() && db.encode(shown.id).await.is_ok());
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
    clean(&db, &blobs).await;
    assert_eq!(stored(&blobs).await.len(), 4, "a worker may still be writing");
    db.let_time_pass(Duration::from_secs(300)).await;
    clean(&db, &blobs).await;
    let mut left = [key(other, "media"), key(other, "sources")];
    left.sort();
    assert_eq!(stored(&blobs).await, left);
    assert!(db.deleted_videos(10).await.expect("listed").is_empty());
}

#[tokio::test]
async fn events_have_partitions_in_advance() {
    let (db, _guard) = database().await;
    let (blobs, _folder) = blobs().await;
    db.insert_fixture_event().await;
    assert_eq!(db.event_partitions().await, (vec!["watch_events_default".into()], 1));
    for _ in 0..2 {
        clean(&db, &blobs).await;
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
    assert_eq!(relay_batch(&db, &queue, 100).await.expect("relayed"), 1);

    db.let_time_pass(Duration::from_secs(29 * 24 * 3600)).await;
    clean(&db, &blobs).await;
    assert_eq!(db.queue_dead_count().await.expect("counted"), 1);
    db.let_time_pass(Duration::from_secs(2 * 24 * 3600)).await;
    clean(&db, &blobs).await;
    assert_eq!(db.queue_dead_count().await.expect("counted"), 0);
    assert_eq!(db.drain_queue().await, [job]);
}
