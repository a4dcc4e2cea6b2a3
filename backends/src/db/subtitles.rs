//! Subtitles that came beside a film. What is listed here is what a video should have: its next encode has it, and if it shows one that
//! has other ones, another encode is ordered, of which nothing but the subtitles is made anew.

use super::{
    Db,
    changes::source_of,
    error,
    idempotency::{self, Made, Once},
    jobs::{self, NewJob},
    state::{advance, lock_video},
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, JobId, SubtitleId, UserId, VideoId},
    job::{Job, Order},
    plan::{Plan, SubtitleFile, SubtitleRendition},
    source::Note,
    video::{Event, Status},
};
use sqlx::{PgConnection, query, query_as, query_scalar};
use std::collections::BTreeSet;
use time::OffsetDateTime;
use uuid::Uuid;

/// Files of one video: more than there are languages that anybody subtitles into.
pub const FILES_MAX: i64 = 100;

/// A file of subtitles.
#[derive(Clone, Debug, PartialEq)]
pub struct Subtitle {
    /// What a plan needs to know of it.
    pub file: SubtitleFile,
    /// What it was, such as `SRT`.
    pub format: String,
    /// Its cues.
    pub cues: u32,
    /// What was repaired, left out or guessed.
    pub notes: Vec<Note>,
    /// When it came.
    pub created_at: OffsetDateTime,
}

/// A file of subtitles that has just been read.
#[derive(Clone, Debug)]
pub struct NewSubtitle {
    /// What a plan needs to know of it.
    pub file: SubtitleFile,
    /// What it was.
    pub format: String,
    /// Its cues.
    pub cues: u32,
    /// What was repaired, left out or guessed.
    pub notes: Vec<Note>,
    /// What it says, as WebVTT.
    pub text: String,
    /// Who sent it.
    pub by: UserId,
}

struct Row {
    id: Uuid,
    language: String,
    name: Option<String>,
    forced: bool,
    hearing_impaired: bool,
    format: String,
    cues: i32,
    notes: serde_json::Value,
    created_at: OffsetDateTime,
}

impl From<Row> for Subtitle {
    fn from(row: Row) -> Self {
        let Row { id, language, name, forced, hearing_impaired, format, cues, notes, created_at } = row;
        Self {
            file: SubtitleFile { id: SubtitleId(id), language, name, forced, hearing_impaired },
            format,
            cues: u32::try_from(cues).unwrap_or(0),
            notes: serde_json::from_value(notes).unwrap_or_default(),
            created_at,
        }
    }
}

