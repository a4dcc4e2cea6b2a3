//! Pressing play while a title grows and once it is ready; positions; recommendations; what edges ask.

use crate::{
    app::{Client, EDGE, EDGE_KEY, TestApp, body, empty, problem, text},
    worker,
};
use futures::StreamExt;
use marquee_core::{
    Clock, Role,
    token::{SigningKey, verify},
};
use reqwest::Response;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

async fn play(client: &Client, video: &str) -> Response {
    client.post(&format!("/v1/videos/{video}/playback"), &json!({})).await
}

/// Keys that edges are told.
pub(crate) async fn edge_keys(app: &TestApp) -> Vec<SigningKey> {
    let mut edge = app.nobody();
    edge.token = EDGE_KEY.into();
    let mut feed = edge.get("/v1/internal/edges/feed").await.bytes_stream();
    let event = String::from_utf8(feed.next().await.unwrap().unwrap().to_vec()).unwrap();
    let data = event.strip_prefix("event: sync\ndata: ").unwrap_or_else(|| panic!("{event:?}"));
    let sync: Value = serde_json::from_str(data.trim()).unwrap();
    assert!(sync["sequence"].as_u64().unwrap() > 0);
    serde_json::from_value(sync["keys"].clone()).unwrap()
}

/// The parts of a manifest's address: token, `media` or `live`, scope.
fn parts(address: &Value) -> (String, String, String) {
    let address = text(address);
    let path = address.strip_prefix(&format!("{EDGE}/")).unwrap_or_else(|| panic!("{address}"));
    let path = path.strip_suffix("/master.m3u8").unwrap_or_else(|| panic!("{address}"));
    let mut parts = path.splitn(3, '/');
    let mut next = || parts.next().unwrap().to_owned();
    (next(), next(), next())
}

#[tokio::test]
async fn a_title_plays_as_soon_as_its_beginning_is_there_and_to_everybody_once_it_is_ready() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let title = worker::encoding(&app, &editor).await;
    let video = title.video.to_string();
    assert_eq!(problem(play(&editor, &video).await, 409).await, "not_playable_yet");
    problem(editor.get(&format!("/v1/videos/{video}/stream")).await, 409).await;
    title.commit(&app, 0).await;
    title.commit(&app, title.sound()).await;
    let shown = editor.show(&video).await;
    assert_eq!((&shown["playable"], &shown["status"], &shown["duration_ms"]), (&json!(true), &json!("encoding"), &json!(35_000)));
    assert!(shown["progress"].as_f64().unwrap() > 0.1 && shown["progress"].as_f64().unwrap() < 1.0, "{shown}");
    assert_eq!(shown["notes"][0]["code"], "source_note");
    let growing = body(play(&editor, &video).await, 200).await;
    assert_eq!(parts(&growing["hls"]).1, "live");
    assert_eq!((&growing["status"], &growing["dash"], &growing["resume_ms"]), (&json!("encoding"), &Value::Null, &json!(0)));
    let dash = async |client: &Client| client.get(&format!("/v1/videos/{video}/stream?format=dash")).await;
    assert_eq!(problem(dash(&editor).await, 409).await, "no_dash");
    problem(play(&viewer, &video).await, 404).await;

    for chunk in 1..title.sound() {
        title.commit(&app, chunk).await;
    }
    assert_eq!(editor.show(&video).await["status"], "publishing");
    title.publish(&app).await;
    let shown = viewer.show(&video).await;
    assert_eq!((&shown["status"], &shown["progress"], &shown["playable"]), (&json!("ready"), &json!(1.0), &json!(true)));
    assert!(shown["ready_at"].is_string() && !shown["renditions"].as_array().unwrap().is_empty(), "{shown}");
    let quality = body(viewer.get(&format!("/v1/videos/{video}/quality")).await, 200).await;
    let highest = &quality["rungs"][0];
    assert!(highest["id"] == "v/360p" && highest["vmaf"].as_f64().unwrap() > 90.0, "{quality}");
    assert_eq!((&highest["worst"][0], &highest["psnr_db"]), (&json!({ "time_ms": 100, "vmaf": 91.0 }), &json!(41.5)));
    let ready = body(play(&viewer, &video).await, 200).await;
    let (token, tree, scope) = parts(&ready["hls"]);
    assert_eq!((tree.as_str(), scope), ("media", format!("{}/{}", title.video, title.encode)));
    let expires = OffsetDateTime::parse(&text(&ready["expires_at"]), &Rfc3339).unwrap();
    assert!(expires > app.clock.now() + Duration::hours(4) && expires < app.clock.now() + Duration::hours(24));
    let (keys, scope) = (edge_keys(&app).await, format!("{}/{}", title.video, title.encode));
    assert_eq!(verify(&keys, &token, &scope, app.clock.now()), Ok(()));
    assert!(verify(&keys, &token, &scope, expires).is_err());
    let redirect = viewer.get(&format!("/v1/videos/{video}/stream")).await;
    assert!(redirect.headers()["location"].to_str().unwrap().ends_with("/master.m3u8"));
    empty(redirect, 302).await;
    let manifest = text(&ready["dash"]);
    assert_eq!(manifest, text(&ready["hls"]).replace("master.m3u8", "manifest.mpd"));
    let redirect = dash(&viewer).await;
    assert_eq!(redirect.headers()["location"].to_str().unwrap(), manifest);
    empty(redirect, 302).await;
    problem(viewer.get(&format!("/v1/videos/{video}/stream?format=smooth")).await, 400).await;
}

