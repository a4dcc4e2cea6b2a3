//! Posters and tiles: rows that say what is stored of them, and which poster stands for a title.

use super::{
    Db, error,
    jobs::{self, Claim},
    ledger::{signed, unsigned},
    state::lock_video,
};
use marquee_core::{
    Error, Result,
    id::{EncodeId, VideoId},
    job::Kind,
    thumbnails::Thumbnails,
};
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

/// Thumbnails as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// They are being made, or nobody makes any.
    Absent,
    /// Their job gave up.
    GaveUp,
    /// They are stored, and the poster with that time stands for the title.
    Stored(Thumbnails, u64),
}

impl Db {
    /// Completes a thumbnails job: from now on its encode has them. Answers false, changing nothing, if the job's lease was lost.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn finish_thumbnails(&self, claim: &Claim, encode: EncodeId, made: &Thumbnails) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, claim.video).await?;
        if !jobs::complete(&mut tx, claim).await? {
            return Ok(false);
        }
        let made = serde_json::to_value(made).map_err(Error::internal)?;
        // A poster that was chosen for an earlier encode of the film stays chosen, if it is there again.
        let keep = sqlx::query!(
            "update encodes set thumbnails = $2,
                    poster_ms = case when $2::jsonb -> 'posters'::text @> jsonb_build_array(jsonb_build_object('time_ms', poster_ms)) then poster_ms end
             where id = $1",
            encode.0,
            made
        );
        keep.execute(&mut *tx).await.map_err(error)?;
        tell(&mut tx, claim.video).await?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// The thumbnails of `encode`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn thumbnails(&self, encode: EncodeId) -> Result<State> {
        let row = sqlx::query!(
            r#"select thumbnails, coalesce(poster_ms, (thumbnails #>> '{posters,0,time_ms}')::bigint) as chosen_ms,
                      exists (select from jobs where encode_id = $1 and kind = $2 and state = 'dead') as "gave_up!"
               from encodes where id = $1"#,
            encode.0,
            Kind::Thumbnails.as_str(),
        );
        let Some(row) = row.fetch_optional(self.pool()).await.map_err(error)? else { return Ok(State::Absent) };
        match (row.thumbnails, row.chosen_ms) {
            (Some(made), Some(chosen)) => {
                Ok(State::Stored(serde_json::from_value(made).map_err(Error::internal)?, unsigned(chosen)))
            }
            _ if row.gave_up => Ok(State::GaveUp),
            _ => Ok(State::Absent),
        }
    }

    /// The times of the posters that stand for `encodes`; those that have none are not in the answer.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn posters(&self, encodes: &[EncodeId]) -> Result<HashMap<EncodeId, u64>> {
        let ids: Vec<Uuid> = encodes.iter().map(|encode| encode.0).collect();
        let rows = sqlx::query!(
            r#"select id, coalesce(poster_ms, (thumbnails #>> '{posters,0,time_ms}')::bigint) as "time_ms!" from encodes
               where id = any($1) and thumbnails is not null"#,
            &ids,
        );
        let rows = rows.fetch_all(self.pool()).await.map_err(error)?;
        Ok(rows.into_iter().map(|row| (EncodeId(row.id), unsigned(row.time_ms))).collect())
    }

    /// Lets another one of the posters of `encode` stand for `video`.
    ///
    /// # Errors
    /// `NotFound` if the encode has none with that time.
    pub async fn choose_poster(&self, video: VideoId, encode: EncodeId, time_ms: u64) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        lock_video(&mut tx, video).await?;
        let choose = sqlx::query!(
            "update encodes set poster_ms = $2
             where id = $1 and thumbnails -> 'posters' @> jsonb_build_array(jsonb_build_object('time_ms', $2::bigint))",
            encode.0,
            // No film is that long.
            signed(time_ms).map_err(|_| Error::not_found("poster"))?,
        );
        if choose.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            return Err(Error::not_found("poster"));
        }
        tell(&mut tx, video).await?;
        tx.commit().await.map_err(error)
    }
}

