//! `/v1/videos/{id}/poster`: the picture that stands for a video, and where pages find it.

pub(crate) mod ops;
mod routes;

pub(crate) use routes::{PosterView, router};
