//! Wire types and statuses of `/v1/workers`. There is nothing to do but to ask the database, so there are no ops.

use crate::{
    app::App,
    auth::Caller,
    extract::Json,
    problem::{self, Answer},
};
use axum::extract::State;
use marquee_backends::db::workers::WorkerView;
use marquee_core::{Role, id::WorkerId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A process that works on jobs.
#[derive(Serialize, ToSchema)]
struct Worker {
    /// Its id, new with every start.
    #[schema(value_type = String, example = "wrk_0190a1b2c3d4e5f60718293a4b5c6d7e")]
    id: WorkerId,
    /// Host and process.
    #[schema(example = "encoder-3:4711")]
    name: String,
    /// Version of the program.
    version: String,
    /// Jobs at a time.
    slots: i32,
    /// Jobs that it works on now.
    running: i64,
    /// Kinds of job it takes.
    kinds: Vec<String>,
    /// Classes of job it takes.
    classes: Vec<String>,
    /// What its machine and its libraries offer.
    #[schema(value_type = Object)]
    capabilities: serde_json::Value,
    /// Whether it was heard of in the last half minute.
    alive: bool,
    /// Whether it takes nothing new because it stops.
    draining: bool,
    /// When it started.
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    /// When it was last heard of.
    #[serde(with = "time::serde::rfc3339")]
    seen_at: OffsetDateTime,
}

/// Workers.
#[derive(Serialize, ToSchema)]
struct WorkerList {
    /// The newest first.
    items: Vec<Worker>,
}

impl From<WorkerView> for Worker {
    fn from(worker: WorkerView) -> Self {
        Self {
            id: worker.id,
            name: worker.name,
            version: worker.version,
            slots: worker.slots,
            running: worker.running,
            kinds: worker.kinds,
            classes: worker.classes,
            capabilities: worker.capabilities,
            alive: worker.alive,
            draining: worker.draining,
            started_at: worker.started_at,
            seen_at: worker.seen_at,
        }
    }
}

/// List workers
///
/// Those heard of in the last day. For operators.
#[utoipa::path(get, path = "/v1/workers", tag = "operations",
    responses((status = 200, body = WorkerList), (status = "default", body = problem::Body)))]
async fn list(State(app): State<App>, caller: Caller) -> Answer<Json<WorkerList>> {
    caller.require(Role::Operator)?;
    let items = app.deps.db.workers().await?.into_iter().map(Worker::from).collect();
    Ok(Json(WorkerList { items }))
}
