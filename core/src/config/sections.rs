//! One struct per section, a doc comment on each key.

use super::bad;
use crate::{
    Result,
    job::Class,
    job::Kind,
    plan::Ladder,
    presentation,
    protection::{Choice, KeyPolicy, Scheme, System},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use url::{Host, Url};

/// Reads a URL. A mistake in it is told without repeating it: it may hold a password.
fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let told =
        |mistake| de::Error::custom(format!("not a URL: {mistake}; in a password, write / # ? @ : and % as %2F and so on"));
    Url::parse(&text).map(Some).map_err(told)
}

/// Whether nobody on the way to `url` reads along: it is encrypted, or there is no way.
fn hides_secrets(url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        Some(Host::Domain(host)) => host == "localhost",
        None => false,
    };
    url.scheme() == "https" || here && url.scheme() == "http"
}

/// Reads one secret or several. A mistake is told without repeating it.
fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(String),
        Several(Vec<String>),
    }
    match Given::deserialize(deserializer).map_err(|_| de::Error::custom("neither a text nor a list of texts"))? {
        Given::One(secret) => Ok(vec![secret]),
        Given::Several(secrets) => Ok(secrets),
    }
}

/// `[database]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseUrl {
    /// `postgres://user:password@host/name`, over TLS with `?sslmode=verify-full`. Unset: `marquee up` runs a private server in
    /// its data directory.
    #[serde(deserialize_with = "url")]
    pub url: Option<Url>,
    /// A replica that lists are read from, written as `url`. Whoever has just changed something reads from `url`, which several
    /// API processes know of each other only through a cache that they share: `cache.url` must not be `memory:` then. Unset: all
    /// do.
    #[serde(deserialize_with = "url")]
    pub read_url: Option<Url>,
}

/// `[blobs]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BlobsUrl {
    /// `file:///absolute/folder`, or `s3://bucket/prefix?endpoint=http://host:9000`. Unset: a folder in the data directory.
    #[serde(deserialize_with = "url")]
    pub url: Option<Url>,
}

/// `[queue]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueUrl {
    /// `postgres:` uses the database, `amqp://user:password@host/vhost` RabbitMQ, `amqps:` with TLS. Unset: the database.
    #[serde(deserialize_with = "url")]
    pub url: Option<Url>,
}

/// `[cache]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheUrl {
    /// `memory:` keeps entries in this process, `redis://:password@host` in Redis, `rediss:` with TLS. Unset: this process.
    #[serde(deserialize_with = "url")]
    pub url: Option<Url>,
}

/// `[api]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Address of the API and the pages. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// How edges and clients reach the API from outside, without a path. Unset: from the listening address.
    #[serde(deserialize_with = "url")]
    pub public_url: Option<Url>,
    /// Addresses of proxies whose `X-Forwarded-For` tells where a request came from. Empty: it is whoever connects.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for Api {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 8080).into(), public_url: None, trusted_proxies: Vec::new() }
    }
}

/// `[edge]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edge {
    /// Address of the edge. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// How players reach the edge, without a path. Unset: from the listening address.
    #[serde(deserialize_with = "url")]
    pub public_url: Option<Url>,
    /// Where an edge finds the API. Unset: the API of the same process.
    #[serde(deserialize_with = "url")]
    pub api_url: Option<Url>,
    /// Secret that edges and the API share. Unset: made up when both run in one process.
    pub key: Option<String>,
    /// Bytes of segments kept in memory.
    pub memory_bytes: u64,
}

impl Default for Edge {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 8081).into(), public_url: None, api_url: None, key: None, memory_bytes: 256 << 20 }
    }
}

/// `[worker]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Worker {
    /// Jobs at a time.
    pub slots: u16,
    /// Kinds of job this worker takes.
    pub kinds: Vec<Kind>,
    /// Classes of job this worker takes.
    pub classes: Vec<Class>,
    /// Recipe for new encodes, see `transcoder/recipes`.
    pub recipe: String,
    /// How the rungs of new encodes are chosen: `auto` or `fixed`.
    pub ladder: Ladder,
    /// What operators call it. Unset: the name of the host.
    pub name: Option<String>,
}

impl Default for Worker {
    fn default() -> Self {
        let (kinds, classes) = (Kind::ALL.to_vec(), Class::ALL.to_vec());
        Self { slots: 2, kinds, classes, recipe: "standard".into(), ladder: Ladder::Auto, name: None }
    }
}

impl Worker {
    pub(super) fn validate(&self) -> Result<()> {
        if !(1..=256).contains(&self.slots) {
            return Err(bad(format!("worker.slots is {} but must be 1 to 256", self.slots)));
        }
        if self.kinds.is_empty() || self.classes.is_empty() {
            return Err(bad("worker.kinds and worker.classes must each name at least one, or be left out for all".into()));
        }
        Ok(())
    }
}

