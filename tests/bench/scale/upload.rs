//! A film through the object store's adapter as an upload takes it, beside the SDK alone writing the same bytes.

use crate::{ROUNDS, median, tell};
use bytes::Bytes;
use futures::{StreamExt, stream};
use marquee_backends::{
    open,
    testing::{S3Server, bare_upload},
};
use marquee_core::object::Key;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of a round.
const FILM_BYTES: usize = 256 << 20;
/// Bytes that come from the network at a time.
const PIECE_BYTES: usize = 64 << 10;
/// How long the store may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(10);
/// Least share of the SDK's rate.
const RATIO_MIN: f64 = 0.8;

/// Whether the goal is reached.
pub(crate) async fn bench() -> bool {
    let server = S3Server::start().await;
    let blobs = open::blobs(server.url(), open::Access::Write, PATIENCE).await.expect("the store answers");
    let film: Bytes = (0..FILM_BYTES as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let begun = Instant::now();
        let key = Key::parse(&format!("sources/ours-{round}")).expect("a key");
        let mut growing = blobs.begin(&key).await.expect("begun");
        let film_again = film.clone();
        let pieces =
            (0..FILM_BYTES).step_by(PIECE_BYTES).map(move |at| Ok(film_again.slice(at..(at + PIECE_BYTES).min(FILM_BYTES))));
        blobs.append(&mut growing, stream::iter(pieces).boxed()).await.expect("appended");
        blobs.finish(&growing).await.expect("finished");
        ours.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        bare_upload(server.url(), &format!("bare-{round}"), film.clone()).await;
        bare.push(begun.elapsed().as_secs_f64());
        blobs.delete(&key).await.expect("deleted");
        tell(&format!("round {round}: {:.2} s, the SDK alone {:.2} s", ours[round - 1], bare[round - 1]), true);
    }
    let ratio = median(ours.iter().zip(&bare).map(|(ours, bare)| bare / ours).collect());
    tell(&format!("upload: {ratio:.2} of the rate of the SDK alone, at least {RATIO_MIN}"), ratio >= RATIO_MIN)
}
