//! Uploads whose parts go to the object store itself: no process of ours sees their bytes before a worker reads them.

use super::{
    Db, error, sums,
    uploads::{Holder, Upload, growing_json, signed},
};
use marquee_core::{Result, id::UploadId, sums::Run};
use sqlx::query;
use std::time::Duration;

/// A source that nobody has read whole yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The SHA-256 that its sender stated.
    pub stated_sha256: Option<Vec<u8>>,
    /// How far somebody came, if anybody began. The sums of the blocks up to there are stored.
    pub read: Option<Read>,
}

/// How far a source is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Bytes from the beginning: whole blocks.
    pub bytes: u64,
    /// State of their SHA-256.
    pub hash_state: Vec<u8>,
}

impl Db {
    /// Moves the expiry on, since somebody is about to send parts. False if the time is over, or the upload finished.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn postpone_upload(&self, id: UploadId, expiry: Duration) -> Result<bool> {
        let postpone = query!(
            "update uploads set expires_at = greatest(expires_at, now() + make_interval(secs => $2))
             where id = $1 and finished_at is null and expires_at > now()",
            id.0,
            expiry.as_secs_f64(),
        );
        Ok(postpone.execute(self.pool()).await.map_err(error)?.rows_affected() == 1)
    }

    /// Stores that all parts are there, and the SHA-256 that their sender states, if it states one now; the upload waits for whoever
    /// hands it over. False, changing nothing, if the lock was lost or the upload was ended.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn complete_upload(&self, upload: &Upload, holder: Holder, stated_sha256: Option<&[u8; 32]>) -> Result<bool> {
        let complete = query!(
            "update uploads set offset_bytes = length_bytes, growing = $3, stated_sha256 = coalesce($4, stated_sha256),
                    locked_until = now() + make_interval(secs => $5), expires_at = now() + interval '10 years'
             where id = $1 and locked_by = $2 and finished_at is null and expires_at > now()",
            upload.id.0,
            holder.id,
            growing_json(&upload.growing)?,
            stated_sha256.map(|sha256| &sha256[..]),
            holder.lease.as_secs_f64(),
        );
        Ok(complete.execute(self.pool()).await.map_err(error)?.rows_affected() == 1)
    }

    /// The source that came as `upload`, if nobody has read it whole yet.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn unread_source(&self, upload: UploadId) -> Result<Option<Unread>> {
        let row = query!(
            "select stated_sha256, summed_bytes, hash_state from uploads
             where id = $1 and finished_at is not null and sha256 is null",
            upload.0
        );
        let Some(row) = row.fetch_optional(self.pool()).await.map_err(error)? else { return Ok(None) };
        let bytes = u64::try_from(row.summed_bytes).ok().filter(|bytes| *bytes > 0);
        let read = bytes.map(|bytes| Read { bytes, hash_state: row.hash_state });
        Ok(Some(Unread { stated_sha256: row.stated_sha256, read }))
    }

    /// Stores how far a source is read: up to `read.bytes` from `from_bytes`, where the last note of it was, with the sums of the
    /// blocks between. False, changing nothing, if somebody else reads it too.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn keep_reading(&self, upload: UploadId, from_bytes: u64, read: &Read, run: &Run) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let update = query!(
            "update uploads set summed_bytes = $3, hash_state = $4
             where id = $1 and sha256 is null and greatest(summed_bytes, 0) = $2",
            upload.0,
            signed(from_bytes)?,
            signed(read.bytes)?,
            read.hash_state,
        );
        let is_ours = update.execute(&mut *tx).await.map_err(error)?.rows_affected() == 1;
        if is_ours {
            sums::insert(&mut tx, upload, run).await?;
        }
        tx.commit().await.map_err(error)?;
        Ok(is_ours)
    }

    /// Forgets how far a source is read: it was not read right.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn forget_reading(&self, upload: UploadId) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        // First the row: then nobody adds sums meanwhile.
        let forget = query!("update uploads set summed_bytes = -1 where id = $1 and sha256 is null", upload.0);
        if forget.execute(&mut *tx).await.map_err(error)?.rows_affected() == 1 {
            let sums = query!("delete from source_sums where upload_id = $1", upload.0);
            sums.execute(&mut *tx).await.map_err(error)?;
        }
        tx.commit().await.map_err(error)
    }

    /// Stores what was found by reading a source to its end, from `from_bytes` on. False, changing nothing, as in
    /// [`Self::keep_reading`].
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn finish_reading(&self, upload: UploadId, from_bytes: u64, sha256: &[u8; 32], run: &Run) -> Result<bool> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let update = query!(
            "update uploads set sha256 = $3 where id = $1 and sha256 is null and greatest(summed_bytes, 0) = $2",
            upload.0,
            signed(from_bytes)?,
            &sha256[..]
        );
        let is_ours = update.execute(&mut *tx).await.map_err(error)?.rows_affected() == 1;
        if is_ours {
            sums::insert(&mut tx, upload, run).await?;
        }
        tx.commit().await.map_err(error)?;
        Ok(is_ours)
    }
}
