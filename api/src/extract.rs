//! Extractors whose refusals are [`Problem`]s.

use crate::problem::Problem;
use axum::{
    extract::{FromRequest, FromRequestParts},
    http::{HeaderMap, request::Parts},
    response::{IntoResponse, Response},
};
use marquee_backends::db::idempotency::Once;
use marquee_core::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// Longest Idempotency-Key.
const KEY_LENGTH_MAX: usize = 200;

/// A JSON body, at most as large and as deep as the router and `serde_json` allow.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// What the query string asks for.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Asked<T>(pub(crate) T);

/// What stands in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

/// A JSON body that may be left out.
pub(crate) fn optional_json<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    axum::Json::from_bytes(body).map(|axum::Json(value)| value).map_err(Problem::from)
}

/// A field that tells null from its absence, together with `#[serde(default)]`.
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// The same of a time.
pub(crate) fn given_time<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<OffsetDateTime>>, D::Error> {
    time::serde::rfc3339::option::deserialize(value).map(Some)
}

/// The header `Idempotency-Key`, if the client sent one.
pub(crate) struct IdempotencyKey(Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value.to_str().ok().filter(|key| (1..=KEY_LENGTH_MAX).contains(&key.len()));
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Problem::bad_request("invalid_idempotency_key", "an Idempotency-Key has 1 to 200 visible characters")),
        }
    }
}

impl IdempotencyKey {
    /// The key for `request`, which is of the sort `what`.
    pub(crate) fn once(self, what: &str, request: &impl Serialize) -> Result<Option<Once>> {
        let Some(key) = self.0 else { return Ok(None) };
        let body = serde_json::to_vec(request).map_err(Error::internal)?;
        let request_hash = Sha256::new().chain_update(what).chain_update([0]).chain_update(body).finalize().into();
        Ok(Some(Once { key, request_hash }))
    }
}

/// A header as text; `None` if it is absent or not ASCII.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
