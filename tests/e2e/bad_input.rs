//! What people and programs send by mistake: each gets an answer that says what is wrong, and leaves nothing behind.

use crate::support::{
    client::{Client, refused, with_header},
    clip::SHORT,
    eventually, files_below,
    node::{Node, show},
    tus::{self, Upload},
};
use reqwest::{Method, multipart};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{path::Path, process::Command, time::Duration};

/// Largest upload that the nodes of these tests take.
const SIZE_BYTES_MAX: u64 = 64 << 20;

async fn start() -> Node {
    Node::start_with(&[("MARQUEE_UPLOADS_SIZE_BYTES_MAX", &SIZE_BYTES_MAX.to_string())]).await
}

#[tokio::test]
async fn requests_that_cannot_be_right_are_refused_with_a_problem() {
    let node = start().await;
    let admin = node.admin().await;
    let anonymous = Client::anonymous(&node.api);
    let viewer = Client::sign_up(&node.api, "viewer@example.org").await;
    let title = json!({ "title": "A film" });
    let nobody = "/v1/videos/vid_00000000000070008000000000000000";

    let stranger = anonymous.with_token("not-a-token");
    let table: Vec<(&str, u16, reqwest::RequestBuilder)> = vec![
        ("no token", 401, anonymous.request(Method::GET, "/v1/users/me")),
        ("a wrong token", 401, stranger.request(Method::GET, "/v1/users/me")),
        (
            "a wrong password",
            401,
            anonymous
                .request(Method::POST, "/v1/users/login")
                .json(&json!({ "email": "admin@example.org", "password": "wrong wrong" })),
        ),
        ("a viewer who uploads", 403, viewer.request(Method::POST, "/v1/videos").json(&title)),
        ("no such video", 404, admin.request(Method::GET, nobody)),
        ("an id of another kind", 404, admin.request(Method::GET, "/v1/videos/usr_00000000000070008000000000000000")),
        ("no such page of the API", 404, admin.request(Method::GET, "/v1/nonsense")),
        ("a method that is not there", 405, admin.request(Method::PUT, "/v1/videos")),
        (
            "an account that exists",
            409,
            anonymous
                .request(Method::POST, "/v1/users")
                .json(&json!({ "email": "viewer@example.org", "password": "correct horse battery", "name": "Twin" })),
        ),
        ("no title", 422, admin.request(Method::POST, "/v1/videos").json(&json!({}))),
        (
            "half a JSON",
            400,
            admin.request(Method::POST, "/v1/videos").header("Content-Type", "application/json").body("{\"title\":"),
        ),
        (
            "a body of no known kind",
            415,
            admin.request(Method::POST, "/v1/videos").header("Content-Type", "text/plain").body("film"),
        ),
        (
            "a short password",
            400,
            anonymous
                .request(Method::POST, "/v1/users")
                .json(&json!({ "email": "a@example.org", "password": "short", "name": "A" })),
        ),
    ];
    for (what, status, request) in table {
        show(what);
        refused(request, status).await;
    }
    node.stop().await;
}

#[tokio::test]
async fn uploads_that_cannot_be_right_are_refused_with_a_problem() {
    let node = start().await;
    let admin = node.admin().await;
    let viewer = Client::sign_up(&node.api, "viewer@example.org").await;
    let id = admin.create_video("A film").await;

    refused(tus::creation(&admin, &id, SIZE_BYTES_MAX + 1), 413).await;
    refused(tus::creation(&viewer, &id, 10), 404).await;
    refused(with_header(tus::creation(&admin, &id, 10), "tus-resumable", "0.1.0"), 412).await;
    refused(tus::creation(&admin, "vid_00000000000070008000000000000000", 10), 404).await;

    let upload = Upload::open(&admin, &id, 10).await;
    refused(upload.patch(3).body("abc"), 409).await;
    refused(with_header(upload.patch(0), "content-type", "text/plain").body("abc"), 415).await;
    refused(upload.patch(0).body("more than ten bytes"), 413).await;
    let wrong = format!("sha256 {}", tus::base64(&Sha256::digest(b"something else")));
    refused(upload.patch(0).header("Upload-Checksum", wrong).body("abc"), 460).await;
    refused(upload.patch(0).header("Upload-Checksum", "crc7 AAAA").body("abc"), 400).await;
    assert_eq!(upload.offset().await, 0, "nothing of what was refused is kept");
    let right = format!("sha256 {}", tus::base64(&Sha256::digest(b"abc")));
    let answer = upload.patch(0).header("Upload-Checksum", right).body("abc").send().await.expect("an answer");
    assert_eq!(answer.status(), 204);
    assert_eq!(upload.offset().await, 3);

    // Another account neither sees nor touches it.
    let other = upload.at(&viewer);
    assert!([403, 404].contains(&other.head().await.status().as_u16()));

    let terminated = upload.request(Method::DELETE).send().await.expect("an answer");
    assert_eq!(terminated.status(), 204);
    assert!([404, 410].contains(&upload.head().await.status().as_u16()));
    assert_eq!(admin.video(&id).await.status, "created");
    node.stop().await;
}

