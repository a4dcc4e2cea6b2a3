//! Peers that are slow, odd or in the way of a shutdown.

use crate::harness::{Edge, SCOPE, noise};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_drain_finishes_what_runs_and_takes_nothing_new() {
    let mut edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(10_000)).await;
    let gate = edge.origin.close_gate();
    let running = edge.get(&edge.media("v/540p/000001.m4s")).await;
    edge.shutdown.drain();
    while TcpStream::connect(edge.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(100);
    assert_eq!(running.bytes().await.expect("whole"), noise(10_000));
    assert!(edge.served.take().expect("running").await.expect("no panic").is_ok());
}

#[tokio::test]
async fn a_stop_does_not_wait() {
    let mut edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(10_000)).await;
    let _gate = edge.origin.close_gate();
    let running = edge.get(&edge.media("v/540p/000001.m4s")).await;
    edge.shutdown.stop();
    assert!(edge.served.take().expect("running").await.expect("no panic").is_ok());
    assert!(running.bytes().await.is_err());
}

#[tokio::test]
async fn a_peer_that_never_finishes_its_request_is_dropped() {
    let edge = Edge::start().await;
    let mut slow = TcpStream::connect(edge.address).await.expect("connected");
    slow.write_all(b"GET / HTTP/1.1\r\nHost: e").await.expect("sent");
    let mut answer = Vec::new();
    let began = std::time::Instant::now();
    // The edge hangs up by itself: this waits for it.
    let _ = slow.read_to_end(&mut answer).await;
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

#[tokio::test]
async fn requests_that_two_servers_could_read_differently_are_refused() {
    let edge = Edge::start().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    let line = format!("GET /{}/media/{SCOPE}/master.m3u8 HTTP/1.1\r\nHost: e\r\n", edge.token());
    for rest in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n",
        "X : y\r\n\r\n",
    ] {
        let answer = edge.raw(&format!("{line}{rest}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{rest:?}: {answer}");
    }
    let long = format!("{line}X: {}\r\n\r\n", "y".repeat(100_000));
    assert!(edge.raw(&long).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn other_headers_do_not_make_another_answer() {
    let edge = Edge::start().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    let path = format!("/{}/media/{SCOPE}/master.m3u8", edge.token());
    for header in ["Host: evil.example", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher", "Accept: x/y"] {
        let host = if header.starts_with("Host") { "" } else { "Host: e\r\n" };
        let answer = edge.raw(&format!("GET {path} HTTP/1.1\r\n{host}{header}\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n#EXTM3U\n"), "{answer}");
        assert!(!answer.contains("evil"), "{answer}");
    }
    assert_eq!(edge.origin.reads(), 1);
}
