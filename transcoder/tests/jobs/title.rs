//! One title at a time, from its upload on.

use crate::{
    faults::{Faulty, Moment},
    film::{Film, frames_of},
    worker::{Worker, code},
};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use marquee_core::{
    ErrorKind,
    blobs::Blobs,
    job::{Failure, Kind},
    object::{Key, MASTER, Track, segment_path},
    sums::BLOCK_BYTES,
    video::Status,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

pub(crate) async fn a_film_goes_from_upload_to_ready() {
    let worker = Worker::new(&Film::new("640x360", 21)).await;
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    let plan = worker.encode().await.plan;
    assert_eq!((plan.chunks.len(), plan.rungs.len(), plan.audio.len()), (3, 2, 2));
    worker.work(&[Kind::Encode, Kind::Audio]).await.expect("encoded");
    assert_eq!(worker.status().await, Status::Publishing);
    worker.work(&[Kind::Publish]).await.expect("published");
    let video = worker.db.video(worker.title.video).await.expect("video");
    assert_eq!((video.status, video.duration_ms.map(|ms| ms / 1000)), (Status::Ready, Some(21)));
    assert!(video.playable_at.expect("playable") < video.ready_at.expect("ready"));

    let folder = worker.folder().await;
    for rung in ["360p", "234p"] {
        assert_eq!(frames_of(&folder.join("v").join(rung).join("playlist.m3u8")), 21 * 25, "{rung}");
    }
    assert!(folder.join(MASTER).is_file());
    let report = worker.encode().await.report.expect("published");
    assert_eq!((report.frames, report.damaged, report.renditions.len()), (21 * 25, 0, 4));
    // Two pictures of each segment, but the last, which is short.
    let judged: Vec<_> = report.quality.rungs.iter().map(|rung| (rung.id.as_str(), rung.pictures)).collect();
    assert!(matches!(judged[..], [("v/360p", 8..=10), ("v/234p", 4..=6)]) && report.quality.cpu_ms > 0, "{:?}", report.quality);
    let low = report.renditions.iter().filter(|row| ["v/234p", "a/aac-64-0"].contains(&row.id.as_str()));
    assert!(low.map(|row| row.bitrate_bps).sum::<u64>() < 192_000, "{:?}", report.renditions);
}

/// Low rungs lead over the first chunks, and show every second frame; all fit together in the end.
pub(crate) async fn a_fast_film_with_a_start_ladder_passes_the_gate() {
    let picture = "-f lavfi -i testsrc2=size=1280x720:rate=50:duration=5 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let worker = Worker::new(&Film::made("film.mp4", picture)).await;
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    let plan = worker.encode().await.plan;
    let start = plan.start.clone().expect("a start ladder");
    assert_eq!((start.rungs.as_slice(), plan.chunks.len()), (&["540p".to_owned(), "360p".into()][..], 2));
    worker.work(&[Kind::Encode, Kind::Publish]).await.expect("published");
    assert_eq!(worker.status().await, Status::Ready);
    let jobs = worker.db.list_jobs(worker.title.video).await.expect("jobs");
    assert_eq!(jobs.iter().filter(|job| job.kind == "encode" && job.state == "done").count(), 4);
    let folder = worker.folder().await;
    for (rung, frames) in [("720p", 250), ("540p", 125), ("360p", 125), ("234p", 125)] {
        assert_eq!(frames_of(&folder.join("v").join(rung).join("playlist.m3u8")), frames, "{rung}");
    }
}

pub(crate) async fn a_scarred_film_is_refused_as_damaged() {
    let worker = Worker::new(&Film::new("640x360", 12).scarred()).await;
    let outcome = worker.work(&[Kind::Inspect, Kind::Encode, Kind::Audio, Kind::Publish]).await;
    assert_eq!(code(outcome), "damaged");
    let video = worker.db.video(worker.title.video).await.expect("video");
    assert_eq!((video.status, video.failure.map(|(code, _)| code)), (Status::Failed, Some("damaged".into())));
}

pub(crate) async fn text_is_refused_with_a_reason() {
    let worker = Worker::new(&Film::of(b"Once upon a time there was a file that was called film.mp4 and was none.")).await;
    let outcome = worker.work(&[Kind::Inspect]).await;
    assert!(!code(outcome).is_empty());
    assert_eq!(worker.status().await, Status::Failed);
}

pub(crate) async fn what_changed_in_the_store_does_not_pass_the_gate() {
    let worker = Worker::new(&Film::new("160x120", 7)).await;
    worker.work(&[Kind::Inspect, Kind::Encode, Kind::Audio]).await.expect("encoded");
    let rung = worker.encode().await.plan.rungs[0].id.clone();
    let key = worker.layout().await.key(&segment_path(Track::Video, &rung, 1)).expect("a path");
    let mut bytes = stored(&*worker.blobs, &key).await.to_vec();
    *bytes.last_mut().expect("not empty") ^= 1;
    worker.blobs.delete(&key).await.expect("deleted");
    worker.blobs.create(&key, Bytes::from(bytes)).await.expect("created");
    assert_eq!(code(worker.work(&[Kind::Publish]).await), "gate_failed");
    let (_, message) = worker.db.video(worker.title.video).await.expect("video").failure.expect("failed");
    assert!(message.contains(key.as_str()), "{message}");
    assert!(worker.blobs.head(&worker.layout().await.key(MASTER).expect("a path")).await.is_err(), "nothing is published");
}

pub(crate) async fn what_nobody_has_read_is_summed_by_its_inspection() {
    let film = Film::new("160x120", 7);
    let (bytes, sha256): (_, [u8; 32]) = (film.bytes(), Sha256::digest(film.bytes()).into());
    for stated in [None, Some(&sha256)] {
        let worker = Worker::with_parts(&film, stated).await;
        let source = async || worker.db.source(worker.title.video).await.expect("source").expect("uploaded").sha256;
        assert_eq!(source().await, None);
        worker.work(&[Kind::Inspect]).await.expect("inspected");
        assert_eq!(source().await.as_deref(), Some(&sha256[..]));
        let sums = worker.db.source_sums(worker.title.upload).await.expect("sums");
        assert_eq!(sums.count() as u64, (bytes.len() as u64).div_ceil(BLOCK_BYTES));
        assert!(sums.agree(0, &bytes[..bytes.len().min(BLOCK_BYTES as usize)]) && !sums.agree(0, b"other"));
    }
    let worker = Worker::with_parts(&film, Some(&[1; 32])).await;
    assert_eq!(code(worker.work(&[Kind::Inspect]).await), "checksum_mismatch");
    assert_eq!(worker.status().await, Status::Failed);
}

pub(crate) async fn a_reading_goes_on_where_an_outage_ended_it() {
    // Twenty blocks, and a store that goes away after twelve.
    let bytes: Vec<u8> = (0..20 * BLOCK_BYTES as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let worker = Worker::with_parts(&Film::of(&bytes), Some(&sha256)).await;
    let known = async || worker.db.source(worker.title.video).await.expect("source").expect("uploaded").sha256;
    let mut attempts = 0;
    while known().await.is_none() {
        let claim = worker.claim_job(worker.title.inspect).await;
        let store = Arc::new(Faulty::new(worker.blobs.clone(), Moment::Before, 12).for_good());
        let outcome = worker.attempt(&claim, store).await;
        assert!(matches!(&outcome, Err(Failure::Retry(error)) if error.kind() == ErrorKind::Unavailable) || attempts > 0);
        worker.db.release_job(&claim).await.expect("given back");
        attempts += 1;
        assert!(attempts < 6, "it never ends");
    }
    assert!(attempts > 1, "no reading was interrupted");
    assert_eq!(known().await.as_deref(), Some(&sha256[..]));
    let sums = worker.db.source_sums(worker.title.upload).await.expect("sums");
    assert_eq!(sums.count(), 20);
    for (index, block) in (0..).zip(bytes.chunks(BLOCK_BYTES as usize)) {
        assert!(sums.agree(index, block), "block {index}");
    }
}

pub(crate) async fn a_source_that_changed_in_the_store_is_refused() {
    let worker = Worker::new(&Film::new("160x120", 7)).await;
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    let key = Key::source(worker.title.video, worker.title.upload);
    let mut bytes = stored(&*worker.blobs, &key).await.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    worker.blobs.delete(&key).await.expect("deleted");
    worker.blobs.create(&key, Bytes::from(bytes)).await.expect("created");
    for kind in [Kind::Encode, Kind::Audio] {
        match worker.work(&[kind]).await {
            // Attempts are counted: nobody heals this by waiting.
            Err(Failure::Retry(error)) => assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, "damaged_source")),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn bytes_of_an_earlier_attempt_are_adopted() {
    let film = Film::new("160x120", 7);
    let elsewhere = Worker::new(&film).await;
    elsewhere.work(&[Kind::Inspect, Kind::Encode]).await.expect("encoded");
    let rung = elsewhere.encode().await.plan.rungs[0].id.clone();
    let path = segment_path(Track::Video, &rung, 1);
    let mut earlier = stored(&*elsewhere.blobs, &elsewhere.layout().await.key(&path).expect("a path")).await.to_vec();
    *earlier.last_mut().expect("not empty") ^= 1;

    let worker = Worker::new(&film).await;
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    let key = worker.layout().await.key(&path).expect("a path");
    worker.blobs.create(&key, Bytes::from(earlier.clone())).await.expect("an attempt that died stored it");
    worker.work(&[Kind::Encode, Kind::Audio, Kind::Publish]).await.expect("published");
    assert_eq!(stored(&*worker.blobs, &key).await, earlier);
    let ledger = worker.db.ledger(worker.encode().await.id).await.expect("ledger");
    let row = ledger.segments.iter().find(|row| row.rendition == rung && row.segment.number == 1).expect("a row");
    assert_eq!(row.sha256[..], Sha256::digest(&earlier)[..]);
}

async fn stored(blobs: &dyn Blobs, key: &Key) -> BytesMut {
    let mut body = blobs.read(key, None).await.expect("there").body;
    let mut all = BytesMut::new();
    while let Some(piece) = body.try_next().await.expect("read whole") {
        all.extend_from_slice(&piece);
    }
    all
}
