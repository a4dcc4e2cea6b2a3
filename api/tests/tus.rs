//! tus 1.0: every method and every status, interruptions, and requests at the same time.

use crate::app::{Client, TestApp, body, empty, problem, text};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use marquee_backends::testing::eventually;
use marquee_core::{Role, config, id::UploadId};
use md5::Md5;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;

/// Bytes that differ everywhere.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn metadata(video: &str) -> String {
    format!("filename {},video_id {}", STANDARD.encode("../../film.mp4"), STANDARD.encode(video))
}

fn tus(client: &Client, method: Method, path: &str) -> RequestBuilder {
    client.request(method, path).header("Tus-Resumable", "1.0.0")
}

async fn open(client: &Client, video: &str, length: impl std::fmt::Display) -> Response {
    let request = tus(client, Method::POST, "/v1/uploads").header("Upload-Length", length.to_string());
    request.header("Upload-Metadata", metadata(video)).send().await.unwrap()
}

async fn opened(client: &Client, video: &str, length: usize) -> String {
    let response = open(client, video, length).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(response.headers().contains_key("upload-expires"));
    assert_eq!(response.headers()["tus-resumable"], "1.0.0");
    empty(response, 201).await;
    location
}

fn patch(client: &Client, path: &str, offset: impl std::fmt::Display) -> RequestBuilder {
    let request = tus(client, Method::PATCH, path).header("Upload-Offset", offset.to_string());
    request.header("Content-Type", "application/offset+octet-stream")
}

async fn send(client: &Client, path: &str, offset: usize, bytes: &[u8]) -> Response {
    patch(client, path, offset).body(bytes.to_vec()).send().await.unwrap()
}

/// What HEAD tells: offset and length.
async fn offset(client: &Client, path: &str) -> (u64, u64) {
    let response = tus(client, Method::HEAD, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["cache-control"], "no-store");
    let number = |name: &str| response.headers()[name].to_str().unwrap().parse().unwrap();
    (number("upload-offset"), number("upload-length"))
}

async fn head(client: &Client, path: &str) -> u16 {
    tus(client, Method::HEAD, path).send().await.unwrap().status().as_u16()
}

/// Asserts that the source of `video` is `sent`, whole, with its hash, and waits for its inspection.
async fn arrived(app: &TestApp, client: &Client, video: &str, path: &str, sent: &[u8]) {
    assert_eq!(client.show(video).await["status"], "uploaded");
    let jobs = body(client.get(&format!("/v1/videos/{video}/jobs")).await, 200).await;
    assert_eq!((&jobs["items"][0]["kind"], &jobs["items"][0]["state"]), (&json!("inspect"), &json!("queued")));
    let stored = app.stored().await;
    assert_eq!(stored.len(), 1, "{stored:?}");
    let stored_name = &stored[0];
    let object = app.blobs.read(stored_name, None).await.unwrap();
    let whole: Vec<Bytes> = object.body.try_collect().await.unwrap();
    let whole = whole.concat();
    assert!(whole == sent, "{} bytes of {}", whole.len(), sent.len());
    let id = path.rsplit('/').next().unwrap();
    assert!(stored_name.as_str().ends_with(id), "{stored_name}");
    let source = json!({ "filename": "../../film.mp4", "size_bytes": sent.len(), "sha256": hex::encode(Sha256::digest(sent)) });
    assert_eq!(client.show(video).await["source"], source);
}

async fn editor_with_video(app: &TestApp) -> (Client, String) {
    let editor = app.somebody(Role::Editor).await;
    let video = editor.video("Sintel").await;
    (editor, video)
}

