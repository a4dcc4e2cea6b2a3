//! Seals secrets with a master key: AES-256-GCM (NIST SP 800-38D) with a random nonce for each, bound to the encode and the key's id, so
//! that what is copied from one row to another does not open.

use super::{SealedKey, no_master_key};
use aes_gcm::{
    Aes256Gcm, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use marquee_core::{
    Error, Random, Result,
    id::EncodeId,
    protection::{ContentKey, KEY_BYTES, Secret},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Bytes of a master key.
const MASTER_BYTES: usize = 32;
/// Bytes of what names the master key, before the nonce.
const NAME_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;

pub(super) struct Vault {
    /// The first seals, all open.
    masters: Vec<Master>,
}

struct Master {
    name: [u8; NAME_BYTES],
    cipher: Aes256Gcm,
}

impl Vault {
    pub(super) fn new(first: &str, former: &[String]) -> Result<Self> {
        let all = std::iter::once(first).chain(former.iter().map(String::as_str));
        Ok(Self { masters: all.map(Master::new).collect::<Result<_>>()? })
    }

    pub(super) fn seal(&self, encode: EncodeId, key: &ContentKey, random: &dyn Random) -> Result<Vec<u8>> {
        let Master { name, cipher } = &self.masters[0];
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let payload = Payload { msg: key.secret.expose(), aad: &place(encode, key.id) };
        let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| Error::internal("a key cannot be sealed"))?;
        Ok([&name[..], &nonce, &sealed].concat())
    }

    pub(super) fn open(&self, encode: EncodeId, key: &SealedKey) -> Result<Secret> {
        let broken = || Error::internal("a stored content key is not what was sealed");
        let (name, rest) = key.sealed.split_at_checked(NAME_BYTES).ok_or_else(broken)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
        let master = self.masters.iter().find(|master| master.name == name);
        let master = master.ok_or_else(|| no_master_key("it was sealed with another protection.master_key"))?;
        let payload = Payload { msg: sealed, aad: &place(encode, key.id) };
        let secret = master.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| broken())?;
        let secret: [u8; KEY_BYTES] = secret.try_into().map_err(|_| broken())?;
        Ok(Secret::new(secret))
    }
}

impl Master {
    fn new(hexadecimal: &str) -> Result<Self> {
        let mut bytes = [0; MASTER_BYTES];
        hex::decode_to_slice(hexadecimal.trim(), &mut bytes)
            .map_err(|_| Error::invalid("invalid_config", "a protection.master_key is 64 hexadecimal digits"))?;
        let mut name = [0; NAME_BYTES];
        name.copy_from_slice(&Sha256::digest([&b"marquee master key"[..], &bytes].concat())[..NAME_BYTES]);
        Ok(Self { name, cipher: Aes256Gcm::new(&bytes.into()) })
    }
}

/// Where a sealed key belongs.
fn place(encode: EncodeId, key: Uuid) -> [u8; 32] {
    let mut place = [0; 32];
    place[..16].copy_from_slice(encode.0.as_bytes());
    place[16..].copy_from_slice(key.as_bytes());
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{OsRandom, protection::ContentKey};

    fn vault(first: u8, former: &[u8]) -> Vault {
        let key = |byte: &u8| hex::encode([*byte; MASTER_BYTES]);
        Vault::new(&key(&first), &former.iter().map(key).collect::<Vec<_>>()).unwrap()
    }

    fn sealed(vault: &Vault, encode: EncodeId) -> (SealedKey, Secret) {
        let key = ContentKey::generate(&OsRandom);
        (SealedKey { id: key.id, sealed: vault.seal(encode, &key, &OsRandom).unwrap() }, key.secret)
    }

    #[test]
    fn what_is_sealed_opens_where_it_belongs_and_nowhere_else() {
        let (vault, encode) = (vault(1, &[]), EncodeId(Uuid::from_u128(1)));
        let (key, secret) = sealed(&vault, encode);
        assert_eq!(vault.open(encode, &key).unwrap(), secret);
        assert!(!key.sealed.windows(KEY_BYTES).any(|window| window == secret.expose()));
        assert!(vault.open(EncodeId(Uuid::from_u128(2)), &key).is_err());
        assert!(vault.open(encode, &SealedKey { id: Uuid::from_u128(3), ..key.clone() }).is_err());
        for place in 0..key.sealed.len() {
            let mut changed = key.clone();
            changed.sealed[place] ^= 1;
            assert!(vault.open(encode, &changed).is_err(), "{place}");
            changed.sealed.truncate(place);
            assert!(vault.open(encode, &changed).is_err(), "{place}");
        }
        let (again, _) = sealed(&vault, encode);
        assert_ne!(again.sealed[NAME_BYTES..], key.sealed[NAME_BYTES..]);
    }

    #[test]
    fn a_former_master_key_opens_and_no_longer_seals() {
        let encode = EncodeId(Uuid::from_u128(1));
        let (key, secret) = sealed(&vault(1, &[]), encode);
        let rolled = vault(2, &[1]);
        assert_eq!(rolled.open(encode, &key).unwrap(), secret);
        let (newer, _) = sealed(&rolled, encode);
        assert_eq!(vault(2, &[]).open(encode, &key).unwrap_err().code(), "no_master_key");
        assert_eq!(vault(1, &[]).open(encode, &newer).unwrap_err().code(), "no_master_key");
    }

    #[test]
    fn what_is_no_master_key_is_refused_without_repeating_it() {
        for wrong in ["", "canary", &"0".repeat(63), &"g".repeat(64)] {
            let error = Vault::new(wrong, &[]).err().unwrap();
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }
}
