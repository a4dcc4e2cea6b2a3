//! What only tests write.

use super::{
    Db, error,
    jobs::{self, Claim},
};
use marquee_core::{
    Error, OsRandom, Result, SystemClock,
    id::{UploadId, VideoId},
    job::Job,
    video::Status,
};
use sqlx::{AssertSqlSafe, query, query_scalar};
use time::OffsetDateTime;

impl Db {
    /// Makes the database `name` as a copy of `template`. Names are ours: letters, digits and underscores.
    ///
    /// # Errors
    /// `Conflict` if there is one of that name.
    pub(crate) async fn clone_database(&self, template: &str, name: &str) -> Result<()> {
        // The one statement that cannot be checked beforehand: names of databases cannot be parameters.
        let statement = format!(r#"create database "{name}" template "{template}""#);
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.pool).await.map_err(error)?;
        Ok(())
    }

    /// Inserts a video in `status`, with an owner of its own.
    ///
    /// # Errors
    /// `Conflict` if it is there.
    pub(crate) async fn insert_fixture_video(&self, video: VideoId, status: Status) -> Result<()> {
        let email = format!("{video}@example.org");
        query!(
            "with owner as (insert into users (id, email, name, password_hash, role) values ($1, $2, 'Owner', '', 'editor') returning id)
             insert into videos (id, owner_id, title, status, failure_code)
             select $1, id, 'A film', $3, case $3 when 'failed' then 'test' end from owner",
            video.0,
            email,
            status.as_str(),
        )
        .execute(&self.pool)
        .await
        .map_err(error)?;
        Ok(())
    }

