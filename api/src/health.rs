//! What whoever runs the process asks it: is it alive, does it want requests, how does it do.

use crate::{app::App, problem::Answer};
use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use marquee_core::{Error, ErrorKind};

/// `/healthz`, `/readyz`, `/metrics`
pub(crate) fn router() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// Red as soon as draining begins, so that a balancer sends nobody here any more; during the notice all else goes on.
async fn ready(State(app): State<App>) -> Answer<impl IntoResponse> {
    if app.shutdown.is_draining() {
        return Err(Error::new(ErrorKind::Unavailable, "draining", "this process is stopping").into());
    }
    app.deps.db.ping().await?;
    Ok((StatusCode::OK, format!("ready\nblobs: {}\n", app.deps.blobs.summary())))
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.deps.metrics.render())
}
