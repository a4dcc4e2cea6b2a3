//! Access tokens: JWTs (RFC 7519) of the profile in RFC 9068, signed with Ed25519, minutes long.

use super::keys::{AccessKey, Live};
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use marquee_core::{Error, ErrorKind, Result, id::UserId, token::SigningKey};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

const ISSUER: &str = "marquee";
const AUDIENCE: &str = "marquee-api";
/// RFC 9068 section 2.1: tells an access token from any other JWT.
const TYPE: &str = "at+jwt";
/// Longest token that is looked at.
const TOKEN_LENGTH_MAX: usize = 2048;
/// How far the clocks of two API processes may be apart.
const SKEW: Duration = Duration::seconds(30);

/// What a token says. The types are strict: a number that comes as text is refused, not skipped.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// The key for access tokens that a stored secret is.
pub(super) fn key(stored: &SigningKey) -> Result<AccessKey> {
    let seed = stored.secret.as_slice().try_into().map_err(|_| Error::internal("the seed of an access key is not 32 bytes"))?;
    let pair = ed25519_dalek::SigningKey::from_bytes(&seed);
    let private = pair.to_pkcs8_der().map_err(|error| Error::internal(error.to_string()))?;
    Ok(AccessKey {
        kid: stored.kid.clone(),
        encoding: EncodingKey::from_ed_der(private.as_bytes()),
        decoding: DecodingKey::from_ed_der(pair.verifying_key().as_bytes()),
    })
}

/// A token for `user` from `now` on, for `life`.
pub(crate) fn issue(keys: &Live, user: UserId, now: OffsetDateTime, life: Duration) -> Result<String> {
    let key = keys.access.first().ok_or_else(|| Error::internal("no access key"))?;
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.into());
    header.kid = Some(key.kid.clone());
    let second = now.unix_timestamp();
    let claims = Claims {
        iss: ISSUER.into(),
        aud: AUDIENCE.into(),
        sub: user,
        iat: second,
        nbf: second,
        exp: (now + life).unix_timestamp(),
    };
    jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(Error::internal)
}

/// Whom `token` was issued to.
///
/// # Errors
/// `Unauthenticated`; the log learns why.
pub(crate) fn verify(keys: &Live, token: &str, now: OffsetDateTime) -> Result<UserId> {
    if token.len() > TOKEN_LENGTH_MAX {
        return Err(refused("the token is too long"));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|cause| refused(cause.to_string()))?;
    if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYPE) {
        return Err(refused("the token is of another type"));
    }
    let known = |kid: &String| keys.access.iter().find(|key| key.kid == *kid);
    let key = header.kid.as_ref().and_then(known).ok_or_else(|| refused("the token names no live key"))?;
    let decoded =
        jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation()).map_err(|cause| refused(cause.to_string()))?;
    let Claims { sub, iat, nbf, exp, .. } = decoded.claims;
    let second = now.unix_timestamp();
    let latest = second + SKEW.whole_seconds();
    if exp <= second - SKEW.whole_seconds() {
        return Err(Error::new(ErrorKind::Unauthenticated, "token_expired", "the access token has expired: refresh it"));
    }
    if nbf > latest || iat > latest {
        return Err(refused("the token is not valid yet"));
    }
    Ok(sub)
}

