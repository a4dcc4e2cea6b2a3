//! Rows that a test needs before it can begin.

use crate::db::Db;
use marquee_core::{
    OsRandom, SystemClock,
    id::{JobId, VideoId},
    job::{Class, Kind},
    queue::{RING_VERSION, Ring},
    video::Status,
};

/// A video with an owner, in `status`.
///
/// # Panics
/// When the database refuses.
pub async fn video(db: &Db, status: Status) -> VideoId {
    let video = VideoId::new(&SystemClock, &OsRandom);
    db.insert_fixture_video(video, status).await.expect("a video is inserted");
    video
}

/// A ring for a new job id.
#[must_use]
pub fn ring_for(kind: Kind, class: Class) -> Ring {
    Ring { version: RING_VERSION, job: JobId::new(&SystemClock, &OsRandom), kind, class, trace: None }
}
