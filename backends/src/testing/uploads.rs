//! A video whose source has arrived, with the job that inspects it.

use super::video;
use crate::db::{
    Db,
    uploads::{Holder, NewUpload},
};
use marquee_core::{
    OsRandom, SystemClock,
    blobs::Growing,
    id::{JobId, UploadId, VideoId},
    object::Key,
    video::Status,
};
use sha2::{Digest, Sha256};
use std::time::Duration;
use uuid::Uuid;

/// What [`uploaded`] made.
#[derive(Clone, Copy, Debug)]
pub struct Uploaded {
    /// A video in `uploaded`.
    pub video: VideoId,
    /// Its finished upload.
    pub upload: UploadId,
    /// The inspect job, queued.
    pub inspect: JobId,
}

/// A video whose source `film` was uploaded, by the same steps as over HTTP. The object itself is the caller's to make.
///
/// # Panics
/// When the database refuses.
pub async fn uploaded(db: &Db, film: &[u8]) -> Uploaded {
    let video = video(db, Status::Created).await;
    arrived(db, video, film, false).await
}

/// Another source takes the place of what `video`, which is ready, shows.
///
/// # Panics
/// When the database refuses.
pub async fn replaced(db: &Db, video: VideoId, film: &[u8]) -> Uploaded {
    arrived(db, video, film, true).await
}

async fn arrived(db: &Db, video: VideoId, film: &[u8], replaces: bool) -> Uploaded {
    let (made, holder) = opened(db, video, film.len() as u64, None, replaces).await;
    let mut upload = db.upload(made.upload).await.expect("the upload is there");
    upload.offset_bytes = film.len() as u64;
    upload.sums.update(film);
    let sha256 = Sha256::digest(film).into();
    assert!(db.finish_upload(&upload, holder, Some(&sha256), made.inspect).await.expect("the upload finishes"));
    made
}

/// The same, but that the parts of `film` went to the store itself, past us. Its sender states a SHA-256.
///
/// # Panics
/// When the database refuses.
pub async fn uploaded_in_parts(db: &Db, film: &[u8], stated_sha256: Option<&[u8; 32]>) -> Uploaded {
    let video = video(db, Status::Created).await;
    let (made, holder) = opened(db, video, film.len() as u64, Some(16 << 20), false).await;
    let upload = db.upload(made.upload).await.expect("the upload is there");
    assert!(db.complete_upload(&upload, holder, stated_sha256).await.expect("the upload completes"));
    let upload = db.upload(made.upload).await.expect("the upload is there");
    assert!(db.finish_upload(&upload, holder, None, made.inspect).await.expect("the upload finishes"));
    made
}

async fn opened(db: &Db, video: VideoId, length_bytes: u64, part_bytes: Option<u64>, replaces: bool) -> (Uploaded, Holder) {
    let made = Uploaded { video, upload: UploadId::new(&SystemClock, &OsRandom), inspect: JobId::new(&SystemClock, &OsRandom) };
    let day = Duration::from_secs(86_400);
    let holder = Holder { id: Uuid::nil(), lease: day };
    let new = NewUpload {
        id: made.upload,
        video: made.video,
        user: db.video(made.video).await.expect("the video is there").owner,
        filename: "film.mp4".into(),
        length_bytes,
        growing: Growing {
            key: Key::source(made.video, made.upload).to_string(),
            size_bytes: length_bytes,
            state: serde_json::Value::Null,
        },
        hash_state: Vec::new(),
        part_bytes,
        replaces,
    };
    db.open_upload(&new, holder, day, u32::MAX).await.expect("the upload opens");
    (made, holder)
}
