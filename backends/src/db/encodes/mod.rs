//! Encodes: one immutable run of source, plan and encoder version, from the inspect job that makes it to the publish job
//! that makes it live.

#[cfg(test)]
pub(crate) mod tests;

use super::{
    Db, error,
    jobs::{self, Claim, NewJob},
    ledger::{Report, signed, unsigned},
    state::{advance, lock_video},
};
use crate::key_server::SealedKey;
use marquee_core::{
    Error, Result,
    id::{EncodeId, UploadId, VideoId},
    plan::Plan,
    protection::{Choice, Protected},
    source::Source,
    video::Event,
};
use sqlx::PgConnection;
use std::{collections::HashMap, time::Duration};
use time::OffsetDateTime;

/// Progress of a title whose last chunk is encoded and whose manifests are being written and checked.
const ENCODED: f32 = 0.98;
/// Share of the work after which the time that it took tells of the rest.
const TELLING_MIN: f32 = 0.03;

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
    /// Processor time that looking at the source took.
    pub inspect_cpu_ms: u64,
    /// Secrets of the keys that its plan names, sealed.
    pub keys: Vec<SealedKey>,
}

/// A source that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Bytes of it.
    pub size_bytes: u64,
    /// Whether what is readable of it is enough.
    pub accept_damaged: bool,
    /// Whether it is to take the place of what the video shows.
    pub is_change: bool,
    /// How its encode is to be protected; `None` if it stays in the clear.
    pub protection: Option<Choice>,
}

/// What an encode offers beside its playlists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// A DASH manifest.
    pub dash: bool,
    /// Preview tiles and their index.
    pub tiles: bool,
    /// How it is protected.
    pub protected: Option<Protected>,
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
    /// Processor time that looking at the source took.
    pub inspect_cpu_ms: u64,
    /// How it went; there once it is published.
    pub report: Option<Report>,
    /// When the plan was made.
    pub created_at: OffsetDateTime,
    /// When it went live.
    pub published_at: Option<OffsetDateTime>,
}

/// How far an encode is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Share of the work that is done, 0 to 1.
    pub done: f32,
    /// Since its first job was begun.
    pub worked: Duration,
}

impl Progress {
    /// How long it will take until everything is done, if it goes on as it has gone so far; `None` if that says nothing yet.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let telling = self.done >= TELLING_MIN && self.done <= 1.0;
        telling.then(|| self.worked.mul_f32((1.0 - self.done) / self.done))
    }
}

