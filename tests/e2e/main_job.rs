//! The main job: a film goes in, adaptive streams come out at the edge.

use crate::support::{
    client::{Client, refused, with_header},
    clip::{FILM, SHORT},
    eventually, hls, judge,
    node::Node,
    tus::Upload,
};
use reqwest::{Method, Url, header::HeaderValue};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{path::Path, time::Duration};

/// Until a job that nobody waits for is done, on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

async fn upload(client: &Client, film: &Path) -> String {
    let bytes = std::fs::read(film).expect("the film is readable");
    let id = client.create_video("A film that counts its frames").await;
    Upload::open(client, &id, bytes.len() as u64).await.send(bytes).await;
    id
}

#[tokio::test]
async fn a_film_plays_while_it_is_encoded_and_holds_every_frame_afterwards() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = upload(&admin, &FILM.file()).await;

    let growing = admin.wait_for(&id, "playable", |video| video.playable).await;
    assert_eq!(growing.status, "encoding", "it plays before it is finished");
    assert!(growing.progress < 1.0);
    let early = hls::renditions(&admin.hls(&id).await).await;
    let playlist = hls::media(&early.video[0]).await;
    assert!(!playlist.end_list && !playlist.segments.is_empty(), "a growing playlist: {playlist:?}");
    let first = Url::parse(&early.video[0]).and_then(|base| base.join(&playlist.segments[0].uri)).expect("a URL");
    assert!(!hls::fetch(first.as_str()).await.is_empty());

    let video = admin.wait_until_ready(&id).await;
    assert_eq!(video.duration_ms, Some(u64::from(FILM.seconds) * 1000));
    assert!((video.progress - 1.0).abs() < f64::EPSILON);
    let master = admin.hls(&id).await;
    assert!(master.starts_with(&node.edge), "players are sent to the edge: {master}");
    hls::assert_same_film(&master, &FILM.file().to_string_lossy(), &video).await;
    let offered = hls::renditions(&master).await;
    assert_eq!(offered.video.len(), 4, "720, 540, 360 and 234 lines: {offered:?}");
    for rendition in &offered.video {
        assert_eq!(judge::numbers(rendition), (0..FILM.frames()).collect::<Vec<_>>(), "{rendition}");
    }
    let (shown, expected) = (hls::words(&offered.subtitles[0]).await, FILM.cues());
    assert_eq!(shown, expected, "every word at its time, once");
    assert_eq!(video.chapters, FILM.chapters_shown());
    let chapters = Url::parse(&master).and_then(|master| master.join("chapters.json")).expect("a URL");
    let chapters: Value = serde_json::from_slice(&hls::fetch(chapters.as_str()).await).expect("JSON");
    let starts =
        [&chapters[0], &chapters[1]].map(|chapter| (chapter["start-time"].as_f64(), chapter["titles"][0]["title"].as_str()));
    assert_eq!(starts, [(Some(0.0), Some("Intro")), (Some(2.0), Some("Two"))], "{chapters}");
    // A session that began while it grew sees it end.
    assert!(hls::media(&early.video[0]).await.end_list, "the growing playlist ended");
    node.stop().await;
}

#[tokio::test]
async fn a_form_with_a_file_makes_a_title_which_the_api_redirects_to_and_hands_out_as_a_file() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("By form", &SHORT.file()).await;
    let video = admin.wait_until_ready(&id).await;
    let response = admin.request(Method::GET, &format!("/v1/videos/{id}/stream")).send().await.expect("an answer");
    assert_eq!(response.status(), 302);
    let master = response.headers()["location"].to_str().expect("an address").to_owned();
    hls::assert_same_film(&master, &SHORT.file().to_string_lossy(), &video).await;
    is_one_file(&node, &admin, &id).await;
    node.stop().await;
}

/// A title of [`SHORT`] is downloaded: whole, and in two ranges, for those who may change it.
async fn is_one_file(node: &Node, admin: &Client, id: &str) {
    let path = format!("/v1/videos/{id}/download");
    let whole = admin.request(Method::GET, &path).send().await.expect("an answer");
    assert_eq!((whole.status().as_u16(), &whole.headers()["content-type"]), (200, &HeaderValue::from_static("video/mp4")));
    let (length, etag) = (whole.content_length().expect("a length"), whole.headers()["etag"].clone());
    let whole = whole.bytes().await.expect("the file");
    assert_eq!(whole.len() as u64, length);
    let folder = tempfile::tempdir().expect("a folder");
    let film = folder.path().join("film.mp4");
    std::fs::write(&film, &whole).expect("the film is kept");
    let film = film.to_string_lossy();
    assert_eq!(judge::complaints(&film), "");
    assert_eq!(judge::numbers(&film), (0..SHORT.frames()).collect::<Vec<_>>());
    let length_s = f64::from(SHORT.seconds);
    for (track, expected) in judge::tracks(&film).iter().zip([("Video", "AVC"), ("Audio", "AAC")]) {
        assert_eq!((track.kind.as_str(), track.format.as_str()), expected);
        assert!((track.seconds - length_s).abs() < 0.05, "{track:?}");
    }
    let sound = judge::sound(&film, "a:0", true).expect("sound");
    assert!((sound.seconds - length_s).abs() < 0.05, "{sound:?}");

    let mut parts = Vec::new();
    for range in ["bytes=0-99999".to_owned(), "bytes=100000-".to_owned()] {
        let request = with_header(admin.request(Method::GET, &path), "range", &range).header("if-range", etag.clone());
        let part = request.send().await.expect("an answer");
        assert_eq!(part.status(), 206);
        parts.extend(part.bytes().await.expect("bytes"));
    }
    assert!(parts == whole, "a download that goes on where it broke off");
    let beyond = with_header(admin.request(Method::GET, &path), "range", "bytes=999999999-");
    assert_eq!(refused(beyond, 416).await, "range");
    let unknown = admin.get(&format!("{path}?rung=9000p"), 400).await;
    assert_eq!(unknown["code"], "unknown_rendition");
    let viewer = Client::sign_up(&node.api, &format!("{id}@example.org")).await;
    assert_eq!(refused(viewer.request(Method::GET, &path), 403).await, "role_too_weak");
}

