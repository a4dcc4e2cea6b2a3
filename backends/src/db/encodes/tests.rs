use super::*;
use crate::testing::{database, uploaded};
use marquee_core::{
    ErrorKind, OsRandom, SystemClock,
    job::LEASE,
    plan::{AudioChoice, Recipe, RungChoice},
    testing::source,
};
use std::time::Duration;

fn recipe() -> Recipe {
    let rung = |height| RungChoice { height, crf: 23.0, max_bitrate_bps: height * 1000 };
    let audio = |bitrate_bps| AudioChoice { bitrate_bps };
    Recipe { preset: "veryfast".into(), rungs: vec![rung(360), rung(234)], audio: vec![audio(128_000), audio(64_000)] }
}

fn job_id() -> JobId {
    JobId::new(&SystemClock, &OsRandom)
}

async fn new_encode(video: VideoId, upload: UploadId) -> (NewEncode, Vec<(JobId, Job)>) {
    let source = source();
    let plan = Plan::new(&source, &recipe());
    let id = EncodeId::new(&SystemClock, &OsRandom);
    let rungs: Vec<_> = plan.rungs.iter().map(|rung| rung.id.clone()).collect();
    let picture = plan.chunks.iter().map(|chunk| Job::Encode { encode: id, chunk: chunk.index, rungs: rungs.clone() });
    let jobs = picture.chain([Job::Audio { encode: id, stream: 1 }]).map(|job| (job_id(), job)).collect();
    (NewEncode { id, video, upload, source, plan, encoder_version: "test".into() }, jobs)
}

/// An encode with three chunks, two rungs and one sound track in two qualities, made by an inspect job, its own jobs queued.
pub(crate) async fn encode_of(db: &Db) -> (NewEncode, Vec<(JobId, Job)>) {
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
    assert_eq!(db.begin_inspect(&zombie, made.upload).await.expect("begin"), 77);
    let claim = db.claim_job(made.inspect, "worker", LEASE).await.expect("claim").expect("its lease is over");
    assert_eq!(db.begin_inspect(&claim, made.upload).await.expect("a second attempt begins again"), 77);
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
        job: Job::Inspect { video: encode.video, upload: encode.upload },
        video: encode.video,
        encode: None,
    };
    assert_eq!(db.begin_inspect(&claim, encode.upload).await.expect_err("refused").kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn progress_weighs_chunks_by_their_length_and_counts_running_jobs() {
    let (db, _database) = database().await;
    let (encode, jobs) = encode_of(&db).await;
    let progress = async || db.progress(&[encode.video]).await.expect("progress").get(&encode.video).copied();
    assert_eq!(progress().await, Some(0.0));
    // 6 of 35 s of picture and half of the sound, which weighs 5 % of 35 s.
    let claim = db.claim_job(jobs[0].0, "worker", LEASE).await.expect("claim").expect("free");
    assert!(db.heartbeat(&claim, 1.0, LEASE).await.expect("beat"));
    let claim = db.claim_job(jobs[3].0, "worker", LEASE).await.expect("claim").expect("free");
    assert!(db.heartbeat(&claim, 0.5, LEASE).await.expect("beat"));
    let expected = 0.98 * (6.0 + 0.5 * 0.05 * 35.0) / (35.0 * 1.05);
    let reached = progress().await.expect("the video has an encode");
    assert!((reached - expected).abs() < 1e-4, "{reached} is not {expected}");
}
