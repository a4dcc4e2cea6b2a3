//! Wire types and statuses of `/v1/users/{id}/profiles`. There is nothing to do but to ask the database, so there are no ops.

use crate::{
    app::App,
    auth::Caller,
    extract::{IdempotencyKey, Json, Path, given},
    problem::{self, Answer},
    users::ops::check_name,
    videos::facts::{GENRES_MAX, check_age, check_names},
};
use axum::{extract::State, http::StatusCode};
use marquee_backends::db::{
    profiles::{Profile, ProfileChange},
    taste::ProfileRules,
};
use marquee_core::{
    Error, Result,
    id::{ProfileId, UserId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

const NAME_LENGTH_MAX: usize = 100;

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(show, change, remove)).merge(super::taste::router())
}

/// What a profile is to be. Of one that is there, the rules that are left out stay as they are.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProfile)]
struct ProfileEdit {
    /// How the person is called.
    #[schema(example = "Kids")]
    name: String,
    /// Nothing above this age is recommended, and nothing that was not rated; 0 to 21. Null: there is no such rule.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i16>, example = 6)]
    maturity_age_max: Option<Option<i16>>,
    /// Up to 20 genres that are not recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    genres_hidden: Option<Vec<String>>,
}

impl ProfileEdit {
    fn checked(self) -> Result<ProfileChange> {
        let invalid = |why: String| Error::invalid("invalid_rules", why);
        check_age("maturity_age_max", self.maturity_age_max.flatten()).map_err(invalid)?;
        let hidden = self.genres_hidden.map(|genres| check_names("genres_hidden", genres, GENRES_MAX));
        Ok(ProfileChange {
            name: check_name(&self.name, NAME_LENGTH_MAX)?.to_owned(),
            maturity_age_max: self.maturity_age_max,
            genres_hidden: hidden.transpose().map_err(invalid)?,
        })
    }
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
    /// Nothing above this age is recommended, and nothing that was not rated; null if there is no such rule.
    maturity_age_max: Option<i16>,
    /// Genres that are not recommended.
    genres_hidden: Vec<String>,
}

/// All profiles of an account.
#[derive(Serialize, ToSchema)]
struct ProfileList {
    /// The default first.
    items: Vec<ProfileView>,
}

impl From<Profile> for ProfileView {
    fn from(profile: Profile) -> Self {
        let ProfileRules { maturity_age_max, genres_hidden } = profile.rules;
        Self { id: profile.id, name: profile.name, default: profile.default, maturity_age_max, genres_hidden }
    }
}

/// Add a profile
#[utoipa::path(post, path = "/v1/users/{id}/profiles", tag = "accounts", request_body = ProfileEdit,
    params(("id" = String, Path, description = "The account"), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 201, body = ProfileView), (status = "default", body = problem::Body)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<UserId>,
    key: IdempotencyKey,
    Json(new): Json<ProfileEdit>,
) -> Answer<(StatusCode, Json<ProfileView>)> {
    caller.require_self(user)?;
    let once = key.once("profile", &new)?;
    let ProfileChange { name, maturity_age_max, genres_hidden } = new.checked()?;
    let rules = ProfileRules { maturity_age_max: maturity_age_max.flatten(), genres_hidden: genres_hidden.unwrap_or_default() };
    let id = ProfileId::new(app.deps.clock.as_ref(), app.deps.random.as_ref());
    let made = app.deps.db.create_profile(user, id, &name, &rules, once.as_ref()).await?;
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

/// Change a profile
///
/// Its rules stay as they are if they are left out.
#[utoipa::path(put, path = "/v1/users/{id}/profiles/{profile}", tag = "accounts", request_body = ProfileEdit,
    params(("id" = String, Path, description = "The account"), ("profile" = String, Path, description = "The profile")),
    responses((status = 200, body = ProfileView), (status = "default", body = problem::Body)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path((user, id)): Path<(UserId, ProfileId)>,
    Json(new): Json<ProfileEdit>,
) -> Answer<Json<ProfileView>> {
    caller.require_self(user)?;
    app.deps.db.change_profile(user, id, &new.checked()?).await?;
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
