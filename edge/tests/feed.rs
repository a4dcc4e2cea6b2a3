//! Keys come and go with the feed.

use crate::harness::{Edge, NOW, SCOPE, header_of, signing_key};
use marquee_core::token::sign;
use std::sync::atomic::Ordering;
use time::Duration;

async fn until_status(edge: &Edge, kid: &str, status: u16) {
    let token = sign(&signing_key(kid), SCOPE, NOW + Duration::HOUR);
    edge.until(&format!("/{token}/media/{SCOPE}/master.m3u8"), status).await;
}

#[tokio::test]
async fn keys_rotate_while_viewers_watch() {
    let edge = Edge::start().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    until_status(&edge, "k1", 200).await;
    until_status(&edge, "k2", 403).await;
    edge.api.keys.send_replace(vec![signing_key("k2"), signing_key("k1")]);
    until_status(&edge, "k2", 200).await;
    until_status(&edge, "k1", 200).await;
    edge.api.keys.send_replace(vec![signing_key("k2")]);
    until_status(&edge, "k1", 403).await;
    until_status(&edge, "k2", 200).await;
}

#[tokio::test]
async fn keys_stay_while_the_api_is_away_and_follow_when_it_is_back() {
    let edge = Edge::start().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    let before = edge.api.connections.load(Ordering::SeqCst);
    edge.api.go_down();
    edge.api.keys.send_replace(vec![signing_key("k2")]);
    for _ in 0..50 {
        assert_eq!(edge.get(&edge.media("master.m3u8")).await.status(), 200);
    }
    assert_eq!(edge.get(&edge.url("/readyz")).await.status(), 200);
    edge.api.down.store(false, Ordering::SeqCst);
    until_status(&edge, "k2", 200).await;
    until_status(&edge, "k1", 403).await;
    assert!(edge.api.connections.load(Ordering::SeqCst) > before);
}

#[tokio::test]
async fn an_edge_without_keys_asks_for_patience() {
    let edge = Edge::start_without_api().await;
    edge.store("master.m3u8", "#EXTM3U\n").await;
    let early = edge.get(&edge.media("master.m3u8")).await;
    assert_eq!((early.status().as_u16(), header_of(&early, "retry-after")), (503, "1"));
    assert_eq!(edge.get(&edge.url("/readyz")).await.status(), 503);
    assert_eq!(edge.get(&edge.url("/healthz")).await.status(), 200);
    edge.api.down.store(false, Ordering::SeqCst);
    edge.until("/readyz", 200).await;
    assert_eq!(edge.get(&edge.media("master.m3u8")).await.status(), 200);
}
