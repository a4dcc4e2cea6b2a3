//! Posters and tiles of a title, beside its encoding and publishing.

use crate::{
    film::Film,
    worker::{Worker, code},
};
use bytes::Bytes;
use marquee_backends::db::thumbnails::State;
use marquee_core::{
    job::{Failure, Kind},
    object::{IMAGES, MANIFEST, MASTER, TILES, poster_path, sheet_path},
    thumbnails::Thumbnails,
    video::Status,
};

const REST: [Kind; 3] = [Kind::Encode, Kind::Audio, Kind::Publish];

/// What is stored of the title's thumbnails, and which poster is chosen.
async fn stored(worker: &Worker) -> (Thumbnails, u64) {
    match worker.db.thumbnails(worker.encode().await.id).await.expect("state") {
        State::Stored(made, chosen_ms) => (made, chosen_ms),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn thumbnails_are_made_beside_a_title() {
    let worker = Worker::new(&Film::new("640x360", 21)).await;
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    let jobs = worker.db.list_jobs(worker.title.video).await.expect("jobs");
    assert_eq!(jobs.iter().filter(|job| job.kind == "thumbnails").count(), 1);
    worker.work(&[Kind::Thumbnails]).await.expect("made");
    assert_eq!(worker.status().await, Status::Encoding, "the title goes its way");
    let (made, chosen_ms) = stored(&worker).await;
    assert_eq!((made.tiles.count, made.tiles.width, made.tiles.height, made.sheets_bytes.len()), (3, 240, 136, 1));
    assert!(made.cpu_ms > 0 && made.posters.len() > 1 && made.posters[0].time_ms == chosen_ms, "{made:?}");
    let folder = worker.folder().await;
    let size_bytes = |path: &str| folder.join(path).metadata().unwrap_or_else(|error| panic!("{path}: {error}")).len();
    assert_eq!(size_bytes(&sheet_path(1)), made.sheets_bytes[0]);
    for poster in &made.posters {
        assert_eq!((poster.width, poster.height), (640, 360));
        assert_eq!(size_bytes(&poster_path(poster.time_ms)), poster.size_bytes);
    }
    let index = std::fs::read_to_string(folder.join(TILES)).expect("an index");
    assert!(index.ends_with("\n00:00:20.000 --> 00:00:21.000\ntiles-0001.jpg#xywh=480,0,240,136\n"), "{index}");
    worker.work(&REST).await.expect("published");
    assert_eq!(worker.status().await, Status::Ready);
    let named = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a manifest");
    assert!(named(MANIFEST).contains("thumbs/tiles-$Number%04d$.jpg") && named(MASTER).contains(IMAGES), "both offer the tiles");
    assert!(named(IMAGES).contains("LAYOUT=5x5") && worker.encode().await.report.expect("published").dash);
}

/// An attempt wrote its manifests and ended, then the tiles came: the next attempt leaves what is written as it is.
pub(crate) async fn tiles_that_come_late_change_no_manifest() {
    let worker = Worker::new(&Film::new("160x120", 7)).await;
    worker.work(&[Kind::Inspect, Kind::Encode, Kind::Audio]).await.expect("encoded");
    let claim = worker.claim(&[Kind::Publish]).await.expect("to be published");
    worker.attempt(&claim, worker.blobs.clone()).await.expect("published");
    let folder = worker.folder().await;
    let written = || [MANIFEST, MASTER].map(|name| std::fs::read_to_string(folder.join(name)).expect("a manifest"));
    let before = written();
    assert!(before.iter().all(|text| !text.contains("thumbs/")), "{before:?}");
    worker.work(&[Kind::Thumbnails]).await.expect("made");
    let late = worker.attempt(&claim, worker.blobs.clone()).await;
    assert!(matches!(&late, Err(Failure::Retry(error)) if error.code() == "lease_lost"), "nothing else is wrong: {late:?}");
    assert_eq!(written(), before);
}

pub(crate) async fn thumbnails_of_an_earlier_attempt_stand() {
    let worker = Worker::new(&Film::new("320x180", 7)).await;
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    let key = worker.layout().await.key(&sheet_path(1)).expect("a key");
    worker.blobs.create(&key, Bytes::from_static(b"of another version")).await.expect("stored");
    worker.work(&[Kind::Thumbnails]).await.expect("made");
    assert_eq!(stored(&worker).await.0.sheets_bytes, [18], "no object is ever written again, and its row is true");
}

/// A film whose pictures were lost after it was inspected, so that its child refuses them.
pub(crate) async fn a_title_is_ready_without_thumbnails() {
    let film = Film::new("320x180", 7);
    let worker = Worker::new(&film).await;
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    worker.work(&REST).await.expect("published");
    assert_eq!(worker.status().await, Status::Ready);
    let claim = worker.claim(&[Kind::Thumbnails]).await.expect("still to be made");
    let lost = Failure::Fail { code: "damaged".into(), message: "nothing to see".into() };
    worker.db.fail_job(&claim, &lost).await.expect("told");
    assert_eq!(worker.status().await, Status::Ready);
    let encode = worker.encode().await.id;
    assert_eq!(worker.db.thumbnails(encode).await.expect("state"), State::GaveUp);
    worker.db.retry_job(claim.job_id).await.expect("retried");
    assert_eq!(worker.status().await, Status::Ready);
    worker.work(&[Kind::Thumbnails]).await.expect("made");
    assert_eq!(stored(&worker).await.0.tiles.count, 1);
    // What is no film at all has no such job.
    let text = Worker::new(&Film::of(b"text")).await;
    assert_eq!(code(text.work(&[Kind::Inspect]).await), "not_a_video");
    assert!(text.claim(&[Kind::Thumbnails]).await.is_none());
}
