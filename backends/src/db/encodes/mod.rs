//! Encodes: one immutable run of source, plan and encoder version, from the inspect job that makes it to the publish job
//! that makes it live.

#[cfg(test)]
pub(crate) mod tests;

use super::{
    Db, error,
    jobs::{self, Claim},
    ledger::{Report, signed, unsigned},
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, JobId, UploadId, VideoId},
    job::Job,
    plan::Plan,
    source::Source,
    video::{Event, Status},
};
use sqlx::PgConnection;
use std::collections::HashMap;
use time::OffsetDateTime;

/// Work of a sound track compared with the picture of the same length.
const AUDIO_WEIGHT: f64 = 0.05;
/// Progress of a title whose last chunk is encoded and whose manifests are being written and checked.
const ENCODED: f32 = 0.98;

/// An encode about to be stored.
#[derive(Clone, Debug)]
pub struct NewEncode {
    /// Its id.
    pub id: EncodeId,
    /// The video it is an encode of.
    pub video: VideoId,
    /// Where the source came from.
    pub upload: UploadId,
    /// What the source is.
    pub source: Source,
    /// What will be done.
    pub plan: Plan,
    /// Versions of the encoders that will do it.
    pub encoder_version: String,
}

/// A stored encode.
#[derive(Clone, Debug)]
pub struct Encode {
    /// Its id.
    pub id: EncodeId,
    /// The video it is an encode of.
    pub video: VideoId,
    /// Where the source came from.
    pub upload: UploadId,
    /// What the source is.
    pub source: Source,
    /// What is done.
    pub plan: Plan,
    /// Versions of the encoders that do it.
    pub encoder_version: String,
    /// How it went; there once it is published.
    pub report: Option<Report>,
    /// When the plan was made.
    pub created_at: OffsetDateTime,
    /// When it went live.
    pub published_at: Option<OffsetDateTime>,
}

