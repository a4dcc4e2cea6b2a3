//! What tests of this crate and of those above it begin with.

use crate::{
    Result,
    blobs::{Blobs, ByteStream, Created, Growing, Meta, Object},
    object::Key,
    source::{AudioTrack, Ratio, Seek, Source, VideoTrack},
};
use async_trait::async_trait;
use bytes::Bytes;
use std::{collections::HashSet, ops::Range, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// A 35 s film of 640 × 360 at 30 frames a second, with one stereo track. A test changes what it is about.
pub fn source() -> Source {
    let video = VideoTrack {
        stream: 0,
        codec: "h264".into(),
        width: 640,
        height: 360,
        sample_aspect: Ratio::new(1, 1),
        rotation_degrees: 0,
        mirrored: false,
        pixel_format: "yuv420p".into(),
        bit_depth: 8,
        transfer: "bt709".into(),
        primaries: "bt709".into(),
        matrix: "bt709".into(),
        full_range: false,
        captions: Vec::new(),
        interlaced: false,
        field_order: None,
        pulldown: None,
        frame_rate: Ratio::new(30, 1),
        constant_rate: true,
        time_base: Ratio::new(1, 1000),
        origin: 0,
        end: 35_000,
        frames: 1050,
        seek: Seek::Keyframe,
        keyframes: Vec::new(),
    };
    let audio = AudioTrack {
        stream: 1,
        codec: "aac".into(),
        channels: 2,
        sample_rate_hz: 48_000,
        language: "und".into(),
        title: None,
        default: true,
    };
    Source {
        container: "mp4".into(),
        size_bytes: 1,
        duration_ms: 35_000,
        missing_ms: 0,
        gaps_ms: 0,
        seen_until: None,
        video,
        audio: vec![audio],
        subtitles: Vec::new(),
        chapters: Vec::new(),
        notes: Vec::new(),
    }
}

/// The store `inner`, but that everything which is read passes through `bend`: a bad line, a slow one.
pub struct Bent<F> {
    inner: Arc<dyn Blobs>,
    bend: F,
    finishes: Arc<Semaphore>,
}

impl<F: Fn(Object) -> Result<Object> + Send + Sync + 'static> Bent<F> {
    /// See the type.
    pub fn new(inner: Arc<dyn Blobs>, bend: F) -> Self {
        Self { inner, bend, finishes: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    /// The same, but that an object is only finished when `finishes` lets it.
    pub fn finishing(self, finishes: Arc<Semaphore>) -> Self {
        Self { finishes, ..self }
    }
}

#[async_trait]
impl<F: Fn(Object) -> Result<Object> + Send + Sync + 'static> Blobs for Bent<F> {
    async fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Object> {
        (self.bend)(self.inner.read(key, range).await?)
    }

    async fn create(&self, key: &Key, body: Bytes) -> Result<Created> {
        self.inner.create(key, body).await
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<Created> {
        self.inner.copy(from, to).await
    }

    async fn head(&self, key: &Key) -> Result<Meta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Key>> {
        self.inner.list(prefix, after, limit).await
    }

    async fn begin(&self, key: &Key) -> Result<Growing> {
        self.inner.begin(key).await
    }

    async fn append(&self, growing: &mut Growing, body: ByteStream) -> Result<()> {
        self.inner.append(growing, body).await
    }

    async fn finish(&self, growing: &Growing) -> Result<Meta> {
        let _permit = self.finishes.acquire().await;
        self.inner.finish(growing).await
    }

    async fn abort(&self, growing: &Growing) -> Result<()> {
        self.inner.abort(growing).await
    }

    async fn tidy(&self, growing: &HashSet<Key>, age: Duration) -> Result<()> {
        self.inner.tidy(growing, age).await
    }

    fn summary(&self) -> String {
        self.inner.summary()
    }
}
