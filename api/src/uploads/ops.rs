//! What happens to uploads.

use super::{
    checksum::Checksum,
    direct,
    receive::{Body, End, LEASE, ending, receive, taken_over},
};
use crate::{
    app::App,
    auth::Caller,
    problem::{Answer, Problem},
    videos,
};
use axum::http::StatusCode;
use marquee_backends::db::uploads::{Holder, Lock, NewUpload, Upload};
use marquee_core::{
    Error, ErrorKind, Result,
    id::{JobId, UploadId, VideoId},
    object::Key,
    sha256,
};
use std::time::Duration;
use uuid::Builder;

/// Longest file name that is kept; the rest is cut off.
const FILENAME_LENGTH_MAX: usize = 500;
/// Failure of a source without any byte, for the video and the client.
const EMPTY_CODE: &str = "empty_file";
const EMPTY_MESSAGE: &str = "the file is empty: choose the film itself and upload it again";

/// An upload to open.
pub(crate) struct Opening {
    /// The video that it is for.
    pub(crate) video: VideoId,
    /// What the client calls the file, in any length.
    pub(crate) filename: String,
    /// Bytes that will come, if they are known before.
    pub(crate) length_bytes: Option<u64>,
    /// Bytes of each part but the last one, if the parts go to the store itself.
    pub(crate) part_bytes: Option<u64>,
    /// Whether it may take the place of what a video shows that is ready.
    pub(crate) replaces: bool,
}

/// An upload that this request holds.
pub(super) struct Held {
    /// What is durable of it.
    pub(super) upload: Upload,
    pub(super) holder: Holder,
}

/// Opens an upload, held by this request.
pub(super) async fn open(app: &App, caller: &Caller, opening: Opening) -> Answer<Held> {
    let video = videos::ops::find_to_edit(app, caller, opening.video).await?;
    let size_bytes_max = app.deps.uploads.size_bytes_max;
    if opening.length_bytes.is_some_and(|length| length > size_bytes_max) {
        let message = format!("a source has at most {size_bytes_max} bytes here");
        return Err(Error::new(ErrorKind::TooLarge, "source_too_large", message).into());
    }
    if opening.length_bytes == Some(0) {
        return Err(refuse_empty(app, video.id, opening.replaces).await?);
    }
    let id = UploadId::new(app.deps.clock.as_ref(), app.deps.random.as_ref());
    let key = Key::source(video.id, id);
    let growing = match opening.part_bytes {
        Some(_) => direct::ops::store(app)?.begin_in_parts(&key).await?,
        None => app.deps.blobs.begin(&key).await?,
    };
    let new = NewUpload {
        id,
        video: video.id,
        user: caller.user,
        filename: clean(&opening.filename),
        length_bytes: opening.length_bytes.unwrap_or(size_bytes_max),
        growing,
        hash_state: sha256::Running::default().state(),
        part_bytes: opening.part_bytes,
        replaces: opening.replaces,
    };
    let holder = new_holder(app);
    if let Err(error) = app.deps.db.open_upload(&new, holder, expiry(app), app.deps.uploads.open_max).await {
        app.deps.blobs.abort(&new.growing).await?;
        return Err(error.into());
    }
    tracing::info!(upload.id = %id, video.id = %video.id, "upload opened");
    Ok(Held { upload: app.deps.db.upload(id).await?, holder })
}

/// An upload of the caller.
pub(super) async fn find(app: &App, caller: &Caller, id: UploadId) -> Answer<Upload> {
    let upload = app.deps.db.upload(id).await?;
    if upload.user != caller.user {
        return Err(Error::not_found("upload").into());
    }
    if upload.expired { Err(expired()) } else { Ok(upload) }
}

/// Takes an upload of the caller for this request.
pub(super) async fn hold(app: &App, caller: &Caller, id: UploadId) -> Answer<Held> {
    find(app, caller, id).await?;
    let holder = new_holder(app);
    match app.deps.db.lock_upload(id, holder).await? {
        Lock::Held(upload) => Ok(Held { upload: *upload, holder }),
        Lock::Busy => {
            let detail = "another request is sending bytes to this upload: wait for it, or try again in a few seconds";
            Err(Problem::new(StatusCode::LOCKED, "upload_locked", detail).retry_after(LEASE))
        }
        Lock::Expired => Err(expired()),
    }
}

