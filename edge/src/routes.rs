//! What an edge answers: objects behind a token, and three pages for operators.

use crate::{
    address::{self, Address, Place},
    library::Library,
    meter::{self, Source},
    respond::respond,
    token::{Denied, Keys},
};
use axum::{
    Router,
    body::{Body, HttpBody},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use marquee_core::{Clock, Error, ErrorKind, Shutdown, token::Refusal};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use std::sync::Arc;

/// What a client is told to wait when trying again may help.
const RETRY_AFTER_S: u16 = 1;
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// On every answer: any page may play what its token opens, see its sizes and timings, and must not guess its type or send
/// its URL on.
const SURROUND: [(HeaderName, &str); 6] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "content-length, content-range, etag, date, cache-status"),
    (HeaderName::from_static("timing-allow-origin"), "*"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
];
/// On answers to preflights: what players send beside the plain headers, CMCD (CTA-5004) included.
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "range, if-match, if-none-match, if-range, if-modified-since, cmcd-request, cmcd-object, cmcd-session, cmcd-status",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) keys: Arc<Keys>,
    pub(crate) library: Library,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) shutdown: Shutdown,
}

/// Every path of an edge.
pub(crate) fn router(edge: Edge) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(object)
        .with_state(edge)
}

async fn ready(State(edge): State<Edge>) -> Response {
    let no = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    match (edge.shutdown.is_draining(), edge.keys.are_known()) {
        (true, _) => no("draining\n"),
        (false, false) => no("waiting for keys from the API\n"),
        (false, true) => "ok\n".into_response(),
    }
}

async fn metrics(State(edge): State<Edge>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], edge.metrics.render())
}

/// Everything else: an object, or a refusal.
async fn object(State(edge): State<Edge>, request: Request<Body>) -> Response {
    let (request, body) = request.into_parts();
    let outcome = answer(&edge, &request, !body.is_end_stream()).await;
    let (mut response, source) = outcome.unwrap_or_else(|problem| (problem.into_response(), None));
    let headers = response.headers_mut();
    SURROUND.into_iter().for_each(|(name, value)| _ = headers.insert(name, HeaderValue::from_static(value)));
    let (path, status) = (address::loggable(request.uri.path()), response.status().as_u16());
    meter::answered(status, source);
    tracing::debug!(http.method = %request.method, http.path = path, http.status = status, "answered");
    response
}

async fn answer(edge: &Edge, request: &Parts, has_body: bool) -> Result<(Response, Option<Source>), Problem> {
    match request.method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok((preflight(), None)),
        _ => return Err(Problem::method()),
    }
    if has_body {
        return Err(Problem::body());
    }
    let path = request.uri.path();
    let address = Address::parse(path).ok_or_else(|| Problem::no_address(path))?;
    check(edge, &address).map_err(Problem::denied)?;
    let found = match address.place {
        Place::Media => edge.library.object(&address.key).await,
        Place::Live => edge.library.playlist(&address.key).await,
        Place::Keys => {
            let secret = edge.library.content_key(&address.key).await.map_err(|error| Problem::failed(&error))?;
            return Ok((content_key(secret), None));
        }
    };
    let (found, source) = found.map_err(|error| Problem::failed(&error))?;
    let head = request.method == Method::HEAD;
    let response = respond(&edge.library, (&address.key, address.place), (found, source), &request.headers, head).await;
    Ok((response.map_err(|error| Problem::failed(&error))?, Some(source)))
}

/// A token that opens the film opens its pictures too; one that opens the pictures opens nothing else.
fn check(edge: &Edge, address: &Address<'_>) -> Result<(), Denied> {
    let grants = |scope: &str| edge.keys.check(address.token, scope, edge.clock.now());
    match (grants(address.scope), address.thumbs_scope) {
        (Err(Denied::Refused(Refusal::Forged)), Some(thumbs_scope)) => grants(thumbs_scope),
        (checked, _) => checked,
    }
}

/// The bytes of a key, which nobody keeps.
fn content_key(secret: Bytes) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    ([kind, kept], secret).into_response()
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, METHODS);
    PREFLIGHT.into_iter().for_each(|(name, value)| _ = headers.insert(name, HeaderValue::from_static(value)));
    response
}

/// Why there is no object in the answer: `application/problem+json`, RFC 9457.
struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "an edge answers GET, HEAD and OPTIONS")
    }

    /// A `GET` with a body has no meaning here, and two servers in a row may disagree where it ends (RFC 9112 section 11.2).
    fn body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unexpected_body", "a request to an edge has no body")
    }

    /// A path of one segment is a visitor's, or a browser's that looks for an icon; every other claims a token.
    fn no_address(path: &str) -> Self {
        let visitor = path.strip_prefix('/').is_some_and(|rest| !rest.contains(['/', '%']));
        if visitor {
            Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here: an edge serves what a playback URL names")
        } else {
            Self::denied(Denied::Refused(Refusal::Forged))
        }
    }

    fn denied(denied: Denied) -> Self {
        match denied {
            Denied::Early => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "this edge has only just started, try again shortly")
            }
            Denied::Refused(Refusal::Forged) => {
                Self::new(StatusCode::FORBIDDEN, "invalid_token", "this URL does not open this, ask the API for a playback URL")
            }
            Denied::Refused(Refusal::Expired) => {
                Self::new(StatusCode::GONE, "expired_token", "this URL has expired, ask the API for a new playback URL")
            }
        }
    }

    fn failed(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            kind if kind.is_transient() => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.code(), error.message())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("urn:marquee:problem:{}", self.code),
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        let mut response = (self.status, headers, body.to_string()).into_response();
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE => _ = response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into()),
            // What follows on the connection may be the rest of a body: nobody reads on.
            StatusCode::BAD_REQUEST => _ = response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close")),
            StatusCode::METHOD_NOT_ALLOWED => _ = response.headers_mut().insert(header::ALLOW, METHODS),
            _ => {}
        }
        response
    }
}
