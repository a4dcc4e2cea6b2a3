//! The encode and audio jobs: a child makes segments, the shelf stores them, the ledger is told. Picture is committed chunk by
//! chunk at the end of its job; sound, which is one long job, in batches while it runs.

use super::{
    Jobs, committed, layout,
    piece::{Piece, refuse_damage},
    shelf::{Shelf, ShelfSink},
};
use crate::child::{Output, Sink};
use async_trait::async_trait;
use marquee_backends::{
    db::{Db, jobs::Claim},
    dispatch::Work,
};
use marquee_core::{Result, id::EncodeId, job::Failure};

/// Segments of one sound rendition in a batch, after the first batch, which has one.
const BATCH_SEGMENTS: usize = 8;

impl Jobs {
    pub(super) async fn picture(&self, claim: &Claim, work: &Work, encode: EncodeId, piece: Piece) -> Result<(), Failure> {
        let (db, encode) = (&self.deps.db, self.deps.db.encode(encode).await?);
        let shelf = Shelf::new(self.deps.blobs.clone(), layout(&encode)?, &encode.plan, &piece);
        let mut sink = ShelfSink { shelf, progress: |done| work.progress(done) };
        let task = piece.task(&encode.source, &encode.plan);
        let report = self.deps.host.run(&task, self.source(&encode).await?, &mut sink, work.cancelled()).await?;
        refuse_damage(&encode.source, report.damaged.saturating_add(db.damaged_frames(encode.id).await?))?;
        let mut batch = sink.shelf.settle().await?;
        batch.finished = piece.finished(&encode.plan, &report);
        Ok(committed(db.commit_job(claim, encode.id, &batch, self.job_id()).await?)?)
    }

    pub(super) async fn sound(&self, claim: &Claim, work: &Work, encode: EncodeId, piece: Piece) -> Result<(), Failure> {
        let (db, encode) = (&self.deps.db, self.deps.db.encode(encode).await?);
        let shelf = Shelf::new(self.deps.blobs.clone(), layout(&encode)?, &encode.plan, &piece);
        let inner = ShelfSink { shelf, progress: |done| work.progress(done) };
        let mut sink = SoundSink { inner, db, claim, encode: encode.id, renditions: 0, batch_segments: 1 };
        let task = piece.task(&encode.source, &encode.plan);
        let report = self.deps.host.run(&task, self.source(&encode).await?, &mut sink, work.cancelled()).await?;
        let mut batch = sink.inner.shelf.settle().await?;
        batch.finished = piece.finished(&encode.plan, &report);
        Ok(committed(db.commit_job(claim, encode.id, &batch, self.job_id()).await?)?)
    }
}

/// Stores what comes and tells the ledger from time to time, so that a growing playlist grows.
struct SoundSink<'a, F> {
    inner: ShelfSink<F>,
    db: &'a Db,
    claim: &'a Claim,
    encode: EncodeId,
    renditions: usize,
    batch_segments: usize,
}

#[async_trait]
impl<F: Fn(f32) + Send> Sink for SoundSink<'_, F> {
    async fn accept(&mut self, output: Output) -> Result<()> {
        self.renditions += usize::from(matches!(output, Output::Init { .. }));
        self.inner.accept(output).await?;
        if self.renditions == 0 || self.inner.shelf.segments() < self.batch_segments * self.renditions {
            return Ok(());
        }
        self.batch_segments = BATCH_SEGMENTS;
        let batch = self.inner.shelf.settle().await?;
        committed(self.db.commit_part(self.claim, self.encode, &batch).await?)
    }
}
