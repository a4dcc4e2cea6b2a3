//! Workers as operators see them. No decision rests on these rows: leases do that.

use super::{Db, error};
use marquee_core::{Result, id::WorkerId};
use sqlx::{query, query_as};
use std::time::Duration;
use time::OffsetDateTime;

/// A worker is taken to be alive this long after it was last heard of.
const ALIVE: Duration = Duration::from_secs(30);

/// Who a worker is and what it can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Made up at every start; leases name it.
    pub id: WorkerId,
    /// Host and process, for people.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Jobs at a time.
    pub slots: u16,
    /// Kinds of job it takes.
    pub kinds: Vec<String>,
    /// Classes of job it takes.
    pub classes: Vec<String>,
    /// What its machine and its libraries offer, such as `cpus`.
    pub capabilities: serde_json::Value,
}

/// A worker as it was last heard of.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerView {
    /// Its id.
    pub id: WorkerId,
    /// Host and process.
    pub name: String,
    /// Version of its program.
    pub version: String,
    /// Jobs at a time.
    pub slots: i32,
    /// Kinds of job it takes.
    pub kinds: Vec<String>,
    /// Classes of job it takes.
    pub classes: Vec<String>,
    /// What its machine and its libraries offer.
    pub capabilities: serde_json::Value,
    /// Whether it takes nothing new.
    pub draining: bool,
    /// Whether it was heard of just now.
    pub alive: bool,
    /// Jobs that it has a live lease for.
    pub running: i64,
    /// When it started.
    pub started_at: OffsetDateTime,
    /// When it was last heard of.
    pub seen_at: OffsetDateTime,
}

impl Db {
    /// Says that a worker is there, and whether it takes nothing new.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn worker_seen(&self, worker: &Identity, draining: bool) -> Result<()> {
        let seen = query!(
            "insert into workers (id, name, version, slots, kinds, classes, capabilities, draining)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (id) do update set seen_at = now(), draining = excluded.draining",
            worker.id.0,
            worker.name,
            worker.version,
            i32::from(worker.slots),
            &worker.kinds,
            &worker.classes,
            worker.capabilities,
            draining,
        );
        seen.execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Says that a worker has stopped in good order.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn worker_left(&self, worker: WorkerId) -> Result<()> {
        query!("delete from workers where id = $1", worker.0).execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// The workers that were heard of in the last day, the newest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn workers(&self) -> Result<Vec<WorkerView>> {
        let rows = query_as!(
            WorkerView,
            r#"select id as "id: uuid::Uuid", name, version, slots, kinds, classes, capabilities, draining,
                      seen_at > now() - make_interval(secs => $1) as "alive!",
                      (select count(*) from jobs where lease_owner = 'wrk_' || replace(workers.id::text, '-', '')
                       and state = 'running' and lease_until > now()) as "running!",
                      started_at, seen_at
               from workers where seen_at > now() - interval '1 day' order by id desc limit 1000"#,
            ALIVE.as_secs_f64(),
        );
        rows.fetch_all(&self.pool).await.map_err(error)
    }

    /// Forgets workers that vanished longer than `keep` ago.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn forget_workers(&self, keep: Duration) -> Result<()> {
        let gone = query!("delete from workers where seen_at < now() - make_interval(secs => $1)", keep.as_secs_f64());
        gone.execute(&self.pool).await.map_err(error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::jobs::tests::queued,
        testing::{database, video},
    };
    use marquee_core::{OsRandom, SystemClock, job::LEASE, video::Status};

    #[tokio::test]
    async fn workers_come_are_seen_with_what_they_do_and_go() {
        let (db, _guard) = database().await;
        let id = WorkerId::new(&SystemClock, &OsRandom);
        let worker = Identity {
            id,
            name: "host:7".into(),
            version: "1".into(),
            slots: 2,
            kinds: vec!["encode".into()],
            classes: vec!["urgent".into(), "bulk".into()],
            capabilities: serde_json::json!({ "cpus": 2 }),
        };
        for draining in [false, true] {
            db.worker_seen(&worker, draining).await.expect("noted");
            let job = queued(&db, video(&db, Status::Uploaded).await).await;
            db.claim_job(job, &id.to_string(), LEASE).await.expect("answered").expect("free");
        }
        let seen = db.workers().await.expect("listed");
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].id, seen[0].running, seen[0].draining, seen[0].alive), (id, 2, true, true));
        assert_eq!((&seen[0].classes, &seen[0].capabilities), (&worker.classes, &worker.capabilities));
        db.forget_workers(Duration::from_secs(60)).await.expect("forgotten");
        assert_eq!(db.workers().await.expect("listed").len(), 1);
        db.worker_left(id).await.expect("noted");
        assert!(db.workers().await.expect("listed").is_empty());
    }
}
