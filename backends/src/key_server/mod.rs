//! The key server: content keys of protected encodes are made here or come from a server of others, are sealed before they are stored, and
//! opened for workers and for those who may play.

mod speke;
mod vault;

pub use speke::Speke;

use crate::db::Db;
use marquee_core::{
    Error, ErrorKind, Random, Result,
    config::Protection,
    id::EncodeId,
    protection::{Choice, ContentKey, ContentKeys, KEY_BYTES, KeyName, KeyUse, Protected, System},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::{Builder, Uuid};
use vault::Vault;

/// Code of the error of what has no master key, or another one.
pub const NO_MASTER_KEY: &str = "no_master_key";

/// A content key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// See [`marquee_core::protection::ContentKey::id`].
    pub id: Uuid,
    /// Its secret, which nobody reads without the master key.
    pub sealed: Vec<u8>,
}

/// Makes, seals and opens content keys.
pub struct KeyServer {
    /// `None` where no master key is configured.
    vault: Option<Vault>,
    /// `None` where keys are made here.
    speke: Option<Speke>,
    /// What titles can be played with.
    systems: Vec<System>,
    random: Arc<dyn Random>,
}

impl KeyServer {
    /// A key server as the configuration has it.
    ///
    /// # Errors
    /// `Invalid` for a master key that is none, and for headers that are none.
    pub fn new(config: &Protection, random: Arc<dyn Random>) -> Result<Self> {
        let vault = config.master_key.as_deref().map(|first| Vault::new(first, &config.former_master_keys)).transpose()?;
        let speke = config.key_server_url.as_ref().map(|url| Speke::new(url, &config.key_server_headers)).transpose()?;
        Ok(Self { vault, speke, systems: config.systems(), random })
    }

    /// Refuses where nothing can be protected.
    ///
    /// # Errors
    /// `Unavailable` with code `no_master_key`, or `no_key_system` if nothing could play it.
    pub fn check(&self) -> Result<()> {
        self.vault()?;
        if self.systems.is_empty() {
            let message = "nothing could play what is protected here: set protection.clear_key or another system";
            return Err(Error::new(ErrorKind::Unavailable, "no_key_system", message));
        }
        Ok(())
    }

    /// What titles can be played with.
    #[must_use]
    pub fn systems(&self) -> &[System] {
        &self.systems
    }

    /// The server of others that keys come from; `None` if they are made here.
    #[must_use]
    pub fn speke(&self) -> Option<&Speke> {
        self.speke.as_ref()
    }

    /// New keys for the encode that will be called `encode`, and what its plan says of them. Where players find them by address, that begins
    /// with `key_url`. A server of others has the same asked of it however often that is tried: then only secrets are new, which it gives.
    #[must_use]
    pub fn generate(&self, encode: EncodeId, choice: Choice, key_url: &str) -> (Protected, ContentKeys) {
        let at = |system: &System| match system {
            System::ClearKey { .. } => System::ClearKey { key_url: Some(key_url.to_owned()) },
            other => other.clone(),
        };
        let systems = self.systems.iter().map(at).collect();
        let (protected, mut keys) = Protected::generate(choice, systems, &*self.random);
        if self.speke.is_none() {
            return (protected, keys);
        }
        for (of, key) in &mut keys.0 {
            (key.id, key.iv) = derived(encode, *of);
        }
        let names = keys.0.iter().map(|(of, key)| KeyName::new(*of, key)).collect();
        (Protected { names, ..protected }, keys)
    }

    /// The keys of the encode that will be called `encode`, as they are stored.
    ///
    /// # Errors
    /// `Unavailable` with code `no_master_key`.
    pub fn seal(&self, encode: EncodeId, keys: &ContentKeys) -> Result<Vec<SealedKey>> {
        let vault = self.vault()?;
        let seal = |key: &ContentKey| Ok(SealedKey { id: key.id, sealed: vault.seal(encode, key, &*self.random)? });
        keys.0.iter().map(|(_, key)| seal(key)).collect()
    }

    /// The keys of an encode that is `protected`, with their secrets.
    ///
    /// # Errors
    /// `Unavailable` with code `no_master_key` if none that is configured opens them; `Internal` if one is missing or not what was sealed.
    pub async fn open(&self, db: &Db, encode: EncodeId, protected: &Protected) -> Result<ContentKeys> {
        let vault = self.vault()?;
        let mut secrets = Vec::new();
        for key in db.sealed_keys(encode).await? {
            secrets.push((key.id, vault.open(encode, &key)?));
        }
        protected.keys(|id| secrets.iter().find(|(known, _)| *known == id).map(|(_, secret)| secret.clone()))
    }

    fn vault(&self) -> Result<&Vault> {
        self.vault.as_ref().ok_or_else(|| no_master_key("protection.master_key is not set"))
    }
}

/// Id and vector of the key of an encode for some tracks: no secrets.
fn derived(encode: EncodeId, of: KeyUse) -> (Uuid, [u8; KEY_BYTES]) {
    let digest =
        Sha256::new().chain_update(b"marquee content key").chain_update(encode.0).chain_update(format!("{of:?}")).finalize();
    let (mut id, mut iv) = ([0; KEY_BYTES], [0; KEY_BYTES]);
    id.copy_from_slice(&digest[..KEY_BYTES]);
    iv.copy_from_slice(&digest[KEY_BYTES..2 * KEY_BYTES]);
    (Builder::from_random_bytes(id).into_uuid(), iv)
}

fn no_master_key(what: &str) -> Error {
    let message =
        format!("protected titles cannot be made or opened here: {what}. Set it to the same key on the API and every worker");
    Error::new(ErrorKind::Unavailable, NO_MASTER_KEY, message)
}

#[cfg(test)]
mod tests;
