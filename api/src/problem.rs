//! Errors on the wire: `application/problem+json` (RFC 9457), made in one place.
//!
//! A handler answers a [`Problem`]; it travels as an extension of an empty response until [`render`] writes its body, which
//! also catches what the router, extractors and panics answer by themselves.

use axum::{
    Json, RequestExt,
    extract::{
        Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use marquee_core::{Error, ErrorKind};
use marquee_packager::sidecar::Refused;
use serde::Serialize;
use std::{any::Any, borrow::Cow, sync::Arc, time::Duration};
use tower_http::request_id::RequestId;
use utoipa::ToSchema;

/// Media type of every error, RFC 9457 section 3.
pub(crate) const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");
/// What a client that may try again is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// tus 1.0, checksum extension: "460 Checksum Mismatch".
pub(crate) const CHECKSUM_MISMATCH: u16 = 460;

/// What a handler answers.
pub(crate) type Answer<T> = Result<T, Problem>;

/// Why a request was not served.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
    faults: Vec<Fault>,
    cause: Option<Arc<Error>>,
}

/// The body of a problem.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Body<'a> {
    /// Identifies the kind of problem; contains the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:marquee:problem:wrong_offset")]
    kind: String,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request and what to do.
    detail: &'a str,
    /// Stable and for programs.
    #[schema(example = "wrong_offset")]
    code: &'a str,
    /// Tells this request in the logs.
    request_id: &'a str,
    /// Of a file: what is wrong in which line.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    faults: &'a [Fault],
}

/// What is wrong in a line of a file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Fault {
    /// The line, from 1; 0 if it is the file.
    line: u32,
    /// What is wrong there.
    message: String,
}

impl Problem {
    /// A problem of HTTP itself, which no [`ErrorKind`] describes.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), retry_after: None, headers: Vec::new(), faults: Vec::new(), cause: None }
    }

    /// 400 with a message.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422 with a message: well-formed, but it cannot be.
    pub(crate) fn unprocessable(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// The same problem with a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same problem that tells when to try again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The problem that a bare status is, for answers that were not made here.
    fn of_status(status: StatusCode) -> Self {
        let (code, detail) = match status {
            StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address"),
            StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "this address does not take this method, see Allow"),
            StatusCode::REQUEST_TIMEOUT => ("timeout", "the request took too long to arrive or to answer"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is larger than this address takes"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("unsupported_media_type", "this address does not take this Content-Type"),
            status if status.is_server_error() => ("internal", "something went wrong on our side"),
            _ => ("bad_request", "the request cannot be understood"),
        };
        Self::new(status, code, detail)
    }

    fn title(&self) -> &'static str {
        match self.status.as_u16() {
            CHECKSUM_MISMATCH => "Checksum Mismatch",
            _ => self.status.canonical_reason().unwrap_or("Error"),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable | ErrorKind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let retry_after = error.kind().is_transient().then_some(RETRY_AFTER);
        Self {
            status,
            code: error.code(),
            detail: error.message().to_owned().into(),
            retry_after,
            headers: Vec::new(),
            faults: Vec::new(),
            cause: Some(Arc::new(error)),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let problem = Self::unprocessable("subtitle_faults", refused.to_string());
        let faults = refused.faults.into_iter().map(|fault| Fault { line: fault.line, message: fault.message });
        Self { faults: faults.collect(), ..problem }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let text = rejection.body_text();
        match rejection {
            JsonRejection::JsonDataError(_) => Self::unprocessable("invalid_json", text),
            JsonRejection::JsonSyntaxError(_) => Self::bad_request("malformed_json", text),
            JsonRejection::MissingJsonContentType(_) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send JSON as Content-Type: application/json",
            ),
            other => Self::of_status(other.status()),
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request("invalid_query", rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        // An id that cannot be is an id that is not there.
        Self::of_status(StatusCode::NOT_FOUND)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of every answer from 400 up, and logs the ones that are our fault.
pub(crate) async fn render(mut request: Request, next: Next) -> Response {
    let id = request.extract_parts::<axum::Extension<RequestId>>().await.ok();
    let response = next.run(request).await;
    if response.status().as_u16() < 400 {
        return response;
    }
    let id = id.as_ref().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    let problem = parts.extensions.remove::<Problem>().unwrap_or_else(|| Problem::of_status(parts.status));
    if parts.status.is_server_error() {
        let detail = problem.cause.as_ref().map_or_else(|| problem.detail.to_string(), |cause| cause.detail());
        tracing::error!(http.status = parts.status.as_u16(), error.code = problem.code, error = detail, "request failed");
    }
    let body = Body {
        kind: format!("urn:marquee:problem:{}", problem.code),
        title: problem.title(),
        status: parts.status.as_u16(),
        detail: &problem.detail,
        code: problem.code,
        request_id: id,
        faults: &problem.faults,
    };
    let mut rendered = (parts.status, Json(body)).into_response();
    rendered.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
    for (name, value) in &parts.headers {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    for (name, value) in problem.headers {
        rendered.headers_mut().insert(name, value);
    }
    if parts.status == StatusCode::UNAUTHORIZED {
        rendered.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = problem.retry_after {
        rendered.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    rendered
}

/// What a handler that panicked answers.
#[expect(clippy::needless_pass_by_value, reason = "the shape that the panic layer calls")]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Problem::from(Error::internal(format!("a handler panicked: {}", text.unwrap_or("without a message")))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_status_and_the_cause_stays_inside() {
        let table = [
            (ErrorKind::Invalid, 400),
            (ErrorKind::Unauthenticated, 401),
            (ErrorKind::Forbidden, 403),
            (ErrorKind::NotFound, 404),
            (ErrorKind::Conflict, 409),
            (ErrorKind::TooLarge, 413),
            (ErrorKind::RateLimited, 429),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::Cancelled, 503),
            (ErrorKind::Internal, 500),
        ];
        for (kind, status) in table {
            let problem = Problem::from(Error::new(kind, "some_code", "for the caller").caused_by("select secret from users"));
            assert_eq!(problem.status.as_u16(), status, "{kind:?}");
            assert_eq!(problem.detail, "for the caller");
            assert_eq!(problem.retry_after.is_some(), kind.is_transient());
        }
    }

    #[test]
    fn bare_statuses_become_problems_too() {
        for (status, code) in
            [(404, "not_found"), (405, "method_not_allowed"), (413, "too_large"), (502, "internal"), (418, "bad_request")]
        {
            let problem = Problem::of_status(StatusCode::from_u16(status).expect("a status"));
            assert_eq!((problem.status.as_u16(), problem.code), (status, code));
        }
        let mismatch = Problem::new(StatusCode::from_u16(CHECKSUM_MISMATCH).expect("a status"), "checksum_mismatch", "");
        assert_eq!(mismatch.title(), "Checksum Mismatch");
    }
}
