//! What handlers share, and the router with everything that surrounds a handler.

use crate::{
    Deps,
    auth::{keys::Keys, password::Passwords},
    browse,
    changes::Changes,
    docs, download, events, health, licences, live, pages, playback, posters,
    problem::{self, Answer},
    profiles, recommendations, subtitles, surround, uploads, users, videos, workers,
};
use axum::{Router, extract::DefaultBodyLimit, middleware};
use marquee_core::{Error, Result, Shutdown};
use std::{ops::Deref, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::{
    compression::{
        CompressionLayer, Predicate,
        predicate::{DefaultPredicate, NotForContentType},
    },
    limit::RequestBodyLimitLayer,
};
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;

/// Largest JSON body.
pub(crate) const JSON_BYTES_MAX: usize = 256 << 10;
/// Event streams that one process keeps open.
const STREAMS_MAX: usize = 2000;
/// Titles that one process hands out as files at a time.
const DOWNLOADS_MAX: usize = 32;

/// What handlers share. Clones are cheap.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// See [`App`].
pub(crate) struct Shared {
    /// What the crate was given.
    pub(crate) deps: Deps,
    /// How the process stops. Only readiness heeds its soft signal: the rest goes on until `closing`.
    pub(crate) shutdown: Shutdown,
    /// The end of the notice: nothing new is taken, streams end, uploads keep what arrived.
    pub(crate) closing: CancellationToken,
    /// Hashes passwords, a few at a time.
    pub(crate) passwords: Passwords,
    /// Keys that sign and verify.
    pub(crate) keys: Keys,
    /// Tells streams what changed.
    pub(crate) changes: Changes,
    /// Event streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
    /// Downloads that may still be begun.
    pub(crate) downloads: Arc<Semaphore>,
    /// Work that outlives the connection it came by.
    pub(crate) tasks: TaskTracker,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Loads the keys (the first process of all makes them) and begins to listen for changes.
    pub(crate) async fn start(deps: Deps, shutdown: Shutdown) -> Result<Self> {
        let keys = Keys::load(&deps.db, deps.random.as_ref()).await?;
        let passwords = Passwords::new(deps.random.as_ref())?;
        let app = Self(Arc::new(Shared {
            keys,
            passwords,
            changes: Changes::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS_MAX)),
            tasks: TaskTracker::new(),
            closing: closing(&shutdown, deps.notice),
            deps,
            shutdown,
        }));
        tokio::spawn(app.clone().follow_changes());
        tokio::spawn(uploads::heal(app.clone()));
        tokio::spawn(subtitles::follow(app.clone()));
        Ok(app)
    }

    /// Runs `work` to its end even if the client goes away, which cancels a handler wherever it is.
    pub(crate) async fn detached<T: Send + 'static>(&self, work: impl Future<Output = Answer<T>> + Send + 'static) -> Answer<T> {
        self.tasks.spawn(work.in_current_span()).await.map_err(Error::internal)?
    }
}

/// Cancelled `notice` after draining has begun, or with the hard signal.
fn closing(shutdown: &Shutdown, notice: Duration) -> CancellationToken {
    let (closing, shutdown) = (CancellationToken::new(), shutdown.clone());
    let cancelled = closing.clone();
    tokio::spawn(async move {
        shutdown.draining().await;
        tokio::select! {
            () = time::sleep(notice) => {}
            () = shutdown.stopping() => {}
        }
        cancelled.cancel();
    });
    closing
}

/// Every documented route.
pub(crate) fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(docs::description())
        .merge(users::router())
        .merge(profiles::router())
        .merge(videos::router())
        .merge(subtitles::router())
        .merge(posters::router())
        .merge(playback::router())
        .merge(download::router())
        .merge(licences::router())
        .merge(events::router())
        .merge(recommendations::router())
        .merge(workers::router())
        .merge(uploads::direct::router())
        .layer(surround::timeout())
        .layer(RequestBodyLimitLayer::new(JSON_BYTES_MAX))
        .merge(videos::slow_router())
        .merge(subtitles::slow_router())
        .merge(uploads::router())
}

/// Everything that is served, with what surrounds every handler.
pub(crate) fn router(app: App) -> Router {
    let (documented, description) = documented().split_for_parts();
    let router = documented
        .merge(docs::router(description))
        .merge(live::router())
        .merge(licences::internal_router())
        .merge(health::router())
        .fallback(pages::serve)
        .method_not_allowed_fallback(pages::wrong_method)
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), browse::note_writer))
        .layer(middleware::from_fn(surround::guard))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn(problem::render))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(NotForContentType::const_new("video/"))));
    surround::observe(surround::secure(router, &app), &app).with_state(app)
}
