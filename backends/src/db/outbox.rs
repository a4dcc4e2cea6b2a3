//! The outbox: rings that were decided in a transaction and not published yet.

use super::{Db, error};
use marquee_core::{
    Result,
    job::{Class, Kind},
    queue::{RING_VERSION, Ring},
};
use sqlx::{PgTransaction, query};

/// A batch of rings, locked until it is dropped (they stay) or [`Batch::published`] (they go).
pub(crate) struct Batch {
    tx: PgTransaction<'static>,
    rows: Vec<i64>,
    /// What to publish.
    pub(crate) rings: Vec<Ring>,
}

impl Db {
    /// The oldest rings that no other relay holds, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn outbox_batch(&self, limit: i64) -> Result<Batch> {
        let mut tx = self.pool.begin().await.map_err(error)?;
        let found = query!(
            "select o.id, o.job_id, j.kind, j.class, j.trace from outbox o join jobs j on j.id = o.job_id
             order by o.id limit $1 for update of o skip locked",
            limit,
        );
        let found = found.fetch_all(&mut *tx).await.map_err(error)?;
        let rows = found.iter().map(|row| row.id).collect();
        let ring = |row| {
            let (job, kind, class, trace): (uuid::Uuid, String, String, Option<String>) = row;
            // A kind that only a newer version knows is rung by that version's sweep.
            Some(Ring {
                version: RING_VERSION,
                job: job.into(),
                kind: Kind::from_name(&kind)?,
                class: Class::from_name(&class)?,
                trace,
            })
        };
        let rings = found.into_iter().filter_map(|row| ring((row.job_id, row.kind, row.class, row.trace))).collect();
        Ok(Batch { tx, rows, rings })
    }
}

impl Batch {
    /// Rows in the batch.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Removes the batch after the queue has confirmed it. A crash before this publishes it again.
    ///
    /// # Errors
    /// `Unavailable`: the rings stay.
    pub(crate) async fn published(mut self) -> Result<()> {
        let sent = query!("delete from outbox where id = any($1)", &self.rows);
        sent.execute(&mut *self.tx).await.map_err(error)?;
        self.tx.commit().await.map_err(error)
    }
}
