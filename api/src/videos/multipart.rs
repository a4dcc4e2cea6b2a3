//! `POST /v1/videos` as a form: the title and the film in one request, written to the store as it arrives.

use super::{facts::FactsEdit, ops, protection::ProtectionView};
use crate::{
    app::{App, JSON_BYTES_MAX},
    auth::Caller,
    extract::{IdempotencyKey, Json},
    problem::{Answer, Problem},
    uploads::{self, ops::Opening},
};
use axum::{
    extract::{
        DefaultBodyLimit, FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};
use futures::StreamExt;
use marquee_backends::db::idempotency::Made;
use marquee_core::{Error, ErrorKind, id::VideoId, video::Status};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

/// Longest text field.
const TEXT_BYTES_MAX: usize = 4 << 10;
/// Fields that are looked at before giving up.
const FIELDS_MAX: usize = 32;
/// How long a small body may take to arrive.
const SMALL_BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// A form that is silent for this long is taken to be cut.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Pieces that wait between the form and the store.
const PIECES_WAITING: usize = 2;

/// A JSON body on a route whose bodies are otherwise unbounded.
pub(super) async fn small_json<T: DeserializeOwned>(mut request: Request) -> Answer<T> {
    DefaultBodyLimit::max(JSON_BYTES_MAX).apply(&mut request);
    let read = timeout(SMALL_BODY_TIMEOUT, Json::<T>::from_request(request, &()));
    match read.await {
        Ok(read) => read.map(|Json(value)| value),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long to arrive")),
    }
}

/// A form that cannot be read.
pub(super) fn malformed(why: &str) -> Problem {
    Problem::bad_request("malformed_form", format!("the form cannot be read: {why}"))
}

/// Makes the video and receives its source. With an Idempotency-Key that made a video whose source never came, that video gets it.
pub(super) async fn receive(app: App, caller: Caller, key: IdempotencyKey, mut form: Multipart) -> Answer<VideoId> {
    let (app, caller) = (&app, &caller);
    let (mut title, mut accept_damaged, mut protection) = (None::<String>, false, None);
    for _ in 0..FIELDS_MAX {
        let Some(mut field) = arriving(app, form.next_field()).await? else { break };
        match field.name() {
            Some("title") => title = Some(text(app, &mut field).await?),
            Some("accept_damaged") => accept_damaged = text(app, &mut field).await? == "true",
            Some("protection") => protection = Some(ProtectionView::parse(&text(app, &mut field).await?)?),
            Some("file") => {
                let filename = field.file_name().unwrap_or_default().to_owned();
                let title = title.unwrap_or_else(|| title_of(&filename));
                // As it was before there was anything to say of protection.
                let once = match protection {
                    Some(protection) => key.once("video form", &(&title, protection))?,
                    None => key.once("video form", &title)?,
                };
                let video =
                    ops::create(app, caller, &title, FactsEdit::default(), accept_damaged, protection, once.as_ref()).await?;
                if wants_source(app, &video).await? {
                    store(app, caller, video.thing(), filename, field).await?;
                } else {
                    skip(app, field).await?;
                }
                read_behind(app, video.thing(), form).await;
                return Ok(video.thing());
            }
            _ => {
                text(app, &mut field).await?;
            }
        }
    }
    Err(Problem::bad_request("no_file", "the form has no field `file` with the film"))
}

/// Reads what comes behind the film, so that the client hears the answer. Nothing there refuses the form any more: the client would
/// send it again, and there would be two videos. A title that cannot be one leaves the one that the video has.
async fn read_behind(app: &App, video: VideoId, mut form: Multipart) {
    for _ in 0..FIELDS_MAX {
        let Ok(Some(mut field)) = arriving(app, form.next_field()).await else { return };
        if field.name() == Some("protection") {
            tracing::warn!(video.id = %video, "what a form says of protection behind its film is not heard");
        }
        if field.name() == Some("title")
            && let Ok(title) = text(app, &mut field).await
            && let Ok(title) = crate::users::ops::check_name(&title, ops::TITLE_LENGTH_MAX)
            && let Err(error) = app.deps.db.rename_video(video, title).await
        {
            tracing::warn!(video.id = %video, error = error.detail(), "cannot give the video the title that came behind its film");
        }
        if skip(app, field).await.is_err() {
            return;
        }
    }
}

/// Whether the video still waits for its source: always when it is new.
async fn wants_source(app: &App, made: &Made<VideoId>) -> Answer<bool> {
    match made {
        Made::Now(_) => Ok(true),
        Made::Earlier(id) => {
            let status = app.deps.db.video(*id).await?.status;
            Ok(matches!(status, Status::Created | Status::Uploading))
        }
    }
}

async fn store(app: &App, caller: &Caller, video: VideoId, filename: String, mut field: Field<'_>) -> Answer<()> {
    // The store wants a stream of its own; the form lends its field. A channel stands between them.
    let (send, pieces) = mpsc::channel(PIECES_WAITING);
    let feed = async move {
        loop {
            match arriving(app, field.chunk()).await {
                Ok(Some(piece)) => {
                    if send.send(Ok(piece)).await.is_err() {
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(problem) => {
                    // Without it a form that broke off would look like one that is whole.
                    let _ = send.send(Err(axum::Error::new(std::io::Error::other("the form ended early")))).await;
                    return Err(problem);
                }
            }
        }
    };
    let opening = Opening { video, filename, length_bytes: None, part_bytes: None, replaces: false };
    let received = uploads::ops::receive_whole(app, caller, opening, ReceiverStream::new(pieces).boxed());
    let (fed, received) = tokio::join!(feed, received);
    // What the store says is more telling than that nobody takes the rest of the form.
    received.and(fed)
}

/// Reads a field that nobody wants to its end, so that the client hears the answer.
async fn skip(app: &App, mut field: Field<'_>) -> Answer<()> {
    while arriving(app, field.chunk()).await?.is_some() {}
    Ok(())
}

async fn text(app: &App, field: &mut Field<'_>) -> Answer<String> {
    let mut bytes = Vec::new();
    while let Some(piece) = arriving(app, field.chunk()).await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > TEXT_BYTES_MAX {
            let message = format!("a text field of the form has at most {TEXT_BYTES_MAX} bytes");
            return Err(Error::new(ErrorKind::TooLarge, "field_too_large", message).into());
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed("a text field is not UTF-8"))
}

/// The next part of a form, unless it is silent for too long or the server closes.
async fn arriving<T>(app: &App, part: impl Future<Output = Result<T, MultipartError>>) -> Answer<T> {
    tokio::select! {
        part = timeout(SILENCE_MAX, part) => match part {
            Ok(part) => part.map_err(|error| malformed(&error.body_text())),
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the form took too long to arrive")),
        },
        () = app.closing.cancelled() => {
            Err(Error::new(ErrorKind::Unavailable, "draining", "this process is stopping: send the form again").into())
        }
    }
}

/// A title from a file's name: without folders and extension.
fn title_of(filename: &str) -> String {
    let name = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let title: String = stem.chars().filter(|char| !char.is_control()).take(ops::TITLE_LENGTH_MAX).collect();
    if title.trim().is_empty() { "Untitled".to_owned() } else { title }
}

#[cfg(test)]
mod tests {
    use super::title_of;

    #[test]
    fn titles_come_from_file_names() {
        for (filename, title) in [
            ("Sintel.mp4", "Sintel"),
            ("../../etc/passwd", "passwd"),
            ("C:\\films\\a.b.mkv", "a.b"),
            ("", "Untitled"),
            (".mp4", "Untitled"),
            ("a\r\nb.mp4", "ab"),
        ] {
            assert_eq!(title_of(filename), title, "{filename:?}");
        }
    }
}
