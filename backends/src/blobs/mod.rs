//! Object stores.

mod fs;

pub use fs::FileBlobs;
