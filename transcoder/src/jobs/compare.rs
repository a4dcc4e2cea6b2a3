//! A film that takes the place of another one is compared with it, so that what they share is copied and not made again.

use super::{Jobs, analyse::is_of_the_moment, inspect::Looked};
use crate::child::{Output, Sink, Task};
use async_trait::async_trait;
use marquee_backends::{db::jobs::Claim, dispatch::Work};
use marquee_core::{
    Error, Result, fingerprint::Fingerprints, id::UploadId, job::Failure, plan::Timeline, source::Source, video::Status,
};

impl Jobs {
    /// What was looked at in `upload`, planned as far as it can be like what the video shows.
    pub(super) async fn compared(&self, claim: &Claim, work: &Work, upload: UploadId, looked: Looked) -> Result<Looked, Failure> {
        let db = &self.deps.db;
        let video = db.video(claim.video).await?;
        let Some(shown) = video.encode.filter(|_| video.status == Status::Ready) else { return Ok(looked) };
        let shown = db.encode(shown).await?;
        if shown.upload == upload || shown.plan.timeline != looked.plan.timeline {
            return Ok(looked);
        }
        let timeline = &looked.plan.timeline;
        let ours = self.fingerprints(claim, work, upload, &looked.source, timeline).await?;
        let theirs = self.fingerprints(claim, work, shown.upload, &shown.source, timeline).await?;
        Ok(match (ours, theirs) {
            (Some((ours, cpu_ms)), Some((theirs, more_ms))) => {
                let is_like = ours.shares_most(&theirs);
                let plan = if is_like { looked.plan.keeping_ladder_of(&shown.plan) } else { looked.plan };
                Looked { plan, cpu_ms: looked.cpu_ms + cpu_ms + more_ms, ..looked }
            }
            _ => looked,
        })
    }

    /// What a source of the claim's video holds, and the processor time that it took to find out. `None` if it cannot be told: then all
    /// of the film is made, which is as good.
    async fn fingerprints(
        &self,
        claim: &Claim,
        work: &Work,
        upload: UploadId,
        source: &Source,
        timeline: &Timeline,
    ) -> Result<Option<(Fingerprints, u64)>, Failure> {
        let known = self.deps.db.fingerprints(upload).await?.filter(|prints| prints.timeline == *timeline);
        if let Some(known) = known {
            return Ok(Some((known, 0)));
        }
        let task = Task::Fingerprint { source: source.clone(), timeline: timeline.clone() };
        let reader = self.uploaded(claim.video, upload, source.size_bytes).await?;
        let mut found = Found::default();
        let report = match self.deps.host.run(&task, reader, &mut found, work.cancelled()).await {
            Err(Failure::Fail { code, message }) => {
                tracing::info!(failure.code = code, "a source cannot be compared: {message}");
                return Ok(None);
            }
            Err(Failure::Retry(error)) if !is_of_the_moment(error.kind()) => {
                tracing::warn!(upload.id = %upload, error = error.detail(), "a source cannot be compared");
                return Ok(None);
            }
            report => report?,
        };
        let prints = found.0.ok_or_else(|| Error::internal("the child read a source and said nothing of what it holds"))?;
        prints.validate(source, timeline)?;
        self.deps.db.keep_fingerprints(upload, &prints).await?;
        Ok(Some((prints, report.cpu_ms)))
    }
}

/// Keeps the answer to [`Task::Fingerprint`].
#[derive(Default)]
struct Found(Option<Fingerprints>);

#[async_trait]
impl Sink for Found {
    async fn accept(&mut self, output: Output) -> Result<()> {
        if let Output::Fingerprints(prints) = output {
            self.0 = Some(prints);
        }
        Ok(())
    }
}
