//! `/v1/uploads`: tus 1.0 (<https://tus.io/protocols/resumable-upload>), core, creation, creation-with-upload, termination, checksum
//! and expiration.
//!
//! What arrived is durable in the store before the row says so, and the row is committed at least every few MiB or every
//! second. So after a crash at any byte `HEAD` tells the truth, and a client goes on from there.

mod checksum;
pub(crate) mod direct;
mod headers;
mod heal;
pub(crate) mod ops;
mod receive;
mod routes;

pub(crate) use heal::heal;
pub(crate) use routes::router;
