//! Lists may come from a replica, which lags behind: whoever has just changed something reads from where it was written.

use crate::{app::App, auth::Caller};
use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use marquee_backends::db::Db;
use marquee_core::{ErrorKind, Result, id::UserId};
use std::time::Duration;

/// A replica that lags further behind than this is of no use.
const LAG_MAX: Duration = Duration::from_secs(30);

fn key(user: UserId) -> String {
    format!("wrote:{user}")
}

/// Notes whoever changes something, before it is changed and in a place that all processes share.
pub(crate) async fn note_writer(State(app): State<App>, request: Request, next: Next) -> Response {
    if app.deps.db.replica().is_none() || request.method().is_safe() {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    if let Ok(caller) = Caller::from_request_parts(&mut parts, &app).await
        && let Err(error) = app.deps.cache.set(&key(caller.user), Bytes::new(), LAG_MAX).await
    {
        tracing::debug!(
            error = error.detail(),
            "cannot note who writes; while the cache is silent nobody reads from the replica"
        );
    }
    next.run(Request::from_parts(parts, body)).await
}

impl App {
    /// Reads a list for `caller`, from the replica if there is one, it answers, and the caller has not just changed something.
    pub(crate) async fn browse<T, F>(&self, caller: &Caller, read: impl Fn(Db) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let Some(replica) = self.deps.db.replica() else { return read(self.deps.db.clone()).await };
        // A cache that does not answer may hide a write.
        if !matches!(self.deps.cache.get(&key(caller.user)).await, Ok(None)) {
            return read(self.deps.db.clone()).await;
        }
        match read(replica).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => read(self.deps.db.clone()).await,
            outcome => outcome,
        }
    }
}
