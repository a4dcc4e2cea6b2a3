//! Object stores.

mod fs;
#[cfg(feature = "s3")]
mod s3;

pub use fs::FileBlobs;
#[cfg(feature = "s3")]
pub use s3::S3Blobs;
