//! A tus 1.0 client: <https://tus.io/protocols/resumable-upload>.

use super::client::Client;
use futures::stream;
use reqwest::{Body, Method, RequestBuilder, Response, header::LOCATION};
use std::convert::Infallible;

/// Content type of a PATCH.
const OCTETS: &str = "application/offset+octet-stream";

/// An upload that is open on the server.
#[derive(Clone)]
pub(crate) struct Upload {
    client: Client,
    url: String,
}

/// A request to open an upload of `length` bytes for `video`.
pub(crate) fn creation(client: &Client, video: &str, length: u64) -> RequestBuilder {
    creation_with(client, video, length, "")
}

fn creation_with(client: &Client, video: &str, length: u64, more: &str) -> RequestBuilder {
    let metadata = format!("video_id {},filename {}{more}", base64(video.as_bytes()), base64(b"film.mp4"));
    let request = client.request(Method::POST, "/v1/uploads").header("Tus-Resumable", "1.0.0");
    request.header("Upload-Length", length).header("Upload-Metadata", metadata)
}

impl Upload {
    /// Opens an upload of `length` bytes for `video`.
    pub(crate) async fn open(client: &Client, video: &str, length: u64) -> Self {
        Self::opened(client, creation(client, video, length)).await
    }

    /// The same of one that replaces what the video shows.
    pub(crate) async fn replacing(client: &Client, video: &str, length: u64) -> Self {
        Self::opened(client, creation_with(client, video, length, ",replace")).await
    }

    async fn opened(client: &Client, creation: RequestBuilder) -> Self {
        let response = creation.send().await.expect("the server answers");
        assert_eq!(response.status(), 201, "{:?}", response.text().await);
        let location = response.headers()[LOCATION].to_str().expect("an address").to_owned();
        Self { client: client.clone(), url: location }
    }

    /// The same upload on a server that came back, perhaps at another address.
    pub(crate) fn at(&self, client: &Client) -> Self {
        let path = self.url.find("/v1/uploads").map(|position| self.url[position..].to_owned());
        Self { client: client.clone(), url: path.expect("uploads live under /v1/uploads") }
    }

    /// Bytes that the server has.
    pub(crate) async fn offset(&self) -> u64 {
        let response = self.head().await;
        assert_eq!(response.status(), 200);
        number(&response, "Upload-Offset")
    }

    /// HEAD.
    pub(crate) async fn head(&self) -> Response {
        self.request(Method::HEAD).send().await.expect("the server answers")
    }

    /// A PATCH at `offset`, with a body still to be given.
    pub(crate) fn patch(&self, offset: u64) -> RequestBuilder {
        self.request(Method::PATCH).header("Content-Type", OCTETS).header("Upload-Offset", offset)
    }

    /// Sends `bytes` at `offset`; answers the new offset.
    pub(crate) async fn append(&self, offset: u64, bytes: Vec<u8>) -> u64 {
        let response = self.patch(offset).body(bytes).send().await.expect("the server answers");
        assert_eq!(response.status(), 204, "{:?}", response.text().await);
        number(&response, "Upload-Offset")
    }

    /// Sends everything in one go.
    pub(crate) async fn send(&self, bytes: Vec<u8>) {
        let length = bytes.len() as u64;
        assert_eq!(self.append(0, bytes).await, length);
    }

    /// Sends `bytes` at `offset` and then keeps the request open for ever, as a slow line would. Ends when the server does.
    pub(crate) async fn append_and_stall(&self, offset: u64, bytes: Vec<u8>, rest: u64) {
        let pieces: Vec<_> = bytes.chunks(64 << 10).map(|piece| Ok::<_, Infallible>(piece.to_vec())).collect();
        let body = futures::StreamExt::chain(stream::iter(pieces), stream::pending());
        let length = bytes.len() as u64 + rest;
        let request = self.patch(offset).header("Content-Length", length).body(Body::wrap_stream(body));
        let answer = request.send().await;
        // A balancer says in the server's place that it is gone.
        let gone = answer.as_ref().map_or(true, |answer| answer.status().is_server_error());
        assert!(gone, "the server answered before it had everything: {answer:?}");
    }

    /// Any request to the upload.
    pub(crate) fn request(&self, method: Method) -> RequestBuilder {
        self.client.request(method, &self.url).header("Tus-Resumable", "1.0.0")
    }
}

fn number(response: &Response, header: &str) -> u64 {
    let value = response.headers().get(header).unwrap_or_else(|| panic!("no {header}"));
    value.to_str().ok().and_then(|value| value.parse().ok()).expect("a number")
}

/// Standard base64 with padding, RFC 4648 section 4.
pub(crate) fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    BASE64_STANDARD.encode(bytes)
}
