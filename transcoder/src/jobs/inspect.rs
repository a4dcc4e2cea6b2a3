//! The inspect job: find out what the source is, make the plan, enqueue its pieces.

use super::{Jobs, committed, piece::pieces, source::StoredSource};
use crate::{
    child::{Output, Sink, Task},
    media,
};
use async_trait::async_trait;
use marquee_backends::{
    db::{encodes::NewEncode, jobs::Claim},
    dispatch::Work,
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, UploadId},
    job::Failure,
    object::Key,
    plan::Plan,
    source::Source,
};
use std::sync::Arc;

impl Jobs {
    pub(super) async fn inspect(&self, claim: &Claim, work: &Work, upload: UploadId) -> Result<(), Failure> {
        let deps = &self.deps;
        let size_bytes = deps.db.begin_inspect(claim, upload).await?;
        let reader = StoredSource::new(deps.blobs.clone(), Key::source(claim.video, upload), size_bytes);
        let mut found = Found::default();
        deps.host.run(&Task::Inspect, Arc::new(reader), &mut found, work.cancelled()).await?;
        let source = found.source()?;
        let encode = NewEncode {
            id: EncodeId::new(deps.clock.as_ref(), deps.random.as_ref()),
            video: claim.video,
            upload,
            plan: Plan::new(&source, &self.recipe),
            source,
            encoder_version: format!("marquee {}, {}", env!("CARGO_PKG_VERSION"), media::version()),
        };
        let jobs: Vec<_> = pieces(&encode.plan).iter().map(|piece| (self.job_id(), piece.job(encode.id))).collect();
        Ok(committed(deps.db.finish_inspect(claim, &encode, &jobs).await?)?)
    }
}

/// Keeps the answer to [`Task::Inspect`].
#[derive(Default)]
pub(crate) struct Found(Option<Source>);

impl Found {
    /// The answer.
    ///
    /// # Errors
    /// `Internal` if the child succeeded without one.
    pub(crate) fn source(self) -> Result<Source> {
        self.0.ok_or_else(|| Error::internal("the child inspected a source and said nothing"))
    }
}

#[async_trait]
impl Sink for Found {
    async fn accept(&mut self, output: Output) -> Result<()> {
        if let Output::Source(source) = output {
            self.0 = Some(source);
        }
        Ok(())
    }
}