impl Db {
    /// Marks that the source of `claim`'s video is being looked at.
    ///
    /// # Errors
    /// `Conflict` if the video is past inspection; `NotFound` if it, or its finished upload, is gone.
    pub async fn begin_inspect(&self, claim: &Claim, upload: UploadId) -> Result<Begun> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, claim.video).await?;
        let state = advance(&mut tx, claim.video, state, Event::InspectStarted).await?;
        let found = sqlx::query!(
            "select uploads.offset_bytes, videos.accept_damaged, videos.protection from uploads join videos on videos.id = uploads.video_id
             where uploads.id = $1 and videos.id = $2 and uploads.finished_at is not null",
            upload.0,
            claim.video.0,
        );
        let found = found.fetch_optional(&mut *tx).await.map_err(error)?.ok_or_else(|| Error::not_found("finished upload"))?;
        tx.commit().await.map_err(error)?;
        Ok(Begun {
            size_bytes: unsigned(found.offset_bytes),
            accept_damaged: found.accept_damaged,
            is_change: state.change.is_some(),
            protection: found.protection.map(serde_json::from_value).transpose().map_err(Error::internal)?,
        })
    }

    /// Completes an inspect job: stores the encode, points the video at it and enqueues the jobs of its plan. A video that is ready
    /// goes on to show what it shows. Answers false, changing nothing, if the job's lease was lost.
    ///
    /// # Errors
    /// `Conflict` if the video is not being inspected.
    pub async fn finish_inspect(&self, claim: &Claim, encode: &NewEncode, jobs: &[NewJob]) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, encode.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        insert(&mut tx, encode).await?;
        let state = advance(&mut tx, encode.video, state, Event::Planned).await?;
        let point = sqlx::query!(
            "update videos set encode_id = case when $4 then encode_id else $2 end,
                    duration_ms = case when $4 then duration_ms else $3 end,
                    next_encode_id = case when $4 then $2 end
             where id = $1",
            encode.video.0,
            encode.id.0,
            signed(encode.plan.duration_ms())?,
            state.change.is_some(),
        );
        point.execute(&mut *tx).await.map_err(error)?;
        jobs::enqueue(&mut tx, jobs, encode.video, Some(encode.id)).await?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Completes an analyse job, which weighs `weight` in the end: the encode has the source and the plan that it has here, and the jobs
    /// of it that there are not yet. Answers false, changing nothing, if the job's lease was lost.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn finish_analyse(&self, claim: &Claim, encode: &Encode, weight: f32, jobs: &[NewJob]) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, claim.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        let weigh = sqlx::query!("update jobs set weight = $2 where id = $1", claim.job_id.0, weight);
        weigh.execute(&mut *tx).await.map_err(error)?;
        let complete = sqlx::query!(
            "update encodes set source = $2, plan = $3, inspect_cpu_ms = $4 where id = $1",
            encode.id.0,
            serde_json::to_value(&encode.source).map_err(Error::internal)?,
            serde_json::to_value(&encode.plan).map_err(Error::internal)?,
            signed(encode.inspect_cpu_ms)?,
        );
        complete.execute(&mut *tx).await.map_err(error)?;
        jobs::enqueue(&mut tx, jobs, claim.video, Some(encode.id)).await?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Completes an analyse job that found the film to be another than `before` was made for: the video gets the encode `anew` with its
    /// jobs, and is not playable until that is. Answers false, changing nothing, if the job's lease was lost.
    ///
    /// # Errors
    /// `Conflict` if the video has another encode by now.
    pub async fn begin_anew(&self, claim: &Claim, before: EncodeId, anew: &NewEncode, jobs: &[NewJob]) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, claim.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        insert(&mut tx, anew).await?;
        let point = sqlx::query!(
            "update videos set encode_id = $3, duration_ms = $4, playable_at = null, updated_at = now()
             where id = $1 and encode_id = $2",
            claim.video.0,
            before.0,
            anew.id.0,
            signed(anew.plan.duration_ms())?,
        );
        if point.execute(&mut *tx).await.map_err(error)?.rows_affected() != 1 {
            return Err(Error::conflict("superseded", "the video has another encode by now"));
        }
        let cancel = sqlx::query!(
            "update jobs set state = 'cancelled', lease_owner = null, lease_until = null, finished_at = now()
             where encode_id = $1 and state in ('queued', 'running')",
            before.0,
        );
        cancel.execute(&mut *tx).await.map_err(error)?;
        jobs::enqueue(&mut tx, jobs, claim.video, Some(anew.id)).await?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Completes a publish job: flips the video to `ready`, or to the encode that takes the place of the one that it showed, and keeps
    /// the report. Answers false, changing nothing, if the job's lease was lost.
    ///
    /// # Errors
    /// `Conflict` if the video is not being published, or has another encode by now.
    pub async fn finish_publish(&self, claim: &Claim, encode: EncodeId, duration_ms: u64, report: &Report) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, claim.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        let changes = state.change.is_some();
        // A poster that was chosen meanwhile is still the one.
        let poster = sqlx::query!(
            "update encodes set poster_ms = shown.poster_ms from encodes shown join videos v on v.encode_id = shown.id
             where encodes.id = $1 and v.id = $2 and shown.upload_id = encodes.upload_id and shown.id <> encodes.id
               and coalesce(encodes.thumbnails -> 'posters'
                            @> jsonb_build_array(jsonb_build_object('time_ms', shown.poster_ms)), true)",
            encode.0,
            claim.video.0,
        );
        poster.execute(&mut *tx).await.map_err(error)?;
        advance(&mut tx, claim.video, state, Event::Published).await?;
        let protection = protected_in(&mut tx, encode).await?.map(|protected| protected.choice);
        let flip = sqlx::query!(
            "update videos set encode_id = $2, next_encode_id = null, duration_ms = $4, ready_at = coalesce(ready_at, now()),
                    playable_at = coalesce(playable_at, now()), protection = $5
             where id = $1 and case when $3 then next_encode_id else encode_id end = $2",
            claim.video.0,
            encode.0,
            changes,
            signed(duration_ms)?,
            protection.map(serde_json::to_value).transpose().map_err(Error::internal)?,
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

    /// What the encode called `id` offers by now.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub async fn offer(&self, id: EncodeId) -> Result<Offer> {
        let row = sqlx::query!(
            r#"select coalesce((report ->> 'dash')::boolean, false) as "dash!", thumbnails is not null as "tiles!",
                      nullif(plan -> 'protected', 'null') as protected
               from encodes where id = $1"#,
            id.0,
        );
        let row = row.fetch_optional(self.pool()).await.map_err(error)?.ok_or_else(|| Error::not_found("encode"))?;
        let protected = row.protected.map(serde_json::from_value).transpose().map_err(Error::internal)?;
        Ok(Offer { dash: row.dash, tiles: row.tiles, protected })
    }

    /// The encode called `id`.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub async fn encode(&self, id: EncodeId) -> Result<Encode> {
        let row = sqlx::query!(
            "select video_id, upload_id, source, plan, encoder_version, inspect_cpu_ms, report, created_at, published_at
             from encodes where id = $1",
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
            inspect_cpu_ms: unsigned(row.inspect_cpu_ms),
            report: row.report.map(serde_json::from_value).transpose().map_err(Error::internal)?,
            created_at: row.created_at,
            published_at: row.published_at,
        })
    }

    /// The secrets of an encode's keys, sealed; none if it is in the clear.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn sealed_keys(&self, encode: EncodeId) -> Result<Vec<SealedKey>> {
        let rows = sqlx::query_as!(SealedKey, "select id, sealed from content_keys where encode_id = $1", encode.0);
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// How far `encodes` are: jobs by their weight, running ones by their own progress.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn progress(&self, encodes: &[EncodeId]) -> Result<HashMap<EncodeId, Progress>> {
        let ids: Vec<_> = encodes.iter().map(|encode| encode.0).collect();
        let rows = sqlx::query!(
            r#"select encode_id as "encode_id!",
                      coalesce(sum(weight * case state when 'done' then 1 when 'running' then progress else 0 end)
                               / nullif(sum(weight), 0), 0)::real as "encoded!",
                      extract(epoch from now() - min(started_at))::float8 as worked_s
               from jobs where encode_id = any($1) group by encode_id"#,
            &ids,
        );
        let rows = rows.fetch_all(self.pool()).await.map_err(error)?;
        let progress = rows.into_iter().map(|row| {
            let worked = Duration::try_from_secs_f64(row.worked_s.unwrap_or(0.0)).unwrap_or_default();
            (EncodeId(row.encode_id), Progress { done: row.encoded.clamp(0.0, 1.0) * ENCODED, worked })
        });
        Ok(progress.collect())
    }

    /// How much of a growing encode can be played, in ticks of its picture: up to where its longest rung has its first gap.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn playable_ticks(&self, encode: EncodeId) -> Result<u64> {
        let end = sqlx::query_scalar!(
            r#"select coalesce(max(start_ticks + duration_ticks), 0) as "end!"
               from (select number, start_ticks, duration_ticks, row_number() over (partition by rendition order by number) as place
                     from segments where encode_id = $1 and track = 'video') as placed
               where number = place"#,
            encode.0,
        );
        Ok(unsigned(end.fetch_one(self.pool()).await.map_err(error)?))
    }
}

