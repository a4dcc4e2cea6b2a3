//! Uploads: transfers of sources. The row says what is durable, and who may append now.
//!
//! The lock is a lease: whoever appends renews it with every commit, so that the lock of a process or a connection that died
//! ends by itself. It runs on the database's clock, like the expiry.

use super::{
    Db, error, jobs,
    state::{advance, fail, lock_video},
    sums,
};
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::Growing,
    id::{JobId, UploadId, UserId, VideoId},
    job::Job,
    parts::Cut,
    sums::Running,
    video::{Event, State, Status},
};
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// An upload about to be opened.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// Its id.
    pub id: UploadId,
    /// The video that the source is for.
    pub video: VideoId,
    /// Who sends it.
    pub user: UserId,
    /// What the client calls the file; shown, never used as a name.
    pub filename: String,
    /// Bytes that will come, or the most that may come.
    pub length_bytes: u64,
    /// The object that will grow.
    pub growing: Growing,
    /// State of the SHA-256 of no bytes.
    pub hash_state: Vec<u8>,
    /// Bytes of each part but the last one, if the parts go to the store itself.
    pub part_bytes: Option<u64>,
    /// Whether it may take the place of what a video shows that is ready.
    pub replaces: bool,
}

/// What is durable of an upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The video that the source is for.
    pub video: VideoId,
    /// Who sends it.
    pub user: UserId,
    /// What the client calls the file.
    pub filename: String,
    /// Bytes that will come, or the most that may come.
    pub length_bytes: u64,
    /// Bytes that came.
    pub offset_bytes: u64,
    /// The object that grows.
    pub growing: Growing,
    /// State of the SHA-256 of what came.
    pub hash_state: Vec<u8>,
    /// Sums of the blocks of what came, as far as they are not stored yet.
    pub sums: Running,
    /// Bytes of each part but the last one, if the parts go to the store itself: then nothing is appended here.
    pub part_bytes: Option<u64>,
    /// Whether the whole is stored and handed over.
    pub finished: bool,
    /// Whether its time is over.
    pub expired: bool,
    /// When its time is over, unless more bytes come.
    pub expires_at: OffsetDateTime,
}

impl Upload {
    /// How it is cut into parts, if these go to the store itself.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.part_bytes.map(|part_bytes| Cut { length_bytes: self.length_bytes, part_bytes })
    }
}

/// What was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What the client called the file.
    pub filename: String,
    /// Its length.
    pub size_bytes: u64,
    /// Its SHA-256. Not known before the inspection of a source whose parts went to the store itself.
    pub sha256: Option<Vec<u8>>,
}

/// Answer to the wish to append.
#[derive(Clone, Debug, PartialEq)]
pub enum Lock {
    /// The upload is the caller's for the length of the lease.
    Held(Box<Upload>),
    /// Somebody else appends now.
    Busy,
    /// Its time is over.
    Expired,
}

/// Who appends, and how long a silence ends it.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    /// Made up for each request.
    pub id: Uuid,
    /// How long the lock lives without being renewed.
    pub lease: Duration,
}

struct Row {
    id: Uuid,
    video_id: Uuid,
    user_id: Uuid,
    filename: String,
    length_bytes: i64,
    offset_bytes: i64,
    growing: serde_json::Value,
    hash_state: Vec<u8>,
    summed_bytes: i64,
    begun_sum: Option<i32>,
    part_bytes: Option<i64>,
    finished: bool,
    expired: bool,
    expires_at: OffsetDateTime,
}

impl TryFrom<Row> for Upload {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let offset_bytes = u64::try_from(row.offset_bytes).map_err(Error::internal)?;
        let begun_sum = row.begun_sum.filter(|_| row.summed_bytes == row.offset_bytes);
        Ok(Self {
            id: row.id.into(),
            video: row.video_id.into(),
            user: row.user_id.into(),
            filename: row.filename,
            length_bytes: u64::try_from(row.length_bytes).map_err(Error::internal)?,
            offset_bytes,
            growing: serde_json::from_value(row.growing).map_err(Error::internal)?,
            hash_state: row.hash_state,
            sums: Running::resume(offset_bytes, begun_sum.map(i32::cast_unsigned)),
            part_bytes: row.part_bytes.map(u64::try_from).transpose().map_err(Error::internal)?,
            finished: row.finished,
            expired: row.expired && !row.finished,
            expires_at: row.expires_at,
        })
    }
}

