use super::*;
use crate::{
    db::{
        encodes::tests::new_encode,
        ledger::{Finished, tests::Title},
        subtitles::{FILES_MAX, NewSubtitle},
        videos::Video,
    },
    testing::{replaced, uploaded},
};
use marquee_core::{
    ErrorKind, OsRandom, SystemClock,
    id::{SubtitleId, UserId},
    job::{ATTEMPTS_MAX, Class, Failure, LEASE},
    object::Track,
    plan::{Ladder, SubtitleFile},
    thumbnails::{Poster, Thumbnails, Tiles},
};
use std::time::Duration;

fn order() -> Order {
    let encode = EncodeId::new(&SystemClock, &OsRandom);
    Order {
        encode,
        recipe: Some("fast".into()),
        ladder: Some(Ladder::Fixed),
        like: None,
        rungs: Vec::new(),
        protection: None,
        chapters: None,
    }
}

fn job_id() -> JobId {
    JobId::new(&SystemClock, &OsRandom)
}

async fn video(title: &Title) -> Video {
    title.db.video(title.encode.video).await.expect("video")
}

async fn change(title: &Title) -> Option<Status> {
    video(title).await.change.map(|change| change.status)
}

/// Orders another encode of a title that is ready, and does its inspection.
async fn planned(title: &mut Title) -> EncodeId {
    let (order, job) = (order(), job_id());
    title.db.order_encode(title.encode.video, &order, job).await.expect("ordered");
    let claim = title.db.claim_job(job, "worker", LEASE).await.expect("claim").expect("free");
    assert!(matches!(&claim.job, Job::Inspect { order: Some(found), .. } if *found == order));
    assert!(title.db.begin_inspect(&claim, title.encode.upload).await.expect("begun").is_change);
    let (mut encode, mut jobs) = new_encode(title.encode.video, title.encode.upload).await;
    encode.id = order.encode;
    for new in &mut jobs {
        new.class = Class::Bulk;
        match &mut new.job {
            Job::Encode { encode, .. } | Job::Audio { encode, .. } => *encode = order.encode,
            other => panic!("{other:?}"),
        }
    }
    assert!(title.db.finish_inspect(&claim, &encode, &jobs).await.expect("finish"));
    (title.encode, title.jobs) = (encode, jobs);
    order.encode
}

#[tokio::test]
async fn a_title_shows_what_it_showed_until_another_encode_is_published() {
    let mut title = Title::published().await;
    let (first, ready_at) = (title.encode.id, video(&title).await.ready_at);
    let next = planned(&mut title).await;
    let shown = video(&title).await;
    assert_eq!((shown.status, shown.encode, shown.is_playable()), (Status::Ready, Some(first), true));
    assert_eq!(shown.change.map(|change| (change.status, change.encode)), Some((Status::Encoding, Some(next))));
    let again = title.db.order_encode(title.encode.video, &order(), job_id()).await.expect_err("one at a time");
    assert_eq!(again.code(), "on_its_way");
    let claim = title.db.claim_job(title.jobs[0].id, "worker", LEASE).await.expect("claim").expect("free");
    assert_eq!(claim.class, Class::Bulk);
    title.db.release_job(&claim).await.expect("released");

    title.finish().await;
    let shown = video(&title).await;
    assert_eq!((shown.status, shown.encode, shown.change, shown.ready_at), (Status::Ready, Some(next), None, ready_at));
    let leftover = title.db.leftover_encodes(Duration::ZERO, 10).await.expect("found");
    assert_eq!(leftover, [(title.encode.video, first)]);
}

