//! Titles that change while they are shown: encoded anew, or given another film.

use crate::{
    app::{Client, TestApp, body, empty, problem, text},
    tus::{bytes, metadata, offset, send, tus},
    worker,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use marquee_core::{
    Role,
    job::{Failure, Job, LEASE},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

/// A title of a new editor that is ready.
async fn ready(app: &TestApp) -> (Client, worker::Title, String) {
    let editor = app.somebody(Role::Editor).await;
    let title = worker::encoding(app, &editor).await;
    title.finish(app, 0).await;
    title.publish(app).await;
    let id = title.video.to_string();
    (editor, title, id)
}

async fn begin(client: &Client, id: &str, change: &Value) -> Response {
    client.post(&format!("/v1/videos/{id}/change"), change).await
}

async fn give_up(client: &Client, id: &str) -> Response {
    client.request(Method::DELETE, &format!("/v1/videos/{id}/change")).send().await.unwrap()
}

/// Opens an upload of `length` bytes for a video that may be ready.
async fn replace(client: &Client, id: &str, length: usize) -> Response {
    let replaces = format!("{},replace", metadata(id));
    let request = tus(client, Method::POST, "/v1/uploads").header("Upload-Metadata", replaces);
    request.header("Upload-Length", length).send().await.unwrap()
}

#[tokio::test]
async fn a_title_is_encoded_anew_while_it_is_shown() {
    let app = TestApp::start().await;
    let (editor, title, id) = ready(&app).await;
    assert_eq!(editor.show(&id).await["change"], Value::Null);
    empty(begin(&editor, &id, &json!({ "recipe": "archive", "ladder": "fixed" })).await, 202).await;
    let shown = editor.show(&id).await;
    assert_eq!((&shown["status"], &shown["playable"], &shown["progress"]), (&json!("ready"), &json!(true), &json!(1.0)));
    let change = json!({ "status": "uploaded", "progress": 0.0, "ready_in_ms": null, "failure": null });
    assert_eq!(shown["change"], change);
    assert_eq!(problem(begin(&editor, &id, &json!({})).await, 409).await, "on_its_way");

    let jobs = app.db.list_jobs(title.video).await.unwrap();
    let inspect = jobs.iter().find(|job| job.kind == "inspect" && job.state == "queued").unwrap();
    let claim = app.db.claim_job(inspect.id, "worker", LEASE).await.unwrap().expect("nobody has it");
    let Job::Inspect { order: Some(order), .. } = &claim.job else { panic!("{claim:?}") };
    assert_eq!((order.recipe.as_deref(), order.like), (Some("archive"), None));
    let failure = Failure::Fail { code: "unknown_recipe".into(), message: "there is no such recipe".into() };
    app.db.fail_job(&claim, &failure).await.unwrap();
    let failed = editor.show(&id).await["change"].clone();
    assert_eq!((&failed["status"], &failed["failure"]["code"]), (&json!("failed"), &json!("unknown_recipe")));
    let listed = body(editor.get("/v1/videos").await, 200).await;
    assert_eq!(listed["items"][0]["change"]["status"], "failed");

    empty(give_up(&editor, &id).await, 204).await;
    assert_eq!(editor.show(&id).await["change"], Value::Null);
    assert_eq!(problem(give_up(&editor, &id).await, 409).await, "no_change");
}

#[tokio::test]
async fn mistakes_in_an_order_are_told_at_once() {
    let app = TestApp::start().await;
    let (editor, _, id) = ready(&app).await;
    let rung = |change: Value| json!({ "rungs": [change] });
    for (change, status, code) in [
        (rung(json!({ "id": "999p" })), 400, "unknown_rung"),
        (rung(json!({ "id": "360p", "crf": 99 })), 400, "invalid_rung"),
        (rung(json!({ "id": "360p", "preset": "warp" })), 400, "invalid_rung"),
        (rung(json!({ "id": "360p", "max_bitrate_bps": 1 })), 400, "invalid_rung"),
        (json!({ "recipe": "archive", "rungs": [{ "id": "360p" }] }), 400, "invalid_change"),
        (json!({ "recipe": "cinema" }), 400, "unknown_recipe"),
    ] {
        assert_eq!(problem(begin(&editor, &id, &change).await, status).await, code, "{change}");
    }
    for change in [json!({ "ladder": "best" }), json!({ "colour": "red" }), rung(json!({ "crf": 20 }))] {
        problem(begin(&editor, &id, &change).await, 422).await;
    }
    assert_eq!(editor.show(&id).await["change"], Value::Null);
    empty(begin(&editor, &id, &rung(json!({ "id": "360p", "crf": 20 }))).await, 202).await;

    let waiting = editor.video("Without a film").await;
    assert_eq!(problem(begin(&editor, &waiting, &json!({})).await, 409).await, "on_its_way");
    assert_eq!(problem(begin(&editor, &waiting, &rung(json!({ "id": "360p" }))).await, 409).await, "not_ready");
}

#[tokio::test]
async fn only_who_may_edit_a_title_changes_it() {
    let app = TestApp::start().await;
    let (editor, _, id) = ready(&app).await;
    for (role, status) in [(Role::Viewer, 403), (Role::Editor, 403), (Role::Publisher, 202)] {
        let other = app.somebody(role).await;
        let answer = begin(&other, &id, &json!({})).await;
        assert_eq!(answer.status(), status, "{role:?}");
        if status == 403 {
            problem(give_up(&other, &id).await, 403).await;
            problem(replace(&other, &id, 5).await, 403).await;
        }
    }
    problem(begin(&app.nobody(), &id, &json!({})).await, 401).await;
    assert_eq!(app.somebody(Role::Viewer).await.show(&id).await["change"], Value::Null, "it is nothing to those who watch");
    empty(give_up(&editor, &id).await, 204).await;
}

#[tokio::test]
async fn chapters_are_given_in_order_and_within_the_film() {
    let app = TestApp::start().await;
    let (editor, title, id) = ready(&app).await;
    let end = editor.show(&id).await["duration_ms"].as_u64().unwrap();
    let chapter = |start_ms, end_ms, title: &str| json!({ "start_ms": start_ms, "end_ms": end_ms, "title": title });
    for bad in [vec![chapter(0, end + 1, "Intro")], vec![chapter(1, 1, "")], vec![chapter(end / 2, end, ""), chapter(0, 1, "")]] {
        assert_eq!(problem(begin(&editor, &id, &json!({ "chapters": bad })).await, 400).await, "invalid_chapters");
    }
    let chapters = json!([chapter(0, 1, "Intro"), chapter(1, end, "Credits")]);
    empty(begin(&editor, &id, &json!({ "chapters": chapters })).await, 202).await;
    let jobs = app.db.list_jobs(title.video).await.unwrap();
    assert_eq!(jobs.iter().filter(|job| job.kind == "inspect").count(), 2);
}

#[tokio::test]
async fn another_film_takes_the_place_of_the_one_that_is_shown() {
    let app = TestApp::start().await;
    let (editor, title, id) = ready(&app).await;
    let before = editor.show(&id).await["source"].clone();
    let film = bytes(1000);
    let opened = replace(&editor, &id, film.len()).await;
    let path = text(&json!(opened.headers()["location"].to_str().unwrap()));
    empty(opened, 201).await;
    let shown = editor.show(&id).await;
    assert_eq!((&shown["status"], &shown["change"]["status"]), (&json!("ready"), &json!("uploading")));
    // One that is given up leaves nothing.
    empty(tus(&editor, Method::DELETE, &path).send().await.unwrap(), 204).await;
    assert_eq!(editor.show(&id).await["change"], Value::Null);

    let opened = replace(&editor, &id, film.len()).await;
    let path = text(&json!(opened.headers()["location"].to_str().unwrap()));
    empty(send(&editor, &path, 0, &film).await, 204).await;
    assert_eq!(offset(&editor, &path).await, (1000, 1000));
    let shown = editor.show(&id).await;
    assert_eq!((&shown["change"]["status"], &shown["source"]), (&json!("uploaded"), &before), "it still shows the one before");
    let jobs = app.db.list_jobs(title.video).await.unwrap();
    assert_eq!(jobs.iter().filter(|job| job.kind == "inspect").count(), 2);
    assert_eq!(problem(replace(&editor, &id, 5).await, 409).await, "has_source");

    empty(give_up(&editor, &id).await, 204).await;
    assert_eq!(problem(replace(&editor, &id, 0).await, 422).await, "empty_file");
    let shown = editor.show(&id).await;
    assert_eq!((&shown["status"], &shown["change"]["failure"]["code"]), (&json!("ready"), &json!("empty_file")));
    // What it takes is said, not guessed.
    let plain = format!("{},replace {}", metadata(&id), STANDARD.encode("false"));
    let request = tus(&editor, Method::POST, "/v1/uploads").header("Upload-Metadata", plain).header("Upload-Length", 5);
    assert_eq!(problem(request.send().await.unwrap(), 409).await, "has_source");
}
