//! Wire types and statuses of `/v1/users`.

use super::ops;
use crate::{
    app::App,
    auth::{Caller, refresh},
    extract::{Json, Path},
    peer::Peer,
    problem::{self, Answer},
    profiles::routes::ProfileView,
};
use axum::{extract::State, http::StatusCode};
use marquee_core::{Error, Role, id::UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_up))
        .routes(routes!(log_in))
        .routes(routes!(refresh_session))
        .routes(routes!(log_out))
        .routes(routes!(me))
        .routes(routes!(set_role))
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// Address to sign in with.
    #[schema(example = "ada@example.org")]
    email: String,
    /// 8 to 1024 bytes.
    #[schema(example = "correct horse battery")]
    password: String,
    /// How the account is called.
    #[schema(example = "Ada")]
    name: String,
}

/// What one signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// Address of the account.
    email: String,
    /// Its password.
    password: String,
}

/// A session to go on with, or to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefreshToken {
    /// The newest refresh token of the session.
    refresh_token: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
struct Session {
    /// The account.
    #[schema(value_type = String, example = "usr_0190a1b2c3d4e5f60718293a4b5c6d7e")]
    id: UserId,
    /// For `Authorization: Bearer`, minutes long.
    access_token: String,
    /// For `POST /v1/users/refresh`, once.
    refresh_token: String,
}

/// An account and what it may do.
#[derive(Serialize, ToSchema)]
struct Me {
    /// The account.
    #[schema(value_type = String)]
    id: UserId,
    /// Address to sign in with.
    email: String,
    /// How it is called.
    name: String,
    /// What it may do.
    #[schema(value_type = String, example = "viewer")]
    role: Role,
    /// Its persons, the default first.
    profiles: Vec<ProfileView>,
}

/// A role to give.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// `viewer`, `editor`, `publisher`, `operator` or `admin`.
    #[schema(value_type = String, example = "editor")]
    role: Role,
}

impl From<refresh::Session> for Session {
    fn from(session: refresh::Session) -> Self {
        Self { id: session.user, access_token: session.access_token, refresh_token: session.refresh_token }
    }
}

/// Sign up
///
/// Makes an account with the role `viewer` and a default profile, and signs it in.
#[utoipa::path(post, path = "/v1/users", tag = "accounts", request_body = NewAccount, security(()),
    responses((status = 201, body = Session), (status = "default", body = problem::Body)))]
async fn sign_up(State(app): State<App>, Peer(peer): Peer, Json(new): Json<NewAccount>) -> Answer<(StatusCode, Json<Session>)> {
    let session = ops::sign_up(&app, &new.email, &new.password, &new.name, peer).await?;
    Ok((StatusCode::CREATED, Json(session.into())))
}

/// Sign in
#[utoipa::path(post, path = "/v1/users/login", tag = "accounts", request_body = Credentials, security(()),
    responses((status = 200, body = Session), (status = "default", body = problem::Body)))]
async fn log_in(State(app): State<App>, Peer(peer): Peer, Json(given): Json<Credentials>) -> Answer<Json<Session>> {
    Ok(Json(ops::log_in(&app, &given.email, &given.password, peer).await?.into()))
}

/// Go on with a session
///
/// Replaces both tokens. A refresh token is good for one use; using it again later ends the session.
#[utoipa::path(post, path = "/v1/users/refresh", tag = "accounts", request_body = RefreshToken, security(()),
    responses((status = 200, body = Session), (status = "default", body = problem::Body)))]
async fn refresh_session(State(app): State<App>, Json(given): Json<RefreshToken>) -> Answer<Json<Session>> {
    Ok(Json(refresh::rotate(&app, &given.refresh_token).await?.into()))
}

/// Sign out
#[utoipa::path(post, path = "/v1/users/logout", tag = "accounts", request_body = RefreshToken, security(()),
    responses((status = 204), (status = "default", body = problem::Body)))]
async fn log_out(State(app): State<App>, Json(given): Json<RefreshToken>) -> Answer<StatusCode> {
    refresh::end(&app, &given.refresh_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who am I
#[utoipa::path(get, path = "/v1/users/me", tag = "accounts",
    responses((status = 200, body = Me), (status = "default", body = problem::Body)))]
async fn me(State(app): State<App>, caller: Caller) -> Answer<Json<Me>> {
    let account = app.deps.db.user(caller.user).await?.ok_or_else(|| Error::not_found("account"))?;
    let profiles = app.deps.db.profiles(caller.user).await?.into_iter().map(ProfileView::from).collect();
    Ok(Json(Me { id: account.id, email: account.email, name: account.name, role: account.role, profiles }))
}

/// Give an account a role
///
/// For administrators.
#[utoipa::path(put, path = "/v1/users/{id}/role", tag = "accounts", request_body = NewRole,
    params(("id" = String, Path, description = "The account")),
    responses((status = 204), (status = "default", body = problem::Body)))]
async fn set_role(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    Json(new): Json<NewRole>,
) -> Answer<StatusCode> {
    caller.require(Role::Admin)?;
    app.deps.db.set_user_role(user, new.role).await?;
    tracing::info!(user.id = %user, user.role = %new.role, by = %caller.user, "role given");
    Ok(StatusCode::NO_CONTENT)
}
