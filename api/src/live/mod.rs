//! `/v1/internal`: what edges ask. Playlists of growing videos, rendered from the ledger, and the keys that verify tokens.

mod feed;
mod playlists;

use crate::app::App;
use axum::{Router, routing::get};

/// Routes for edges; they are no part of the public interface and not documented as such.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/internal/edges/feed", get(feed::follow))
        .route("/v1/internal/live/{video}/{encode}/{*path}", get(playlists::show))
}
