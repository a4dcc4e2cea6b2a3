//! Jobs: the row is the truth. Leases run on the database's clock; every write of a worker is fenced by its attempt.

use super::{
    Db, error,
    listen::OUTBOX,
    state::{self, lock_video},
};
use marquee_core::{
    Error, ErrorKind, Result,
    id::{EncodeId, JobId, VideoId},
    job::{ATTEMPTS_IN_ALL_MAX, ATTEMPTS_MAX, Class, Failure, Job, Kind, rest, retry_delay},
    video::{Event, Status},
};
use sqlx::{PgConnection, query, query_as, query_scalar};
use std::{collections::HashSet, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;

/// Longest text kept of an error.
const ERROR_LENGTH_MAX: usize = 2000;

/// One attempt at a job, held under a lease.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The job's id.
    pub job_id: JobId,
    /// Number of this attempt, from 1; a later claim of the job has a larger one, and only the largest may write.
    pub attempt: i32,
    /// What to do.
    pub job: Job,
    /// The video it works for.
    pub video: VideoId,
    /// The encode it works for, if there is one yet.
    pub encode: Option<EncodeId>,
    /// Who goes first.
    pub class: Class,
}

/// A job as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Kind, as in [`Kind::as_str`].
    pub kind: String,
    /// `queued`, `running`, `done`, `dead` or `cancelled`.
    pub state: String,
    /// What exactly it does.
    pub payload: serde_json::Value,
    /// Attempts that count against the limit.
    pub tries: i32,
    /// From 0 to 1.
    pub progress: f32,
    /// Why the last attempt failed, for operators.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was first claimed.
    pub started_at: Option<OffsetDateTime>,
    /// When it reached its end.
    pub finished_at: Option<OffsetDateTime>,
}

/// A job about to be queued.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What to do.
    pub job: Job,
    /// Who goes first.
    pub class: Class,
    /// How much work it is compared with the other jobs of its encode; 0 if it does not count for the progress.
    pub weight: f32,
}

impl NewJob {
    /// A job that somebody waits for, and that is no part of an encode's progress.
    pub(crate) fn urgent(id: JobId, job: Job) -> Self {
        Self { id, job, class: Class::Urgent, weight: 0.0 }
    }
}

/// Inserts jobs and rings for them in their order, in the caller's transaction. Answers how many there were: what was inserted
/// before is not inserted again.
///
/// # Errors
/// `Unavailable`, or `Conflict` if the video or encode is not there.
pub(crate) async fn enqueue(conn: &mut PgConnection, jobs: &[NewJob], video: VideoId, encode: Option<EncodeId>) -> Result<usize> {
    let ids: Vec<Uuid> = jobs.iter().map(|new| new.id.0).collect();
    let kinds: Vec<String> = jobs.iter().map(|new| new.job.kind().as_str().to_owned()).collect();
    let classes: Vec<String> = jobs.iter().map(|new| new.class.as_str().to_owned()).collect();
    let payloads: Vec<_> =
        jobs.iter().map(|new| serde_json::to_value(&new.job)).collect::<Result<_, _>>().map_err(Error::internal)?;
    let keys: Vec<String> = jobs.iter().map(|new| new.job.dedup_key()).collect();
    let weights: Vec<f32> = jobs.iter().map(|new| new.weight).collect();
    let inserted = query_scalar!(
        "insert into jobs (id, kind, class, payload, dedup_key, weight, video_id, encode_id)
         select new.*, $7, $8
         from unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::real[]) as new
         on conflict (dedup_key) do nothing returning id",
        &ids,
        &kinds,
        &classes,
        &payloads,
        &keys,
        &weights,
        video.0,
        encode.map(Uuid::from),
    );
    let inserted: HashSet<Uuid> = inserted.fetch_all(&mut *conn).await.map_err(error)?.into_iter().collect();
    if !inserted.is_empty() {
        let in_order: Vec<Uuid> = ids.into_iter().filter(|id| inserted.contains(id)).collect();
        ring(conn, &in_order).await?;
    }
    Ok(inserted.len())
}

