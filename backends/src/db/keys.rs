//! Keys that sign access tokens and playback tokens. The first process that needs one makes it; all the others find it.

use super::{Db, error};
use marquee_core::{Result, token::SigningKey};

/// Channel on which a change of the keys is told.
pub const CHANNEL: &str = "keys";

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Access tokens; the secret is the seed of an Ed25519 key.
    Access,
    /// Playback tokens; the secret is an HMAC key.
    Playback,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Playback => "playback",
        }
    }
}

/// The live keys of one purpose.
#[derive(Clone, Debug)]
pub struct KeyRing {
    /// Grows with every change to any key.
    pub sequence: u64,
    /// Live keys, the newest first: it signs, all verify. Never empty.
    pub keys: Vec<SigningKey>,
}

impl Db {
    /// The live keys for `purpose`, with `candidate` made the first one if there is none yet. Processes that start at the same
    /// time end up with the same key.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn signing_keys(&self, purpose: Purpose, candidate: &SigningKey) -> Result<KeyRing> {
        let ring = self.live_keys(purpose).await?;
        if !ring.keys.is_empty() {
            return Ok(ring);
        }
        let mut tx = self.pool().begin().await.map_err(error)?;
        // Held until the commit: without it two transactions would both see no key.
        let lock = sqlx::query!("lock table signing_keys in share row exclusive mode");
        lock.execute(&mut *tx).await.map_err(error)?;
        let insert = sqlx::query!(
            "insert into signing_keys (kid, purpose, secret) select $1, $2, $3
             where not exists (select from signing_keys where purpose = $2 and retired_at is null)",
            candidate.kid,
            purpose.as_str(),
            candidate.secret,
        );
        insert.execute(&mut *tx).await.map_err(error)?;
        tx.commit().await.map_err(error)?;
        self.live_keys(purpose).await
    }

    async fn live_keys(&self, purpose: Purpose) -> Result<KeyRing> {
        let rows = sqlx::query!(
            "select kid, secret from signing_keys where purpose = $1 and retired_at is null order by created_at desc, kid",
            purpose.as_str()
        );
        let rows = rows.fetch_all(self.pool()).await.map_err(error)?;
        let sequence = sqlx::query_scalar!(
            r#"select coalesce(max(extract(epoch from greatest(created_at, retired_at)) * 1000000), 0)::bigint as "sequence!"
               from signing_keys"#
        );
        let sequence = sequence.fetch_one(self.pool()).await.map_err(error)?;
        let keys = rows.into_iter().map(|row| SigningKey { kid: row.kid, secret: row.secret }).collect();
        Ok(KeyRing { sequence: u64::try_from(sequence).unwrap_or(0), keys })
    }
}
