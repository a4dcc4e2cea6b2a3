//! `/v1/videos`: making videos and following what becomes of them.

mod change;
mod cost;
pub(crate) mod facts;
mod multipart;
pub(crate) mod ops;
mod protection;
mod quality;
mod routes;
mod search;
mod watch;

pub(crate) use routes::{VideoView, router, slow_router};
