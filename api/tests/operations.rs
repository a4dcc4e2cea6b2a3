//! What operators build on: replicas, proxies, workers.

use crate::app::{TestApp, body, problem};
use marquee_backends::db::workers::Identity;
use marquee_core::{OsRandom, Role, SystemClock, id::WorkerId};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn lists_come_from_the_replica_but_for_whoever_has_just_written() {
    let app = TestApp::start_with_deaf_replica().await;
    let (writer, reader) = (app.somebody(Role::Publisher).await, app.somebody(Role::Publisher).await);
    let shown = async |client: &crate::app::Client| {
        let list = body(client.get("/v1/videos").await, 200).await;
        list["items"].as_array().unwrap().len()
    };
    writer.video("Sintel").await;
    assert_eq!(shown(&writer).await, 1, "what one wrote one can read");
    assert_eq!(shown(&reader).await, 0, "the replica has not heard of it");
    reader.video("Tears of Steel").await;
    assert_eq!(shown(&reader).await, 2);
}

#[tokio::test]
async fn limits_count_those_behind_a_proxy_one_by_one() {
    let app = TestApp::start().await;
    let victim = app.somebody(Role::Viewer).await;
    let guess = async |from: &str, password: &str| {
        let request = app.nobody().request(Method::POST, "/v1/users/login").header("X-Forwarded-For", from);
        request.json(&json!({ "email": victim.email, "password": password })).send().await.unwrap()
    };
    for _ in 0..10 {
        assert_eq!(problem(guess("203.0.113.9", "wrong").await, 401).await, "wrong_credentials");
    }
    assert_eq!(problem(guess("203.0.113.9", "wrong").await, 429).await, "too_many_attempts");
    assert_eq!(problem(guess("198.51.100.7, 203.0.113.9", "wrong").await, 429).await, "too_many_attempts");
    assert_eq!(guess("198.51.100.7", crate::app::PASSWORD).await.status(), 200, "another address is not held up");
}

#[tokio::test]
async fn operators_see_who_works_and_nobody_else_does() {
    let app = TestApp::start().await;
    let worker = Identity {
        id: WorkerId::new(&SystemClock, &OsRandom),
        name: "encoder-3:4711".into(),
        version: "1".into(),
        slots: 4,
        kinds: vec!["encode".into()],
        classes: vec!["bulk".into()],
        capabilities: json!({ "cpus": 8 }),
    };
    app.db.worker_seen(&worker, false).await.unwrap();
    let operator = app.somebody(Role::Operator).await;
    let list = body(operator.get("/v1/workers").await, 200).await;
    let seen = &list["items"][0];
    assert_eq!((&seen["id"], &seen["slots"], &seen["running"]), (&json!(worker.id), &json!(4), &json!(0)));
    assert_eq!((&seen["alive"], &seen["capabilities"]["cpus"]), (&json!(true), &json!(8)));
    for role in [Role::Viewer, Role::Editor, Role::Publisher] {
        assert_eq!(problem(app.somebody(role).await.get("/v1/workers").await, 403).await, "role_too_weak");
    }
}

#[tokio::test]
async fn readiness_says_what_the_store_promises() {
    let app = TestApp::start().await;
    let answer = app.nobody().get("/readyz").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("created once"));
}
