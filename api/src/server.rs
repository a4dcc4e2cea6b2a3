//! Connections: bounds that keep a slow or hostile peer from holding the server, and the way it stops.

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use marquee_core::{Error, Result, Shutdown};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long a peer may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// Requests at a time in one HTTP/2 connection.
const STREAMS_MAX: u32 = 200;
/// How often a silent HTTP/2 connection is asked whether it lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// Header bytes of one request, before any handler sees it.
const HEAD_BYTES_MAX: usize = 128 << 10;
/// How long requests may go on once draining has begun.
const DRAIN: Duration = Duration::from_secs(20);
/// Pause after a failed accept, such as too many open files: it does not get better by asking at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What peers may take together and each; tests choose less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at a time; further ones wait to be accepted.
    connections_max: usize,
    /// How long a peer may refuse to take a single byte of an answer.
    write_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections_max: 10_000, write_timeout: Duration::from_secs(60) }
    }
}

/// Serves `router` on `listener` until `closing`; then requests finish, within a bound. A hard stop ends everything.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    limits: Limits,
    closing: CancellationToken,
    shutdown: Shutdown,
) -> Result<()> {
    let slots = Arc::new(Semaphore::new(limits.connections_max));
    let graceful = GracefulShutdown::new();
    let builder = builder();
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await.map_err(Error::internal)?;
            Ok::<_, Error>((slot, listener.accept().await))
        };
        let (slot, accepted) = tokio::select! {
            next = next => next?,
            () = closing.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write_timeout));
        let connection = connection(&builder, &graceful, router.clone(), stream, peer);
        let stop = shutdown.hard_token();
        tokio::spawn(async move {
            stop.run_until_cancelled(connection).await;
            drop(slot);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN) => tracing::warn!("requests were still running when the time to drain was over"),
        () = shutdown.stopping() => {}
    }
    Ok(())
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// Serves one connection until it ends.
fn connection(
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: Router,
    stream: TimeoutStream<TcpStream>,
    peer: SocketAddr,
) -> impl Future<Output = ()> + Send + use<> {
    // Small answers must not wait for more of them. Failing to say so costs speed alone.
    let _ = stream.get_ref().set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let serving = graceful.watch(builder.serve_connection(TokioIo::new(Box::pin(stream)), service).into_owned());
    async move {
        if let Err(error) = serving.await {
            tracing::debug!(error, peer = %peer, "connection ended badly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use marquee_backends::testing::{PATIENCE, eventually};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::Notify,
        task::JoinHandle,
    };

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    /// A server of `router` with one slot: its address, what closes it, and its end.
    async fn start(router: Router) -> (SocketAddr, CancellationToken, JoinHandle<Result<()>>) {
        let limits = Limits { connections_max: 1, write_timeout: Duration::from_millis(200) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, closing) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(serve(router, listener, limits, closing.clone(), Shutdown::new()));
        (address, closing, serving)
    }

    async fn rest(mut socket: TcpStream) -> String {
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, socket.read_to_string(&mut answer)).await.expect("the server answers").unwrap();
        answer
    }

    #[tokio::test]
    async fn a_peer_that_never_reads_loses_its_connection_and_its_slot() {
        let (address, ..) = start(Router::new().route("/", get(|| async { "x".repeat(1 << 20) }))).await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        let asking = async { while deaf.write_all(REQUEST).await.is_ok() {} };
        tokio::time::timeout(PATIENCE, asking).await.expect("the server hangs up");
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(LAST_REQUEST).await.unwrap();
        assert!(rest(next).await.starts_with("HTTP/1.1 200 "));
    }

    #[tokio::test]
    async fn a_server_without_a_free_slot_closes_too() {
        let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, waiting) = (entered.clone(), gate.clone());
        let handler = move || async move {
            inside.notify_one();
            waiting.notified().await;
        };
        let (address, closing, serving) = start(Router::new().route("/", get(handler))).await;
        let mut running = TcpStream::connect(address).await.unwrap();
        running.write_all(LAST_REQUEST).await.unwrap();
        entered.notified().await;
        closing.cancel();
        eventually("connections are refused", async || TcpStream::connect(address).await.is_err()).await;
        gate.notify_one();
        assert!(rest(running).await.starts_with("HTTP/1.1 200 "));
        serving.await.unwrap().unwrap();
    }
}