/// How far an upload is. One whose last step was interrupted is brought to its end first.
pub(super) async fn look(app: &App, caller: &Caller, id: UploadId) -> Answer<Upload> {
    let upload = find(app, caller, id).await?;
    if upload.finished || upload.offset_bytes < upload.length_bytes {
        return Ok(upload);
    }
    // A refusal is passed on: a client that is told that all bytes are there takes the film as handed over, and forgets it.
    let held = hold(app, caller, id).await?;
    release(app, held, async |held| finish(app, held).await).await
}

/// Hands over an upload that is whole, unless somebody holds it.
pub(super) async fn hand_over(app: &App, id: UploadId) -> Answer<()> {
    let holder = new_holder(app);
    match app.deps.db.lock_upload(id, holder).await? {
        Lock::Held(upload) => {
            let held = Held { upload: *upload, holder };
            release(app, held, async |held| finish_if_whole(app, held).await).await.map(|_| ())
        }
        Lock::Busy | Lock::Expired => Ok(()),
    }
}

/// Appends a body at `offset_bytes`, and hands the source over when it is whole.
pub(super) async fn append(app: &App, held: Held, offset_bytes: u64, body: Body, checksum: Option<Checksum>) -> Answer<Upload> {
    release(app, held, async |held| {
        if held.upload.part_bytes.is_some() {
            let detail = "the parts of this upload go to the store itself: ask for their addresses";
            return Err(Error::conflict("direct_upload", detail).into());
        }
        if held.upload.offset_bytes != offset_bytes {
            let detail = format!("the upload is at byte {}: go on from there", held.upload.offset_bytes);
            return Err(Error::conflict("wrong_offset", detail).into());
        }
        let end = receive(app, &mut held.upload, held.holder, body, checksum).await?;
        match end {
            End::TooLong if held.upload.finished => Err(finished()),
            End::TooLong => {
                let message = format!("the body has more bytes than the upload, which has {}", held.upload.length_bytes);
                Err(Error::new(ErrorKind::TooLarge, "beyond_length", message).into())
            }
            End::Draining => {
                Err(Error::new(ErrorKind::Unavailable, "draining", "this process is stopping: go on in a moment").into())
            }
            End::Whole | End::Cut => finish_if_whole(app, held).await,
        }
    })
    .await
}

/// Receives a source whose length nobody knows before its end. If it does not come whole, nothing of it stays.
pub(crate) async fn receive_whole(app: &App, caller: &Caller, opening: Opening, body: Body) -> Answer<()> {
    let (video, replaces) = (opening.video, opening.replaces);
    let mut held = open(app, caller, opening).await?;
    let end = receive(app, &mut held.upload, held.holder, body, None).await;
    let failure: Problem = match end {
        Ok(End::Whole) if held.upload.offset_bytes > 0 => {
            held.upload.length_bytes = held.upload.offset_bytes;
            return release(app, held, async |held| finish(app, held).await).await.map(|_| ());
        }
        Ok(End::Whole) => {
            discard(app, held).await?;
            return Err(refuse_empty(app, video, replaces).await?);
        }
        Ok(End::Cut) => {
            Problem::bad_request("cut_off", "the film did not arrive whole: send it again, or use tus to go on where it broke")
        }
        Ok(End::Draining) => {
            Error::new(ErrorKind::Unavailable, "draining", "this process is stopping: send the film again").into()
        }
        Ok(End::TooLong) => {
            let message = format!("a source has at most {} bytes here", app.deps.uploads.size_bytes_max);
            Error::new(ErrorKind::TooLarge, "source_too_large", message).into()
        }
        Err(failure) => failure,
    };
    discard(app, held).await?;
    Err(failure)
}

/// Ends an upload that its client gave up; nothing of it stays.
pub(super) async fn terminate(app: &App, held: Held) -> Answer<()> {
    if held.upload.finished {
        return release(app, held, async |_| Err(finished())).await;
    }
    Ok(discard(app, held).await?)
}

/// Lets go of the upload.
pub(super) async fn let_go(app: &App, held: Held) -> Answer<Upload> {
    release(app, held, async |held| Ok(held.upload.clone())).await
}

async fn finish_if_whole(app: &App, held: &mut Held) -> Answer<Upload> {
    if held.upload.finished || held.upload.offset_bytes < held.upload.length_bytes {
        // The expiry has moved.
        return Ok(app.deps.db.upload(held.upload.id).await?);
    }
    finish(app, held).await
}

/// Makes the object visible and hands it over. Every step may be done again, so a crash between them heals with the next request.
pub(super) async fn finish(app: &App, held: &mut Held) -> Answer<Upload> {
    if held.upload.part_bytes.is_some() && !held.upload.finished {
        direct::ops::gather(app, held).await?;
    }
    hand_in(app, held).await
}

