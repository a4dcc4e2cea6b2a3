//! Refresh tokens: opaque, stored hashed, replaced with each use. Using one twice revokes all that came from the same sign-in.

use super::{Db, error};
use marquee_core::{Result, id::UserId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// What became of a token that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It was good and is replaced by the new one.
    Rotated(UserId),
    /// It had been used before: whoever holds its family may be a thief, so the family is revoked.
    Reused(UserId),
    /// Unknown, expired or revoked.
    Refused,
}

impl Db {
    /// Stores the first token of a new family, and forgets the account's expired ones.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn add_refresh_token(
        &self,
        user: UserId,
        family: Uuid,
        hash: &TokenHash,
        now: OffsetDateTime,
        expires: OffsetDateTime,
    ) -> Result<()> {
        let old = sqlx::query!("delete from refresh_tokens where user_id = $1 and expires_at < $2", user.0, now);
        old.execute(self.pool()).await.map_err(error)?;
        let insert = sqlx::query!(
            "insert into refresh_tokens (token_hash, family, user_id, created_at, expires_at) values ($1, $2, $3, $4, $5)",
            &hash[..],
            family,
            user.0,
            now,
            expires,
        );
        insert.execute(self.pool()).await.map_err(error)?;
        Ok(())
    }

    /// Replaces the token `old` by `new`. A second use within `grace` of the first is taken for another tab of the same
    /// browser and gets a token too; a later one revokes the family.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn rotate_refresh_token(
        &self,
        old: &TokenHash,
        new: &TokenHash,
        now: OffsetDateTime,
        expires: OffsetDateTime,
        grace: Duration,
    ) -> Result<Rotation> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        let row = sqlx::query!(
            "select family, user_id, expires_at, used_at, revoked_at from refresh_tokens where token_hash = $1 for update",
            &old[..]
        );
        let Some(found) = row.fetch_optional(&mut *tx).await.map_err(error)? else { return Ok(Rotation::Refused) };
        let user = UserId(found.user_id);
        if found.revoked_at.is_some() || found.expires_at <= now {
            return Ok(Rotation::Refused);
        }
        if found.used_at.is_some_and(|used| used + grace < now) {
            let revoke = sqlx::query!("update refresh_tokens set revoked_at = $2 where family = $1", found.family, now);
            revoke.execute(&mut *tx).await.map_err(error)?;
            tx.commit().await.map_err(error)?;
            return Ok(Rotation::Reused(user));
        }
        let spend =
            sqlx::query!("update refresh_tokens set used_at = coalesce(used_at, $2) where token_hash = $1", &old[..], now);
        spend.execute(&mut *tx).await.map_err(error)?;
        let insert = sqlx::query!(
            "insert into refresh_tokens (token_hash, family, user_id, created_at, expires_at) values ($1, $2, $3, $4, $5)",
            &new[..],
            found.family,
            found.user_id,
            now,
            expires,
        );
        insert.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)?;
        Ok(Rotation::Rotated(user))
    }

    /// Ends the session that a token belongs to. An unknown token is no error: the session is over in any case.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn revoke_refresh_token(&self, hash: &TokenHash, now: OffsetDateTime) -> Result<()> {
        let revoke = sqlx::query!(
            "update refresh_tokens set revoked_at = $2
             where revoked_at is null and family = (select family from refresh_tokens where token_hash = $1)",
            &hash[..],
            now,
        );
        revoke.execute(self.pool()).await.map_err(error)?;
        Ok(())
    }
}
