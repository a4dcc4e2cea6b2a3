//! A package at an address: relative addresses keep whatever is before them, a token in the path for one.

use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use marquee_backends::https::{self, Client};
use marquee_core::{Error, ErrorKind, Result};
use marquee_packager::verify::{Delivery, Files, Part, REDIRECTED};
use std::{io::Read, ops::Range, time::Duration};
use url::Url;

/// How long a server may take to accept a connection, and for an answer.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
/// Characters of a token at least, 96 bits in base64; and hyphens of a UUID.
const TOKEN_LENGTH_MIN: usize = 16;
const UUID_HYPHENS: usize = 4;

/// The folder of a package at a server.
pub(super) struct Address {
    client: Client,
    folder: Url,
    /// See [`Delivery::is_issued`].
    is_issued: bool,
}

impl Address {
    /// The package whose multivariant playlist is at `url`, or in the folder that it is, and the playlist's name in there.
    pub(super) fn new(url: &Url) -> Result<(Self, String)> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid("unsupported_address", "addresses that name a user are not read: name one without"));
        }
        let name = url.path().rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(super::MASTER);
        let master = url.query().map_or_else(|| name.to_owned(), |query| format!("{name}?{query}"));
        let folder = url.join(".").map_err(|error| Error::invalid("invalid_address", "this is no address").caused_by(error))?;
        let is_issued = is_issued(url);
        Ok((Self { client: https::client(CONNECT)?, folder, is_issued }, master))
    }

    async fn get(&self, path: &str, wanted: (header::HeaderName, &str)) -> Result<Response<Incoming>> {
        let url = self.folder.join(path).map_err(Error::internal)?;
        let request = Request::get(url.as_str()).header(wanted.0, wanted.1).body(Full::default()).map_err(Error::internal)?;
        self.client.request(request).await.map_err(unreachable)
    }

    async fn part(&self, path: &str, range: Range<u64>) -> Result<Part> {
        // Players take playlists compressed, and whole.
        if path.split('?').next().is_some_and(|path| path.ends_with(".m3u8") || path.ends_with(".mpd")) {
            let response = accepted(self.get(path, (header::ACCEPT_ENCODING, "gzip")).await?)?;
            return self.secured(playlist(response, &range).await);
        }
        let last = range.end.max(range.start + 1) - 1;
        let response = self.get(path, (header::RANGE, &format!("bytes={}-{last}", range.start))).await?;
        self.secured(part(response, &range).await)
    }

    /// A part that says whether it came over TLS. The client speaks 1.2 and 1.3 alone, with keys that are made for each connection, and
    /// takes no certificate of a weak key.
    fn secured(&self, part: Result<Part>) -> Result<Part> {
        let (is_secure, is_issued) = (self.folder.scheme() == "https", self.is_issued);
        let of = |delivery| Delivery { is_secure, is_issued, ..delivery };
        part.map(|part| Part { delivery: part.delivery.map(of), ..part })
    }
}

impl Files for Address {
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Part> {
        let answered = tokio::time::timeout(ANSWER, self.part(path, range)).await;
        answered.map_err(|_| Error::unavailable("the server").caused_by("its answer did not come in time"))?
    }
}

/// Whether an address holds what looks like a token: a part of its path that is long and of base64, which ids of titles are not, or of its
/// query, base64 or hexadecimal, that is no UUID.
fn is_issued(url: &Url) -> bool {
    let long = |part: &&str| part.len() >= TOKEN_LENGTH_MIN && part.matches('-').count() < UUID_HYPHENS;
    let has = |part: &str, kind: fn(char) -> bool| part.contains(kind);
    let small = |part: &str| has(part, |character| character.is_ascii_lowercase());
    let mut path = url.path().split(['/', '.', '~', ';']).filter(long);
    let mut query = url.query().unwrap_or_default().split(['&', '=', '.', '~']).filter(long);
    path.any(|part| small(part) && has(part, |character| character.is_ascii_uppercase()))
        || query.any(|part| small(part) && has(part, |character| character.is_ascii_uppercase() || character.is_ascii_digit()))
}

