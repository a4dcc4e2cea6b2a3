//! `/v1/videos/{id}/subtitles`: files of subtitles that come beside a film.

mod follow;
mod ops;
mod routes;

pub(crate) use follow::follow;
pub(crate) use routes::{router, slow_router};
