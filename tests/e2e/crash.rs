//! `kill -9` of anything at any time: nothing is lost, every frame is there.

use crate::support::{
    bytes_below,
    client::Client,
    clip::FILM,
    eventually, hls, judge,
    node::{Node, show},
    tus::Upload,
};
use marquee_core::{Random, SeededRandom};
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Long enough that a kill falls into the middle of an encode on any machine.
const SOON: Duration = Duration::from_secs(120);

async fn assert_every_frame(client: &Client, id: &str) {
    for rendition in hls::renditions(&client.hls(id).await).await.video {
        assert_eq!(judge::numbers(&rendition), (0..FILM.frames()).collect::<Vec<_>>(), "{rendition}");
    }
}

/// When a server dies, its request being open.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    /// Bytes are on the disk, and nobody was told so.
    Written,
    /// The server said that it has them.
    Kept,
    /// At once.
    Any,
}

#[tokio::test]
async fn an_upload_survives_kills_at_any_byte() {
    const LENGTH: usize = 24 << 20;
    let mut bytes = vec![0; LENGTH];
    let random = SeededRandom::new(7);
    random.fill(&mut bytes);
    let mut node = Node::start().await;
    let mut admin = node.admin().await;
    let id = admin.create_video("Killed often").await;
    let mut upload = Upload::open(&admin, &id, LENGTH as u64).await;

    for (sent, moment) in [(5_000_001, Moment::Written), (3 << 20, Moment::Kept), (1, Moment::Any)] {
        let offset = upload.offset().await as usize;
        let piece = bytes[offset..offset + sent].to_vec();
        let slow = upload.clone();
        let rest = (LENGTH - offset - sent) as u64;
        let sending = tokio::spawn(async move { slow.append_and_stall(offset as u64, piece, rest).await });
        let come = async || match moment {
            Moment::Written => bytes_below(&node.store()) > 0,
            Moment::Kept => upload.offset().await as usize == offset + sent,
            Moment::Any => true,
        };
        eventually("the moment of the kill", SOON, || async { come().await.then_some(()) }).await;
        node.kill().await;
        sending.await.expect("the request ended with the server");
        node = node.restart().await;
        admin = node.admin().await;
        upload = upload.at(&admin);
        // The killed server still holds the upload until its lock runs out; tus clients try again on 423.
        eventually("the lock of the killed server ends", SOON, || async {
            let offset = upload.offset().await;
            (upload.patch(offset).body("").send().await.expect("an answer").status() == 204).then_some(())
        })
        .await;
        let kept = upload.offset().await as usize;
        let least = if moment == Moment::Kept { offset + sent } else { offset };
        assert!((least..=offset + sent).contains(&kept), "{kept} bytes are said to be kept of {}", offset + sent);
        show(&format!("killed after {} bytes, {kept} kept", offset + sent));
    }
    let offset = upload.offset().await;
    assert_eq!(upload.append(offset, bytes[offset as usize..].to_vec()).await, LENGTH as u64);
    admin.wait_until_settled(&id).await;
    let stored = node.sources();
    assert_eq!(stored.len(), 1, "one source, nothing beside it: {stored:?}");
    let digest = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    assert_eq!(digest(&std::fs::read(&stored[0]).expect("the source is readable")), digest(&bytes));
    node.stop().await;
}

/// Waits until the film is being encoded beyond its first chunk and a child is at work on it.
async fn wait_until_mid_encode(node: &Node, admin: &Client, id: &str) {
    admin.wait_for(id, "in the middle of its encode", |video| video.playable).await;
    eventually("a child is at work", SOON, || async { (!node.children().is_empty()).then_some(()) }).await;
}

/// Whether an attempt at encoding a chunk of the video ended badly.
async fn lost_an_attempt(admin: &Client, id: &str) -> bool {
    let jobs = admin.get(&format!("/v1/videos/{id}/jobs"), 200).await;
    let jobs = jobs["items"].as_array().cloned().unwrap_or_default();
    jobs.iter().any(|job| job["kind"] == "encode" && !job["last_error"].is_null())
}

#[tokio::test]
async fn a_film_completes_with_every_frame_when_its_workers_are_killed() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("Workers die", &FILM.file()).await;
    wait_until_mid_encode(&node, &admin, &id).await;
    eventually("a chunk lost its worker", SOON, || async {
        for child in node.children() {
            show(&format!("kill -9 {}: {}", child.id, child.command()));
            child.signal(Signal::SIGKILL);
        }
        lost_an_attempt(&admin, &id).await.then_some(())
    })
    .await;
    assert_ne!(admin.video(&id).await.status, "ready", "the kill came in time");
    admin.wait_until_ready(&id).await;
    assert_every_frame(&admin, &id).await;
    node.stop().await;
}

#[tokio::test]
async fn a_film_completes_with_every_frame_when_the_whole_node_is_killed() {
    let mut node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("Everything dies", &FILM.file()).await;
    wait_until_mid_encode(&node, &admin, &id).await;
    node.kill().await;
    let node = node.restart().await;
    let admin = node.admin().await;
    assert_ne!(admin.video(&id).await.status, "ready", "the kill came in time");
    admin.wait_until_ready(&id).await;
    assert_every_frame(&admin, &id).await;
    node.stop().await;
}