#[tokio::test]
async fn a_film_arrives_in_parts() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let film = bytes(300_000);
    let path = opened(&editor, &video, film.len()).await;
    assert_eq!(editor.show(&video).await["status"], "uploading");
    assert_eq!(offset(&editor, &path).await, (0, 300_000));
    for (begin, end) in [(0, 1), (1, 65_537), (65_537, 65_537), (65_537, 300_000)] {
        let response = send(&editor, &path, begin, &film[begin..end]).await;
        assert_eq!(response.headers()["upload-offset"], end.to_string().as_str());
        empty(response, 204).await;
        assert_eq!(offset(&editor, &path).await.0, end as u64);
    }
    arrived(&app, &editor, &video, &path, &film).await;
    // Whoever did not hear the last answer asks again, and is told the same.
    empty(send(&editor, &path, film.len(), &[]).await, 204).await;
    assert_eq!(problem(send(&editor, &path, film.len(), b"x").await, 409).await, "upload_finished");
    assert_eq!(problem(tus(&editor, Method::DELETE, &path).send().await.unwrap(), 409).await, "upload_finished");
    assert_eq!(problem(open(&editor, &video, 5).await, 409).await, "has_source");
}

#[tokio::test]
async fn the_server_says_what_it_speaks() {
    let app = TestApp::start().await;
    let response = app.nobody().request(Method::OPTIONS, "/v1/uploads").send().await.unwrap();
    for (name, value) in [
        ("tus-resumable", "1.0.0"),
        ("tus-version", "1.0.0"),
        ("tus-extension", "creation,creation-with-upload,termination,checksum,expiration"),
        ("tus-checksum-algorithm", "sha1,sha256,md5"),
        ("tus-max-size", "549755813888"),
    ] {
        assert_eq!(response.headers()[name], value);
    }
    empty(response, 204).await;
}

#[tokio::test]
async fn what_cannot_be_opened_is_refused() {
    let uploads = config::Uploads { size_bytes_max: 1000, open_max: 2, ..config::Uploads::default() };
    let app = TestApp::start_with(config::Auth::default(), uploads).await;
    let (editor, video) = editor_with_video(&app).await;
    let post = |length: Option<&str>, metadata: &str| {
        let request = tus(&editor, Method::POST, "/v1/uploads").header("Upload-Metadata", metadata);
        length.map_or(request.try_clone().unwrap(), |length| request.header("Upload-Length", length))
    };
    let good = metadata(&video);
    let unknown = metadata("vid_00000000000000000000000000000000");
    for (request, status, code) in [
        (post(None, &good), 400, "length_required"),
        (post(None, &good).header("Upload-Defer-Length", "1"), 400, "length_required"),
        (post(Some("-1"), &good), 400, "invalid_header"),
        (post(Some("x"), &good), 400, "invalid_header"),
        (post(Some("1001"), &good), 413, "source_too_large"),
        (post(Some("10995116277760"), &good), 413, "source_too_large"),
        (post(Some("5"), "filename YQ=="), 400, "invalid_metadata"),
        (post(Some("5"), "video_id !!!"), 400, "invalid_metadata"),
        (post(Some("5"), "video_id YQ=="), 400, "invalid_id"),
        (post(Some("5"), &unknown), 404, "not_found"),
        (editor.request(Method::POST, "/v1/uploads"), 412, "tus_version"),
        (editor.request(Method::POST, "/v1/uploads").header("Tus-Resumable", "0.2.2"), 412, "tus_version"),
        (tus(&app.nobody(), Method::POST, "/v1/uploads"), 401, "no_token"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["tus-resumable"], "1.0.0");
        if status == 412 {
            assert_eq!(response.headers()["tus-version"], "1.0.0");
        }
        assert_eq!(problem(response, status).await, code);
    }
    let others = app.somebody(Role::Editor).await;
    assert_eq!(problem(open(&others, &video, 5).await, 404).await, "not_found");
    for _ in 0..2 {
        opened(&editor, &video, 5).await;
    }
    assert_eq!(problem(open(&editor, &video, 5).await, 429).await, "too_many_uploads");
    assert!(app.stored().await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_appended_is_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 10).await;
    empty(send(&editor, &path, 0, b"0123").await, 204).await;
    let ghost = "/v1/uploads/upl_00000000000000000000000000000000";
    let chunked = reqwest::Body::wrap_stream(stream::iter([Ok::<_, io::Error>("456"), Ok("789!")]));
    let wrong_type = tus(&editor, Method::PATCH, &path).header("Upload-Offset", "4").header("Content-Type", "video/mp4");
    let without_offset = tus(&editor, Method::PATCH, &path).header("Content-Type", "application/offset+octet-stream");
    for (request, status, code) in [
        (patch(&editor, &path, 0).body("0123"), 409, "wrong_offset"),
        (patch(&editor, &path, 5).body("5"), 409, "wrong_offset"),
        (patch(&editor, &path, 99).body("5"), 409, "wrong_offset"),
        (patch(&editor, &path, "-4").body("5"), 400, "invalid_header"),
        (patch(&editor, &path, "").body("5"), 400, "invalid_header"),
        (without_offset.body("5"), 400, "offset_required"),
        (patch(&editor, &path, 4).body("456789!"), 413, "beyond_length"),
        (patch(&editor, &path, 4).body(chunked), 413, "beyond_length"),
        (wrong_type.body("456"), 415, "unsupported_media_type"),
        (editor.request(Method::PATCH, &path).body("456"), 412, "tus_version"),
        (patch(&app.nobody(), &path, 4).body("456"), 401, "no_token"),
        (patch(&editor, ghost, 0).body("456"), 404, "not_found"),
        (patch(&editor, "/v1/uploads/x", 0).body("456"), 404, "not_found"),
        (patch(&editor, &path, 4).header("Upload-Checksum", "crc32 AAAA").body("456"), 400, "invalid_checksum"),
    ] {
        assert_eq!(problem(request.send().await.unwrap(), status).await, code);
        assert_eq!(offset(&editor, &path).await, (4, 10), "{code}");
    }
    let other = app.somebody(Role::Admin).await;
    problem(patch(&other, &path, 4).body("456789").send().await.unwrap(), 404).await;
    problem(tus(&other, Method::DELETE, &path).send().await.unwrap(), 404).await;
    assert_eq!(head(&other, &path).await, 404);
    empty(send(&editor, &path, 4, b"456789").await, 204).await;
    arrived(&app, &editor, &video, &path, b"0123456789").await;
}

