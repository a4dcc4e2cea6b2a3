//! Ctrl-C: running work drains or is given back, everything that was started stops, and the next start carries on.

use crate::support::{clip::FILM, hls, judge, node::Node};

#[tokio::test]
async fn ctrl_c_in_the_middle_of_an_encode_loses_nothing() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let id = admin.upload_form("Interrupted", &FILM.file()).await;
    admin.wait_for(&id, "playable", |video| video.playable).await;
    let node = node.interrupt().await.restart().await;
    let admin = node.admin().await;
    admin.wait_until_ready(&id).await;
    let jobs = admin.get(&format!("/v1/videos/{id}/jobs"), 200).await;
    for job in jobs["items"].as_array().expect("a list") {
        assert_eq!(job["attempts"], 1, "stopping in good order costs no attempt: {job}");
    }
    for rendition in hls::renditions(&admin.hls(&id).await).await.video {
        assert_eq!(judge::numbers(&rendition).len() as u64, FILM.frames(), "{rendition}");
    }
    node.stop().await;
}
