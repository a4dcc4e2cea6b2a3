//! `/v1/videos/{id}/download`: a title as one MP4 file, made of its segments while it is sent.

mod ops;
mod routes;

pub(crate) use routes::router;