impl Db {
    /// Marks that the source of `claim`'s video is being looked at. Answers the size of the uploaded source in bytes.
    ///
    /// # Errors
    /// `Conflict` if the video is past inspection; `NotFound` if it, or its finished upload, is gone.
    pub async fn begin_inspect(&self, claim: &Claim, upload: UploadId) -> Result<u64> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let status = jobs::lock_video(&mut tx, claim.video).await?;
        advance(&mut tx, claim.video, status, Event::InspectStarted).await?;
        let size = sqlx::query_scalar!(
            "select offset_bytes from uploads where id = $1 and video_id = $2 and finished_at is not null",
            upload.0,
            claim.video.0,
        );
        let size = size.fetch_optional(&mut *tx).await.map_err(error)?.ok_or_else(|| Error::not_found("finished upload"))?;
        tx.commit().await.map_err(error)?;
        Ok(unsigned(size))
    }

    /// Completes an inspect job: stores the encode, points the video at it and enqueues the jobs of its plan. Answers false,
    /// changing nothing, if the job's lease was lost.
    ///
    /// # Errors
    /// `Conflict` if the video is not being inspected.
    pub async fn finish_inspect(&self, claim: &Claim, encode: &NewEncode, jobs: &[(JobId, Job)]) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let status = jobs::lock_video(&mut tx, encode.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        let insert = sqlx::query!(
            "insert into encodes (id, video_id, upload_id, source, plan, encoder_version) values ($1, $2, $3, $4, $5, $6)",
            encode.id.0,
            encode.video.0,
            encode.upload.0,
            serde_json::to_value(&encode.source).map_err(Error::internal)?,
            serde_json::to_value(&encode.plan).map_err(Error::internal)?,
            encode.encoder_version,
        );
        insert.execute(&mut *tx).await.map_err(error)?;
        advance(&mut tx, encode.video, status, Event::Planned).await?;
        let point = sqlx::query!(
            "update videos set encode_id = $2, duration_ms = $3 where id = $1",
            encode.video.0,
            encode.id.0,
            signed(encode.plan.duration_ms())?,
        );
        point.execute(&mut *tx).await.map_err(error)?;
        for (id, job) in jobs {
            jobs::enqueue(&mut tx, *id, job, encode.video, Some(encode.id)).await?;
        }
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Completes a publish job: flips the video to `ready` and keeps the report. Answers false, changing nothing, if the job's
    /// lease was lost.
    ///
    /// # Errors
    /// `Conflict` if the video is not being published, or has another encode by now.
    pub async fn finish_publish(&self, claim: &Claim, encode: EncodeId, report: &Report) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let status = jobs::lock_video(&mut tx, claim.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        advance(&mut tx, claim.video, status, Event::Published).await?;
        let flip = sqlx::query!(
            "update videos set ready_at = now(), playable_at = coalesce(playable_at, now()) where id = $1 and encode_id = $2",
            claim.video.0,
            encode.0,
        );
        if flip.execute(&mut *tx).await.map_err(error)?.rows_affected() != 1 {
            return Err(Error::conflict("superseded", "the video has another encode by now"));
        }
        let report = serde_json::to_value(report).map_err(Error::internal)?;
        let keep = sqlx::query!("update encodes set report = $2, published_at = now() where id = $1", encode.0, report);
        keep.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// The encode called `id`.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub async fn encode(&self, id: EncodeId) -> Result<Encode> {
        let row = sqlx::query!(
            "select video_id, upload_id, source, plan, encoder_version, report, created_at, published_at from encodes
             where id = $1",
            id.0,
        );
        let row = row.fetch_optional(self.pool()).await.map_err(error)?.ok_or_else(|| Error::not_found("encode"))?;
        Ok(Encode {
            id,
            video: VideoId(row.video_id),
            upload: UploadId(row.upload_id),
            source: serde_json::from_value(row.source).map_err(Error::internal)?,
            plan: serde_json::from_value(row.plan).map_err(Error::internal)?,
            encoder_version: row.encoder_version,
            report: row.report.map(serde_json::from_value).transpose().map_err(Error::internal)?,
            created_at: row.created_at,
            published_at: row.published_at,
        })
    }

    /// How far the encodes of `videos` are, 0 to 1: chunks weigh what they last, running jobs count by their own progress.
    /// Videos that have no encode yet are not in the answer.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn progress(&self, videos: &[VideoId]) -> Result<HashMap<VideoId, f32>> {
        let ids: Vec<_> = videos.iter().map(|video| video.0).collect();
        let rows = sqlx::query!(
            r#"select v.id, v.status,
                      sum(work.weight * case j.state when 'done' then 1 when 'running' then j.progress else 0 end)
                          / sum(work.weight) as "encoded!"
               from videos v
               join encodes e on e.id = v.encode_id
               join jobs j on j.encode_id = e.id and j.kind in ('encode', 'audio')
               cross join lateral (select e.plan -> 'chunks' -> (j.payload ->> 'chunk')::integer as chunk,
                                          (e.plan ->> 'duration_ticks')::float8 as duration) as of
               cross join lateral (select case when j.kind = 'audio' then $2 * duration
                                          else greatest(1, coalesce((chunk ->> 'end_ticks')::float8, duration)
                                                           - (chunk ->> 'start_ticks')::float8) end as weight) as work
               where v.id = any($1)
               group by v.id, v.status"#,
            &ids,
            AUDIO_WEIGHT,
        );
        let rows = rows.fetch_all(self.pool()).await.map_err(error)?;
        let progress = rows.into_iter().map(|row| {
            let status: Status = row.status.parse()?;
            let encoded = row.encoded.clamp(0.0, 1.0) as f32;
            Ok((VideoId(row.id), if status == Status::Ready { 1.0 } else { encoded * ENCODED }))
        });
        progress.collect()
    }
}

/// Moves a video, whose row the caller locked and found in `status`, on by the state machine.
pub(super) async fn advance(conn: &mut PgConnection, video: VideoId, status: Status, event: Event) -> Result<()> {
    let after = status.after(event)?;
    let update = sqlx::query!(
        "update videos set status = $3, updated_at = now() where id = $1 and status = $2",
        video.0,
        status.as_str(),
        after.as_str(),
    );
    match update.execute(conn).await.map_err(error)?.rows_affected() {
        1 => Ok(()),
        _ => Err(Error::conflict("wrong_state", "the video's status changed under its lock")),
    }
}