async fn playlist(response: Response<Incoming>, range: &Range<u64>) -> Result<Part> {
    let gzip = response.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let delivery = Some(Delivery { gzip, ..delivery(response.headers()) });
    let sent = body(response, range.end.saturating_add(1)).await?;
    let whole = if gzip { unpacked(&sent, range.end.saturating_add(1))? } else { sent };
    // One byte more than was asked for tells that there is more.
    let size_bytes = whole.len() as u64;
    Ok(Part { bytes: within(&whole, range), size_bytes, delivery })
}

async fn part(response: Response<Incoming>, range: &Range<u64>) -> Result<Part> {
    let delivery = Some(delivery(response.headers()));
    let listed = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let total = listed.and_then(|value| value.rsplit('/').next()?.parse().ok());
    match response.status() {
        StatusCode::RANGE_NOT_SATISFIABLE => {
            let size_bytes = total.ok_or_else(|| Error::unavailable("the server").caused_by("it refuses a range"))?;
            Ok(Part { bytes: Bytes::new(), size_bytes, delivery })
        }
        StatusCode::PARTIAL_CONTENT => {
            let size_bytes =
                total.ok_or_else(|| Error::unavailable("the server").caused_by("it does not say how long a file is"))?;
            let bytes = body(response, range.end.saturating_sub(range.start)).await?;
            Ok(Part { bytes, size_bytes, delivery })
        }
        _ => {
            // A server that knows no ranges sends everything.
            let response = accepted(response)?;
            let length = response.body().size_hint().exact();
            let bytes = body(response, range.end).await?;
            let size_bytes = length.unwrap_or(bytes.len() as u64);
            Ok(Part { bytes: within(&bytes, range), size_bytes, delivery })
        }
    }
}

fn within(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(range.start)..at(range.end).max(at(range.start)))
}

fn delivery(headers: &HeaderMap) -> Delivery {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    Delivery { content_type, gzip: false, is_secure: false, is_issued: false }
}

/// The first `bytes_max` bytes of a body.
async fn body(mut response: Response<Incoming>, bytes_max: u64) -> Result<Bytes> {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    while let Some(frame) = response.body_mut().frame().await {
        let Ok(piece) = frame.map_err(unreachable)?.into_data() else { continue };
        let room = bytes_max - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if body.len() == bytes_max {
            break;
        }
    }
    Ok(body.freeze())
}

/// The first `bytes_max` bytes of what was compressed.
fn unpacked(bytes: &[u8], bytes_max: u64) -> Result<Bytes> {
    let mut whole = Vec::new();
    let read = GzDecoder::new(bytes).take(bytes_max).read_to_end(&mut whole);
    read.map_err(|error| Error::unavailable("the server").caused_by(error))?;
    Ok(whole.into())
}

fn accepted(response: Response<Incoming>) -> Result<Response<Incoming>> {
    match response.status() {
        status if status.is_success() => Ok(response),
        status if status.is_redirection() => Err(Error::new(
            ErrorKind::Conflict,
            REDIRECTED,
            format!("it is somewhere else ({status}), and players do not follow"),
        )),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(Error::not_found("file at this address")),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Error::new(ErrorKind::Forbidden, "forbidden", "the server does not let anybody read it with this address"))
        }
        status => Err(Error::unavailable("the server").caused_by(format!("it answered {status}"))),
    }
}

