//! Idempotency keys: a POST that creates, sent twice with one key, creates once.
//!
//! The key's row is written in the transaction that creates the thing, so there is no state in between: of two requests at a
//! time the second waits for the first's commit and then finds its answer.

use super::error;
use marquee_core::{Error, ErrorKind, Result, id::UserId};
use sqlx::PgConnection;

/// Status that every creating POST answers with.
const CREATED: i32 = 201;

/// A key that the client chose, and what it asked for with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The client's key, unique for its account.
    pub key: String,
    /// Hash of the request, so that one key is not used for two different requests.
    pub request_hash: [u8; 32],
}

/// A thing that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made<T> {
    /// It is new.
    Now(T),
    /// An earlier request with the same key made it.
    Earlier(T),
}

impl<T: Copy> Made<T> {
    /// The thing, whenever it was made.
    #[must_use]
    pub fn thing(&self) -> T {
        match self {
            Self::Now(thing) | Self::Earlier(thing) => *thing,
        }
    }
}

/// Takes `once` for the thing called `id`. Answers the id of the thing that an earlier request made with the same key: the
/// caller then creates nothing and drops its transaction.
///
/// # Errors
/// `Invalid` with code `idempotency_key_reused` if the earlier request was another one.
pub(super) async fn claim(conn: &mut PgConnection, user: UserId, once: Option<&Once>, id: &str) -> Result<Option<String>> {
    let Some(Once { key, request_hash }) = once else { return Ok(None) };
    let old = sqlx::query!("delete from idempotency_keys where user_id = $1 and created_at < now() - interval '1 day'", user.0);
    old.execute(&mut *conn).await.map_err(error)?;
    let insert = sqlx::query!(
        "insert into idempotency_keys (user_id, key, request_hash, status, body) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        user.0,
        key,
        &request_hash[..],
        CREATED,
        serde_json::json!({ "id": id }),
    );
    if insert.execute(&mut *conn).await.map_err(error)?.rows_affected() == 1 {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"select request_hash, body ->> 'id' as "id!" from idempotency_keys where user_id = $1 and key = $2"#,
        user.0,
        key
    );
    let earlier = row.fetch_one(conn).await.map_err(error)?;
    if earlier.request_hash == request_hash {
        return Ok(Some(earlier.id));
    }
    let message = "this Idempotency-Key was used for another request: choose a new one for each thing to create";
    Err(Error::new(ErrorKind::Invalid, "idempotency_key_reused", message))
}
