//! From an object and a request's headers to an answer.

use crate::{
    address::Place,
    conditional::{self, Verdict},
    library::{Found, Library},
    meter::Source,
    playlist,
    store::Whole,
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use marquee_core::{
    Error,
    byte_range::{self, Slice},
    object::Key,
};
use std::{ops::Range, sync::Arc};

/// Stored objects never change.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Growing playlists do, with every segment.
const GROWING: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// One form of an object that a client can be given.
struct Representation {
    etag: String,
    size_bytes: u64,
    encoding: Option<HeaderValue>,
    bytes: Content,
}

/// Where the bytes of a representation are.
enum Content {
    Here(Bytes),
    Coming(Found),
}

/// Answers a `GET` or `HEAD` for `key` with what was found.
///
/// # Errors
/// When the bytes of a large object cannot be opened.
pub(crate) async fn respond(
    library: &Library,
    (key, place): (&Key, Place),
    (found, source): (Found, Source),
    headers: &HeaderMap,
    head: bool,
) -> Result<Response, Arc<Error>> {
    let text = playlist::is_text(key);
    let representation = choose(found, headers);
    let mut response = Response::new(Body::empty());
    let answer = response.headers_mut();
    answer.insert(header::ETAG, value(&representation.etag));
    answer.insert(header::CACHE_CONTROL, if place == Place::Live { GROWING } else { IMMUTABLE });
    answer.insert("cache-status", HeaderValue::from_static(source.cache_status()));
    if text {
        answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    match conditional::evaluate(headers, &representation.etag) {
        Verdict::Proceed => {}
        Verdict::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        Verdict::Failed => {
            *response.status_mut() = StatusCode::PRECONDITION_FAILED;
            return Ok(response);
        }
    }
    answer.insert(header::CONTENT_TYPE, content_type(key));
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(encoding) = &representation.encoding {
        answer.insert(header::CONTENT_ENCODING, encoding.clone());
    }
    let size_bytes = representation.size_bytes;
    let range = match slice(headers, head, &representation) {
        Slice::Whole => 0..size_bytes,
        Slice::Part(range) => {
            let content_range = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
            answer.insert(header::CONTENT_RANGE, value(&content_range));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            range
        }
        Slice::Unsatisfiable => {
            answer.insert(header::CONTENT_RANGE, value(&format!("bytes */{size_bytes}")));
            answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer.remove(header::CONTENT_TYPE);
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(response);
        }
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if !head {
        *response.body_mut() = body(library, key, representation.bytes, range).await?;
    }
    Ok(response)
}

/// The form of `found` that suits the client best. A range is always one of the object as it is stored.
fn choose(found: Found, headers: &HeaderMap) -> Representation {
    let whole = match found {
        Found::Whole(whole) => whole,
        Found::Arriving(ref meta, _) | Found::Large(ref meta) => {
            let (etag, size_bytes) = (meta.etag.clone(), meta.size_bytes);
            return Representation { etag, size_bytes, encoding: None, bytes: Content::Coming(found) };
        }
    };
    let wants_gzip =
        || headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).is_some_and(playlist::accepts_gzip);
    let Whole { etag, body, gzip } = &*whole;
    match gzip {
        Some(gzip) if !headers.contains_key(header::RANGE) && wants_gzip() => Representation {
            // Another representation, another strong tag.
            etag: format!("{}-gzip\"", etag.trim_end_matches('"')),
            size_bytes: gzip.len() as u64,
            encoding: Some(HeaderValue::from_static("gzip")),
            bytes: Content::Here(gzip.clone()),
        },
        _ => Representation {
            etag: etag.clone(),
            size_bytes: body.len() as u64,
            encoding: None,
            bytes: Content::Here(body.clone()),
        },
    }
}

/// The part that is asked for. Only `GET` has ranges, and two headers are no range.
fn slice(headers: &HeaderMap, head: bool, representation: &Representation) -> Slice {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (values.next(), values.next()) else { return Slice::Whole };
    if head || !conditional::range_holds(headers, &representation.etag) {
        return Slice::Whole;
    }
    range.to_str().map_or(Slice::Whole, |range| byte_range::select(range, representation.size_bytes))
}

async fn body(library: &Library, key: &Key, bytes: Content, range: Range<u64>) -> Result<Body, Arc<Error>> {
    let place = |place: u64| usize::try_from(place).expect("inside bytes in memory");
    Ok(match bytes {
        Content::Here(bytes) => Body::from(bytes.slice(place(range.start)..place(range.end))),
        Content::Coming(Found::Whole(whole)) => Body::from(whole.body.slice(place(range.start)..place(range.end))),
        Content::Coming(Found::Arriving(_, arrival)) => Body::from_stream(arrival.stream(range)),
        Content::Coming(Found::Large(_)) => Body::from_stream(library.pass(key, range).await?),
    })
}

/// Media types: HLS authoring specification A10.4.
fn content_type(key: &Key) -> HeaderValue {
    let name = key.as_str();
    let sound = name.split('/').nth(3) == Some("a");
    HeaderValue::from_static(match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("mpd") => "application/dash+xml",
        Some("mp4" | "m4s") if sound => "audio/mp4",
        Some("mp4") => "video/mp4",
        Some("m4s") => "video/iso.segment",
        Some("vtt") => "text/vtt",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    })
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_follow_the_name() {
        for (name, expected) in [
            ("media/v/e/master.m3u8", "application/vnd.apple.mpegurl"),
            ("media/v/e/manifest.mpd", "application/dash+xml"),
            ("media/v/e/v/540p/init.mp4", "video/mp4"),
            ("media/v/e/v/540p/000001.m4s", "video/iso.segment"),
            ("media/v/e/a/eng/init.mp4", "audio/mp4"),
            ("media/v/e/a/eng/000001.m4s", "audio/mp4"),
            ("media/v/e/s/eng/000001.vtt", "text/vtt"),
            ("media/v/e/thumbs/1.jpg", "image/jpeg"),
            ("media/v/e/chapters.json", "application/json"),
            ("media/v/e/report", "application/octet-stream"),
        ] {
            assert_eq!(content_type(&Key::parse(name).expect("a good key")), expected, "{name}");
        }
    }
}
