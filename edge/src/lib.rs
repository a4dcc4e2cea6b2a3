//! The CDN node: token check, cache, one origin fetch per miss, ranges.
//!
//! An edge has no database. It learns the keys that sign playback tokens from the API's feed, checks each request's token without
//! asking anyone, and answers from memory; what is missing is fetched once, however many ask for it: stored objects from
//! the object store, growing playlists from the API. It serves `GET`, `HEAD` and `OPTIONS` of Marquee's own immutable objects
//! and is no proxy for anything else.

mod address;
mod arrival;
mod conditional;
mod feed;
mod flight;
mod library;
mod meter;
mod origin;
mod playlist;
mod recent;
mod respond;
mod routes;
mod server;
mod store;
mod token;

use marquee_core::{Clock, Random, Result, Shutdown, blobs::Blobs};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use url::Url;

/// All that an edge is given.
pub struct Deps {
    /// Where stored objects are.
    pub blobs: Arc<dyn Blobs>,
    /// Where the feed and growing playlists are.
    pub api_url: Url,
    /// Secret that this edge shows to the API.
    pub edge_key: String,
    /// Bytes of objects kept in memory.
    pub memory_bytes: u64,
    /// Decides whether a token has expired.
    pub clock: Arc<dyn Clock>,
    /// Spreads reconnections.
    pub random: Arc<dyn Random>,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// How long requests are still taken after `/readyz` turned red, so that balancers learn of it first.
    pub notice: Duration,
}

/// Serves on `listener` until `shutdown`: draining finishes the requests that are running, stopping ends them.
///
/// # Errors
/// `Invalid` if `api_url` or `edge_key` cannot be used, `Internal` if a client for the API cannot be made.
pub async fn serve(deps: Deps, listener: TcpListener, shutdown: Shutdown) -> Result<()> {
    let keys = Arc::new(token::Keys::default());
    let api = origin::Api::new(&deps.api_url, &deps.edge_key)?;
    let library = library::Library::new(origin::Origin::new(deps.blobs, api.clone()), deps.memory_bytes);
    let feed = feed::follow(api, keys.clone(), deps.random, shutdown.soft_token());
    let edge = routes::Edge { keys, library, clock: deps.clock, metrics: deps.metrics, shutdown: shutdown.clone() };
    let feed = tokio::spawn(feed);
    let served = server::serve(routes::router(edge), listener, deps.notice, shutdown).await;
    feed.abort();
    served
}
