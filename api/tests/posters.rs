//! Pictures that stand for titles: where they are, and choosing another one.

use crate::{
    app::{Client, EDGE, TestApp, body, problem, text},
    playback::edge_keys,
    worker,
};
use marquee_core::{Clock, Role, token::verify};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

async fn choose(client: &Client, video: &str, choice: &Value) -> reqwest::Response {
    client.request(Method::PUT, &format!("/v1/videos/{video}/poster")).json(choice).send().await.unwrap()
}

/// Token and path of a poster's address.
fn parts(address: &Value) -> (String, String) {
    let address = text(address);
    let path = address.strip_prefix(&format!("{EDGE}/")).unwrap_or_else(|| panic!("{address}"));
    let (token, path) = path.split_once('/').unwrap_or_else(|| panic!("{address}"));
    (token.to_owned(), path.to_owned())
}

#[tokio::test]
async fn the_best_poster_stands_for_a_title_until_an_editor_chooses_another() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let title = worker::encoding(&app, &editor).await;
    let (video, encode) = (title.video.to_string(), title.encode);
    assert_eq!(editor.show(&video).await["poster"], Value::Null);
    problem(choose(&editor, &video, &json!({ "time_ms": 20_000 })).await, 404).await;
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let before = body(viewer.post(&format!("/v1/videos/{video}/playback"), &json!({})).await, 200).await;
    assert_eq!(before["thumbnails"], Value::Null);

    title.picture(&app, &[20_000, 5000]).await;
    let shown = viewer.show(&video).await;
    let (token, path) = parts(&shown["poster"]);
    assert_eq!(path, format!("media/{video}/{encode}/thumbs/poster-20000.jpg"));
    let offers: Vec<_> = shown["posters"].as_array().unwrap().iter().map(|offer| (&offer["time_ms"], &offer["chosen"])).collect();
    assert_eq!(offers, [(&json!(20_000), &json!(true)), (&json!(5000), &json!(false))]);
    assert_eq!(shown["posters"][0]["url"], shown["poster"]);
    // The address opens pictures for a day at least, and never the film.
    let (keys, now, scope) = (edge_keys(&app).await, app.clock.now(), format!("{video}/{encode}"));
    assert_eq!(verify(&keys, &token, &format!("{scope}/thumbs"), now + Duration::hours(23)), Ok(()));
    assert!(verify(&keys, &token, &scope, now).is_err());

    for page in ["/v1/videos".to_owned(), format!("/v1/recommendations/{}", viewer.profile)] {
        assert_eq!(body(viewer.get(&page).await, 200).await["items"][0]["poster"], shown["poster"], "{page}");
    }
    let playback = body(viewer.post(&format!("/v1/videos/{video}/playback"), &json!({})).await, 200).await;
    let (token, path) = parts(&playback["thumbnails"]);
    assert_eq!(path, format!("media/{video}/{encode}/thumbs/index.vtt"));
    assert_eq!(verify(&keys, &token, &scope, now), Ok(()));

    let chosen = body(choose(&editor, &video, &json!({ "time_ms": 5000 })).await, 200).await;
    assert!(text(&chosen["poster"]).ends_with("/poster-5000.jpg") && chosen["posters"][1]["chosen"] == json!(true), "{chosen}");
    assert_eq!(viewer.show(&video).await["poster"], chosen["poster"]);
}

#[tokio::test]
async fn only_a_poster_of_ones_own_title_can_be_chosen() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let title = worker::encoding(&app, &editor).await;
    let video = title.video.to_string();
    title.picture(&app, &[20_000, 5000]).await;
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let good = json!({ "time_ms": 5000 });
    problem(choose(&viewer, &video, &good).await, 403).await;
    problem(choose(&app.somebody(Role::Editor).await, &video, &good).await, 403).await;
    problem(choose(&app.nobody(), &video, &good).await, 401).await;
    for missing in [json!(0), json!(5001), json!(u64::MAX)] {
        problem(choose(&editor, &video, &json!({ "time_ms": missing })).await, 404).await;
    }
    for (bad, status) in [(json!({}), 422), (json!({ "time_ms": -1 }), 422), (json!({ "time_ms": 5000, "url": "x" }), 422)] {
        problem(choose(&editor, &video, &bad).await, status).await;
    }
    problem(choose(&editor, "vid_00000000000000000000000000000000", &good).await, 404).await;
    assert!(text(&editor.show(&video).await["poster"]).ends_with("/poster-20000.jpg"));
}

#[tokio::test]
async fn a_title_without_pictures_is_ready_and_says_so() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let title = worker::encoding(&app, &editor).await;
    title.fail_thumbnails(&app).await;
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let shown = editor.show(&title.video.to_string()).await;
    assert_eq!((&shown["status"], &shown["poster"]), (&json!("ready"), &Value::Null));
    assert!(shown["notes"].as_array().unwrap().iter().any(|note| note["code"] == "thumbnails_missing"), "{shown}");
}