/// A checksum over bytes.
type Hash = fn(&[u8]) -> Vec<u8>;

#[tokio::test]
async fn a_wrong_checksum_drops_the_bytes_and_a_right_one_keeps_them() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let film = bytes(3 * 70_000);
    let path = opened(&editor, &video, film.len()).await;
    let hashes: [(&str, Hash); 3] = [
        ("sha1", |bytes| Sha1::digest(bytes).to_vec()),
        ("sha256", |bytes| Sha256::digest(bytes).to_vec()),
        ("md5", |bytes| Md5::digest(bytes).to_vec()),
    ];
    for (number, (name, hash)) in hashes.into_iter().enumerate() {
        let (begin, part) = (number * 70_000, &film[number * 70_000..(number + 1) * 70_000]);
        let mut broken = part.to_vec();
        broken[69_999] ^= 1;
        let checksum = format!("{name} {}", STANDARD.encode(hash(part)));
        let request = patch(&editor, &path, begin).header("Upload-Checksum", &checksum).body(broken);
        assert_eq!(problem(request.send().await.unwrap(), 460).await, "checksum_mismatch");
        assert_eq!(offset(&editor, &path).await.0, begin as u64, "the wrong bytes are no part of the upload");
        let request = patch(&editor, &path, begin).header("Upload-Checksum", &checksum).body(part.to_vec());
        empty(request.send().await.unwrap(), 204).await;
    }
    arrived(&app, &editor, &video, &path, &film).await;
}

#[tokio::test]
async fn bytes_may_come_with_the_creation() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let create = |length: &str| {
        let request = tus(&editor, Method::POST, "/v1/uploads").header("Upload-Length", length.to_owned());
        request.header("Upload-Metadata", metadata(&video)).header("Content-Type", "application/offset+octet-stream")
    };
    let response = create("10").body("0123").send().await.unwrap();
    assert_eq!(response.headers()["upload-offset"], "4");
    let path = response.headers()["location"].to_str().unwrap().to_owned();
    empty(response, 201).await;
    empty(send(&editor, &path, 4, b"456789").await, 204).await;
    arrived(&app, &editor, &video, &path, b"0123456789").await;
}

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
async fn clients_that_know_only_post_say_what_they_mean() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 4).await;
    let post = |method: &str| tus(&editor, Method::POST, &path).header("X-HTTP-Method-Override", method);
    let bytes = post("PATCH").header("Upload-Offset", "0").header("Content-Type", "application/offset+octet-stream");
    empty(bytes.body("fi").send().await.unwrap(), 204).await;
    assert_eq!(offset(&editor, &path).await, (2, 4));
    assert_eq!(problem(post("PUT").send().await.unwrap(), 400).await, "method_unclear");
    empty(post("DELETE").send().await.unwrap(), 204).await;
    assert_eq!(head(&editor, &path).await, 404);
}