#[tokio::test]
async fn a_title_that_an_earlier_version_published_has_no_dash() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let title = worker::encoding(&app, &editor).await;
    title.finish(&app, 0).await;
    title.publish_with(&app, false).await;
    let video = title.video.to_string();
    let ready = body(play(&editor, &video).await, 200).await;
    assert_eq!((&ready["status"], &ready["dash"]), (&json!("ready"), &Value::Null));
    assert_eq!(problem(editor.get(&format!("/v1/videos/{video}/stream?format=dash")).await, 409).await, "no_dash");
}

#[tokio::test]
async fn a_video_that_failed_says_why_and_can_be_retried_by_whoever_may() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let video = worker::uploaded(&app, &editor).await;
    let job = worker::fail(&app, video).await;
    let shown = editor.show(&video.to_string()).await;
    assert_eq!((&shown["status"], &shown["failure"]["code"]), (&json!("failed"), &json!("not_a_video")));
    assert_eq!(problem(play(&editor, &video.to_string()).await, 409).await, "not_playable_yet");
    let path = format!("/v1/jobs/{job}/retry");
    problem(viewer.post(&path, &json!({})).await, 404).await;
    problem(app.somebody(Role::Editor).await.post(&path, &json!({})).await, 404).await;
    let ghost = "/v1/jobs/job_00000000000000000000000000000000/retry";
    problem(editor.post(ghost, &json!({})).await, 404).await;
    empty(editor.post(&path, &json!({})).await, 202).await;
    assert_eq!(editor.show(&video.to_string()).await["status"], "uploaded");
    assert_eq!(problem(editor.post(&path, &json!({})).await, 409).await, "not_dead");
}

#[tokio::test]
async fn players_report_and_resume() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let title = worker::encoding(&app, &editor).await;
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let video = title.video.to_string();
    let now = app.clock.now();
    let event = |id: u128, kind: &str, position_ms: u64, ago: i64| {
        let happened_at = (now - Duration::seconds(ago)).format(&Rfc3339).unwrap();
        json!({ "id": Uuid::from_u128(id), "video_id": video, "kind": kind, "position_ms": position_ms, "happened_at": happened_at })
    };
    let report = async |who: &Client, events: Value| {
        who.post("/v1/events", &json!({ "profile_id": viewer.profile, "events": events })).await
    };
    let accepted = async |events: Value| body(report(&viewer, events).await, 202).await["accepted"].as_u64().unwrap();
    let resume = async || body(play(&viewer, &video).await, 200).await["resume_ms"].as_u64().unwrap();
    assert_eq!(accepted(json!([event(1, "start", 0, 100), event(2, "progress", 9000, 50)])).await, 2);
    assert_eq!(resume().await, 9000);
    // Late, repeated and in any order.
    assert_eq!(accepted(json!([event(2, "progress", 9000, 50), event(3, "progress", 4000, 70)])).await, 1);
    assert_eq!(resume().await, 9000);
    let copies = futures::future::join_all((0..8).map(|_| accepted(json!([event(4, "progress", 12_000, 10)])))).await;
    assert_eq!(copies.iter().sum::<u64>(), 1);
    assert_eq!(resume().await, 12_000);
    assert_eq!(accepted(json!([event(5, "finish", 35_000, 1)])).await, 1);
    assert_eq!(resume().await, 0, "whoever saw it begins anew");
    let mut ghost = event(6, "start", 0, 0);
    ghost["video_id"] = json!("vid_00000000000000000000000000000000");
    assert_eq!(accepted(json!([ghost])).await, 0);

    problem(report(&editor, json!([event(7, "start", 0, 0)])).await, 404).await;
    for (events, code) in [
        (json!([]), "invalid_events"),
        (Value::Array((0..101).map(|id| event(id, "start", 0, 0)).collect()), "invalid_events"),
        (json!([event(8, "start", u64::MAX, 0)]), "invalid_events"),
        (json!([event(8, "start", 0, 40 * 24 * 3600)]), "invalid_events"),
        (json!([event(8, "explode", 0, 0)]), "invalid_json"),
        (json!([{ "id": "x" }]), "invalid_json"),
    ] {
        assert_eq!(problem(report(&viewer, events).await, 422).await, code);
    }
}

