//! Uploads that are cut off: by the network, by a client that falls silent, by a crash, by a process that drains.

use super::{arrived, bytes, editor_with_video, head, offset, opened, patch, send, tus};
use crate::app::{Client, TestApp, empty, problem};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::stream;
use marquee_backends::testing::eventually;
use marquee_core::{id::UploadId, sums::BLOCK_BYTES};
use reqwest::Method;
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
    let holder = marquee_backends::db::uploads::Holder { id: uuid::Uuid::from_u128(1), lease: Duration::from_secs(6) };
    let marquee_backends::db::uploads::Lock::Held(mut upload) = app.db.lock_upload(id, holder).await.unwrap() else {
        panic!("nobody else holds it");
    };
    app.blobs.append(&mut upload.growing, Box::pin(stream::iter([Ok("film".into())]))).await.unwrap();
    upload.offset_bytes = 4;
    upload.hash_state = hash_state(b"film");
    assert!(app.db.advance_upload(&upload, holder, Duration::from_secs(60)).await.unwrap());
    // A client that heard that all bytes are there would think that the film is handed over.
    let response = tus(&editor, Method::HEAD, &path).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "6");
    empty(response, 423).await;
    assert_eq!(editor.show(&video).await["status"], "uploading");
    eventually("a question after the lease finishes it", async || head(&editor, &path).await == 200).await;
    assert_eq!(offset(&editor, &path).await, (4, 4));
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

#[tokio::test]
async fn sums_of_blocks_are_right_whatever_was_lost_on_the_way() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let film = bytes(2 * BLOCK_BYTES as usize + 1000);
    let path = opened(&editor, &video, film.len()).await;
    let id: UploadId = path.rsplit('/').next().unwrap().parse().unwrap();
    for end in [1, 1_500_000, 3_000_000] {
        let at = offset(&editor, &path).await.0 as usize;
        empty(send(&editor, &path, at, &film[at..end]).await, 204).await;
        // A process that was killed after it stored bytes, and before it committed them.
        let upload = app.db.upload(id).await.unwrap();
        app.blobs.append(&mut upload.growing.clone(), Box::pin(stream::iter([Ok("lost".into())]))).await.unwrap();
        // A body that changed on its way.
        let changed =
            patch(&editor, &path, end).header("Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").body("hello worle");
        assert_eq!(changed.send().await.unwrap().status(), 460);
    }
    assert_eq!(app.db.source_sums(id).await.unwrap().count(), 1, "blocks that are not whole wait");
    empty(send(&editor, &path, 3_000_000, &film[3_000_000..]).await, 204).await;
    arrived(&app, &editor, &video, &path, &film).await;
    let sums = app.db.source_sums(id).await.unwrap();
    assert_eq!(sums.count(), 3);
    for (index, block) in film.chunks(BLOCK_BYTES as usize).enumerate() {
        let mut other = block.to_vec();
        other[0] ^= 1;
        assert!(sums.agree(index as u64, block) && !sums.agree(index as u64, &other), "{index}");
    }
}

#[tokio::test]
async fn of_a_request_with_a_checksum_nothing_stays_unless_all_of_it_is_right() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 8).await;
    let id: UploadId = path.rsplit('/').next().unwrap().parse().unwrap();
    let kept = async || app.db.upload(id).await.unwrap().offset_bytes;

    let mut long = promised(&app, &editor, &path, b"0123456789").await;
    long.write_all(b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n").await.unwrap();
    assert_eq!((answer(long).await, kept().await), ("413 beyond_length".to_owned(), 0));

    let mut cut = promised(&app, &editor, &path, b"0123").await;
    cut.write_all(b"2\r\n01\r\nthis is no chunk").await.unwrap();
    assert_eq!((answer(cut).await, kept().await), ("400 cut_off".to_owned(), 0));

    let mut draining = promised(&app, &editor, &path, b"0123").await;
    draining.write_all(b"2\r\n01\r\n").await.unwrap();
    app.shutdown.drain();
    assert_eq!((answer(draining).await, kept().await), ("503 draining".to_owned(), 0));
}

/// A request that promises `bytes` and holds the upload already.
async fn promised(app: &TestApp, client: &Client, path: &str, bytes: &[u8]) -> TcpStream {
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Checksum: sha256 {}\r\nTransfer-Encoding: chunked\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n",
        client.token,
        STANDARD.encode(Sha256::digest(bytes))
    );
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut asked_for = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    socket.read_exact(&mut asked_for).await.unwrap();
    assert_eq!(&asked_for, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket
}

/// Status and code of what the server answers.
async fn answer(mut socket: TcpStream) -> String {
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    format!("{} {}", &head["HTTP/1.1 ".len()..][..3], body["code"].as_str().unwrap())
}
