//! The playback token: a path segment `{kid}.{expiry}.{mac}` in front of `media/…` and `live/…`, so that relative URLs in
//! playlists keep it and the cache key is the path without it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;

/// Bytes of the truncated HMAC-SHA-256.
const MAC_LENGTH: usize = 16;
/// Longest token that is looked at.
const TOKEN_LENGTH_MAX: usize = 128;

/// A key that signs tokens, by its id.
#[derive(Clone, Serialize, Deserialize)]
pub struct SigningKey {
    /// Short id in every token, letters and digits.
    pub kid: String,
    /// Secret, 32 bytes, base64 in JSON.
    #[serde(with = "secret")]
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.kid)
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a token, not signed by a known key, or for another encode.
    Forged,
    /// Was good once.
    Expired,
}

/// A token that grants reading of everything under `media/{scope}/` and `live/{scope}/` until `expires`.
#[must_use]
pub fn sign(key: &SigningKey, scope: &str, expires: OffsetDateTime) -> String {
    let expiry = expires.unix_timestamp();
    format!("{}.{expiry}.{}", key.kid, URL_SAFE_NO_PAD.encode(mac(key, scope, expiry)))
}

/// Checks `token` for `scope` (`{video}/{encode}`) at `now` against the live keys.
///
/// # Errors
/// Why it is refused; the mac is compared in constant time and before the expiry.
pub fn verify(keys: &[SigningKey], token: &str, scope: &str, now: OffsetDateTime) -> Result<(), Refusal> {
    if token.len() > TOKEN_LENGTH_MAX {
        return Err(Refusal::Forged);
    }
    let mut parts = token.split('.');
    let (Some(kid), Some(expiry), Some(given), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Refusal::Forged);
    };
    let key = keys.iter().find(|key| key.kid == kid).ok_or(Refusal::Forged)?;
    let seconds: i64 = expiry.parse().map_err(|_| Refusal::Forged)?;
    // The canonical text only: "+5" or "05" would be a second token of the same meaning.
    if seconds.to_string() != expiry {
        return Err(Refusal::Forged);
    }
    let given = URL_SAFE_NO_PAD.decode(given).map_err(|_| Refusal::Forged)?;
    if !bool::from(given.ct_eq(&mac(key, scope, seconds))) {
        return Err(Refusal::Forged);
    }
    if seconds <= now.unix_timestamp() { Err(Refusal::Expired) } else { Ok(()) }
}

fn mac(key: &SigningKey, scope: &str, expiry: i64) -> [u8; MAC_LENGTH] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.secret).expect("HMAC takes keys of any length");
    mac.update(format!("{expiry}|{scope}").as_bytes());
    let full = mac.finalize().into_bytes();
    let mut short = [0; MAC_LENGTH];
    short.copy_from_slice(&full[..MAC_LENGTH]);
    short
}

mod secret {
    use super::{Engine, URL_SAFE_NO_PAD};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(secret))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn keys() -> Vec<SigningKey> {
        vec![SigningKey { kid: "k1".into(), secret: vec![7; 32] }, SigningKey { kid: "k2".into(), secret: vec![9; 32] }]
    }

    #[test]
    fn a_signed_token_opens_its_scope_until_it_expires() {
        let token = sign(&keys()[1], "vid_a/enc_a", NOW + Duration::HOUR);
        assert_eq!(verify(&keys(), &token, "vid_a/enc_a", NOW), Ok(()));
        assert_eq!(verify(&keys(), &token, "vid_a/enc_b", NOW), Err(Refusal::Forged));
        assert_eq!(verify(&keys()[..1], &token, "vid_a/enc_a", NOW), Err(Refusal::Forged));
        assert_eq!(verify(&keys(), &token, "vid_a/enc_a", NOW + Duration::HOUR), Err(Refusal::Expired));
    }

    #[test]
    fn no_change_of_a_character_goes_unnoticed() {
        let token = sign(&keys()[0], "vid_a/enc_a", NOW + Duration::HOUR);
        for position in 0..token.len() {
            for replacement in ["0", "A", ".", "-", "z", ""] {
                let mut changed = token.clone();
                changed.replace_range(position..=position, replacement);
                // The last base64 digit carries unused bits; only the canonical form may pass.
                if changed != token {
                    assert!(verify(&keys(), &changed, "vid_a/enc_a", NOW).is_err(), "{changed}");
                }
            }
        }
    }
}
