//! Ranges over HTTP against a model of RFC 9110.

use crate::harness::{Edge, header_of, noise};
use marquee_core::{Random, SeededRandom};
use reqwest::header;

const SIZE: u128 = 3000;

/// The status, and the first and last byte of a part, that section 14 asks for.
fn model(header: &str) -> (u16, Option<(u128, u128)>) {
    let whole = (200, None);
    let Some((unit, set)) = header.split_once('=') else { return whole };
    let mut positions = set.split('-');
    let (Some(first), Some(last), None) = (positions.next(), positions.next(), positions.next()) else { return whole };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| digits(text).then(|| text.parse().unwrap_or(u128::MAX));
    if !unit.eq_ignore_ascii_case("bytes") {
        return whole;
    }
    match (number(first), number(last)) {
        (None, Some(0)) if first.is_empty() => (416, None),
        (None, Some(suffix)) if first.is_empty() => (206, Some((SIZE - suffix.min(SIZE), SIZE - 1))),
        (Some(first), Some(last)) if last < first => whole,
        (Some(first), Some(_)) if first >= SIZE => (416, None),
        (Some(first), Some(last)) => (206, Some((first, last.min(SIZE - 1)))),
        (Some(first), None) if last.is_empty() && first >= SIZE => (416, None),
        (Some(first), None) if last.is_empty() => (206, Some((first, SIZE - 1))),
        _ => whole,
    }
}

#[tokio::test]
async fn five_thousand_hostile_ranges_agree_with_the_model() {
    let edge = Edge::start().await;
    let bytes = noise(SIZE as usize);
    edge.store("v/540p/000001.m4s", bytes.clone()).await;
    let url = edge.media("v/540p/000001.m4s");
    let random = SeededRandom::new(9);
    let random: &dyn Random = &random;
    let draw = |end: usize| (random.unit() * end as f64) as usize;
    let pieces =
        ["0", "1", "2999", "3000", "17", "18446744073709551615", "18446744073709551616", "-", "-", "-", "-", ",", "x", "+"];
    for _ in 0..5000 {
        let mut range = String::from(["bytes=", "bytes=", "bytes=", "Bytes=", "items=", "bytes"][draw(6)]);
        match draw(3) {
            0 => range.push_str(&format!("{}-{}", draw(4000), draw(4000))),
            _ => (0..draw(6)).for_each(|_| range.push_str(pieces[draw(pieces.len())])),
        }
        let response = edge.client.get(&url).header(header::RANGE, &range).send().await.expect("an answer");
        let (status, part) = model(&range);
        assert_eq!(response.status(), status, "{range}");
        let content_range = header_of(&response, "content-range").to_owned();
        let body = response.bytes().await.expect("whole");
        match (status, part) {
            (206, Some((first, last))) => {
                assert_eq!(content_range, format!("bytes {first}-{last}/{SIZE}"), "{range}");
                assert_eq!(body, bytes.slice(first as usize..=last as usize), "{range}");
            }
            (416, _) => assert_eq!((&*content_range, body.len()), ("bytes */3000", 0), "{range}"),
            _ => assert_eq!((&*content_range, body), ("", bytes.clone()), "{range}"),
        }
    }
    assert_eq!(edge.origin.reads(), 1);
}

#[tokio::test]
async fn a_range_of_another_version_is_answered_whole() {
    let edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(1000)).await;
    let url = edge.media("v/540p/000001.m4s");
    let etag = header_of(&edge.get(&url).await, "etag").to_owned();
    for (if_range, status) in [(etag.as_str(), 206), ("\"other\"", 200), ("Sat, 29 Oct 1994 19:43:31 GMT", 200)] {
        let request = edge.client.get(&url).header(header::RANGE, "bytes=0-9").header(header::IF_RANGE, if_range);
        assert_eq!(request.send().await.expect("an answer").status(), status, "{if_range}");
    }
}

#[tokio::test]
async fn ten_thousand_ranges_in_one_header_or_two_headers_are_the_whole() {
    let edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(1000)).await;
    let url = edge.media("v/540p/000001.m4s");
    let many = format!("bytes={}0-0", "0-0,".repeat(2_500));
    let request = edge.client.get(&url).header(header::RANGE, many);
    assert_eq!(request.send().await.expect("an answer").bytes().await.expect("whole"), noise(1000));
    let request = edge.client.get(&url).header(header::RANGE, "bytes=0-0").header(header::RANGE, "bytes=1-1");
    assert_eq!(request.send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_range_is_answered_while_the_object_arrives() {
    let edge = Edge::start().await;
    edge.store("v/540p/000001.m4s", noise(10_000)).await;
    let gate = edge.origin.close_gate();
    gate.add_permits(4);
    let url = edge.media("v/540p/000001.m4s");
    let part = edge.client.get(&url).header(header::RANGE, "bytes=2500-3499").send().await.expect("an answer");
    assert_eq!((part.status().as_u16(), header_of(&part, "content-range")), (206, "bytes 2500-3499/10000"));
    assert_eq!(part.bytes().await.expect("whole"), noise(10_000).slice(2500..3500), "the rest is still at the gate");
    gate.add_permits(100);
    assert_eq!(edge.get(&url).await.bytes().await.expect("whole"), noise(10_000));
    assert_eq!(edge.origin.reads(), 1);
}
