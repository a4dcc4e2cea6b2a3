//! A key server of others: what it answers the test decides.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, task::JoinSet};
use url::Url;

type Asked = Arc<Mutex<Vec<Request<String>>>>;

/// A server that answers CPIX documents, as long as the test's runtime lives.
pub struct SpekeServer {
    url: Url,
    asked: Asked,
    _server: JoinSet<()>,
}

impl SpekeServer {
    /// Starts one that answers each document as `answer` says: with another one, or a status and its reason.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn start(answer: impl Fn(&str) -> Result<String, (u16, String)> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let url = Url::parse(&format!("http://{address}/speke/v2.0")).expect("a URL");
        let (asked, answer) = (Asked::default(), Arc::new(answer));
        let mut server = JoinSet::new();
        let told = asked.clone();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (asked, answer) = (told.clone(), answer.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let (asked, answer) = (asked.clone(), answer.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.expect("a whole request").to_bytes();
                        let request = Request::from_parts(head, String::from_utf8_lossy(&body).into_owned());
                        let (status, body) = answer(request.body()).map_or_else(|refusal| refusal, |document| (200, document));
                        asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
                        Response::builder().status(status).body(Full::new(Bytes::from(body)))
                    }
                });
                tokio::spawn(
                    async move { Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await },
                );
            }
        });
        Self { url, asked, _server: server }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What it was asked until now.
    #[must_use]
    pub fn asked(&self) -> Vec<Request<String>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
