//! CMAF, HLS and the conformance gate, as functions from values to bytes and strings.
//!
//! This crate never sees a socket or a file.

pub use marquee_core::presentation as model;
