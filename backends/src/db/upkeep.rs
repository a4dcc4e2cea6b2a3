//! What nobody will ask for again: uploads that were not finished, sources and encodes that were replaced, old rows.
//!
//! Objects go first and rows last: whatever interrupts that, a row still says what is there.

use super::{
    Db, error,
    state::{advance, lock_video},
};
use marquee_core::{
    Result,
    blobs::Growing,
    id::{EncodeId, UploadId, VideoId},
    object::Key,
    video::Event,
};
use sqlx::{PgConnection, query, query_scalar};
use std::collections::HashSet;
use std::time::Duration;
use time::Date;
use uuid::Uuid;

/// How long whoever removes an upload holds it.
const REMOVAL: Duration = Duration::from_secs(60);

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

impl Db {
    /// Takes unfinished uploads past their time, so that nobody can go on with them.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn take_expired_uploads(&self, limit: i64) -> Result<Vec<Expired>> {
        let rows = query!(
            "update uploads set locked_by = null, locked_until = now() + make_interval(secs => $2)
             where id in (select id from uploads
                          where finished_at is null and expires_at < now() and (locked_until is null or locked_until < now())
                          order by expires_at limit $1 for update skip locked)
             returning id, video_id, growing",
            limit,
            REMOVAL.as_secs_f64(),
        );
        let rows = rows.fetch_all(&self.pool).await.map_err(error)?.into_iter();
        let expired = |id: Uuid, video: Uuid, growing| Expired {
            id: id.into(),
            video: video.into(),
            growing: serde_json::from_value(growing),
        };
        Ok(rows.map(|row| expired(row.id, row.video_id, row.growing)).collect())
    }

    /// The objects that uploads will become.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn growing_objects(&self) -> Result<HashSet<Key>> {
        let rows = query!("select id, video_id from uploads where finished_at is null");
        let rows = rows.fetch_all(&self.pool).await.map_err(error)?;
        Ok(rows.into_iter().map(|row| Key::source(row.video_id.into(), row.id.into())).collect())
    }

    /// Encodes that their video, unchanged for `keep`, does not show: it points to another one, or failed.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn leftover_encodes(&self, keep: Duration, limit: i64) -> Result<Vec<(VideoId, EncodeId)>> {
        let mut conn = self.pool.acquire().await.map_err(error)?;
        leftover_encodes(&mut conn, keep, limit, None).await
    }

    /// Parts a video for good from an encode that [`Db::leftover_encodes`] found: its jobs cannot be retried any more. False
    /// if somebody has use for it by now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn condemn_encode(&self, video: VideoId, encode: EncodeId, keep: Duration) -> Result<bool> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        lock_video(&mut tx, video).await?;
        if leftover_encodes(&mut tx, keep, 1, Some(encode)).await?.is_empty() {
            return Ok(false);
        }
        let part = query!(
            "update videos set encode_id = nullif(encode_id, $2), next_encode_id = nullif(next_encode_id, $2)
             where id = $1 and $2 in (encode_id, next_encode_id)",
            video.0,
            encode.0
        );
        part.execute(&mut *tx).await.map_err(error)?;
        query!("delete from jobs where encode_id = $1", encode.0).execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Forgets an encode whose objects are gone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn forget_encode(&self, encode: EncodeId) -> Result<()> {
        query!("delete from encodes where id = $1", encode.0).execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Sources without any encode that nobody is going to ask for: their video, unchanged for `keep`, failed, or shows another one and
    /// does not change.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn leftover_sources(&self, keep: Duration, limit: i64) -> Result<Vec<(VideoId, UploadId)>> {
        let mut conn = self.pool.acquire().await.map_err(error)?;
        leftover_sources(&mut conn, keep, limit, None).await
    }

    /// Makes sure that nobody inspects a source that [`Db::leftover_sources`] found. False if somebody has use for it by now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn condemn_source(&self, video: VideoId, upload: UploadId, keep: Duration) -> Result<bool> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        lock_video(&mut tx, video).await?;
        if leftover_sources(&mut tx, keep, 1, Some(upload)).await?.is_empty() {
            return Ok(false);
        }
        let gone = query!(
            "delete from jobs where video_id = $1 and kind = 'inspect' and payload ->> 'upload' = $2",
            video.0,
            upload.to_string(),
        );
        gone.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Forgets a source whose object is gone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn forget_source(&self, upload: UploadId) -> Result<()> {
        query!("delete from uploads where id = $1", upload.0).execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Forgets an expired upload whose bytes are gone; its video waits for another one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn drop_upload(&self, upload: UploadId, video: VideoId) -> Result<()> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let state = lock_video(&mut tx, video).await?;
        let gone = query!("delete from uploads where id = $1 and finished_at is null and expires_at < now()", upload.0);
        if gone.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            return Ok(());
        }
        let open =
            query_scalar!(r#"select count(*) as "open!" from uploads where video_id = $1 and finished_at is null"#, video.0);
        let open = open.fetch_one(&mut *tx).await.map_err(error)?;
        if open == 0 && state.after(Event::UploadAbandoned).is_ok() {
            advance(&mut tx, video, state, Event::UploadAbandoned).await?;
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
        let subtitles = query!("delete from subtitles where removed_at < now() - make_interval(secs => $1)", keep);
        gone += subtitles.execute(&self.pool).await.map_err(error)?.rows_affected();
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

/// Those of [`Db::leftover_encodes`], or the one called `only` if it is one.
async fn leftover_encodes(
    conn: &mut PgConnection,
    keep: Duration,
    limit: i64,
    only: Option<EncodeId>,
) -> Result<Vec<(VideoId, EncodeId)>> {
    let rows = query!(
        "select e.id, e.video_id from encodes e join videos v on v.id = e.video_id
         where v.deleted_at is null and v.updated_at < now() - make_interval(secs => $1) and ($3::uuid is null or e.id = $3)
           and (v.status = 'failed'
                or v.encode_id is distinct from e.id
                   and (v.next_encode_id is distinct from e.id or v.change_status = 'failed'))
           and not exists (select 1 from jobs where encode_id = e.id and state in ('queued', 'running'))
         order by e.id limit $2",
        keep.as_secs_f64(),
        limit,
        only.map(Uuid::from),
    );
    let rows = rows.fetch_all(conn).await.map_err(error)?;
    Ok(rows.into_iter().map(|row| (row.video_id.into(), row.id.into())).collect())
}

/// Those of [`Db::leftover_sources`], or the one called `only` if it is one.
async fn leftover_sources(
    conn: &mut PgConnection,
    keep: Duration,
    limit: i64,
    only: Option<UploadId>,
) -> Result<Vec<(VideoId, UploadId)>> {
    let rows = query!(
        "select u.id, u.video_id from uploads u join videos v on v.id = u.video_id
         where v.deleted_at is null and v.updated_at < now() - make_interval(secs => $1) and u.finished_at is not null
           and ($3::uuid is null or u.id = $3)
           and (v.status = 'failed' or v.status = 'ready' and coalesce(v.change_status, 'failed') = 'failed'
                or exists (select 1 from uploads n where n.video_id = u.video_id and n.finished_at > u.finished_at))
           and not exists (select 1 from encodes where upload_id = u.id)
           and not exists (select 1 from jobs where video_id = v.id and kind = 'inspect' and state in ('queued', 'running'))
         order by u.id limit $2",
        keep.as_secs_f64(),
        limit,
        only.map(Uuid::from),
    );
    let rows = rows.fetch_all(conn).await.map_err(error)?;
    Ok(rows.into_iter().map(|row| (row.video_id.into(), row.id.into())).collect())
}
