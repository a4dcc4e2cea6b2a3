//! `/v1/videos/{id}/playback` and `/stream`: where an edge serves a video, and for how long.

mod ops;
mod routes;

pub(crate) use routes::router;
