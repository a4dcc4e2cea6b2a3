//! Telling open streams what changed: one listener on the database for all of them.

use crate::app::App;
use marquee_backends::db::{Notice, VIDEO, keys};
use marquee_core::id::VideoId;
use std::time::Duration;
use tokio::{
    sync::{broadcast, watch},
    time,
};
use uuid::Uuid;

/// Changes that a slow stream may lag behind; beyond that it looks at everything again.
const BACKLOG_MAX: usize = 256;
/// Keys are looked at this often in any case.
const KEYS_EVERY: Duration = Duration::from_secs(60);

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// This video.
    Video(VideoId),
    /// Nobody knows: changes may have been missed.
    Unknown,
}

/// Who waits for changes.
pub(crate) struct Changes {
    videos: broadcast::Sender<Change>,
    keys: watch::Sender<()>,
}

impl Default for Changes {
    fn default() -> Self {
        Self { videos: broadcast::Sender::new(BACKLOG_MAX), keys: watch::Sender::new(()) }
    }
}

impl Changes {
    /// Changes of videos from now on.
    pub(crate) fn videos(&self) -> broadcast::Receiver<Change> {
        self.videos.subscribe()
    }

    /// Changes of keys from now on.
    pub(crate) fn keys(&self) -> watch::Receiver<()> {
        self.keys.subscribe()
    }
}

impl App {
    /// Hears what changes until the server closes. Losing the line costs promptness alone: streams look by themselves too.
    pub(crate) async fn follow_changes(self) {
        let mut videos = self.deps.db.listen(VIDEO);
        let mut keys = self.deps.db.listen(keys::CHANNEL);
        let mut tick = time::interval(KEYS_EVERY);
        loop {
            tokio::select! {
                notice = videos.next() => {
                    // Nobody listening is no error.
                    let _ = self.changes.videos.send(change(&notice));
                }
                _ = keys.next() => self.reload_keys().await,
                _ = tick.tick() => self.reload_keys().await,
                () = self.closing.cancelled() => return,
            }
        }
    }

    async fn reload_keys(&self) {
        match self.keys.reload(&self.deps.db, self.deps.random.as_ref()).await {
            Ok(()) => self.changes.keys.send_replace(()),
            Err(error) => tracing::warn!(error = error.detail(), "cannot read the signing keys, keeping the old ones"),
        }
    }
}

fn change(notice: &Notice) -> Change {
    match notice {
        Notice::Payload(id) => Uuid::try_parse(id).map_or(Change::Unknown, |id| Change::Video(id.into())),
        Notice::Missed => Change::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_that_names_no_video_may_mean_any() {
        assert_eq!(change(&Notice::Payload(Uuid::nil().to_string())), Change::Video(Uuid::nil().into()));
        assert_eq!(change(&Notice::Payload("?".into())), Change::Unknown);
        assert_eq!(change(&Notice::Missed), Change::Unknown);
    }
}
