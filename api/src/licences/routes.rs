//! Wire types and statuses of licences.

use super::ops;
use crate::{
    app::App,
    auth::{Caller, edge::Edge},
    extract::{Asked, Path},
    problem::{self, Answer},
};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use marquee_core::id::{EncodeId, VideoId};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Nobody on the way keeps a key.
const NO_STORE: (HeaderName, HeaderValue) = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
/// What a token opens any page may play: it is no cookie.
const ANY_PAGE: (HeaderName, HeaderValue) = (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(clear_key, preflight)).routes(routes!(export))
}

/// What edges ask. No part of the public interface.
pub(crate) fn internal_router() -> Router<App> {
    Router::new().route("/v1/internal/keys/{video}/{encode}", get(secret))
}

/// The session that asks. Queries, unlike paths, are never logged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    token: String,
}

/// Get a Clear Key licence
///
/// The `licence_url` of a playback session is this, with its token. Request and answer are the JSON of W3C Encrypted Media Extensions,
/// section 9.1.
#[utoipa::path(post, path = "/v1/licences/{video_id}/{encode_id}", tag = "playback",
    params(("video_id" = String, Path, description = "The video"), ("encode_id" = String, Path, description = "What it shows"),
        ("token" = String, Query, description = "The playback session's token")),
    request_body(content = String, content_type = "application/json"),
    responses((status = 200, content_type = "application/json", body = String),
        (status = 403, description = "`invalid_token`, `expired_token`", body = problem::Body),
        (status = "default", body = problem::Body)))]
async fn clear_key(
    State(app): State<App>,
    Path((video, encode)): Path<(VideoId, EncodeId)>,
    Asked(session): Asked<Session>,
    body: Bytes,
) -> Answer<impl IntoResponse> {
    let licence = ops::clear_key(&app, video, encode, &session.token, &body).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(([NO_STORE, ANY_PAGE, kind], licence))
}

/// Ask whether a page may get licences
///
/// Any page may: who plays shows a token.
#[utoipa::path(options, path = "/v1/licences/{video_id}/{encode_id}", tag = "playback",
    params(("video_id" = String, Path, description = "The video"), ("encode_id" = String, Path, description = "What it shows")),
    responses((status = 204)))]
async fn preflight() -> impl IntoResponse {
    let methods = (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
    let headers = (header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    let age = (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    (StatusCode::NO_CONTENT, [ANY_PAGE, methods, headers, age])
}

/// Export the keys of a video
///
/// A CPIX document (DASH-IF) with the keys of what the video shows, in the clear: for licence servers and other packagers. For
/// administrators.
#[utoipa::path(get, path = "/v1/videos/{id}/cpix", tag = "playback",
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, content_type = "application/cpix+xml", body = String),
        (status = 409, description = "`not_protected`", body = problem::Body),
        (status = "default", body = problem::Body)))]
async fn export(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<impl IntoResponse> {
    let document = ops::export(&app, &caller, id).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/cpix+xml"));
    Ok(([NO_STORE, kind], document))
}

/// Which key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    id: Uuid,
}

/// The sixteen bytes of a key.
async fn secret(
    State(app): State<App>,
    _: Edge,
    Path((video, encode)): Path<(VideoId, EncodeId)>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<impl IntoResponse> {
    let secret = ops::secret(&app, video, encode, wanted.id).await?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(([NO_STORE, kind], secret.expose().to_vec()))
}
