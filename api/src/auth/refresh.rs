//! Sessions: a short access token and a refresh token that is replaced with each use.

use super::access;
use crate::app::App;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use marquee_backends::db::tokens::{Rotation, TokenHash};
use marquee_core::{Error, ErrorKind, Result, id::UserId};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Builder;

/// Random bytes of a refresh token.
const TOKEN_LENGTH: usize = 32;
/// A second use this soon is another tab of the same browser, not a thief.
const GRACE: Duration = Duration::seconds(10);

/// What a client holds after signing in.
pub(crate) struct Session {
    /// Whose it is.
    pub(crate) user: UserId,
    /// For each request.
    pub(crate) access_token: String,
    /// For the next session.
    pub(crate) refresh_token: String,
}

/// Begins a session.
pub(crate) async fn begin(app: &App, user: UserId) -> Result<Session> {
    let now = app.deps.clock.now();
    let mut family = [0; 16];
    app.deps.random.fill(&mut family);
    let refresh_token = new_token(app);
    let family = Builder::from_random_bytes(family).into_uuid();
    app.deps.db.add_refresh_token(user, family, &hash(&refresh_token), now, expiry(app, now)).await?;
    session(app, user, refresh_token, now)
}

/// Replaces a refresh token by a new session.
pub(crate) async fn rotate(app: &App, token: &str) -> Result<Session> {
    let now = app.deps.clock.now();
    let new = new_token(app);
    match app.deps.db.rotate_refresh_token(&hash(token), &hash(&new), now, expiry(app, now), GRACE).await? {
        Rotation::Rotated(user) => {
            let account = app.deps.db.user(user).await?.filter(|account| account.disabled_at.is_none());
            let account = account.ok_or_else(refused)?;
            session(app, account.id, new, now)
        }
        Rotation::Reused(user) => {
            tracing::warn!(user.id = %user, "a refresh token was used twice, its session is revoked");
            Err(refused())
        }
        Rotation::Refused => Err(refused()),
    }
}

/// Ends the session that a refresh token belongs to.
pub(crate) async fn end(app: &App, token: &str) -> Result<()> {
    app.deps.db.revoke_refresh_token(&hash(token), app.deps.clock.now()).await
}

fn session(app: &App, user: UserId, refresh_token: String, now: OffsetDateTime) -> Result<Session> {
    let life = Duration::seconds(app.deps.auth.access_seconds.into());
    Ok(Session { user, access_token: access::issue(&app.keys.live(), user, now, life)?, refresh_token })
}

fn expiry(app: &App, now: OffsetDateTime) -> OffsetDateTime {
    now + Duration::seconds(app.deps.auth.refresh_seconds.into())
}

fn new_token(app: &App) -> String {
    let mut bytes = [0; TOKEN_LENGTH];
    app.deps.random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token is random and long, so a plain hash is as good as a slow one.
fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

fn refused() -> Error {
    Error::new(ErrorKind::Unauthenticated, "invalid_refresh_token", "the session is over: sign in again")
}
