//! Real films, as cameras, phones and studios write them.

use super::{browser, change};
use crate::support::{
    hls, media,
    node::{Node, show},
};
use serde_json::json;

#[tokio::test]
async fn every_good_film_becomes_a_title_with_all_its_frames_that_players_play_in_the_clear_and_protected() {
    let films = media::films("good");
    if films.is_empty() {
        return;
    }
    let node = Node::start_with(&[("MARQUEE_PROTECTION_MASTER_KEY", &"5e".repeat(32))]).await;
    let admin = node.admin().await;
    let mut titles = Vec::new();
    for film in &films {
        let name = film.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        titles.push((admin.upload_form(&name, film).await, name, film.to_string_lossy().into_owned()));
    }
    for (id, name, film) in &titles {
        // Judging all films takes longer than a token lives.
        let admin = node.admin().await;
        let video = admin.wait_until_ready(id).await;
        let notes: Vec<_> = video.notes.iter().map(|note| note.message.as_str()).collect();
        show(&format!("{name}: ready, {} ms. {}", video.duration_ms.unwrap_or_default(), notes.join("; ")));
        hls::assert_same_film(&admin.hls(id).await, film, &video).await;
        let seconds = (video.duration_ms.unwrap_or_default() as f64 / 1000.0).to_string();
        browser::play(&admin, id, "films.mjs", &seconds, false).await;
        admin.post(&format!("/v1/videos/{id}/change"), &json!({ "protection": { "scheme": "cbcs" } }), 202).await;
        change::changed(&admin, id).await;
        browser::play(&admin, id, "films.mjs", &seconds, true).await;
    }
    node.stop().await;
}
