//! What surrounds every handler: limits on the request line and headers, request ids, spans, metrics, security headers.

use crate::{Deps, app::App, problem::Problem};
use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use marquee_core::{Random, protection::System};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower_http::{
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    sensitive_headers::SetSensitiveRequestHeadersLayer,
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use url::Url;

/// Longest path with query. Longer ones are nobody's honest request.
const URI_LENGTH_MAX: usize = 8 << 10;
/// Bytes of all headers together.
const HEADERS_BYTES_MAX: usize = 32 << 10;
/// How long a request that is not an upload may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Refuses what no handler takes.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let uri_length = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri_length > URI_LENGTH_MAX {
        let detail = format!("an address has at most {URI_LENGTH_MAX} bytes");
        return Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail).into_response();
    }
    let headers_bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers_bytes > HEADERS_BYTES_MAX {
        let detail = format!("the headers have more than {HEADERS_BYTES_MAX} bytes together");
        return Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail).into_response();
    }
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let detail = "send the body as it is, without Content-Encoding";
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", detail).into_response();
    }
    next.run(request).await
}

/// Bounds how long a handler takes to answer.
pub(crate) fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT)
}

/// Where players ask for licences.
fn licence_origins(deps: &Deps) -> Vec<String> {
    let foreign = deps.key_server.systems().iter().filter_map(|system| match system {
        System::Widevine { licence_url } | System::PlayReady { licence_url } => licence_url.as_deref()?.parse::<Url>().ok(),
        System::ClearKey { .. } | System::FairPlay { .. } => None,
    });
    std::iter::once(deps.public_url.clone()).chain(foreign).map(|url| url.origin().ascii_serialization()).collect()
}

/// Headers that make browsers careful.
pub(crate) fn secure(router: Router<App>, app: &App) -> Router<App> {
    let steering = &app.deps.steering;
    let edges = std::iter::once(&app.deps.edge_url).chain(&steering.edge_urls).map(|url| url.origin().ascii_serialization());
    let edge = edges.collect::<Vec<_>>().join(" ");
    let steering = steering.url.iter().map(|url| url.origin().ascii_serialization());
    let licences = licence_origins(&app.deps).into_iter().chain(steering).collect::<Vec<_>>().join(" ");
    // Players begin a track of subtitles as an empty file in a `data:` address.
    let policy = format!(
        "default-src 'self'; connect-src 'self' {edge} {licences}; media-src 'self' blob: data: {edge}; img-src 'self' data: blob: {edge}; \
         worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'self'"));
    let set = |name: HeaderName, value: HeaderValue| SetResponseHeaderLayer::if_not_present(name, value);
    router.layer(
        ServiceBuilder::new()
            .layer(set(header::CONTENT_SECURITY_POLICY, policy))
            .layer(set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
            .layer(set(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
            .layer(set(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")))
            .layer(set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))),
    )
}

/// Request ids, one span per request, metrics; secrets hidden from both.
pub(crate) fn observe(router: Router<App>, app: &App) -> Router<App> {
    let span = |request: &Request| {
        let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
        // The path alone: queries may carry what people typed.
        tracing::info_span!("request", request.id = id, http.method = %request.method(), http.path = request.uri().path())
    };
    router.layer(
        ServiceBuilder::new()
            .layer(SetRequestIdLayer::x_request_id(Ids(app.deps.random.clone())))
            .layer(SetSensitiveRequestHeadersLayer::new([header::AUTHORIZATION, header::COOKIE]))
            .layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
            .layer(PropagateRequestIdLayer::x_request_id())
            .layer(middleware::from_fn(measure)),
    )
}

/// Counts requests by route, never by address: a label per id would fill the memory. For the same reason only methods count that
/// somebody here takes; a peer can make up any number of others.
async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let labels = [("method", method.to_owned()), ("route", route), ("status", response.status().as_u16().to_string())];
    metrics::histogram!("marquee_http_request_seconds", &labels).record(started.elapsed().as_secs_f64());
    metrics::counter!("marquee_http_requests_total", &labels).increment(1);
    response
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Makes request ids; a client's own is not taken over, so that nobody writes into our logs.
#[derive(Clone)]
struct Ids(Arc<dyn Random>);

impl MakeRequestId for Ids {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let mut bytes = [0; 12];
        self.0.fill(&mut bytes);
        HeaderValue::try_from(format!("req_{}", hex::encode(bytes))).ok().map(RequestId::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    #[tokio::test]
    async fn methods_that_somebody_made_up_share_one_series() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let router = Router::new().fallback(|| async {}).layer(middleware::from_fn(measure));
        let made_up = (0..100).map(|number| format!("X{number}"));
        for method in made_up.chain(["GET".to_owned(), "get".to_owned()]) {
            let request = Request::builder().method(method.as_str()).body(Body::empty()).unwrap();
            assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200);
        }
        let shown = recorder.handle().render();
        let mut series: Vec<_> = shown.lines().filter(|line| line.starts_with("marquee_http_requests_total")).collect();
        series.sort_unstable();
        let labels = |method: &str| format!("marquee_http_requests_total{{method=\"{method}\",route=\"none\",status=\"200\"}}");
        assert_eq!(series, [format!("{} 1", labels("GET")), format!("{} 101", labels("other"))]);
    }
}
