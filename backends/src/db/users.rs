//! Accounts.

use super::{Db, error};
use marquee_core::{
    Error, ErrorKind, Result, Role,
    id::{ProfileId, UserId},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// Name of the profile that every account starts with.
const FIRST_PROFILE_NAME_MAX: usize = 100;

/// An account about to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// Address that it signs in with; unique without regard to case.
    pub email: String,
    /// How it is called.
    pub name: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// Id of its default profile.
    pub profile: ProfileId,
}

/// An account.
#[derive(Clone)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Address that it signs in with.
    pub email: String,
    /// How it is called.
    pub name: String,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// What it may do.
    pub role: Role,
    /// Since when it may do nothing at all.
    pub disabled_at: Option<OffsetDateTime>,
}

struct Row {
    id: Uuid,
    email: String,
    name: String,
    password_hash: String,
    role: String,
    disabled_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for User {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id.into(),
            email: row.email,
            name: row.name,
            password_hash: row.password_hash,
            role: row.role.parse().map_err(Error::internal)?,
            disabled_at: row.disabled_at,
        })
    }
}

impl Db {
    /// Makes an account with its default profile.
    ///
    /// # Errors
    /// `Conflict` with code `email_taken` if there is an account of that address.
    pub async fn create_user(&self, new: &NewUser) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let insert = sqlx::query!(
            "insert into users (id, email, name, password_hash, role) values ($1, $2, $3, $4, $5)",
            new.id.0,
            new.email,
            new.name,
            new.password_hash,
            new.role.as_str(),
        );
        insert.execute(&mut *tx).await.map_err(|cause| match error(cause) {
            refused if refused.kind() == ErrorKind::Conflict => {
                Error::conflict("email_taken", "there is an account with this e-mail already: sign in, or use another address")
            }
            other => other,
        })?;
        let profile_name: String = new.name.chars().take(FIRST_PROFILE_NAME_MAX).collect();
        let profile = sqlx::query!(
            "insert into profiles (id, user_id, name, is_default) values ($1, $2, $3, true)",
            new.profile.0,
            new.id.0,
            profile_name,
        );
        profile.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)
    }

    /// The account called `id`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn user(&self, id: UserId) -> Result<Option<User>> {
        let row = sqlx::query_as!(Row, "select id, email, name, password_hash, role, disabled_at from users where id = $1", id.0);
        row.fetch_optional(self.pool()).await.map_err(error)?.map(User::try_from).transpose()
    }

    /// The account that signs in with `email`, in any case.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>> {
        let row = sqlx::query_as!(
            Row,
            "select id, email, name, password_hash, role, disabled_at from users where lower(email) = lower($1)",
            email
        );
        row.fetch_optional(self.pool()).await.map_err(error)?.map(User::try_from).transpose()
    }

    /// Gives the account of `email` a role.
    ///
    /// # Errors
    /// `NotFound` if there is no such account.
    pub async fn set_role(&self, email: &str, role: Role) -> Result<()> {
        let user = self.user_by_email(email).await?.ok_or_else(|| Error::not_found("account"))?;
        self.set_user_role(user.id, role).await
    }

    /// Gives the account called `id` a role.
    ///
    /// # Errors
    /// `NotFound` if there is no such account.
    pub async fn set_user_role(&self, id: UserId, role: Role) -> Result<()> {
        let update = sqlx::query!("update users set role = $2 where id = $1", id.0, role.as_str());
        let changed = update.execute(self.pool()).await.map_err(error)?.rows_affected();
        if changed == 1 { Ok(()) } else { Err(Error::not_found("account")) }
    }

    /// Sets the password of the account called `id` and ends all its sessions.
    ///
    /// # Errors
    /// `NotFound` if there is no such account.
    pub async fn set_password(&self, id: UserId, password_hash: &str) -> Result<()> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let update = sqlx::query!("update users set password_hash = $2 where id = $1", id.0, password_hash);
        if update.execute(&mut *tx).await.map_err(error)?.rows_affected() == 0 {
            return Err(Error::not_found("account"));
        }
        let revoke = sqlx::query!("update refresh_tokens set revoked_at = now() where user_id = $1 and revoked_at is null", id.0);
        revoke.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)
    }

    /// Whether any account that can sign in is an administrator.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn has_admin(&self) -> Result<bool> {
        let exists =
            sqlx::query_scalar!(r#"select exists (select from users where role = 'admin' and disabled_at is null) as "exists!""#);
        exists.fetch_one(self.pool()).await.map_err(error)
    }
}
