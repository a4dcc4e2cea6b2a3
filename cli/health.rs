//! What a process that has neither the API nor an edge shows operators.

use axum::{Router, extract::State, http::StatusCode, routing::get};
use marquee_backends::db::Db;
use marquee_core::{Shutdown, blobs::Blobs};
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What the pages tell of.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) db: Db,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) shutdown: Shutdown,
}

/// Serves `/healthz`, `/readyz` and `/metrics` as long as the process lives: whoever drains says so.
pub(crate) async fn serve(health: Health, listener: TcpListener) {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(async |State(health): State<Health>| health.metrics.render()))
        .with_state(health);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the pages for operators ended");
    }
}

async fn ready(State(health): State<Health>) -> (StatusCode, String) {
    let no = |why: String| (StatusCode::SERVICE_UNAVAILABLE, why);
    if health.shutdown.is_draining() {
        return no("draining\n".into());
    }
    match health.db.ping().await {
        Ok(()) => (StatusCode::OK, format!("ready\nblobs: {}\n", health.blobs.summary())),
        Err(error) => no(format!("{}\n", error.message())),
    }
}
