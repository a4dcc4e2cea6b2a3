//! Videos and their state.

use super::{
    Db, error,
    facts::{self, Facts},
    idempotency::{self, Made, Once},
    state::{self, lock_video},
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, JobId, UserId, VideoId},
    protection::Choice,
    video::Status,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A video.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    /// Its id.
    pub id: VideoId,
    /// Who made it.
    pub owner: UserId,
    /// How it is called.
    pub title: String,
    /// What is known of it as a title.
    pub facts: Facts,
    /// Where it is on its way.
    pub status: Status,
    /// Why it failed: code and message.
    pub failure: Option<(String, String)>,
    /// Length, once inspected.
    pub duration_ms: Option<u64>,
    /// The encode that is being made or was published last.
    pub encode: Option<EncodeId>,
    /// What is about to take the place of what it shows.
    pub change: Option<Change>,
    /// Since when its beginning can be played.
    pub playable_at: Option<OffsetDateTime>,
    /// How what it shows is protected, or will be if it shows nothing yet; `None` if that is in the clear.
    pub protection: Option<Choice>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it went live.
    pub ready_at: Option<OffsetDateTime>,
}

/// A video about to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVideo {
    /// Its id.
    pub id: VideoId,
    /// Who makes it.
    pub owner: UserId,
    /// How it is called.
    pub title: String,
    /// What is known of it as a title.
    pub facts: Facts,
    /// Whether what is readable of a damaged source is enough.
    pub accept_damaged: bool,
    /// How its encodes are protected.
    pub protection: Option<Choice>,
}

/// What is about to take the place of what a video shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it is on its way.
    pub status: Status,
    /// Why it failed: code and message.
    pub failure: Option<(String, String)>,
    /// The encode that is being made.
    pub encode: Option<EncodeId>,
}

impl Video {
    /// Whether its beginning can be played now.
    #[must_use]
    pub fn is_playable(&self) -> bool {
        let growing = matches!(self.status, Status::Encoding | Status::Publishing) && self.playable_at.is_some();
        self.encode.is_some() && (growing || self.status == Status::Ready)
    }
}

/// Which videos a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// Those that are ready, and this account's own.
    ReadyOrOwn(UserId),
}

struct Row {
    id: Uuid,
    owner_id: Uuid,
    title: String,
    status: String,
    failure_code: Option<String>,
    failure_message: Option<String>,
    duration_ms: Option<i64>,
    encode_id: Option<Uuid>,
    change_status: Option<String>,
    change_failure_code: Option<String>,
    change_failure_message: Option<String>,
    next_encode_id: Option<Uuid>,
    playable_at: Option<OffsetDateTime>,
    protection: Option<serde_json::Value>,
    created_at: OffsetDateTime,
    ready_at: Option<OffsetDateTime>,
    genres: Vec<String>,
    people: Vec<String>,
    year: Option<i32>,
    language: Option<String>,
    maturity_age: Option<i16>,
    territories: Option<Vec<String>>,
    description: Option<String>,
    available_from: Option<OffsetDateTime>,
    available_until: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Video {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let state = state::parse(&row.status, row.change_status.as_deref()).map_err(Error::internal)?;
        let failure = |code: Option<String>, message: Option<String>| code.map(|code| (code, message.unwrap_or_default()));
        Ok(Self {
            id: row.id.into(),
            owner: row.owner_id.into(),
            title: row.title,
            facts: Facts {
                genres: row.genres,
                people: row.people,
                year: row.year,
                language: row.language,
                maturity_age: row.maturity_age,
                territories: row.territories,
                description: row.description,
                available_from: row.available_from,
                available_until: row.available_until,
            },
            status: state.status,
            failure: failure(row.failure_code, row.failure_message),
            duration_ms: row.duration_ms.and_then(|duration| u64::try_from(duration).ok()),
            encode: row.encode_id.map(EncodeId),
            change: state.change.map(|status| Change {
                status,
                failure: failure(row.change_failure_code, row.change_failure_message),
                encode: row.next_encode_id.map(EncodeId),
            }),
            playable_at: row.playable_at,
            protection: row.protection.map(serde_json::from_value).transpose().map_err(Error::internal)?,
            created_at: row.created_at,
            ready_at: row.ready_at,
        })
    }
}

