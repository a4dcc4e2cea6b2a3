//! CMAF, progressive MP4, subtitles, HLS, DASH, content protection and the conformance gate, as functions from values to bytes and strings.
//!
//! This crate never sees a socket or a file, and the same values always give the same bytes. [`verify`] asks its caller for bytes.

pub mod bitrate;
mod bits;
pub mod cmaf;
pub mod codec;
pub mod dash;
pub mod gate;
pub mod hls;
pub mod progressive;
pub mod protect;
#[cfg(test)]
mod sample;
pub mod sidecar;
pub mod thumbs;
pub mod verify;
pub mod webvtt;

use marquee_core::Error;

pub use marquee_core::presentation as model;

/// Bytes or text that are not what they should be.
fn malformed(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::invalid("malformed_media", "these are not the bytes of a track").caused_by(what)
}