#[tokio::test]
async fn recommendations_say_why_and_are_for_ones_own_profiles() {
    let app = TestApp::start().await;
    let (editor, viewer) = (app.somebody(Role::Editor).await, app.somebody(Role::Viewer).await);
    let title = worker::encoding(&app, &editor).await;
    title.finish(&app, 0).await;
    title.publish(&app).await;
    let path = format!("/v1/recommendations/{}", viewer.profile);
    let items = body(viewer.get(&format!("{path}?count=5")).await, 200).await["items"].clone();
    assert_eq!((&items[0]["id"], &items[0]["title"]), (&json!(title.video), &json!("Sintel")));
    assert!(!text(&items[0]["reason"]["message"]).is_empty(), "{items}");
    problem(editor.get(&path).await, 404).await;
    for bad in ["count=0", "count=101", "count=1000000000", "count=-1", "count=x"] {
        assert_eq!(problem(viewer.get(&format!("{path}?{bad}")).await, 400).await, "invalid_query", "{bad}");
        assert_eq!(problem(viewer.get(&format!("{path}/rows?{bad}")).await, 400).await, "invalid_query", "{bad}");
    }
    for bad in ["row=best", "row=because:1", "row=", "genre=", "language="] {
        assert_eq!(problem(viewer.get(&format!("{path}?{bad}")).await, 400).await, "invalid_query", "{bad}");
    }
    problem(editor.get(&format!("{path}/rows")).await, 404).await;
    let home = body(viewer.get(&format!("{path}/rows?count=5")).await, 200).await;
    assert_eq!((&home["rows"][0]["row"], &home["rows"][0]["title"]), (&json!("top"), &json!("Top picks")), "{home}");
    assert_eq!(home["rows"][0]["items"][0]["id"], json!(title.video));
    let new = body(viewer.get(&format!("{path}?row=new&territory=AT")).await, 200).await;
    assert_eq!((&new["row"], &new["items"][0]["reason"]["code"], &new["model_id"]), (&json!("new"), &json!("new"), &Value::Null));
}

#[tokio::test]
async fn growing_playlists_are_for_edges_and_say_what_is_there() {
    let app = TestApp::start().await;
    let editor = app.somebody(Role::Editor).await;
    let title = worker::encoding(&app, &editor).await;
    let mut edge = app.nobody();
    edge.token = EDGE_KEY.into();
    let base = format!("/v1/internal/live/{}/{}", title.video, title.encode);
    let path = |rest: &str| format!("{base}/{rest}");
    problem(edge.get(&path("master.m3u8")).await, 404).await;
    title.commit(&app, 0).await;
    title.commit(&app, title.sound()).await;
    for who in [&editor, &app.nobody()] {
        assert_eq!(problem(who.get(&path("master.m3u8")).await, 403).await, "not_an_edge");
        assert_eq!(problem(who.get("/v1/internal/edges/feed").await, 403).await, "not_an_edge");
    }
    let playlist = async |rest: &str| {
        let response = edge.get(&path(rest)).await;
        assert_eq!(response.status(), 200, "{rest}");
        assert_eq!(response.headers()["content-type"], "application/vnd.apple.mpegurl");
        assert_eq!(response.headers()["cache-control"], "max-age=1");
        response.text().await.unwrap()
    };
    let master = playlist("master.m3u8").await;
    assert!(master.contains("v/360p/playlist.m3u8") && master.contains("v/234p/playlist.m3u8"), "{master}");
    let media = playlist("v/360p/playlist.m3u8").await;
    let segment = |number| format!("../../../../../media/{}/{}/v/360p/{number:06}.m4s", title.video, title.encode);
    assert!(media.contains(&segment(1)) && !media.contains(&segment(2)) && !media.contains("#EXT-X-ENDLIST"), "{media}");
    for rest in ["v/720p/playlist.m3u8", "v/360p/init.mp4", "x", "v/360p/playlist.m3u8/x"] {
        problem(edge.get(&path(rest)).await, 404).await;
    }
    for chunk in 1..title.sound() {
        title.commit(&app, chunk).await;
    }
    let media = playlist("v/360p/playlist.m3u8").await;
    assert!(media.contains(&segment(3)) && media.contains("#EXT-X-ENDLIST"), "{media}");
    let other = format!("/v1/internal/live/{}/enc_00000000000000000000000000000000/master.m3u8", title.video);
    problem(edge.get(&other).await, 404).await;
}
