//! Films that list nothing of what they hold play before they are read whole.

use crate::{
    film::{Film, frames_of},
    worker::{Worker, code},
};
use marquee_core::{
    job::{Failure, Kind},
    video::Status,
};
use marquee_transcoder::child::Host;

const SECONDS: u64 = 24;
const CODED: &str =
    "-c:v libx264 -preset ultrafast -g 50 -bf 2 -b:v 2M -minrate 2M -maxrate 2M -bufsize 1M -nal-hrd cbr -c:a aac";
/// Eight seconds, of which the first chunk is two.
const ENDS_BYTES: u64 = 2 << 20;

/// A film of [`SECONDS`] with sound, whose pictures pass `filter`.
fn film(name: &'static str, filter: &str) -> Film {
    let sources =
        format!("-f lavfi -i testsrc2=size=640x360:rate=25:duration={SECONDS} -f lavfi -i sine=frequency=440:duration={SECONDS}");
    Film::made(name, &format!("{sources} {filter} {CODED}"))
}

async fn kinds(worker: &Worker) -> Vec<String> {
    let mut kinds: Vec<_> =
        worker.db.list_jobs(worker.title.video).await.expect("jobs").into_iter().map(|job| job.kind).collect();
    kinds.sort();
    kinds
}

/// What is there once the encode is ready.
async fn assert_whole(worker: &Worker) {
    assert_eq!(worker.status().await, Status::Ready);
    let (encode, folder) = (worker.encode().await, worker.folder().await);
    assert!(!encode.plan.provisional && encode.source.seen_until.is_none());
    assert_eq!(encode.source.video.frames, SECONDS * 25);
    for rung in &encode.plan.rungs {
        assert_eq!(frames_of(&folder.join("v").join(&rung.id).join("playlist.m3u8")), SECONDS * 25, "{}", rung.id);
    }
    let jobs = worker.db.list_jobs(worker.title.video).await.expect("jobs");
    assert!(jobs.iter().all(|job| job.state == "done"), "{jobs:?}");
}

pub(crate) async fn a_stream_plays_before_it_is_read_whole() {
    for name in ["film.ts", "film.mkv"] {
        let worker = Worker::new(&film(name, "")).await.with_ends(ENDS_BYTES);
        worker.work(&[Kind::Inspect]).await.expect("inspected");
        let begun = worker.encode().await;
        assert!(begun.plan.provisional && begun.source.seen_until.is_some(), "{name}: {:?}", begun.source);
        assert_eq!(begun.plan.chunks.len(), 1);
        assert_eq!(kinds(&worker).await, ["analyse", "audio", "encode", "inspect"]);
        worker.work(&[Kind::Encode, Kind::Audio]).await.expect("begun");
        let video = worker.db.video(worker.title.video).await.expect("video");
        assert!(video.playable_at.is_some() && video.status == Status::Encoding, "there is more to come: {video:?}");
        let encode = worker.encode().await.id;
        let done = worker.db.progress(&[encode]).await.expect("progress")[&encode].done;
        assert!((0.01..0.5).contains(&done), "what is not known yet is work, too: {done}");

        // A worker that dies while it reads leaves everything as it was.
        let claim = worker.claim(&[Kind::Analyse]).await.expect("an analysis");
        let outcome = worker.attempt_by(Host::new("/bin/false".into()), &claim, worker.blobs.clone()).await;
        assert!(matches!(outcome, Err(Failure::Retry(_))), "{outcome:?}");
        worker.db.release_job(&claim).await.expect("given back");
        assert_eq!(worker.encode().await.plan, begun.plan);

        worker.work(&[Kind::Analyse]).await.expect("read");
        let whole = worker.encode().await;
        assert_eq!((whole.id, whole.plan.chunks.len(), whole.plan.chunks[0]), (begun.id, 3, begun.plan.chunks[0]));
        assert!(whole.inspect_cpu_ms > begun.inspect_cpu_ms);
        worker.work(&[Kind::Encode, Kind::Thumbnails, Kind::Publish]).await.expect("published");
        assert_whole(&worker).await;
        assert_eq!(kinds(&worker).await.len(), 4 + 2 + 1 + 1);
    }
}

pub(crate) async fn a_stream_plays_before_its_ladder_is_chosen() {
    let worker = Worker::new(&film("film.ts", "")).await.with_ends(ENDS_BYTES).choosing_ladders();
    worker.work(&[Kind::Inspect, Kind::Encode, Kind::Audio]).await.expect("begun");
    let begun = worker.encode().await.plan;
    assert!(begun.provisional && begun.undecided().is_some() && begun.chunks.len() == 1);
    worker.work(&[Kind::Analyse]).await.expect("read and analysed");
    let plan = worker.encode().await.plan;
    assert!(!plan.provisional && plan.undecided().is_none() && plan.rungs.len() >= 2, "{:?}", plan.rungs);
    worker.work(&[Kind::Encode, Kind::Thumbnails, Kind::Publish]).await.expect("published");
    assert_whole(&worker).await;
}

/// Frames in the middle are late by less than their length: no rate is constant, as only a whole reading finds.
pub(crate) async fn a_film_that_is_not_what_its_ends_promised_begins_anew() {
    let late = "-vf settb=1/90000,setpts=PTS+1800*between(N\\,300\\,400)*mod(N\\,2) -fps_mode passthrough -enc_time_base 1/90000";
    let worker = Worker::new(&film("film.ts", late)).await.with_ends(ENDS_BYTES);
    worker.work(&[Kind::Inspect, Kind::Encode, Kind::Audio]).await.expect("begun");
    let begun = worker.encode().await;
    assert!(begun.plan.provisional && begun.source.video.constant_rate);
    worker.work(&[Kind::Analyse]).await.expect("read");
    let anew = worker.encode().await;
    assert!(anew.id != begun.id && !anew.plan.provisional && !anew.source.video.constant_rate, "{:?}", anew.source);
    assert!(anew.plan.notes.iter().any(|note| note.code == "begun_anew"), "{:?}", anew.plan.notes);
    assert_eq!(worker.db.video(worker.title.video).await.expect("video").playable_at, None);
    worker.work(&[Kind::Encode, Kind::Audio, Kind::Thumbnails, Kind::Publish]).await.expect("published");
    assert_whole(&worker).await;
}

pub(crate) async fn a_stream_that_is_damaged_late_is_refused() {
    let mut bytes = film("film.ts", "").bytes();
    let packets = bytes.len() / PACKET_BYTES;
    for packet in bytes.chunks_mut(PACKET_BYTES).take(packets * 8 / 10).skip(packets * 6 / 10).step_by(3) {
        // ISO/IEC 13818-1 section 2.4.3.2: what begins a unit of payload states times, which are left as they are.
        if packet[1] & 0x40 == 0 {
            packet[60..160].fill(0x55);
        }
    }
    let worker = Worker::new(&Film::of(&bytes)).await.with_ends(ENDS_BYTES);
    worker.work(&[Kind::Inspect]).await.expect("its ends are good");
    assert!(worker.encode().await.plan.provisional);
    let outcome = worker.work(&[Kind::Encode, Kind::Audio, Kind::Analyse, Kind::Encode, Kind::Publish]).await;
    let outcome = match outcome {
        Ok(()) => worker.work(&[Kind::Encode, Kind::Publish]).await,
        failed => failed,
    };
    assert_eq!(code(outcome), "damaged");
    assert_eq!(worker.status().await, Status::Failed);
}

/// Bytes of a packet of a transport stream.
const PACKET_BYTES: usize = 188;
