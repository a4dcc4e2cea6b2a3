//! What the scheduler looks after: jobs nobody rang for, uploads nobody finishes, rows nobody needs.

use super::{Db, error, jobs};
use marquee_core::{
    Result,
    blobs::Growing,
    id::{JobId, UploadId, VideoId},
    job::ATTEMPTS_MAX,
    video::Event,
};
use sqlx::{PgTransaction, query, query_scalar};
use std::time::Duration;
use time::Date;
use uuid::Uuid;

/// Key of the advisory lock that lets one sweep act at a time.
const SWEEP_LOCK: i64 = 0x6d61_7271_7565_6531;

/// The right to sweep. Ends with the value.
pub(crate) struct Turn {
    tx: PgTransaction<'static>,
}

/// An upload that nobody will finish.
#[derive(Debug)]
pub(crate) struct Expired {
    /// The upload.
    pub(crate) id: UploadId,
    /// The video it was for.
    pub(crate) video: VideoId,
    /// What the object store holds of it.
    pub(crate) growing: serde_json::Result<Growing>,
}

impl Turn {
    /// Gives the turn to whoever asks next.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn end(self) -> Result<()> {
        self.tx.rollback().await.map_err(error)
    }
}

impl Db {
    /// The right to sweep, unless another process has it now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn sweep_turn(&self) -> Result<Option<Turn>> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let got = query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "got!""#, SWEEP_LOCK);
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
                 where state = 'queued' and due_at <= now() or state = 'running' and lease_until < now()
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
            "select id from jobs where state = 'running' and lease_until < now() and attempt - forgiven >= $1 limit $2",
            ATTEMPTS_MAX,
            limit,
        );
        Ok(ids.fetch_all(&self.pool).await.map_err(error)?.into_iter().map(JobId).collect())
    }

    /// Unfinished uploads past their time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn expired_uploads(&self, limit: i64) -> Result<Vec<Expired>> {
        let rows = query!(
            "select id, video_id, growing from uploads
             where finished_at is null and expires_at < now() and (locked_until is null or locked_until < now())
             order by expires_at limit $1",
            limit,
        );
        let rows = rows.fetch_all(&self.pool).await.map_err(error)?.into_iter();
        let expired = |id: Uuid, video: Uuid, growing| Expired {
            id: id.into(),
            video: video.into(),
            growing: serde_json::from_value(growing),
        };
        Ok(rows.map(|row| expired(row.id, row.video_id, row.growing)).collect())
    }

    /// Forgets an expired upload whose bytes are gone; its video waits for another one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn drop_upload(&self, upload: UploadId, video: VideoId) -> Result<()> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let status = jobs::lock_video(&mut tx, video).await?;
        let gone = query!("delete from uploads where id = $1 and finished_at is null and expires_at < now()", upload.0);
        if gone.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            return Ok(());
        }
        let open = query_scalar!(r#"select count(*) as "open!" from uploads where video_id = $1"#, video.0);
        let open = open.fetch_one(&mut *tx).await.map_err(error)?;
        if let (0, Ok(status)) = (open, status.after(Event::UploadAbandoned)) {
            let back = query!("update videos set status = $2, updated_at = now() where id = $1", video.0, status.as_str());
            back.execute(&mut *tx).await.map_err(error)?;
        }
        tx.commit().await.map_err(error)
    }

    /// Removes what nobody will ask for again. Answers how many rows.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn prune(&self, keep: Duration) -> Result<u64> {
        let keep = keep.as_secs_f64();
        let mut gone = 0;
        let dead = query!("delete from queue_dead_messages where dead_at < now() - make_interval(secs => $1)", keep);
        gone += dead.execute(&self.pool).await.map_err(error)?.rows_affected();
        // Messages of jobs that are over, which no worker came to drop.
        let over = query!(
            "delete from queue_messages m where created_at < now() - make_interval(secs => $1)
             and not exists (select 1 from jobs j where j.state in ('queued', 'running') and 'job_' || replace(j.id::text, '-', '') = m.body ->> 'job')",
            keep,
        );
        gone += over.execute(&self.pool).await.map_err(error)?.rows_affected();
        let keys = query!("delete from idempotency_keys where created_at < now() - make_interval(secs => $1)", keep);
        gone += keys.execute(&self.pool).await.map_err(error)?.rows_affected();
        let tokens = query!("delete from refresh_tokens where expires_at < now() - make_interval(secs => $1)", keep);
        gone += tokens.execute(&self.pool).await.map_err(error)?.rows_affected();
        Ok(gone)
    }

    /// Makes the partitions of `watch_events` for this month and the `ahead` next ones.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn ensure_event_partitions(&self, ahead: i32) -> Result<()> {
        let months = query_scalar!(
            r#"select (date_trunc('month', now()) + make_interval(months => month))::date as "day!: Date"
               from generate_series(0, $1::int) as month"#,
            ahead
        );
        for month in months.fetch_all(&self.pool).await.map_err(error)? {
            query!("select watch_events_ensure_month($1)", month).fetch_one(&self.pool).await.map_err(error)?;
        }
        Ok(())
    }
}