#[tokio::test]
async fn a_change_that_fails_changes_nothing_and_can_be_retried_or_forgotten() {
    let mut title = Title::published().await;
    let first = title.encode.id;
    let next = planned(&mut title).await;
    let claim = title.db.claim_job(title.jobs[0].id, "worker", LEASE).await.expect("claim").expect("free");
    let failure = Failure::Fail { code: "gate_failed".into(), message: "it is no good".into() };
    title.db.fail_job(&claim, &failure).await.expect("failed");
    let shown = video(&title).await;
    assert_eq!((shown.status, shown.encode, shown.failure), (Status::Ready, Some(first), None));
    let failed = shown.change.expect("a change");
    assert_eq!((failed.status, failed.failure), (Status::Failed, Some(("gate_failed".into(), "it is no good".into()))));
    assert_eq!(title.db.leftover_encodes(Duration::ZERO, 10).await.expect("found"), [(title.encode.video, next)]);

    title.db.retry_job(claim.job_id).await.expect("retried");
    assert_eq!(change(&title).await, Some(Status::Encoding));
    assert!(title.db.leftover_encodes(Duration::ZERO, 10).await.expect("found").is_empty());
    title.db.give_up_change(title.encode.video).await.expect("given up");
    let shown = video(&title).await;
    assert_eq!((shown.status, shown.encode, shown.change), (Status::Ready, Some(first), None));
    assert!(title.db.claim_job(title.jobs[1].id, "worker", LEASE).await.expect("claim").is_none(), "its jobs are cancelled");
    assert_eq!(title.db.give_up_change(title.encode.video).await.expect_err("there is none").code(), "no_change");
    assert!(title.db.condemn_encode(title.encode.video, next, Duration::ZERO).await.expect("condemned"));
    title.db.forget_encode(next).await.expect("forgotten");
    let next = planned(&mut title).await;
    assert!(!title.db.condemn_encode(title.encode.video, next, Duration::ZERO).await.expect("looked"), "it is being made");
}

#[tokio::test]
async fn what_gave_up_for_a_forgotten_change_is_not_retried_and_a_given_up_film_goes() {
    let title = Title::published().await;
    let (video, shown) = (title.encode.video, title.encode.upload);
    let mut dead = Vec::new();
    for _ in 0..2 {
        let job = job_id();
        title.db.order_encode(video, &order(), job).await.expect("ordered");
        let claim = title.db.claim_job(job, "worker", LEASE).await.expect("claim").expect("free");
        let failure = Failure::Fail { code: "unknown_recipe".into(), message: "no".into() };
        title.db.fail_job(&claim, &failure).await.expect("failed");
        dead.push(job);
    }
    assert_eq!(title.db.retry_job(dead[0]).await.expect_err("it is forgotten").code(), "not_dead");
    title.db.retry_job(dead[1]).await.expect("retried");
    title.db.give_up_change(video).await.expect("given up");

    // Another film, which is given up before anybody looked at it.
    let other = replaced(&title.db, video, b"another film").await;
    assert!(title.db.leftover_sources(Duration::ZERO, 10).await.expect("found").is_empty());
    title.db.give_up_change(video).await.expect("given up");
    assert_eq!(title.db.leftover_sources(Duration::ZERO, 10).await.expect("found"), [(video, other.upload)]);
    assert!(title.db.condemn_source(video, other.upload, Duration::ZERO).await.expect("condemned"));
    assert!(!title.db.condemn_source(video, shown, Duration::ZERO).await.expect("looked"), "it is shown");
    title.db.forget_source(other.upload).await.expect("forgotten");
    let like = Order { like: Some(EncodeId::new(&SystemClock, &OsRandom)), ..order() };
    assert_eq!(title.db.order_encode(video, &like, job_id()).await.expect_err("not what is shown").code(), "superseded");
}

#[tokio::test]
async fn a_failed_video_is_encoded_anew_if_its_source_is_there() {
    let title = Title::published().await;
    let made = uploaded(&title.db, &[0; 9]).await;
    let claim = title.db.claim_job(made.inspect, "worker", LEASE).await.expect("claim").expect("free");
    title.db.begin_inspect(&claim, made.upload).await.expect("begun");
    let failure = Failure::Fail { code: "not_a_video".into(), message: "no".into() };
    title.db.fail_job(&claim, &failure).await.expect("failed");
    let (order, job) = (order(), job_id());
    title.db.order_encode(made.video, &order, job).await.expect("ordered");
    let found = title.db.video(made.video).await.expect("video");
    assert_eq!((found.status, found.failure, found.change), (Status::Uploaded, None, None));
    for _ in 0..=ATTEMPTS_MAX {
        title.db.claim_job(job, "worker", Duration::ZERO).await.expect("claim");
    }
    assert_eq!(title.db.video(made.video).await.expect("video").status, Status::Failed);
    assert_eq!(title.db.retry_job(claim.job_id).await.expect_err("an order came after it").code(), "not_dead");
    title.db.forget_source(made.upload).await.expect("forgotten");
    assert_eq!(title.db.order_encode(made.video, &order, job_id()).await.expect_err("nothing to encode").code(), "no_source");
}

