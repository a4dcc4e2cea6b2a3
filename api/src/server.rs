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
use tower::ServiceExt;

/// Connections at a time; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 10_000;
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

/// Serves `router` on `listener` until `shutdown` drains; then requests finish, within a bound.
pub(crate) async fn serve(router: Router, listener: TcpListener, shutdown: Shutdown) -> Result<()> {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    loop {
        let slot = connections.clone().acquire_owned().await.map_err(Error::internal)?;
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.draining() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
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

/// Serves one connection until it ends.
fn connection(
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: Router,
    stream: TcpStream,
    peer: SocketAddr,
) -> impl Future<Output = ()> + Send + use<> {
    // Small answers must not wait for more of them. Failing to say so costs speed alone.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let serving = graceful.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
    async move {
        if let Err(error) = serving.await {
            tracing::debug!(error, peer = %peer, "connection ended badly");
        }
    }
}