/// Everything but time, which the library would take from the system's clock.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn refused(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthenticated, "invalid_token", "the access token is not valid: sign in again").caused_by(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use marquee_backends::db::keys::KeyRing;
    use serde_json::{Value, json};
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn keys() -> Live {
        let access = [1_u8, 2].map(|seed| key(&SigningKey { kid: format!("k{seed}"), secret: vec![seed; 32] }).unwrap());
        Live { access: access.into(), playback: KeyRing { sequence: 0, keys: Vec::new() } }
    }

    fn user() -> UserId {
        UserId(Uuid::from_u128(7))
    }

    fn claims() -> Value {
        let second = NOW.unix_timestamp();
        json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": user(), "iat": second, "nbf": second, "exp": second + 600 })
    }

    fn signed(header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &keys().access[0].encoding).unwrap()
    }

    fn header() -> Header {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.into());
        header.kid = Some("k1".into());
        header
    }

    #[test]
    fn an_issued_token_names_its_user_until_it_expires() {
        let token = issue(&keys(), user(), NOW, Duration::minutes(10)).unwrap();
        assert_eq!(verify(&keys(), &token, NOW).unwrap(), user());
        assert_eq!(verify(&keys(), &token, NOW + Duration::minutes(10)).unwrap(), user());
        assert_eq!(verify(&keys(), &token, NOW + Duration::minutes(11)).unwrap_err().code(), "token_expired");
        assert!(verify(&keys(), &token, NOW - Duration::minutes(1)).is_err());
        assert!(verify(&Live { access: keys().access.into_iter().skip(1).collect(), ..keys() }, &token, NOW).is_err());
    }

    #[test]
    fn claims_that_are_missing_mistyped_or_wrong_are_refused() {
        assert!(verify(&keys(), &signed(&header(), &claims()), NOW).is_ok(), "the table below changes a good token");
        for (claim, value) in [
            ("exp", json!("9999999999")),
            ("exp", json!(null)),
            ("exp", json!(-1)),
            ("exp", json!(NOW.unix_timestamp() - 120)),
            ("nbf", json!("x")),
            ("nbf", json!(NOW.unix_timestamp() + 120)),
            ("iat", json!(NOW.unix_timestamp() + 120)),
            ("iat", json!([1])),
            ("aud", json!("other")),
            ("aud", json!(["other", "marquee-edge"])),
            ("iss", json!("other")),
            ("iss", json!(1)),
            ("sub", json!("prf_00000000000000000000000000000007")),
            ("sub", json!("")),
        ] {
            let mut changed = claims();
            changed[claim] = value;
            assert!(verify(&keys(), &signed(&header(), &changed), NOW).is_err(), "{claim}: {changed}");
        }
        for claim in ["exp", "nbf", "iat", "aud", "iss", "sub"] {
            let mut changed = claims();
            changed.as_object_mut().unwrap().remove(claim);
            assert!(verify(&keys(), &signed(&header(), &changed), NOW).is_err(), "without {claim}");
        }
    }

    #[test]
    fn other_algorithms_types_and_keys_are_refused() {
        let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
        for alg in ["none", "None", "HS256", "RS256", "ES256"] {
            let head = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "typ": TYPE, "kid": "k1" }).to_string());
            assert!(verify(&keys(), &format!("{head}.{payload}."), NOW).is_err(), "{alg}");
        }
        // The public key, known to everybody, as the secret of an HMAC.
        let mut confused = header();
        confused.alg = Algorithm::HS256;
        let public = EncodingKey::from_secret(keys().access[0].decoding.try_get_as_bytes().unwrap());
        let token = jsonwebtoken::encode(&confused, &claims(), &public).unwrap();
        assert!(verify(&keys(), &token, NOW).is_err());
        for kid in [None, Some("k2"), Some("../../dev/null"), Some("' or 1=1 --"), Some("")] {
            let mut other = header();
            other.kid = kid.map(str::to_owned);
            assert!(verify(&keys(), &signed(&other, &claims()), NOW).is_err(), "{kid:?}");
        }
        let mut id_token = header();
        id_token.typ = Some("JWT".into());
        assert!(verify(&keys(), &signed(&id_token, &claims()), NOW).is_err());
        for garbage in ["", ".", "..", "a.b.c", &"a".repeat(1 << 20)] {
            assert!(verify(&keys(), garbage, NOW).is_err());
        }
    }

    #[test]
    fn no_changed_character_goes_unnoticed() {
        let token = issue(&keys(), user(), NOW, Duration::minutes(10)).unwrap();
        for position in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&keys(), &changed, NOW).is_err(), "{position}");
        }
    }
}