#[tokio::test]
async fn pieces_of_the_same_bytes_are_found_until_their_video_is_deleted() {
    let mut title = Title::published().await;
    let first = title.encode.clone();
    planned(&mut title).await;
    let next = title.db.encode(title.encode.id).await.expect("encode");
    let twins = title.db.twins(&next).await.expect("twins");
    assert_eq!(twins, [Twin { id: first.id, video: first.video, plan: first.plan.clone(), prints: None }]);
    let other_encoder = Encode { encoder_version: "newer".into(), ..next.clone() };
    assert_eq!(title.db.twins(&other_encoder).await.expect("twins"), []);
    let others = uploaded(&title.db, b"other bytes").await;
    let other_bytes = Encode { upload: others.upload, ..next.clone() };
    assert_eq!(title.db.twins(&other_bytes).await.expect("twins"), []);

    let piece = Piece { track: Track::Video, rendition: "360p", chunk: 1 };
    let batch = title.db.piece(first.id, &piece).await.expect("found").expect("finished");
    let numbers: Vec<_> = batch.segments.iter().map(|stored| (stored.rendition.as_str(), stored.segment.number)).collect();
    assert_eq!(numbers, [("360p", 2), ("360p", 3)]);
    assert_eq!(batch.renditions.len(), 1);
    assert!(matches!(&batch.finished[..], [Finished { chunk: 1, frames: 180, .. }]));
    assert_eq!(title.db.piece(first.id, &Piece { chunk: 9, ..piece }).await.expect("none"), None);
    assert_eq!(title.db.piece(next.id, &piece).await.expect("none"), None, "it is not made yet");
    title.db.delete_video(first.video).await.expect("deleted");
    assert_eq!(title.db.twins(&next).await.expect("twins"), []);
}

/// Does a thumbnails job.
async fn keep_thumbnails(title: &Title, encode: EncodeId, made: &Thumbnails) {
    let new = NewJob { id: job_id(), job: Job::Thumbnails { encode }, class: Class::Normal, weight: 0.0 };
    let id = new.id;
    let mut conn = title.db.pool().acquire().await.expect("a connection");
    jobs::enqueue(&mut conn, &[new], title.encode.video, Some(encode)).await.expect("queued");
    drop(conn);
    let claim = title.db.claim_job(id, "worker", LEASE).await.expect("claim").expect("free");
    assert!(title.db.finish_thumbnails(&claim, encode, made).await.expect("finished"));
}

#[tokio::test]
async fn a_chosen_poster_stays_chosen_if_the_new_encode_has_it_too() {
    let mut title = Title::published().await;
    let made = |times: &[u64]| Thumbnails {
        posters: times.iter().map(|time_ms| Poster { time_ms: *time_ms, width: 16, height: 16, size_bytes: 9 }).collect(),
        tiles: Tiles::of(&title.encode.source.video, 35_000),
        sheets_bytes: vec![9],
        cpu_ms: 1,
    };
    let (both, other) = (made(&[5000, 20_000]), made(&[6000]));
    let first = title.encode.id;
    keep_thumbnails(&title, first, &both).await;
    title.db.choose_poster(title.encode.video, first, 20_000).await.expect("chosen");
    for (made, poster_ms) in [(both, 20_000), (other, 6000)] {
        let next = planned(&mut title).await;
        keep_thumbnails(&title, next, &made).await;
        assert_eq!(title.db.posters(&[next]).await.expect("posters").get(&next), Some(&poster_ms));
        title.db.give_up_change(title.encode.video).await.expect("given up");
    }
}

