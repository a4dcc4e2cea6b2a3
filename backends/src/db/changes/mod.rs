//! Changes of videos that are shown, and what encodes share with earlier ones of the same bytes.

use super::{
    Db,
    encodes::Encode,
    error,
    jobs::{self, NewJob},
    ledger::{self, Batch, Piece},
    state::{advance, lock_video},
    uploads::forget_failed,
};
use marquee_core::{
    Error, Result,
    fingerprint::Fingerprints,
    id::{EncodeId, JobId, UploadId, VideoId},
    job::{Job, Order},
    plan::{Common, Plan},
    video::{Event, Status},
};
use sqlx::PgConnection;

/// Earlier encodes that are looked at: those that are whole first, and of these the newest.
const TWINS_MAX: i64 = 8;

/// An earlier encode by the same encoders, of the same bytes or of something like them.
#[derive(Clone, Debug, PartialEq)]
pub struct Twin {
    /// The encode.
    pub id: EncodeId,
    /// The video that it is an encode of.
    pub video: VideoId,
    /// What was done.
    pub plan: Plan,
    /// What our source and its have been found to hold; `None` if they are the same bytes.
    prints: Option<Box<(Fingerprints, Fingerprints)>>,
}

impl Twin {
    /// What our source and its have in common.
    #[must_use]
    pub fn common(&self) -> Common<'_> {
        self.prints.as_deref().map_or(Common::Bytes, |(ours, theirs)| Common::Packets(ours, theirs))
    }
}

