//! What was learned since a model was trained: which of it is the newest. The files themselves are objects.

use super::{Db, error};
use marquee_core::{
    Result,
    id::{DeltaId, ModelId},
};
use time::OffsetDateTime;
use uuid::Uuid;

impl Db {
    /// Remembers a delta of `model` whose file is stored.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer, or no longer knows the model.
    pub async fn add_delta(&self, id: DeltaId, model: ModelId) -> Result<()> {
        let added = sqlx::query!("insert into model_deltas (id, model_id) values ($1, $2)", id.0, model.0);
        added.execute(self.pool()).await.map_err(error).map(drop)
    }

    /// The newest delta of `model`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn newest_delta(&self, model: ModelId) -> Result<Option<DeltaId>> {
        let id = sqlx::query_scalar!("select id from model_deltas where model_id = $1 order by id desc limit 1", model.0);
        Ok(id.fetch_optional(self.pool()).await.map_err(error)?.map(DeltaId))
    }

    /// Remembers that `model`, with its newest delta, knows what was watched by `known_at`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn know_model(&self, model: ModelId, known_at: OffsetDateTime) -> Result<()> {
        let known = sqlx::query!("update models set known_at = $2 where id = $1", model.0, known_at);
        known.execute(self.pool()).await.map_err(error).map(drop)
    }

    /// Deltas that nobody asks for: all but the `keep` newest of the deployed model, which somebody may just be reading.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn spent_deltas(&self, keep: i64) -> Result<Vec<(ModelId, DeltaId)>> {
        let rows = sqlx::query!(
            r#"select id as "id: Uuid", model_id as "model: Uuid" from model_deltas
               where id not in (select id from model_deltas
                                where model_id = (select id from models where deployed_at is not null and withdrawn_at is null
                                                  order by deployed_at desc, id desc limit 1)
                                order by id desc limit $1)"#,
            keep,
        );
        let rows = rows.fetch_all(self.pool()).await.map_err(error)?;
        Ok(rows.into_iter().map(|row| (row.model.into(), row.id.into())).collect())
    }

    /// Forgets a delta whose file is gone.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn forget_delta(&self, id: DeltaId) -> Result<()> {
        sqlx::query!("delete from model_deltas where id = $1", id.0).execute(self.pool()).await.map_err(error).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::database;
    use marquee_core::{Clock, OsRandom, SystemClock};

    #[tokio::test]
    async fn the_newest_ones_of_the_deployed_model_are_kept() {
        let (db, _guard) = database().await;
        let model = || ModelId::new(&SystemClock, &OsRandom);
        let (old, new) = (model(), model());
        for (number, id) in [(0, old), (1, new)] {
            db.add_model(id, &serde_json::json!({}), &[number], true).await.expect("added");
        }
        let mut added = Vec::new();
        for number in 0..5_u128 {
            let (id, of) = (DeltaId(Uuid::from_u128(number)), if number == 1 { old } else { new });
            db.add_delta(id, of).await.expect("added");
            added.push((of, id));
        }
        assert_eq!(db.newest_delta(new).await.expect("asked"), Some(added[4].1));
        assert_eq!(db.newest_delta(old).await.expect("asked"), Some(added[1].1));
        assert_eq!(db.newest_delta(model()).await.expect("asked"), None);
        let mut spent = db.spent_deltas(2).await.expect("listed");
        spent.sort_by_key(|(_, id)| *id);
        assert_eq!(spent, added[..3]);
        assert!(db.forget_model(old).await.is_err(), "its delta may have an object");
        for (_, id) in spent {
            db.forget_delta(id).await.expect("forgotten");
        }
        assert!(db.spent_deltas(2).await.expect("listed").is_empty());
        db.forget_model(old).await.expect("forgotten");
        assert!(db.add_delta(DeltaId(Uuid::from_u128(9)), old).await.is_err(), "nobody would ever remove it");
        let known_at = SystemClock.now().replace_nanosecond(0).expect("a second");
        assert_eq!(db.deployed_model().await.expect("asked").and_then(|row| row.known_at), None);
        db.know_model(new, known_at).await.expect("known");
        assert_eq!(db.deployed_model().await.expect("asked").and_then(|row| row.known_at), Some(known_at));
        db.withdraw_model().await.expect_err("nothing to go back to");
    }
}
