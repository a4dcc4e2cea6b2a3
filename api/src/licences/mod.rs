//! `/v1/licences`: keys of protected titles, for those who may play them, and whole documents of them for packagers and licence servers.

pub(crate) mod ops;
mod routes;

pub(crate) use routes::{internal_router, router};
