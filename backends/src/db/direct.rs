//! Uploads whose parts go to the object store itself: no process of ours sees their bytes before a worker reads them.

use super::{
    Db, error, sums,
    uploads::{Holder, Upload, growing_json},
};
use marquee_core::{Result, id::UploadId, sums::Run};
use sqlx::query;
use std::time::Duration;
use time::OffsetDateTime;

/// A source of which nobody has read a byte yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The SHA-256 that its sender stated.
    pub stated_sha256: Option<Vec<u8>>,
}

impl Db {
    /// Moves the expiry on, since somebody is about to send parts. When that is; `None` if the time is over, or the upload finished.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn postpone_upload(&self, id: UploadId, expiry: Duration) -> Result<Option<OffsetDateTime>> {
        let postpone = sqlx::query_scalar!(
            "update uploads set expires_at = greatest(expires_at, now() + make_interval(secs => $2))
             where id = $1 and finished_at is null and expires_at > now() returning expires_at",
            id.0,
            expiry.as_secs_f64(),
        );
        postpone.fetch_optional(self.pool()).await.map_err(error)
    }

    /// Stores that all parts are there, and the SHA-256 that their sender states; the upload waits for whoever hands it over. False,
    /// changing nothing, if the lock was lost or the upload was ended.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn complete_upload(&self, upload: &Upload, holder: Holder, stated_sha256: Option<&[u8; 32]>) -> Result<bool> {
        let complete = query!(
            "update uploads set offset_bytes = length_bytes, growing = $3, stated_sha256 = $4,
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

    /// The source that came as `upload`, if nobody has read it yet.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn unread_source(&self, upload: UploadId) -> Result<Option<Unread>> {
        let row =
            query!("select stated_sha256 from uploads where id = $1 and finished_at is not null and sha256 is null", upload.0);
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        Ok(found.map(|row| Unread { stated_sha256: row.stated_sha256 }))
    }

    /// Stores what was found by reading a source whole. Nothing happens if somebody else was first: it is the same source.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn store_sums(&self, upload: UploadId, sha256: &[u8; 32], run: &Run) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let update = query!("update uploads set sha256 = $2 where id = $1 and sha256 is null", upload.0, &sha256[..]);
        if update.execute(&mut *tx).await.map_err(error)?.rows_affected() == 1 {
            sums::insert(&mut tx, upload, run).await?;
        }
        tx.commit().await.map_err(error)
    }
}
