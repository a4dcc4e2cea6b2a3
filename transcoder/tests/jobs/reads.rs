//! A worker reads of a film what its chunk needs, and no more.

use crate::{film::Film, worker::Worker};
use futures::TryStreamExt;
use marquee_core::{
    blobs::Blobs,
    job::{Job, Kind},
    sums::BLOCK_BYTES,
    testing::Bent,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Of which each second has as many bytes as any other, and a picture that no encoder spoils: nothing is made twice.
const FILM: &str = "-f lavfi -i smptebars=size=160x120:rate=25:duration=42 -f lavfi -i sine=sample_rate=48000:duration=42 -c:v libx264 \
                    -preset ultrafast -g 50 -bf 2 -b:v 6M -minrate 6M -maxrate 6M -bufsize 3M -nal-hrd cbr -c:a aac";
const SECONDS: f64 = 42.0;
/// The first chunk that is as long as chunks of a short film are.
const CHUNK: u32 = 2;
/// What may be read for each byte of a chunk's share.
const READ_SHARE_MAX: f64 = 1.3;
/// The index besides: where the film begins and where it ends.
const INDEX_BYTES: f64 = 2.0 * BLOCK_BYTES as f64;

pub(crate) async fn a_chunk_reads_little_more_than_its_share() {
    for name in ["film.mp4", "film.mkv", "film.ts"] {
        let film = Film::made(name, FILM);
        let worker = Worker::new(&film).await;
        worker.work(&[Kind::Inspect]).await.expect("inspected");
        let plan = worker.encode().await.plan;
        let chunk = plan.chunks.iter().find(|chunk| chunk.index == CHUNK).expect("a third chunk");
        let ticks = chunk.end_ticks.expect("one that is not the last") - chunk.start_ticks;
        let share = film.bytes().len() as f64 * plan.timeline.ticks_to_ms(ticks) as f64 / 1000.0 / SECONDS;
        while let Some(claim) = worker.claim(&[Kind::Encode]).await {
            if !matches!(claim.job, Job::Encode { chunk: CHUNK, .. }) {
                continue;
            }
            let read_bytes = Arc::new(AtomicU64::new(0));
            worker.attempt(&claim, Arc::new(counted(&worker.blobs, &read_bytes))).await.expect("encoded");
            let read = read_bytes.load(Ordering::Relaxed) as f64;
            assert!(read >= share && read - INDEX_BYTES <= READ_SHARE_MAX * share, "{name}: {read} bytes of {share}");
        }
    }
}

/// The store `inner`, of which it is counted how many bytes are read.
fn counted(inner: &Arc<dyn Blobs>, read_bytes: &Arc<AtomicU64>) -> impl Blobs + use<> {
    let read_bytes = read_bytes.clone();
    Bent::new(inner.clone(), move |mut object| {
        let read_bytes = read_bytes.clone();
        let count = move |piece: &bytes::Bytes| {
            read_bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        };
        object.body = Box::pin(object.body.inspect_ok(count));
        Ok(object)
    })
}