/// How an encode is protected, as its plan says.
async fn protected_in(conn: &mut PgConnection, encode: EncodeId) -> Result<Option<Protected>> {
    let row = sqlx::query_scalar!("select nullif(plan -> 'protected', 'null') from encodes where id = $1", encode.0);
    let found = row.fetch_optional(conn).await.map_err(error)?.ok_or_else(|| Error::not_found("encode"))?;
    found.map(serde_json::from_value).transpose().map_err(Error::internal)
}

async fn insert(conn: &mut PgConnection, encode: &NewEncode) -> Result<()> {
    let insert = sqlx::query!(
        "insert into encodes (id, video_id, upload_id, source, plan, encoder_version, inspect_cpu_ms, poster_ms)
         select $1, $2, $3, $4, $5, $6, $7,
                (select poster_ms from encodes e join videos v on v.encode_id = e.id where v.id = $2 and e.upload_id = $3)",
        encode.id.0,
        encode.video.0,
        encode.upload.0,
        serde_json::to_value(&encode.source).map_err(Error::internal)?,
        serde_json::to_value(&encode.plan).map_err(Error::internal)?,
        encode.encoder_version,
        signed(encode.inspect_cpu_ms)?,
    );
    insert.execute(&mut *conn).await.map_err(error)?;
    let (ids, sealed): (Vec<_>, Vec<_>) = encode.keys.iter().map(|key| (key.id, key.sealed.clone())).unzip();
    let keys = sqlx::query!(
        "insert into content_keys (id, encode_id, sealed) select id, $1, sealed from unnest($2::uuid[], $3::bytea[]) as t (id, sealed)",
        encode.id.0,
        &ids,
        &sealed,
    );
    keys.execute(conn).await.map_err(error)?;
    Ok(())
}
