//! Growing playlists: rendered by the API, at most once a second for everybody.

use crate::harness::{Edge, SCOPE, header_of};
use futures::future::join_all;
use std::sync::atomic::Ordering;

fn set(edge: &Edge, text: &str) {
    edge.api.playlists.lock().expect("no panic").insert(format!("{SCOPE}/v/540p/playlist.m3u8"), text.to_owned());
}

#[tokio::test]
async fn many_viewers_are_one_request_and_news_comes_within_a_second_or_so() {
    let edge = Edge::start().await;
    set(&edge, "#EXTM3U\none\n");
    let url = edge.live("v/540p/playlist.m3u8");
    let began = std::time::Instant::now();
    let answers = join_all((0..100).map(|_| edge.get(&url))).await;
    // One for each second that the answers took, should this machine be that slow.
    let requests = edge.api.playlist_reads.load(Ordering::SeqCst) as u64;
    assert!(requests <= 1 + began.elapsed().as_secs(), "{requests} requests");
    for answer in answers {
        assert_eq!((answer.status().as_u16(), header_of(&answer, "cache-control")), (200, "public, max-age=1"));
        assert_eq!(header_of(&answer, "content-type"), "application/vnd.apple.mpegurl");
        assert_eq!(answer.text().await.expect("whole"), "#EXTM3U\none\n");
    }
    set(&edge, "#EXTM3U\none\ntwo\n");
    while edge.get(&url).await.text().await.expect("whole") != "#EXTM3U\none\ntwo\n" {
        tokio::task::yield_now().await;
    }
    assert_eq!(edge.origin.reads(), 0);
}

#[tokio::test]
async fn while_the_api_is_away_the_last_playlist_is_shown() {
    let edge = Edge::start().await;
    set(&edge, "#EXTM3U\none\n");
    let url = edge.live("v/540p/playlist.m3u8");
    assert_eq!(edge.get(&url).await.status(), 200);
    edge.api.go_down();
    loop {
        let answer = edge.get(&url).await;
        assert_eq!(answer.status(), 200);
        let stale = header_of(&answer, "cache-status").contains("stale");
        assert_eq!(answer.text().await.expect("whole"), "#EXTM3U\none\n");
        if stale {
            break;
        }
    }
    let unknown = edge.get(&edge.live("v/720p/playlist.m3u8")).await;
    assert_eq!((unknown.status().as_u16(), header_of(&unknown, "retry-after")), (503, "1"));
}

#[tokio::test]
async fn a_playlist_that_is_not_there_is_not_found() {
    let edge = Edge::start().await;
    assert_eq!(edge.get(&edge.live("v/999p/playlist.m3u8")).await.status(), 404);
}

#[tokio::test]
async fn a_content_key_is_for_who_may_play_and_nobody_keeps_it() {
    let edge = Edge::start().await;
    let id = "00112233-4455-6677-8899-aabbccddeeff";
    let secret = "sixteen bytes...";
    edge.api.playlists.lock().expect("no panic").insert(format!("{SCOPE}?id={id}"), secret.to_owned());
    let url = edge.live("x").replace("/live/", "/keys/").replace("/x", &format!("/{id}"));
    for reads in 1..=2 {
        let answer = edge.get(&url).await;
        assert_eq!((answer.status().as_u16(), header_of(&answer, "cache-control")), (200, "no-store"));
        assert_eq!(header_of(&answer, "content-type"), "application/octet-stream");
        assert_eq!(header_of(&answer, "access-control-allow-origin"), "*");
        assert_eq!(answer.text().await.expect("whole"), secret);
        assert_eq!(edge.api.playlist_reads.load(Ordering::SeqCst), reads, "each time the API is asked");
    }
    assert_eq!(edge.get(&url.replace("eeff", "eefe")).await.status(), 404);
    assert_eq!(edge.get(&url.replace("/keys/vid_1", "/keys/vid_2")).await.status(), 403);
    let text = "longer than a key may be".to_owned();
    edge.api.playlists.lock().expect("no panic").insert(format!("{SCOPE}?id={id}"), text);
    assert!(edge.get(&url).await.status().is_server_error(), "what is no key is not passed on");
}
