//! Object stores.

mod fs;
#[cfg(feature = "s3")]
mod s3;

pub use fs::FileBlobs;
#[cfg(feature = "s3")]
pub use s3::S3Blobs;
#[cfg(all(feature = "s3", feature = "testing"))]
pub use s3::bare_upload;
#[cfg(all(feature = "s3", feature = "testing"))]
pub(crate) use s3::create_bucket;
