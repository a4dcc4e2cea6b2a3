//! What an edge must know: the keys that verify playback tokens, whole, at once and after each change.

use crate::{app::App, auth::edge::Edge, problem::Answer};
use axum::{
    extract::State,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use marquee_core::token::SigningKey;
use serde::Serialize;
use std::{convert::Infallible, time::Duration};
use tokio::sync::watch;

/// Silence after which a comment tells the edge that the feed lives.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The whole of what an edge must know.
#[derive(Serialize)]
struct Sync {
    /// Grows with every change.
    sequence: u64,
    /// Keys whose tokens are good.
    keys: Vec<SigningKey>,
}

/// One edge that listens.
struct Feed {
    app: App,
    changes: watch::Receiver<()>,
    told: Option<u64>,
}

pub(super) async fn follow(State(app): State<App>, _: Edge) -> Answer<impl IntoResponse> {
    let feed = Feed { changes: app.changes.keys(), app, told: None };
    let events = stream::unfold(feed, |mut feed| async move {
        let sync = feed.next().await?;
        feed.told = Some(sync.sequence);
        let event = Event::default().event("sync").json_data(&sync).unwrap_or_default();
        Some((Ok::<_, Infallible>(event), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Feed {
    /// The keys, once they differ from what was told. `None` when the server closes.
    async fn next(&mut self) -> Option<Sync> {
        loop {
            let keys = self.app.keys.live();
            if self.told != Some(keys.playback.sequence) {
                return Some(Sync { sequence: keys.playback.sequence, keys: keys.playback.keys.clone() });
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                () = self.app.closing.cancelled() => return None,
            }
        }
    }
}
