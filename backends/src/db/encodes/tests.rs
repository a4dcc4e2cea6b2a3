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
    (NewEncode { id, video, upload, source, plan, encoder_version: "test".into(), inspect_cpu_ms: 5, keys: Vec::new() }, jobs)
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
    let begun = Begun { size_bytes: 77, accept_damaged: false, is_change: false, protection: None };
    assert_eq!(db.begin_inspect(&zombie, made.upload).await.expect("begin"), begun);
    let claim = db.claim_job(made.inspect, "worker", LEASE).await.expect("claim").expect("its lease is over");
    assert_eq!(db.begin_inspect(&claim, made.upload).await.expect("a second attempt begins again"), begun);
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

/// The encode of `encode_of`, as if only its first chunk were known, and the claim of the job that is to find out the rest.
async fn provisional(db: &Db) -> (NewEncode, Vec<NewJob>, Claim) {
    let made = uploaded(db, &[0]).await;
    let claim = db.claim_job(made.inspect, "worker", LEASE).await.expect("claim").expect("free");
    db.begin_inspect(&claim, made.upload).await.expect("begin");
    let (mut encode, mut jobs) = new_encode(made.video, made.upload).await;
    encode.plan.provisional = true;
    encode.plan.chunks.truncate(1);
    jobs.truncate(1);
    let analyse = NewJob { id: job_id(), job: Job::Analyse { encode: encode.id }, class: Class::Urgent, weight: 30.0 };
    jobs.push(analyse.clone());
    assert!(db.finish_inspect(&claim, &encode, &jobs).await.expect("finish"));
    let claim = db.claim_job(analyse.id, "worker", LEASE).await.expect("claim").expect("free");
    (encode, jobs, claim)
}

#[tokio::test]
async fn the_rest_of_a_film_completes_its_encode() {
    let (db, _database) = database().await;
    let (encode, _, claim) = provisional(&db).await;
    let mut complete = db.encode(encode.id).await.expect("encode");
    let (whole, jobs) = new_encode(encode.video, encode.upload).await;
    (complete.plan, complete.source.video.frames, complete.inspect_cpu_ms) = (whole.plan, 7, 99);
    let job = |new: &NewJob| match &new.job {
        Job::Encode { chunk, rungs, .. } => Job::Encode { encode: encode.id, chunk: *chunk, rungs: rungs.clone() },
        other => other.clone(),
    };
    let jobs: Vec<NewJob> = jobs[..3].iter().map(|new| NewJob { job: job(new), ..new.clone() }).collect();
    assert!(db.finish_analyse(&claim, &complete, 1.0, &jobs).await.expect("finish"));
    assert!(!db.finish_analyse(&claim, &complete, 1.0, &jobs).await.expect("refused"), "the job is done");
    let stored = db.encode(encode.id).await.expect("encode");
    assert_eq!((stored.plan, stored.source, stored.inspect_cpu_ms), (complete.plan, complete.source, 99));
    assert_eq!(db.list_jobs(encode.video).await.expect("jobs").len(), 3 + 2, "the first chunk has its job already");
}

#[tokio::test]
async fn a_film_that_is_another_begins_anew_and_what_was_made_of_it_is_left() {
    let (db, _database) = database().await;
    let (before, jobs, claim) = provisional(&db).await;
    let first = db.claim_job(jobs[0].id, "worker", LEASE).await.expect("claim").expect("free");
    sqlx::query("update videos set playable_at = now()").execute(db.pool()).await.expect("as if it played");
    let (anew, jobs) = new_encode(before.video, before.upload).await;
    assert!(db.begin_anew(&claim, before.id, &anew, &jobs).await.expect("begun"));
    assert!(!db.begin_anew(&claim, before.id, &anew, &jobs).await.expect("refused"), "the job is done");
    let video = db.video(before.video).await.expect("video");
    assert_eq!((video.encode, video.status, video.playable_at), (Some(anew.id), Status::Encoding, None));
    assert_eq!(db.encode(anew.id).await.expect("encode").plan, anew.plan);
    assert!(!db.heartbeat(&first, 0.5, LEASE).await.expect("beat"), "nobody needs it any more");
    let states: Vec<_> = db.list_jobs(before.video).await.expect("jobs").into_iter().map(|job| job.state).collect();
    assert_eq!(states.iter().filter(|state| *state == "queued").count(), jobs.len());
    // Another encode is nobody's to replace.
    let analyse = NewJob { id: job_id(), job: Job::Analyse { encode: anew.id }, class: Class::Urgent, weight: 1.0 };
    let mut conn = db.pool().acquire().await.expect("a connection");
    jobs::enqueue(&mut conn, std::slice::from_ref(&analyse), before.video, Some(anew.id)).await.expect("queued");
    drop(conn);
    let claim = db.claim_job(analyse.id, "worker", LEASE).await.expect("claim").expect("free");
    let (other, jobs) = new_encode(before.video, before.upload).await;
    let error = db.begin_anew(&claim, before.id, &other, &jobs).await.expect_err("refused");
    assert_eq!(error.code(), "superseded");
}
