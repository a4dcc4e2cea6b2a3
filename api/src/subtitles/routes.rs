//! Wire types and statuses of subtitles.

use super::ops::{self, Listed, Said};
use crate::{
    app::App,
    auth::Caller,
    extract::{Asked, IdempotencyKey, Json, Path},
    problem::{self, Answer},
    surround,
};
use axum::{
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
};
use bytes::Bytes;
use marquee_core::{
    id::{SubtitleId, VideoId},
    language,
};
use marquee_packager::sidecar::FILE_BYTES_MAX;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family that answer at once.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(remove))
}

/// The one that takes a file.
pub(crate) fn slow_router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add)).layer(surround::timeout()).layer(DefaultBodyLimit::max(FILE_BYTES_MAX))
}

/// What a file holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    language: String,
    name: Option<String>,
    #[serde(default)]
    forced: bool,
    #[serde(default)]
    hearing_impaired: bool,
}

/// A file of subtitles.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Subtitle)]
struct SubtitleView {
    /// Its id.
    #[schema(value_type = String, example = "sub_0190a1b2c3d4e5f60718293a4b5c6d7e")]
    id: SubtitleId,
    /// BCP 47 tag.
    #[schema(example = "pt-BR")]
    language: String,
    /// What menus call it: the name that it was given, or what its language calls itself.
    #[schema(example = "Português (BR)")]
    name: String,
    /// Whether it holds only what everybody has to read, such as translated signs.
    forced: bool,
    /// Whether it tells of sounds, too, for those who do not hear them.
    hearing_impaired: bool,
    /// What the file was: `SRT`, `WebVTT`, `ASS` or `TTML`.
    format: String,
    /// How many cues it has.
    cues: u32,
    /// What was guessed, repaired or left out of it.
    notes: Vec<NoteView>,
    /// Whether viewers have it. It takes a moment after it was added.
    shown: bool,
    /// When it came.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// Something to know about a file.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = SubtitleNote)]
struct NoteView {
    /// Stable and for programs.
    code: String,
    /// One sentence.
    message: String,
}

/// The files of a video.
#[derive(Serialize, ToSchema)]
struct SubtitleList {
    /// In the order in which they came.
    items: Vec<SubtitleView>,
}

impl From<Listed> for SubtitleView {
    fn from(Listed { subtitle, is_shown }: Listed) -> Self {
        let file = subtitle.file;
        Self {
            id: file.id,
            name: file.name.unwrap_or_else(|| language::name(&file.language)),
            language: file.language,
            forced: file.forced,
            hearing_impaired: file.hearing_impaired,
            format: subtitle.format,
            cues: subtitle.cues,
            notes: subtitle.notes.into_iter().map(|note| NoteView { code: note.code, message: note.message }).collect(),
            shown: is_shown,
            created_at: subtitle.created_at,
        }
    }
}

/// Add subtitles
///
/// The body is a file as it is: SRT, WebVTT, ASS or TTML, in any usual encoding. A file with faults is refused, and each of them is told
/// with its line. A video that is ready gets the subtitles as a change, of which nothing else is made anew; one that is not gets them with
/// all the rest.
#[utoipa::path(post, path = "/v1/videos/{id}/subtitles", tag = "videos",
    params(("id" = String, Path, description = "The video"),
        ("language" = String, Query, description = "BCP 47 tag, such as `en` or `pt-BR`"),
        ("name" = Option<String>, Query, description = "What menus call it, if its language does not say enough"),
        ("forced" = Option<bool>, Query, description = "It holds only what everybody has to read"),
        ("hearing_impaired" = Option<bool>, Query, description = "It tells of sounds, too"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key adds the same file once")),
    request_body(content = String, content_type = "application/octet-stream"),
    responses((status = 201, body = SubtitleView), (status = "default", body = problem::Body)))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<VideoId>,
    key: IdempotencyKey,
    Asked(asking): Asked<Asking>,
    body: Bytes,
) -> Answer<(StatusCode, Json<SubtitleView>)> {
    let Asking { language, name, forced, hearing_impaired } = asking;
    let said = Said { language, name, forced, hearing_impaired };
    let added = ops::add(&app, &caller, id, key, said, body).await?;
    let listed = ops::list(&app, &caller, id).await?.into_iter().find(|listed| listed.subtitle.file.id == added);
    let listed = listed.ok_or_else(|| marquee_core::Error::not_found("file of subtitles"))?;
    Ok((StatusCode::CREATED, Json(listed.into())))
}

/// List subtitles
///
/// Those that came as files; what is in the film itself is among the renditions of the video.
#[utoipa::path(get, path = "/v1/videos/{id}/subtitles", tag = "videos",
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, body = SubtitleList), (status = "default", body = problem::Body)))]
async fn list(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<Json<SubtitleList>> {
    let items = ops::list(&app, &caller, id).await?.into_iter().map(SubtitleView::from).collect();
    Ok(Json(SubtitleList { items }))
}

/// Remove subtitles
#[utoipa::path(delete, path = "/v1/videos/{id}/subtitles/{subtitle}", tag = "videos",
    params(("id" = String, Path, description = "The video"), ("subtitle" = String, Path, description = "The file")),
    responses((status = 204), (status = "default", body = problem::Body)))]
async fn remove(State(app): State<App>, caller: Caller, Path((id, subtitle)): Path<(VideoId, SubtitleId)>) -> Answer<StatusCode> {
    ops::remove(&app, &caller, id, subtitle).await?;
    Ok(StatusCode::NO_CONTENT)
}
