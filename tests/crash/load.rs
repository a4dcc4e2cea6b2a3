//! What people do meanwhile: upload films and go on where it broke, and watch them. As clients do, they try again; what the
//! server acknowledged they never send again.

use crate::support::{
    clip::Clip,
    eventually,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD},
    tus::base64,
};
use marquee_core::{Random, SeededRandom};
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_LENGTH, LOCATION},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Films that are cheap to encode: several chunks, and one.
const FILMS: [Clip; 2] = [
    Clip { seconds: 35, frames_per_second: 25, width: 192, height: 108 },
    Clip { seconds: 5, frames_per_second: 25, width: 192, height: 108 },
];
/// People who upload at a time.
const UPLOADERS: usize = 2;
/// People who watch at a time.
const VIEWERS: usize = 2;
/// Pause of a client before it tries again.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a client waits for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Titles that are not ready yet beyond which nobody uploads more.
const BACKLOG_MAX: usize = 6;

/// A film whose upload was acknowledged to its end.
#[derive(Clone, Debug)]
pub(crate) struct Title {
    pub(crate) id: String,
    pub(crate) film: Clip,
    pub(crate) sha256: String,
}

/// What came of the load.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) titles: Vec<Title>,
    /// Objects that viewers got whole.
    pub(crate) played: u64,
    /// What viewers got that was wrong.
    pub(crate) spoilt: Vec<String>,
    /// Uploads that were cut off by their client.
    pub(crate) cut: u64,
}

/// What a client asks for, as often as it takes.
struct Ask {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
}

impl Ask {
    fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    fn header(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.headers.push((name, format!("{value}")));
        self
    }

    fn json(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// A request of tus.
    fn tus(method: Method, path: impl Into<String>) -> Self {
        Self::new(method, path).header("Tus-Resumable", "1.0.0")
    }
}

/// A load that runs.
pub(crate) struct Load {
    shared: Arc<Shared>,
    people: JoinSet<()>,
    stop: CancellationToken,
}

struct Shared {
    http: Client,
    api: String,
    edge: String,
    random: Arc<SeededRandom>,
    token: tokio::sync::Mutex<Option<String>>,
    titles: Mutex<Vec<Title>>,
    spoilt: Mutex<Vec<String>>,
    played: AtomicU64,
    cut: AtomicU64,
}

/// A box that says nothing (ISO/IEC 14496-12, 8.1.2).
fn free_box(content: [u8; 8]) -> Vec<u8> {
    [&16u32.to_be_bytes()[..], b"free", &content].concat()
}

impl Load {
    /// Begins.
    pub(crate) fn start(api: &str, edge: &str, random: Arc<SeededRandom>) -> Self {
        let http = Client::builder().pool_max_idle_per_host(0).timeout(ANSWER_MAX).build().expect("a client");
        let shared = Arc::new(Shared {
            http,
            api: api.to_owned(),
            edge: edge.to_owned(),
            random,
            token: Default::default(),
            titles: Default::default(),
            spoilt: Default::default(),
            played: Default::default(),
            cut: Default::default(),
        });
        let (mut people, stop) = (JoinSet::new(), CancellationToken::new());
        for _ in 0..UPLOADERS {
            people.spawn(shared.clone().upload_films(stop.clone()));
        }
        for _ in 0..VIEWERS {
            people.spawn(shared.clone().watch(stop.clone()));
        }
        Self { shared, people, stop }
    }

    /// Waits until so many uploads were acknowledged.
    pub(crate) async fn has_titles(&self, count: usize) {
        eventually("the load begins", Duration::from_secs(120), || async { (self.shared.titles().len() >= count).then_some(()) })
            .await;
    }

