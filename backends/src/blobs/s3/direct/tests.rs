use crate::{
    blobs::S3Blobs,
    testing::{MotoServer, S3Server},
};
use bytes::Bytes;
use futures::TryStreamExt;
use marquee_core::{
    Clock, ErrorKind, SystemClock,
    blobs::{Blobs, Direct, Growing, Part},
    object::Key,
};
use std::{
    io::{Write, stderr},
    time::Duration,
};
use url::Url;

const HOUR: Duration = Duration::from_secs(3600);
const PART_BYTES: u64 = 5 << 20;
const LAST: Part = Part { number: 3, size_bytes: 9 };

fn key() -> Key {
    Key::parse("sources/vid_1/upl_1").expect("a key")
}

fn part(number: u32) -> Part {
    Part { number, size_bytes: PART_BYTES }
}

/// The bytes of `part`, as its sender has them.
fn bytes(part: Part) -> Vec<u8> {
    vec![part.number as u8; part.size_bytes as usize]
}

async fn put(url: Url, bytes: Vec<u8>) -> u16 {
    let sent = reqwest::Client::new().put(url).body(bytes).send().await.expect("an answer");
    sent.status().as_u16()
}

async fn send(blobs: &S3Blobs, growing: &Growing, part: Part) -> u16 {
    put(blobs.address(growing, part, SystemClock.now(), HOUR).await.expect("an address"), bytes(part)).await
}

/// What every store that takes parts must do.
async fn contract(blobs: &S3Blobs) {
    let mut growing = blobs.begin_in_parts(&key()).await.expect("begun");
    assert_eq!(blobs.gather(&mut growing).await.expect("listed"), []);
    for part in [LAST, part(1)] {
        assert_eq!(send(blobs, &growing, part).await, 200);
    }
    assert_eq!(blobs.gather(&mut growing).await.expect("listed"), [part(1), LAST]);
    assert_eq!(growing.size_bytes, PART_BYTES, "what comes after a part that is missing does not count");
    for part in [part(2), part(1)] {
        assert_eq!(send(blobs, &growing, part).await, 200, "a part may be sent again");
    }
    assert_eq!(blobs.gather(&mut growing).await.expect("listed"), [part(1), part(2), LAST]);
    assert_eq!(growing.size_bytes, 2 * PART_BYTES + LAST.size_bytes);
    let late = blobs.address(&growing, LAST, SystemClock.now(), HOUR).await.expect("an address");
    assert_eq!(blobs.finish(&growing).await.expect("finished").size_bytes, growing.size_bytes);
    let object = blobs.read(&key(), None).await.expect("there");
    let whole = object.body.try_collect::<Vec<Bytes>>().await.expect("read").concat();
    assert!(whole == [part(1), part(2), LAST].map(bytes).concat());

    assert!(put(late, bytes(LAST)).await >= 400, "the object does not change any more");
    match blobs.gather(&mut growing.clone()).await {
        Ok(parts) => assert_eq!(parts, []),
        Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
    }
    assert_eq!(blobs.finish(&growing).await.expect("finished again").size_bytes, growing.size_bytes);
    blobs.delete(&key()).await.expect("deleted");

    let dropped = blobs.begin_in_parts(&key()).await.expect("begun");
    assert_eq!(send(blobs, &dropped, LAST).await, 200);
    blobs.abort(&dropped).await.expect("dropped");
    assert!(send(blobs, &dropped, LAST).await >= 400);
}

#[tokio::test]
async fn parts_become_an_object() {
    let server = S3Server::start().await;
    contract(&S3Blobs::open(server.url()).await.expect("opened")).await;
}

#[tokio::test]
async fn parts_reach_a_store_of_another_make() {
    let Some(server) = MotoServer::start().await else {
        let _ = writeln!(stderr(), "SKIPPED: moto is not installed, `./dev test` does that");
        return;
    };
    // Its lists of parts are none that Amazon's library reads, so parts are all that can be tried.
    let blobs = S3Blobs::open(server.url()).await.expect("opened");
    let growing = blobs.begin_in_parts(&key()).await.expect("begun");
    for part in [LAST, part(1), part(1)] {
        assert_eq!(send(&blobs, &growing, part).await, 200);
    }
    blobs.abort(&growing).await.expect("dropped");
    assert!(send(&blobs, &growing, LAST).await >= 400);
}

#[tokio::test]
async fn an_address_takes_what_it_was_signed_for_and_nothing_else() {
    let server = S3Server::start().await;
    let blobs = S3Blobs::open(server.url()).await.expect("opened");
    let growing = blobs.begin_in_parts(&key()).await.expect("begun");
    let address = blobs.address(&growing, LAST, SystemClock.now(), HOUR).await.expect("an address");
    for size_bytes in [8, 10, 0] {
        assert_eq!(put(address.clone(), vec![0; size_bytes]).await, 403, "{size_bytes} bytes instead of 9");
    }
    let changed = |from: &str, to: &str| {
        let text = address.as_str().replace(from, to);
        assert_ne!(text, address.as_str(), "{from}");
        Url::parse(&text).expect("a URL")
    };
    let tampered =
        [("partNumber=3", "partNumber=4"), ("upl_1", "upl_2"), ("X-Amz-Expires=3600", "X-Amz-Expires=36000"), ("films", "other")];
    for (from, to) in tampered {
        assert_eq!(put(changed(from, to), bytes(LAST)).await, 403, "{to}");
    }
    let old = blobs.address(&growing, LAST, SystemClock.now() - 2 * HOUR, HOUR).await.expect("an address");
    assert_eq!(put(old, bytes(LAST)).await, 403, "its time is over");
    assert_eq!(put(address, bytes(LAST)).await, 200);
}

#[tokio::test]
async fn addresses_name_the_store_as_others_find_it() {
    let server = S3Server::start().await;
    let mut url = server.url().clone();
    url.query_pairs_mut().append_pair("public_endpoint", "https://films.example");
    let blobs = S3Blobs::open(&url).await.expect("opened");
    let growing = blobs.begin_in_parts(&key()).await.expect("begun");
    let address = blobs.address(&growing, LAST, SystemClock.now(), HOUR).await.expect("an address");
    assert!(address.as_str().starts_with("https://films.example/"), "{address}");
    url.query_pairs_mut().append_pair("public_endpoint", "films.example");
    assert_eq!(S3Blobs::open(&url).await.err().expect("refused").code(), "invalid_config");
}