impl Db {
    /// Lets the source of a video that is ready, or failed, be encoded anew, beginning with `job`. What the video shows it goes on to show
    /// until that is published.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `on_its_way` if something is being made already, `no_source` if there is nothing to encode.
    pub async fn order_encode(&self, video: VideoId, order: &Order, job: JobId) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, video).await?;
        state.after(Event::Ordered).map_err(|_| {
            let message = format!("the video is {}: wait until that is over, or give it up", state.on_its_way());
            Error::conflict("on_its_way", message)
        })?;
        let upload = source_of(&mut tx, video).await?;
        let like = sqlx::query_scalar!("select encode_id from videos where id = $1", video.0);
        let shown = like.fetch_one(&mut *tx).await.map_err(error)?;
        if order.like.is_some_and(|like| shown != Some(like.0)) {
            return Err(Error::conflict("superseded", "the video shows another encode by now: look at its rungs again"));
        }
        forget_failed(&mut tx, video, state).await?;
        advance(&mut tx, video, state, Event::Ordered).await?;
        let inspect = Job::Inspect { video, upload, order: Some(order.clone()) };
        jobs::enqueue(&mut tx, &[NewJob::urgent(job, inspect)], video, None).await?;
        tx.commit().await.map_err(error)
    }

    /// Gives up the change of a video, which goes on to show what it shows.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `no_change` if it does not change.
    pub async fn give_up_change(&self, video: VideoId) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, video).await?;
        if state.status != Status::Ready || state.change.is_none() {
            return Err(Error::conflict("no_change", "nothing is about to take the place of what the video shows"));
        }
        let cancel = sqlx::query!(
            "update jobs set state = 'cancelled', lease_owner = null, lease_until = null, finished_at = now()
             where video_id = $1 and state in ('queued', 'running')
               and encode_id is distinct from (select encode_id from videos where id = $1)",
            video.0
        );
        cancel.execute(&mut *tx).await.map_err(error)?;
        let expire = sqlx::query!("update uploads set expires_at = now() where video_id = $1 and finished_at is null", video.0);
        expire.execute(&mut *tx).await.map_err(error)?;
        forget_failed(&mut tx, video, state).await?;
        let forget = sqlx::query!(
            "update videos set change_status = null, change_failure_code = null, change_failure_message = null, next_encode_id = null,
                    updated_at = now() where id = $1",
            video.0
        );
        forget.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)
    }

    /// Earlier encodes by the same encoders, whole ones and newer ones first, whose pieces need not be made again: those of the same bytes, and those of
    /// the same video whose source was compared with ours. What this version does not understand is left out.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn twins(&self, encode: &Encode) -> Result<Vec<Twin>> {
        let rows = sqlx::query!(
            r#"select e.id, e.video_id, e.plan, s.same as "same!",
                      case when s.same then null else ours.fingerprints end as ours,
                      case when s.same then null else theirs.fingerprints end as theirs
               from uploads ours
               join uploads theirs on theirs.sha256 = ours.sha256
                                   or theirs.video_id = ours.video_id and theirs.fingerprints is not null
                                      and ours.fingerprints is not null
               join encodes e on e.upload_id = theirs.id join videos v on v.id = e.video_id
               cross join lateral (select coalesce(ours.sha256 = theirs.sha256, false) as same) s
               where ours.id = $1 and e.id <> $2 and e.encoder_version = $3 and v.deleted_at is null
               order by e.published_at is null, e.id desc limit $4"#,
            encode.upload.0,
            encode.id.0,
            encode.encoder_version,
            TWINS_MAX,
        );
        let rows = rows.fetch_all(self.pool()).await.map_err(error)?;
        let twins = rows.into_iter().filter_map(|row| {
            let parse = |value: Option<serde_json::Value>| serde_json::from_value(value?).ok();
            let prints = if row.same { None } else { Some(Box::new((parse(row.ours)?, parse(row.theirs)?))) };
            let plan = serde_json::from_value(row.plan).ok()?;
            Some(Twin { id: row.id.into(), video: row.video_id.into(), plan, prints })
        });
        Ok(twins.collect())
    }

    /// What the source that came as `upload` holds, as far as anybody looked.
    ///
    /// # Errors
    /// `NotFound` if it is gone.
    pub async fn fingerprints(&self, upload: UploadId) -> Result<Option<Fingerprints>> {
        let row = sqlx::query_scalar!("select fingerprints from uploads where id = $1", upload.0);
        let found = row.fetch_optional(self.pool()).await.map_err(error)?.ok_or_else(|| Error::not_found("upload"))?;
        Ok(found.and_then(|prints| serde_json::from_value(prints).ok()))
    }

    /// Keeps what the source that came as `upload` holds.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn keep_fingerprints(&self, upload: UploadId, prints: &Fingerprints) -> Result<()> {
        let prints = serde_json::to_value(prints).map_err(Error::internal)?;
        let keep = sqlx::query!("update uploads set fingerprints = $2 where id = $1", upload.0, prints);
        keep.execute(self.pool()).await.map_err(error)?;
        Ok(())
    }

    /// What is stored of one finished piece of `encode`: its rendition, its segments, and how it went. `None` if it is not finished.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn piece(&self, encode: EncodeId, piece: &Piece<'_>) -> Result<Option<Batch>> {
        let finished = sqlx::query_scalar!(
            r#"select exists (select from finished_chunks where encode_id = $1 and track = $2 and rendition = $3 and chunk = $4) as "finished!""#,
            encode.0,
            ledger::name_of(piece.track),
            piece.rendition,
            i32::try_from(piece.chunk).map_err(Error::internal)?,
        );
        if !finished.fetch_one(self.pool()).await.map_err(error)? {
            return Ok(None);
        }
        let stored = self.stored(encode, Some(piece)).await?;
        let is_whole = stored.finished.len() == 1 && stored.renditions.len() == 1 && !stored.segments.is_empty();
        Ok(is_whole.then_some(Batch { renditions: stored.renditions, segments: stored.segments, finished: stored.finished }))
    }
}

/// The source of what a video shows, or that it got last.
pub(super) async fn source_of(conn: &mut PgConnection, video: VideoId) -> Result<UploadId> {
    let upload = sqlx::query_scalar!(
        r#"select u.id as "id!" from uploads u join videos v on v.id = u.video_id left join encodes e on e.id = v.encode_id
           where u.video_id = $1 and v.deleted_at is null and u.finished_at is not null
           order by (e.upload_id is not distinct from u.id) desc, u.finished_at desc limit 1"#,
        video.0
    );
    let found = upload.fetch_optional(conn).await.map_err(error)?;
    found.map(UploadId).ok_or_else(|| Error::conflict("no_source", "the film is not here any more: upload it again"))
}

#[cfg(test)]
mod tests;
