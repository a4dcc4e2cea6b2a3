//! The domain of Marquee, as values and pure functions: ids, errors, roles, the video state machine, what an inspected source
//! is, encode plans, jobs, object names, playback tokens, configuration, and the three ports (blobs, queue, cache).
//!
//! This crate never opens a socket or a file, never reads the environment, the system clock or a random source by
//! itself: time and randomness are passed in ([`Clock`], [`Random`]).

pub mod blobs;
pub mod byte_range;
pub mod cache;
mod clock;
pub mod config;
pub mod cost;
mod error;
pub mod fingerprint;
pub mod id;
pub mod job;
pub mod language;
pub mod object;
pub mod parts;
pub mod plan;
pub mod presentation;
pub mod protection;
pub mod quality;
pub mod queue;
mod random;
mod role;
pub mod sha256;
mod shutdown;
pub mod source;
pub mod sums;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod thumbnails;
pub mod token;
pub mod video;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Error, ErrorKind, Result};
pub use random::{OsRandom, Random, SeededRandom};
pub use role::Role;
pub use shutdown::Shutdown;