#[tokio::test]
async fn two_requests_never_append_at_a_time() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 8).await;
    let (feed, pieces) = mpsc::channel::<io::Result<&'static str>>(1);
    let slow = patch(&editor, &path, 0).body(reqwest::Body::wrap_stream(ReceiverStream::new(pieces)));
    let slow = tokio::spawn(async move { slow.send().await.unwrap() });
    feed.send(Ok("0123")).await.unwrap();
    eventually("the first bytes are kept", async || offset(&editor, &path).await.0 == 4).await;
    let second = send(&editor, &path, 4, b"xxxx").await;
    assert_eq!(second.headers()["retry-after"], "6");
    assert_eq!(problem(second, 423).await, "upload_locked");
    let delete = tus(&editor, Method::DELETE, &path).send().await.unwrap();
    assert_eq!(problem(delete, 423).await, "upload_locked");
    feed.send(Ok("4567")).await.unwrap();
    drop(feed);
    empty(slow.await.unwrap(), 204).await;
    arrived(&app, &editor, &video, &path, b"01234567").await;
}

#[tokio::test]
async fn of_many_equal_requests_one_appends() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let film = bytes(500_000);
    let path = opened(&editor, &video, film.len()).await;
    let answers = futures::future::join_all((0..8).map(|_| send(&editor, &path, 0, &film))).await;
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 204 | 409 | 423)), "{statuses:?}");
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
async fn a_terminated_upload_leaves_nothing_and_the_video_waits_for_another() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 8).await;
    empty(send(&editor, &path, 0, b"0123").await, 204).await;
    empty(tus(&editor, Method::DELETE, &path).send().await.unwrap(), 204).await;
    assert_eq!(head(&editor, &path).await, 404);
    problem(send(&editor, &path, 4, b"4567").await, 404).await;
    assert_eq!(editor.show(&video).await["status"], "created");
    assert!(app.stored().await.is_empty());
    let path = opened(&editor, &video, 4).await;
    empty(send(&editor, &path, 0, b"film").await, 204).await;
    arrived(&app, &editor, &video, &path, b"film").await;
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_expires() {
    let uploads = config::Uploads { expiry_seconds: 1, ..config::Uploads::default() };
    let app = TestApp::start_with(config::Auth::default(), uploads).await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 8).await;
    eventually("the upload expires", async || head(&editor, &path).await == 410).await;
    assert_eq!(problem(send(&editor, &path, 0, b"0123").await, 410).await, "upload_expired");
    assert_eq!(problem(tus(&editor, Method::DELETE, &path).send().await.unwrap(), 410).await, "upload_expired");
}

#[tokio::test]
async fn an_empty_film_is_refused_and_the_video_says_so() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    assert_eq!(problem(open(&editor, &video, 0).await, 422).await, "empty_file");
    let failed = editor.show(&video).await;
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("empty_file")));
    let path = opened(&editor, &video, 4).await;
    assert_eq!(text(&editor.show(&video).await["status"]), "uploading");
    empty(send(&editor, &path, 0, b"film").await, 204).await;
    arrived(&app, &editor, &video, &path, b"film").await;
}

#[tokio::test]
async fn the_first_upload_that_is_whole_becomes_the_source() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let (first, second) = (opened(&editor, &video, 4).await, opened(&editor, &video, 4).await);
    empty(send(&editor, &first, 0, b"fi").await, 204).await;
    empty(send(&editor, &second, 0, b"film").await, 204).await;
    assert_eq!(problem(send(&editor, &first, 2, b"lm").await, 410).await, "upload_expired");
    arrived(&app, &editor, &video, &second, b"film").await;
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
