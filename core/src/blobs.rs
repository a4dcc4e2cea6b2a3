//! The object store port. Objects are immutable: created once, read by range, deleted, never rewritten.

use crate::{Result, object::Key};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;

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

/// A part of a large object that its sender gives to the store itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Its position, counted from 1.
    pub number: u32,
    /// Its bytes.
    pub size_bytes: u64,
}

/// What a store does that takes the parts of a large object from whoever has an address that we signed, past our own processes.
///
/// # Contract
/// - An address takes one part of one size, until its time is over or the object is finished or dropped.
/// - A part that is sent again replaces the one before. All parts but the last have the same size, of at least 5 MiB.
/// - An object that was begun here is finished and dropped as any other, and never appended to.
#[async_trait]
pub trait Direct: Send + Sync {
    /// Begins a large object that will come in parts.
    async fn begin_in_parts(&self, key: &Key) -> Result<Growing>;

    /// Where to `PUT` the bytes of `part`, from `now` on for as long as `valid_for`.
    async fn address(&self, growing: &Growing, part: Part, now: OffsetDateTime, valid_for: Duration) -> Result<Url>;

    /// The parts that are stored, in order. From now on `growing` tells of them, up to the first that is missing. Once the object is
    /// finished or dropped it is `NotFound`, or has no parts, or is refused as `Internal`, by the store.
    async fn gather(&self, growing: &mut Growing) -> Result<Vec<Part>>;
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

    /// Stores the object `from` under `to` as well, inside the store, unless there is one already.
    async fn copy(&self, from: &Key, to: &Key) -> Result<Created>;

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

    /// How large objects can be sent to the store itself, if it can do that.
    fn direct(&self) -> Option<&dyn Direct> {
        None
    }

    /// Removes what calls that began longer than `age` ago and died have left behind: what never became an object, and large
    /// objects that were begun, are not finished, and whose key is not among `growing`.
    async fn tidy(&self, growing: &HashSet<Key>, age: Duration) -> Result<()>;

    /// What it is and what it promises, in one line for operators, without secrets.
    fn summary(&self) -> String;
}
