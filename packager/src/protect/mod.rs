//! Protection of content: Common Encryption of tracks (ISO/IEC 23001-7), and what players, licence servers and key servers are told of it.
//!
//! A track is protected after it is packaged ([`Protector`]), whether its segments were written just now or lie in a store: samples
//! keep their sizes, and only sample entries and the headers of fragments grow. Nothing is encoded again.

mod av1;
mod avc;
mod boxes;
mod cipher;
pub mod clear_key;
pub mod cpix;
pub(crate) mod hevc;
mod map;
pub mod pssh;
pub mod signal;
mod track;

pub use track::{Opener, Protector};

#[cfg(test)]
mod judge;
#[cfg(test)]
mod tests;