/// Marks a running job as done, in the transaction that stores its result. False if the claim is no longer the newest: the
/// caller must roll back.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn complete(conn: &mut PgConnection, claim: &Claim) -> Result<bool> {
    let done = query!(
        "update jobs set state = 'done', progress = 1, lease_owner = null, lease_until = null, finished_at = now()
         where id = $1 and attempt = $2 and state = 'running'",
        claim.job_id.0,
        claim.attempt,
    );
    Ok(done.execute(conn).await.map_err(error)?.rows_affected() == 1)
}

impl Db {
    /// Takes a job that is due and has no live lease. `None` if there is nothing to take: another worker has it, it is not
    /// due, it is over, or it was just dead-lettered because every attempt ended without a word.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn claim_job(&self, job: JobId, owner: &str, lease: Duration) -> Result<Option<Claim>> {
        let row = query!(
            "update jobs set state = 'running', attempt = attempt + 1, progress = 0, lease_owner = $2,
                    lease_until = now() + make_interval(secs => $3), started_at = coalesce(started_at, now())
             where id = $1 and attempt - forgiven < $4
               and (state = 'queued' and due_at <= now() or state = 'running' and lease_until < now())
             returning attempt, payload, video_id, encode_id, class",
            job.0,
            owner,
            lease.as_secs_f64(),
            ATTEMPTS_MAX,
        );
        let Some(row) = row.fetch_optional(&self.pool).await.map_err(error)? else {
            self.bury_vanished(job).await?;
            return Ok(None);
        };
        match serde_json::from_value(row.payload) {
            Ok(payload) => Ok(Some(Claim {
                job_id: job,
                attempt: row.attempt,
                job: payload,
                video: row.video_id.into(),
                encode: row.encode_id.map(Into::into),
                class: Class::from_name(&row.class).unwrap_or(Class::Normal),
            })),
            Err(cause) => {
                let reason = Reason {
                    code: "unreadable_job",
                    message: "this version cannot do what the job asks for",
                    detail: &cause.to_string(),
                };
                self.bury(job, row.attempt, row.video_id.into(), &reason).await?;
                Ok(None)
            }
        }
    }

    /// Extends the lease and stores how far the job is. False if the claim is lost: somebody else works on it, or nobody shall.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn heartbeat(&self, claim: &Claim, progress: f32, lease: Duration) -> Result<bool> {
        let beat = query!(
            "update jobs set lease_until = now() + make_interval(secs => $3), progress = greatest(progress, $4)
             where id = $1 and attempt = $2 and state = 'running'",
            claim.job_id.0,
            claim.attempt,
            lease.as_secs_f64(),
            progress.clamp(0.0, 1.0),
        );
        Ok(beat.execute(&self.pool).await.map_err(error)?.rows_affected() == 1)
    }

    /// Ends an attempt that did not succeed: the job waits for its next attempt, or is dead, its video failed and its
    /// siblings cancelled. An attempt whose services did not answer does not count. Nothing happens if the claim is no longer the
    /// newest.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn fail_job(&self, claim: &Claim, failure: &Failure) -> Result<()> {
        match failure {
            Failure::Fail { code, message } => {
                let reason = Reason { code, message, detail: message };
                self.bury(claim.job_id, claim.attempt, claim.video, &reason).await
            }
            Failure::Retry(cause) if cause.kind() == ErrorKind::Unavailable && claim.attempt < ATTEMPTS_IN_ALL_MAX => {
                self.put_back(claim, cause, rest(claim.attempt), 1).await
            }
            Failure::Retry(cause) => {
                let tries = query_scalar!("select attempt - forgiven from jobs where id = $1", claim.job_id.0);
                let tries = tries.fetch_optional(&self.pool).await.map_err(error)?.flatten().unwrap_or(ATTEMPTS_MAX);
                if tries < ATTEMPTS_MAX {
                    return self.put_back(claim, cause, retry_delay(tries), 0).await;
                }
                let message = format!(
                    "the {} step gave up after {tries} attempts: {}. It can be retried",
                    claim.job.kind().as_str(),
                    cause.message()
                );
                let reason = Reason { code: "gave_up", message: &message, detail: &cause.detail() };
                self.bury(claim.job_id, claim.attempt, claim.video, &reason).await
            }
        }
    }

    async fn put_back(&self, claim: &Claim, cause: &Error, delay: Duration, forgiven: i32) -> Result<()> {
        let detail = cut(&cause.detail());
        let queued = query!(
            "update jobs set state = 'queued', due_at = now() + make_interval(secs => $3), last_error = $4,
                    forgiven = forgiven + $5, lease_owner = null, lease_until = null
             where id = $1 and attempt = $2 and state = 'running'",
            claim.job_id.0,
            claim.attempt,
            delay.as_secs_f64(),
            detail,
            forgiven,
        );
        queued.execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Gives a claim back unused, for another worker to take at once. The attempt does not count.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn release_job(&self, claim: &Claim) -> Result<()> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let released = query!(
            "update jobs set state = 'queued', due_at = now(), rung_at = now(), forgiven = forgiven + 1, lease_owner = null,
                    lease_until = null
             where id = $1 and attempt = $2 and state = 'running'",
            claim.job_id.0,
            claim.attempt,
        );
        if released.execute(&mut *tx).await.map_err(error)?.rows_affected() == 1 {
            ring(&mut tx, &[claim.job_id.0]).await?;
        }
        tx.commit().await.map_err(error)
    }

    /// Retries a dead job by hand: it and the siblings that its failure cancelled are queued, the video goes back to where it was.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` if the job is not dead, works for a source or an encode that was replaced, or the video has moved
    /// on, `Unavailable`.
    pub async fn retry_job(&self, job: JobId) -> Result<()> {
        let row = query!("select video_id, kind from jobs where id = $1", job.0);
        let row = row.fetch_optional(&self.pool).await.map_err(error)?.ok_or_else(|| Error::not_found("job"))?;
        let mut tx = self.pool.begin().await.map_err(error)?;
        let state = lock_video(&mut tx, row.video_id.into()).await?;
        if is_superseded(&mut tx, job).await? {
            return Err(Error::conflict("superseded", "the video got another source after this one: retry the job of that one"));
        }
        let revived = query_scalar!(
            "update jobs set state = 'queued', due_at = now(), rung_at = now(), forgiven = attempt, progress = 0,
                    finished_at = null, cancelled_by = null
             where id = $1 and state = 'dead' or cancelled_by = $1 and state = 'cancelled' returning id",
            job.0,
        );
        let revived = revived.fetch_all(&mut *tx).await.map_err(error)?;
        if !revived.contains(&job.0) {
            return Err(Error::conflict("not_dead", "only a job that gave up can be retried"));
        }
        let back_to = match Kind::from_name(&row.kind) {
            Some(Kind::Inspect) => Some(Status::Uploaded),
            Some(Kind::Analyse | Kind::Encode | Kind::Audio | Kind::Subtitles) => Some(Status::Encoding),
            // The title went on without it.
            Some(Kind::Thumbnails) => None,
            Some(Kind::Publish) => Some(Status::Publishing),
            None => return Err(Error::conflict("unknown_kind", "this version does not know this kind of job")),
        };
        if let Some(back_to) = back_to {
            state::advance(&mut tx, row.video_id.into(), state, Event::Retried(back_to)).await?;
        }
        ring(&mut tx, &revived).await?;
        tx.commit().await.map_err(error)
    }

    /// The jobs of a video, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list_jobs(&self, video: VideoId) -> Result<Vec<JobView>> {
        let rows = query_as!(
            JobView,
            r#"select id as "id: Uuid", kind, state, payload, attempt - forgiven as "tries!", progress, last_error,
                      created_at, started_at, finished_at
               from jobs where video_id = $1 order by id"#,
            video.0,
        );
        rows.fetch_all(&self.pool).await.map_err(error)
    }

    /// Dead-letters a job whose last permitted attempt ended without a word.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn bury_vanished(&self, job: JobId) -> Result<()> {
        let row = query!(
            "select attempt, video_id, kind from jobs
             where id = $1 and state = 'running' and lease_until < now() and attempt - forgiven >= $2",
            job.0,
            ATTEMPTS_MAX,
        );
        let Some(row) = row.fetch_optional(&self.pool).await.map_err(error)? else { return Ok(()) };
        let message =
            format!("the worker vanished in each of {ATTEMPTS_MAX} attempts at the {} step. It can be retried", row.kind);
        let reason = Reason { code: "gave_up", message: &message, detail: "the lease ran out" };
        self.bury(job, row.attempt, row.video_id.into(), &reason).await
    }

    /// Ends a job for good: dead, the video failed with the reason, unfinished siblings cancelled. A title that can do without it
    /// goes on.
    async fn bury(&self, job: JobId, attempt: i32, video: VideoId, reason: &Reason<'_>) -> Result<()> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let state = lock_video(&mut tx, video).await?;
        let dead = query!(
            "update jobs set state = 'dead', last_error = $3, lease_owner = null, lease_until = null, finished_at = now()
             where id = $1 and attempt = $2 and state = 'running' returning kind",
            job.0,
            attempt,
            cut(reason.detail),
        );
        let Some(dead) = dead.fetch_optional(&mut *tx).await.map_err(error)? else { return Ok(()) };
        if Kind::from_name(&dead.kind).is_some_and(Kind::is_dispensable) {
            tracing::warn!(job.id = %job, video.id = %video, code = reason.code, detail = reason.detail, "job is dead, its title goes on");
            return tx.commit().await.map_err(error);
        }
        query!(
            "update jobs set state = 'cancelled', cancelled_by = $1, lease_owner = null, lease_until = null, finished_at = now()
             where video_id = $2 and state in ('queued', 'running')
               and encode_id is not distinct from (select encode_id from jobs where id = $1)",
            job.0,
            video.0,
        )
        .execute(&mut *tx)
        .await
        .map_err(error)?;
        // A video that is ready, or already failed, keeps its state; one that was deleted is nobody's any more.
        match state::fail(&mut tx, video, state, reason.code, reason.message).await {
            Err(error) if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => return Err(error),
            _ => {}
        }
        tx.commit().await.map_err(error)?;
        tracing::warn!(job.id = %job, video.id = %video, code = reason.code, detail = reason.detail, "job is dead");
        Ok(())
    }
}

