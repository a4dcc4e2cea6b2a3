//! Subtitles that come as files beside a film.

use crate::support::{
    client::{Client, answer, text},
    clip::SHORT,
    eventually, hls, judge,
    node::Node,
};
use m3u8_rs::AlternativeMediaType;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Until a change is over, on a slow machine.
const LIMIT: Duration = Duration::from_secs(300);

const WORDS: &str =
    "1\r\n00:00:00,200 --> 00:00:01,400\r\n{\\an8}Olá &\r\n<i>adeus</i>\r\n\r\n2\r\n00:00:02,0 --> 00:00:02,9\r\nFim\r\n";

async fn add(client: &Client, id: &str, query: &str, file: &'static str, status: u16) -> Value {
    answer(client.request(Method::POST, &format!("/v1/videos/{id}/subtitles?{query}")).body(file), status).await
}

/// What is listed once viewers have what they should.
async fn listed(client: &Client, id: &str, shown: usize) -> Value {
    eventually("viewers have it", LIMIT, || async {
        let video = client.get(&format!("/v1/videos/{id}"), 200).await;
        let items = client.get(&format!("/v1/videos/{id}/subtitles"), 200).await["items"].clone();
        let count = items.as_array().expect("a list").iter().filter(|item| item["shown"] == true).count();
        (video["status"] == "ready" && video["change"].is_null() && count == shown).then_some(items)
    })
    .await
}

#[tokio::test]
async fn a_file_of_subtitles_joins_a_title_that_is_ready() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("It is translated", &SHORT.file()).await;
    // One that comes while it is made waits for nobody.
    add(&admin, &id, "language=en&hearing_impaired=true&name=SDH", "WEBVTT\n\n00:00.500 --> 00:01.000\n<v Ann>[rain]</v>\n", 201)
        .await;
    admin.wait_until_ready(&id).await;
    let items = listed(&admin, &id, 1).await;
    assert_eq!(items[0]["language"], "en");
    let before = admin.hls(&id).await;

    let broken = add(&admin, &id, "language=pt-BR", "1\n00:00:01,000 --> 00:00:00,500\nOlá\n", 422).await;
    assert_eq!((&broken["code"], &broken["faults"][0]["line"]), (&json!("subtitle_faults"), &json!(2)), "{broken}");
    assert_eq!(admin.hls(&id).await, before, "nothing has changed");
    assert_eq!(listed(&admin, &id, 1).await, items);

    let added = add(&admin, &id, "language=por-br", WORDS, 201).await;
    assert_eq!((&added["language"], &added["name"], &added["cues"]), (&json!("pt-BR"), &json!("Português (BR)"), &json!(2)));
    listed(&admin, &id, 2).await;
    let after = admin.hls(&id).await;
    assert_ne!(after, before);
    let video = admin.video(&id).await;
    hls::assert_same_film(&after, &SHORT.file().to_string_lossy(), &video).await;
    let master = hls::master(&after).await;
    let texts: Vec<_> = master
        .alternatives
        .iter()
        .filter(|other| other.media_type == AlternativeMediaType::Subtitles)
        .map(|other| (other.name.as_str(), other.language.as_deref(), other.characteristics.is_some()))
        .collect();
    assert_eq!(texts, [("English", Some("en"), false), ("SDH", Some("en"), true), ("Português (BR)", Some("pt-BR"), false)]);
    let words = hls::renditions(&after).await.subtitles;
    assert_eq!(hls::words(&words[0]).await, SHORT.cues(), "those of the film are what they were");
    let spoken = hls::words(&words[2]).await;
    assert_eq!(spoken, [(0.2, 1.4, "Olá &\n<i>adeus</i>".to_owned()), (2.0, 2.9, "Fim".to_owned())]);
    let cost = admin.get(&format!("/v1/videos/{id}"), 200).await["cost"].clone();
    let made = ["picture", "judge", "sound", "analyse", "thumbnails"].map(|step| cost[format!("{step}_cpu_ms")].as_u64());
    assert_eq!(made, [Some(0); 5], "all else was copied: {cost}");
    assert_eq!(judge::numbers(&hls::renditions(&before).await.video[0]).len() as u64, SHORT.frames(), "who began before goes on");

    let path = format!("/v1/videos/{id}/subtitles/{}", text(&added, "id"));
    assert_eq!(admin.request(Method::DELETE, &path).send().await.expect("an answer").status(), 204);
    eventually("it is gone", LIMIT, || async {
        let offered = hls::renditions(&admin.hls(&id).await).await;
        (offered.subtitles.len() == 2).then_some(())
    })
    .await;
    node.stop().await;
}
