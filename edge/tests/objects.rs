//! Whole objects: headers, methods, conditions, compression, errors.

use crate::harness::{Edge, header_of, noise};
use reqwest::{Method, StatusCode, header};
use std::io::Read;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_segment_is_served_whole_and_the_second_time_from_memory() {
    let edge = Edge::start().await;
    let bytes = noise(100_000);
    edge.store("v/540p/000001.m4s", bytes.clone()).await;
    let first = edge.get(&edge.media("v/540p/000001.m4s")).await;
    assert_eq!(first.status(), 200);
    for (name, expected) in [
        ("content-type", "video/iso.segment"),
        ("content-length", "100000"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("accept-ranges", "bytes"),
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "content-length, content-range, etag, date, cache-status"),
        ("timing-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-status", "marquee; fwd=miss"),
        ("content-encoding", ""),
    ] {
        assert_eq!(header_of(&first, name), expected, "{name}");
    }
    let etag = header_of(&first, "etag").to_owned();
    assert!(etag.starts_with('"') && etag.len() > 4, "{etag}");
    assert_eq!(first.bytes().await.expect("whole"), bytes);

    // Neither a query nor another good token is another object.
    for url in [edge.media("v/540p/000001.m4s"), edge.media("v/540p/000001.m4s?CMCD=bl%3D1&x=../../y")] {
        let again = edge.get(&url).await;
        assert_eq!((header_of(&again, "cache-status"), header_of(&again, "etag")), ("marquee; hit", &*etag));
        assert_eq!(again.bytes().await.expect("whole"), bytes);
    }
    assert_eq!(edge.origin.reads(), 1);
}

#[tokio::test]
async fn head_has_every_header_and_no_body() {
    let edge = Edge::start().await;
    edge.store("v/540p/init.mp4", noise(700)).await;
    for _ in 0..2 {
        let head =
            edge.client.head(edge.media("v/540p/init.mp4")).header(header::RANGE, "bytes=0-3").send().await.expect("an answer");
        assert_eq!((head.status(), header_of(&head, "content-length")), (StatusCode::OK, "700"));
        assert_eq!(header_of(&head, "content-type"), "video/mp4");
        assert!(head.bytes().await.expect("nothing").is_empty());
    }
}

#[tokio::test]
async fn conditions_spare_the_body() {
    let edge = Edge::start().await;
    edge.store("v/540p/init.mp4", noise(700)).await;
    let url = edge.media("v/540p/init.mp4");
    let etag = header_of(&edge.get(&url).await, "etag").to_owned();
    let ask = |name, value: &str| edge.client.get(&url).header(name, value).send();
    let unchanged = ask(header::IF_NONE_MATCH, &etag).await.expect("an answer");
    assert_eq!((unchanged.status(), header_of(&unchanged, "etag")), (StatusCode::NOT_MODIFIED, &*etag));
    assert_eq!(header_of(&unchanged, "access-control-allow-origin"), "*");
    assert_eq!(ask(header::IF_NONE_MATCH, "\"other\"").await.expect("an answer").status(), 200);
    assert_eq!(ask(header::IF_MATCH, "\"other\"").await.expect("an answer").status(), 412);
}

#[tokio::test]
async fn playlists_are_compressed_for_those_who_ask() {
    let edge = Edge::start().await;
    let text = format!("#EXTM3U\n{}", "#EXTINF:6.000000,\n000001.m4s\n".repeat(500));
    edge.store("v/540p/playlist.m3u8", text.clone()).await;
    let url = edge.media("v/540p/playlist.m3u8");
    let plain = edge.get(&url).await;
    assert_eq!((header_of(&plain, "content-encoding"), header_of(&plain, "vary")), ("", "accept-encoding"));
    assert_eq!(header_of(&plain, "content-type"), "application/vnd.apple.mpegurl");
    let etag = header_of(&plain, "etag").to_owned();
    assert_eq!(plain.text().await.expect("whole"), text);

    let ask = || edge.client.get(&url).header(header::ACCEPT_ENCODING, "gzip, deflate, br");
    let zipped = ask().send().await.expect("an answer");
    assert_eq!((header_of(&zipped, "content-encoding"), header_of(&zipped, "vary")), ("gzip", "accept-encoding"));
    let zipped_etag = header_of(&zipped, "etag").to_owned();
    assert_ne!(zipped_etag, etag);
    let length: usize = header_of(&zipped, "content-length").parse().expect("a number");
    let body = zipped.bytes().await.expect("whole");
    assert!(length == body.len() && length < text.len() / 4);
    let mut back = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut back).expect("gzip");
    assert_eq!(back, text);

    let unchanged = ask().header(header::IF_NONE_MATCH, zipped_etag).send().await.expect("an answer");
    assert_eq!(unchanged.status(), 304);
    // A range is one of the text itself.
    let range = ask().header(header::RANGE, "bytes=1-6").send().await.expect("an answer");
    assert_eq!((range.status(), header_of(&range, "content-encoding")), (StatusCode::PARTIAL_CONTENT, ""));
    assert_eq!(range.text().await.expect("whole"), "EXTM3U");
    assert_eq!(edge.origin.reads(), 1);
}