/// Whether the video of `job`, locked by the caller, has another encode or source by now.
async fn is_superseded(conn: &mut PgConnection, job: JobId) -> Result<bool> {
    let row = query!(
        r#"select payload,
                  j.encode_id is distinct from v.encode_id and j.encode_id is distinct from v.next_encode_id as "replaced!",
                  (select u.id from uploads u where u.video_id = v.id and finished_at is not null
                   order by finished_at desc limit 1) as source
           from jobs j join videos v on v.id = j.video_id where j.id = $1"#,
        job.0
    );
    let row = row.fetch_optional(conn).await.map_err(error)?.ok_or_else(|| Error::not_found("job"))?;
    Ok(match serde_json::from_value(row.payload) {
        // What another order has made pointless was cancelled by that.
        Ok(Job::Inspect { order: Some(_), .. }) => false,
        Ok(Job::Inspect { upload, .. }) => row.source.is_some_and(|newest| newest != upload.0),
        _ => row.replaced,
    })
}

/// Why a job is dead: code and message for the video, detail for operators.
struct Reason<'a> {
    code: &'a str,
    message: &'a str,
    detail: &'a str,
}

/// Puts jobs into the outbox and wakes the relay.
pub(super) async fn ring(conn: &mut PgConnection, jobs: &[Uuid]) -> Result<()> {
    query!("insert into outbox (job_id) select * from unnest($1::uuid[])", jobs).execute(&mut *conn).await.map_err(error)?;
    query!("select pg_notify($1, '')", OUTBOX).execute(conn).await.map_err(error)?;
    Ok(())
}

/// `text`, at most [`ERROR_LENGTH_MAX`] characters of it.
fn cut(text: &str) -> String {
    text.chars().take(ERROR_LENGTH_MAX).collect()
}

#[cfg(test)]
pub(crate) mod tests;
