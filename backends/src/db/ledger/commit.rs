//! Adding to the ledger: always in one transaction with the proof that the job still holds its lease, and with what the
//! addition brings about (the title becomes playable, its publishing begins). The video's row is locked first, so jobs of
//! one title commit one after the other and exactly one of them is the last.

use super::{Batch, Finished, StoredRendition, StoredSegment, name_of, signed};
use crate::db::{
    Db, error,
    jobs::{self, Claim, NewJob},
    state::{advance, lock_video},
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, JobId, VideoId},
    job::Job,
    video::{Event, State},
};
use sqlx::PgConnection;

impl Db {
    /// Adds what a job has so far, so that a growing playlist grows. Answers false, adding nothing, if the job's lease
    /// was lost.
    ///
    /// # Errors
    /// `Conflict` with code `ledger_conflict` if another attempt committed other bytes under the same name.
    pub async fn commit_part(&self, claim: &Claim, encode: EncodeId, batch: &Batch) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, claim.video).await?;
        let held = sqlx::query_scalar!(
            r#"select true as "held!" from jobs
               where id = $1 and attempt = $2 and state = 'running' and lease_until > clock_timestamp() for update"#,
            claim.job_id.0,
            claim.attempt,
        );
        if held.fetch_optional(&mut *tx).await.map_err(error)?.is_none() {
            return Ok(false);
        }
        add(&mut tx, claim, encode, batch).await?;
        mark_playable(&mut tx, encode, claim.video).await?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Adds the last of what a job made and completes the job. The job that finishes the last chunk of the encode moves the
    /// video to `publishing` and enqueues the one publish job under the id `publish`. Answers false, changing nothing, if the
    /// job's lease was lost.
    ///
    /// # Errors
    /// `Conflict` with code `ledger_conflict` if another attempt committed other bytes under the same name.
    pub async fn commit_job(&self, claim: &Claim, encode: EncodeId, batch: &Batch, publish: JobId) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, claim.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        add(&mut tx, claim, encode, batch).await?;
        mark_playable(&mut tx, encode, claim.video).await?;
        if is_finished(&mut tx, encode).await? {
            begin_publishing(&mut tx, encode, claim.video, state, publish).await?;
        }
        tx.commit().await.map_err(error)?;
        Ok(true)
    }
}

async fn add(conn: &mut PgConnection, claim: &Claim, encode: EncodeId, batch: &Batch) -> Result<()> {
    for rendition in &batch.renditions {
        add_rendition(conn, encode, rendition).await?;
    }
    if !batch.segments.is_empty() {
        add_segments(conn, claim, encode, &batch.segments).await?;
    }
    for finished in &batch.finished {
        add_finished(conn, encode, finished).await?;
    }
    Ok(())
}

async fn add_rendition(conn: &mut PgConnection, encode: EncodeId, stored: &StoredRendition) -> Result<()> {
    let description = serde_json::to_value(&stored.rendition).map_err(Error::internal)?;
    let insert = sqlx::query!(
        "insert into renditions (encode_id, track, rendition, description, init_bytes, init_sha256)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        encode.0,
        name_of(stored.track),
        stored.rendition.id,
        description,
        signed(stored.init_bytes)?,
        &stored.init_sha256[..],
    );
    if insert.execute(&mut *conn).await.map_err(error)?.rows_affected() == 1 {
        return Ok(());
    }
    let same = sqlx::query_scalar!(
        r#"select init_sha256 = $4 as "same!" from renditions where encode_id = $1 and track = $2 and rendition = $3"#,
        encode.0,
        name_of(stored.track),
        stored.rendition.id,
        &stored.init_sha256[..],
    );
    if same.fetch_one(conn).await.map_err(error)? { Ok(()) } else { Err(conflict(&stored.rendition.id, 0)) }
}

async fn add_segments(conn: &mut PgConnection, claim: &Claim, encode: EncodeId, segments: &[StoredSegment]) -> Result<()> {
    let column = Columns::of(segments)?;
    let insert = sqlx::query!(
        "insert into segments (encode_id, track, rendition, number, chunk, start_ticks, duration_ticks, size_bytes, iframes,
                               sha256, judged, job_id, attempt)
         select $1, new.*, $12, $13
         from unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[],
                     $9::jsonb[], $10::bytea[], $11::jsonb[]) as new
         on conflict do nothing",
        encode.0,
        &column.track,
        &column.rendition,
        &column.number,
        &column.chunk,
        &column.start_ticks,
        &column.duration_ticks,
        &column.size_bytes,
        &column.iframes,
        &column.sha256,
        &column.judged,
        claim.job_id.0,
        claim.attempt,
    );
    insert.execute(&mut *conn).await.map_err(error)?;
    let differing = sqlx::query!(
        r#"select s.rendition, s.number from segments s
           join unnest($2::text[], $3::text[], $4::integer[], $5::bytea[]) as new (track, rendition, number, sha256)
             on s.track = new.track and s.rendition = new.rendition and s.number = new.number
           where s.encode_id = $1 and s.sha256 <> new.sha256 limit 1"#,
        encode.0,
        &column.track,
        &column.rendition,
        &column.number,
        &column.sha256,
    );
    match differing.fetch_optional(conn).await.map_err(error)? {
        Some(row) => Err(conflict(&row.rendition, row.number)),
        None => Ok(()),
    }
}