fn subtitle(by: UserId) -> NewSubtitle {
    let id = SubtitleId::new(&SystemClock, &OsRandom);
    let file = SubtitleFile { id, language: "en".into(), name: None, forced: false, hearing_impaired: false };
    NewSubtitle { file, format: "SRT".into(), cues: 1, notes: Vec::new(), text: "WEBVTT\n".into(), by }
}

#[tokio::test]
async fn a_title_comes_to_have_the_subtitles_that_it_should() {
    let mut title = Title::published().await;
    let (db, id, shown) = (title.db.clone(), title.encode.video, title.encode.id);
    let new = subtitle(video(&title).await.owner);
    let order = async |encode| db.order_due_subtitles(id, encode, job_id()).await.expect("looked");
    let due = async || db.videos_of_due_subtitles(10).await.expect("found");
    let next = EncodeId::new(&SystemClock, &OsRandom);
    assert!(due().await.is_empty() && !order(next).await, "nobody has to look");
    // While something else is on its way they wait for it, and are still due when that has other ones.
    planned(&mut title).await;
    db.add_subtitle(id, &new, None).await.expect("added");
    assert!(due().await.is_empty() && !order(next).await);
    title.finish().await;
    assert_eq!(due().await, [id]);
    assert!(order(next).await);
    let jobs = db.list_jobs(id).await.expect("jobs");
    let job = jobs.iter().find(|job| job.kind == "inspect" && job.state == "queued").expect("an order");
    let claim = db.claim_job(job.id, "worker", LEASE).await.expect("claim").expect("free");
    let Job::Inspect { order: Some(found), .. } = &claim.job else { panic!("{claim:?}") };
    assert!(found.encode == next && found.like == Some(title.encode.id) && found.like != Some(shown), "{found:?}");
    db.begin_inspect(&claim, title.encode.upload).await.expect("begun");
    let (mut encode, mut jobs) = new_encode(id, title.encode.upload).await;
    (encode.id, encode.plan) = (next, encode.plan.with_subtitle_files(std::slice::from_ref(&new.file)));
    let file = Some(new.file.id);
    jobs.push(NewJob { id: job_id(), job: Job::Subtitles { encode: next, file }, class: Class::Bulk, weight: 1.0 });
    for new in &mut jobs {
        if let Job::Encode { encode, .. } | Job::Audio { encode, .. } = &mut new.job {
            *encode = next;
        }
    }
    assert!(db.finish_inspect(&claim, &encode, &jobs).await.expect("finish"));
    // One that is given up is ordered again as long as the file is there.
    db.give_up_change(id).await.expect("given up");
    let again = EncodeId::new(&SystemClock, &OsRandom);
    assert!(due().await == [id] && order(again).await);
    db.give_up_change(id).await.expect("given up");
    db.remove_subtitle(id, new.file.id).await.expect("removed");
    assert_eq!(db.remove_subtitle(id, new.file.id).await.expect_err("gone").kind(), ErrorKind::NotFound);
    assert!(!order(again).await && due().await.is_empty(), "it shows what it should");
    // An encode that is being made may still read it; later nobody does.
    assert!(db.subtitles(id).await.expect("list").is_empty() && db.subtitle_text(new.file.id).await.is_ok());
    db.prune(Duration::ZERO).await.expect("pruned");
    assert!(db.subtitle_text(new.file.id).await.is_err());
}

#[tokio::test]
async fn a_video_has_no_more_subtitles_than_anybody_needs() {
    let title = Title::published().await;
    let (db, id, owner) = (&title.db, title.encode.video, video(&title).await.owner);
    for _ in 0..FILES_MAX {
        db.add_subtitle(id, &subtitle(owner), None).await.expect("added");
    }
    assert_eq!(db.add_subtitle(id, &subtitle(owner), None).await.expect_err("too many").code(), "too_many_subtitles");
    let files = db.subtitles(id).await.expect("list");
    assert_eq!(files.len() as i64, FILES_MAX);
    db.delete_video(id).await.expect("deleted");
    db.forget_video(id).await.expect("forgotten");
    assert!(db.subtitle_text(files[0].file.id).await.is_err(), "they go with it");
}