    /// Lets everybody finish what they began, and nothing new begin.
    pub(crate) async fn finish(mut self, limit: Duration) -> Outcome {
        self.stop.cancel();
        let finished = async {
            while let Some(person) = self.people.join_next().await {
                person.expect("nobody panics");
            }
        };
        tokio::time::timeout(limit, finished).await.expect("uploads that were begun come to their end");
        let (played, cut) = (self.shared.played.load(Ordering::SeqCst), self.shared.cut.load(Ordering::SeqCst));
        let spoilt = self.shared.spoilt.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Outcome { titles: self.shared.titles(), played, spoilt, cut }
    }
}

impl Shared {
    fn titles(&self) -> Vec<Title> {
        self.titles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A number below `end`.
    fn below(&self, end: usize) -> usize {
        let random: &dyn Random = &*self.random;
        (random.unit() * end as f64) as usize
    }

    /// The request, with a fresh enough token; signs in until somebody answers.
    async fn request(&self, ask: &Ask) -> RequestBuilder {
        let mut token = self.token.lock().await;
        while token.is_none() {
            let body = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD });
            let answer = self.http.post(format!("{}/v1/users/login", self.api)).json(&body).send().await;
            match answer {
                Ok(answer) if answer.status() == 200 => {
                    let account: Value = answer.json().await.unwrap_or_default();
                    *token = account["access_token"].as_str().map(str::to_owned);
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
        let url = if ask.path.starts_with("http") { ask.path.clone() } else { format!("{}{}", self.api, ask.path) };
        let request = self.http.request(ask.method.clone(), url).bearer_auth(token.clone().unwrap_or_default());
        let request = ask.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        match &ask.body {
            Some(body) => request.json(body),
            None => request,
        }
    }

    /// The answer to a request that is made again until there is one that is not a passing failure.
    async fn answered(&self, ask: &Ask) -> Response {
        loop {
            match self.request(ask).await.send().await {
                Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => *self.token.lock().await = None,
                Ok(answer) if !(answer.status().is_server_error() || [423, 429].contains(&answer.status().as_u16())) => {
                    return answer;
                }
                _ => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn upload_films(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let film = FILMS[self.below(FILMS.len())];
            let mut bytes = std::fs::read(film.file()).expect("the film is readable");
            // Some come again and are copied; most have bytes of their own and are encoded.
            if self.below(4) > 0 {
                let mut own = [0; 8];
                self.random.fill(&mut own);
                bytes.extend(free_box(own));
            }
            let title = self.upload(film, &bytes).await;
            self.titles.lock().unwrap_or_else(PoisonError::into_inner).push(title);
            // Not more than can be encoded.
            while !stop.is_cancelled() && self.backlog().await > BACKLOG_MAX {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn backlog(&self) -> usize {
        let mut waiting = 0;
        for title in self.titles().iter().rev().take(BACKLOG_MAX + 2) {
            let video = self.answered(&Ask::new(Method::GET, format!("/v1/videos/{}", title.id))).await;
            let video: Value = video.json().await.unwrap_or_default();
            waiting += usize::from(video["status"] != "ready");
        }
        waiting
    }

    /// Uploads a film in pieces, each of which may be cut off anywhere, going on where the server says that it is.
    async fn upload(&self, film: Clip, bytes: &[u8]) -> Title {
        let mut key = [0; 16];
        self.random.fill(&mut key);
        let create = Ask::new(Method::POST, "/v1/videos").header("Idempotency-Key", hex::encode(key));
        let created = self.answered(&create.json(json!({ "title": "A film of the load" }))).await;
        let video: Value = created.json().await.expect("a video");
        let id = video["id"].as_str().unwrap_or_else(|| panic!("no video: {video}")).to_owned();
        let metadata = format!("video_id {},filename {}", base64(id.as_bytes()), base64(b"film.mp4"));
        let open = Ask::tus(Method::POST, "/v1/uploads").header("Upload-Length", bytes.len()).header("Upload-Metadata", metadata);
        let opened = self.answered(&open).await;
        assert_eq!(opened.status(), 201, "{:?}", opened.text().await);
        let url = opened.headers()[LOCATION].to_str().expect("an address").to_owned();
        let (mut offset, mut reach) = (0, 0);
        while offset < bytes.len() {
            let wanted = (1 + self.below(bytes.len() / 2)).min(bytes.len() - offset);
            offset = self.append(&url, &bytes[offset..offset + wanted], offset, &mut reach).await;
        }
        Title { id, film, sha256: hex::encode(Sha256::digest(bytes)) }
    }

    /// Sends a piece, or only a part of it; answers how far the server says that it is. `reach` is the end of all that was ever
    /// sent: what of an earlier request is still on its way may yet arrive.
    async fn append(&self, url: &str, piece: &[u8], offset: usize, reach: &mut usize) -> usize {
        *reach = (*reach).max(offset + piece.len());
        let patch = Ask::tus(Method::PATCH, url).header("Content-Type", "application/offset+octet-stream");
        let patch = self.request(&patch.header("Upload-Offset", offset)).await;
        let is_cut = self.below(4) == 0;
        let sent = if is_cut {
            self.cut.fetch_add(1, Ordering::SeqCst);
            let part = piece[..self.below(piece.len())].to_vec();
            let body = futures::stream::iter([Ok(part), Err(std::io::Error::other("the client went away"))]);
            patch.header(CONTENT_LENGTH, piece.len()).body(reqwest::Body::wrap_stream(body)).send().await
        } else {
            patch.body(piece.to_vec()).send().await
        };
        if let Ok(answer) = sent
            && answer.status() == 204
        {
            return offset_of(&answer);
        }
        let head = self.answered(&Ask::tus(Method::HEAD, url)).await;
        assert_eq!(head.status(), 200, "an upload that is not finished was forgotten");
        let kept = offset_of(&head);
        assert!((offset..=*reach).contains(&kept), "{kept} bytes are said to be kept, {offset} were before, {reach} were sent");
        kept
    }

    /// Plays titles through the edge, as far as they are there.
    async fn watch(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let titles = self.titles();
            if titles.is_empty() {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let title = &titles[self.below(titles.len())];
            if self.play(&title.id).await.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Plays one title; ends where something cannot be had now.
    async fn play(&self, id: &str) -> Option<()> {
        let playback = Ask::new(Method::POST, format!("/v1/videos/{id}/playback")).json(json!({}));
        let playback: Value =
            self.request(&playback).await.send().await.ok().filter(|answer| answer.status() == 200)?.json().await.ok()?;
        let master = reqwest::Url::parse(playback["hls"].as_str()?).ok()?;
        assert!(master.as_str().starts_with(&self.edge));
        let text = self.fetch(master.as_str()).await?;
        let variants = m3u8_rs::parse_master_playlist_res(&text).ok()?.variants;
        let variant = variants.into_iter().find(|variant| !variant.is_i_frame)?;
        let playlist = master.join(&variant.uri).ok()?;
        let media = m3u8_rs::parse_media_playlist_res(&self.fetch(playlist.as_str()).await?).ok()?;
        for segment in &media.segments {
            let url = playlist.join(&segment.uri).ok()?;
            let bytes = self.fetch(url.as_str()).await?;
            // A segment begins with its type box, ISO/IEC 23000-19 section 7.3.3.1.
            if bytes.get(4..8) != Some(b"styp") && bytes.get(4..8) != Some(b"moof") {
                let what = format!("{url}: {} bytes that are no segment", bytes.len());
                self.spoilt.lock().unwrap_or_else(PoisonError::into_inner).push(what);
            }
            self.played.fetch_add(1, Ordering::SeqCst);
        }
        Some(())
    }

    async fn fetch(&self, url: &str) -> Option<Vec<u8>> {
        let answer = self.http.get(url).send().await.ok().filter(|answer| answer.status() == 200)?;
        // A body that breaks off is an error to the client, which asks again.
        answer.bytes().await.ok().map(Into::into)
    }
}

fn offset_of(answer: &Response) -> usize {
    let offset = answer.headers().get("Upload-Offset").and_then(|value| value.to_str().ok()?.parse().ok());
    offset.expect("the server says how far it is")
}
