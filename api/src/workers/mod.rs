//! `/v1/workers`: who works on jobs.

mod routes;

pub(crate) use routes::router;
