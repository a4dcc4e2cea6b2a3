//! Uploads that go well: in parts, with the creation, with checksums, and given up.

use super::{arrived, bytes, editor_with_video, head, metadata, offset, open, opened, patch, send, tus};
use crate::app::{TestApp, empty, problem};
use base64::{Engine, engine::general_purpose::STANDARD};
use md5::Md5;
use reqwest::Method;
use sha1::Sha1;
use sha2::{Digest, Sha256};

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
