//! Wire types and statuses of uploads in parts.

use super::{
    super::ops::Opening,
    ops::{self, Addresses},
};
use crate::{
    app::App,
    auth::Caller,
    extract::{Json, Path, optional_json},
    problem::{self, Answer, Problem},
};
use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
};
use marquee_backends::db::uploads::Upload;
use marquee_core::{
    Error,
    blobs::Part,
    id::{UploadId, VideoId},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(open)).routes(routes!(address, list)).routes(routes!(complete))
}

/// A source that will come in parts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDirectUpload {
    /// The video that it is for.
    #[schema(value_type = String)]
    video_id: VideoId,
    /// How you call the file; shown to people, never used as a name.
    #[serde(default)]
    filename: String,
    /// Bytes of the whole.
    length_bytes: u64,
    /// Whether it takes the place of what the video shows, once it is ready itself.
    #[serde(default)]
    replace: bool,
}

/// An upload whose parts go to the object store.
#[derive(Serialize, ToSchema)]
struct DirectUpload {
    /// Its id.
    #[schema(value_type = String)]
    id: UploadId,
    /// Bytes of each part; the last one has what is left.
    part_bytes: u64,
    /// How many parts there are, called 1, 2, 3, …
    parts: u32,
    /// When the upload is dropped, unless addresses of parts are asked for before.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Parts whose addresses are asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WantedParts {
    /// 1 to 100 of them.
    #[schema(example = json!([1, 2, 3]))]
    numbers: Vec<u32>,
}

/// Where parts go.
#[derive(Serialize, ToSchema)]
struct PartAddresses {
    /// In the order in which they were asked for.
    items: Vec<PartAddress>,
    /// When these addresses end.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Where one part goes.
#[derive(Serialize, ToSchema)]
struct PartAddress {
    /// The part.
    number: u32,
    /// `PUT` its bytes there, without a token.
    #[schema(value_type = String)]
    url: url::Url,
    /// How many bytes that takes, no more and no less.
    size_bytes: u64,
}

/// What the store has of an upload.
#[derive(Serialize, ToSchema)]
struct StoredParts {
    /// Bytes of each part; the last one has what is left.
    part_bytes: u64,
    /// How many parts there are in the end.
    parts: u32,
    /// Those that are stored, in order.
    items: Vec<StoredPart>,
}

/// A part that is stored.
#[derive(Serialize, ToSchema)]
struct StoredPart {
    /// The part.
    number: u32,
    /// Its bytes.
    size_bytes: u64,
}

/// What the sender knows of the whole. May be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Completion {
    /// Its SHA-256 in hex. If the source turns out to have another one, the video fails with `checksum_mismatch`.
    sha256: Option<String>,
}

/// An upload that is handed over.
#[derive(Serialize, ToSchema)]
struct CompletedUpload {
    /// Its id.
    #[schema(value_type = String)]
    id: UploadId,
    /// The video that has its source now.
    #[schema(value_type = String)]
    video_id: VideoId,
    /// Bytes of the whole.
    size_bytes: u64,
}

impl From<Addresses> for PartAddresses {
    fn from(addresses: Addresses) -> Self {
        let item = |(part, url): (Part, _)| PartAddress { number: part.number, url, size_bytes: part.size_bytes };
        Self { items: addresses.items.into_iter().map(item).collect(), expires_at: addresses.expires_at }
    }
}

impl From<Upload> for CompletedUpload {
    fn from(upload: Upload) -> Self {
        Self { id: upload.id, video_id: upload.video, size_bytes: upload.length_bytes }
    }
}

/// Open an upload in parts
///
/// For large sources, where the object store is S3: the parts do not pass through this interface. Ask for their addresses, `PUT`
/// each part to its own, several at a time if you like, and complete the upload. `DELETE /v1/uploads/{id}` gives it up. An
/// installation whose store takes no parts answers `not_direct`: use tus there. A page in a browser needs the bucket's permission:
/// `PUT` from the page's origin, in the bucket's CORS rules.
#[utoipa::path(post, path = "/v1/uploads/direct", tag = "uploads", request_body = NewDirectUpload,
    responses((status = 201, body = DirectUpload, headers(("Location" = String))),
        (status = 409, description = "`not_direct`, `has_source`", body = problem::Body), (status = "default", body = problem::Body)))]
async fn open(State(app): State<App>, caller: Caller, Json(new): Json<NewDirectUpload>) -> Answer<impl IntoResponse> {
    let work = app.clone();
    let NewDirectUpload { video_id: video, filename, length_bytes, replace: replaces } = new;
    let opening = Opening { video, filename, length_bytes: Some(length_bytes), part_bytes: None, replaces };
    let opened = app.detached(async move { ops::open(&work, &caller, opening).await });
    let opened = opened.await?;
    let cut = ops::cut_of(&opened)?;
    let location = HeaderValue::try_from(format!("/v1/uploads/{}", opened.id)).map_err(Error::internal)?;
    let opened = DirectUpload { id: opened.id, part_bytes: cut.part_bytes, parts: cut.count(), expires_at: opened.expires_at };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(opened)))
}

/// Get addresses of parts
///
/// An address takes one part of one size for an hour. A part that is sent twice counts as it was sent last.
#[utoipa::path(post, path = "/v1/uploads/{id}/parts", tag = "uploads", request_body = WantedParts,
    params(("id" = String, Path, description = "The upload")),
    responses((status = 200, body = PartAddresses), (status = "default", body = problem::Body)))]
async fn address(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UploadId>,
    Json(wanted): Json<WantedParts>,
) -> Answer<Json<PartAddresses>> {
    Ok(Json(ops::addresses(&app, &caller, id, &wanted.numbers).await?.into()))
}

/// List the parts that are stored
///
/// To go on after an interruption: what is not listed has to be sent.
#[utoipa::path(get, path = "/v1/uploads/{id}/parts", tag = "uploads",
    params(("id" = String, Path, description = "The upload")),
    responses((status = 200, body = StoredParts), (status = "default", body = problem::Body)))]
async fn list(State(app): State<App>, caller: Caller, Path(id): Path<UploadId>) -> Answer<Json<StoredParts>> {
    let (cut, stored) = ops::look(&app, &caller, id).await?;
    let item = |part: Part| StoredPart { number: part.number, size_bytes: part.size_bytes };
    let items = stored.into_iter().map(item).collect();
    Ok(Json(StoredParts { part_bytes: cut.part_bytes, parts: cut.count(), items }))
}

/// Complete an upload in parts
///
/// The video has its source then. Completing again succeeds; a SHA-256 that is only stated then comes too late to be compared.
#[utoipa::path(post, path = "/v1/uploads/{id}/complete", tag = "uploads",
    params(("id" = String, Path, description = "The upload")),
    request_body(content = Option<Completion>, content_type = "application/json"),
    responses((status = 200, body = CompletedUpload), (status = 409, description = "`parts_missing`", body = problem::Body),
        (status = "default", body = problem::Body)))]
async fn complete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<UploadId>,
    body: Bytes,
) -> Answer<Json<CompletedUpload>> {
    let Completion { sha256 } = optional_json(&body)?;
    let stated = sha256.map(|text| {
        let mut sha256 = [0; 32];
        let bad = |_| Problem::bad_request("invalid_checksum", "sha256 has 64 hexadecimal digits");
        hex::decode_to_slice(text, &mut sha256).map_err(bad).map(|()| sha256)
    });
    let (stated, work) = (stated.transpose()?, app.clone());
    let upload = app.detached(async move { ops::complete(&work, &caller, id, stated).await });
    Ok(Json(upload.await?.into()))
}
