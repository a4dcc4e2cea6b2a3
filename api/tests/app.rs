//! The interface as a test sees it: one server for each test, one client for each role.

use marquee_api::{Deps, serve};
use marquee_backends::{
    blobs::{FileBlobs, S3Blobs},
    cache::MemoryCache,
    db::Db,
    testing::{self, S3Server, TestDatabase, key_server},
};
use marquee_core::{Clock, ManualClock, OsRandom, Role, Shutdown, SystemClock, blobs::Blobs, config, object::Key, testing::Bent};
use marquee_recommender::serving::Recommender;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};
use url::Url;

/// Where players would find an edge.
pub(crate) const EDGE: &str = "http://edge.test:8081";
/// Secret of that edge.
pub(crate) const EDGE_KEY: &str = "0123456789abcdef";
/// Password of every account.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Recommendations, of which all are part of an experiment.
fn recommending() -> config::Recommender {
    let (control, name) = (config::Variant::control("control"), "house".to_owned());
    let varied = config::Variant { variety_cost: Some(0.2), ..config::Variant::control("varied") };
    let experiment = config::Experiment { name, begins_at: None, ends_at: None, share: 1.0, variants: vec![control, varied] };
    config::Recommender { experiments: vec![experiment], ..config::Recommender::default() }
}

/// A running interface. Dropping it stops it.
pub(crate) struct TestApp {
    pub(crate) db: Db,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) shutdown: Shutdown,
    pub(crate) address: SocketAddr,
    pub(crate) serving: JoinHandle<marquee_core::Result<()>>,
    accounts: AtomicU32,
    http: reqwest::Client,
    _folder: TempDir,
    _database: TestDatabase,
}

