//! A store that breaks at a chosen operation, once or for good: before the operation is done, or after it, as a crash does.

use async_trait::async_trait;
use bytes::Bytes;
use marquee_core::{
    Error, Result,
    blobs::{Blobs, ByteStream, Created, Growing, Meta, Object},
    object::Key,
};
use std::{
    collections::HashSet,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// When the store breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// The store `inner`, which breaks.
pub(crate) struct Faulty {
    inner: Arc<dyn Blobs>,
    moment: Moment,
    left: AtomicI64,
    for_good: bool,
}

impl Faulty {
    /// A store that does `operations` and breaks at the next, once.
    pub(crate) fn new(inner: Arc<dyn Blobs>, moment: Moment, operations: i64) -> Self {
        Self { inner, moment, left: AtomicI64::new(operations), for_good: false }
    }

    /// The same, but that it does nothing any more after that.
    pub(crate) fn for_good(self) -> Self {
        Self { for_good: true, ..self }
    }

    /// Whether it broke.
    pub(crate) fn has_broken(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    async fn run<T>(&self, operation: impl Future<Output = Result<T>>) -> Result<T> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        let is_fatal = left == 0 || (self.for_good && left < 0);
        let broken = || Err(Error::unavailable("the store").caused_by("broken on purpose"));
        if is_fatal && self.moment == Moment::Before {
            return broken();
        }
        let outcome = operation.await;
        if is_fatal { broken() } else { outcome }
    }
}

#[async_trait]
impl Blobs for Faulty {
    async fn create(&self, key: &Key, body: Bytes) -> Result<Created> {
        self.run(self.inner.create(key, body)).await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Created> {
        self.run(self.inner.copy(from, to)).await
    }

    async fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Object> {
        self.run(self.inner.read(key, range)).await
    }

    async fn head(&self, key: &Key) -> Result<Meta> {
        self.run(self.inner.head(key)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.run(self.inner.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>> {
        self.run(self.inner.list(prefix, after, limit)).await
    }

    async fn begin(&self, key: &Key) -> Result<Growing> {
        self.run(self.inner.begin(key)).await
    }

    async fn append(&self, growing: &mut Growing, body: ByteStream) -> Result<()> {
        self.run(self.inner.append(growing, body)).await
    }

    async fn finish(&self, growing: &Growing) -> Result<Meta> {
        self.run(self.inner.finish(growing)).await
    }

    async fn abort(&self, growing: &Growing) -> Result<()> {
        self.run(self.inner.abort(growing)).await
    }

    async fn tidy(&self, growing: &HashSet<Key>, age: Duration) -> Result<()> {
        self.run(self.inner.tidy(growing, age)).await
    }

    fn summary(&self) -> String {
        self.inner.summary()
    }
}
