//! `/v1/uploads/direct`: large sources whose parts go to the object store itself, by addresses that are signed here, and not through
//! this process. The store tells which parts it has; what a client says of them counts for nothing.

pub(super) mod ops;
mod routes;

pub(crate) use routes::router;