/// A list shows it by an address that needs no access token and opens nothing of the film.
#[tokio::test]
async fn a_title_has_a_poster_and_preview_pictures_on_the_edge() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("With a face", &SHORT.file()).await;
    admin.wait_until_ready(&id).await;
    let poster = eventually("the list shows a poster", LIMIT, || async {
        let page = admin.get("/v1/videos", 200).await;
        page["items"][0]["poster"].as_str().map(str::to_owned)
    });
    let poster = poster.await;
    assert!(hls::fetch(&poster).await.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG");
    let film = Url::parse(&poster).and_then(|poster| poster.join("../master.m3u8")).expect("a URL");
    assert_eq!(reqwest::get(film).await.expect("an answer").status(), 403);
    let video = admin.get(&format!("/v1/videos/{id}"), 200).await;
    let cpu_ms = |step: &str| video["cost"][format!("{step}_cpu_ms")].as_u64().expect("a step");
    let steps = ["inspect", "analyse", "picture", "judge", "sound", "subtitles", "thumbnails"];
    assert!(["inspect", "picture", "sound", "thumbnails"].into_iter().all(|step| cpu_ms(step) > 0), "{}", video["cost"]);
    assert_eq!(steps.into_iter().map(cpu_ms).sum::<u64>(), cpu_ms("total"));
    let renditions = video["renditions"].as_array().expect("renditions").iter();
    let picture_and_sound: u64 = renditions.filter_map(|rendition| rendition["size_bytes"].as_u64()).sum();
    assert!(video["stored_bytes"].as_u64().expect("bytes") > picture_and_sound, "posters and tiles are stored too");
    let playback = admin.post(&format!("/v1/videos/{id}/playback"), &json!({}), 200).await;
    let address = playback["thumbnails"].as_str().expect("an index");
    let index = String::from_utf8(hls::fetch(address).await).expect("text");
    assert!(index.starts_with("WEBVTT\n\n00:00:00.000 --> "), "{index}");
    let sheet = index.lines().find_map(|line| line.split_once("#xywh=")).expect("a cue").0;
    let sheet = Url::parse(address).and_then(|address| address.join(sheet)).expect("a URL");
    assert!(hls::fetch(sheet.as_str()).await.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG");
    node.stop().await;
}

#[tokio::test]
async fn a_film_whose_parts_go_to_the_store_itself_becomes_a_title() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.create_video("In parts").await;
    let film = std::fs::read(FILM.file()).expect("the film is readable");
    let new = json!({ "video_id": id, "filename": "film.mp4", "length_bytes": film.len() });
    if !node.is_cluster() {
        assert_eq!(admin.post("/v1/uploads/direct", &new, 409).await["code"], "not_direct");
        return node.stop().await;
    }
    let upload = admin.post("/v1/uploads/direct", &new, 201).await;
    let upload_path = format!("/v1/uploads/{}", upload["id"].as_str().expect("an id"));
    let numbers: Vec<u64> = (1..=upload["parts"].as_u64().expect("a number")).collect();
    let addresses = admin.post(&format!("{upload_path}/parts"), &json!({ "numbers": numbers }), 200).await;
    let part_bytes = upload["part_bytes"].as_u64().expect("a size") as usize;
    for (address, part) in addresses["items"].as_array().expect("addresses").iter().zip(film.chunks(part_bytes)) {
        let put = reqwest::Client::new().put(address["url"].as_str().expect("an address")).body(part.to_vec());
        assert_eq!(put.send().await.expect("an answer").status(), 200);
    }
    let sha256 = hex::encode(Sha256::digest(&film));
    admin.post(&format!("{upload_path}/complete"), &json!({ "sha256": sha256 }), 200).await;
    let video = admin.wait_until_ready(&id).await;
    hls::assert_same_film(&admin.hls(&id).await, &FILM.file().to_string_lossy(), &video).await;
    assert_eq!(admin.get(&format!("/v1/videos/{id}"), 200).await["source"]["sha256"], sha256);
    node.stop().await;
}

#[tokio::test]
async fn the_edge_serves_nothing_without_a_token_or_with_one_for_another_title() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("Private", &SHORT.file()).await;
    admin.wait_until_ready(&id).await;
    let master = admin.hls(&id).await;
    let path = master.strip_prefix(&format!("{}/", node.edge)).expect("on the edge");
    let (token, rest) = path.split_once('/').expect("a token, then the path");
    let other = rest.replace("/vid_", "/vid_0");
    for forged in
        [format!("{}/{rest}", node.edge), format!("{}/x{token}/{rest}", node.edge), format!("{}/{token}/{other}", node.edge)]
    {
        let response = reqwest::get(&forged).await.expect("an answer");
        assert!([401, 403, 404].contains(&response.status().as_u16()), "{forged}: {}", response.status());
    }
    node.stop().await;
}
