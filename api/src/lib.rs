//! The HTTP interface: accounts, videos, uploads, playback, events, recommendations, and the pages.
//!
//! One folder per endpoint family: `routes.rs` holds wire types and statuses, `ops.rs` what is done. This crate never decodes
//! media, never reads the environment, and knows the database, the object store and the cache only through what it is given.

mod app;
pub mod auth;
mod browse;
mod changes;
mod docs;
mod download;
mod events;
mod extract;
mod health;
mod licences;
mod live;
mod pages;
mod peer;
mod playback;
mod posters;
mod problem;
mod profiles;
mod recommendations;
mod server;
mod subtitles;
mod surround;
mod uploads;
mod users;
mod videos;
mod workers;

use app::App;
use marquee_backends::{db::Db, key_server::KeyServer};
use marquee_core::{Clock, Random, Result, Shutdown, blobs::Blobs, cache::Cache, config, protection::Choice};
use marquee_recommender::serving::Recommender;
use metrics_exporter_prometheus::PrometheusHandle;
use server::Limits;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use url::Url;

/// What the interface needs.
pub struct Deps {
    /// The database.
    pub db: Db,
    /// Where sources are stored.
    pub blobs: Arc<dyn Blobs>,
    /// Where attempts to sign in are counted.
    pub cache: Arc<dyn Cache>,
    /// Who knows what a profile may like.
    pub recommender: Arc<Recommender>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids and secrets come from.
    pub random: Arc<dyn Random>,
    /// `[auth]`
    pub auth: config::Auth,
    /// `[uploads]`
    pub uploads: config::Uploads,
    /// Makes and opens content keys.
    pub key_server: Arc<KeyServer>,
    /// How new videos are protected that say nothing of it; `None` if they stay in the clear.
    pub protection: Option<Choice>,
    /// `[steering]`
    pub steering: config::Steering,
    /// How clients reach the interface, without a path.
    pub public_url: Url,
    /// How players reach an edge, without a path.
    pub edge_url: Url,
    /// Proxies that are believed about where a request came from.
    pub trusted_proxies: Vec<IpAddr>,
    /// Secret that edges show.
    pub edge_key: String,
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// How long requests are still taken after `/readyz` turned red, so that balancers learn of it first.
    pub notice: Duration,
}

/// Serves the interface and the pages on `listener` until `shutdown` drains and the notice is over; then requests finish, within a
/// bound.
///
/// # Errors
/// When the database does not answer at the start.
pub async fn serve(deps: Deps, listener: TcpListener, shutdown: Shutdown) -> Result<()> {
    let app = App::start(deps, shutdown.clone()).await?;
    server::serve(app::router(app.clone()), listener, Limits::default(), app.closing.clone(), shutdown).await?;
    app.tasks.close();
    // What is written down for clients that are gone; it is bounded by the timeouts of what it writes to.
    app.tasks.wait().await;
    Ok(())
}

/// The description of the interface as OpenAPI 3.1, as `/v1/openapi.json` serves it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    app::documented().into_openapi()
}
