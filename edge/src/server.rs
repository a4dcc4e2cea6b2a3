//! Connections: bounds that keep a slow or hostile peer from holding this edge, and the way it stops.

use crate::meter;
use axum::{Router, body::Body};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use marquee_core::{Error, Result, Shutdown};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// Connections at a time; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 20_000;
/// How long a peer may take to send the head of a request, and how long a connection may idle between two.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a peer may refuse to take a single byte of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Header bytes of one request.
const HEAD_BYTES_MAX: u32 = 16 << 10;
/// Requests at a time in one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// How often a silent HTTP/2 connection is asked whether it lives, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// How long requests may go on once draining has begun.
const DRAIN: Duration = Duration::from_secs(30);
/// Pause after a failed accept, such as too many open files: it does not get better by asking at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `shutdown` drains and the notice is over; then requests finish, within a bound.
pub(crate) async fn serve(router: Router, listener: TcpListener, notice: Duration, shutdown: Shutdown) -> Result<()> {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let builder = builder();
    let closing = async {
        shutdown.draining().await;
        tokio::select! {
            () = tokio::time::sleep(notice) => {}
            () = shutdown.stopping() => {}
        }
    };
    let mut closing = std::pin::pin!(closing);
    loop {
        let next = async {
            let slot = slots.clone().acquire_owned().await.map_err(Error::internal)?;
            Ok::<_, Error>((slot, listener.accept().await))
        };
        let (slot, accepted) = tokio::select! {
            next = next => next?,
            () = &mut closing => break,
        };
        let stream = match accepted {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = connection(&builder, &graceful, router.clone(), stream);
        let stop = shutdown.hard_token();
        tokio::spawn(async move {
            meter::connections().increment(1.0);
            stop.run_until_cancelled(connection).await;
            meter::connections().decrement(1.0);
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
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(HEAD_BYTES_MAX as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// Serves one connection until it ends.
fn connection(
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    router: Router,
    stream: TcpStream,
) -> impl Future<Output = ()> + Send + use<> {
    // Small answers must not wait for more of them. Failing to say so costs speed alone.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
    let serving = graceful.watch(builder.serve_connection(TokioIo::new(Box::pin(stream)), service).into_owned());
    async move {
        if let Err(error) = serving.await {
            tracing::debug!(error, "a connection ended badly");
        }
    }
}