/// Tells whoever shows `video` that it looks different now.
async fn tell(conn: &mut PgConnection, video: VideoId) -> Result<()> {
    sqlx::query!("update videos set updated_at = now() where id = $1", video.0).execute(conn).await.map_err(error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::{encodes::tests::encode_of, jobs::NewJob},
        testing::database,
    };
    use marquee_core::{
        ErrorKind, OsRandom, SystemClock,
        id::JobId,
        job::{ATTEMPTS_MAX, Class, Failure, Job, LEASE},
        thumbnails::{Poster, Tiles},
        video::Status,
    };
    use std::time::Duration;

    fn made() -> Thumbnails {
        let poster = |time_ms| Poster { time_ms, width: 1280, height: 720, size_bytes: 9000 };
        let tiles = Tiles { interval_ms: 10_000, columns: 5, rows: 5, width: 240, height: 136, count: 4 };
        Thumbnails { posters: [20_000, 5000].map(poster).into(), tiles, sheets_bytes: vec![40_000], cpu_ms: 90 }
    }

    /// A title whose thumbnails job is claimed.
    async fn claimed(db: &Db) -> (VideoId, EncodeId, Claim) {
        let (encode, _) = encode_of(db).await;
        let job = JobId::new(&SystemClock, &OsRandom);
        let new = NewJob { id: job, job: Job::Thumbnails { encode: encode.id }, class: Class::Normal, weight: 0.0 };
        let mut conn = db.pool().acquire().await.expect("a connection");
        jobs::enqueue(&mut conn, &[new], encode.video, Some(encode.id)).await.expect("queued");
        let claim = db.claim_job(job, "worker", LEASE).await.expect("claim").expect("free");
        (encode.video, encode.id, claim)
    }

    #[tokio::test]
    async fn the_best_poster_stands_for_a_title_until_another_is_chosen() {
        let (db, _database) = database().await;
        let (video, encode, claim) = claimed(&db).await;
        assert_eq!(db.thumbnails(encode).await.expect("state"), State::Absent);
        assert!(db.posters(&[encode]).await.expect("posters").is_empty());
        let choose = async |time_ms| db.choose_poster(video, encode, time_ms).await.map_err(|error| error.kind());
        assert_eq!(choose(5000).await, Err(ErrorKind::NotFound), "none is there yet");
        assert!(db.finish_thumbnails(&claim, encode, &made()).await.expect("finished"));
        assert!(!db.finish_thumbnails(&claim, encode, &made()).await.expect("refused"), "the job is done");
        assert_eq!(db.thumbnails(encode).await.expect("state"), State::Stored(made(), 20_000));
        assert_eq!(choose(5000).await, Ok(()));
        for missing in [0, 5001, u64::MAX] {
            assert_eq!(choose(missing).await, Err(ErrorKind::NotFound), "{missing}");
        }
        assert_eq!(db.thumbnails(encode).await.expect("state"), State::Stored(made(), 5000));
        assert_eq!(db.posters(&[encode]).await.expect("posters"), HashMap::from([(encode, 5000)]));
    }

    #[tokio::test]
    async fn a_title_goes_on_when_its_thumbnails_give_up_and_they_can_be_retried() {
        let (db, _database) = database().await;
        let (video, encode, claim) = claimed(&db).await;
        let refused = Failure::Fail { code: "damaged".into(), message: "nothing to see".into() };
        db.fail_job(&claim, &refused).await.expect("told");
        assert_eq!(db.thumbnails(encode).await.expect("state"), State::GaveUp);
        let states = async || -> Vec<String> {
            let jobs = db.list_jobs(video).await.expect("jobs");
            jobs.into_iter().filter(|job| job.kind != "inspect").map(|job| format!("{} {}", job.kind, job.state)).collect()
        };
        assert!(!states().await.contains(&"encode cancelled".to_owned()), "{:?}", states().await);
        assert_eq!(db.video(video).await.expect("video").status, Status::Encoding);
        db.retry_job(claim.job_id).await.expect("retried");
        assert_eq!(db.video(video).await.expect("video").status, Status::Encoding);
        let claim = db.claim_job(claim.job_id, "worker", LEASE).await.expect("claim").expect("free");
        assert!(db.finish_thumbnails(&claim, encode, &made()).await.expect("finished"));
        assert_eq!(db.thumbnails(encode).await.expect("state"), State::Stored(made(), 20_000));
    }

    #[tokio::test]
    async fn workers_that_vanish_over_thumbnails_do_not_fail_the_title_either() {
        let (db, _database) = database().await;
        let (video, encode, claim) = claimed(&db).await;
        db.release_job(&claim).await.expect("released");
        for _ in 0..ATTEMPTS_MAX {
            db.claim_job(claim.job_id, "worker", Duration::ZERO).await.expect("claim").expect("free");
        }
        assert_eq!(db.claim_job(claim.job_id, "worker", LEASE).await.expect("claim"), None);
        assert_eq!(db.thumbnails(encode).await.expect("state"), State::GaveUp);
        assert_eq!(db.video(video).await.expect("video").status, Status::Encoding);
    }
}
