//! Uploads that are cut off: by the network, by a client that falls silent, by a crash, by a process that drains.

use super::{arrived, bytes, editor_with_video, offset, opened, patch, send};
use crate::app::{TestApp, empty, problem};
use futures::stream;
use marquee_backends::testing::eventually;
use marquee_core::id::UploadId;
use sha2::{Digest, Sha256};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;

#[tokio::test]
async fn a_cut_connection_keeps_what_arrived_and_the_client_goes_on() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let film = bytes(2_000_000);
    let path = opened(&editor, &video, film.len()).await;
    let mut at = 0;
    for sent in [0, 1, 100_000, 777_777] {
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {at}\r\n\
             Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n\r\n",
            editor.token,
            film.len() - at
        );
        let expected = (at + sent) as u64;
        let socket = loop {
            let mut socket = TcpStream::connect(app.address).await.unwrap();
            socket.write_all(head.as_bytes()).await.unwrap();
            socket.write_all(&film[at..at + sent]).await.unwrap();
            let mut answer = [0; "HTTP/1.1 423".len()];
            tokio::select! {
                // Data that the server did not read may be lost with the connection: wait until it has it, or cut at once if there is none.
                () = eventually("the bytes arrive", async || offset(&editor, &path).await.0 == expected) => break socket,
                // The request that was cut off before may be read only now; as long as it holds the upload, clients try again.
                read = socket.read_exact(&mut answer) => assert_eq!((read.is_ok(), &answer), (true, b"HTTP/1.1 423")),
            }
        };
        drop(socket);
        at += sent;
        eventually("the lock of the dead request ends", async || {
            let response = send(&editor, &path, at, &[]).await;
            matches!(response.status().as_u16(), 204)
        })
        .await;
        assert_eq!(offset(&editor, &path).await.0, at as u64);
    }
    empty(send(&editor, &path, at, &film[at..]).await, 204).await;
    arrived(&app, &editor, &video, &path, &film).await;
}

#[tokio::test]
async fn a_silent_request_loses_the_upload_to_the_next_one() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 8).await;
    let (feed, pieces) = mpsc::channel::<io::Result<&'static str>>(1);
    let silent = patch(&editor, &path, 0).body(reqwest::Body::wrap_stream(ReceiverStream::new(pieces)));
    let silent = tokio::spawn(async move { silent.send().await.unwrap() });
    feed.send(Ok("0123")).await.unwrap();
    eventually("the first bytes are kept", async || offset(&editor, &path).await.0 == 4).await;
    eventually("the next request takes over", async || send(&editor, &path, 4, b"4567").await.status() == 204).await;
    feed.send(Ok("xxxx")).await.unwrap();
    drop(feed);
    assert_eq!(problem(silent.await.unwrap(), 409).await, "taken_over");
    arrived(&app, &editor, &video, &path, b"01234567").await;
}

#[tokio::test]
async fn a_crash_before_the_last_step_heals_with_the_next_question() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 4).await;
    let id: UploadId = path.rsplit('/').next().unwrap().parse().unwrap();
    // As a process leaves it that dies after the last byte was committed and before the source was handed over.
    let holder = marquee_backends::db::uploads::Holder { id: uuid::Uuid::from_u128(1), lease: Duration::ZERO };
    let marquee_backends::db::uploads::Lock::Held(mut upload) = app.db.lock_upload(id, holder).await.unwrap() else {
        panic!("nobody else holds it");
    };
    app.blobs.append(&mut upload.growing, Box::pin(stream::iter([Ok("film".into())]))).await.unwrap();
    upload.offset_bytes = 4;
    upload.hash_state = hash_state(b"film");
    assert!(app.db.advance_upload(&upload, holder, Duration::from_secs(60)).await.unwrap());
    assert_eq!(editor.show(&video).await["status"], "uploading");
    eventually("the question finishes it", async || {
        assert_eq!(offset(&editor, &path).await, (4, 4));
        editor.show(&video).await["status"] == "uploaded"
    })
    .await;
    arrived(&app, &editor, &video, &path, b"film").await;
}

/// What the interface keeps of a running hash.
fn hash_state(bytes: &[u8]) -> Vec<u8> {
    use sha2::digest::common::hazmat::SerializableState;
    Sha256::new().chain_update(bytes).serialize().to_vec()
}

#[tokio::test]
async fn a_draining_process_keeps_what_arrived() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 8).await;
    let (feed, pieces) = mpsc::channel::<io::Result<&'static str>>(1);
    let request = patch(&editor, &path, 0).body(reqwest::Body::wrap_stream(ReceiverStream::new(pieces)));
    let request = tokio::spawn(async move { request.send().await.unwrap() });
    feed.send(Ok("0123")).await.unwrap();
    let id: UploadId = path.rsplit('/').next().unwrap().parse().unwrap();
    eventually("the bytes are kept", async || app.db.upload(id).await.unwrap().offset_bytes == 4).await;
    app.shutdown.drain();
    assert_eq!(problem(request.await.unwrap(), 503).await, "draining");
    assert_eq!(app.db.upload(id).await.unwrap().offset_bytes, 4);
}
