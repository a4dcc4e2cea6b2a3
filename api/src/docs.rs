//! The interface describes itself: OpenAPI at `/v1/openapi.json`, and a page for people at `/docs`.

use crate::app::App;
use axum::{
    Json, Router,
    http::{HeaderValue, header},
    response::{Html, IntoResponse},
    routing::get,
};
use std::{fmt::Write, sync::Arc};
use utoipa::openapi::{
    Components, Info, License, OpenApi, RefOr, Required, SecurityRequirement,
    path::{Operation, PathItem},
    security::{Http, HttpAuthScheme, SecurityScheme},
};

/// The page has no script and one style, in the page.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'");
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fdfdfd}\
h2{margin-top:2.5rem;text-transform:capitalize}article{border-top:1px solid #d8d8de;padding:.75rem 0}\
code{font:14px ui-monospace,monospace}b code{display:inline-block;min-width:4.5rem}p{margin:.25rem 0}\
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#141418}article{border-color:#34343c}a{color:#9db4ff}}";

/// What the description begins with; the routes add themselves.
pub(crate) fn description() -> OpenApi {
    let mut info = Info::new("Marquee", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "JSON in snake_case, bearer tokens, errors as application/problem+json (RFC 9457) with a stable `code`. \
         Requests that create take an `Idempotency-Key`."
            .to_owned(),
    );
    info.license = Some(License::new("AGPL-3.0-or-later"));
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let mut description = OpenApi::new(info, utoipa::openapi::Paths::new());
    let mut components = Components::new();
    components.add_security_scheme("bearer", bearer);
    description.components = Some(components);
    description.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    description
}

/// `/v1/openapi.json` and `/docs`
pub(crate) fn router(description: OpenApi) -> Router<App> {
    let page: Arc<str> = page(&description).into();
    let description = Arc::new(description);
    Router::new()
        .route("/v1/openapi.json", get(async move || Json(description.as_ref().clone())))
        .route("/docs", get(async move || ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page.to_string())).into_response()))
}

/// The description as one page.
fn page(description: &OpenApi) -> String {
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Marquee: the interface</title><style>{STYLE}</style><h1>Marquee: the interface</h1><p>{}</p>\
         <p>For programs: <a href=/v1/openapi.json>openapi.json</a></p>",
        escape(description.info.description.as_deref().unwrap_or_default())
    );
    let mut last_tag = "";
    let mut operations: Vec<_> = description.paths.paths.iter().flat_map(|(path, item)| operations(path, item)).collect();
    operations.sort_by_key(|(_, _, operation)| tag(operation));
    for (method, path, operation) in operations {
        if tag(operation) != last_tag {
            last_tag = tag(operation);
            // Writing into a string cannot fail.
            let _ = write!(page, "<h2>{}</h2>", escape(last_tag));
        }
        let _ = write!(page, "<article><b><code>{method}</code></b> <code>{}</code>", escape(path));
        for text in [&operation.summary, &operation.description].into_iter().flatten() {
            let _ = write!(page, "<p>{}</p>", escape(text));
        }
        for parameter in operation.parameters.iter().flatten() {
            let RefOr::T(parameter) = parameter else { continue };
            let required = if parameter.required == Required::True { "" } else { ", optional" };
            let text = parameter.description.as_deref().unwrap_or_default();
            let _ = write!(page, "<p><code>{}</code>{required} {}</p>", escape(&parameter.name), escape(text));
        }
        page.push_str("</article>");
    }
    page.push_str("</html>");
    page
}

fn tag(operation: &Operation) -> &str {
    operation.tags.as_ref().and_then(|tags| tags.first()).map_or("", String::as_str)
}

fn operations<'a>(path: &'a str, item: &'a PathItem) -> impl Iterator<Item = (&'static str, &'a str, &'a Operation)> {
    let methods = [
        ("GET", &item.get),
        ("HEAD", &item.head),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
        ("OPTIONS", &item.options),
    ];
    methods.into_iter().filter_map(move |(method, operation)| Some((method, path, operation.as_ref()?)))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation() {
        let description = crate::openapi();
        let page = page(&description);
        let mut count = 0;
        for (path, item) in &description.paths.paths {
            assert!(page.contains(&escape(path)), "{path}");
            count += operations(path, item).count();
        }
        assert_eq!(page.matches("<article>").count(), count);
        assert!(!page.contains("<script"));
    }
}
