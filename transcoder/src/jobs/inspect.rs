//! The inspect job: find out what the source is, make the plan, enqueue its pieces.

use super::{Jobs, committed, piece::pieces};
use crate::{
    child::{Output, Sink, Task},
    recipe,
};
use async_trait::async_trait;
use marquee_backends::{
    db::{
        encodes::{Encode, NewEncode},
        jobs::{Claim, NewJob},
    },
    dispatch::Work,
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, UploadId},
    job::{Class, Failure, Job, Order},
    object::Key,
    plan::{Plan, Recipe, RungChange},
    source::Source,
};

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
        let deps = &self.deps;
        let (size_bytes, accept_damaged) = deps.db.begin_inspect(claim, upload).await?;
        self.hash(work, upload, &Key::source(claim.video, upload), size_bytes).await?;
        let Looked { source, plan, cpu_ms } = match &order {
            Some(Order { like: Some(like), rungs, .. }) => changed(deps.db.encode(*like).await?, rungs)?,
            _ => {
                let looked = self.look(claim, work, upload, size_bytes, accept_damaged, order.as_ref()).await?;
                self.compared(claim, work, upload, looked).await?
            }
        };
        let ordered = order.map(|order| order.encode);
        let encode = NewEncode {
            id: ordered.unwrap_or_else(|| EncodeId::new(deps.clock.as_ref(), deps.random.as_ref())),
            video: claim.video,
            upload,
            plan,
            source,
            encoder_version: crate::encoder_version(),
            inspect_cpu_ms: cpu_ms,
        };
        // Nobody waits for what takes the place of what is there.
        let class = if ordered.is_some() { Class::Bulk } else { claim.class };
        let jobs = self.first_jobs(encode.id, &encode.plan, class);
        Ok(committed(deps.db.finish_inspect(claim, &encode, &jobs).await?)?)
    }

    /// Looks at a source, and plans what `order` says of it.
    async fn look(
        &self,
        claim: &Claim,
        work: &Work,
        upload: UploadId,
        size_bytes: u64,
        accept_damaged: bool,
        order: Option<&Order>,
    ) -> Result<Looked, Failure> {
        let recipe = self.recipe_of(order)?;
        let reader = self.uploaded(claim.video, upload, size_bytes).await?;
        let mut found = Found::default();
        let report = self.deps.host.run(&Task::Inspect, reader, &mut found, work.cancelled()).await?;
        let mut source = found.source(size_bytes, accept_damaged)?;
        let plan = Plan { accept_damaged, ..Plan::new(&source, &recipe) };
        // What there is to know of them the plan knows now.
        source.video.keyframes.clear();
        Ok(Looked { source, plan, cpu_ms: report.cpu_ms })
    }

    /// The recipe that an order names, or the worker's own.
    fn recipe_of(&self, order: Option<&Order>) -> Result<Recipe, Failure> {
        let Some(order) = order else { return Ok(self.recipe.clone()) };
        let recipe = recipe::load(order.recipe.as_deref().unwrap_or(&self.deps.recipe), None).map_err(|error| refused(&error))?;
        Ok(recipe.with_ladder(order.ladder.unwrap_or(self.deps.ladder)))
    }

    /// What a new encode begins with.
    fn first_jobs(&self, encode: EncodeId, plan: &Plan, class: Class) -> Vec<NewJob> {
        let ours = |usual: Class| if class == Class::Bulk { class } else { usual };
        let mut jobs = self.jobs(encode, plan, &pieces(plan), class);
        if plan.undecided().is_some() {
            // All that is not known yet is its work, until it is done.
            let rest = plan.duration_ticks as f32 - jobs.iter().map(|new| new.weight).sum::<f32>();
            let job = Job::Analyse { encode };
            let analyse = NewJob { id: self.job_id(), job, class: ours(Class::Urgent), weight: rest.max(0.0) };
            jobs.insert(jobs.len().min(ANALYSED_AFTER), analyse);
        }
        // Older than the rest of a title, so that they come before it and after what a viewer waits for; too little work to count.
        let job = Job::Thumbnails { encode };
        let awaited = jobs.iter().take_while(|new| new.class == Class::Urgent).count();
        jobs.insert(awaited, NewJob { id: self.job_id(), job, class: ours(Class::Normal), weight: 0.0 });
        jobs
    }
}

/// What a new encode is made from.
pub(super) struct Looked {
    pub(super) source: Source,
    pub(super) plan: Plan,
    pub(super) cpu_ms: u64,
}

/// The plan that `shown` was made by, but for some rungs.
fn changed(shown: Encode, rungs: &[RungChange]) -> Result<Looked, Failure> {
    let plan = shown.plan.with_changes(rungs).map_err(|error| refused(&error))?;
    Ok(Looked { source: shown.source, plan, cpu_ms: 0 })
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
        checked.map_err(|error| refused(&error))?;
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
