use super::*;
use crate::testing::{database, uploaded};
use marquee_core::{
    ErrorKind, OsRandom, SystemClock,
    id::JobId,
    job::{Class, Job, LEASE},
    plan::{AudioChoice, Judging, Recipe, RungChoice},
    testing::source,
    video::Status,
};
use std::time::Duration;

fn recipe() -> Recipe {
    let rung = |height| RungChoice { height, crf: 23.0, max_bitrate_bps: height * 1000 };
    let audio = |bitrate_bps| AudioChoice { bitrate_bps };
    Recipe {
        preset: "veryfast".into(),
        deinterlace: Default::default(),
        rungs: vec![rung(360), rung(234)],
        per_title: None,
        additional: Vec::new(),
        audio: vec![audio(128_000), audio(64_000)],
        surround: None,
        loudness: None,
        judging: Judging::default(),
    }
}

fn job_id() -> JobId {
    JobId::new(&SystemClock, &OsRandom)
}

pub(crate) async fn new_encode(video: VideoId, upload: UploadId) -> (NewEncode, Vec<NewJob>) {
    let source = source();
    let plan = Plan::new(&source, &recipe());
    let id = EncodeId::new(&SystemClock, &OsRandom);
    let rungs: Vec<_> = plan.rungs.iter().map(|rung| rung.id.clone()).collect();
    let picture = plan.chunks.iter().map(|chunk| Job::Encode { encode: id, chunk: chunk.index, rungs: rungs.clone() });
    let new = |(job, weight)| NewJob { id: job_id(), job, class: Class::Normal, weight };
    let jobs = picture.zip([2.0, 12.0, 21.0]).chain([(Job::Audio { encode: id, stream: 1 }, 5.0)]).map(new).collect();
    (NewEncode { id, video, upload, source, plan, encoder_version: "test".into(), inspect_cpu_ms: 5 }, jobs)
}

/// An encode with three chunks, two rungs and one sound track in two qualities, made by an inspect job, its own jobs queued.
pub(crate) async fn encode_of(db: &Db) -> (NewEncode, Vec<NewJob>) {
    let made = uploaded(db, &[0]).await;
    let claim = db.claim_job(made.inspect, "worker", LEASE).await.expect("claim").expect("free");
    db.begin_inspect(&claim, made.upload).await.expect("begin");
    let (encode, jobs) = new_encode(made.video, made.upload).await;
    assert!(db.finish_inspect(&claim, &encode, &jobs).await.expect("finish"));
    (encode, jobs)
}

#[tokio::test]
async fn inspection_ends_in_an_encode_with_its_jobs_or_in_nothing() {
    let (db, _database) = database().await;
    let made = uploaded(&db, &[0; 77]).await;
    let zombie = db.claim_job(made.inspect, "worker", Duration::ZERO).await.expect("claim").expect("free");
    assert_eq!(db.begin_inspect(&zombie, made.upload).await.expect("begin"), (77, false));
    let claim = db.claim_job(made.inspect, "worker", LEASE).await.expect("claim").expect("its lease is over");
    assert_eq!(db.begin_inspect(&claim, made.upload).await.expect("a second attempt begins again"), (77, false));
    assert_eq!(db.video(made.video).await.expect("video").status, Status::Inspecting);
    let (encode, jobs) = new_encode(made.video, made.upload).await;
    assert!(!db.finish_inspect(&zombie, &encode, &jobs).await.expect("refused"));
    assert_eq!(db.list_jobs(made.video).await.expect("jobs").len(), 1);
    assert_eq!(db.encode(encode.id).await.expect_err("nothing was stored").kind(), ErrorKind::NotFound);

    assert!(db.finish_inspect(&claim, &encode, &jobs).await.expect("finish"));
    let video = db.video(made.video).await.expect("video");
    assert_eq!((video.status, video.duration_ms, video.encode), (Status::Encoding, Some(35_000), Some(encode.id)));
    assert_eq!(db.list_jobs(made.video).await.expect("jobs").len(), 1 + 3 + 1);
    let stored = db.encode(encode.id).await.expect("encode");
    assert_eq!((stored.plan, stored.source), (encode.plan, encode.source));
}

#[tokio::test]
async fn a_video_that_is_past_inspection_is_not_inspected_again() {
    let (db, _database) = database().await;
    let (encode, _) = encode_of(&db).await;
    let claim = Claim {
        job_id: job_id(),
        attempt: 1,
        job: Job::Inspect { video: encode.video, upload: encode.upload, order: None },
        video: encode.video,
        encode: None,
        class: Class::Urgent,
    };
    assert_eq!(db.begin_inspect(&claim, encode.upload).await.expect_err("refused").kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn progress_weighs_jobs_and_counts_running_ones_and_tells_how_long_it_will_take() {
    let (db, _database) = database().await;
    let (encode, jobs) = encode_of(&db).await;
    let progress = async || db.progress(&[encode.id]).await.expect("progress").remove(&encode.id).expect("an encode");
    assert_eq!((progress().await, progress().await.left()), (Progress { done: 0.0, worked: Duration::ZERO }, None));
    // All of the second chunk and half of the sound, of 40 in all.
    let claim = db.claim_job(jobs[1].id, "worker", LEASE).await.expect("claim").expect("free");
    assert!(db.heartbeat(&claim, 1.0, LEASE).await.expect("beat"));
    let claim = db.claim_job(jobs[3].id, "worker", LEASE).await.expect("claim").expect("free");
    assert!(db.heartbeat(&claim, 0.5, LEASE).await.expect("beat"));
    let reached = progress().await;
    assert!((reached.done - 0.98 * 14.5 / 40.0).abs() < 1e-4, "{reached:?}");
    assert!(reached.worked > Duration::ZERO, "{reached:?}");
    let minute = Progress { done: 0.25, worked: Duration::from_secs(60) };
    assert_eq!(minute.left(), Some(Duration::from_secs(180)));
}
