//! Keys in use, read from the database and kept until they change.

use super::access;
use arc_swap::ArcSwap;
use jsonwebtoken::{DecodingKey, EncodingKey};
use marquee_backends::db::{
    Db,
    keys::{KeyRing, Purpose},
};
use marquee_core::{Error, Random, Result, token::SigningKey};
use std::sync::Arc;

/// Bytes of a key's secret.
const SECRET_LENGTH: usize = 32;

/// The keys that are live now.
pub(crate) struct Keys(ArcSwap<Live>);

/// A consistent view of the keys.
pub(crate) struct Live {
    /// For access tokens, the newest first.
    pub(crate) access: Vec<AccessKey>,
    /// For playback tokens, the newest first.
    pub(crate) playback: KeyRing,
}

/// A key for access tokens.
pub(crate) struct AccessKey {
    /// Its id in the token's header.
    pub(crate) kid: String,
    /// Signs.
    pub(crate) encoding: EncodingKey,
    /// Verifies.
    pub(crate) decoding: DecodingKey,
}

impl Keys {
    /// Reads the keys, making what is missing.
    pub(crate) async fn load(db: &Db, random: &dyn Random) -> Result<Self> {
        Ok(Self(ArcSwap::from_pointee(Live::load(db, random).await?)))
    }

    /// Reads the keys again.
    pub(crate) async fn reload(&self, db: &Db, random: &dyn Random) -> Result<()> {
        self.0.store(Arc::new(Live::load(db, random).await?));
        Ok(())
    }

    /// The keys that are live now.
    pub(crate) fn live(&self) -> Arc<Live> {
        self.0.load_full()
    }
}

impl Live {
    async fn load(db: &Db, random: &dyn Random) -> Result<Self> {
        let access = db.signing_keys(Purpose::Access, &candidate(random)).await?;
        let playback = db.signing_keys(Purpose::Playback, &candidate(random)).await?;
        let access: Vec<_> = access.keys.iter().map(access::key).collect::<Result<_>>()?;
        if access.is_empty() || playback.keys.is_empty() {
            return Err(Error::internal("there is no signing key, although one was just made"));
        }
        Ok(Self { access, playback })
    }
}

/// A key that becomes the first one if there is none.
fn candidate(random: &dyn Random) -> SigningKey {
    let (mut kid, mut secret) = ([0; 6], vec![0; SECRET_LENGTH]);
    random.fill(&mut kid);
    random.fill(&mut secret);
    SigningKey { kid: hex::encode(kid), secret }
}
