//! The model repository: what was trained, and what is deployed. The files themselves are objects.

use super::{Db, error, taste::ProfileRules};
use marquee_core::{
    Error, Result,
    id::{ModelId, VideoId},
    object::Key,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A trained recommender.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredModel {
    /// Its id.
    pub id: ModelId,
    /// What it was found to be worth.
    pub metrics: serde_json::Value,
    /// What tells the data that it was trained on from others.
    pub fingerprint: Vec<u8>,
    /// When it was trained.
    pub created_at: OffsetDateTime,
    /// When it was deployed last; `None` if it never was good enough.
    pub deployed_at: Option<OffsetDateTime>,
    /// When it was taken back.
    pub withdrawn_at: Option<OffsetDateTime>,
    /// What was watched by then it knows with its newest delta; `None`: what it was trained on.
    pub known_at: Option<OffsetDateTime>,
}

impl Db {
    /// Remembers a model whose file is stored, and deploys it if it `is_better`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn add_model(&self, id: ModelId, metrics: &serde_json::Value, fingerprint: &[u8], is_better: bool) -> Result<()> {
        let key = Key::model(id);
        let added = sqlx::query!(
            "insert into models (id, object_key, metrics, fingerprint, deployed_at)
             values ($1, $2, $3, $4, case when $5 then now() end)",
            id.0,
            key.as_str(),
            metrics,
            fingerprint,
            is_better,
        );
        added.execute(self.pool()).await.map_err(error).map(drop)
    }

    /// The model that answers now.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn deployed_model(&self) -> Result<Option<StoredModel>> {
        let row = sqlx::query_as!(
            StoredModel,
            r#"select id as "id: Uuid", metrics, fingerprint, created_at, deployed_at, withdrawn_at, known_at from models
               where deployed_at is not null and withdrawn_at is null order by deployed_at desc, id desc limit 1"#,
        );
        row.fetch_optional(self.pool()).await.map_err(error)
    }

    /// Models, the newest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn models(&self, limit: i64) -> Result<Vec<StoredModel>> {
        let rows = sqlx::query_as!(
            StoredModel,
            r#"select id as "id: Uuid", metrics, fingerprint, created_at, deployed_at, withdrawn_at, known_at from models
               order by id desc limit $1"#,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// Takes the deployed model back, so that the one before answers again. Answers which one that is.
    ///
    /// # Errors
    /// `Conflict` if there is no model before it.
    pub async fn withdraw_model(&self) -> Result<ModelId> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let rows = sqlx::query_scalar!(
            r#"select id as "id: Uuid" from models where deployed_at is not null and withdrawn_at is null
               order by deployed_at desc, id desc limit 2 for update"#,
        );
        let rows = rows.fetch_all(&mut *tx).await.map_err(error)?;
        let [deployed, before] = rows[..] else {
            return Err(Error::conflict("no_model_before", "there is no model before the deployed one to go back to"));
        };
        let withdrawn = sqlx::query!("update models set withdrawn_at = now() where id = $1", deployed);
        withdrawn.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)?;
        Ok(ModelId(before))
    }

    /// Models that nobody will go back to: all but the `keep` that were deployed last, the newest of which answers. Those that were
    /// never good enough go once another one was trained; those that were taken back, once another one answers.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn spent_models(&self, keep: i64) -> Result<Vec<ModelId>> {
        let rows = sqlx::query_scalar!(
            r#"select id as "id: Uuid" from models
               where id not in (select id from models where deployed_at is not null and withdrawn_at is null
                                order by deployed_at desc, id desc limit $1)
                 and id <> (select id from models order by id desc limit 1)
                 and (withdrawn_at is null or withdrawn_at <= (
                     select max(deployed_at) from models where deployed_at is not null and withdrawn_at is null))"#,
            keep,
        );
        Ok(rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(ModelId).collect())
    }

    /// Forgets a model whose file is gone.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn forget_model(&self, id: ModelId) -> Result<()> {
        sqlx::query!("delete from models where id = $1", id.0).execute(self.pool()).await.map_err(error).map(drop)
    }

    /// Those of `videos` that can be played at `now` and that `rules` allow, in no order.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn still_recommendable(
        &self,
        videos: &[VideoId],
        rules: &ProfileRules,
        now: OffsetDateTime,
    ) -> Result<Vec<VideoId>> {
        let videos: Vec<Uuid> = videos.iter().map(|video| video.0).collect();
        let hidden: Vec<String> = rules.genres_hidden.iter().map(|genre| genre.to_lowercase()).collect();
        let ids = sqlx::query_scalar!(
            "select id from videos where id = any($1) and deleted_at is null and status = 'ready'
             and (available_from is null or available_from <= $2) and (available_until is null or $2 < available_until)
             and ($3::smallint is null or maturity_age <= $3)
             and not exists (select from unnest(genres) as genre where lower(genre) = any($4))",
            &videos,
            now,
            rules.maturity_age_max,
            &hidden,
        );
        Ok(ids.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(VideoId).collect())
    }

    /// Whether the model that answers does so because a later one was taken back.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn is_rolled_back(&self) -> Result<bool> {
        let is = sqlx::query_scalar!(
            r#"select exists (select from models where withdrawn_at > (
                   select max(deployed_at) from models where deployed_at is not null and withdrawn_at is null)) as "is!""#,
        );
        is.fetch_one(self.pool()).await.map_err(error)
    }

    /// Lets a model answer, whatever became of it before.
    ///
    /// # Errors
    /// `NotFound` if there is no such model.
    pub async fn deploy_model(&self, id: ModelId) -> Result<()> {
        let deployed = sqlx::query!("update models set deployed_at = now(), withdrawn_at = null where id = $1", id.0);
        let deployed = deployed.execute(self.pool()).await.map_err(error)?;
        if deployed.rows_affected() == 0 { Err(Error::not_found("model")) } else { Ok(()) }
    }
}
