//! Profiles: the persons in an account.

use super::{
    Db, error,
    idempotency::{self, Made, Once},
    taste::ProfileRules,
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
    /// What it may not be shown.
    pub rules: ProfileRules,
    /// How often something changed what may be recommended to it: while it stays the same, so may an answer.
    pub taste_version: i64,
}

/// What a profile is to be from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileChange {
    /// How it is called.
    pub name: String,
    /// The age above which nothing is shown, or that there is none; `None` leaves it as it is.
    pub maturity_age_max: Option<Option<i16>>,
    /// Genres that are not shown; `None` leaves them as they are.
    pub genres_hidden: Option<Vec<String>>,
}

struct Row {
    id: Uuid,
    name: String,
    is_default: bool,
    maturity_age_max: Option<i16>,
    genres_hidden: Vec<String>,
    taste_version: i64,
}

impl From<Row> for Profile {
    fn from(row: Row) -> Self {
        let rules = ProfileRules { maturity_age_max: row.maturity_age_max, genres_hidden: row.genres_hidden };
        Self { id: row.id.into(), name: row.name, default: row.is_default, rules, taste_version: row.taste_version }
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
            "select id, name, is_default, maturity_age_max, genres_hidden, taste_version from profiles where user_id = $1
             order by is_default desc, id",
            user.0
        );
        Ok(rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(Profile::from).collect())
    }

    /// A profile, if it belongs to `user`.
    ///
    /// # Errors
    /// `NotFound` otherwise.
    pub async fn profile(&self, user: UserId, id: ProfileId) -> Result<Profile> {
        let row = sqlx::query_as!(
            Row,
            "select id, name, is_default, maturity_age_max, genres_hidden, taste_version from profiles where id = $1 and user_id = $2",
            id.0,
            user.0
        );
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.map(Profile::from).ok_or_else(|| Error::not_found("profile"))
    }

    /// A profile, whoever's it is.
    ///
    /// # Errors
    /// `NotFound` if there is no such profile.
    pub async fn any_profile(&self, id: ProfileId) -> Result<Profile> {
        let row = sqlx::query_as!(
            Row,
            "select id, name, is_default, maturity_age_max, genres_hidden, taste_version from profiles where id = $1",
            id.0
        );
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.map(Profile::from).ok_or_else(|| Error::not_found("profile"))
    }

    /// The profile that is used when none is named.
    ///
    /// # Errors
    /// `NotFound` if the account is gone.
    pub async fn default_profile(&self, user: UserId) -> Result<Profile> {
        let row = sqlx::query_as!(
            Row,
            "select id, name, is_default, maturity_age_max, genres_hidden, taste_version from profiles where user_id = $1 and is_default",
            user.0
        );
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        found.map(Profile::from).ok_or_else(|| Error::not_found("profile"))
    }

    /// Adds a profile.
    ///
    /// # Errors
    /// `Conflict` with code `too_many_profiles` beyond [`PROFILES_MAX`]; see [`idempotency`] for a repeated `once`.
    pub async fn create_profile(
        &self,
        user: UserId,
        id: ProfileId,
        name: &str,
        rules: &ProfileRules,
        once: Option<&Once>,
    ) -> Result<Made<ProfileId>> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        if let Some(earlier) = idempotency::claim(&mut tx, user, once, &id.to_string()).await? {
            return Ok(Made::Earlier(earlier.parse()?));
        }
        // The account's row is taken so that two requests cannot both add the last profile.
        let held = sqlx::query_scalar!(r#"select true as "held!" from users where id = $1 for update"#, user.0);
        held.fetch_optional(&mut *tx).await.map_err(error)?.ok_or_else(|| Error::not_found("account"))?;
        let insert = sqlx::query!(
            "insert into profiles (id, user_id, name, maturity_age_max, genres_hidden)
             select $1, $2, $3, $4, $5 where (select count(*) from profiles where user_id = $2) < $6",
            id.0,
            user.0,
            name,
            rules.maturity_age_max,
            &rules.genres_hidden,
            PROFILES_MAX,
        );
        if insert.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            let message = format!("an account has at most {PROFILES_MAX} profiles: remove one first");
            return Err(Error::new(ErrorKind::Conflict, "too_many_profiles", message));
        }
        tx.commit().await.map_err(error)?;
        Ok(Made::Now(id))
    }

    /// Changes a profile of `user`.
    ///
    /// # Errors
    /// `NotFound` if it is not theirs.
    pub async fn change_profile(&self, user: UserId, id: ProfileId, change: &ProfileChange) -> Result<()> {
        let update = sqlx::query!(
            "update profiles
             set name = $3, maturity_age_max = case when $4 then $5 else maturity_age_max end,
                 genres_hidden = coalesce($6, genres_hidden),
                 taste_version = taste_version + case when ($4 and maturity_age_max is distinct from $5)
                                                        or genres_hidden <> coalesce($6, genres_hidden) then 1 else 0 end
             where id = $1 and user_id = $2",
            id.0,
            user.0,
            change.name,
            change.maturity_age_max.is_some(),
            change.maturity_age_max.flatten(),
            change.genres_hidden.as_deref(),
        );
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
