//! Passwords: Argon2id with the parameters that OWASP's Password Storage Cheat Sheet names as the minimum, a few at a time,
//! never on the async runtime.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use marquee_core::{Error, ErrorKind, Random, Result};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// Memory of one hash.
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Hashes at a time: a flood of sign-ins takes this many cores and 19 MiB each, no more.
const SLOTS: usize = 2;
/// How long a sign-in waits for a slot before it is told to come back.
const SLOT_TIMEOUT: Duration = Duration::from_secs(5);

/// Hashes and verifies passwords.
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
    /// Hash of a password that nobody has: verified when there is no account, so that both cases take equally long.
    nobody: String,
}

impl Passwords {
    /// Ready to hash.
    pub(crate) fn new(random: &dyn Random) -> Result<Self> {
        let mut password = [0; 32];
        random.fill(&mut password);
        Ok(Self { slots: Arc::new(Semaphore::new(SLOTS)), nobody: hash(&password, &salt(random))? })
    }

    /// The hash of `password` in PHC form.
    pub(crate) async fn hash(&self, random: &dyn Random, password: &str) -> Result<String> {
        let (password, salt) = (password.to_owned(), salt(random));
        self.in_slot(move || hash(password.as_bytes(), &salt)).await
    }

    /// Whether `password` belongs to `hash`. Without a hash it takes as long and is wrong.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let known = hash.is_some();
        let (password, hash) = (password.to_owned(), hash.unwrap_or(&self.nobody).to_owned());
        self.in_slot(move || {
            let hash = PasswordHash::new(&hash).map_err(|error| Error::internal(error.to_string()))?;
            let right = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            Ok(right && known)
        })
        .await
    }

    async fn in_slot<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let busy = || Error::new(ErrorKind::Unavailable, "busy", "too many people sign in at once, try again shortly");
        let slot = timeout(SLOT_TIMEOUT, self.slots.clone().acquire_owned()).await.map_err(|_| busy())?;
        let slot = slot.map_err(Error::internal)?;
        let worked = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        });
        worked.await.map_err(Error::internal)?
    }
}

fn salt(random: &dyn Random) -> [u8; 16] {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    salt
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| Error::internal(error.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password_with_salt(password, salt).map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::OsRandom;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_passes() {
        let passwords = Passwords::new(&OsRandom).unwrap();
        let hash = passwords.hash(&OsRandom, "correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash(&OsRandom, "correct horse").await.unwrap());
        assert!(passwords.verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("wrong horse", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse", None).await.unwrap());
        assert!(passwords.verify("correct horse", Some("not a hash")).await.is_err());
    }
}
