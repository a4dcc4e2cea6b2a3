//! The inspect job: find out what the source is, make the plan, enqueue its pieces. Of a source that lists nothing of what it holds both
//! ends are read, if they are regular: what they promise is enough to begin with, and the analysis reads the rest.

use super::{Jobs, committed, led_by, piece::pieces};
use crate::{
    child::{Output, Sink, Task},
    recipe,
};
use async_trait::async_trait;
use marquee_backends::{
    db::{
        encodes::{Begun, Encode, NewEncode},
        jobs::{Claim, NewJob},
    },
    dispatch::Work,
};
use marquee_core::{
    Error, ErrorKind, Result,
    id::{EncodeId, UploadId, VideoId},
    job::{Class, Failure, Job, Order},
    object::Key,
    plan::{Plan, Recipe, RungChange},
    protection::{Choice, Wish},
    source::Source,
};

/// Bytes of each end that are read of a source that lists nothing of what it holds: the first seconds of the largest films, and a second's
/// reading. What is twice as large or smaller is read from end to end.
pub const ENDS_BYTES: u64 = 64 << 20;
/// Jobs that go before the analysis: the first picture and sound, and a few seconds more.
const ANALYSED_AFTER: usize = 3;

impl Jobs {
    pub(super) async fn inspect(
        &self,
        claim: &Claim,
        work: &Work,
        upload: UploadId,
        order: Option<Order>,
    ) -> Result<(), Failure> {
        let db = &self.deps.db;
        let begun = db.begin_inspect(claim, upload).await?;
        let choice = order.as_ref().and_then(|order| order.protection).map_or(begun.protection, Wish::choice);
        if choice.is_some() {
            // Before all work that would be in vain here.
            self.deps.key_server.check()?;
        }
        self.hash(work, upload, &Key::source(claim.video, upload), begun.size_bytes).await?;
        // Nobody waits for what takes the place of what is there, nor for the first seconds of what failed before.
        let (class, is_new) = (if begun.is_change { Class::Bulk } else { claim.class }, !begun.is_change && order.is_none());
        let mut looked = match &order {
            Some(Order { like: Some(like), rungs, .. }) => changed(db.encode(*like).await?, rungs)?,
            _ => {
                let recipe = self.recipe_of(order.as_ref())?;
                let looked = self.look(claim, work, upload, begun, &recipe, is_new).await?;
                self.compared(claim, work, upload, looked).await?
            }
        };
        if let Some(chapters) = order.as_ref().and_then(|order| order.chapters.clone()) {
            looked.source.chapters = chapters;
        }
        looked.plan = self.with_subtitle_files(claim.video, looked.plan).await?;
        let encode = self.new_encode(order.map(|order| order.encode), (claim.video, upload), looked, choice).await?;
        let jobs = self.first_jobs(&encode, class);
        Ok(committed(db.finish_inspect(claim, &encode, &jobs).await?)?)
    }

    /// Looks at a source, and plans it. If it is new, at no more of it than has to be known to begin.
    async fn look(
        &self,
        claim: &Claim,
        work: &Work,
        upload: UploadId,
        begun: Begun,
        recipe: &Recipe,
        is_new: bool,
    ) -> Result<Looked, Failure> {
        let Begun { size_bytes, accept_damaged, .. } = begun;
        let reader = self.uploaded(claim.video, upload, size_bytes).await?;
        let mut found = Found::default();
        let task = Task::Inspect { ends_bytes: is_new.then_some(self.deps.ends_bytes) };
        let report = self.deps.host.run(&task, reader, &mut found, work.cancelled()).await?;
        let source = found.source(size_bytes, accept_damaged)?;
        let plan = Plan { accept_damaged, ..Plan::new(&source, recipe) };
        Ok(Looked { source, plan, cpu_ms: report.cpu_ms, encoder_version: crate::encoder_version() })
    }

