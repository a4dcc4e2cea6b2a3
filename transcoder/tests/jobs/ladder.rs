//! Titles whose ladder is chosen by what samples of them are measured to have.

use crate::{
    film::{Film, frames_of},
    worker::Worker,
};
use marquee_core::{
    job::{Failure, Kind},
    video::Status,
};
use marquee_transcoder::child::Host;

const PICTURE: &str =
    "-f lavfi -i mandelbrot=size=640x360:rate=25:maxiter=300 -t 6 -c:v libx264 -preset ultrafast -crf 12 -pix_fmt yuv420p";
const FRAMES: u64 = 150;

pub(crate) async fn a_title_plays_before_its_ladder_is_chosen() {
    let worker = Worker::new(&Film::made("film.mp4", PICTURE)).await.choosing_ladders();
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    worker.work(&[Kind::Encode]).await.expect("what leads is encoded");
    let (video, plan) = (worker.db.video(worker.title.video).await.expect("video"), worker.encode().await.plan);
    assert!(video.playable_at.is_some() && video.status == Status::Encoding, "{video:?}");
    assert!(plan.undecided().is_some() && plan.rungs.len() == 1, "{:?}", plan.rungs);
    let encode = worker.encode().await.id;
    let done = worker.db.progress(&[encode]).await.expect("progress")[&encode].done;
    assert!((0.01..0.7).contains(&done), "what is not known yet is work, too: {done}");

    worker.work(&[Kind::Analyse]).await.expect("analysed");
    let plan = worker.encode().await.plan;
    assert!(plan.undecided().is_none() && plan.rungs.len() >= 2 && plan.rungs[0].height == 360, "{:?}", plan.rungs);
    worker.work(&[Kind::Encode, Kind::Publish]).await.expect("published");
    assert_eq!(worker.status().await, Status::Ready);
    let folder = worker.folder().await;
    for rung in &plan.rungs {
        assert_eq!(frames_of(&folder.join("v").join(&rung.id).join("playlist.m3u8")), FRAMES, "{}", rung.id);
    }
    let report = worker.encode().await.report.expect("published");
    assert!(report.cost.analyse_cpu_ms > 0 && report.cpu_ms > report.cost.analyse_cpu_ms, "{report:?}");
    assert!(report.renditions.iter().all(|rung| !rung.reason.is_empty()), "{:?}", report.renditions);
    assert!(report.notes.iter().any(|note| note.code == "ladder_chosen"), "{:?}", report.notes);
    // What was tried told what came.
    let measures = &plan.analysis.expect("an analysis").measures;
    let tried = |place: usize| (measures[place].bitrate_bps, measures[place].vmaf);
    assert!(tried(0) > tried(1) && tried(0).1 > tried(1).1 && tried(1) > tried(2) && tried(1).1 > tried(2).1, "{measures:?}");
}

pub(crate) async fn what_cannot_be_measured_gets_the_fixed_ladder() {
    let worker = Worker::new(&Film::made("film.mp4", PICTURE)).await.choosing_ladders();
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    let mut claim = worker.claim(&[Kind::Analyse]).await.expect("an analysis");
    for _ in 0..2 {
        let outcome = worker.attempt_by(Host::new("/bin/false".into()), &claim, worker.blobs.clone()).await;
        assert!(matches!(outcome, Err(Failure::Retry(_))), "it may have been an accident: {outcome:?}");
        worker.db.release_job(&claim).await.expect("given back");
        claim = worker.claim_job(claim.job_id).await;
    }
    worker.attempt_by(Host::new("/bin/false".into()), &claim, worker.blobs.clone()).await.expect("no reason to fail the title");
    worker.work(&[Kind::Encode, Kind::Publish]).await.expect("published");
    assert_eq!(worker.status().await, Status::Ready);
    let plan = worker.encode().await.plan;
    assert_eq!(plan.rungs.iter().map(|rung| rung.id.as_str()).collect::<Vec<_>>(), ["360p", "234p"]);
    assert!(plan.notes.iter().any(|note| note.code == "ladder_fixed"), "{:?}", plan.notes);
}
