//! Wire types and statuses of playback.

use super::ops;
use crate::{
    app::App,
    auth::Caller,
    extract::{Asked, Json, Path, optional_json},
    problem::{self, Answer},
};
use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use marquee_core::{
    id::{ProfileId, VideoId},
    protection::Scheme,
    video::Status,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(open)).routes(routes!(stream))
}

/// Who plays. May be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPlayback {
    /// One of the caller's profiles; the default one if none is named.
    #[schema(value_type = Option<String>)]
    profile_id: Option<ProfileId>,
}

/// A right to play a video for a while.
#[derive(Serialize, ToSchema)]
struct Playback {
    /// The HLS multivariant playlist on an edge.
    #[schema(value_type = String)]
    hls: url::Url,
    /// The DASH manifest on an edge; null while the video grows, and if it was published by a version that wrote none.
    #[schema(value_type = Option<String>)]
    dash: Option<url::Url>,
    /// Preview pictures on an edge: WebVTT whose cues name parts of images (`#xywh`), relative to it; null as long as there are none.
    #[schema(value_type = Option<String>)]
    thumbnails: Option<url::Url>,
    /// How it is protected, and where licences are asked for; null if it is in the clear.
    protection: Option<PlaybackProtection>,
    /// When these addresses end.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    /// Where to begin.
    resume_ms: u64,
    /// State of the video: `encoding` and `publishing` mean that it still grows.
    #[schema(value_type = String, example = "ready")]
    status: Status,
    /// Length, once it is known.
    duration_ms: Option<u64>,
}

/// What a player needs to know of protected content.
#[derive(Serialize, ToSchema)]
struct PlaybackProtection {
    /// `cbcs` or `cenc`.
    #[schema(value_type = String, example = "cbcs")]
    scheme: Scheme,
    /// What it can be played with.
    systems: Vec<KeySystem>,
    /// An HLS multivariant playlist for players that have no licences and fetch the keys themselves (`KEYFORMAT="identity"`), such as
    /// Apple's; null if keys are for licence servers alone.
    #[schema(value_type = Option<String>)]
    hls_by_key: Option<url::Url>,
}

/// A key system of Encrypted Media Extensions.
#[derive(Serialize, ToSchema)]
struct KeySystem {
    /// Its name.
    #[schema(example = "org.w3.clearkey")]
    key_system: &'static str,
    /// Where its licences are asked for; null if that is not for the server to say. That of Clear Key works as long as these addresses.
    licence_url: Option<String>,
}

impl From<ops::Licences> for PlaybackProtection {
    fn from(licences: ops::Licences) -> Self {
        let system = |(key_system, licence_url)| KeySystem { key_system, licence_url };
        let systems = licences.systems.into_iter().map(system).collect();
        Self { scheme: licences.scheme, systems, hls_by_key: licences.hls_by_key }
    }
}

/// Press play
///
/// Open it anew when a growing video has become ready: players do not reload the list of renditions.
#[utoipa::path(post, path = "/v1/videos/{id}/playback", tag = "playback",
    params(("id" = String, Path, description = "The video")),
    request_body(content = Option<NewPlayback>, content_type = "application/json"),
    responses((status = 200, body = Playback), (status = 409, description = "`not_playable_yet`", body = problem::Body),
        (status = "default", body = problem::Body)))]
async fn open(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>, body: Bytes) -> Answer<Json<Playback>> {
    let asked: NewPlayback = optional_json(&body)?;
    let session = ops::open(&app, &caller, id, asked.profile_id).await?;
    Ok(Json(Playback {
        hls: session.hls,
        dash: session.dash,
        thumbnails: session.thumbnails,
        protection: session.protected.map(PlaybackProtection::from),
        expires_at: session.expires_at,
        resume_ms: session.resume_ms,
        status: session.video.status,
        duration_ms: session.video.duration_ms,
    }))
}

/// Which manifest.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// The HLS multivariant playlist.
    #[default]
    Hls,
    /// The DASH manifest.
    Dash,
}

/// What is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    format: Format,
}

/// Play by redirect
///
/// For players that follow redirects and can send a header.
#[utoipa::path(get, path = "/v1/videos/{id}/stream", tag = "playback",
    params(("id" = String, Path, description = "The video"),
        ("format" = Option<String>, Query, description = "`hls`, the default, or `dash`")),
    responses((status = 302, headers(("Location" = String, description = "The manifest"))),
        (status = 409, description = "`not_playable_yet`, `no_dash`", body = problem::Body),
        (status = "default", body = problem::Body)))]
async fn stream(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<VideoId>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<impl IntoResponse> {
    let session = ops::open(&app, &caller, id, None).await?;
    let location = match wanted.format {
        Format::Hls => session.hls,
        Format::Dash => session.dash.ok_or_else(ops::no_dash)?,
    };
    Ok((StatusCode::FOUND, [(header::LOCATION, location.to_string())]))
}
