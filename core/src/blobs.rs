//! The object store port. Objects are immutable: created once, read by range, deleted, never rewritten.

use crate::{Result, object::Key};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

/// Bytes as they arrive. A stream that fails part-way yields an error; it never just ends early.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// An object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Bytes of the whole object.
    pub size_bytes: u64,
    /// Strong validator: changes whenever the bytes do.
    pub etag: String,
}

/// An object, or a range of it, being read.
pub struct Object {
    /// The whole object's size and validator.
    pub meta: Meta,
    /// The range that `body` carries.
    pub range: Range<u64>,
    /// The bytes.
    pub body: ByteStream,
}

/// Result of a create-once write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object is new.
    New,
    /// There was one of that name already; it was not touched.
    Existed,
}

/// A large object that grows piece by piece before it exists. Opaque to callers, kept by them between calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growing {
    /// The name that the object will have.
    pub key: String,
    /// Bytes that are durably stored.
    pub size_bytes: u64,
    /// What the adapter needs to go on, such as a multipart upload's id and parts.
    pub state: serde_json::Value,
}

/// An object store.
///
/// # Contract
/// - A reader sees a whole object or none.
/// - `/` in keys has no meaning beyond prefixes, but no key is the folder of another (`a` and `a/b`): not every store can
///   keep both, and one that cannot answers `Conflict`. Deleting what is not there succeeds.
/// - Errors have the kind `NotFound`, `Unavailable` (worth retrying) or `Internal`.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Stores `body` under `key` unless there is an object already: of two racing writers exactly one gets [`Created::New`].
    async fn create(&self, key: &Key, body: Bytes) -> Result<Created>;

    /// Reads an object, or the part of it inside `range`. A range that starts past the end is `Invalid`; one that ends past it is cut.
    async fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Object>;

    /// Size and validator of an object.
    async fn head(&self, key: &Key) -> Result<Meta>;

    /// Removes an object, durably invisible from the answer on.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// Up to `limit` keys that start with `prefix` and come after `after`, in order.
    async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>>;

    /// Begins a large object. Nothing is visible under `key` until [`Self::finish`].
    async fn begin(&self, key: &Key) -> Result<Growing>;

    /// Appends `body` at `growing.size_bytes`, discarding whatever an interrupted call left behind it. On return, and when the
    /// body fails part-way, `growing` tells what is durable: it never tells more than was stored.
    async fn append(&self, growing: &mut Growing, body: ByteStream) -> Result<()>;

    /// Makes the object visible under its key. Calling it again after success succeeds.
    async fn finish(&self, growing: &Growing) -> Result<Meta>;

    /// Drops a large object that was not finished, with all that it left.
    async fn abort(&self, growing: &Growing) -> Result<()>;

    /// Removes what calls that began longer than `age` ago and died have left behind: what never became an object, and large
    /// objects that were begun, are not finished, and whose key is not among `growing`.
    async fn tidy(&self, growing: &HashSet<Key>, age: Duration) -> Result<()>;

    /// What it is and what it promises, in one line for operators, without secrets.
    fn summary(&self) -> String;
}
