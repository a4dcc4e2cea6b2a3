//! Wire types and statuses of `/v1/users/{id}/profiles`. There is nothing to do but to ask the database, so there are no ops.

use crate::{
    app::App,
    auth::Caller,
    extract::{IdempotencyKey, Json, Path},
    problem::{self, Answer},
    users::ops::check_name,
};
use axum::{extract::State, http::StatusCode};
use marquee_backends::db::profiles::Profile;
use marquee_core::id::{ProfileId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

const NAME_LENGTH_MAX: usize = 100;

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(show, rename, remove))
}

/// A profile to make, or its new name.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProfileName {
    /// How the person is called.
    #[schema(example = "Kids")]
    name: String,
}

/// A person in an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
pub(crate) struct ProfileView {
    /// Its id.
    #[schema(value_type = String, example = "prf_0190a1b2c3d4e5f60718293a4b5c6d7e")]
    id: ProfileId,
    /// How it is called.
    name: String,
    /// The one that is used when none is named.
    default: bool,
}

/// All profiles of an account.
#[derive(Serialize, ToSchema)]
struct ProfileList {
    /// The default first.
    items: Vec<ProfileView>,
}

impl From<Profile> for ProfileView {
    fn from(profile: Profile) -> Self {
        Self { id: profile.id, name: profile.name, default: profile.default }
    }
}

/// Add a profile
#[utoipa::path(post, path = "/v1/users/{id}/profiles", tag = "accounts", request_body = ProfileName,
    params(("id" = String, Path, description = "The account"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = ProfileView), (status = "default", body = problem::Body)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    key: IdempotencyKey,
    Json(new): Json<ProfileName>,
) -> Answer<(StatusCode, Json<ProfileView>)> {
    caller.require_self(user)?;
    let name = check_name(&new.name, NAME_LENGTH_MAX)?;
    let once = key.once("profile", &new)?;
    let id = ProfileId::new(app.deps.clock.as_ref(), app.deps.random.as_ref());
    let made = app.deps.db.create_profile(user, id, name, once.as_ref()).await?;
    let profile = app.deps.db.profile(user, made.thing()).await?;
    Ok((StatusCode::CREATED, Json(profile.into())))
}

/// List profiles
#[utoipa::path(get, path = "/v1/users/{id}/profiles", tag = "accounts",
    params(("id" = String, Path, description = "The account")),
    responses((status = 200, body = ProfileList), (status = "default", body = problem::Body)))]
async fn list(State(app): State<App>, caller: Caller, Path(user): Path<UserId>) -> Answer<Json<ProfileList>> {
    caller.require_self(user)?;
    let items = app.deps.db.profiles(user).await?.into_iter().map(ProfileView::from).collect();
    Ok(Json(ProfileList { items }))
}

/// Show a profile
#[utoipa::path(get, path = "/v1/users/{id}/profiles/{profile}", tag = "accounts",
    params(("id" = String, Path, description = "The account"), ("profile" = String, Path, description = "The profile")),
    responses((status = 200, body = ProfileView), (status = "default", body = problem::Body)))]
async fn show(State(app): State<App>, caller: Caller, Path((user, id)): Path<(UserId, ProfileId)>) -> Answer<Json<ProfileView>> {
    caller.require_self(user)?;
    Ok(Json(app.deps.db.profile(user, id).await?.into()))
}

/// Rename a profile
#[utoipa::path(put, path = "/v1/users/{id}/profiles/{profile}", tag = "accounts", request_body = ProfileName,
    params(("id" = String, Path, description = "The account"), ("profile" = String, Path, description = "The profile")),
    responses((status = 200, body = ProfileView), (status = "default", body = problem::Body)))]
async fn rename(
    State(app): State<App>,
    caller: Caller,
    Path((user, id)): Path<(UserId, ProfileId)>,
    Json(new): Json<ProfileName>,
) -> Answer<Json<ProfileView>> {
    caller.require_self(user)?;
    app.deps.db.rename_profile(user, id, check_name(&new.name, NAME_LENGTH_MAX)?).await?;
    Ok(Json(app.deps.db.profile(user, id).await?.into()))
}

/// Remove a profile with its history
///
/// The default profile stays.
#[utoipa::path(delete, path = "/v1/users/{id}/profiles/{profile}", tag = "accounts",
    params(("id" = String, Path, description = "The account"), ("profile" = String, Path, description = "The profile")),
    responses((status = 204), (status = "default", body = problem::Body)))]
async fn remove(State(app): State<App>, caller: Caller, Path((user, id)): Path<(UserId, ProfileId)>) -> Answer<StatusCode> {
    caller.require_self(user)?;
    app.deps.db.delete_profile(user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
