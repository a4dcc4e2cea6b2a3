//! Uploads whose parts go to the object store itself.

use crate::app::{Client, TestApp, body, empty, problem, text};
use futures::TryStreamExt;
use marquee_backends::{
    db::uploads::{Holder, Lock, Upload},
    testing::S3Server,
};
use marquee_core::{Role, config};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;
use uuid::Uuid;

const PART: usize = 16 << 20;

/// Three parts, the last one short.
fn film() -> Vec<u8> {
    (0..2 * PART as u32 + 1000).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

async fn editor_with_video() -> (TestApp, S3Server, Client, String) {
    let (app, store) = TestApp::start_on_s3(config::Uploads::default()).await;
    let editor = app.somebody(Role::Editor).await;
    let video = editor.video("Sintel").await;
    (app, store, editor, video)
}

async fn open(client: &Client, video: &str, length: usize) -> Response {
    let new = json!({ "video_id": video, "filename": "../../film.mp4", "length_bytes": length });
    client.post("/v1/uploads/direct", &new).await
}

async fn opened(client: &Client, video: &str, length: usize) -> String {
    let upload = body(open(client, video, length).await, 201).await;
    format!("/v1/uploads/{}", text(&upload["id"]))
}

async fn addresses(client: &Client, path: &str, numbers: &[usize]) -> Vec<Value> {
    let answer = body(client.post(&format!("{path}/parts"), &json!({ "numbers": numbers })).await, 200).await;
    assert!(answer["expires_at"].is_string());
    answer["items"].as_array().unwrap().clone()
}

async fn put(url: &str, bytes: &[u8]) -> u16 {
    reqwest::Client::new().put(url).body(bytes.to_vec()).send().await.unwrap().status().as_u16()
}

/// Sends these parts of `film`.
async fn send(client: &Client, path: &str, film: &[u8], numbers: &[usize]) {
    for address in addresses(client, path, numbers).await {
        let number = address["number"].as_u64().unwrap() as usize;
        let part = film.chunks(PART).nth(number - 1).unwrap();
        assert_eq!(address["size_bytes"], part.len());
        assert_eq!(put(&text(&address["url"]), part).await, 200);
    }
}

async fn listed(client: &Client, path: &str) -> Value {
    body(client.get(&format!("{path}/parts")).await, 200).await
}

async fn complete(client: &Client, path: &str, what: Value) -> Response {
    client.post(&format!("{path}/complete"), &what).await
}

#[tokio::test]
async fn parts_go_to_the_store_and_the_film_is_handed_over() {
    let (app, _store, editor, video) = editor_with_video().await;
    let film = film();
    let path = opened(&editor, &video, film.len()).await;
    assert_eq!(editor.show(&video).await["status"], "uploading");
    send(&editor, &path, &film, &[3, 1]).await;
    // A client that was interrupted asks what is there.
    let items = json!([{ "number": 1, "size_bytes": PART }, { "number": 3, "size_bytes": 1000 }]);
    assert_eq!(listed(&editor, &path).await, json!({ "part_bytes": PART, "parts": 3, "items": items }));
    assert_eq!(problem(complete(&editor, &path, json!({})).await, 409).await, "parts_missing");
    send(&editor, &path, &film, &[2]).await;
    let done = body(complete(&editor, &path, json!({ "sha256": hex::encode(Sha256::digest(&film)) })).await, 200).await;
    assert_eq!((&done["video_id"], &done["size_bytes"]), (&json!(video), &json!(film.len())));
    assert_eq!(body(complete(&editor, &path, json!({})).await, 200).await, done, "completing again succeeds");

    let shown = editor.show(&video).await;
    let source = json!({ "filename": "../../film.mp4", "size_bytes": film.len(), "sha256": null });
    assert_eq!((&shown["status"], &shown["source"]), (&json!("uploaded"), &source));
    let jobs = body(editor.get(&format!("/v1/videos/{video}/jobs")).await, 200).await;
    assert_eq!((&jobs["items"][0]["kind"], &jobs["items"][0]["state"]), (&json!("inspect"), &json!("queued")));
    let stored = app.stored().await;
    let object = app.blobs.read(&stored[0], None).await.unwrap();
    assert!(stored.len() == 1 && object.body.try_collect::<Vec<_>>().await.unwrap().concat() == film);

    for asked in
        [editor.get(&format!("{path}/parts")).await, editor.post(&format!("{path}/parts"), &json!({ "numbers": [1] })).await]
    {
        assert_eq!(problem(asked, 409).await, "upload_finished");
    }
}

/// The upload at `path` as whoever holds it sees it, once all its parts are noted as complete.
async fn completed(app: &TestApp, path: &str, stated_sha256: &[u8; 32]) -> (Upload, Holder) {
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let holder = Holder { id: Uuid::nil(), lease: Duration::from_secs(60) };
    let Lock::Held(mut upload) = app.db.lock_upload(id, holder).await.unwrap() else { panic!("somebody holds it") };
    assert_eq!(app.blobs.direct().unwrap().gather(&mut upload.growing).await.unwrap().len(), 3);
    assert!(app.db.complete_upload(&upload, holder, Some(stated_sha256)).await.unwrap());
    (*upload, holder)
}

#[tokio::test]
async fn whoever_completes_again_goes_on_where_somebody_died() {
    let (app, _store, editor, video) = editor_with_video().await;
    let film = film();
    for is_put_together in [false, true] {
        let video = if is_put_together { video.clone() } else { editor.video("Another").await };
        let path = opened(&editor, &video, film.len()).await;
        send(&editor, &path, &film, &[1, 2, 3]).await;
        let (upload, holder) = completed(&app, &path, &[1; 32]).await;
        if is_put_together {
            app.blobs.finish(&upload.growing).await.unwrap();
        }
        app.db.unlock_upload(upload.id, holder).await.unwrap();
        assert_eq!(problem(editor.get(&format!("{path}/parts")).await, 409).await, "upload_complete");
        let sha256: [u8; 32] = Sha256::digest(&film).into();
        body(complete(&editor, &path, json!({ "sha256": hex::encode(sha256) })).await, 200).await;
        assert_eq!(editor.show(&video).await["status"], "uploaded");
        let stated = app.db.unread_source(upload.id).await.unwrap().unwrap().stated_sha256;
        assert_eq!(stated.as_deref(), Some(&sha256[..]), "what was stated last counts");
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let uploads = config::Uploads { size_bytes_max: 1 << 30, open_max: 1, ..config::Uploads::default() };
    let (app, _store) = TestApp::start_on_s3(uploads).await;
    let editor = app.somebody(Role::Editor).await;
    let video = editor.video("Sintel").await;
    assert_eq!(problem(open(&editor, &video, (1 << 30) + 1).await, 413).await, "source_too_large");
    assert_eq!(problem(open(&app.nobody(), &video, 5).await, 401).await, "no_token");
    let path = opened(&editor, &video, PART + 5).await;
    assert_eq!(problem(open(&editor, &video, 5).await, 429).await, "too_many_uploads");
    let ask = async |numbers: Vec<u32>| {
        let asked = editor.post(&format!("{path}/parts"), &json!({ "numbers": numbers })).await;
        problem(asked, 400).await
    };
    assert_eq!(ask(vec![]).await, "too_many_parts");
    assert_eq!(ask(vec![1; 101]).await, "too_many_parts");
    for number in [0, 3, u32::MAX] {
        assert_eq!(ask(vec![1, number]).await, "no_such_part");
    }
    let bad = complete(&editor, &path, json!({ "sha256": "12" })).await;
    assert_eq!(problem(bad, 400).await, "invalid_checksum");

    let url = text(&addresses(&editor, &path, &[2]).await[0]["url"]);
    assert_eq!(put(&url, b"123456").await, 403, "one byte too many");
    assert_eq!(put(&url.replace("partNumber=2", "partNumber=1"), b"12345").await, 403);
    assert_eq!(put(&url.replace("X-Amz-Expires=3600", "X-Amz-Expires=9999"), b"12345").await, 403);
    assert_eq!(listed(&editor, &path).await["items"], json!([]));

    let stranger = app.somebody(Role::Editor).await;
    for asked in [
        stranger.get(&format!("{path}/parts")).await,
        stranger.post(&format!("{path}/parts"), &json!({ "numbers": [1] })).await,
        complete(&stranger, &path, json!({})).await,
        open(&stranger, &video, 5).await,
    ] {
        assert_eq!(problem(asked, 404).await, "not_found");
    }
    let tus = |method, offset| {
        let request = editor.request(method, &path).header("Tus-Resumable", "1.0.0").header("Upload-Offset", offset);
        request.header("Content-Type", "application/offset+octet-stream").body("x")
    };
    assert_eq!(problem(tus(Method::PATCH, "0").send().await.unwrap(), 409).await, "direct_upload");
    empty(editor.request(Method::DELETE, &path).send().await.unwrap(), 204).await;
    assert!(put(&url, b"12345").await >= 400, "nothing is taken for what was given up");
}

#[tokio::test]
async fn a_store_that_takes_no_parts_says_so() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let video = editor.video("Sintel").await;
    assert_eq!(problem(open(&editor, &video, 5).await, 409).await, "not_direct");
    assert_eq!(editor.show(&video).await["status"], "created");
}
