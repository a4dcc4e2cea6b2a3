//! Every limit, reached: of films, which are refused with a reason, and of the children that read them, which are ended.

use crate::{
    film::Film,
    local::{host, options},
    worker::Worker,
};
use async_trait::async_trait;
use bytes::Bytes;
use marquee_core::{
    ErrorKind, Result,
    job::{Failure, Kind},
};
use marquee_transcoder::{
    child::{CRASHED, Host, Limits, Output, STUCK, Sink, SourceReader, Task},
    local::{Options, Outcome, encode},
};
use std::{os::unix::fs::symlink, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A program of this name is a child that crashes, and one that never says anything.
pub(crate) const CRASHING: &str = "crashing-child";
pub(crate) const SILENT: &str = "silent-child";
/// Memory that a child needs for a small film, and not half of what it needs for a large one.
const MEMORY_BYTES: u64 = 96 << 20;

/// A host whose children are this program under another name, and the folder of that.
fn called(name: &str) -> (TempDir, Host) {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join(name);
    symlink(std::env::current_exe().expect("this program has a path"), &link).expect("a link");
    (folder, Host::new(link))
}

/// What becomes of `film`, up to its plan.
async fn planned(host: Host, film: &Film) -> Result<Outcome, Failure> {
    let plan_only = Options { plan_only: true, ..options() };
    encode(host, &film.path(), &film.path().with_extension("out"), plan_only, |_| (), CancellationToken::new()).await
}

/// Of what a child died that came to no result: a code, and what the log says.
fn last_of(outcome: Result<impl Sized, Failure>) -> (&'static str, String) {
    let Err(Failure::Retry(error)) = outcome else { panic!("the child was not ended") };
    (error.code(), error.detail())
}

async fn assert_refused(film: &Film, what: &str) {
    let outcome = planned(host(), film).await;
    let Err(Failure::Fail { code, message }) = outcome else { panic!("{what}: {outcome:?}") };
    assert!(code == "limits_exceeded" && message.contains(what), "{what}: {code}, {message}");
}

pub(crate) async fn films_beyond_the_limits_are_refused() {
    let still = "-f lavfi -i color=size=16x16:rate=1:duration";
    let sound = "-f lavfi -i anullsrc=r=8000:cl=mono:d=1";
    let coded = "-c:v mpeg4 -c:a pcm_s16le";
    let tracks = format!("{still}=2 {sound} -map 0:v {} {coded}", "-map 1:a ".repeat(32));
    assert_refused(&Film::made("many.mkv", &tracks), "32 tracks").await;
    let tracks = format!("{still}=2 {sound} -map 0:v {} {coded}", "-map 1:a ".repeat(300));
    assert_refused(&Film::made("more.mkv", &tracks), "more tracks or frames than any film").await;
    let hours = format!("{still}={} -c:v mpeg4", 13 * 3600);
    assert_refused(&Film::made("long.mkv", &hours), "twelve hours").await;
    let fast = "-f lavfi -i testsrc2=size=16x16:rate=500:duration=3 -c:v mpeg4";
    assert_refused(&Film::made("fast.mkv", fast), "240 frames").await;
    let large = "-f lavfi -i color=size=8208x4320:rate=1:duration=1 -c:v mjpeg";
    assert_refused(&Film::made("large.mkv", large), "8208×4320").await;
}

pub(crate) async fn films_within_the_limits_are_not() {
    let still = "-f lavfi -i color=size=16x16:rate=1:duration=2";
    let sound = "-f lavfi -i anullsrc=r=8000:cl=mono:d=1";
    let tracks = format!("{still} {sound} -map 0:v {} -c:v mpeg4 -c:a pcm_s16le", "-map 1:a ".repeat(31));
    let outcome = planned(host(), &Film::made("many.mkv", &tracks)).await;
    let Ok(Outcome::Planned(plan)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(plan.audio.len(), 31 * 2);
    let fast = "-f lavfi -i testsrc2=size=16x16:rate=240:duration=3 -c:v mpeg4";
    assert!(planned(host(), &Film::made("fast.mkv", fast)).await.is_ok());
}

/// The clusters of a Matroska file say when they begin. Two that begin 2^63 ms apart make a film whose length, in a type that
/// wraps, is a millisecond, and whose plan would be without end.
pub(crate) async fn times_that_wrap_are_refused() {
    let picture = "-f lavfi -i testsrc2=size=64x64:rate=25:duration=6 -c:v mpeg4";
    let film = Film::made("live.mkv", &format!("{picture} -output_ts_offset 1 -f matroska -live 1 -cluster_time_limit 2000"));
    let mut bytes = film.bytes();
    let clusters = cluster_heads(&bytes);
    assert!(clusters.len() >= 2, "{clusters:?}");
    for (index, head) in clusters.into_iter().enumerate() {
        let time: i64 = if index == 0 { -(1 << 62) } else { 1 << 62 };
        bytes[head..head + 2].copy_from_slice(&[0xe7, 0x88]);
        bytes[head + 2..head + 10].copy_from_slice(&time.to_be_bytes());
    }
    assert_refused(&Film::of(&bytes), "twelve hours").await;
}

/// Where the first ten bytes in each cluster are: a checksum, which nobody needs, and a time of two bytes.
fn cluster_heads(bytes: &[u8]) -> Vec<usize> {
    let head = |at: usize| {
        let size = bytes.get(at..)?.strip_prefix(&[0x1f, 0x43, 0xb6, 0x75])?;
        // The size of the cluster says by its leading zeros how long it is itself.
        let length = size.first()?.leading_zeros() as usize + 1;
        let head = size.get(length..length + 10)?;
        (head.starts_with(&[0xbf, 0x84]) && head[6..8] == [0xe7, 0x82]).then_some(at + 4 + length)
    };
    (0..bytes.len()).filter_map(head).collect()
}

pub(crate) async fn a_child_is_ended_when_it_wants_too_much_memory() {
    let thrifty = || host().with_limits(Limits { memory_bytes: MEMORY_BYTES, ..Limits::default() });
    assert!(planned(thrifty(), &Film::new("320x180", 2)).await.is_ok(), "enough for a small film");
    let large = Film::made("large.mp4", "-f lavfi -i testsrc2=size=3840x2160:rate=25:duration=1 -c:v libx264 -preset ultrafast");
    let (code, said) = last_of(planned(thrifty(), &large).await);
    assert!(code != STUCK && (said.contains("memory") || said.contains("signal")), "{said}");
    assert!(planned(host(), &large).await.is_ok(), "the limit alone was in its way");
}

pub(crate) async fn a_child_is_ended_when_it_computes_for_too_long() {
    let brief = host().with_limits(Limits { cpu: Duration::from_secs(1), ..Limits::default() });
    let film = Film::new("1280x720", 6);
    let options = Options { preset: Some("placebo".into()), ..options() };
    let out = film.path().with_extension("out");
    let (code, said) = last_of(encode(brief, &film.path(), &out, options, |_| (), CancellationToken::new()).await);
    assert!(code == STUCK && said.contains("signal"), "{said}");
    assert!(!out.exists(), "nothing is left");
}

pub(crate) async fn a_child_is_ended_when_it_says_nothing() {
    let limits = Limits { silence: Duration::from_millis(200), ..Limits::default() };
    let (_folder, silent) = called(SILENT);
    let (code, said) = last_of(wait(silent.with_limits(limits)).await);
    assert!(code == STUCK && said.contains("no sign of life"), "{said}");
    let Err(Failure::Retry(error)) = wait(host().with_limits(limits)).await else { panic!("the source does not answer") };
    assert_eq!(error.kind(), ErrorKind::Unavailable, "that is not the child's fault: {error:?}");
}

pub(crate) async fn a_child_is_ended_when_its_time_is_over() {
    let wall = Duration::from_millis(200);
    let (code, said) = last_of(wait(host().with_limits(Limits { wall, ..Limits::default() })).await);
    assert!(code == STUCK && said.contains("longer than allowed"), "{said}");
}

/// What becomes of a child that waits for bytes that never come.
async fn wait(host: Host) -> Result<(), Failure> {
    host.run(&Task::Inspect { ends_bytes: None }, Arc::new(Stuck), &mut Nobody, CancellationToken::new()).await.map(drop)
}

/// A source that never answers.
struct Stuck;

#[async_trait]
impl SourceReader for Stuck {
    fn size_bytes(&self) -> u64 {
        1 << 20
    }

    async fn read_at(&self, _offset: u64, _length: u32) -> Result<Bytes> {
        std::future::pending().await
    }
}

/// Takes anything.
struct Nobody;

#[async_trait]
impl Sink for Nobody {
    async fn accept(&mut self, _output: Output) -> Result<()> {
        Ok(())
    }
}

/// A film that each child crashes on is given up at the second attempt, and what is said names the film.
pub(crate) async fn what_crashes_twice_is_given_up() {
    let worker = Worker::new(&Film::new("320x180", 2)).await;
    let (_folder, crashing) = called(CRASHING);
    let claim = worker.claim(&[Kind::Inspect]).await.expect("an inspection");
    let outcome = worker.attempt_by(crashing.clone(), &claim, worker.blobs.clone()).await;
    assert_eq!(last_of(outcome).0, CRASHED, "it may have been an accident");
    worker.db.release_job(&claim).await.expect("given back");
    let claim = worker.claim_job(claim.job_id).await;
    let outcome = worker.attempt_by(crashing, &claim, worker.blobs.clone()).await;
    let Err(Failure::Fail { code, message }) = outcome else { panic!("{outcome:?}") };
    assert!(code == CRASHED && message.contains("export it again"), "{code}, {message}");
}