/// `[health]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Health {
    /// Address of `/healthz`, `/readyz` and `/metrics` of a process that has neither the API nor an edge. Port 0 takes a free one.
    pub listen: SocketAddr,
}

impl Default for Health {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 8083).into() }
    }
}

/// `[auth]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Life of an access token.
    pub access_seconds: u32,
    /// Life of a refresh token, renewed with each use.
    pub refresh_seconds: u32,
    /// Whether anybody may sign up as a viewer.
    pub sign_up: bool,
    /// Wrong passwords per account and minute before a pause.
    pub login_attempts_per_minute: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self { access_seconds: 600, refresh_seconds: 30 * 24 * 3600, sign_up: true, login_attempts_per_minute: 10 }
    }
}

impl Auth {
    pub(super) fn validate(&self) -> Result<()> {
        if !(30..=3600).contains(&self.access_seconds) {
            return Err(bad(format!("auth.access_seconds is {} but must be 30 to 3600", self.access_seconds)));
        }
        if self.refresh_seconds <= self.access_seconds {
            return Err(bad("auth.refresh_seconds must be larger than auth.access_seconds".into()));
        }
        Ok(())
    }
}

/// `[uploads]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Uploads {
    /// Largest source.
    pub size_bytes_max: u64,
    /// Unfinished uploads are dropped this long after their last byte.
    pub expiry_seconds: u32,
    /// Unfinished uploads that one account may have.
    pub open_max: u32,
    /// Sources and encodes of a video that failed, or that were replaced, are removed after this time without a change.
    pub leftover_seconds: u32,
}

impl Default for Uploads {
    fn default() -> Self {
        Self { size_bytes_max: 512 << 30, expiry_seconds: 24 * 3600, open_max: 100, leftover_seconds: 7 * 24 * 3600 }
    }
}

impl Uploads {
    pub(super) fn validate(&self) -> Result<()> {
        if self.size_bytes_max == 0 || self.expiry_seconds == 0 || self.open_max == 0 {
            return Err(bad("uploads.size_bytes_max, uploads.expiry_seconds and uploads.open_max must be above 0".into()));
        }
        Ok(())
    }
}

/// `[protection]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protection {
    /// 64 hexadecimal digits that the keys of protected titles are sealed with, the same on the API and every worker (`openssl rand -hex 32`).
    /// Whoever loses it loses these titles. Unset: nothing can be protected; `marquee up` makes one in its data directory.
    pub master_key: Option<String>,
    /// Master keys of before, which still open what was sealed with them.
    #[serde(deserialize_with = "secrets")]
    pub former_master_keys: Vec<String>,
    /// How new titles are protected that say nothing of it: `cbcs` or `cenc`. Unset: they stay in the clear.
    pub scheme: Option<Scheme>,
    /// How many keys these have: `per_track_type` or `per_title`.
    pub keys: KeyPolicy,
    /// Where the keys of protected titles are asked for by SPEKE v2, of a commercial system's key server; with `https:`, but on this
    /// machine. `clear_key`, which would give them to whoever may play, must be `false` then. Unset: they are made here.
    #[serde(deserialize_with = "url")]
    pub key_server_url: Option<Url>,
    /// Headers that it wants to see, each as `name: value`, such as `authorization: Basic …`.
    #[serde(deserialize_with = "secrets")]
    pub key_server_headers: Vec<String>,
    /// Whether protected titles can be played by W3C Clear Key, with licences of the API: every browser has it, and hides keys from nobody
    /// who may play.
    pub clear_key: bool,
    /// Whether they can be played by Google Widevine, with keys that its licence server is given.
    pub widevine: bool,
    /// Where Widevine licences are asked for. Unset: players are told otherwise.
    #[serde(deserialize_with = "url")]
    pub widevine_url: Option<Url>,
    /// The same of Microsoft PlayReady.
    pub playready: bool,
    /// Where PlayReady licences are asked for. Unset: players are told otherwise.
    #[serde(deserialize_with = "url")]
    pub playready_url: Option<Url>,
    /// What comes before a key's id in addresses of Apple FairPlay Streaming, such as `skd://`. Unset: titles are not played by it.
    pub fairplay_uri: Option<String>,
}

impl Default for Protection {
    fn default() -> Self {
        Self {
            master_key: None,
            former_master_keys: Vec::new(),
            scheme: None,
            keys: KeyPolicy::default(),
            key_server_url: None,
            key_server_headers: Vec::new(),
            clear_key: true,
            widevine: false,
            widevine_url: None,
            playready: false,
            playready_url: None,
            fairplay_uri: None,
        }
    }
}