impl Db {
    /// Makes a video that waits for its source.
    ///
    /// # Errors
    /// See [`idempotency`] for a repeated `once`.
    pub async fn create_video(&self, new: &NewVideo, once: Option<&Once>) -> Result<Made<VideoId>> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        if let Some(earlier) = idempotency::claim(&mut tx, new.owner, once, &new.id.to_string()).await? {
            return Ok(Made::Earlier(earlier.parse()?));
        }
        let insert = sqlx::query!(
            "insert into videos (id, owner_id, title, accept_damaged, protection) values ($1, $2, $3, $4, $5)",
            new.id.0,
            new.owner.0,
            new.title,
            new.accept_damaged,
            new.protection.map(serde_json::to_value).transpose().map_err(Error::internal)?,
        );
        insert.execute(&mut *tx).await.map_err(error)?;
        facts::set(&mut tx, new.id, &new.facts).await?;
        tx.commit().await.map_err(error)?;
        Ok(Made::Now(new.id))
    }

    /// The video called `id`, unless it was deleted.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn video(&self, id: VideoId) -> Result<Video> {
        let row = sqlx::query_as!(
            Row,
            "select id, owner_id, title, status, failure_code, failure_message, duration_ms, encode_id, change_status,
                    change_failure_code, change_failure_message, next_encode_id, playable_at, protection, created_at,
                    ready_at, genres, people, year, language, maturity_age, territories, description, available_from,
                    available_until
             from videos where id = $1 and deleted_at is null",
            id.0
        );
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.ok_or_else(|| Error::not_found("video"))?.try_into()
    }

    /// The newest `limit` videos of `scope` that are older than `before`, with each of `words` in their title, their genres or the names
    /// of their people, whatever the case.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn list_videos(&self, scope: Scope, words: &[String], before: Option<VideoId>, limit: i64) -> Result<Vec<Video>> {
        let owner = match scope {
            Scope::All => None,
            Scope::ReadyOrOwn(user) => Some(user.0),
        };
        let rows = sqlx::query_as!(
            Row,
            "select id, owner_id, title, status, failure_code, failure_message, duration_ms, encode_id, change_status,
                    change_failure_code, change_failure_message, next_encode_id, playable_at, protection, created_at,
                    ready_at, genres, people, year, language, maturity_age, territories, description, available_from,
                    available_until
             from videos
             where deleted_at is null and ($1::uuid is null or owner_id = $1 or status = 'ready') and ($2::uuid is null or id < $2)
                   and not exists (
                       select from unnest($4::text[]) word
                       where strpos(lower(array_to_string(title || genres || people, ' ')), lower(word)) = 0)
             order by id desc limit $3",
            owner,
            before.map(Uuid::from),
            limit,
            words,
        );
        rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(Video::try_from).collect()
    }

    /// The videos called `ids` that are there, in no order.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn videos(&self, ids: &[VideoId]) -> Result<Vec<Video>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query_as!(
            Row,
            "select id, owner_id, title, status, failure_code, failure_message, duration_ms, encode_id, change_status,
                    change_failure_code, change_failure_message, next_encode_id, playable_at, protection, created_at,
                    ready_at, genres, people, year, language, maturity_age, territories, description, available_from,
                    available_until
             from videos where id = any($1) and deleted_at is null",
            &ids
        );
        rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(Video::try_from).collect()
    }

    /// Gives a video another title.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rename_video(&self, id: VideoId, title: &str) -> Result<()> {
        let update =
            sqlx::query!("update videos set title = $2, updated_at = now() where id = $1 and deleted_at is null", id.0, title);
        let changed = update.execute(self.pool()).await.map_err(error)?.rows_affected();
        if changed == 1 { Ok(()) } else { Err(Error::not_found("video")) }
    }

    /// Gives a video another title, if there is one, and the facts that `edit` makes of those that it has.
    ///
    /// # Errors
    /// `NotFound`, and those of `edit`, which then changes nothing.
    pub async fn edit_video(
        &self,
        id: VideoId,
        title: Option<&str>,
        edit: impl FnOnce(Facts) -> Result<Facts> + Send,
    ) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, id).await?;
        let facts = facts::of(&mut tx, id).await?;
        let edited = edit(facts.clone())?;
        if edited != facts {
            facts::set(&mut tx, id, &edited).await?;
        }
        if let Some(title) = title {
            let update = sqlx::query!("update videos set title = $2, updated_at = now() where id = $1", id.0, title);
            update.execute(&mut *tx).await.map_err(error)?;
        }
        tx.commit().await.map_err(error)
    }

    /// Deletes a video: nobody sees it from now on, its jobs are cancelled, its open uploads expire.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_video(&self, id: VideoId) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, id).await?;
        let update =
            sqlx::query!("update videos set deleted_at = now(), updated_at = now() where id = $1 and deleted_at is null", id.0);
        if update.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            return Err(Error::not_found("video"));
        }
        let cancel = sqlx::query!(
            "update jobs set state = 'cancelled', lease_owner = null, lease_until = null, finished_at = now()
             where video_id = $1 and state in ('queued', 'running')",
            id.0
        );
        cancel.execute(&mut *tx).await.map_err(error)?;
        let expire = sqlx::query!("update uploads set expires_at = now() where video_id = $1 and finished_at is null", id.0);
        expire.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)
    }

    /// Deleted videos whose stored objects may be removed: long enough ago that no worker still writes for them.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn deleted_videos(&self, limit: i64) -> Result<Vec<VideoId>> {
        let rows = sqlx::query_scalar!(
            "select id from videos v where deleted_at < now() - interval '2 minutes'
             and not exists (select from uploads where video_id = v.id and finished_at is null)
             order by deleted_at limit $1",
            limit
        );
        Ok(rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(VideoId).collect())
    }

    /// Forgets a deleted video, once its objects are gone.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn forget_video(&self, id: VideoId) -> Result<()> {
        let delete = sqlx::query!("delete from videos where id = $1 and deleted_at is not null", id.0);
        delete.execute(self.pool()).await.map_err(error)?;
        Ok(())
    }

    /// The video that a job works for.
    ///
    /// # Errors
    /// `NotFound` if there is no such job.
    pub async fn video_of_job(&self, job: JobId) -> Result<VideoId> {
        let row = sqlx::query_scalar!("select video_id from jobs where id = $1", job.0);
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.map(VideoId).ok_or_else(|| Error::not_found("job"))
    }
}
