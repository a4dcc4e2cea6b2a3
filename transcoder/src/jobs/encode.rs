//! The encode, audio and subtitles jobs: what there is already is copied, a child makes the rest, the shelf stores it, the ledger is told
//! while the child goes on, so that a growing playlist grows.

use super::{
    Jobs, cancelled, committed, layout,
    piece::{Piece, refuse_damage},
    shelf::{Shelf, ShelfSink},
};
use crate::child::{Output, Sink};
use async_trait::async_trait;
use marquee_backends::{
    db::{Db, jobs::Claim, ledger::Batch},
    dispatch::Work,
};
use marquee_core::{Error, ErrorKind, Result, id::EncodeId, job::Failure, object::Track};

/// Segments of one sound or text rendition in a batch, after the first batch, which has one. They are far ahead of the picture.
const SOUND_BATCH: usize = 8;
/// Segments of one rung in a batch.
const PICTURE_BATCH: usize = 1;

impl Jobs {
    pub(super) async fn encode(&self, claim: &Claim, work: &Work, encode: EncodeId, piece: Piece) -> Result<(), Failure> {
        let (db, encode) = (&self.deps.db, self.deps.db.encode(encode).await?);
        let keys = self.keys(encode.id, &encode.plan).await?;
        let copied = work.cancelled().run_until_cancelled(self.take_over(&encode, keys.as_ref(), piece)).await;
        let (copied, piece) = copied.ok_or_else(cancelled)??;
        let Some(piece) = piece else {
            return Ok(committed(db.commit_job(claim, encode.id, &copied, self.job_id()).await?)?);
        };
        if copied != Batch::default() {
            committed(db.commit_part(claim, encode.id, &copied).await?)?;
        }
        let shelf = Shelf::new(self.deps.blobs.clone(), layout(&encode)?, &encode.plan, &piece, keys)?;
        let (track, renditions) = piece.renditions(&encode.plan);
        let mut sink = PartSink {
            inner: ShelfSink { shelf, progress: |done| work.progress(done) },
            db,
            claim,
            encode: encode.id,
            renditions: renditions.len(),
            due_segments: 1,
            batch_segments: if track == Track::Video { PICTURE_BATCH } else { SOUND_BATCH },
            untold: Batch::default(),
        };
        let report = match (&piece, piece.task(&encode.source, &encode.plan)) {
            (Piece::File { file }, _) => {
                let cut = work.cancelled().run_until_cancelled(self.cut_file(&encode, *file, &mut sink)).await;
                cut.ok_or_else(cancelled)??
            }
            (_, Some(task)) => self.deps.host.run(&task, self.source(&encode).await?, &mut sink, work.cancelled()).await?,
            (piece, None) => return Err(Error::internal(format!("nobody makes {piece:?}")).into()),
        };
        if track == Track::Video {
            let others = db.damaged_frames(encode.id, piece.chunk()).await?;
            refuse_damage(&encode.source, &encode.plan, report.damaged.saturating_add(others))?;
        }
        let mut batch = sink.untold;
        batch.append(sink.inner.shelf.settle().await?);
        batch.finished = piece.finished(&encode.plan, &report);
        Ok(committed(db.commit_job(claim, encode.id, &batch, self.job_id()).await?)?)
    }
}

/// Stores what comes and tells the ledger from time to time.
struct PartSink<'a, F> {
    inner: ShelfSink<F>,
    db: &'a Db,
    claim: &'a Claim,
    encode: EncodeId,
    /// How many renditions come, at the same pace.
    renditions: usize,
    /// Segments of each after which the ledger is told next, and from then on.
    due_segments: usize,
    batch_segments: usize,
    /// Stored, and to be told when the database answers again.
    untold: Batch,
}

#[async_trait]
impl<F: Fn(f32) + Send> Sink for PartSink<'_, F> {
    async fn accept(&mut self, output: Output) -> Result<()> {
        self.inner.accept(output).await?;
        if self.inner.shelf.segments() < self.due_segments * self.renditions {
            return Ok(());
        }
        self.due_segments = self.batch_segments;
        self.untold.append(self.inner.shelf.settle().await?);
        match self.db.commit_part(self.claim, self.encode, &self.untold).await {
            // The work is good all the same: what the ledger was not told it is told with the next part.
            Err(cause) if cause.kind() == ErrorKind::Unavailable => {
                tracing::warn!(job.id = %self.claim.job_id, error = cause.detail(), "a part waits for the ledger");
                Ok(())
            }
            told => {
                committed(told?)?;
                self.untold = Batch::default();
                Ok(())
            }
        }
    }
}
