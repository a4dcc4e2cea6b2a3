//! Titles that change while they are shown, and films that come a second time.

use crate::support::{
    client::Client,
    clip::{FILM, SHORT},
    eventually, hls, judge,
    node::Node,
    tus::{self, Upload},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Until a change is over, on a slow machine.
const LIMIT: Duration = Duration::from_secs(300);

async fn details(client: &Client, id: &str) -> Value {
    client.get(&format!("/v1/videos/{id}"), 200).await
}

/// Waits until the title has changed, which shows it all the while.
pub(super) async fn changed(client: &Client, id: &str) -> Value {
    eventually("the change is over", LIMIT, || async {
        let video = details(client, id).await;
        assert_eq!((&video["status"], &video["playable"]), (&json!("ready"), &json!(true)), "viewers see a title all the while");
        assert_ne!(video["change"]["status"], "failed", "{video}");
        video["change"].is_null().then_some(video)
    })
    .await
}

#[tokio::test]
async fn a_title_is_made_anew_and_replaced_while_it_is_shown() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("It changes", &SHORT.file()).await;
    admin.wait_until_ready(&id).await;
    let first = admin.hls(&id).await;
    let before = details(&admin, &id).await;
    let rendition = |video: &Value, place: usize| video["renditions"][place].clone();
    let rung = rendition(&before, 0)["id"].as_str().expect("an id").trim_start_matches("v/").to_owned();

    let order = json!({ "rungs": [{ "id": rung, "crf": 40 }] });
    admin.post(&format!("/v1/videos/{id}/change"), &order, 202).await;
    let after = changed(&admin, &id).await;
    let size = |video: &Value, place: usize| rendition(video, place)["size_bytes"].as_u64().expect("bytes");
    assert!(size(&after, 0) < size(&before, 0) * 3 / 4, "{after}");
    assert_eq!(rendition(&after, 1), rendition(&before, 1));
    assert_eq!(after["cost"]["sound_cpu_ms"], 0, "it was copied: {}", after["cost"]);
    let second = admin.hls(&id).await;
    assert_ne!(second, first);
    for master in [&first, &second] {
        let offered = hls::renditions(master).await;
        assert_eq!(judge::numbers(&offered.video[0]), (0..SHORT.frames()).collect::<Vec<_>>(), "{master}");
    }

    let film = std::fs::read(FILM.file()).expect("the film is readable");
    let upload = Upload::replacing(&admin, &id, film.len() as u64).await;
    upload.send(film).await;
    let replaced = changed(&admin, &id).await;
    assert_eq!(replaced["duration_ms"], u64::from(FILM.seconds) * 1000);
    let third = admin.hls(&id).await;
    hls::assert_same_film(&third, &FILM.file().to_string_lossy(), &admin.video(&id).await).await;
    assert!(!hls::fetch(&second).await.is_empty(), "who began before goes on to the end");
    node.stop().await;
}

#[tokio::test]
async fn a_film_that_comes_again_is_not_encoded_again() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let first = admin.upload_form("Once", &SHORT.file()).await;
    admin.wait_until_ready(&first).await;
    let thumbnails = |id: String| {
        let admin = admin.clone();
        async move { eventually("it has posters", LIMIT, || async { details(&admin, &id).await.get("posters").cloned() }).await }
    };
    thumbnails(first.clone()).await;
    let second = admin.upload_form("Twice", &SHORT.file()).await;
    let video = admin.wait_until_ready(&second).await;
    thumbnails(second.clone()).await;
    let (before, after) = (details(&admin, &first).await, details(&admin, &second).await);
    let cpu_ms = |step: &str| after["cost"][format!("{step}_cpu_ms")].as_u64().expect("a step");
    let made = ["picture", "judge", "sound", "subtitles", "analyse", "thumbnails"].map(cpu_ms);
    assert_eq!(made, [0; 6], "{}", after["cost"]);
    assert!(cpu_ms("inspect") > 0, "it was looked at all the same");
    assert_eq!((&after["renditions"], &after["stored_bytes"]), (&before["renditions"], &before["stored_bytes"]));
    assert!(video.notes.iter().any(|note| note.code == "copied"), "{:?}", video.notes);
    // It stands by itself.
    admin.request(reqwest::Method::DELETE, &format!("/v1/videos/{first}")).send().await.expect("an answer");
    let master = admin.hls(&second).await;
    hls::assert_same_film(&master, &SHORT.file().to_string_lossy(), &video).await;
    node.stop().await;
}

#[tokio::test]
async fn a_title_keeps_its_film_unless_a_client_says_that_it_replaces_it() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("It stays", &SHORT.file()).await;
    admin.wait_until_ready(&id).await;
    let refused = tus::creation(&admin, &id, 5).send().await.expect("an answer");
    assert_eq!(refused.status(), 409);
    // What is no film changes nothing, and says why.
    Upload::replacing(&admin, &id, 5).await.send(b"hello".to_vec()).await;
    let failed = eventually("the change fails", LIMIT, || async {
        let video = details(&admin, &id).await;
        assert_eq!(video["status"], "ready");
        (video["change"]["status"] == "failed").then_some(video)
    });
    let failed = failed.await;
    assert_eq!(failed["change"]["failure"]["code"], "not_a_video", "{failed}");
    hls::assert_same_film(&admin.hls(&id).await, &SHORT.file().to_string_lossy(), &admin.video(&id).await).await;
    let forget = admin.request(reqwest::Method::DELETE, &format!("/v1/videos/{id}/change")).send().await.expect("an answer");
    assert_eq!(forget.status(), 204);
    assert_eq!(details(&admin, &id).await["change"], Value::Null);
    node.stop().await;
}