impl Protection {
    /// How new titles are protected that say nothing of it.
    #[must_use]
    pub fn choice(&self) -> Option<Choice> {
        self.scheme.map(|scheme| Choice { scheme, keys: self.keys, rotation_segments: None })
    }

    /// What protected titles can be played with.
    #[must_use]
    pub fn systems(&self) -> Vec<System> {
        let text = |url: &Option<Url>| url.as_ref().map(Url::to_string);
        let fairplay = self.fairplay_uri.clone().map(|key_uri| System::FairPlay { key_uri });
        [
            self.clear_key.then_some(System::ClearKey { key_url: None }),
            self.widevine.then(|| System::Widevine { licence_url: text(&self.widevine_url) }),
            self.playready.then(|| System::PlayReady { licence_url: text(&self.playready_url) }),
            fairplay,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    pub(super) fn validate(&self) -> Result<()> {
        let is_key = |key: &String| key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !self.master_key.iter().chain(&self.former_master_keys).all(is_key) {
            return Err(bad("protection.master_key and protection.former_master_keys are 64 hexadecimal digits each".into()));
        }
        if self.key_server_url.as_ref().is_some_and(|url| !hides_secrets(url)) {
            return Err(bad("protection.key_server_url must begin with https:, since keys come from there".into()));
        }
        if self.key_server_url.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
            return Err(bad("protection.key_server_url names a user: set protection.key_server_headers instead".into()));
        }
        if self.key_server_url.is_some() && self.clear_key {
            return Err(bad(
                "protection.key_server_url needs protection.clear_key = false: players of Clear Key get the keys themselves"
                    .into(),
            ));
        }
        if self.key_server_url.is_none() && !self.key_server_headers.is_empty() {
            return Err(bad("protection.key_server_headers are for protection.key_server_url, which is not set".into()));
        }
        if self.scheme.is_some() && self.systems().is_empty() {
            return Err(bad(
                "protection.scheme is set, but nothing could play what is protected: set protection.clear_key".into()
            ));
        }
        Ok(())
    }
}

/// `[steering]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Steering {
    /// A server of content steering, which new titles send their players to, of HLS and of DASH: it names other hosts that have all that
    /// `edge.public_url` has, and in which order they are to be asked. Unset: there is none.
    #[serde(deserialize_with = "url")]
    pub url: Option<Url>,
    /// What it calls `edge.public_url`.
    pub pathway: String,
    /// Where the other hosts are, such as `https://other.example`: the pages let a browser go there.
    pub edge_urls: Vec<Url>,
}

impl Default for Steering {
    fn default() -> Self {
        Self { url: None, pathway: "main".to_owned(), edge_urls: Vec::new() }
    }
}

impl Steering {
    /// What titles say of it.
    #[must_use]
    pub fn of_titles(&self) -> Option<presentation::Steering> {
        self.url.clone().map(|url| presentation::Steering { url, pathway: self.pathway.clone() })
    }

    pub(super) fn validate(&self) -> Result<()> {
        let is_known = |of: char| of.is_ascii_alphanumeric() || ".-_".contains(of);
        if self.pathway.is_empty() || !self.pathway.chars().all(is_known) {
            return Err(bad("steering.pathway has letters, digits, and .-_ alone".into()));
        }
        if self.url.as_ref().is_some_and(|url| !matches!(url.scheme(), "http" | "https")) {
            return Err(bad("steering.url must begin with https: or http:".into()));
        }
        Ok(())
    }
}

/// `[start]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Start {
    /// How long an engine that does not answer is waited for, at least 1.
    pub wait_seconds: u32,
}

impl Default for Start {
    fn default() -> Self {
        Self { wait_seconds: 60 }
    }
}

impl Start {
    /// [`Self::wait_seconds`].
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.wait_seconds.into())
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.wait_seconds == 0 {
            return Err(bad("start.wait_seconds must be above 0".into()));
        }
        Ok(())
    }
}

/// `[stop]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stop {
    /// How long requests are still taken after readiness turned red, so that balancers learn of it first. 0 where there are none.
    pub notice_seconds: u32,
}

impl Stop {
    /// [`Self::notice_seconds`].
    #[must_use]
    pub fn notice(&self) -> Duration {
        Duration::from_secs(self.notice_seconds.into())
    }

    pub(super) fn validate(&self) -> Result<()> {
        // A process is stopped hard 30 s after it was asked to: requests that run at the end of the notice need some of them.
        if self.notice_seconds > 20 {
            return Err(bad(format!("stop.notice_seconds is {} but must be 0 to 20", self.notice_seconds)));
        }
        Ok(())
    }
}
