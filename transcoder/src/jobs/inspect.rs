//! The inspect job: find out what the source is, make the plan, enqueue its pieces. Of a source that lists nothing of what it holds both
//! ends are read, if they are regular: what they promise is enough to begin with, and the analysis reads the rest.

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
    id::{EncodeId, UploadId, VideoId},
    job::{Class, Failure, Job},
    object::Key,
    plan::Plan,
    source::Source,
};

/// Bytes of each end that are read of a source that lists nothing of what it holds: the first seconds of the largest films, and a second's
/// reading. What is twice as large or smaller is read from end to end.
pub const ENDS_BYTES: u64 = 64 << 20;
/// Jobs that go before the analysis: the first picture and sound, and a few seconds more.
const ANALYSED_AFTER: usize = 3;

impl Jobs {
    pub(super) async fn inspect(&self, claim: &Claim, work: &Work, upload: UploadId) -> Result<(), Failure> {
        let deps = &self.deps;
        let (size_bytes, accept_damaged) = deps.db.begin_inspect(claim, upload).await?;
        self.hash(work, upload, &Key::source(claim.video, upload), size_bytes).await?;
        let reader = self.uploaded(claim.video, upload, size_bytes).await?;
        let mut found = Found::default();
        let task = Task::Inspect { ends_bytes: Some(deps.ends_bytes) };
        let report = deps.host.run(&task, reader, &mut found, work.cancelled()).await?;
        let source = found.source(size_bytes, accept_damaged)?;
        let plan = Plan { accept_damaged, ..Plan::new(&source, &self.recipe) };
        let encode = self.new_encode(claim.video, upload, source, plan, report.cpu_ms);
        let jobs = self.first_jobs(&encode);
        Ok(committed(deps.db.finish_inspect(claim, &encode, &jobs).await?)?)
    }

    /// An encode of `source`, which took `inspect_cpu_ms` to look at, by `plan`.
    pub(super) fn new_encode(
        &self,
        video: VideoId,
        upload: UploadId,
        mut source: Source,
        plan: Plan,
        inspect_cpu_ms: u64,
    ) -> NewEncode {
        // What there is to know of them the plan knows now.
        source.video.keyframes.clear();
        let id = EncodeId::new(self.deps.clock.as_ref(), self.deps.random.as_ref());
        NewEncode { id, video, upload, plan, source, encoder_version: crate::encoder_version(), inspect_cpu_ms }
    }

    /// The jobs that an encode begins with.
    pub(super) fn first_jobs(&self, encode: &NewEncode) -> Vec<NewJob> {
        let mut jobs = self.jobs(encode.id, &encode.plan, &pieces(&encode.plan));
        if encode.plan.undecided().is_some() || encode.plan.provisional {
            // All that is not known yet is its work, until it is done.
            let rest = encode.plan.duration_ticks as f32 - jobs.iter().map(|new| new.weight).sum::<f32>();
            let job = Job::Analyse { encode: encode.id };
            let analyse = NewJob { id: self.job_id(), job, class: Class::Urgent, weight: rest.max(0.0) };
            jobs.insert(jobs.len().min(ANALYSED_AFTER), analyse);
        }
        if !encode.plan.provisional {
            self.add_thumbnails(encode.id, &mut jobs);
        }
        jobs
    }

    /// Adds the thumbnails of `encode` to its jobs: older than the rest of a title, so that they come before it and after what a viewer
    /// waits for; too little work to count.
    pub(super) fn add_thumbnails(&self, encode: EncodeId, jobs: &mut Vec<NewJob>) {
        let thumbnails = NewJob { id: self.job_id(), job: Job::Thumbnails { encode }, class: Class::Normal, weight: 0.0 };
        let awaited = jobs.iter().take_while(|new| new.class == Class::Urgent).count();
        jobs.insert(awaited, thumbnails);
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

    /// The same of a source that was to be read from end to end.
    ///
    /// # Errors
    /// The same, and `Retry` if it was not.
    pub(crate) fn whole_source(self, size_bytes: u64, accept_damaged: bool) -> Result<Source, Failure> {
        let source = self.source(size_bytes, accept_damaged)?;
        match source.seen_until {
            None => Ok(source),
            Some(_) => Err(Error::internal("the child read no more than the ends of a source").into()),
        }
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
