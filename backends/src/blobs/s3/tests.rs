use super::*;
use crate::testing::{MotoServer, S3Server, blobs_contract, eventually};
use futures::{StreamExt, TryStreamExt, stream};
use marquee_core::ErrorKind;
use std::io::{Write, stderr};

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

fn body(bytes: &[u8]) -> ByteStream {
    let pieces: Vec<Result<Bytes>> = bytes.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

async fn content(blobs: &S3Blobs, name: &Key) -> Vec<u8> {
    let object = blobs.read(name, None).await.expect("readable");
    object.body.try_collect::<Vec<Bytes>>().await.expect("arrives").concat()
}

#[tokio::test]
async fn keeps_the_contract_and_leaves_nothing() {
    let server = S3Server::start().await;
    let blobs = S3Blobs::open(server.url()).await.expect("opened");
    assert!(blobs.is_conditional);
    blobs_contract(&blobs).await;
    let (left, _) = blobs.list_raw("", None, 10).await.expect("listed");
    assert_eq!(left, ["some/prefix/.probe"], "no tail is left");
}

#[tokio::test]
async fn keeps_the_contract_on_a_store_of_another_make_and_drops_what_nobody_knows() {
    let Some(server) = MotoServer::start().await else {
        let _ = writeln!(stderr(), "SKIPPED: moto is not installed, `./dev test` does that");
        return;
    };
    let blobs = S3Blobs::open(server.url()).await.expect("opened");
    assert!(blobs.is_conditional);
    blobs_contract(&blobs).await;
    let mut lost = blobs.begin(&key("sources/lost")).await.expect("begun");
    blobs.append(&mut lost, body(b"abc")).await.expect("appended");
    eventually("what nobody knows is dropped, with its tail", async || {
        blobs.tidy(&HashSet::new(), Duration::ZERO).await.expect("tidied");
        blobs.list_raw("", None, 10).await.expect("listed").0 == ["some/prefix/.probe"]
    })
    .await;
    assert!(blobs.finish(&lost).await.is_err());
}

#[tokio::test]
async fn keeps_the_contract_without_conditional_writes_but_for_races() {
    let server = S3Server::start().await;
    let blobs = S3Blobs { is_conditional: false, ..S3Blobs::open(server.url()).await.expect("opened") };
    let name = key("once");
    assert_eq!(blobs.create(&name, Bytes::from_static(b"first")).await.expect("created"), Created::New);
    assert_eq!(blobs.create(&name, Bytes::from_static(b"second")).await.expect("answered"), Created::Existed);
    assert_eq!(content(&blobs, &name).await, b"first");
    let (left, _) = blobs.list_raw(&blobs.raw(".attempts"), None, 10).await.expect("listed");
    assert!(left.is_empty(), "what was staged is gone: {left:?}");
}

#[tokio::test]
async fn a_large_upload_becomes_parts_whatever_the_pieces() {
    let server = S3Server::start().await;
    let blobs = S3Blobs::open(server.url()).await.expect("opened");
    let name = key("sources/vid_1/upl_1");
    let bytes: Vec<u8> = (0..30_000_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut growing = blobs.begin(&name).await.expect("begun");
    for piece in [1, 3_000_000, 6_000_000, 100, 12_000_000, 5 << 20] {
        let start = usize::try_from(growing.size_bytes).expect("small");
        blobs.append(&mut growing, body(&bytes[start..start + piece])).await.expect("appended");
        assert_eq!(growing.size_bytes as usize, start + piece);
    }
    let start = usize::try_from(growing.size_bytes).expect("small");
    blobs.append(&mut growing, body(&bytes[start..])).await.expect("appended");
    assert_eq!(blobs.finish(&growing).await.expect("finished").size_bytes, 30_000_000);
    assert!(content(&blobs, &name).await == bytes, "every byte in its place");
}

#[tokio::test]
async fn what_is_wrong_is_said_when_it_is_opened() {
    let server = S3Server::start().await;
    let mut stranger = server.url().clone();
    stranger.set_password(Some("not it")).expect("a URL with a host");
    let mut elsewhere = server.url().clone();
    elsewhere.set_host(Some("no-such-bucket")).expect("a host");
    let mut misspelt = server.url().clone();
    misspelt.query_pairs_mut().append_pair("ednpoint", "x");
    for url in [stranger, elsewhere, misspelt] {
        let refused = S3Blobs::open(&url).await.err().expect("refused");
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "invalid_config"), "{refused:?}");
        assert!(refused.message().starts_with("blobs.url") || refused.message().contains("is not known"), "{refused}");
    }
    let nobody = Url::parse("s3://key:secret@films?endpoint=http://127.0.0.1:1").expect("a URL");
    assert_eq!(S3Blobs::open(&nobody).await.err().expect("no answer").kind(), ErrorKind::Unavailable);
    S3Blobs::open_to_read(server.url()).await.expect("a reader needs no probe");
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error() {
    let short = primitives::ByteStream::from_static(b"only this");
    let read: Result<Vec<Bytes>> = read::counted(short, 100).try_collect().await;
    assert_eq!(read.expect_err("91 bytes are missing").kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn the_last_piece_of_an_object_that_changed_is_never_handed_out() {
    let server = S3Server::start().await;
    let blobs = S3Blobs::open(server.url()).await.expect("opened");
    let name = key("segment");
    blobs.create(&name, Bytes::from_static(b"all of it")).await.expect("created");
    std::fs::write(server.folder().join("some/prefix/segment"), b"all of iT").expect("changed");
    let mut body = blobs.read(&name, None).await.expect("found").body;
    assert_eq!(body.next().await.expect("an end").expect_err("another checksum").kind(), ErrorKind::Unavailable);
}