    /// The recipe that an order names, or the worker's own.
    fn recipe_of(&self, order: Option<&Order>) -> Result<Recipe, Failure> {
        let Some(order) = order else { return Ok(self.recipe.clone()) };
        let name = order.recipe.as_deref().unwrap_or(&self.deps.recipe);
        let recipe = recipe::load(name, None).map_err(|error| refused(&error))?;
        Ok(recipe.with_ladder(order.ladder.unwrap_or(self.deps.ladder)))
    }

    /// An encode of what was looked at, called `id` if that is known before, and protected as `choice` says.
    ///
    /// # Errors
    /// `Retry` if it is to be protected and this worker cannot do that, or no keys come now; `Fail` if a key server refuses them.
    pub(super) async fn new_encode(
        &self,
        id: Option<EncodeId>,
        (video, upload): (VideoId, UploadId),
        looked: Looked,
        choice: Option<Choice>,
    ) -> Result<NewEncode, Failure> {
        let Looked { mut source, plan, cpu_ms, encoder_version } = looked;
        // What there is to know of them the plan knows now.
        source.video.keyframes.clear();
        let id = id.unwrap_or_else(|| EncodeId::new(self.deps.clock.as_ref(), self.deps.random.as_ref()));
        let plan = Plan { steering: self.deps.steering.clone(), ..plan };
        let (plan, keys) = self.protected((video, id), choice, plan).await.map_err(|error| match error.kind() {
            ErrorKind::Invalid => refused(&error),
            _ => error.into(),
        })?;
        Ok(NewEncode { id, video, upload, plan, source, encoder_version, inspect_cpu_ms: cpu_ms, keys })
    }

    /// The jobs that an encode begins with, because of one of `class`.
    pub(super) fn first_jobs(&self, encode: &NewEncode, class: Class) -> Vec<NewJob> {
        let mut jobs = self.jobs(encode.id, &encode.plan, &pieces(&encode.plan), class);
        if encode.plan.undecided().is_some() || encode.plan.provisional {
            // All that is not known yet is its work, until it is done.
            let rest = encode.plan.duration_ticks as f32 - jobs.iter().map(|new| new.weight).sum::<f32>();
            let job = Job::Analyse { encode: encode.id };
            let analyse = NewJob { id: self.job_id(), job, class: led_by(class, Class::Urgent), weight: rest.max(0.0) };
            jobs.insert(jobs.len().min(ANALYSED_AFTER), analyse);
        }
        if !encode.plan.provisional {
            self.add_thumbnails(encode.id, &mut jobs, class);
        }
        jobs
    }

    /// Adds the thumbnails of `encode` to its jobs: older than the rest of a title, so that they come before it and after what a viewer
    /// waits for; too little work to count.
    pub(super) fn add_thumbnails(&self, encode: EncodeId, jobs: &mut Vec<NewJob>, class: Class) {
        let job = Job::Thumbnails { encode };
        let thumbnails = NewJob { id: self.job_id(), job, class: led_by(class, Class::Normal), weight: 0.0 };
        let awaited = jobs.iter().take_while(|new| new.class == Class::Urgent).count();
        jobs.insert(awaited, thumbnails);
    }
}

/// What a new encode is made from.
pub(super) struct Looked {
    pub(super) source: Source,
    pub(super) plan: Plan,
    pub(super) cpu_ms: u64,
    /// Versions of the encoders that make it.
    pub(super) encoder_version: String,
}

/// The plan that `shown` was made by, but for some rungs.
fn changed(shown: Encode, rungs: &[RungChange]) -> Result<Looked, Failure> {
    let plan = shown.plan.with_changes(rungs).map_err(|error| refused(&error))?;
    // Where nothing is encoded anew, all of it is what the encoders of that time made.
    let encoder_version = if rungs.is_empty() { shown.encoder_version } else { crate::encoder_version() };
    Ok(Looked { source: shown.source, plan, cpu_ms: 0, encoder_version })
}

/// A source or an order of which no title can be made.
fn refused(error: &Error) -> Failure {
    Failure::Fail { code: error.code().to_owned(), message: error.message().to_owned() }
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
        checked.map_err(|refusal| refused(&refusal))?;
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
            self.0 = Some(*source);
        }
        Ok(())
    }
}
