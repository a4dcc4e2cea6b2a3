//! Licences of W3C Clear Key (Encrypted Media Extensions, section 9.1): a request names keys, the answer holds them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use marquee_core::{
    Error, Result,
    protection::{ContentKey, KEY_BYTES},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of a request at most.
pub const REQUEST_BYTES_MAX: usize = 4096;
/// Keys that a request names at most: as many as a title has, and more.
pub const KEYS_MAX: usize = 16;

/// What keys are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenceRequest {
    /// Ids of the keys, at least one.
    pub key_ids: Vec<Uuid>,
    /// What the player wants to do with them.
    pub session: Session,
}

/// How long keys are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Session {
    /// For now.
    #[default]
    Temporary,
    /// To be kept.
    PersistentLicense,
}

#[derive(Deserialize)]
struct Request {
    kids: Vec<String>,
    #[serde(default, rename = "type")]
    session: Session,
}

#[derive(Serialize)]
struct Answer {
    keys: Vec<JsonWebKey>,
    #[serde(rename = "type")]
    session: Session,
}

#[derive(Serialize)]
struct JsonWebKey {
    kty: &'static str,
    k: String,
    kid: String,
}

impl LicenceRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// `invalid_licence_request` if it is none, or names no key or too many.
    pub fn parse(json: &[u8]) -> Result<Self> {
        let wrong = || Error::invalid("invalid_licence_request", "a Clear Key licence request names one or a few keys, as JSON");
        if json.len() > REQUEST_BYTES_MAX {
            return Err(wrong());
        }
        let request: Request = serde_json::from_slice(json).map_err(|error| wrong().caused_by(error))?;
        if request.kids.is_empty() || request.kids.len() > KEYS_MAX {
            return Err(wrong());
        }
        let id = |kid: &String| {
            let bytes = URL_SAFE_NO_PAD.decode(kid).map_err(|error| wrong().caused_by(error))?;
            let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| wrong())?;
            Ok(Uuid::from_bytes(bytes))
        };
        Ok(Self { key_ids: request.kids.iter().map(id).collect::<Result<_>>()?, session: request.session })
    }
}

/// The answer of a licence server, as JSON: the keys themselves. Whoever sends it has checked who asks.
#[must_use]
pub fn licence(session: Session, keys: &[&ContentKey]) -> String {
    let key = |key: &&ContentKey| JsonWebKey {
        kty: "oct",
        k: URL_SAFE_NO_PAD.encode(key.secret.expose()),
        kid: URL_SAFE_NO_PAD.encode(key.id.as_bytes()),
    };
    let answer = Answer { keys: keys.iter().map(key).collect(), session };
    serde_json::to_string(&answer).expect("strings are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::protection::Secret;
    use uuid::uuid;

    #[test]
    fn the_example_of_the_standard_is_read_and_answered() {
        let request = LicenceRequest::parse(br#"{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"temporary"}"#).unwrap();
        let id = uuid!("2f05477f-c24b-b4fa-efd8-6517156daffc");
        assert_eq!(request, LicenceRequest { key_ids: vec![id], session: Session::Temporary });
        let secret =
            Secret::new([0xd7, 0x74, 0xf3, 0x4b, 0xdd, 0x74, 0xf3, 0x5e, 0x3f, 0x3d, 0xb7, 0x38, 0xd3, 0x9d, 0xfc, 0xdf]);
        let key = ContentKey { id, secret, iv: [0; 16] };
        let expected =
            r#"{"keys":[{"kty":"oct","k":"13TzS910814_Pbc405383w","kid":"LwVHf8JLtPrv2GUXFW2v_A"}],"type":"temporary"}"#;
        assert_eq!(licence(request.session, &[&key]), expected);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let many = format!(r#"{{"kids":[{}]}}"#, vec![r#""LwVHf8JLtPrv2GUXFW2v_A""#; KEYS_MAX + 1].join(","));
        let long = format!(r#"{{"kids":["LwVHf8JLtPrv2GUXFW2v_A"]}}{}"#, " ".repeat(REQUEST_BYTES_MAX));
        let bad = [
            "",
            "{}",
            r#"{"kids":[]}"#,
            r#"{"kids":["LwVHf8JLtPrv2GUXFW2v"]}"#,
            r#"{"kids":["LwVHf8JLtPrv2GUXFW2v/A"]}"#,
            &many,
            &long,
        ];
        for bad in bad {
            assert_eq!(LicenceRequest::parse(bad.as_bytes()).unwrap_err().code(), "invalid_licence_request", "{bad}");
        }
        assert!(LicenceRequest::parse(br#"{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"other"}"#).is_err());
        let kept = LicenceRequest::parse(br#"{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"persistent-license"}"#).unwrap();
        assert_eq!(kept.session, Session::PersistentLicense);
    }
}
