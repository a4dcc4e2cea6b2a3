//! Where missing bytes come from: stored objects from the object store, growing playlists from the API.

use crate::meter;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, Object},
    object::Key,
    protection::KEY_BYTES,
};
use reqwest::{Client, Response, StatusCode, header};
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// Fetches at a time: what this edge does to the origin however many viewers it has.
const FETCHES_MAX: usize = 64;
/// How long a fetch waits for its turn.
const TURN: Duration = Duration::from_secs(5);
/// How long the object store may take until the first byte.
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// How long the API may take to accept a connection.
const API_CONNECT: Duration = Duration::from_secs(2);
/// How long the API may take for a whole playlist.
const API_ANSWER: Duration = Duration::from_secs(5);

/// The API, as edges see it.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    root: Url,
}

impl Api {
    /// The API at `url`, to which this edge shows `key`.
    pub(crate) fn new(url: &Url, key: &str) -> Result<Self> {
        let root = url.join("/v1/internal/").map_err(|error| {
            Error::invalid("invalid_config", "edge.api_url is not the URL of an API, such as http://api:8080").caused_by(error)
        })?;
        let mut bearer = header::HeaderValue::try_from(format!("Bearer {key}"))
            .map_err(|_| Error::invalid("invalid_config", "edge.key has characters that no HTTP header can carry"))?;
        bearer.set_sensitive(true);
        let headers = header::HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
        let client = Client::builder().default_headers(headers).connect_timeout(API_CONNECT).no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).build().map_err(Error::internal)?;
        Ok(Self { client, root })
    }

    /// Opens the feed. Its body has no end, so neither has it a timeout; the caller watches for silence.
    pub(crate) async fn feed(&self) -> Result<Response> {
        let request = self.client.get(self.url("edges/feed")?).header(header::ACCEPT, "text/event-stream").send();
        let response = tokio::time::timeout(API_ANSWER, request).await.map_err(|_| Error::unavailable("the API"))?;
        accepted(response.map_err(unreachable)?)
    }

    /// A growing playlist; `key` is `live/…`.
    async fn playlist(&self, key: &Key, bytes_max: u64) -> Result<Bytes> {
        self.get(self.url(key.as_str())?, bytes_max).await
    }

    /// A content key; `key` is `keys/{video}/{encode}/{id}`.
    async fn content_key(&self, key: &Key) -> Result<Bytes> {
        let (encode, id) = key.as_str().rsplit_once('/').ok_or_else(|| Error::not_found("key"))?;
        let mut url = self.url(encode)?;
        // Paths are logged, queries are not.
        url.query_pairs_mut().append_pair("id", id);
        self.get(url, KEY_BYTES as u64).await
    }

    async fn get(&self, url: Url, bytes_max: u64) -> Result<Bytes> {
        let response = self.client.get(url).timeout(API_ANSWER).send().await.map_err(unreachable)?;
        let mut body = accepted(response)?.bytes_stream().map_err(unreachable);
        let mut text = BytesMut::new();
        while let Some(piece) = body.next().await {
            text.extend_from_slice(&piece?);
            if text.len() as u64 > bytes_max {
                return Err(Error::internal(format!("the API sends more than {bytes_max} bytes")));
            }
        }
        Ok(text.freeze())
    }

    fn url(&self, path: &str) -> Result<Url> {
        self.root.join(path).map_err(Error::internal)
    }
}

fn unreachable(error: reqwest::Error) -> Error {
    // The URL is of no use in the log: it is always the same place.
    Error::unavailable("the API").caused_by(error.without_url())
}

fn accepted(response: Response) -> Result<Response> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::BAD_REQUEST => Err(Error::not_found("playlist or key")),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(Error::unavailable("the API").caused_by("it refuses this edge's key: is edge.key the same on both?"))
        }
        status => Err(Error::unavailable("the API").caused_by(format!("it answered {status}"))),
    }
}

/// Everything behind this edge, with a bound on how much of it is used at once.
pub(crate) struct Origin {
    blobs: Arc<dyn Blobs>,
    api: Api,
    turns: Arc<Semaphore>,
}

impl Origin {
    pub(crate) fn new(blobs: Arc<dyn Blobs>, api: Api) -> Self {
        Self { blobs, api, turns: Arc::new(Semaphore::new(FETCHES_MAX)) }
    }

    /// Opens a stored object, or a range of it. Whoever holds the permit is counted against the bound on fetches.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` if the store does not answer in time or too much is being fetched already.
    pub(crate) async fn object(&self, key: &Key, range: Option<Range<u64>>) -> Result<(Object, OwnedSemaphorePermit)> {
        let turn = self.turn().await?;
        meter::origin_fetches("blobs").increment(1);
        let opened = tokio::time::timeout(FIRST_BYTE, self.blobs.read(key, range)).await;
        let object = opened.unwrap_or_else(|_| Err(Error::unavailable("the object store")));
        Ok((object.inspect_err(|error| count_failure(error, "blobs"))?, turn))
    }

    /// A growing playlist, whole.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` if the API does not answer in time or too much is being fetched already.
    pub(crate) async fn playlist(&self, key: &Key, bytes_max: u64) -> Result<Bytes> {
        let _turn = self.turn().await?;
        meter::origin_fetches("api").increment(1);
        self.api.playlist(key, bytes_max).await.inspect_err(|error| count_failure(error, "api"))
    }

    /// A content key.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` if the API does not answer in time or too much is being fetched already.
    pub(crate) async fn content_key(&self, key: &Key) -> Result<Bytes> {
        let _turn = self.turn().await?;
        meter::origin_fetches("api").increment(1);
        self.api.content_key(key).await.inspect_err(|error| count_failure(error, "api"))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(TURN, self.turns.clone().acquire_owned()).await;
        turn.map_err(|_| Error::unavailable("the origin").caused_by("too many fetches at a time"))?.map_err(Error::internal)
    }
}

fn count_failure(error: &Error, origin: &'static str) {
    if error.kind() != ErrorKind::NotFound {
        meter::origin_failures(origin).increment(1);
    }
}
