//! `/v1/users`: signing up, in and out, and who one is.

pub(crate) mod ops;
mod routes;

pub(crate) use routes::router;
