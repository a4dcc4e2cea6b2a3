//! Uploads stream: the process stays small however large the film is.

use crate::support::{
    client::answer,
    node::{Node, show},
};
use futures::stream;
use reqwest::{Body, Method, multipart};
use std::convert::Infallible;

/// What passes through.
const UPLOAD_BYTES: u64 = 2 << 30;
/// What the whole of `marquee up` may hold meanwhile.
const MEMORY_BYTES_MAX: u64 = 150 << 20;
const PIECE: usize = 256 << 10;

static NOISE: [u8; PIECE] = noise();

/// Bytes that are no film, different enough that nothing is saved by their being alike.
const fn noise() -> [u8; PIECE] {
    let mut bytes = [0; PIECE];
    let mut state: u32 = 1;
    let mut position = 0;
    while position < PIECE {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[position] = (state >> 24) as u8;
        position += 1;
    }
    bytes
}

#[tokio::test]
async fn two_gigabytes_pass_through_a_small_process() {
    let node = Node::start().await;
    let admin = node.admin().await;
    let pieces = (0..UPLOAD_BYTES / PIECE as u64).map(|_| Ok::<_, Infallible>(&NOISE[..]));
    let file = multipart::Part::stream_with_length(Body::wrap_stream(stream::iter(pieces)), UPLOAD_BYTES).file_name("large.mp4");
    let form = multipart::Form::new().text("title", "Large").part("file", file);
    let video = answer(admin.request(Method::POST, "/v1/videos").multipart(form), 201).await;
    let peak = node.peak_memory_bytes();
    show(&format!("most memory while 2 GiB passed: {} MiB", peak >> 20));
    assert!(peak < MEMORY_BYTES_MAX, "{} MiB", peak >> 20);
    let settled = admin.wait_until_settled(video["id"].as_str().expect("an id")).await;
    assert_eq!(settled.status, "failed", "noise is no film");
    node.stop().await;
}
