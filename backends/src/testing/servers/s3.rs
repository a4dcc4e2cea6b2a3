//! An S3 store over a folder, in this process.

use async_trait::async_trait;
use hyper::{
    Method, Request, Response,
    body::Incoming,
    header::IF_NONE_MATCH,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{
    HttpError, S3Result,
    access::{S3Access, S3AccessContext},
    auth::SimpleAuth,
    s3_error,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{
    Arc, PoisonError,
    atomic::{AtomicU32, Ordering},
};
use std::thread;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    runtime,
    sync::{Mutex, oneshot},
};
use url::Url;

const ACCESS_KEY: &str = "marquee";
/// Whoever signs with this key may only read.
const READER: &str = "reader";
const SECRET: &str = "the+secret/of a test";
const BUCKET: &str = "films";
/// Amazon S3 API reference, "Error responses".
const SLOW_DOWN: &str = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";

/// What each key may do.
struct Rights;

#[async_trait]
impl S3Access for Rights {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        match request.credentials().map(|credentials| credentials.access_key.as_str()) {
            Some(ACCESS_KEY) => Ok(()),
            Some(READER) if [Method::GET, Method::HEAD].contains(request.method()) => Ok(()),
            _ => Err(s3_error!(AccessDenied)),
        }
    }
}

/// What all connections share.
struct Desk {
    store: S3Service,
    /// This store looks and writes in two steps; S3 promises one.
    conditional: Mutex<()>,
    requests: AtomicU32,
    refusals: Arc<AtomicU32>,
    writes: Writes,
}

/// How often an object was stored, by its path.
type Writes = Arc<std::sync::Mutex<BTreeMap<String, u32>>>;

/// A store with one empty bucket.
#[derive(Debug)]
pub struct S3Server {
    url: Url,
    folder: TempDir,
    refusals: Arc<AtomicU32>,
    writes: Writes,
    /// The server ends with it.
    _stop: oneshot::Sender<()>,
}

impl S3Server {
    /// Starts one, on a thread of its own: it outlives the runtime of the test that asked first.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("marquee-s3-").tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a new folder can be written");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("the folder is there"));
        let mut keys = SimpleAuth::from_single(ACCESS_KEY, SECRET);
        keys.register(READER.into(), SECRET.into());
        builder.set_auth(keys);
        builder.set_access(Rights);
        let (refusals, writes) = (Arc::new(AtomicU32::new(0)), Writes::default());
        let desk = Arc::new(Desk {
            store: builder.build(),
            conditional: Mutex::new(()),
            requests: AtomicU32::new(0),
            refusals: refusals.clone(),
            writes: writes.clone(),
        });
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
                let _ = tell.send(listener.local_addr().expect("it has an address"));
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        let desk = desk.clone();
                        let service = service_fn(move |request| desk.clone().answer(request));
                        tokio::spawn(async move {
                            Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
                        });
                    }
                };
                tokio::select! {
                    () = serve => {}
                    _ = stopped => {}
                }
            });
        });
        let address = told.await.expect("the server starts");
        let mut url = Url::parse(&format!("s3://{BUCKET}/some/prefix?endpoint=http://{address}")).expect("a URL");
        url.set_username(ACCESS_KEY).expect("a URL with a host");
        url.set_password(Some(SECRET)).expect("a URL with a host");
        Self { url, folder, refusals, writes, _stop: stop }
    }

    /// Where it is, with the access key.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The same with an access key that may only read.
    #[must_use]
    pub fn reader_url(&self) -> Url {
        let mut url = self.url.clone();
        url.set_username(READER).expect("a URL with a host");
        url
    }

    /// Lets it answer every `one_in`-th request with 503 from now on; none, if that is 0.
    pub fn refuse(&self, one_in: u32) {
        self.refusals.store(one_in, Ordering::SeqCst);
    }

    /// How often an object was stored, by its path: those that came in parts when they were put together.
    #[must_use]
    pub fn writes(&self) -> BTreeMap<String, u32> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The folder in which the objects lie.
    #[must_use]
    pub fn folder(&self) -> std::path::PathBuf {
        self.folder.path().join(BUCKET)
    }
}

impl Desk {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<s3s::Body>, HttpError> {
        let one_in = self.refusals.load(Ordering::SeqCst);
        if one_in > 0 && self.requests.fetch_add(1, Ordering::SeqCst).is_multiple_of(one_in) {
            let slow = Response::builder().status(503).body(s3s::Body::from(SLOW_DOWN.to_owned()));
            return Ok(slow.expect("a plain answer"));
        }
        // A task of its own: whoever asked may be gone before the object is there, which is counted all the same.
        tokio::spawn(async move {
            let is_conditional = request.headers().contains_key(IF_NONE_MATCH);
            let _turn = if is_conditional { Some(self.conditional.lock().await) } else { None };
            let stored = stores(&request).then(|| request.uri().path().to_owned());
            let answer = Service::call(&self.store, request).await?;
            if let Some(path) = stored.filter(|_| answer.status().is_success()) {
                *self.writes.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_default() += 1;
            }
            Ok(answer)
        })
        .await
        .expect("the store does not panic")
    }
}

/// Whether an object is there if `request` succeeds: PutObject, CopyObject or CompleteMultipartUpload.
fn stores(request: &Request<Incoming>) -> bool {
    let asks = |name: &str| request.uri().query().is_some_and(|query| query.contains(name));
    match *request.method() {
        Method::PUT => !asks("partNumber="),
        Method::POST => asks("uploadId="),
        _ => false,
    }
}
