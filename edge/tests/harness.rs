//! The edge under test and the two things behind it, both told how to misbehave.

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response, Sse, sse::Event},
    routing::get,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use marquee_backends::blobs::FileBlobs;
use marquee_core::{
    Clock, Error, ManualClock, OsRandom, Result, Shutdown,
    blobs::{Blobs, ByteStream, Created, Object},
    object::Key,
    testing::Bent,
    token::{SigningKey, sign},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::json;
use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use time::{OffsetDateTime, macros::datetime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-01 12:00 UTC);
pub(crate) const SCOPE: &str = "vid_1/enc_1";
const EDGE_KEY: &str = "a secret of sixteen";
const MEMORY_BYTES: u64 = 64 << 20;

pub(crate) fn signing_key(kid: &str) -> SigningKey {
    SigningKey { kid: kid.into(), secret: format!("{kid} is thirty-two bytes long, or so").into_bytes() }
}

/// A real folder of objects whose reads are counted, delayed, cut or refused.
pub(crate) struct Origin {
    folder: Arc<dyn Blobs>,
    _temporary: tempfile::TempDir,
    pub(crate) reads: AtomicUsize,
    pub(crate) refuse: AtomicBool,
    /// Bytes after which bodies break off.
    pub(crate) cut: Mutex<Option<usize>>,
    /// One permit lets one piece of 1000 bytes pass; none means that everything passes.
    pub(crate) gate: Mutex<Option<Arc<Semaphore>>>,
}

impl Origin {
    async fn new() -> Arc<Self> {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Arc::new(FileBlobs::open(temporary.path()).await.expect("a store"));
        let (reads, refuse) = Default::default();
        Arc::new(Self { folder, _temporary: temporary, reads, refuse, cut: Mutex::default(), gate: Mutex::default() })
    }

    /// The store as the edge sees it.
    fn store(self: &Arc<Self>) -> Arc<dyn Blobs> {
        let origin = self.clone();
        Arc::new(Bent::new(self.folder.clone(), move |object| {
            origin.reads.fetch_add(1, Ordering::SeqCst);
            if origin.refuse.load(Ordering::SeqCst) {
                return Err(Error::unavailable("the object store"));
            }
            Ok(Object { body: origin.spoil(object.body), ..object })
        }))
    }

    /// Holds back every body from now on, until the answered semaphore gets permits.
    pub(crate) fn close_gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.gate.lock().expect("no panic") = Some(gate.clone());
        gate
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// `body` in pieces, each of which waits for the gate.
    fn spoil(&self, body: ByteStream) -> ByteStream {
        let gate = self.gate.lock().expect("no panic").clone();
        let cut = *self.cut.lock().expect("no panic");
        let pieces = body.flat_map(|piece| match piece {
            Ok(piece) => {
                let starts = (0..piece.len()).step_by(1000);
                stream::iter(starts.map(|start| Ok(piece.slice(start..piece.len().min(start + 1000)))).collect::<Vec<_>>())
            }
            Err(error) => stream::iter(vec![Err(error)]),
        });
        let gated = pieces.then(move |piece| {
            let gate = gate.clone();
            async move {
                if let Some(gate) = gate {
                    gate.acquire().await.expect("never closed").forget();
                }
                piece
            }
        });
        match cut {
            Some(bytes) => gated.take(bytes / 1000).boxed(),
            None => gated.boxed(),
        }
    }
}

/// The internal part of an API: the feed and growing playlists.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) keys: watch::Sender<Vec<SigningKey>>,
    pub(crate) playlists: Arc<Mutex<HashMap<String, String>>>,
    pub(crate) playlist_reads: Arc<AtomicUsize>,
    pub(crate) down: Arc<AtomicBool>,
    pub(crate) connections: Arc<AtomicUsize>,
    hang_up: watch::Sender<u32>,
}

impl Api {
    async fn start(keys: Vec<SigningKey>) -> (Self, SocketAddr) {
        let (playlists, playlist_reads, down, connections) = Default::default();
        let (keys, hang_up) = (watch::Sender::new(keys), watch::Sender::new(0));
        let api = Self { keys, playlists, playlist_reads, down, connections, hang_up };
        let routes = Router::new()
            .route("/v1/internal/edges/feed", get(feed))
            .route("/v1/internal/live/{*path}", get(playlist))
            .route("/v1/internal/keys/{*path}", get(content_key))
            .with_state(api.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (api, address)
    }

    /// Refuses everything from now on, open feeds included.
    pub(crate) fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
        self.hang_up.send_modify(|times| *times += 1);
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        key == Some(&format!("Bearer {EDGE_KEY}")) && !self.down.load(Ordering::SeqCst)
    }
}

