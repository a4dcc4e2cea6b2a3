//! `POST /v1/videos` as a form with the film inside.

use crate::app::{Client, TestApp, body, problem, text};
use futures::{StreamExt, stream};
use marquee_backends::testing::eventually;
use marquee_core::{Role, config};
use reqwest::{
    Method, Response,
    multipart::{Form, Part},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io;

async fn post(client: &Client, form: Form) -> Response {
    client.request(Method::POST, "/v1/videos").multipart(form).send().await.unwrap()
}

fn film(bytes: impl Into<reqwest::Body>) -> Part {
    Part::stream(bytes).file_name("Sintel.mp4")
}

#[tokio::test]
async fn a_form_makes_a_video_with_its_source() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let film_bytes = vec![7_u8; 3_000_000];
    let form = Form::new().text("title", "My film").part("file", film(film_bytes.clone()));
    let video = body(post(&editor, form).await, 201).await;
    assert_eq!((&video["title"], &video["status"]), (&json!("My film"), &json!("uploaded")));
    let stored = app.stored().await;
    assert_eq!(stored.len(), 1);
    assert!(stored[0].as_str().starts_with(&format!("sources/{}/upl_", text(&video["id"]))));
    assert_eq!(app.blobs.head(&stored[0]).await.unwrap().size_bytes, 3_000_000);
    let sha256 = hex::encode(Sha256::digest(&film_bytes));
    let source = json!({ "filename": "Sintel.mp4", "size_bytes": 3_000_000, "sha256": sha256 });
    assert_eq!(video["source"], source);
}

#[tokio::test]
async fn the_title_may_come_late_or_not_at_all() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let video = body(post(&editor, Form::new().part("file", film("film")).text("title", "Late")).await, 201).await;
    assert_eq!(video["title"], "Late");
    let video = body(post(&editor, Form::new().text("else", "x").part("file", film("film"))).await, 201).await;
    assert_eq!(video["title"], "Sintel");
}

#[tokio::test]
async fn a_long_file_name_is_cut() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let film = Part::bytes(b"film".to_vec()).file_name("x".repeat(600));
    let video = body(post(&editor, Form::new().part("file", film)).await, 201).await;
    assert_eq!((&video["status"], &video["source"]["filename"]), (&json!("uploaded"), &json!("x".repeat(500))));
}

#[tokio::test]
async fn nothing_behind_the_film_refuses_it() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let form = || Form::new().part("file", film("film"));
    for (number, form) in [
        form().text("title", ""),
        form().text("title", "x".repeat(501)),
        form().text("title", "x".repeat(100_000)).text("else", "x".repeat(100_000)),
        form().part("file", film(vec![0; 100_000])),
    ]
    .into_iter()
    .enumerate()
    {
        let video = body(post(&editor, form).await, 201).await;
        assert_eq!((&video["title"], &video["status"]), (&json!("Sintel"), &json!("uploaded")));
        let list = body(editor.get("/v1/videos").await, 200).await;
        assert_eq!(list["items"].as_array().unwrap().len(), number + 1);
    }
    let broken = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Sintel.mp4\"\r\n\r\nfilm\r\n--x\r\nnonsense";
    let broken =
        editor.request(Method::POST, "/v1/videos").header("Content-Type", "multipart/form-data; boundary=x").body(broken);
    assert_eq!(body(broken.send().await.unwrap(), 201).await["status"], "uploaded");
    let form = form().text("title", "").text("title", "Late");
    assert_eq!(body(post(&editor, form).await, 201).await["title"], "Late");
}

#[tokio::test]
async fn forms_that_cannot_be_are_refused() {
    let uploads = config::Uploads { size_bytes_max: 1000, ..config::Uploads::default() };
    let app = TestApp::start_with(config::Auth::default(), uploads).await;
    let editor = app.somebody(Role::Editor).await;
    for (form, status, code) in [
        (Form::new().text("title", "x"), 400, "no_file"),
        (Form::new().text("title", "x".repeat(5000)).part("file", film("film")), 413, "field_too_large"),
        (Form::new().text("title", "x".repeat(501)).part("file", film("film")), 400, "invalid_name"),
        (Form::new().text("title", "x").part("file", film("")), 422, "empty_file"),
        (Form::new().text("title", "x").part("file", film(vec![0; 1001])), 413, "source_too_large"),
    ] {
        assert_eq!(problem(post(&editor, form).await, status).await, code);
    }
    assert!(app.stored().await.is_empty());
    let viewer = app.somebody(Role::Viewer).await;
    assert_eq!(problem(post(&viewer, Form::new().part("file", film("film"))).await, 403).await, "role_too_weak");
    let malformed =
        editor.request(Method::POST, "/v1/videos").header("Content-Type", "multipart/form-data; boundary=x").body("nonsense");
    assert_eq!(problem(malformed.send().await.unwrap(), 400).await, "malformed_form");
    let without = editor.request(Method::POST, "/v1/videos").header("Content-Type", "multipart/form-data").body("nonsense");
    assert_eq!(problem(without.send().await.unwrap(), 400).await, "malformed_form");
}

#[tokio::test]
async fn a_form_that_breaks_off_leaves_a_video_that_waits_and_no_bytes() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let pieces = stream::iter(0..200).map(|number| match number {
        199 => Err(io::Error::other("the connection broke")),
        _ => Ok(vec![1_u8; 10_000]),
    });
    let form = Form::new().text("title", "x").part("file", film(reqwest::Body::wrap_stream(pieces)));
    editor.request(Method::POST, "/v1/videos").multipart(form).send().await.unwrap_err();
    eventually("the video waits again", async || {
        let list = body(editor.get("/v1/videos").await, 200).await;
        list["items"][0]["status"] == "created"
    })
    .await;
    assert!(app.stored().await.is_empty());
}

#[tokio::test]
async fn one_key_makes_one_video_even_if_its_film_comes_later() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let post = async |bytes: &'static str| {
        let form = Form::new().text("title", "x").part("file", film(bytes));
        editor.request(Method::POST, "/v1/videos").header("Idempotency-Key", "k").multipart(form).send().await.unwrap()
    };
    let first = body(post("film").await, 201).await;
    let second = body(post("film").await, 201).await;
    assert_eq!(first["id"], second["id"]);
    assert_eq!(app.stored().await.len(), 1);
}
