//! Whichever operation of the store breaks, the next attempt ends where an unbroken one would have.

use crate::{
    faults::{Faulty, Moment},
    film::{Film, frames_of},
    worker::Worker,
};
use marquee_core::{
    job::{Failure, Kind},
    object::TILES,
    video::Status,
};
use std::sync::Arc;

/// More operations than any job of the film needs.
const OPERATIONS_MAX: i64 = 200;

pub(crate) async fn breaks_before() {
    breaks(Moment::Before).await;
}

pub(crate) async fn breaks_after() {
    breaks(Moment::After).await;
}

/// Makes a title of a short film by jobs that break.
async fn breaks(moment: Moment) {
    let worker = Worker::new(&Film::new("160x120", 7)).await;
    assert_eq!((work(&worker, moment).await, worker.status().await), (1 + 2 + 1 + 1 + 1, Status::Ready));
    assert!(worker.folder().await.join(TILES).is_file());
    let rung = &worker.encode().await.plan.rungs[0].id;
    assert_eq!(frames_of(&worker.folder().await.join("v").join(rung).join("playlist.m3u8")), 7 * 25);
}

/// Does every job of the title, each broken at its first operation, then at its second, until it comes through. Answers how many.
pub(crate) async fn work(worker: &Worker, moment: Moment) -> usize {
    let mut jobs = 0;
    while let Some(claim) = worker.claim(&Kind::ALL).await {
        let (mut claim, mut operations) = (claim, 0);
        loop {
            let store = Arc::new(Faulty::new(worker.blobs.clone(), moment, operations));
            match worker.attempt(&claim, store.clone()).await {
                Ok(()) => break,
                Err(Failure::Retry(error)) => assert!(store.has_broken(), "{error:?}"),
                Err(Failure::Fail { code, message }) => panic!("{:?} gave up: {code} {message}", claim.job),
            }
            operations += 1;
            assert!(operations < OPERATIONS_MAX, "{:?} never ends", claim.job);
            worker.db.release_job(&claim).await.expect("given back");
            claim = worker.claim_job(claim.job_id).await;
        }
        jobs += 1;
    }
    jobs
}
