//! Rows that a test needs before it can begin.

use crate::db::Db;
use marquee_core::{
    Clock, ManualClock, OsRandom, SystemClock,
    id::{JobId, VideoId},
    job::{Class, Kind},
    protection::Choice,
    queue::{RING_VERSION, Ring},
    video::Status,
};
use std::sync::{Mutex, PoisonError};
use time::OffsetDateTime;

const NANOSECONDS_PER_MS: i128 = 1_000_000;

/// A video with an owner, in `status`: newer than all that were made before, so that "newest first" is one order. Ids made in
/// one millisecond have none.
///
/// # Panics
/// When the database refuses.
pub async fn video(db: &Db, status: Status) -> VideoId {
    static NEWEST: Mutex<i128> = Mutex::new(0);
    let made_at = {
        let mut newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
        *newest = (*newest + NANOSECONDS_PER_MS).max(SystemClock.now().unix_timestamp_nanos());
        OffsetDateTime::from_unix_timestamp_nanos(*newest).expect("a time of this age")
    };
    let video = VideoId::new(&ManualClock::new(made_at), &OsRandom);
    db.insert_fixture_video(video, status).await.expect("a video is inserted");
    video
}

/// A ring for a new job id.
#[must_use]
pub fn ring_for(kind: Kind, class: Class) -> Ring {
    Ring { version: RING_VERSION, job: JobId::new(&SystemClock, &OsRandom), kind, class, trace: None }
}

/// Has what is made of `video` from now on protected.
///
/// # Panics
/// When the database does not answer.
pub async fn protect(db: &Db, video: VideoId, choice: Choice) {
    let choice = serde_json::to_value(choice).expect("a choice is JSON");
    let update = sqlx::query("update videos set protection = $2 where id = $1").bind(video.0).bind(choice);
    assert_eq!(update.execute(db.pool()).await.expect("noted").rows_affected(), 1);
}