/// Segments column by column, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    track: Vec<String>,
    rendition: Vec<String>,
    number: Vec<i32>,
    chunk: Vec<i32>,
    start_ticks: Vec<i64>,
    duration_ticks: Vec<i64>,
    size_bytes: Vec<i64>,
    iframes: Vec<serde_json::Value>,
    sha256: Vec<Vec<u8>>,
    judged: Vec<serde_json::Value>,
}

impl Columns {
    fn of(segments: &[StoredSegment]) -> Result<Self> {
        let mut columns = Self::default();
        for stored in segments {
            columns.track.push(name_of(stored.track).to_owned());
            columns.rendition.push(stored.rendition.clone());
            columns.number.push(i32::try_from(stored.segment.number).map_err(Error::internal)?);
            columns.chunk.push(i32::try_from(stored.chunk).map_err(Error::internal)?);
            columns.start_ticks.push(signed(stored.segment.start_ticks)?);
            columns.duration_ticks.push(signed(stored.segment.duration_ticks)?);
            columns.size_bytes.push(signed(stored.segment.size_bytes)?);
            columns.iframes.push(serde_json::to_value(&stored.segment.iframes).map_err(Error::internal)?);
            columns.sha256.push(stored.sha256.to_vec());
            columns.judged.push(serde_json::to_value(&stored.judged).map_err(Error::internal)?);
        }
        Ok(columns)
    }
}

async fn add_finished(conn: &mut PgConnection, encode: EncodeId, finished: &Finished) -> Result<()> {
    let notes = serde_json::to_value(&finished.notes).map_err(Error::internal)?;
    let insert = sqlx::query!(
        "insert into finished_chunks (encode_id, track, rendition, chunk, frames, damaged, cpu_ms, quality_cpu_ms, notes)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
        encode.0,
        name_of(finished.track),
        finished.rendition,
        i32::try_from(finished.chunk).map_err(Error::internal)?,
        signed(finished.frames)?,
        signed(finished.damaged)?,
        signed(finished.cpu_ms)?,
        signed(finished.quality_cpu_ms)?,
        notes,
    );
    insert.execute(conn).await.map_err(error)?;
    Ok(())
}

/// A title plays once its first segment is there in at least one rung, and the first sound in every rendition of the default track.
async fn mark_playable(conn: &mut PgConnection, encode: EncodeId, video: VideoId) -> Result<()> {
    let update = sqlx::query!(
        "update videos set playable_at = now(), updated_at = now()
         from encodes
         where videos.id = $2 and encodes.id = $1 and videos.encode_id = encodes.id and playable_at is null
           and exists (select from segments s where s.encode_id = $1 and s.track = 'video' and s.number = 1)
           and not exists (select from jsonb_array_elements(encodes.plan -> 'audio') as wanted
                           where (wanted ->> 'default')::boolean
                             and not exists (select from segments s where s.encode_id = $1 and s.track = 'audio'
                                             and s.rendition = wanted ->> 'id' and s.number = 1))",
        encode.0,
        video.0,
    );
    update.execute(conn).await.map_err(error)?;
    Ok(())
}

/// Whether every chunk of every rung, every audio and every subtitle rendition of the plan is in the ledger.
async fn is_finished(conn: &mut PgConnection, encode: EncodeId) -> Result<bool> {
    let finished = sqlx::query_scalar!(
        r#"select coalesce((plan #>> '{analysis,decided}')::boolean, true) and not coalesce((plan ->> 'provisional')::boolean, false)
                  and jsonb_array_length(plan -> 'chunks') * jsonb_array_length(plan -> 'rungs') + jsonb_array_length(plan -> 'audio')
                      + jsonb_array_length(coalesce(plan -> 'subtitles', '[]'))
                  = (select count(*) from finished_chunks where encode_id = $1) as "finished!"
           from encodes where id = $1"#,
        encode.0,
    );
    finished.fetch_one(conn).await.map_err(error)
}

async fn begin_publishing(conn: &mut PgConnection, encode: EncodeId, video: VideoId, state: State, publish: JobId) -> Result<()> {
    // A video that went on meanwhile has nothing to publish: the job is done all the same.
    if state.after(Event::Encoded).is_ok() {
        advance(conn, video, state, Event::Encoded).await?;
        jobs::enqueue(conn, &[NewJob::urgent(publish, Job::Publish { encode })], video, Some(encode)).await?;
    }
    Ok(())
}

fn conflict(rendition: &str, number: i32) -> Error {
    let what = if number == 0 { "init segment".to_owned() } else { format!("segment {number}") };
    Error::conflict("ledger_conflict", format!("another attempt stored other bytes as the {what} of {rendition}"))
}
