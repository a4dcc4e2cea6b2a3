//! What is refused, with which status, and that it changes nothing.

use super::{arrived, editor_with_video, head, metadata, offset, open, opened, patch, send, tus};
use crate::app::{TestApp, empty, problem, text};
use futures::stream;
use marquee_backends::testing::eventually;
use marquee_core::{Role, config};
use reqwest::Method;
use serde_json::json;
use std::io;

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
async fn an_empty_film_does_not_end_another_that_is_on_its_way() {
    let app = TestApp::start().await;
    let (editor, video) = editor_with_video(&app).await;
    let path = opened(&editor, &video, 4).await;
    empty(send(&editor, &path, 0, b"fi").await, 204).await;
    assert_eq!(problem(open(&editor, &video, 0).await, 422).await, "empty_file");
    assert_eq!(text(&editor.show(&video).await["status"]), "uploading");
    empty(send(&editor, &path, 2, b"lm").await, 204).await;
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
