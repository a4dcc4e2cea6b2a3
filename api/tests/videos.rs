//! Making, listing, following and deleting videos.

use crate::{
    app::{Client, TestApp, body, empty, problem, text},
    worker,
};
use futures::StreamExt;
use marquee_core::Role;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_video_begins_as_created() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let id = editor.video("  Sintel <script>\"  ").await;
    let video = editor.show(&id).await;
    assert_eq!(video["title"], "Sintel <script>\"");
    assert_eq!((&video["playable"], &video["progress"], &video["failure"]), (&json!(false), &json!(0.0), &Value::Null));
    assert_eq!((&video["owner_id"], &video["notes"], &video["duration_ms"]), (&json!(editor.user), &json!([]), &Value::Null));
    for (new, status) in [
        (json!({ "title": "" }), 400),
        (json!({ "title": "x".repeat(501) }), 400),
        (json!({ "title": "a\u{0}" }), 400),
        (json!({ "title": 1 }), 422),
        (json!({ "title": "x", "owner_id": "usr_1", "status": "ready" }), 422),
    ] {
        problem(editor.post("/v1/videos", &new).await, status).await;
    }
    let viewer = app.somebody(Role::Viewer).await;
    assert_eq!(problem(viewer.post("/v1/videos", &json!({ "title": "x" })).await, 403).await, "role_too_weak");
}

#[tokio::test]
async fn lists_come_in_pages_newest_first_and_show_only_what_one_may_know() {
    let app = TestApp::start().await;
    let (editor, other) = (app.somebody(Role::Editor).await, app.somebody(Role::Editor).await);
    let mut ids = Vec::new();
    for number in 0..5 {
        app.pass(1);
        ids.push(editor.video(&format!("v{number}")).await);
    }
    ids.reverse();
    let mut listed = Vec::new();
    let mut path = "/v1/videos?limit=2".to_owned();
    loop {
        let page = body(editor.get(&path).await, 200).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        listed.extend(items.iter().map(|item| text(&item["id"])));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/videos?limit=2&cursor={cursor}");
    }
    assert_eq!(listed, ids);
    let count = async |who: &Client| body(who.get("/v1/videos").await, 200).await["items"].as_array().unwrap().len();
    assert_eq!(count(&other).await, 0);
    assert_eq!(count(&app.somebody(Role::Publisher).await).await, 5);
    for bad in [
        "limit=0",
        "limit=201",
        "limit=1000000000",
        "limit=-1",
        "limit=x",
        "cursor=x",
        "cursor=%00",
        "cursor=usr_1",
        "cursor='--",
    ] {
        assert_eq!(problem(editor.get(&format!("/v1/videos?{bad}")).await, 400).await, "invalid_query", "{bad}");
    }
}

#[tokio::test]
async fn a_search_finds_titles_genres_and_people_whatever_the_case() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let title = worker::encoding(&app, &editor).await;
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let (streets, dog, crime) = ("Straße der Ängste", "100% Dog_1", "A crime of dogs");
    for (title, genres, people) in [
        (streets, json!(["Crime"]), json!(["Peter Lorre"])),
        (dog, json!(["Science Fiction"]), json!([])),
        (crime, json!(["Comedy"]), json!(["Gréta O'Hara"])),
    ] {
        app.pass(1);
        let new = json!({ "title": title, "facts": { "genres": genres, "people": people } });
        body(editor.post("/v1/videos", &new).await, 201).await;
    }
    let search = async |who: &Client, query: &[(&str, &str)]| {
        body(who.request(Method::GET, "/v1/videos").query(query).send().await.unwrap(), 200).await
    };
    let found = async |who: &Client, q: &str| {
        let page = search(who, &[("q", q)]).await;
        page["items"].as_array().unwrap().iter().map(|item| text(&item["title"])).collect::<Vec<_>>()
    };
    for (q, titles) in [
        ("DOG", [crime, dog].as_slice()),
        ("crime", &[crime, streets]),
        ("  lorre crime ", &[streets]),
        ("äNGST", &[streets]),
        ("o'hara GRÉTA", &[crime]),
        ("science fiction", &[dog]),
        ("%", &[dog]),
        ("g_1", &[dog]),
        ("lorre dog", &[]),
        ("sintel", &["Sintel"]),
    ] {
        assert_eq!(found(&editor, q).await, titles, "{q}");
    }
    // Who may not know of a video does not find it.
    assert_eq!(found(&viewer, "crime").await, [""; 0]);
    assert_eq!(found(&viewer, "SIN").await, ["Sintel"]);
    let first = search(&editor, &[("q", "crime"), ("limit", "1")]).await;
    let next = search(&editor, &[("q", "crime"), ("limit", "1"), ("cursor", first["next_cursor"].as_str().unwrap())]).await;
    assert_eq!((&first["items"][0]["title"], &next["items"][0]["title"]), (&json!(crime), &json!(streets)));
    assert_eq!(next["next_cursor"], Value::Null);
    assert_eq!(found(&editor, &"ä".repeat(100)).await, [""; 0]);
    for bad in ["", "%20", "%00", "a%0A", &"x".repeat(101)] {
        assert_eq!(problem(editor.get(&format!("/v1/videos?q={bad}")).await, 400).await, "invalid_query", "{bad}");
    }
}

#[tokio::test]
async fn one_key_makes_one_video() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let create = async |title: &str| {
        let request =
            editor.request(Method::POST, "/v1/videos").header("Idempotency-Key", "once").json(&json!({ "title": title }));
        request.send().await.unwrap()
    };
    let answers = futures::future::join_all((0..8).map(|_| create("Sintel"))).await;
    let mut ids = Vec::new();
    for answer in answers {
        ids.push(text(&body(answer, 201).await["id"]));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(problem(create("Other").await, 400).await, "idempotency_key_reused");
}

#[tokio::test]
async fn a_stream_tells_each_change_and_ends_with_the_video() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let id = editor.video("before").await;
    let response = editor.get(&format!("/v1/videos/{id}/events")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.bytes_stream();
    let mut next = async || {
        let mut text = String::new();
        while !text.ends_with("\n\n") {
            let piece = events.next().await?;
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
            text = text.trim_start_matches(":\n\n").to_owned();
        }
        let data = text.strip_prefix("event: video\ndata: ").unwrap_or_else(|| panic!("{text:?}"));
        Some(serde_json::from_str::<Value>(data.trim()).unwrap())
    };
    assert_eq!(next().await.unwrap(), editor.show(&id).await);
    app.db.rename_video(id.parse().unwrap(), "after").await.unwrap();
    assert_eq!(next().await.unwrap()["title"], "after");
    empty(editor.delete(&format!("/v1/videos/{id}")).await, 204).await;
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn a_deleted_video_is_gone_for_everybody() {
    let app = TestApp::start().await;
    let (editor, admin) = (app.somebody(Role::Editor).await, app.somebody(Role::Admin).await);
    let id = editor.video("x").await;
    let path = format!("/v1/videos/{id}");
    empty(editor.delete(&path).await, 204).await;
    for who in [&editor, &admin] {
        problem(who.get(&path).await, 404).await;
        problem(who.delete(&path).await, 404).await;
        problem(who.get(&format!("{path}/jobs")).await, 404).await;
    }
    assert_eq!(body(admin.get("/v1/videos").await, 200).await["items"], json!([]));
}
