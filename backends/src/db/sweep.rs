//! Jobs that nobody rang for, and whose turn it is to look for them.

use super::{Db, error, jobs};
use marquee_core::{Result, id::JobId, job::ATTEMPTS_MAX};
use sqlx::{PgTransaction, query_scalar};
use std::time::Duration;

/// What one process of all does at a time. The numbers are keys of advisory locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Ringing for jobs.
    Sweep = 0x6d61_7271,
    /// Removing what nobody needs.
    Upkeep = 0x6d61_7272,
    /// Training recommenders.
    Training = 0x6d61_7273,
    /// Learning what was watched since a training.
    Refreshing = 0x6d61_7274,
}

/// The right to do a duty. Ends with the value, and after a minute in which it is not used.
pub struct Turn {
    tx: PgTransaction<'static>,
}

impl Turn {
    /// Gives the turn to whoever asks next.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end(self) -> Result<()> {
        self.tx.rollback().await.map_err(error)
    }
}

impl Db {
    /// The right to train recommenders, unless another process has it now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn training_turn(&self) -> Result<Option<Turn>> {
        self.turn(Duty::Training).await
    }

    /// The right to learn what was watched since a training, unless another process has it now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn refreshing_turn(&self) -> Result<Option<Turn>> {
        self.turn(Duty::Refreshing).await
    }

    /// The right to do `duty`, unless another process has it now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn turn(&self, duty: Duty) -> Result<Option<Turn>> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let got = query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "got!""#, duty as i64);
        Ok(got.fetch_one(&mut *tx).await.map_err(error)?.then_some(Turn { tx }))
    }

    /// Rings for jobs that are due and unleased: at once when nobody has rung since they became due, after that with a
    /// doubling pause from `pause` up to `pause_max`, so that a long queue does not fill with repetitions. Answers how many.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn ring_due(&self, pause: Duration, pause_max: Duration, limit: i64) -> Result<usize> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let rung = query_scalar!(
            "with waiting as (
                 select id, rung_at, case state when 'queued' then due_at else lease_until end as since from jobs
                 where finished_at is null
                   and (state = 'queued' and due_at <= now() or state = 'running' and lease_until < now())
             ), silent as (
                 select id from waiting
                 where (rung_at is null or rung_at < since
                        or now() > rung_at + least(make_interval(secs => $2),
                                                   greatest(make_interval(secs => $1), rung_at - since)))
                   and not exists (select 1 from outbox where job_id = waiting.id)
                 order by since limit $3
             )
             update jobs set rung_at = now() where id in (select id from silent) returning id",
            pause.as_secs_f64(),
            pause_max.as_secs_f64(),
            limit,
        );
        let rung = rung.fetch_all(&mut *tx).await.map_err(error)?;
        if !rung.is_empty() {
            jobs::ring(&mut tx, &rung).await?;
        }
        tx.commit().await.map_err(error)?;
        Ok(rung.len())
    }

    /// Jobs whose last permitted attempt ended without a word, see [`Db::bury_vanished`].
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn vanished_jobs(&self, limit: i64) -> Result<Vec<JobId>> {
        let ids = query_scalar!(
            "select id from jobs
             where finished_at is null and state = 'running' and lease_until < now() and attempt - forgiven >= $1 limit $2",
            ATTEMPTS_MAX,
            limit,
        );
        Ok(ids.fetch_all(&self.pool).await.map_err(error)?.into_iter().map(JobId).collect())
    }
}
