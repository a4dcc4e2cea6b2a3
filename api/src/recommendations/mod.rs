//! `/v1/recommendations`: what a profile may like next.

mod ops;
mod routes;

pub(crate) use routes::router;
