//! Files of subtitles beside a film.

use crate::{
    app::{Client, TestApp, body, empty, problem, text},
    worker,
};
use marquee_core::{
    Role,
    id::{SubtitleId, VideoId},
    job::{Failure, Job, LEASE},
};
use marquee_packager::sidecar::FILE_BYTES_MAX;
use reqwest::{Method, Response};
use serde_json::{Value, json};

const SRT: &str = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> & goodbye\n\n2\n00:00:03,000 --> 00:00:04,000\nEnd\n";

async fn add(client: &Client, id: &str, query: &str, file: impl Into<reqwest::Body>) -> Response {
    client.request(Method::POST, &format!("/v1/videos/{id}/subtitles?{query}")).body(file).send().await.unwrap()
}

async fn list(client: &Client, id: &str) -> Vec<Value> {
    body(client.get(&format!("/v1/videos/{id}/subtitles")).await, 200).await["items"].as_array().unwrap().clone()
}

/// The order that waits for a worker.
async fn ordered(app: &TestApp, video: VideoId) -> Option<marquee_backends::db::jobs::Claim> {
    let jobs = app.db.list_jobs(video).await.unwrap();
    let inspect = jobs.iter().find(|job| job.kind == "inspect" && job.state == "queued")?;
    app.db.claim_job(inspect.id, "worker", LEASE).await.unwrap()
}

#[tokio::test]
async fn a_title_that_is_ready_gets_them_as_a_change() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let title = worker::encoding(&app, &editor).await;
    let id = title.video.to_string();
    // What comes before it is ready waits for that.
    let first = body(add(&editor, &id, "language=ger&hearing_impaired=true", SRT).await, 201).await;
    assert_eq!((&first["language"], &first["name"], &first["format"]), (&json!("de"), &json!("Deutsch"), &json!("SRT")));
    assert_eq!((&first["cues"], &first["hearing_impaired"], &first["shown"]), (&json!(2), &json!(true), &json!(false)));
    assert_eq!(editor.show(&id).await["change"], Value::Null);
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let due = app.db.videos_of_due_subtitles(10).await.unwrap();
    let second = body(add(&editor, &id, "language=pt_br&name=For%20all&forced=true", SRT).await, 201).await;
    assert_eq!((&second["language"], &second["name"]), (&json!("pt-BR"), &json!("For all")));
    // Somebody else may have looked after it in the meantime.
    assert!(due == [title.video] || due.is_empty(), "{due:?}");
    let claim = ordered(&app, title.video).await.expect("an order");
    let Job::Inspect { order: Some(order), .. } = &claim.job else { panic!("{claim:?}") };
    assert_eq!((order.like, order.rungs.len()), (Some(title.encode), 0));
    assert_eq!(list(&editor, &id).await, [first.clone(), second]);
    assert_eq!(app.db.videos_of_due_subtitles(10).await.unwrap(), []);
    let shown = text(&first["id"]).parse::<SubtitleId>().unwrap();
    let kept = app.db.subtitle_text(shown).await.unwrap();
    assert!(kept.contains("00:00:01.000 --> 00:00:02.500\n<i>Hello</i> &amp; goodbye\n"), "{kept}");

    // A change that fails waits for somebody who reads why.
    let failure = Failure::Fail { code: "damaged".into(), message: "something is wrong".into() };
    app.db.fail_job(&claim, &failure).await.unwrap();
    for item in list(&editor, &id).await {
        let path = format!("/v1/videos/{id}/subtitles/{}", text(&item["id"]));
        empty(editor.delete(&path).await, 204).await;
        problem(editor.delete(&path).await, 404).await;
    }
    assert_eq!(list(&editor, &id).await, Vec::<Value>::new());
    assert_eq!(editor.show(&id).await["change"]["status"], "failed");
    empty(editor.delete(&format!("/v1/videos/{id}/change")).await, 204).await;
    // It shows what it should.
    let clock = marquee_core::SystemClock;
    let (encode, job) = (marquee_core::id::EncodeId::new(&clock, &marquee_core::OsRandom), worker::job_id());
    assert!(!app.db.order_due_subtitles(title.video, encode, job).await.unwrap());
    assert_eq!(app.db.videos_of_due_subtitles(10).await.unwrap(), []);
    assert_eq!(editor.show(&id).await["change"], Value::Null);
}

