//! One attempt: claim the job, run its handler under a lease that is kept alive, tell how it ended.

use super::handler::{Handler, Work};
use crate::db::{Db, jobs::Claim};
use marquee_core::{
    Error, ErrorKind, Result,
    job::{self, Failure, HEARTBEAT, Kind, LEASE},
    queue::Delivery,
};
use std::future::Future;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// How long a cancelled handler may take to return before it is dropped.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// Pause before asking a database again that did not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the end of an attempt is told before its lease is left to run out.
const TELL_MAX: u32 = 5;

/// What the attempts of one worker share.
pub(super) struct Attempts {
    db: Db,
    handler: Arc<dyn Handler>,
    owner: String,
    lease: Duration,
    heartbeat: Duration,
    /// How many attempts may run at a time.
    slots: u32,
    /// Attempts in a row that ended because a service did not answer.
    unanswered: AtomicU32,
    stop: CancellationToken,
}

/// How an attempt ended.
#[derive(Debug)]
enum End {
    /// The handler committed its result.
    Done,
    /// It did not.
    Failed(Failure),
    /// Somebody else has the job now, or nobody shall.
    Lost,
    /// The worker stops.
    Stopped,
}

impl Attempts {
    pub(super) fn new(db: Db, handler: Arc<dyn Handler>, owner: String, slots: u16) -> Self {
        let (unanswered, stop) = (AtomicU32::new(0), CancellationToken::new());
        Self { db, handler, owner, lease: LEASE, heartbeat: HEARTBEAT, slots: slots.into(), unanswered, stop }
    }

    /// The same with a shorter lease, for tests that wait for one to run out.
    #[cfg(test)]
    pub(super) fn with_lease(self, lease: Duration) -> Self {
        Self { lease, heartbeat: lease / 6, ..self }
    }

    /// Cancels every attempt; their jobs are given back.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Does what a message says. The message is acknowledged after the end; that of a job that can take longer than a queue
    /// waits, once it is claimed. Answers how long its slot shall rest.
    ///
    /// A worker whose line to a service is broken fails fast; without a rest it would go through the whole queue, while others
    /// could do the work.
    pub(super) async fn deliver(&self, delivery: Box<dyn Delivery>) -> Duration {
        let job = delivery.ring().job;
        let claim = match self.db.claim_job(job, &self.owner, self.lease).await {
            Ok(Some(claim)) => claim,
            // A message too many: the row says that there is nothing to do now.
            Ok(None) => {
                acknowledge(delivery).await;
                return Duration::ZERO;
            }
            Err(cause) => {
                tracing::warn!(job.id = %job, error = cause.detail(), "could not claim, the message goes back");
                return PAUSE;
            }
        };
        let mut message = Some(delivery);
        if claim.job.kind() != Kind::Encode
            && let Some(message) = message.take()
        {
            acknowledge(message).await;
        }
        let begun = Instant::now();
        let end = self.run(&claim).await;
        self.log(&claim, &end, begun.elapsed());
        // Before the job is given back: the queue keeps one message for each job, and the next one must not meet this one.
        if matches!(end, End::Stopped)
            && let Some(message) = message.take()
        {
            acknowledge(message).await;
        }
        self.tell(&claim, &end).await;
        if let Some(message) = message {
            acknowledge(message).await;
        }
        self.rest_after(&end)
    }

    /// Longer with each round of all slots in which no service answered.
    fn rest_after(&self, end: &End) -> Duration {
        match end {
            End::Failed(Failure::Retry(cause)) if cause.kind() == ErrorKind::Unavailable => {
                let rounds = self.unanswered.fetch_add(1, Ordering::Relaxed) / self.slots;
                job::rest(i32::try_from(rounds).unwrap_or(i32::MAX).saturating_add(1))
            }
            _ => {
                self.unanswered.store(0, Ordering::Relaxed);
                Duration::ZERO
            }
        }
    }

    async fn run(&self, claim: &Claim) -> End {
        let work = Work::new();
        let (handler, own_claim, own_work) = (self.handler.clone(), claim.clone(), work.clone());
        // A task of its own: a panic ends the attempt and not the worker, and heartbeats go on whatever the handler does.
        let mut task = AbortOnDropHandle::new(tokio::spawn(async move { handler.run(&own_claim, &own_work).await }));
        let end = tokio::select! {
            outcome = &mut task => return ended(outcome),
            () = self.keep_lease(claim, &work) => End::Lost,
            () = self.stop.cancelled() => End::Stopped,
        };
        work.cancel();
        match timeout(CANCEL_GRACE, task).await {
            Ok(Ok(Ok(()))) => End::Done,
            _ => end,
        }
    }

    /// Extends the lease again and again; returns when it is lost, or so long unanswered that it may be.
    async fn keep_lease(&self, claim: &Claim, work: &Work) {
        let mut held_until = Instant::now() + self.lease;
        let mut beat = interval_at(Instant::now() + self.heartbeat, self.heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let asked = Instant::now();
            match timeout_at(held_until, self.db.heartbeat(claim, work.reached(), self.lease)).await {
                Ok(Ok(true)) => held_until = asked + self.lease,
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(cause)) => {
                    tracing::warn!(job.id = %claim.job_id, error = cause.detail(), "a heartbeat did not get through");
                }
            }
            if Instant::now() >= held_until {
                return;
            }
        }
    }

    async fn tell(&self, claim: &Claim, end: &End) {
        match end {
            End::Done | End::Lost => {}
            End::Failed(failure) => insist(claim, || self.db.fail_job(claim, failure)).await,
            End::Stopped => insist(claim, || self.db.release_job(claim)).await,
        }
    }

    fn log(&self, claim: &Claim, end: &End, took: Duration) {
        let (job, kind, attempt) = (claim.job_id, claim.job.kind().as_str(), claim.attempt);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match end {
            End::Done => tracing::info!(job.id = %job, job.kind = kind, job.attempt = attempt, took_ms, "job done"),
            End::Failed(Failure::Retry(cause)) => {
                tracing::warn!(job.id = %job, job.kind = kind, job.attempt = attempt, error = cause.detail(), "attempt failed");
            }
            End::Failed(Failure::Fail { code, message }) => {
                tracing::warn!(job.id = %job, job.kind = kind, job.attempt = attempt, code, message, "job failed for good");
            }
            End::Lost => tracing::warn!(job.id = %job, job.kind = kind, job.attempt = attempt, "lost the lease"),
            End::Stopped => tracing::info!(job.id = %job, job.kind = kind, job.attempt = attempt, "gave the job back"),
        }
    }
}

fn ended(outcome: Result<Result<(), Failure>, tokio::task::JoinError>) -> End {
    match outcome {
        Ok(Ok(())) => End::Done,
        Ok(Err(failure)) => End::Failed(failure),
        Err(panic) => End::Failed(Failure::Retry(Error::internal(panic))),
    }
}

async fn acknowledge(delivery: Box<dyn Delivery>) {
    let job = delivery.ring().job;
    if let Err(cause) = delivery.ack().await {
        tracing::warn!(job.id = %job, error = cause.detail(), "could not acknowledge, the message comes again");
    }
}

/// Repeats `report` a few times; a job whose end cannot be told is taken up again when its lease has run out.
async fn insist<F: Future<Output = Result<()>>>(claim: &Claim, report: impl Fn() -> F) {
    for _ in 0..TELL_MAX {
        match report().await {
            Ok(()) => return,
            Err(cause) => tracing::warn!(job.id = %claim.job_id, error = cause.detail(), "could not tell how the job ended"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
