//! How the interface stops: readiness turns red, requests go on while balancers learn of it, then nothing new is taken.

use crate::{
    app::{TestApp, body, problem},
    worker,
};
use futures::StreamExt;
use marquee_backends::testing::eventually;
use marquee_core::Role;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn readiness_turns_red_first_and_the_rest_goes_on_until_the_notice_is_over() {
    let app = TestApp::start_with_notice(Duration::from_secs(3600)).await;
    let editor = app.somebody(Role::Editor).await;
    let id = editor.video("before").await;
    assert_eq!(app.nobody().get("/readyz").await.status(), 200);
    let mut events = editor.get(&format!("/v1/videos/{id}/events")).await.bytes_stream();
    events.next().await.unwrap().unwrap();
    app.shutdown.drain();
    assert_eq!(problem(app.nobody().get("/readyz").await, 503).await, "draining");
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    body(editor.get("/v1/users/me").await, 200).await;
    // What takes long is not turned away either: a balancer would send it here again.
    worker::uploaded(&app, &editor).await;
    app.db.rename_video(id.parse().unwrap(), "after").await.unwrap();
    let mut told = String::new();
    while !told.contains("\"after\"") {
        told.push_str(std::str::from_utf8(&events.next().await.unwrap().unwrap()).unwrap());
    }
    assert!(!app.serving.is_finished());
    app.shutdown.stop();
    stopped(&app).await;
}

#[tokio::test]
async fn nothing_new_is_taken_once_the_notice_is_over() {
    let app = TestApp::start_with_notice(Duration::from_millis(200)).await;
    assert_eq!(app.nobody().get("/readyz").await.status(), 200);
    app.shutdown.drain();
    stopped(&app).await;
}

#[tokio::test]
async fn streams_end_and_requests_finish() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let id = editor.video("x").await;
    let mut events = editor.get(&format!("/v1/videos/{id}/events")).await.bytes_stream();
    events.next().await.unwrap().unwrap();
    app.shutdown.drain();
    while let Some(piece) = events.next().await {
        piece.unwrap();
    }
    stopped(&app).await;
}

async fn stopped(app: &TestApp) {
    eventually("the server stops", async || app.serving.is_finished()).await;
    assert!(TcpStream::connect(app.address).await.is_err());
}
