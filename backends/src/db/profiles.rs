//! Profiles: the persons in an account.

use super::{
    Db, error,
    idempotency::{self, Made, Once},
};
use marquee_core::{
    Error, ErrorKind, Result,
    id::{ProfileId, UserId},
};
use uuid::Uuid;

/// Profiles that one account may have.
pub const PROFILES_MAX: i64 = 10;

/// A person in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its id.
    pub id: ProfileId,
    /// How it is called.
    pub name: String,
    /// The one that is used when none is named.
    pub default: bool,
}

struct Row {
    id: Uuid,
    name: String,
    is_default: bool,
}

impl From<Row> for Profile {
    fn from(row: Row) -> Self {
        Self { id: row.id.into(), name: row.name, default: row.is_default }
    }
}

impl Db {
    /// Profiles of an account, the default first.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn profiles(&self, user: UserId) -> Result<Vec<Profile>> {
        let rows = sqlx::query_as!(
            Row,
            "select id, name, is_default from profiles where user_id = $1 order by is_default desc, id",
            user.0
        );
        Ok(rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(Profile::from).collect())
    }

    /// A profile, if it belongs to `user`.
    ///
    /// # Errors
    /// `NotFound` otherwise.
    pub async fn profile(&self, user: UserId, id: ProfileId) -> Result<Profile> {
        let row = sqlx::query_as!(Row, "select id, name, is_default from profiles where id = $1 and user_id = $2", id.0, user.0);
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.map(Profile::from).ok_or_else(|| Error::not_found("profile"))
    }

    /// The profile that is used when none is named.
    ///
    /// # Errors
    /// `NotFound` if the account is gone.
    pub async fn default_profile(&self, user: UserId) -> Result<Profile> {
        let row = sqlx::query_as!(Row, "select id, name, is_default from profiles where user_id = $1 and is_default", user.0);
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.map(Profile::from).ok_or_else(|| Error::not_found("profile"))
    }

    /// Adds a profile.
    ///
    /// # Errors
    /// `Conflict` with code `too_many_profiles` beyond [`PROFILES_MAX`]; see [`idempotency`] for a repeated `once`.
    pub async fn create_profile(&self, user: UserId, id: ProfileId, name: &str, once: Option<&Once>) -> Result<Made<ProfileId>> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        if let Some(earlier) = idempotency::claim(&mut tx, user, once, &id.to_string()).await? {
            return Ok(Made::Earlier(earlier.parse()?));
        }
        // The account's row is taken so that two requests cannot both add the last profile.
        let held = sqlx::query_scalar!(r#"select true as "held!" from users where id = $1 for update"#, user.0);
        held.fetch_optional(&mut *tx).await.map_err(error)?.ok_or_else(|| Error::not_found("account"))?;
        let insert = sqlx::query!(
            "insert into profiles (id, user_id, name)
             select $1, $2, $3 where (select count(*) from profiles where user_id = $2) < $4",
            id.0,
            user.0,
            name,
            PROFILES_MAX,
        );
        if insert.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            let message = format!("an account has at most {PROFILES_MAX} profiles: remove one first");
            return Err(Error::new(ErrorKind::Conflict, "too_many_profiles", message));
        }
        tx.commit().await.map_err(error)?;
        Ok(Made::Now(id))
    }

    /// Renames a profile of `user`.
    ///
    /// # Errors
    /// `NotFound` if it is not theirs.
    pub async fn rename_profile(&self, user: UserId, id: ProfileId, name: &str) -> Result<()> {
        let update = sqlx::query!("update profiles set name = $3 where id = $1 and user_id = $2", id.0, user.0, name);
        let changed = update.execute(self.pool()).await.map_err(error)?.rows_affected();
        if changed == 1 { Ok(()) } else { Err(Error::not_found("profile")) }
    }

    /// Removes a profile of `user` with its history.
    ///
    /// # Errors
    /// `NotFound` if it is not theirs, `Conflict` if it is the default one.
    pub async fn delete_profile(&self, user: UserId, id: ProfileId) -> Result<()> {
        if self.profile(user, id).await?.default {
            return Err(Error::conflict("default_profile", "the first profile of an account stays: rename it instead"));
        }
        let delete = sqlx::query!("delete from profiles where id = $1 and user_id = $2 and not is_default", id.0, user.0);
        delete.execute(self.pool()).await.map_err(error)?;
        Ok(())
    }
}
