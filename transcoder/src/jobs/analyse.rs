//! The analyse job: read what inspection has left unread, measure samples of the film, choose the rest of the ladder by that, and enqueue
//! what is left to do.

use super::{Jobs, committed, inspect, layout, piece::pieces};
use crate::child::{CRASHED, Host, Output, Report, STUCK, Sink, SourceReader, Task};
use async_trait::async_trait;
use marquee_backends::{
    db::{encodes::Encode, jobs::Claim},
    dispatch::Work,
};
use marquee_core::{
    ErrorKind, Result,
    id::EncodeId,
    job::Failure,
    plan::{Measure, Plan},
    source::{Note, Source},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Attempts to measure a title, those included that a service or a stop of the worker cut short.
const ATTEMPTS_MAX: i32 = 3;
/// Work of an analysis compared with a whole ladder's picture.
const WEIGHT: f64 = 0.1;
/// The same of reading a film from end to end.
const READING_WEIGHT: f64 = 0.01;

impl Jobs {
    pub(super) async fn analyse(&self, claim: &Claim, work: &Work, encode: EncodeId) -> Result<(), Failure> {
        let mut encode = self.deps.db.encode(encode).await?;
        layout(&encode)?;
        let reader: Arc<dyn SourceReader> = self.source(&encode).await?;
        if encode.plan.provisional {
            let whole = self.read_whole(work, &mut encode, reader.clone()).await?;
            let Some(plan) = encode.plan.clone().complete(&encode.source, &whole) else {
                return self.begin_anew(claim, &encode, whole).await;
            };
            (encode.plan, encode.source) = (plan, whole.in_words_of(&encode.source));
            encode.source.video.keyframes.clear();
        }
        encode.plan = if claim.attempt > ATTEMPTS_MAX {
            // Attempts that ended without a word may have taken the whole worker with them.
            encode.plan.decide(Vec::new(), 0)
        } else if let Some(measures) = self.known_measures(&encode).await? {
            encode.plan.decide(measures, 0)
        } else {
            let is_last = claim.attempt == ATTEMPTS_MAX;
            decide(&self.deps.host, &encode.source, encode.plan, reader, is_last, work.cancelled()).await?
        };
        let mut jobs = self.jobs(encode.id, &encode.plan, &pieces(&encode.plan), claim.class);
        // Where its film was known from the beginning, a title has them already.
        self.add_thumbnails(encode.id, &mut jobs, claim.class);
        let weight = if encode.plan.analysis.is_some() { WEIGHT } else { READING_WEIGHT } * encode.plan.duration_ticks as f64;
        Ok(committed(self.deps.db.finish_analyse(claim, &encode, weight as f32, &jobs).await?)?)
    }

    /// Reads the source of `encode` from end to end, whatever it is.
    async fn read_whole(&self, work: &Work, encode: &mut Encode, reader: Arc<dyn SourceReader>) -> Result<Source, Failure> {
        let mut found = inspect::Found::default();
        let report = self.deps.host.run(&Task::Inspect { ends_bytes: None }, reader, &mut found, work.cancelled()).await?;
        encode.inspect_cpu_ms += report.cpu_ms;
        found.whole_source(encode.source.size_bytes, encode.plan.accept_damaged)
    }

    /// Lets the film that is `whole` begin anew: its ends have promised another one, which is what was made so far of `before`.
    async fn begin_anew(&self, claim: &Claim, before: &Encode, whole: Source) -> Result<(), Failure> {
        tracing::warn!(encode.id = %before.id, promised = ?before.source.video, found = ?whole.video, "a film is not what its ends promised");
        let mut plan = Plan { accept_damaged: before.plan.accept_damaged, ..Plan::new(&whole, &self.recipe) };
        plan.notes.push(Note::new("begun_anew", "the film is not what its beginning and its end promised: it was begun anew"));
        let plan = self.with_subtitle_files(before.video, plan).await?;
        let encoder_version = crate::encoder_version();
        let looked = inspect::Looked { source: whole, plan, cpu_ms: before.inspect_cpu_ms, encoder_version };
        let choice = before.plan.protected.as_ref().map(|protected| protected.choice);
        let anew = self.new_encode(None, (before.video, before.upload), looked, choice).await?;
        let jobs = self.first_jobs(&anew, claim.class);
        Ok(committed(self.deps.db.begin_anew(claim, before.id, &anew, &jobs).await?)?)
    }
}

/// Whether an error says nothing of the film.
pub(crate) fn is_of_the_moment(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Cancelled)
}

/// Measures what `plan` has undecided and decides it. A film that cannot be measured gets the fixed ladder: its encoding will say
/// what is wrong with it. So does one whose child crashes or comes to no end, or fails otherwise, if this is the last try.
///
/// # Errors
/// `Retry` if a child fails, and always if the source cannot be read now or `cancel` is called.
pub(crate) async fn decide(
    host: &Host,
    source: &Source,
    plan: Plan,
    reader: Arc<dyn SourceReader>,
    is_last: bool,
    cancel: CancellationToken,
) -> Result<Plan, Failure> {
    if plan.undecided().is_none() {
        return Ok(plan);
    }
    let task = Task::Analyse { source: source.clone(), plan: plan.clone() };
    let mut found = Found::default();
    let report = match host.run(&task, reader, &mut found, cancel).await {
        Err(Failure::Fail { code, message }) => {
            tracing::info!(failure.code = code, "samples cannot be measured: {message}");
            Report::default()
        }
        Err(Failure::Retry(error)) if matches!(error.code(), CRASHED | STUCK) || (is_last && !is_of_the_moment(error.kind())) => {
            tracing::warn!(error = error.detail(), "no measures: the title gets the fixed ladder");
            Report::default()
        }
        report => report?,
    };
    Ok(plan.decide(found.0, report.cpu_ms))
}

/// Keeps the answer to [`Task::Analyse`].
#[derive(Default)]
struct Found(Vec<Measure>);

#[async_trait]
impl Sink for Found {
    async fn accept(&mut self, output: Output) -> Result<()> {
        if let Output::Measures(measures) = output {
            self.0 = measures;
        }
        Ok(())
    }
}
