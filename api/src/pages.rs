//! The web pages, embedded in the binary, and what is answered where there is nothing.

use crate::problem::Problem;
use axum::{
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use include_dir::{Dir, include_dir};

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../web/dist");

/// The page that shows every view.
const INDEX: &str = "index.html";
/// Files whose name contains a hash of their content never change.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// The others are looked at again each time.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
/// Characters of a content hash in a file's name.
const HASH_LENGTH: usize = 8;

/// A file of the pages; any other address without an extension is a view, which the index shows.
pub(crate) async fn serve(method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return no_such_route();
    }
    let path = uri.path().trim_start_matches('/');
    // An address of the interface that does not exist must not look like a page.
    if path == "v1" || path.starts_with("v1/") {
        return no_such_route();
    }
    let file = PAGES.get_file(path);
    let is_view = !path.rsplit('/').next().unwrap_or_default().contains('.') && !path.contains('%') && !path.contains("//");
    match file.or_else(|| PAGES.get_file(INDEX).filter(|_| is_view)) {
        Some(file) => {
            let name = file.path().to_string_lossy();
            let cache = if is_hashed(&name) { FOREVER } else { REVALIDATE };
            (
                [(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&name))), (header::CACHE_CONTROL, cache)],
                file.contents(),
            )
                .into_response()
        }
        None => no_such_route(),
    }
}

/// There is nothing at this address.
fn no_such_route() -> Response {
    StatusCode::NOT_FOUND.into_response()
}

/// There is something, but not for this method.
pub(crate) async fn wrong_method() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this address does not take this method, see Allow")
        .into_response()
}

/// `app-3FQZ7K2L.js`: what esbuild writes.
fn is_hashed(name: &str) -> bool {
    let stem = name.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default();
    let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
    hash.len() == HASH_LENGTH && hash.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_kept_forever() {
        for (name, hashed) in [
            ("app-3FQZ7K2L.js", true),
            ("a/b/player-ABCD1234.css", true),
            ("index.html", false),
            ("app-latest.js", false),
            ("app.js", false),
        ] {
            assert_eq!(is_hashed(name), hashed, "{name}");
        }
    }
}
