//! Wire types and statuses of downloads.

use super::ops::{self, Wanted};
use crate::{
    app::App,
    auth::Caller,
    extract::{Asked, Path},
    problem::{self, Answer, Problem},
};
use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use marquee_core::{
    byte_range::{self, Slice},
    id::VideoId,
};
use serde::Deserialize;
use std::ops::Range;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(download))
}

/// What to put into the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// Name of a rung.
    rung: Option<String>,
    /// Name of a rendition of sound.
    audio: Option<String>,
}

/// Download a video
///
/// One MP4 file of a picture and a sound track, which can be played from its first byte. Takes ranges, so that a download can go on
/// where it broke off: with `If-Range`, because a video that was encoded anew is another file.
#[utoipa::path(get, path = "/v1/videos/{id}/download", tag = "playback",
    params(("id" = String, Path, description = "The video"),
        ("rung" = Option<String>, Query, description = "Name of a rung, such as `720p`; the largest of H.264 if none is named"),
        ("audio" = Option<String>, Query, description = "Name of a rendition of sound; the default language in stereo if none is named")),
    responses((status = 200, content_type = "video/mp4", description = "The file"),
        (status = 206, content_type = "video/mp4", description = "The range of it that was asked for"),
        (status = 409, description = "`not_ready`, `protected`", body = problem::Body),
        (status = "default", body = problem::Body)))]
async fn download(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<VideoId>,
    Asked(choice): Asked<Choice>,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    let wanted = Wanted { rung: choice.rung, audio: choice.audio };
    let file = ops::prepare(&app, &caller, id, &wanted).await?;
    let size_bytes = file.size_bytes();
    let etag = header_value(&file.etag);
    let (status, range) = match slice(&method, &headers, &file.etag, size_bytes) {
        Slice::Whole => (StatusCode::OK, 0..size_bytes),
        Slice::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Slice::Unsatisfiable => {
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "the file has no such bytes");
            return Err(problem.with_header(header::CONTENT_RANGE, header_value(&format!("bytes */{size_bytes}"))));
        }
    };
    let mut answer = HeaderMap::new();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    answer.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    answer.insert(header::CONTENT_DISPOSITION, header_value(&disposition(&file.title)));
    answer.insert(header::ETAG, etag);
    if status == StatusCode::PARTIAL_CONTENT {
        answer.insert(header::CONTENT_RANGE, header_value(&content_range(&range, size_bytes)));
    }
    let body = if method == Method::HEAD { Body::empty() } else { Body::from_stream(file.read(range)) };
    Ok((status, answer, body).into_response())
}

/// The part that is asked for. Only `GET` has ranges, and a range of another file is none (RFC 9110 sections 13.1.5 and 14.2).
fn slice(method: &Method, headers: &HeaderMap, etag: &str, size_bytes: u64) -> Slice {
    let same = headers.get(header::IF_RANGE).is_none_or(|condition| condition == etag);
    let range = headers.get(header::RANGE).filter(|_| same && method == Method::GET);
    range.and_then(|range| range.to_str().ok()).map_or(Slice::Whole, |range| byte_range::select(range, size_bytes))
}

fn content_range(range: &Range<u64>, size_bytes: u64) -> String {
    format!("bytes {}-{}/{size_bytes}", range.start, range.end.saturating_sub(1))
}

/// A name for the file, in the two forms that browsers know (RFC 6266 section 4.3).
fn disposition(title: &str) -> String {
    let plain: String = title.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let exact: String = url::form_urlencoded::byte_serialize(title.as_bytes()).collect::<String>().replace('+', "%20");
    format!("attachment; filename=\"{plain}.mp4\"; filename*=UTF-8''{exact}.mp4")
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " -_.,()".contains(letter)
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_name_that_no_header_stumbles_over() {
        let name = "attachment; filename=\"_berflug_ 1_2.mp4\"; filename*=UTF-8''%C3%9Cberflug%22%201%2F2.mp4";
        assert_eq!(disposition("Überflug\" 1/2"), name);
        assert_eq!(content_range(&(5..10), 20), "bytes 5-9/20");
    }

    #[test]
    fn a_range_of_another_file_is_none() {
        let headers = |condition: Option<&'static str>| {
            let mut headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=5-"))]);
            headers.extend(condition.map(|tag| (header::IF_RANGE, HeaderValue::from_static(tag))));
            headers
        };
        let asked = |condition| slice(&Method::GET, &headers(condition), "\"a\"", 10);
        assert_eq!((asked(None), asked(Some("\"a\""))), (Slice::Part(5..10), Slice::Part(5..10)));
        assert_eq!(asked(Some("\"b\"")), Slice::Whole);
        assert_eq!(slice(&Method::HEAD, &headers(None), "\"a\"", 10), Slice::Whole);
    }
}