    /// What is not settled: rings in the outbox, jobs that wait or run, jobs that gave up.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unsettled(&self) -> Result<(i64, i64, i64)> {
        let row = query!(
            r#"select (select count(*) from outbox) as "outbox!",
                      (select count(*) from jobs where finished_at is null) as "open!",
                      (select count(*) from jobs where state = 'dead') as "dead!""#
        );
        let row = row.fetch_one(&self.pool).await.map_err(error)?;
        Ok((row.outbox, row.open, row.dead))
    }

    /// Whether a job is queued or running.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn has_open_jobs(&self) -> Result<bool> {
        let open = query_scalar!(r#"select exists (select from jobs where finished_at is null) as "open!""#);
        open.fetch_one(&self.pool).await.map_err(error)
    }

    /// How many jobs there are, and how many attempts at them were made, those included that do not count against a limit.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn work_done(&self) -> Result<(u64, u64)> {
        let row = query!(r#"select count(*) as "jobs!", coalesce(sum(attempt), 0) as "attempts!" from jobs"#);
        let row = row.fetch_one(&self.pool).await.map_err(error)?;
        Ok((row.jobs.unsigned_abs(), row.attempts.unsigned_abs()))
    }

    /// What the worker whose process is `id` works on: kinds of jobs, and which attempt at it of those that count.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn held_by_process(&self, id: i32) -> Result<Vec<(String, i32)>> {
        let held = query!(
            r#"select kind, attempt - forgiven as "tries!" from jobs
               join workers on lease_owner = 'wrk_' || replace(workers.id::text, '-', '')
               where state = 'running' and lease_until > now() and workers.name like '%:' || $1::text"#,
            id.to_string(),
        );
        let held = held.fetch_all(&self.pool).await.map_err(error)?;
        Ok(held.into_iter().map(|job| (job.kind, job.tries)).collect())
    }

    /// Lets the lease of every running job run out, as if its worker had been silent. Answers how many there were.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn expire_leases(&self) -> Result<u64> {
        let past = query!("update jobs set lease_until = now() - interval '1 second' where state = 'running'");
        Ok(past.execute(&self.pool).await.map_err(error)?.rows_affected())
    }

    /// Rings for every job that is not over, whoever works on it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ring_for_all(&self) -> Result<u64> {
        let rung = query!("insert into outbox (job_id) select id from jobs where state in ('queued', 'running')");
        Ok(rung.execute(&self.pool).await.map_err(error)?.rows_affected())
    }

    /// Inserts `count` jobs of one video, and rings for them, as if each had been decided by itself.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn insert_fixture_jobs(&self, count: u32) -> Result<()> {
        let video = VideoId::new(&SystemClock, &OsRandom);
        self.insert_fixture_video(video, Status::Encoding).await?;
        let payload = Job::Publish { encode: uuid::Uuid::nil().into() };
        let payload = serde_json::to_value(payload).map_err(Error::internal)?;
        for _ in 0..count.div_ceil(100) {
            let mut tx = self.pool.begin().await.map_err(error)?;
            let made = query_scalar!(
                "insert into jobs (id, kind, class, payload, dedup_key, video_id)
                 select gen_random_uuid(), 'encode', 'normal', $1, gen_random_uuid()::text, $2 from generate_series(1, 100)
                 returning id",
                payload,
                video.0,
            );
            let made = made.fetch_all(&mut *tx).await.map_err(error)?;
            jobs::ring(&mut tx, &made).await?;
            tx.commit().await.map_err(error)?;
        }
        Ok(())
    }

    /// Completes a job that has no result.
    ///
    /// # Errors
    /// `Conflict` if somebody else has it by now, `Unavailable`.
    pub async fn complete_fixture_job(&self, claim: &Claim) -> Result<()> {
        let mut conn = self.pool.acquire().await.map_err(error)?;
        if jobs::complete(&mut conn, claim).await? { Ok(()) } else { Err(Error::conflict("lost", "somebody else has the job")) }
    }

    /// Cuts every connection of this database but the one that says so.
    #[cfg(test)]
    pub(crate) async fn cut_connections(&self) {
        let cut = query!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        );
        cut.fetch_all(&self.pool).await.expect("cut");
    }

    /// Puts something into the `postgres:` queue that no version wrote.
    #[cfg(test)]
    pub(crate) async fn queue_garbage(&self, body: serde_json::Value) {
        let garbage = query!("insert into queue_messages (kind, class_rank, body) values ('encode', 0, $1)", body);
        garbage.execute(&self.pool).await.expect("inserted");
    }

    /// Lets `by` pass for everything that a sweep looks at.
    #[cfg(test)]
    pub(crate) async fn let_time_pass(&self, by: std::time::Duration) {
        let by = by.as_secs_f64();
        let jobs = query!(
            "update jobs set due_at = due_at - make_interval(secs => $1), lease_until = lease_until - make_interval(secs => $1),
                    rung_at = rung_at - make_interval(secs => $1)",
            by
        );
        jobs.execute(&self.pool).await.expect("updated");
        let uploads = query!("update uploads set expires_at = expires_at - make_interval(secs => $1), locked_until = null", by);
        uploads.execute(&self.pool).await.expect("updated");
        let messages = query!("update queue_messages set created_at = created_at - make_interval(secs => $1)", by);
        messages.execute(&self.pool).await.expect("updated");
        let dead = query!("update queue_dead_messages set dead_at = dead_at - make_interval(secs => $1)", by);
        dead.execute(&self.pool).await.expect("updated");
        let videos = query!(
            "update videos set deleted_at = deleted_at - make_interval(secs => $1), updated_at = updated_at - make_interval(secs => $1)",
            by
        );
        videos.execute(&self.pool).await.expect("updated");
    }

    /// Ends every job of a video, as if it had been done.
    #[cfg(test)]
    pub(crate) async fn end_jobs(&self, video: VideoId) {
        let ended = query!("update jobs set state = 'done', lease_owner = null, lease_until = null where video_id = $1", video.0);
        ended.execute(&self.pool).await.expect("updated");
    }

    /// Lets a video fail, whatever it was doing.
    #[cfg(test)]
    pub(crate) async fn set_video_failed(&self, video: VideoId) {
        let failed =
            query!("update videos set status = 'failed', failure_code = 'test', updated_at = now() where id = $1", video.0);
        failed.execute(&self.pool).await.expect("updated");
    }

    /// Names of the partitions of `watch_events`, and how many rows are in the default one.
    #[cfg(test)]
    pub(crate) async fn event_partitions(&self) -> (Vec<String>, i64) {
        let names = query_scalar!(
            r#"select inhrelid::regclass::text as "name!" from pg_inherits where inhparent = 'watch_events'::regclass order by 1"#
        );
        let rest = query_scalar!(r#"select count(*) as "count!" from watch_events_default"#);
        let names = names.fetch_all(&self.pool).await.expect("read");
        (names, rest.fetch_one(&self.pool).await.expect("read"))
    }

    /// Stores an event as if it arrived now.
    #[cfg(test)]
    pub(crate) async fn insert_fixture_event(&self) {
        let event = query!(
            "insert into watch_events (id, profile_id, video_id, kind, position_ms, happened_at)
             values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'start', 0, now())"
        );
        event.execute(&self.pool).await.expect("inserted");
    }

    /// Empties the `postgres:` queue. Answers whose messages were in it, in order.
    #[cfg(test)]
    pub(crate) async fn drain_queue(&self) -> Vec<marquee_core::id::JobId> {
        let gone = query!(r#"delete from queue_messages returning id, body ->> 'job' as "job!""#);
        let mut gone = gone.fetch_all(&self.pool).await.expect("deleted");
        gone.sort_by_key(|message| message.id);
        gone.iter().map(|message| message.job.parse().expect("a job's id")).collect()
    }

    /// Lets nobody at the `postgres:` queue before the transaction ends.
    #[cfg(test)]
    pub(crate) async fn lock_queue(&self) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut tx = self.pool.begin().await.expect("begun");
        query!("lock table queue_messages in access exclusive mode").execute(&mut *tx).await.expect("locked");
        tx
    }

    /// Whether somebody waits at a lock of the `postgres:` queue.
    #[cfg(test)]
    pub(crate) async fn queue_is_waited_for(&self) -> bool {
        let waits = query_scalar!(
            r#"select exists (select from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
                              where relation = 'queue_messages'::regclass and not granted) as "waits!""#
        );
        waits.fetch_one(&self.pool).await.expect("read")
    }

    /// When the lock of an upload ends by itself.
    ///
    /// # Panics
    /// When the database does not answer, or nobody holds the upload.
    pub async fn upload_locked_until(&self, id: UploadId) -> OffsetDateTime {
        let until = query_scalar!(r#"select locked_until as "until!" from uploads where id = $1"#, id.0);
        until.fetch_one(&self.pool).await.expect("held")
    }
}
