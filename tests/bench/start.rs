//! How long after the end of its upload a film plays, on a Marquee in one process: ten minutes of 1080 lines, and ninety. Medians of
//! five rounds in which the two take turns.
//!
//! `./dev bench start [FILM]`: FILM is repeated until it is as long; without one, a film is made.

mod film;
mod repeat;
mod results;
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use all of it")]
#[path = "../support/mod.rs"]
mod support;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use reqwest::{Body, Url};
use results::{ROUNDS, median, tell};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use support::{eventually, hls, node::Node, tus::Upload};

/// Longest that the shorter film may take to play, in seconds.
const START_MAX: f64 = 5.0;
/// How much longer the longer one may take, in seconds.
const LONGER_MAX: f64 = 1.0;
/// Minutes of the two films.
const MINUTES: [u32; 2] = [10, 90];
/// Bytes that are sent at a time.
const PIECE_BYTES: usize = 256 << 10;
/// When a film is given up.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> ExitCode {
    // At the rate of a download.
    let film =
        film::named().into_iter().next().unwrap_or_else(|| film::made("bench-minute.mp4", 60, "format=yuv420p", ["-b:v", "5M"]));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let films = MINUTES.map(|minutes| repeat::repeated(&film, f64::from(minutes * 60), folder.path()));
    let mut seconds = [const { Vec::new() }; 2];
    for round in 1..=ROUNDS {
        for (film, seconds) in films.iter().zip(&mut seconds) {
            seconds.push(start_seconds(film).await);
        }
        let [short, long] = [0, 1].map(|film| seconds[film][round - 1]);
        tell(&format!("round {round}: {short:.2} s for {} minutes, {long:.2} s for {}", MINUTES[0], MINUTES[1]), true);
    }
    let [short, long] = seconds.map(median);
    let good = tell(&format!("start: {short:.2} s after the end of the upload, at most {START_MAX}"), short <= START_MAX)
        & tell(
            &format!("start: {:.2} s longer for the longer film, at most {LONGER_MAX}", long - short),
            long - short <= LONGER_MAX,
        );
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// From the last byte of the upload until a player has the first picture and the first sound.
async fn start_seconds(film: &Path) -> f64 {
    let mut node = Node::start().await;
    let admin = node.admin().await;
    let video = admin.create_video("A film").await;
    let length = film.metadata().expect("the film is there").len();
    let upload = Upload::open(&admin, &video, length).await;
    let ended = Arc::new(Mutex::new(None));
    let request = upload.patch(0).header("Content-Length", length).body(Body::wrap_stream(pieces(film, ended.clone())));
    let response = request.send().await.expect("the server answers");
    assert_eq!(response.status(), 204, "{:?}", response.text().await);
    admin.wait_for(&video, "playable", |video| video.playable).await;
    let master = admin.hls(&video).await;
    let offered = hls::renditions(&master).await;
    for playlist in [&offered.video[0], &offered.audio[0]] {
        let first = eventually("the first segment is listed", PATIENCE, || async {
            hls::media(playlist).await.segments.first().map(|segment| segment.uri.clone())
        })
        .await;
        let segment = Url::parse(playlist).and_then(|playlist| playlist.join(&first)).expect("a URL");
        assert!(!hls::fetch(segment.as_str()).await.is_empty(), "a segment has bytes");
    }
    let ended: Option<Instant> = *ended.lock().expect("nobody panics with it");
    let seconds = ended.expect("the upload has ended").elapsed().as_secs_f64();
    node.kill().await;
    seconds
}

/// The bytes of `film`; `ended` is when the newest of them was asked for, in the end the last.
fn pieces(film: &Path, ended: Arc<Mutex<Option<Instant>>>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let file = File::open(film).expect("the film is there");
    stream::unfold((file, ended), |(mut file, ended)| async move {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece);
        *ended.lock().expect("nobody panics with it") = Some(Instant::now());
        match read {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some((Ok(piece.into()), (file, ended)))
            }
            Err(error) => Some((Err(error), (file, ended))),
        }
    })
    .boxed()
}
