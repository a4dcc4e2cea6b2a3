//! Sources that are broken or mean harm.

use crate::support::{
    client::Video,
    clip::SHORT,
    hls, judge, media,
    node::{Node, show},
};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::TcpListener;

fn assert_says_why(name: &str, video: &Video) {
    let reason = video.failure.as_ref().unwrap_or_else(|| panic!("{name} failed without a reason"));
    assert_ne!(reason.code, "gave_up", "{name} is a bad file, not a fault of ours");
    assert!(reason.message.len() > 20, "{name}: {} does not tell a content team what to do", reason.message);
    show(&format!("{name}: {} ({})", reason.message, reason.code));
}

#[tokio::test]
async fn a_hostile_film_is_refused_with_a_reason_or_its_damage_is_named() {
    let node = Node::start().await;
    let admin = node.admin().await;
    // An empty file is refused by the upload already: see the table of bad input.
    let films = media::films("hostile").into_iter().filter(|film| film.metadata().is_ok_and(|meta| meta.len() > 0));
    for film in films {
        let name = film.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let id = admin.upload_form(&name, &film).await;
        let video = admin.wait_until_settled(&id).await;
        if video.status == "failed" {
            assert_says_why(&name, &video);
            continue;
        }
        let damaged = !judge::complaints(&film.to_string_lossy()).is_empty();
        assert!(!damaged || !video.notes.is_empty(), "{name} is damaged, and the title does not say so");
        show(&format!("{name}: a title. {:?}", video.notes));
        for rendition in hls::renditions(&admin.hls(&id).await).await.video {
            assert!(!judge::picture(&rendition, true).times.is_empty(), "{rendition} is empty");
        }
    }
    node.stop().await;
}

/// Sources that name other sources. `bait` is a URL whose content would make a fine title.
fn traps(bait: &str) -> Vec<(&'static str, String)> {
    vec![
        ("a playlist", format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{bait}\n#EXT-X-ENDLIST\n")),
        ("a master playlist", format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\n{bait}\n")),
        ("a concatenation", format!("ffconcat version 1.0\nfile '{bait}'\n")),
        ("a DASH manifest", dash(bait)),
        (
            "a session description",
            format!("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=control:{bait}\nm=video 9 RTP/AVP 96\n"),
        ),
        ("a drawing", format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"{bait}\"/></svg>")),
    ]
}

fn dash(bait: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT5S\" \
         profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period><AdaptationSet mimeType=\"video/mp4\">\
         <Representation id=\"1\" bandwidth=\"1\"><BaseURL>{bait}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )
}

/// Counts who knocks.
async fn listen() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let knocks = Arc::new(AtomicUsize::new(0));
    let counter = knocks.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (format!("http://{address}/film.mp4"), knocks)
}

fn bait(folder: &Path) -> PathBuf {
    let bait = folder.join("bait.mp4");
    std::fs::copy(SHORT.file(), &bait).expect("a copy of the clip");
    bait
}

#[tokio::test]
async fn a_source_that_names_other_sources_reaches_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (url, knocks) = listen().await;
    let file = bait(folder.path());
    let node = Node::start().await;
    let admin = node.admin().await;
    for bait in [url, format!("file://{}", file.display()), file.display().to_string()] {
        for (name, text) in traps(&bait) {
            let trap = folder.path().join("film.mp4");
            std::fs::write(&trap, text).expect("the trap is written");
            let id = admin.upload_form(name, &trap).await;
            let video = admin.wait_until_settled(&id).await;
            assert_eq!(video.status, "failed", "{name} naming {bait} became a title");
            assert_says_why(name, &video);
        }
    }
    assert_eq!(knocks.load(Ordering::SeqCst), 0, "somebody went to the network");
    node.stop().await;
}
