//! Protected titles: how they are asked for, and who gets which key.

use crate::{
    app::{Client, EDGE, EDGE_KEY, TestApp, body, problem, text},
    worker,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use marquee_backends::testing::key_server;
use marquee_core::{Role, protection::ContentKeys};
use reqwest::Method;
use serde_json::{Value, json};

/// A title of `owner` that is ready and protected, and its keys.
async fn protected(app: &TestApp, owner: &Client) -> (worker::Title, ContentKeys) {
    protected_as(app, owner, "cbcs").await
}

async fn protected_as(app: &TestApp, owner: &Client, protection: &str) -> (worker::Title, ContentKeys) {
    let video = worker::uploaded_protected(app, owner, protection).await;
    let title = worker::encoding_of(app, video).await;
    title.finish(app, 0).await;
    title.publish(app).await;
    let plan = app.db.encode(title.encode).await.unwrap().plan;
    let keys = key_server().open(&app.db, title.encode, &plan.protected.unwrap()).await.unwrap();
    (title, keys)
}

async fn play(client: &Client, video: &str) -> Value {
    body(client.post(&format!("/v1/videos/{video}/playback"), &json!({})).await, 200).await
}

/// The address of a session's Clear Key licences, on the interface.
fn licence_path(playback: &Value) -> String {
    let systems = &playback["protection"]["systems"];
    assert_eq!((&systems[0]["key_system"], systems.as_array().unwrap().len()), (&json!("org.w3.clearkey"), 1));
    let url = text(&systems[0]["licence_url"]);
    url.strip_prefix("http://api.example").unwrap_or_else(|| panic!("{url}")).to_owned()
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn a_session_gets_the_keys_of_what_it_plays_and_no_others() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let (title, keys) = protected(&app, &editor).await;
    let (other, other_keys) = protected(&app, &editor).await;
    let playback = play(&viewer, &title.video.to_string()).await;
    assert_eq!(playback["protection"]["scheme"], "cbcs");
    let path = licence_path(&playback);

    // Players send no credentials but the address.
    let nobody = app.nobody();
    let kids: Vec<_> = keys.0.iter().map(|(_, key)| base64(key.id.as_bytes())).collect();
    let response = nobody.post(&path, &json!({ "kids": kids, "type": "temporary" })).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let licence = body(response, 200).await;
    let expected: Vec<_> = keys
        .0
        .iter()
        .map(|(_, key)| json!({ "kty": "oct", "k": base64(key.secret.expose()), "kid": base64(key.id.as_bytes()) }))
        .collect();
    assert_eq!(licence, json!({ "keys": expected, "type": "temporary" }));

    let ask = async |path: &str, kid: &str| nobody.post(path, &json!({ "kids": [kid] })).await;
    let foreign = base64(other_keys.0[0].1.id.as_bytes());
    problem(ask(&path, &foreign).await, 404).await;
    let elsewhere = path.replace(&title.video.to_string(), &other.video.to_string());
    let elsewhere = elsewhere.replace(&title.encode.to_string(), &other.encode.to_string());
    assert_eq!(problem(ask(&elsewhere, &foreign).await, 403).await, "invalid_token");
    let (bare, _) = path.split_once('?').unwrap();
    problem(ask(bare, &kids[0]).await, 400).await;
    assert_eq!(problem(ask(&format!("{bare}?token=x"), &kids[0]).await, 403).await, "invalid_token");
    assert_eq!(problem(nobody.post(&path, &json!({ "kids": [] })).await, 400).await, "invalid_licence_request");
    app.pass(24 * 3600);
    assert_eq!(problem(ask(&path, &kids[0]).await, 403).await, "expired_token");

    let preflight = nobody.request(Method::OPTIONS, bare).send().await.unwrap();
    assert_eq!((preflight.status().as_u16(), &preflight.headers()["access-control-allow-origin"]), (204, &"*".parse().unwrap()));
}

#[tokio::test]
async fn keys_of_all_crypto_periods_are_given_at_once_and_one_by_one() {
    let app = TestApp::start().await;
    let (editor, viewer, admin) =
        (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await, app.somebody(Role::Admin).await);
    let wanted = json!({ "scheme": "cbcs", "keys": "per_title", "rotation_segments": 1 });
    let (title, base) = protected_as(&app, &editor, &wanted.to_string()).await;
    let video = title.video.to_string();
    assert_eq!(editor.show(&video).await["protection"], wanted);
    let plan = app.db.encode(title.encode).await.unwrap().plan;
    let keys = base.of_periods(plan.protected.as_ref().unwrap().choice, plan.last_segment());
    assert!(keys.0.len() > 1 && keys.0.len() == plan.last_segment() as usize);
    let path = licence_path(&play(&viewer, &video).await);
    let last = &keys.0.last().unwrap().1;
    let ask = async |id: uuid::Uuid| app.nobody().post(&path, &json!({ "kids": [base64(id.as_bytes())] })).await;
    let licence = body(ask(last.id).await, 200).await;
    let given: Vec<_> = licence["keys"].as_array().unwrap().iter().map(|key| text(&key["k"])).collect();
    assert_eq!(given, keys.0.iter().map(|(_, key)| base64(key.secret.expose())).collect::<Vec<_>>());
    problem(ask(base.0[0].1.id).await, 404).await;

    let mut edge = app.nobody();
    edge.token = EDGE_KEY.into();
    let answer = edge.get(&format!("/v1/internal/keys/{video}/{}?id={}", title.encode, last.id)).await;
    assert_eq!(answer.bytes().await.unwrap()[..], last.secret.expose()[..]);
    let document = admin.get(&format!("/v1/videos/{video}/cpix")).await.text().await.unwrap();
    assert!(document.contains("<cpix:ContentKeyPeriod id=\"period_1\"") && document.contains(&last.id.to_string()), "{document}");
    let wrong = json!({ "title": "A film", "protection": { "scheme": "cbcs", "rotation_segments": 0 } });
    problem(editor.post("/v1/videos", &wrong).await, 422).await;
}

#[tokio::test]
async fn edges_get_single_keys_and_administrators_documents_of_them() {
    let app = TestApp::start().await;
    let (editor, admin) = (app.somebody(Role::Editor).await, app.somebody(Role::Admin).await);
    let (title, keys) = protected(&app, &editor).await;
    let (_, key) = &keys.0[0];
    let path = format!("/v1/internal/keys/{}/{}?id={}", title.video, title.encode, key.id);
    problem(admin.get(&path).await, 403).await;
    let mut edge = app.nobody();
    edge.token = EDGE_KEY.into();
    let answer = edge.get(&path).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    assert_eq!(answer.bytes().await.unwrap()[..], key.secret.expose()[..]);
    problem(edge.get(&path.replace(&key.id.to_string(), &uuid::Uuid::nil().to_string())).await, 404).await;

    let document = format!("/v1/videos/{}/cpix", title.video);
    problem(editor.get(&document).await, 403).await;
    let answer = admin.get(&document).await;
    assert_eq!(answer.headers()["content-type"], "application/cpix+xml");
    let text = answer.text().await.unwrap();
    let secret = base64::engine::general_purpose::STANDARD.encode(key.secret.expose());
    assert!(text.contains(&secret) && text.contains(&key.id.to_string()), "{text}");
    let clear = worker::encoding(&app, &editor).await;
    assert_eq!(problem(admin.get(&format!("/v1/videos/{}/cpix", clear.video)).await, 409).await, "not_protected");
    assert_eq!(problem(editor.get(&format!("/v1/videos/{}/download", title.video)).await, 409).await, "protected");
}

#[tokio::test]
async fn a_video_says_how_it_is_protected_and_an_order_changes_that() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let wanted = json!({ "scheme": "cenc", "keys": "per_title" });
    let made = body(editor.post("/v1/videos", &json!({ "title": "A film", "protection": wanted })).await, 201).await;
    assert_eq!(made["protection"], wanted);
    let clear = body(editor.post("/v1/videos", &json!({ "title": "A film" })).await, 201).await;
    assert_eq!(clear["protection"], Value::Null);
    let none = json!({ "title": "A film", "protection": { "scheme": "none" } });
    assert_eq!(body(editor.post("/v1/videos", &none).await, 201).await["protection"], Value::Null);
    let wrong = json!({ "title": "A film", "protection": { "scheme": "aes" } });
    problem(editor.post("/v1/videos", &wrong).await, 422).await;

    let title = worker::encoding(&app, &editor).await;
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let video = title.video.to_string();
    let playback = play(&editor, &video).await;
    assert_eq!(playback["protection"], Value::Null);
    assert!(text(&playback["hls"]).starts_with(EDGE));
    let order = json!({ "protection": { "scheme": "cbcs" } });
    let change = format!("/v1/videos/{video}/change");
    assert_eq!(editor.post(&change, &order).await.status(), 202);
    let shown = editor.show(&video).await;
    assert_eq!((&shown["status"], &shown["protection"]), (&json!("ready"), &Value::Null), "it goes on to show what it shows");
    // What it keeps is said in the order: nothing is encoded again for it.
    let jobs = app.db.list_jobs(title.video).await.unwrap();
    assert!(jobs.iter().any(|job| job.kind == "inspect" && job.state == "queued"));
    problem(editor.post(&change, &order).await, 409).await;
    assert_eq!(editor.delete(&change).await.status(), 204);
    assert_eq!(editor.show(&video).await["protection"], Value::Null, "what was given up changes nothing");
}
