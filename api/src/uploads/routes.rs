//! Methods, headers and statuses of `/v1/uploads`.

use super::{
    headers::{self, Metadata, Tus},
    ops::{self, Opening},
    receive::Body,
};
use crate::{
    app::App,
    auth::Caller,
    extract::{Path, header as header_text},
    problem::{self, Answer, Problem},
};
use axum::{
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures::StreamExt;
use marquee_backends::db::uploads::Upload;
use marquee_core::{Error, ErrorKind, id::UploadId};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family. Their bodies are bounded by the uploads themselves.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, options))
        .routes(routes!(look, append, terminate))
        .route("/v1/uploads/{id}", post(overridden))
        .layer(DefaultBodyLimit::disable())
        .layer(SetResponseHeaderLayer::overriding(headers::TUS_RESUMABLE, headers::VERSION))
}

/// tus 1.0, section "X-HTTP-Method-Override": some clients and proxies know no other methods than GET and POST.
async fn overridden(app: State<App>, tus: Tus, caller: Caller, id: Path<UploadId>, request: Request) -> Response {
    match header_text(request.headers(), "x-http-method-override") {
        Some("PATCH") => append(app, tus, caller, id, request).await.into_response(),
        Some("DELETE") => terminate(app, Ok(tus), caller, id).await.into_response(),
        Some("HEAD") => look(app, tus, caller, id).await.into_response(),
        _ => Problem::bad_request("method_unclear", "say PATCH, DELETE or HEAD in X-HTTP-Method-Override").into_response(),
    }
}

/// What is spoken here
#[utoipa::path(options, path = "/v1/uploads", tag = "uploads", security(()), responses((status = 204)))]
async fn options(State(app): State<App>) -> impl IntoResponse {
    let answer = [
        (headers::TUS_VERSION, headers::VERSION),
        (HeaderName::from_static("tus-extension"), headers::EXTENSIONS),
        (HeaderName::from_static("tus-max-size"), HeaderValue::from(app.deps.uploads.size_bytes_max)),
        (HeaderName::from_static("tus-checksum-algorithm"), HeaderValue::from_static(super::checksum::ALGORITHMS)),
    ];
    (StatusCode::NO_CONTENT, answer)
}

/// Open an upload
///
/// tus 1.0 with the extensions creation, creation-with-upload, termination, checksum and expiration. `Upload-Metadata` names the
/// video: `video_id` and, if you like, `filename`, both in base64. With `replace` the film takes the place of what a video shows that
/// is ready, once it is ready itself. The answer's `Location` is the upload.
#[utoipa::path(post, path = "/v1/uploads", tag = "uploads",
    params(("Tus-Resumable" = String, Header), ("Upload-Length" = u64, Header), ("Upload-Metadata" = String, Header)),
    responses((status = 201, headers(("Location" = String), ("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = "default", body = problem::Body)))]
async fn create(State(app): State<App>, _: Tus, caller: Caller, request: Request) -> Answer<impl IntoResponse> {
    let (parts, body) = request.into_parts();
    if parts.headers.contains_key("upload-defer-length") {
        return Err(Problem::bad_request("length_required", "say how long the file is: Upload-Defer-Length is not taken here"));
    }
    let length_bytes = headers::bytes(&parts.headers, &headers::UPLOAD_LENGTH)?;
    let length_bytes = length_bytes.ok_or_else(|| Problem::bad_request("length_required", "Upload-Length is missing"))?;
    let Metadata { video, filename, replaces } = Metadata::parse(&parts.headers)?;
    let checksum = headers::checksum(&parts.headers)?;
    let body: Option<Body> = headers::carries_bytes(&parts.headers).then(|| body.into_data_stream().boxed());
    let work = app.clone();
    let opening = Opening { video, filename, length_bytes: Some(length_bytes), part_bytes: None, replaces };
    let upload = app.detached(async move {
        let held = ops::open(&work, &caller, opening).await?;
        match body {
            Some(body) => ops::append(&work, held, 0, body, checksum).await,
            None => ops::let_go(&work, held).await,
        }
    });
    let upload = upload.await?;
    let location = HeaderValue::try_from(format!("/v1/uploads/{}", upload.id)).map_err(Error::internal)?;
    let mut answer = state_of(&upload);
    answer.insert(header::LOCATION, location);
    Ok((StatusCode::CREATED, answer))
}

/// How far is an upload
#[utoipa::path(head, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path, description = "The upload"), ("Tus-Resumable" = String, Header)),
    responses((status = 200, headers(("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Expires" = String))),
        (status = "default", description = "As the other methods answer, without a body")))]
async fn look(State(app): State<App>, _: Tus, caller: Caller, Path(id): Path<UploadId>) -> Answer<impl IntoResponse> {
    let upload = ops::look(&app, &caller, id).await?;
    let metadata = Metadata { video: upload.video, filename: upload.filename.clone(), replaces: false };
    let mut answer = state_of(&upload);
    answer.insert(headers::UPLOAD_LENGTH, HeaderValue::from(upload.length_bytes));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(metadata) = metadata.header() {
        answer.insert(headers::UPLOAD_METADATA, metadata);
    }
    Ok((StatusCode::OK, answer))
}

/// Go on with an upload
#[utoipa::path(patch, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path, description = "The upload"), ("Tus-Resumable" = String, Header), ("Upload-Offset" = u64, Header),
        ("Upload-Checksum" = Option<String>, Header, description = "sha1, sha256 or md5, a space, and base64")),
    request_body(content = String, content_type = "application/offset+octet-stream"),
    responses((status = 204, headers(("Upload-Offset" = u64), ("Upload-Expires" = String))), (status = 460, body = problem::Body),
        (status = "default", body = problem::Body)))]