#[tokio::test]
async fn what_cannot_be_meant_is_told_with_its_line_and_changes_nothing() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let id = editor.video("Sintel").await;
    let broken = SRT.replace("00:00:04,000", "00:00:02,000").replace("00:00:01,000", "00:00:1x,000");
    let told = body(add(&editor, &id, "language=en", broken).await, 422).await;
    assert_eq!(told["code"], "subtitle_faults");
    assert_eq!(
        told["faults"],
        json!([
            { "line": 2, "message": "this is not the time of a cue: 00:00:1x,000 --> 00:00:02,500" },
            { "line": 6, "message": "the cue ends before it begins" },
        ])
    );
    assert!(text(&told["detail"]).starts_with("line 2: "), "{told}");
    let latin = encoded("1\n00:00:01,000 --> 00:00:02,000\nDéjà vu, garçon, ça va être très bien\n");
    for (query, file, status, code) in [
        ("language=english", SRT.as_bytes().to_vec(), 422, "unknown_language"),
        ("language=und", SRT.into(), 422, "unknown_language"),
        ("language=", SRT.into(), 422, "unknown_language"),
        ("name=x", SRT.into(), 400, "invalid_query"),
        ("language=en&forced=perhaps", SRT.into(), 400, "invalid_query"),
        ("language=en&colour=red", SRT.into(), 400, "invalid_query"),
        ("language=en&name=a%0ab", SRT.into(), 400, "invalid_name"),
        ("language=en", b"hello".to_vec(), 422, "subtitle_faults"),
        ("language=en", Vec::new(), 422, "subtitle_faults"),
        ("language=en", vec![b'x'; FILE_BYTES_MAX + 1], 413, "too_large"),
    ] {
        assert_eq!(problem(add(&editor, &id, query, file).await, status).await, code, "{query}");
    }
    assert_eq!(list(&editor, &id).await, Vec::<Value>::new());
    let guessed = body(add(&editor, &id, "language=fr", latin).await, 201).await;
    assert_eq!(guessed["notes"][0]["code"], "subtitle_charset");
    assert!(text(&guessed["notes"][0]["message"]).ends_with("windows-1252"), "{guessed}");
}

/// Latin-1.
fn encoded(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

#[tokio::test]
async fn words_after_the_end_of_a_film_are_told() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let title = worker::encoding(&app, &editor).await;
    let id = title.video.to_string();
    let late = SRT.replace("00:00:0", "00:01:0");
    assert_eq!(problem(add(&editor, &id, "language=en", late).await, 422).await, "subtitle_late");
    let partly = SRT.replace("00:00:03", "00:01:03").replace("00:00:04", "00:01:04");
    let added = body(add(&editor, &id, "language=en", partly).await, 201).await;
    assert_eq!(added["notes"][0]["code"], "subtitle_late");
}

#[tokio::test]
async fn who_may_edit_a_title_adds_to_it_and_a_key_adds_once() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let id = editor.video("Sintel").await;
    for (role, status) in [(Role::Viewer, 404), (Role::Editor, 404), (Role::Publisher, 201)] {
        let other = app.somebody(role).await;
        assert_eq!(add(&other, &id, "language=en", SRT).await.status(), status, "{role:?}");
    }
    problem(add(&app.nobody(), &id, "language=en", SRT).await, 401).await;
    let there = text(&list(&editor, &id).await[0]["id"]);
    let stranger = app.somebody(Role::Viewer).await;
    problem(stranger.delete(&format!("/v1/videos/{id}/subtitles/{there}")).await, 404).await;
    let other = editor.video("Another").await;
    problem(editor.delete(&format!("/v1/videos/{other}/subtitles/{there}")).await, 404).await;

    let keyed = |language: &str| {
        let path = format!("/v1/videos/{other}/subtitles?language={language}");
        editor.request(Method::POST, &path).header("Idempotency-Key", "once").body(SRT).send()
    };
    let first = body(keyed("en").await.unwrap(), 201).await;
    assert_eq!(body(keyed("eng").await.unwrap(), 201).await, first, "it is the same language");
    assert_eq!(problem(keyed("de").await.unwrap(), 400).await, "idempotency_key_reused");
    assert_eq!(list(&editor, &other).await, [first]);
}
