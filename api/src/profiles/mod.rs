//! `/v1/users/{id}/profiles`: the persons in an account.

pub(crate) mod routes;
mod taste;

pub(crate) use routes::router;