#[tokio::test]
async fn other_methods_are_refused_and_preflights_answered() {
    let edge = Edge::start().await;
    edge.store("v/540p/init.mp4", noise(10)).await;
    let url = edge.media("v/540p/init.mp4");
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE] {
        let refused = edge.client.request(method.clone(), &url).send().await.expect("an answer");
        assert_eq!(
            (refused.status(), header_of(&refused, "allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD, OPTIONS"),
            "{method}"
        );
    }
    let preflight = edge
        .client
        .request(Method::OPTIONS, &url)
        .header(header::ORIGIN, "https://player.example")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "range")
        .send()
        .await
        .expect("an answer");
    assert_eq!((preflight.status(), header_of(&preflight, "access-control-allow-origin")), (StatusCode::NO_CONTENT, "*"));
    let allowed = header_of(&preflight, "access-control-allow-headers");
    assert!(
        ["range", "if-none-match", "if-range"].iter().all(|name| allowed.split(", ").any(|allowed| allowed == *name)),
        "{allowed}"
    );
    assert!(header_of(&preflight, "access-control-allow-methods").contains("HEAD"));
    assert_eq!(edge.origin.reads(), 0);
}

#[tokio::test]
async fn what_is_missing_is_asked_for_once_a_second() {
    let edge = Edge::start().await;
    let url = edge.media("v/540p/000009.m4s");
    let began = std::time::Instant::now();
    for _ in 0..20 {
        let missing = edge.get(&url).await;
        assert_eq!((missing.status(), header_of(&missing, "cache-control")), (StatusCode::NOT_FOUND, "no-store"));
        assert_eq!(header_of(&missing, "content-type"), "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(&missing.bytes().await.expect("whole")).expect("JSON");
        assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some("not_found"), Some(404)));
    }
    let reads = edge.origin.reads() as u64;
    assert!(reads <= 1 + began.elapsed().as_secs(), "{reads} reads");
    edge.store("v/540p/000009.m4s", noise(10)).await;
    while edge.get(&url).await.status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_error_of_the_origin_is_not_remembered() {
    let edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(5000)).await;
    let url = edge.media("v/540p/000001.m4s");
    edge.origin.refuse.store(true, Ordering::SeqCst);
    let refused = edge.get(&url).await;
    assert_eq!((refused.status(), header_of(&refused, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert_eq!(header_of(&refused, "access-control-allow-origin"), "*", "a player must see the status");
    edge.origin.refuse.store(false, Ordering::SeqCst);
    assert_eq!(edge.get(&url).await.bytes().await.expect("whole"), noise(5000));
    edge.origin.refuse.store(true, Ordering::SeqCst);
    assert_eq!(edge.get(&url).await.bytes().await.expect("whole"), noise(5000), "what is here needs no origin");
}

#[tokio::test]
async fn what_is_too_large_passes_through() {
    let edge = Edge::start_with(100_000).await;
    edge.store("v/2160p/000001.m4s", noise(90_000)).await;
    let url = edge.media("v/2160p/000001.m4s");
    for _ in 0..2 {
        let whole = edge.get(&url).await;
        assert_eq!((header_of(&whole, "cache-status"), header_of(&whole, "content-length")), ("marquee; fwd=bypass", "90000"));
        assert_eq!(whole.bytes().await.expect("whole"), noise(90_000));
    }
    let part = edge.client.get(&url).header(header::RANGE, "bytes=80000-80009").send().await.expect("an answer");
    assert_eq!(part.bytes().await.expect("whole"), noise(90_000).slice(80_000..80_010));
}

#[tokio::test]
async fn operators_see_health() {
    let edge = Edge::start().await;
    assert_eq!(edge.get(&edge.url("/healthz")).await.status(), 200);
    assert_eq!(edge.get(&edge.url("/metrics")).await.status(), 200);
    assert_eq!(edge.get(&edge.url("/favicon.ico")).await.status(), 404);
    assert_eq!(edge.get(&edge.url("/")).await.status(), 404);
}