impl Db {
    /// Opens an upload, held by `holder`, that expires `expiry` after its last byte; the video then waits for its bytes. A video that
    /// failed may be given another source, and so may one that is ready, if the upload replaces what it shows.
    ///
    /// # Errors
    /// `Conflict` if the video has a source already, `RateLimited` with code `too_many_uploads` beyond `open_max`.
    pub async fn open_upload(&self, new: &NewUpload, holder: Holder, expiry: Duration, open_max: u32) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        begin_receiving(&mut tx, new.video, new.replaces).await?;
        let insert = sqlx::query!(
            "insert into uploads (id, video_id, user_id, filename, length_bytes, growing, hash_state, locked_by, locked_until,
                                  expires_at, part_bytes)
             select $1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9), now() + make_interval(secs => $10),
                    $12
             where (select count(*) from uploads where user_id = $3 and finished_at is null) < $11",
            new.id.0,
            new.video.0,
            new.user.0,
            new.filename,
            signed(new.length_bytes)?,
            growing_json(&new.growing)?,
            new.hash_state,
            holder.id,
            holder.lease.as_secs_f64(),
            expiry.as_secs_f64(),
            i64::from(open_max),
            new.part_bytes.map(signed).transpose()?,
        );
        if insert.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            let message = format!("you have {open_max} unfinished uploads: finish or terminate one first");
            return Err(Error::new(ErrorKind::RateLimited, "too_many_uploads", message));
        }
        tx.commit().await.map_err(error)
    }

    /// What is durable of the upload called `id`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn upload(&self, id: UploadId) -> Result<Upload> {
        let row = sqlx::query_as!(
            Row,
            r#"select u.id, video_id, user_id, filename, length_bytes, offset_bytes, growing, hash_state,
                      summed_bytes, begun_sum, part_bytes, finished_at is not null as "finished!", expires_at <= now() as "expired!", expires_at
               from uploads u join videos v on v.id = video_id where u.id = $1 and deleted_at is null"#,
            id.0
        );
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.ok_or_else(|| Error::not_found("upload"))?.try_into()
    }

    /// The source of what `video` shows, or that it got last, once it is whole.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn source(&self, video: VideoId) -> Result<Option<Source>> {
        let row = sqlx::query!(
            "select filename, length_bytes, sha256 from uploads u
             where video_id = $1 and finished_at is not null
             order by exists (select from videos v join encodes e on e.id = v.encode_id where v.id = $1 and e.upload_id = u.id) desc,
                      finished_at desc
             limit 1",
            video.0
        );
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        let source = |filename, length: i64, sha256| Source { filename, size_bytes: length.unsigned_abs(), sha256 };
        Ok(found.map(|row| source(row.filename, row.length_bytes, row.sha256)))
    }

    /// Takes the upload for one request, unless another one holds it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn lock_upload(&self, id: UploadId, holder: Holder) -> Result<Lock> {
        let take = sqlx::query!(
            "update uploads set locked_by = $2, locked_until = now() + make_interval(secs => $3)
             where id = $1 and (locked_until is null or locked_until < now())
               and (finished_at is not null or expires_at > now())",
            id.0,
            holder.id,
            holder.lease.as_secs_f64(),
        );
        let taken = take.execute(self.pool()).await.map_err(error)?.rows_affected() == 1;
        let upload = self.upload(id).await?;
        Ok(match (taken, upload.expired) {
            (true, _) => Lock::Held(Box::new(upload)),
            (false, true) => Lock::Expired,
            (false, false) => Lock::Busy,
        })
    }

    /// Keeps the lock; what is held does not expire. False if it was lost to somebody else, or the upload was ended.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn renew_upload(&self, id: UploadId, holder: Holder) -> Result<bool> {
        let renew = sqlx::query!(
            "update uploads set locked_until = now() + make_interval(secs => $3),
                    expires_at = greatest(expires_at, now() + 10 * make_interval(secs => $3))
             where id = $1 and locked_by = $2 and (finished_at is not null or expires_at > now())",
            id.0,
            holder.id,
            holder.lease.as_secs_f64(),
        );
        Ok(renew.execute(self.pool()).await.map_err(error)?.rows_affected() == 1)
    }

    /// Stores how far the upload is with the sums of its blocks, keeps the lock and moves the expiry on; one that is whole waits
    /// for whoever hands it over.
    /// False, changing nothing, if the lock was lost or the upload was ended.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn advance_upload(&self, upload: &Upload, holder: Holder, expiry: Duration) -> Result<bool> {
        let advance = sqlx::query_scalar!(
            r#"with advanced as (
                 update uploads set offset_bytes = $3, growing = $4, hash_state = $5, summed_bytes = $8, begun_sum = $9,
                    locked_until = now() + make_interval(secs => $6),
                    expires_at = now() + case when $3 < length_bytes then make_interval(secs => $7) else interval '10 years' end
                 where id = $1 and locked_by = $2 and finished_at is null and expires_at > now() returning id),
               summed as (
                 insert into source_sums (upload_id, first_block, sums)
                 select id, $10, $11::bytea from advanced where length($11::bytea) > 0)
               select exists (select from advanced) as "advanced!""#,
            upload.id.0,
            holder.id,
            signed(upload.offset_bytes)?,
            growing_json(&upload.growing)?,
            upload.hash_state,
            holder.lease.as_secs_f64(),
            expiry.as_secs_f64(),
            signed(upload.sums.offset_bytes())?,
            upload.sums.begun().map(u32::cast_signed),
            sums::first_block(upload.sums.whole())?,
            upload.sums.whole().to_bytes(),
        );
        advance.fetch_one(self.pool()).await.map_err(error)
    }

    /// Uploads that are whole and that nobody holds or has handed over: whoever received the last byte died.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn whole_uploads(&self, limit: i64) -> Result<Vec<UploadId>> {
        let ids = sqlx::query_scalar!(
            "select id from uploads
             where finished_at is null and offset_bytes = length_bytes and expires_at > now()
               and (locked_until is null or locked_until < now())
             order by id limit $1",
            limit
        );
        Ok(ids.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(UploadId).collect())
    }

    /// Lets go of the upload, so that the next request need not wait for the lease to end.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn unlock_upload(&self, id: UploadId, holder: Holder) -> Result<()> {
        let free = sqlx::query!(
            "update uploads set locked_by = null, locked_until = null where id = $1 and locked_by = $2",
            id.0,
            holder.id
        );
        free.execute(self.pool()).await.map_err(error)?;
        Ok(())
    }

    /// Hands a whole source over, in one transaction: the upload is finished, the video is `uploaded`, and the inspect job
    /// `job` is due. Other uploads for the same video expire. The SHA-256 is left out if nobody has read the source yet: the inspection
    /// does. False if it was finished before.
    ///
    /// # Errors
    /// `Conflict` if the video got its source by another upload, or the lock was lost.
    pub async fn finish_upload(&self, upload: &Upload, holder: Holder, sha256: Option<&[u8; 32]>, job: JobId) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = lock_video(&mut tx, upload.video).await?;
        let finish = sqlx::query!(
            "update uploads set finished_at = now(), sha256 = $3, length_bytes = $4, offset_bytes = $4
             where id = $1 and locked_by = $2 and finished_at is null and expires_at > now()",
            upload.id.0,
            holder.id,
            sha256.map(|sha256| &sha256[..]),
            signed(upload.offset_bytes)?,
        );
        if finish.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            return Ok(false);
        }
        if upload.sums.offset_bytes() == upload.offset_bytes {
            let mut last = upload.sums.clone();
            last.end();
            sums::insert(&mut tx, upload.id, last.whole()).await?;
        }
        advance(&mut tx, upload.video, state, Event::UploadFinished).await?;
        let expire = sqlx::query!(
            "update uploads set expires_at = now() where video_id = $1 and id <> $2 and finished_at is null",
            upload.video.0,
            upload.id.0
        );
        expire.execute(&mut *tx).await.map_err(error)?;
        let inspect = Job::Inspect { video: upload.video, upload: upload.id, order: None };
        jobs::enqueue(&mut tx, &[jobs::NewJob::urgent(job, inspect)], upload.video, None).await?;
        tx.commit().await.map_err(error)?;
        Ok(true)
    }

    /// Ends an upload that nobody will finish. Its row stays, expired, until its bytes are gone: see [`Db::drop_upload`].
    ///
    /// # Errors
    /// `Conflict` if it is finished, or the lock was lost.
    pub async fn expire_upload(&self, id: UploadId, holder: Holder) -> Result<()> {
        let expire = sqlx::query!(
            "update uploads set expires_at = now() - interval '1 second'
             where id = $1 and locked_by = $2 and finished_at is null",
            id.0,
            holder.id
        );
        if expire.execute(self.pool()).await.map_err(error)?.rows_affected() == 1 {
            return Ok(());
        }
        Err(Error::conflict("upload_finished", "the upload is finished and belongs to its video: delete the video instead"))
    }

    /// Ends a video whose source cannot become a title, before anything of it is stored. Not if another source is on its way: that
    /// one may be the film.
    ///
    /// # Errors
    /// `Conflict` if the video has a source already.
    pub async fn refuse_source(&self, video: VideoId, replaces: bool, code: &str, message: &str) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let state = begin_receiving(&mut tx, video, replaces).await?;
        let other = sqlx::query_scalar!(
            r#"select exists (select from uploads where video_id = $1 and finished_at is null and expires_at > now()) as "other!""#,
            video.0
        );
        if other.fetch_one(&mut *tx).await.map_err(error)? {
            return Ok(());
        }
        fail(&mut tx, video, state, code, message).await?;
        tx.commit().await.map_err(error)
    }
}

