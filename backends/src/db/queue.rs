//! Rows of the `postgres:` queue.

use super::{Db, error, listen::QUEUE};
use marquee_core::{
    Error, Result,
    queue::{Ring, Subscription},
};
use sqlx::{query, query_scalar};
use std::time::Duration;

/// A message taken from the queue, invisible to others for a while.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The row.
    pub(crate) id: i64,
    /// What the message says, or why it cannot be read.
    pub(crate) ring: Result<Ring, String>,
}

impl Db {
    /// Adds messages; a job that has one already keeps that one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn queue_add(&self, rings: &[Ring]) -> Result<()> {
        let kinds: Vec<String> = rings.iter().map(|ring| ring.kind.as_str().to_owned()).collect();
        let ranks: Vec<i16> = rings.iter().map(|ring| ring.class as i16).collect();
        let bodies = rings.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
        let mut tx = self.pool.begin().await.map_err(error)?;
        query!(
            "insert into queue_messages (kind, class_rank, body)
             select * from unnest($1::text[], $2::smallint[], $3::jsonb[]) on conflict do nothing",
            &kinds,
            &ranks,
            &bodies,
        )
        .execute(&mut *tx)
        .await
        .map_err(error)?;
        query!("select pg_notify($1, '')", QUEUE).execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)
    }

    /// Takes the message that comes next and hides it for `hidden`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn queue_take(&self, wanted: &Subscription, hidden: Duration) -> Result<Option<Taken>> {
        let kinds: Vec<String> = wanted.kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let ranks: Vec<i16> = wanted.classes.iter().map(|class| *class as i16).collect();
        let row = query!(
            "update queue_messages set hidden_until = now() + make_interval(secs => $3)
             where id = (select id from queue_messages
                         where kind = any($1) and class_rank = any($2) and (hidden_until is null or hidden_until < now())
                         order by class_rank, id limit 1 for update skip locked)
             returning id, body",
            &kinds,
            &ranks,
            hidden.as_secs_f64(),
        );
        let row = row.fetch_optional(&self.pool).await.map_err(error)?;
        Ok(row.map(|row| Taken { id: row.id, ring: serde_json::from_value(row.body).map_err(|cause| cause.to_string()) }))
    }

    /// Keeps messages hidden for another `hidden`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn queue_keep(&self, ids: &[i64], hidden: Duration) -> Result<()> {
        let kept = query!(
            "update queue_messages set hidden_until = now() + make_interval(secs => $2) where id = any($1)",
            ids,
            hidden.as_secs_f64()
        );
        kept.execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Gives messages back for others to take at once.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn queue_return(&self, ids: &[i64]) -> Result<()> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let shown = query!("update queue_messages set hidden_until = null where id = any($1)", ids);
        shown.execute(&mut *tx).await.map_err(error)?;
        query!("select pg_notify($1, '')", QUEUE).execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)
    }

    /// Forgets a message.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn queue_remove(&self, id: i64) -> Result<()> {
        query!("delete from queue_messages where id = $1", id).execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Moves a message that cannot be read aside, with the reason.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn queue_set_aside(&self, id: i64, reason: &str) -> Result<()> {
        let moved = query!(
            "with gone as (delete from queue_messages where id = $1 returning id, kind, body)
             insert into queue_dead_messages (id, kind, body, reason) select id, kind, body, $2 from gone",
            id,
            reason,
        );
        moved.execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Messages set aside, newest last, for operators.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn queue_dead_count(&self) -> Result<i64> {
        let count = query_scalar!(r#"select count(*) as "count!" from queue_dead_messages"#);
        count.fetch_one(&self.pool).await.map_err(error)
    }
}
