//! What is known of videos as titles: genres, people, ratings, where and when they may be shown.

use super::{Db, error};
use marquee_core::{Error, Result, id::VideoId};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// What is known of a title, beside how it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its genres, the most telling first.
    pub genres: Vec<String>,
    /// Names of those who made it and act in it.
    pub people: Vec<String>,
    /// When it came out.
    pub year: Option<i32>,
    /// The language that it was made in, BCP 47.
    pub language: Option<String>,
    /// From which age it is meant for; `None` if it was not rated.
    pub maturity_age: Option<i16>,
    /// Where it may be shown, ISO 3166-1 alpha-2; `None` if everywhere.
    pub territories: Option<Vec<String>>,
    /// What it is about.
    pub description: Option<String>,
    /// Since when it may be shown, if that matters.
    pub available_from: Option<OffsetDateTime>,
    /// When that ends, if it does.
    pub available_until: Option<OffsetDateTime>,
}

/// A title that is ready, as a recommender sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TitleFacts {
    /// Its video.
    pub id: VideoId,
    /// How it is called.
    pub title: String,
    /// Its genres, the most telling first.
    pub genres: Vec<String>,
    /// Names of those who made it and act in it.
    pub people: Vec<String>,
    /// When it came out.
    pub year: Option<i32>,
    /// The language that it was made in, BCP 47.
    pub language: Option<String>,
    /// From which age it is meant for; `None` if it was not rated.
    pub maturity_age: Option<i16>,
    /// Where it may be shown, ISO 3166-1 alpha-2; `None` if everywhere.
    pub territories: Option<Vec<String>>,
    /// What it is about.
    pub description: Option<String>,
    /// Since when it may be shown, if that matters.
    pub available_from: Option<OffsetDateTime>,
    /// When that ends, if it does.
    pub available_until: Option<OffsetDateTime>,
    /// When its video was made.
    pub created_at: OffsetDateTime,
    /// When it went live.
    pub ready_at: Option<OffsetDateTime>,
}

impl Db {
    /// Titles that are ready, the newest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn title_facts(&self, limit: i64) -> Result<Vec<TitleFacts>> {
        let rows = sqlx::query_as!(
            TitleFacts,
            r#"select id as "id: Uuid", title, genres, people, year, language, maturity_age, territories, description,
                      available_from, available_until, created_at, ready_at
               from videos where deleted_at is null and status = 'ready' order by id desc limit $1"#,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// How many titles are ready.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn titles_ready(&self) -> Result<i64> {
        let count =
            sqlx::query_scalar!(r#"select count(*) as "count!" from videos where deleted_at is null and status = 'ready'"#);
        count.fetch_one(self.pool()).await.map_err(error)
    }

    /// What changes with any title that is ready: while it stays the same, so does all that [`Self::title_facts`] tells.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn titles_version(&self) -> Result<String> {
        let version = sqlx::query_scalar!(
            r#"select count(*) || ':' || coalesce(sum((extract(epoch from updated_at) * 1000000)::bigint), 0) as "version!"
               from videos where deleted_at is null and status = 'ready'"#,
        );
        version.fetch_one(self.pool()).await.map_err(error)
    }

    /// Those of `videos` that are ready, in no order.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn title_facts_of(&self, videos: &[VideoId]) -> Result<Vec<TitleFacts>> {
        let videos: Vec<Uuid> = videos.iter().map(|video| video.0).collect();
        let rows = sqlx::query_as!(
            TitleFacts,
            r#"select id as "id: Uuid", title, genres, people, year, language, maturity_age, territories, description,
                      available_from, available_until, created_at, ready_at
               from videos where id = any($1) and deleted_at is null and status = 'ready'"#,
            &videos,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }
}

/// The facts of a video.
///
/// # Errors
/// `NotFound` if it was deleted.
pub(super) async fn of(conn: &mut PgConnection, video: VideoId) -> Result<Facts> {
    let row = sqlx::query_as!(
        Facts,
        "select genres, people, year, language, maturity_age, territories, description, available_from, available_until
         from videos where id = $1 and deleted_at is null",
        video.0
    );
    row.fetch_optional(conn).await.map_err(error)?.ok_or_else(|| Error::not_found("video"))
}

/// Gives a video other facts.
pub(super) async fn set(conn: &mut PgConnection, video: VideoId, facts: &Facts) -> Result<()> {
    let update = sqlx::query!(
        "update videos set genres = $2, people = $3, year = $4, language = $5, maturity_age = $6, territories = $7,
                description = $8, available_from = $9, available_until = $10, updated_at = now()
         where id = $1",
        video.0,
        &facts.genres,
        &facts.people,
        facts.year,
        facts.language,
        facts.maturity_age,
        facts.territories.as_deref(),
        facts.description,
        facts.available_from,
        facts.available_until,
    );
    update.execute(conn).await.map_err(error)?;
    Ok(())
}