/// Makes the video, or the change of one that is ready, wait for bytes. What a failed source left is forgotten.
async fn begin_receiving(conn: &mut PgConnection, video: VideoId, replaces: bool) -> Result<State> {
    let state = lock_video(conn, video).await?;
    let status = state.status;
    if status == Status::Ready && !replaces {
        return Err(Error::conflict(
            "has_source",
            "the video is ready and keeps its source: create another video, or say that this one replaces it",
        ));
    }
    state.after(Event::UploadOpened).map_err(|_| {
        let on_its_way = state.on_its_way();
        Error::conflict("has_source", format!("the video is {on_its_way} and keeps its source: create another video"))
    })?;
    forget_failed(conn, video, state).await?;
    advance(conn, video, state, Event::UploadOpened).await
}

/// Forgets what a video that failed, or the change of one that is ready, left behind. Its encode goes in the background.
pub(super) async fn forget_failed(conn: &mut PgConnection, video: VideoId, state: State) -> Result<()> {
    let reset = match state {
        State { status: Status::Failed, .. } => {
            sqlx::query!("update videos set encode_id = null, playable_at = null, duration_ms = null where id = $1", video.0)
        }
        _ => sqlx::query!("update videos set next_encode_id = null where id = $1", video.0),
    };
    reset.execute(&mut *conn).await.map_err(error)?;
    // What gave up for it is not to be retried any more.
    let cancel = sqlx::query!(
        "update jobs set state = 'cancelled' from videos v
         where jobs.video_id = $1 and v.id = $1 and state = 'dead'
           and (jobs.encode_id is null or jobs.encode_id is distinct from v.encode_id)",
        video.0
    );
    cancel.execute(conn).await.map_err(error)?;
    Ok(())
}

pub(super) fn growing_json(growing: &Growing) -> Result<serde_json::Value> {
    serde_json::to_value(growing).map_err(Error::internal)
}

pub(super) fn signed(bytes: u64) -> Result<i64> {
    i64::try_from(bytes).map_err(Error::internal)
}