/// [`finish`] for an upload whose parts, if it has any, are gathered.
pub(super) async fn hand_in(app: &App, held: &Held) -> Answer<Upload> {
    let upload = &held.upload;
    if !upload.finished {
        let meta = ending(app, upload.id, held.holder, app.deps.blobs.finish(&upload.growing)).await?;
        if meta.size_bytes != upload.offset_bytes {
            let detail = format!("the store holds {} bytes of {}, not {}", meta.size_bytes, upload.id, upload.offset_bytes);
            return Err(Error::internal(detail).into());
        }
        let read = upload.part_bytes.is_none().then(|| sha256::Running::restore(&upload.hash_state)).transpose()?;
        let sha256 = read.map(sha256::Running::finish);
        let job = JobId::new(app.deps.clock.as_ref(), app.deps.random.as_ref());
        match app.deps.db.finish_upload(upload, held.holder, sha256.as_ref(), job).await {
            Ok(true) => {
                tracing::info!(upload.id = %upload.id, video.id = %upload.video, size_bytes = meta.size_bytes, "upload finished");
            }
            Ok(false) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
                // The video got its source by another upload, or is gone.
                app.deps.blobs.delete(&Key::source(upload.video, upload.id)).await?;
                app.deps.db.expire_upload(upload.id, held.holder).await?;
                app.deps.db.drop_upload(upload.id, upload.video).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    match app.deps.db.upload(upload.id).await {
        Ok(upload) if upload.finished => Ok(upload),
        // The lock was lost, and whoever took over is not there yet.
        Ok(_) => Err(taken_over()),
        Err(error) => {
            if error.kind() == ErrorKind::NotFound {
                // Dropped while the store put it together: nobody else knows of the object.
                app.deps.blobs.delete(&Key::source(upload.video, upload.id)).await?;
            }
            Err(error.into())
        }
    }
}

/// Drops an upload with all that it left. The row goes last: until then it says that its time is over.
async fn discard(app: &App, held: Held) -> Result<()> {
    app.deps.db.expire_upload(held.upload.id, held.holder).await?;
    app.deps.blobs.abort(&held.upload.growing).await?;
    // An object already, if somebody died between finishing it and handing it over.
    app.deps.blobs.delete(&Key::source(held.upload.video, held.upload.id)).await?;
    app.deps.db.drop_upload(held.upload.id, held.upload.video).await?;
    tracing::info!(upload.id = %held.upload.id, "upload dropped");
    Ok(())
}

/// Does `work` on the upload and lets go of it, however the work ends.
pub(super) async fn release<T>(app: &App, mut held: Held, work: impl AsyncFnOnce(&mut Held) -> Answer<T>) -> Answer<T> {
    let outcome = work(&mut held).await;
    if let Err(error) = app.deps.db.unlock_upload(held.upload.id, held.holder).await {
        tracing::warn!(upload.id = %held.upload.id, error = error.detail(), "cannot let go of the upload, its lock ends by itself");
    }
    outcome
}

async fn refuse_empty(app: &App, video: VideoId, replaces: bool) -> Result<Problem> {
    app.deps.db.refuse_source(video, replaces, EMPTY_CODE, EMPTY_MESSAGE).await?;
    Ok(Problem::unprocessable(EMPTY_CODE, EMPTY_MESSAGE))
}

/// A file's name as it is kept: shown to people, so without what no name has.
fn clean(filename: &str) -> String {
    filename.chars().filter(|char| !char.is_control()).take(FILENAME_LENGTH_MAX).collect()
}

fn new_holder(app: &App) -> Holder {
    let mut id = [0; 16];
    app.deps.random.fill(&mut id);
    Holder { id: Builder::from_random_bytes(id).into_uuid(), lease: LEASE }
}

pub(super) fn expiry(app: &App) -> Duration {
    Duration::from_secs(app.deps.uploads.expiry_seconds.into())
}

fn expired() -> Problem {
    Problem::new(StatusCode::GONE, "upload_expired", "nobody went on with this upload in time, and it is gone: begin a new one")
}

pub(super) fn finished() -> Problem {
    Error::conflict("upload_finished", "the upload is finished and belongs to its video").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_lose_what_cannot_be_shown() {
        assert_eq!(clean("../../x\r\n\0y.mp4"), "../../xy.mp4");
        assert_eq!(clean(&"ö".repeat(600)), "ö".repeat(500));
    }
}
