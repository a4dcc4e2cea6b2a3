//! The inspect job: find out what the source is, make the plan, enqueue its pieces.

use super::{Jobs, committed, piece::pieces};
use crate::child::{Output, Sink, Task};
use async_trait::async_trait;
use marquee_backends::{
    db::{
        encodes::NewEncode,
        jobs::{Claim, NewJob},
    },
    dispatch::Work,
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, UploadId},
    job::{Class, Failure, Job},
    object::Key,
    plan::Plan,
    source::Source,
};

/// Jobs that go before the analysis: the first picture and sound, and a few seconds more.
const ANALYSED_AFTER: usize = 3;

impl Jobs {
    pub(super) async fn inspect(&self, claim: &Claim, work: &Work, upload: UploadId) -> Result<(), Failure> {
        let deps = &self.deps;
        let (size_bytes, accept_damaged) = deps.db.begin_inspect(claim, upload).await?;
        self.hash(work, upload, &Key::source(claim.video, upload), size_bytes).await?;
        let reader = self.uploaded(claim.video, upload, size_bytes).await?;
        let mut found = Found::default();
        let report = deps.host.run(&Task::Inspect, reader, &mut found, work.cancelled()).await?;
        let mut source = found.source(size_bytes, accept_damaged)?;
        let plan = Plan { accept_damaged, ..Plan::new(&source, &self.recipe) };
        // What there is to know of them the plan knows now.
        source.video.keyframes.clear();
        let encode = NewEncode {
            id: EncodeId::new(deps.clock.as_ref(), deps.random.as_ref()),
            video: claim.video,
            upload,
            plan,
            source,
            encoder_version: crate::encoder_version(),
            inspect_cpu_ms: report.cpu_ms,
        };
        let mut jobs = self.jobs(encode.id, &encode.plan, &pieces(&encode.plan));
        if encode.plan.undecided().is_some() {
            // All that is not known yet is its work, until it is done.
            let rest = encode.plan.duration_ticks as f32 - jobs.iter().map(|new| new.weight).sum::<f32>();
            let job = Job::Analyse { encode: encode.id };
            let analyse = NewJob { id: self.job_id(), job, class: Class::Urgent, weight: rest.max(0.0) };
            jobs.insert(jobs.len().min(ANALYSED_AFTER), analyse);
        }
        // Older than the rest of a title, so that they come before it and after what a viewer waits for; too little work to count.
        let thumbnails = Job::Thumbnails { encode: encode.id };
        let thumbnails = NewJob { id: self.job_id(), job: thumbnails, class: Class::Normal, weight: 0.0 };
        let awaited = jobs.iter().take_while(|new| new.class == Class::Urgent).count();
        jobs.insert(awaited, thumbnails);
        Ok(committed(deps.db.finish_inspect(claim, &encode, &jobs).await?)?)
    }
}

/// Keeps the answer to [`Task::Inspect`].
#[derive(Default)]
pub(crate) struct Found(Option<Source>);

impl Found {
    /// The answer about a source of `size_bytes`. It comes from a process that has read hostile bytes and may be theirs by now,
    /// so it is believed only where it can be true.
    ///
    /// # Errors
    /// `Fail` if the source is beyond the limits, or lost a part that it is not accepted without; `Retry` if the child succeeded
    /// without an answer to what it was asked.
    pub(crate) fn source(self, size_bytes: u64, accept_damaged: bool) -> Result<Source, Failure> {
        let source = self.0.ok_or_else(|| Error::internal("the child inspected a source and said nothing"))?;
        let checked = source.validate().and_then(|()| if accept_damaged { Ok(()) } else { source.check_whole() });
        checked.map_err(|refusal| Failure::Fail { code: refusal.code().to_owned(), message: refusal.message().to_owned() })?;
        if source.size_bytes != size_bytes {
            return Err(Error::internal(format!("the child says {} bytes of a source of {size_bytes}", source.size_bytes)).into());
        }
        Ok(source)
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