fn unreachable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::unavailable("the server").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, http::HeaderMap, response::IntoResponse, routing::get};
    use std::io::Write;

    const DATA: &str = "0123456789";

    async fn ranged(headers: HeaderMap) -> impl IntoResponse {
        let asked = headers[header::RANGE].to_str().unwrap().to_owned();
        match asked.as_str() {
            "bytes=2-4" => (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, "bytes 2-4/10")], "234"),
            "bytes=8-19" => (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, "bytes 8-9/10")], "89"),
            _ => (StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, "bytes */10")], ""),
        }
    }

    async fn packed() -> impl IntoResponse {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(DATA.repeat(1000).as_bytes()).unwrap();
        let headers = [(header::CONTENT_ENCODING, "gzip"), (header::CONTENT_TYPE, "application/vnd.apple.mpegurl; x=y")];
        (headers, encoder.finish().unwrap())
    }

    /// A server with a folder `/token/p/`.
    async fn server() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/token/p/ranged.m4s", get(ranged))
            .route("/token/p/whole.m4s", get(|| async { DATA }))
            .route("/token/p/packed.m3u8", get(packed))
            .route("/token/p/plain.m3u8", get(|| async { DATA }))
            .route("/token/p/moved.m4s", get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/token/p/whole.m4s")]) }))
            .route("/token/p/refused.m4s", get(|| async { StatusCode::FORBIDDEN }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}/token/p/")
    }

    #[tokio::test]
    async fn parts_of_files_come_from_any_server() {
        let (files, master) = Address::new(&server().await.parse().unwrap()).unwrap();
        assert_eq!(master, "master.m3u8");
        for name in ["ranged.m4s", "whole.m4s"] {
            for (range, expected) in [(2..5, "234"), (8..20, "89"), (10..20, "")] {
                let part = files.read(name, range).await.unwrap();
                assert_eq!((&part.bytes[..], part.delivery.unwrap().gzip), (expected.as_bytes(), false), "{name}");
            }
        }
        assert_eq!(files.read("ranged.m4s", 2..5).await.unwrap().size_bytes, 10);
        let packed = files.read("packed.m3u8", 0..100_000).await.unwrap();
        let delivery =
            Delivery { content_type: "application/vnd.apple.mpegurl".into(), gzip: true, is_secure: false, is_issued: false };
        assert_eq!((packed.bytes.len(), packed.size_bytes, packed.delivery), (10_000, 10_000, Some(delivery)));
        let cut = files.read("packed.m3u8", 0..50).await.unwrap();
        assert!(cut.bytes.len() == 50 && cut.size_bytes > 50, "there is more");
        assert!(!files.read("plain.m3u8", 0..50).await.unwrap().delivery.unwrap().gzip);
        for (name, code) in [("moved.m4s", REDIRECTED), ("refused.m4s", "forbidden"), ("none.m4s", "not_found")] {
            assert_eq!(files.read(name, 0..9).await.unwrap_err().code(), code);
        }
    }

    #[test]
    fn addresses_that_were_issued_hold_a_token() {
        let key = marquee_core::token::SigningKey { kid: "k1".into(), secret: vec![7; 32] };
        let token = marquee_core::token::sign(&key, "vid_a/enc_a", time::OffsetDateTime::UNIX_EPOCH);
        for (address, expected) in [
            (format!("https://host/{token}/media/vid_a/enc_a/master.m3u8"), true),
            ("https://host/a/master.m3u8?hdnea=exp=1~acl=/*~hmac=4f1b07d8a2c5e9034f1b07d8a2c5e903".to_owned(), true),
            ("https://host/a/master.m3u8".to_owned(), false),
            ("https://host/0190a3c4-1f7e-7c31-9d57-6a0f3b8e2c11/master.m3u8?lang=en".to_owned(), false),
            ("https://host/vid_0190a3c41f7e7c319d576a0f3b8e2c11/master.m3u8".to_owned(), false),
            ("https://host/a-film-with-a-long-name-of-2026/master.m3u8".to_owned(), false),
        ] {
            assert_eq!(is_issued(&address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn addresses_name_a_playlist_or_its_folder() {
        for (url, expected) in [
            ("http://host/token/p/", "master.m3u8"),
            ("http://host/token/p/all.m3u8", "all.m3u8"),
            ("http://host/token/p/all.m3u8?a=b", "all.m3u8?a=b"),
        ] {
            let (files, master) = Address::new(&url.parse().unwrap()).unwrap();
            assert_eq!((master.as_str(), files.folder.as_str()), (expected, "http://host/token/p/"));
        }
        assert!(Address::new(&"http://me:secret@host/".parse().unwrap()).is_err());
    }
}