async fn feed(State(api): State<Api>, headers: HeaderMap) -> Response {
    if !api.admits(&headers) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    api.connections.fetch_add(1, Ordering::SeqCst);
    let mut hang_up = api.hang_up.subscribe();
    let mut keys = api.keys.subscribe();
    keys.mark_changed();
    let events = stream::unfold((keys, 0_u64), |(mut keys, sequence)| async move {
        keys.changed().await.ok()?;
        let data = json!({"sequence": sequence, "keys": &*keys.borrow_and_update()});
        let event = Event::default().event("sync").data(data.to_string());
        Some((Ok::<_, Infallible>(event), (keys, sequence + 1)))
    });
    Sse::new(events.take_until(async move { hang_up.changed().await })).into_response()
}

/// Keys are among the playlists, with their ids behind a question mark.
async fn content_key(state: State<Api>, Path(path): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    playlist(state, Path(format!("{path}?{}", query.unwrap_or_default())), headers).await
}

async fn playlist(State(api): State<Api>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    api.playlist_reads.fetch_add(1, Ordering::SeqCst);
    if !api.admits(&headers) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let text = api.playlists.lock().expect("no panic").get(&path).cloned();
    text.map_or(StatusCode::NOT_FOUND.into_response(), IntoResponse::into_response)
}

/// An edge, what is behind it, and a client in front.
pub(crate) struct Edge {
    pub(crate) origin: Arc<Origin>,
    pub(crate) api: Api,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: reqwest::Client,
    pub(crate) shutdown: Shutdown,
    pub(crate) served: Option<tokio::task::JoinHandle<Result<()>>>,
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

impl Edge {
    /// An edge that knows the key `k1`.
    pub(crate) async fn start() -> Self {
        Self::start_with(MEMORY_BYTES).await
    }

    pub(crate) async fn start_with(memory_bytes: u64) -> Self {
        let (api, address) = Api::start(vec![signing_key("k1")]).await;
        let edge = Self::start_before(api, address, memory_bytes).await;
        edge.until("/readyz", 200).await;
        edge
    }

    /// An edge whose API refuses to speak until it is brought up.
    pub(crate) async fn start_without_api() -> Self {
        let (api, address) = Api::start(vec![signing_key("k1")]).await;
        api.go_down();
        Self::start_before(api, address, MEMORY_BYTES).await
    }

    async fn start_before(api: Api, api_address: SocketAddr, memory_bytes: u64) -> Self {
        let origin = Origin::new().await;
        let clock = Arc::new(ManualClock::new(NOW));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let deps = marquee_edge::Deps {
            blobs: origin.store(),
            api_url: format!("http://{api_address}").parse().expect("a URL"),
            edge_key: EDGE_KEY.into(),
            memory_bytes,
            clock: clock.clone(),
            random: Arc::new(OsRandom),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            notice: Duration::ZERO,
        };
        let shutdown = Shutdown::new();
        let served = tokio::spawn(marquee_edge::serve(deps, listener, shutdown.clone()));
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { origin, api, address, clock, client, shutdown, served: Some(served) }
    }

    /// Stores an object under `media/{SCOPE}/{path}`.
    pub(crate) async fn store(&self, path: &str, bytes: impl Into<Bytes>) {
        let key = Key::parse(&format!("media/{SCOPE}/{path}")).expect("a good key");
        assert_eq!(self.origin.folder.create(&key, bytes.into()).await.expect("stored"), Created::New);
    }

    pub(crate) fn token(&self) -> String {
        sign(&signing_key("k1"), SCOPE, self.clock.now() + Duration::from_secs(3600))
    }

    /// The URL of `media/{SCOPE}/{path}` with a good token.
    pub(crate) fn media(&self, path: &str) -> String {
        self.url(&format!("/{}/media/{SCOPE}/{path}", self.token()))
    }

    /// The URL of `live/{SCOPE}/{path}` with a good token.
    pub(crate) fn live(&self, path: &str) -> String {
        self.url(&format!("/{}/live/{SCOPE}/{path}", self.token()))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, url: &str) -> reqwest::Response {
        self.client.get(url).send().await.expect("an answer")
    }

    /// Asks for `path` until the status is `status`.
    pub(crate) async fn until(&self, path: &str, status: u16) {
        while self.get(&self.url(path)).await.status() != status {
            tokio::task::yield_now().await;
        }
    }

    /// Sends `request` as it is and answers all that comes back before the edge hangs up.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // A reset after the answer is an end as well.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of a `GET` of exactly this path.
    pub(crate) async fn raw_status(&self, path: &str) -> u16 {
        let answer = self.raw(&format!("GET {path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")).await;
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer to {path}: {answer}"))
    }
}

/// `length` bytes, no two neighbourhoods alike.
pub(crate) fn noise(length: usize) -> Bytes {
    (0..length).map(|place| (place * 31 + place / 251) as u8).collect::<Vec<_>>().into()
}

/// A header of `response` as text, empty if it is not there.
pub(crate) fn header_of<'a>(response: &'a reqwest::Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("text"))
}

/// Everything `body` gives, or that it broke off.
pub(crate) async fn drain(mut body: impl Stream<Item = reqwest::Result<Bytes>> + Unpin) -> reqwest::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = body.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}
