//! Programs that others wrote: a viewer's browser on the pages, and the tus client of the web. The scripts in `tests/browser` assert.

use crate::support::{
    client::Client,
    clip::{Clip, FILM, SHORT},
    judge,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD, Node, show},
};
use marquee_backends::testing::free_port;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, ffi::OsStr, process::Command};

/// Runs a script of `tests/browser`, which must end well; answers what it printed.
pub(super) fn script(name: &str, arguments: &[&OsStr]) -> String {
    let output = Command::new("node")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg(format!("tests/browser/{name}"))
        .args(arguments)
        .output()
        .expect("node is installed");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    show(&said);
    assert!(output.status.success(), "{said}\n{complained}");
    said.into_owned()
}

/// Shaka Player, hls.js and dash.js play a title that lasts so long, as `name` says.
pub(super) async fn play(admin: &Client, id: &str, name: &str, seconds: &str, is_protected: bool) {
    let play = admin.post(&format!("/v1/videos/{id}/playback"), &json!({}), 200).await;
    let licence = play["protection"]["systems"][0]["licence_url"].as_str();
    assert_eq!(licence.is_some(), is_protected, "{play}");
    let manifests = [play["hls"].as_str(), play["dash"].as_str(), Some(seconds)];
    assert!(manifests.iter().all(Option::is_some), "{play}");
    let arguments = manifests.into_iter().chain([licence, play["protection"]["hls_by_key"].as_str()]).flatten();
    script(name, &arguments.map(OsStr::new).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_pages_upload_a_film_and_a_browser_plays_it() {
    let film = FILM.file();
    let node = Node::start().await;
    script("main-job.mjs", &[node.api.as_ref(), ADMIN_EMAIL.as_ref(), ADMIN_PASSWORD.as_ref(), film.as_ref()]);
    node.stop().await;
}

#[tokio::test]
async fn the_pages_tell_what_somebody_sees_and_says_and_know_it_again() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let mut arguments = vec![node.api.clone(), ADMIN_EMAIL.to_owned(), ADMIN_PASSWORD.to_owned()];
    for title in ["A city looks for a murderer", "A doctor plays with fate", "A clerk becomes a king"] {
        let video = admin.upload_form(title, &SHORT.file()).await;
        admin.wait_until_ready(&video).await;
        arguments.push(video);
    }
    script("taste.mjs", &arguments.iter().map(OsStr::new).collect::<Vec<_>>());
    node.stop().await;
}

#[tokio::test]
async fn a_browser_plays_the_best_codec_that_it_knows() {
    let node = Node::start_with(&[("MARQUEE_WORKER_RECIPE", "quality"), ("MARQUEE_WORKER_LADDER", "fixed")]).await;
    let admin = node.admin().await;
    let video = admin.upload_form("In two codecs", &SHORT.file()).await;
    admin.wait_until_ready(&video).await;
    script("codecs.mjs", &[node.api.as_ref(), ADMIN_EMAIL.as_ref(), ADMIN_PASSWORD.as_ref(), video.as_ref()]);
    node.stop().await;
}

/// Two independent players of DASH, one of which is on most televisions: the ffmpeg program reads every rendition, and
/// Shaka Player plays. Parsers of both formats find the same in it.
#[tokio::test]
async fn players_of_dash_play_a_title() {
    let film = Clip { seconds: 24, frames_per_second: 25, width: 640, height: 360 };
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("By DASH", &film.in_two_languages()).await;
    admin.wait_until_ready(&id).await;
    let play = admin.post(&format!("/v1/videos/{id}/playback"), &json!({}), 200).await;
    let address = |name: &str| play[name].as_str().unwrap_or_else(|| panic!("{name} in {play}")).to_owned();
    let (manifest, thumbnails) = (address("dash"), address("thumbnails"));
    let reader = manifest.clone();
    tokio::task::spawn_blocking(move || assert_reads(&reader, film)).await.expect("the judge answers");
    let (hls, seconds) = (address("hls"), film.seconds.to_string());
    script("parsers.mjs", &[hls.as_ref(), manifest.as_ref(), seconds.as_ref()]);
    script("dash.mjs", &[manifest.as_ref(), thumbnails.as_ref(), film.seconds.to_string().as_ref()]);
    node.stop().await;
}

#[tokio::test]
async fn a_player_goes_where_it_is_steered() {
    let port = free_port();
    let node = Node::start_with(&[("MARQUEE_STEERING_URL", &format!("http://127.0.0.1:{port}/steer"))]).await;
    let admin = node.admin().await;
    let film = Clip { seconds: 24, frames_per_second: 25, width: 640, height: 360 };
    let id = admin.upload_form("Anywhere", &film.file()).await;
    admin.wait_until_ready(&id).await;
    let play = admin.post(&format!("/v1/videos/{id}/playback"), &json!({}), 200).await;
    let address = |name: &str| play[name].as_str().unwrap_or_else(|| panic!("{name} in {play}")).to_owned();
    script("steering.mjs", &[address("hls").as_ref(), address("dash").as_ref(), port.to_string().as_ref()]);
    node.stop().await;
}

/// Shaka Player, hls.js and dash.js play a title in the clear, and what became of it when it was protected.
#[tokio::test]
async fn players_play_a_title_in_the_clear_and_protected() {
    let film = Clip { seconds: 24, frames_per_second: 25, width: 640, height: 360 };
    let node = Node::start_with(&[("MARQUEE_PROTECTION_MASTER_KEY", &"5e".repeat(32))]).await;
    let admin = node.admin().await;
    for scheme in ["none", "cbcs", "cenc"] {
        let id = admin.upload_protected("By all players", &film.in_two_languages(), scheme).await;
        admin.wait_until_ready(&id).await;
        play(&admin, &id, "players.mjs", &film.seconds.to_string(), scheme != "none").await;
    }
    node.stop().await;
}

/// The ffmpeg program finds two rungs, two languages at two rates, and words; each from zero to the end, without a complaint.
fn assert_reads(manifest: &str, film: Clip) {
    let kinds = judge::kinds(manifest);
    let count = |wanted: &str| kinds.iter().filter(|kind| *kind == wanted).count();
    assert_eq!((count("video"), count("audio"), count("subtitle")), (2, 4, 1), "{kinds:?}");
    let seconds = f64::from(film.seconds);
    for rung in 0..count("video") {
        let picture = judge::picture_of(manifest, &format!("v:{rung}"), true);
        picture.assert_in_order("the rung");
        assert_eq!((picture.frames as u64, picture.times[0]), (film.frames(), 0.0), "v:{rung} of {manifest}");
        assert!((picture.seconds() - seconds).abs() <= picture.step(), "v:{rung} lasts {} s", picture.seconds());
    }
    for sound in 0..count("audio") {
        let found = judge::sound(manifest, &format!("a:{sound}"), true).expect("sound");
        assert!(found.start.abs() < 0.03 && (found.seconds - seconds).abs() < 0.1, "a:{sound}: {found:?}");
    }
}

#[tokio::test]
async fn the_tus_client_of_the_web_uploads_resumes_and_terminates() {
    let film = SHORT.file();
    let node = Node::start().await;
    let admin = node.admin().await;
    let said = script("tus.mjs", &[node.api.as_ref(), admin.token().as_ref(), film.as_ref()]);
    let result: Value = said.lines().rev().find_map(|line| serde_json::from_str(line).ok()).expect("a line of JSON");
    let uploads = result["uploads"].as_array().expect("a list of uploads");
    let sent: Vec<_> = uploads.iter().filter_map(|upload| upload["sha256"].as_str().map(str::to_owned)).collect();
    let digest = |path| hex::encode(Sha256::digest(std::fs::read(path).expect("the source is readable")));
    let stored: Vec<_> = node.sources().into_iter().map(digest).collect();
    assert_eq!((sent.len(), stored.len()), (2, 2), "the terminated upload is gone, the others are there");
    assert_eq!(sent.into_iter().collect::<BTreeSet<_>>(), stored.into_iter().collect());
    for upload in uploads {
        admin.wait_until_ready(upload["video_id"].as_str().expect("an id")).await;
    }
    node.stop().await;
}
