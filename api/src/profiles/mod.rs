//! `/v1/users/{id}/profiles`: the persons in an account.

pub(crate) mod routes;

pub(crate) use routes::router;
