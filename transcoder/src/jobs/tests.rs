use super::{
    piece::{Piece, pieces, refuse_damage},
    source::StoredSource,
};
use crate::{
    child::{Report, SourceReader},
    recipe,
};
use bytes::Bytes;
use marquee_backends::blobs::FileBlobs;
use marquee_core::{
    blobs::Blobs,
    id::EncodeId,
    job::{Failure, Job},
    object::Key,
    plan::Plan,
    source::{Note, Source},
    testing,
};
use std::sync::Arc;

/// A film with sound in two languages; the second is the default.
fn source() -> Source {
    let mut source = testing::source();
    source.audio = vec![source.audio[0].clone(); 2];
    (source.audio[1].stream, source.audio[0].default) = (2, false);
    source
}

fn plan() -> Plan {
    Plan::new(&source(), &recipe::load(recipe::STANDARD, None).expect("the standard recipe"))
}

#[test]
fn a_plan_becomes_one_job_per_chunk_and_sound_track_first_things_first() {
    let encode = EncodeId(Default::default());
    let jobs: Vec<Job> = pieces(&plan()).iter().map(|piece| piece.job(encode)).collect();
    let picture = |chunk| Job::Encode { encode, chunk, rungs: vec!["360p".into(), "234p".into()] };
    let sound = |stream| Job::Audio { encode, stream };
    assert_eq!(jobs, [picture(0), sound(2), sound(1), picture(1), picture(2)]);
}

#[test]
fn what_a_job_cost_is_shared_out_without_loss() {
    let report = Report { frames: 180, damaged: 2, cpu_ms: 101, notes: vec![Note::new("a", "b")], ..Report::default() };
    let rows = Piece::Picture { chunk: 1, rungs: vec!["360p".into(), "234p".into()] }.finished(&plan(), &report);
    let told: Vec<_> = rows.iter().map(|row| (row.rendition.as_str(), row.chunk, row.frames, row.damaged, row.cpu_ms)).collect();
    assert_eq!(told, [("360p", 1, 180, 2, 51), ("234p", 1, 180, 2, 50)]);
    let rows = Piece::Sound { stream: 2 }.finished(&plan(), &report);
    assert_eq!(rows.iter().map(|row| row.rendition.as_str()).collect::<Vec<_>>(), ["aac-128-1", "aac-64-1"]);
}

#[test]
fn one_frame_in_a_hundred_may_be_damaged_and_no_more() {
    assert!(refuse_damage(&source(), 10).is_ok());
    assert!(matches!(refuse_damage(&source(), 11), Err(Failure::Fail { code, .. }) if code == "damaged"));
}

#[tokio::test]
async fn a_stored_source_reads_the_same_bytes_wherever_its_blocks_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Arc::new(FileBlobs::open(folder.path()).await.expect("a store"));
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|at| (at ^ (at >> 7)) as u8).collect();
    let key = Key::parse("sources/film").expect("a key");
    blobs.create(&key, Bytes::from(bytes.clone())).await.expect("stored");
    let source = StoredSource::new(blobs, key, bytes.len() as u64);
    let block = 2 << 20;
    for (offset, length) in
        [(0, 10), (block - 5, 10), (block, block), (1, 2 * block + 9), (4_999_990, 100), (5_000_000, 1), (9_000_000, 1)]
    {
        let expected = &bytes[offset.min(bytes.len())..(offset + length).min(bytes.len())];
        let read = source.read_at(offset as u64, length as u32).await.expect("read");
        assert!(read == expected, "{length} bytes at {offset}");
    }
}

#[tokio::test]
async fn a_source_that_is_shorter_than_promised_is_an_error_and_no_early_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let blobs = Arc::new(FileBlobs::open(folder.path()).await.expect("a store"));
    let key = Key::parse("sources/film").expect("a key");
    blobs.create(&key, Bytes::from_static(b"short")).await.expect("stored");
    assert!(StoredSource::new(blobs, key, 10).read_at(0, 10).await.is_err());
}
