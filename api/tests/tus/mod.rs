//! tus 1.0: every method and every status, interruptions, and requests at the same time.

mod interruptions;
mod races;
mod refusals;
mod transfer;

use crate::app::{Client, TestApp, body, empty};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::TryStreamExt;
use marquee_core::Role;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Bytes that differ everywhere.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub(crate) fn metadata(video: &str) -> String {
    format!("filename {},video_id {}", STANDARD.encode("../../film.mp4"), STANDARD.encode(video))
}

pub(crate) fn tus(client: &Client, method: Method, path: &str) -> RequestBuilder {
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

pub(crate) async fn send(client: &Client, path: &str, offset: usize, bytes: &[u8]) -> Response {
    patch(client, path, offset).body(bytes.to_vec()).send().await.unwrap()
}

/// What HEAD tells: offset and length.
pub(crate) async fn offset(client: &Client, path: &str) -> (u64, u64) {
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
