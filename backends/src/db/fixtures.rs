//! What only tests write.

use super::{Db, error};
use marquee_core::{Result, id::VideoId, video::Status};
use sqlx::{AssertSqlSafe, query};

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
}
