//! A video as a stream of server-sent events.

use super::{ops, routes::VideoView};
use crate::{app::App, auth::Caller, changes::Change};
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use marquee_backends::db::videos::Video;
use marquee_core::{Error, ErrorKind, Result, id::VideoId, video::Status};
use std::{convert::Infallible, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast},
    time::{self, Instant},
};

/// Silence after which a comment tells proxies that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Changes within this time are told as one.
const SETTLE: Duration = Duration::from_millis(200);
/// A stream looks by itself this often, in case a notice was lost.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The same while the video is encoded: nobody is told how far its jobs are.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);
/// A stream ends after this time; clients open another one, and show that they are still signed in.
const LIFE: Duration = Duration::from_secs(3600);

/// One open stream.
struct Watch {
    app: App,
    caller: Caller,
    id: VideoId,
    changes: broadcast::Receiver<Change>,
    told: Option<VideoView>,
    ends: Instant,
    _slot: OwnedSemaphorePermit,
}

/// Comments in between.
pub(super) fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(KEEP_ALIVE)
}

/// `video` as it is now and after each change, until it is gone, or hidden from the caller, or the server closes.
pub(super) fn stream(app: App, caller: Caller, video: &Video) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let slot = app.streams.clone().try_acquire_owned().map_err(|_| {
        Error::new(ErrorKind::Unavailable, "too_many_streams", "too many streams are open here: ask for the video now and then")
    })?;
    let changes = app.changes.videos();
    let watch = Watch { id: video.id, changes, app, caller, told: None, ends: Instant::now() + LIFE, _slot: slot };
    Ok(stream::unfold(watch, |mut watch| async move {
        let view = watch.next().await?;
        let event = Event::default().event("video").json_data(&view).unwrap_or_default();
        watch.told = Some(view);
        Some((Ok(event), watch))
    }))
}

impl Watch {
    /// The next state that differs from the one told last.
    async fn next(&mut self) -> Option<VideoView> {
        loop {
            if self.told.is_some() && !self.wait().await {
                return None;
            }
            let found = match ops::find(&self.app, &self.caller, self.id).await {
                Ok(video) => ops::details(&self.app, &self.caller, video).await,
                Err(error) => Err(error),
            };
            match found.map(VideoView::from) {
                Ok(view) if self.told.as_ref() != Some(&view) => return Some(view),
                Ok(_) => {}
                Err(error) if error.kind().is_transient() && self.told.is_some() => {}
                Err(_) => return None,
            }
        }
    }

    /// Waits until the video may have changed. False if the stream shall end.
    async fn wait(&mut self) -> bool {
        let app = self.app.clone();
        let is_encoding = self.told.as_ref().is_some_and(|told| {
            told.status == Status::Encoding || told.change.as_ref().is_some_and(|change| change.status == Status::Encoding)
        });
        let look = time::sleep(if is_encoding { PROGRESS_EVERY } else { LOOK_EVERY });
        tokio::select! {
            () = changed(&mut self.changes, self.id) => {}
            () = look => {}
            () = time::sleep_until(self.ends) => return false,
            () = app.closing.cancelled() => return false,
        }
        tokio::select! {
            () = time::sleep(SETTLE) => true,
            () = app.closing.cancelled() => false,
        }
    }
}

async fn changed(changes: &mut broadcast::Receiver<Change>, id: VideoId) {
    loop {
        match changes.recv().await {
            Ok(Change::Video(other)) if other != id => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            // Nobody tells any more: the stream looks by itself.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