impl Db {
    /// Keeps a file for `video`, whose next encode will have it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `too_many_subtitles`; see [`idempotency`] for a repeated `once`.
    pub async fn add_subtitle(&self, video: VideoId, new: &NewSubtitle, once: Option<&Once>) -> Result<Made<SubtitleId>> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, video).await?;
        if let Some(earlier) = idempotency::claim(&mut tx, new.by, once, &new.file.id.to_string()).await? {
            return Ok(Made::Earlier(earlier.parse()?));
        }
        let there =
            query_scalar!(r#"select count(*) as "there!" from subtitles where video_id = $1 and removed_at is null"#, video.0);
        if there.fetch_one(&mut *tx).await.map_err(error)? >= FILES_MAX {
            let message = format!("a video has at most {FILES_MAX} files of subtitles: remove some first");
            return Err(Error::conflict("too_many_subtitles", message));
        }
        let NewSubtitle { file, format, cues, notes, text, by } = new;
        let insert = query!(
            "insert into subtitles (id, video_id, language, name, forced, hearing_impaired, format, cues, notes, text, created_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            file.id.0,
            video.0,
            file.language,
            file.name,
            file.forced,
            file.hearing_impaired,
            format,
            i32::try_from(*cues).map_err(Error::internal)?,
            serde_json::to_value(notes).map_err(Error::internal)?,
            text,
            by.0,
        );
        insert.execute(&mut *tx).await.map_err(error)?;
        look_at(&mut tx, video).await?;
        tx.commit().await.map_err(error)?;
        Ok(Made::Now(file.id))
    }

    /// Removes a file of `video`: its next encode will not have it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove_subtitle(&self, video: VideoId, subtitle: SubtitleId) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, video).await?;
        // Encodes that are being made may still read it.
        let remove = query!(
            "update subtitles set removed_at = now() where id = $1 and video_id = $2 and removed_at is null",
            subtitle.0,
            video.0
        );
        if remove.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            return Err(Error::not_found("file of subtitles"));
        }
        look_at(&mut tx, video).await?;
        tx.commit().await.map_err(error)
    }

    /// The files of `video`, in the order in which they came.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn subtitles(&self, video: VideoId) -> Result<Vec<Subtitle>> {
        let rows = query_as!(
            Row,
            "select id, language, name, forced, hearing_impaired, format, cues, notes, created_at
             from subtitles where video_id = $1 and removed_at is null order by created_at, id",
            video.0
        );
        Ok(rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(Subtitle::from).collect())
    }

    /// What a file says, as WebVTT, also if it was removed since.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn subtitle_text(&self, subtitle: SubtitleId) -> Result<String> {
        let row = query_scalar!("select text from subtitles where id = $1", subtitle.0);
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.ok_or_else(|| Error::not_found("file of subtitles"))
    }

    /// Videos of which somebody should look if they show the subtitles that they should, and that can be changed now.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn videos_of_due_subtitles(&self, limit: i64) -> Result<Vec<VideoId>> {
        let rows = query_scalar!(
            "select id from videos
             where subtitles_due and status = 'ready' and change_status is null and deleted_at is null order by id limit $1",
            limit
        );
        Ok(rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(VideoId).collect())
    }

    /// Orders `encode`, beginning with `job`, if `video` shows other subtitles than it should have, and nothing else is on its way. Answers
    /// whether it did.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `no_source` if the film is gone.
    pub async fn order_due_subtitles(&self, video: VideoId, encode: EncodeId, job: JobId) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, video).await?;
        // Of a change that failed somebody should hear first.
        if state.status != Status::Ready || state.change.is_some() {
            return Ok(false);
        }
        let shown = query!(
            "select e.id, e.plan from encodes e join videos v on v.encode_id = e.id where v.id = $1 and v.subtitles_due",
            video.0
        );
        let Some(shown) = shown.fetch_optional(&mut *tx).await.map_err(error)? else { return Ok(false) };
        let plan: Plan = serde_json::from_value(shown.plan).map_err(Error::internal)?;
        let wanted = query_scalar!("select id from subtitles where video_id = $1 and removed_at is null", video.0);
        let wanted: BTreeSet<_> = wanted.fetch_all(&mut *tx).await.map_err(error)?.into_iter().map(SubtitleId).collect();
        let has: BTreeSet<_> = plan.subtitles.iter().filter_map(SubtitleRendition::file).collect();
        if wanted == has {
            query!("update videos set subtitles_due = false where id = $1", video.0).execute(&mut *tx).await.map_err(error)?;
            tx.commit().await.map_err(error)?;
            return Ok(false);
        }
        let upload = source_of(&mut tx, video).await?;
        advance(&mut tx, video, state, Event::Ordered).await?;
        let like = plan.undecided().is_none().then_some(EncodeId(shown.id));
        let order = Order { encode, recipe: None, ladder: None, like, rungs: Vec::new(), protection: None, chapters: None };
        let inspect = Job::Inspect { video, upload, order: Some(order) };
        jobs::enqueue(&mut tx, &[NewJob::urgent(job, inspect)], video, None).await?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }
}

/// Lets somebody look if what `video` shows has the subtitles that it should have.
async fn look_at(conn: &mut PgConnection, video: VideoId) -> Result<()> {
    let due = query!("update videos set subtitles_due = true where id = $1", video.0);
    due.execute(conn).await.map_err(error)?;
    Ok(())
}
