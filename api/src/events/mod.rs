//! `/v1/events`: what players report.

mod routes;

pub(crate) use routes::router;