/// Somebody who signed in, or nobody.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    pub(crate) email: String,
    pub(crate) user: String,
    pub(crate) profile: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl TestApp {
    /// With the defaults of the configuration.
    pub(crate) async fn start() -> Self {
        Self::start_with(config::Auth::default(), config::Uploads::default()).await
    }

    pub(crate) async fn start_with(auth: config::Auth, uploads: config::Uploads) -> Self {
        let (db, database) = testing::database().await;
        Self::start_on(db, database, auth, uploads, Duration::ZERO).await
    }

    /// One that still takes requests for `notice` after it began to drain.
    pub(crate) async fn start_with_notice(notice: Duration) -> Self {
        let (db, database) = testing::database().await;
        Self::start_on(db, database, config::Auth::default(), config::Uploads::default(), notice).await
    }

    /// One whose replica never hears of what is written.
    pub(crate) async fn start_with_deaf_replica() -> Self {
        let ((db, database), (_, deaf)) = (testing::database().await, testing::database().await);
        let db = db.with_replica(deaf.url()).await.unwrap();
        Self::start_on(db, database, config::Auth::default(), config::Uploads::default(), Duration::ZERO).await
    }

    /// One whose store takes parts from clients.
    pub(crate) async fn start_on_s3(uploads: config::Uploads) -> (Self, S3Server) {
        let ((db, database), store) = (testing::database().await, S3Server::start().await);
        let blobs = Arc::new(S3Blobs::open(store.url()).await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let app = Self::start_over(db, database, (blobs, folder), config::Auth::default(), uploads, Duration::ZERO).await;
        (app, store)
    }

    /// One whose store finishes objects only when `finishes` lets it.
    pub(crate) async fn start_finishing(finishes: Arc<Semaphore>) -> Self {
        let ((db, database), folder) = (testing::database().await, tempfile::tempdir().unwrap());
        let blobs = Bent::new(Arc::new(FileBlobs::open(folder.path()).await.unwrap()), Ok).finishing(finishes);
        let (auth, uploads) = (config::Auth::default(), config::Uploads::default());
        Self::start_over(db, database, (Arc::new(blobs), folder), auth, uploads, Duration::ZERO).await
    }

    async fn start_on(db: Db, database: TestDatabase, auth: config::Auth, uploads: config::Uploads, notice: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(FileBlobs::open(folder.path()).await.unwrap());
        Self::start_over(db, database, (blobs, folder), auth, uploads, notice).await
    }

    async fn start_over(
        db: Db,
        database: TestDatabase,
        (blobs, folder): (Arc<dyn Blobs>, TempDir),
        auth: config::Auth,
        uploads: config::Uploads,
        notice: Duration,
    ) -> Self {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let deps = Deps {
            db: db.clone(),
            blobs: blobs.clone(),
            cache: Arc::new(MemoryCache::new()),
            recommender: Arc::new(Recommender::new(db.clone(), blobs.clone(), clock.clone(), recommending())),
            clock: clock.clone(),
            random: Arc::new(OsRandom),
            auth,
            uploads,
            key_server: key_server(),
            protection: None,
            steering: config::Steering {
                url: Some(Url::parse("http://steer.test/manifest").unwrap()),
                edge_urls: vec![Url::parse("http://other-edge.test:8081/").unwrap()],
                ..config::Steering::default()
            },
            public_url: Url::parse("http://api.example").unwrap(),
            edge_url: Url::parse(EDGE).unwrap(),
            edge_key: EDGE_KEY.into(),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
            notice,
            trusted_proxies: vec![[127, 0, 0, 1].into()],
        };
        let serving = tokio::spawn(serve(deps, listener, shutdown.clone()));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self {
            db,
            blobs,
            clock,
            shutdown,
            address,
            serving,
            accounts: AtomicU32::new(0),
            http,
            _folder: folder,
            _database: database,
        }
    }

    /// Somebody who has not signed in.
    pub(crate) fn nobody(&self) -> Client {
        Client {
            http: self.http.clone(),
            base: format!("http://{}", self.address),
            email: String::new(),
            user: String::new(),
            profile: String::new(),
            token: String::new(),
            refresh_token: String::new(),
        }
    }

    /// Somebody new with `role`.
    pub(crate) async fn somebody(&self, role: Role) -> Client {
        let mut client = self.nobody();
        client.email = format!("user{}@example.org", self.accounts.fetch_add(1, Ordering::Relaxed));
        let account = json!({ "email": client.email, "password": PASSWORD, "name": "Ada" });
        let session = body(client.post("/v1/users", &account).await, 201).await;
        client.take(&session);
        self.db.set_role(&client.email, role).await.unwrap();
        let me = body(client.get("/v1/users/me").await, 200).await;
        client.profile = text(&me["profiles"][0]["id"]);
        client
    }

    /// Names of everything in the store.
    pub(crate) async fn stored(&self) -> Vec<Key> {
        self.blobs.list("", None, 1000).await.unwrap()
    }

    /// Time passes for tokens; the database has a clock of its own.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(time::Duration::seconds(seconds));
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

impl Client {
    /// Signs in with what the server answered.
    pub(crate) fn take(&mut self, session: &Value) {
        self.user = text(&session["id"]);
        self.token = text(&session["access_token"]);
        self.refresh_token = text(&session["refresh_token"]);
    }

    /// A request with the client's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base)).timeout(Duration::from_secs(60));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PUT, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Response {
        self.request(Method::DELETE, path).send().await.unwrap()
    }

    /// Makes a video and answers its id.
    pub(crate) async fn video(&self, title: &str) -> String {
        let video = body(self.post("/v1/videos", &json!({ "title": title })).await, 201).await;
        assert_eq!(video["status"], "created");
        text(&video["id"])
    }

    /// The video as the client sees it.
    pub(crate) async fn show(&self, video: &str) -> Value {
        body(self.get(&format!("/v1/videos/{video}")).await, 200).await
    }
}

/// A JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// The JSON of an answer with `status`.
pub(crate) async fn body(response: Response, status: u16) -> Value {
    let (found, url) = (response.status(), response.url().clone());
    let bytes = response.bytes().await.unwrap();
    assert_eq!(found, StatusCode::from_u16(status).unwrap(), "{url}: {}", String::from_utf8_lossy(&bytes));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{url}: {error}: {}", String::from_utf8_lossy(&bytes)))
}

/// The code of a problem with `status`, after checking that it is one in every respect.
pub(crate) async fn problem(response: Response, status: u16) -> String {
    let headers = response.headers().clone();
    let problem = body(response, status).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json", "{problem}");
    assert_eq!(problem["status"], status);
    let code = text(&problem["code"]);
    assert_eq!(problem["type"], format!("urn:marquee:problem:{code}"));
    assert!(!text(&problem["title"]).is_empty() && !text(&problem["detail"]).is_empty(), "{problem}");
    assert_eq!(problem["request_id"], headers["x-request-id"].to_str().unwrap());
    assert_eq!(headers["x-content-type-options"], "nosniff");
    if matches!(status, 429 | 503) {
        assert!(headers.contains_key(header::RETRY_AFTER), "{problem}");
    }
    if status == 401 {
        assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
    }
    code
}

/// Asserts that an answer has `status` and no body.
pub(crate) async fn empty(response: Response, status: u16) {
    let found = response.status();
    let bytes = response.bytes().await.unwrap();
    assert_eq!(found, StatusCode::from_u16(status).unwrap(), "{}", String::from_utf8_lossy(&bytes));
    assert!(bytes.is_empty());
}
