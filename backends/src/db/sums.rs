//! Checksums of the blocks of sources.

use super::{Db, error};
use marquee_core::{
    Error, Result,
    id::UploadId,
    sums::{Run, Sums},
};
use sqlx::{PgConnection, query};

impl Db {
    /// What is known of the blocks of an upload. Nothing, if it is older than sums are, or gone.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn source_sums(&self, upload: UploadId) -> Result<Sums> {
        let rows = query!("select first_block, sums from source_sums where upload_id = $1 order by first_block", upload.0);
        let mut sums = Sums::default();
        for row in rows.fetch_all(self.pool()).await.map_err(error)? {
            sums.add(usize::try_from(row.first_block).map_err(Error::internal)?, &row.sums);
        }
        Ok(sums)
    }
}

/// Stores the sums of an upload's blocks, if there are any.
pub(super) async fn insert(conn: &mut PgConnection, upload: UploadId, run: &Run) -> Result<()> {
    if !run.sums.is_empty() {
        let insert = query!(
            "insert into source_sums (upload_id, first_block, sums) values ($1, $2, $3)",
            upload.0,
            first_block(run)?,
            run.to_bytes()
        );
        insert.execute(conn).await.map_err(error)?;
    }
    Ok(())
}

/// Position of the run's first block, as it is stored.
pub(super) fn first_block(run: &Run) -> Result<i32> {
    i32::try_from(run.first).map_err(Error::internal)
}
