//! Any film in, CMAF renditions out: the only crate that links libav.
//!
//! [`child`] is the sandboxed process that reads a source, [`handler`] what a worker does with it for each kind of job,
//! [`local`] the same on a film of this machine without any service.

pub mod child;
mod jobs;
pub mod local;
mod media;
pub mod recipe;

pub use jobs::{Deps, handler, inspect::ENDS_BYTES};

/// Versions of the encoders that this build has: part of what makes an encode reproducible.
#[must_use]
pub fn encoder_version() -> String {
    format!("marquee {} ({}), {}", env!("CARGO_PKG_VERSION"), env!("MARQUEE_MEDIA_SUM"), media::version())
}