async fn append(
    State(app): State<App>,
    _: Tus,
    caller: Caller,
    Path(id): Path<UploadId>,
    request: Request,
) -> Answer<impl IntoResponse> {
    let (parts, body) = request.into_parts();
    if !headers::carries_bytes(&parts.headers) {
        let detail = format!("send the bytes as Content-Type: {}", headers::OFFSET_OCTETS);
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let offset_bytes = headers::bytes(&parts.headers, &headers::UPLOAD_OFFSET)?;
    let offset_bytes = offset_bytes.ok_or_else(|| Problem::bad_request("offset_required", "Upload-Offset is missing"))?;
    let checksum = headers::checksum(&parts.headers)?;
    fits(&ops::find(&app, &caller, id).await?, offset_bytes, &parts.headers)?;
    let work = app.clone();
    let upload = app.detached(async move {
        let held = ops::hold(&work, &caller, id).await?;
        ops::append(&work, held, offset_bytes, body.into_data_stream().boxed(), checksum).await
    });
    Ok((StatusCode::NO_CONTENT, state_of(&upload.await?)))
}

/// Give an upload up
#[utoipa::path(delete, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path, description = "The upload"),
        ("Tus-Resumable" = Option<String>, Header, description = "Needed unless it is in parts")),
    responses((status = 204), (status = "default", body = problem::Body)))]
async fn terminate(
    State(app): State<App>,
    tus: Result<Tus, Problem>,
    caller: Caller,
    Path(id): Path<UploadId>,
) -> Answer<StatusCode> {
    if ops::find(&app, &caller, id).await?.part_bytes.is_none() {
        tus?;
    }
    let work = app.clone();
    app.detached(async move {
        let held = ops::hold(&work, &caller, id).await?;
        ops::terminate(&work, held).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses at once a body that says of itself that it is too long, before a byte of it is read.
fn fits(upload: &Upload, offset_bytes: u64, headers: &HeaderMap) -> Answer<()> {
    let body_bytes = headers::bytes(headers, &header::CONTENT_LENGTH)?.unwrap_or(0);
    if upload.offset_bytes == offset_bytes && !upload.finished && body_bytes > upload.length_bytes - offset_bytes {
        let message = format!("the body has more bytes than the upload, which has {}", upload.length_bytes);
        return Err(Error::new(ErrorKind::TooLarge, "beyond_length", message).into());
    }
    Ok(())
}

fn state_of(upload: &Upload) -> HeaderMap {
    let mut answer = HeaderMap::new();
    answer.insert(headers::UPLOAD_OFFSET, HeaderValue::from(upload.offset_bytes));
    if let Some(expires) = headers::expires(upload.expires_at).filter(|_| !upload.finished) {
        answer.insert(headers::UPLOAD_EXPIRES, expires);
    }
    answer
}
