//! The analyse job: measure samples of the film, choose the rest of the ladder by that, and enqueue what is left to do.

use super::{Jobs, committed, layout, piece::pieces};
use crate::child::{Host, Output, Report, Sink, SourceReader, Task};
use async_trait::async_trait;
use marquee_backends::{db::jobs::Claim, dispatch::Work};
use marquee_core::{
    ErrorKind, Result,
    id::EncodeId,
    job::Failure,
    plan::{Measure, Plan},
    source::Source,
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Attempts to measure a title, those included that a service or a stop of the worker cut short.
const ATTEMPTS_MAX: i32 = 3;
/// Work of an analysis compared with a whole ladder's picture.
const WEIGHT: f64 = 0.1;

impl Jobs {
    pub(super) async fn analyse(&self, claim: &Claim, work: &Work, encode: EncodeId) -> Result<(), Failure> {
        let encode = self.deps.db.encode(encode).await?;
        layout(&encode)?;
        let plan = if claim.attempt > ATTEMPTS_MAX {
            // Attempts that ended without a word may have taken the whole worker with them.
            encode.plan.decide(Vec::new(), 0)
        } else if let Some(measures) = self.known_measures(&encode).await? {
            encode.plan.decide(measures, 0)
        } else {
            let (source, is_last) = (self.source(&encode).await?, claim.attempt == ATTEMPTS_MAX);
            decide(&self.deps.host, &encode.source, encode.plan, source, is_last, work.cancelled()).await?
        };
        let jobs = self.jobs(encode.id, &plan, &pieces(&plan), claim.class);
        let weight = WEIGHT * plan.duration_ticks as f64;
        Ok(committed(self.deps.db.finish_analyse(claim, encode.id, &plan, weight as f32, &jobs).await?)?)
    }
}

/// Whether an error says nothing of the film.
pub(crate) fn is_of_the_moment(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::Cancelled)
}

/// Measures what `plan` has undecided and decides it. A film that cannot be measured gets the fixed ladder: its encoding will say
/// what is wrong with it. So does one whose child fails, if this is the last try.
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
        Err(Failure::Retry(error)) if is_last && !is_of_the_moment(error.kind()) => {
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