/// Uploads `file` as a form; answers the code of the refusal or of the video's failure.
async fn outcome(admin: &Client, what: &str, file: &Path) -> String {
    let bytes = std::fs::read(file).expect("the file is readable");
    let part = multipart::Part::bytes(bytes).file_name("film.mp4");
    let form = multipart::Form::new().text("title", what.to_owned()).part("file", part);
    let response = admin.request(Method::POST, "/v1/videos").multipart(form).send().await.expect("an answer");
    if response.status() != 201 {
        let status = response.status().as_u16();
        assert!((400..500).contains(&status), "{what}: {status}");
        return crate::support::client::refusal(response, status).await;
    }
    let video: serde_json::Value = response.json().await.expect("JSON");
    let settled = admin.wait_until_settled(video["id"].as_str().expect("an id")).await;
    assert_eq!(settled.status, "failed", "{what} became a title");
    let failure = settled.failure.unwrap_or_else(|| panic!("{what} failed without a reason"));
    show(&format!("{what}: {}: {}", failure.code, failure.message));
    assert!(failure.message.len() > 20, "{what}: {}", failure.message);
    assert_ne!(failure.code, "gave_up", "{what} is a bad file, not a fault of ours");
    failure.code
}

#[tokio::test]
async fn files_that_are_no_films_end_with_a_reason() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("the file is written");
        path
    };
    let clip = std::fs::read(SHORT.file()).expect("the clip is readable");
    let sound = folder.path().join("sound.m4a");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-f", "lavfi", "-i", "sine=duration=3", "-c:a", "aac"])
        .arg(&sound)
        .status()
        .expect("the ffmpeg program is installed");
    assert!(made.success());
    let node = start().await;
    let admin = node.admin().await;
    outcome(&admin, "no byte at all", &write("empty.mp4", b"")).await;
    outcome(&admin, "text named .mp4", &write("text.mp4", b"This is not a film.\n".repeat(100).as_slice())).await;
    // The clip's index is at its end, so the first half holds no picture that could be found.
    outcome(&admin, "half a film", &write("half.mp4", &clip[..clip.len() / 2])).await;
    outcome(&admin, "sound alone", &sound).await;
    node.stop().await;
}

#[tokio::test]
async fn an_upload_that_is_never_resumed_leaves_nothing_in_the_store() {
    let node = Node::start_with(&[("MARQUEE_UPLOADS_EXPIRY_SECONDS", "15")]).await;
    let admin = node.admin().await;
    let id = admin.create_video("Forgotten").await;
    let upload = Upload::open(&admin, &id, 1 << 20).await;
    assert_eq!(upload.append(0, vec![7; 300_000]).await, 300_000);
    eventually("the upload is gone", Duration::from_secs(150), || async {
        [404, 410].contains(&upload.head().await.status().as_u16()).then_some(())
    })
    .await;
    eventually("the store is empty", Duration::from_secs(150), || async {
        // What a store of objects was asked at the start stays.
        files_below(&node.store()).iter().all(|file| file.ends_with(".probe")).then_some(())
    })
    .await;
    eventually("the video waits for an upload", Duration::from_secs(30), || async {
        (admin.video(&id).await.status == "created").then_some(())
    })
    .await;
    node.stop().await;
}
