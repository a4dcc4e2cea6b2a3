//! Films whose container lists every packet are inspected without being read, and found to be what reading them would tell.

use crate::{driver, judge};
use async_trait::async_trait;
use bytes::Bytes;
use libtest_mimic::{Failed, Trial};
use marquee_core::{Result, source::VideoTrack};
use marquee_transcoder::child::{SourceReader, Task};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio_util::sync::CancellationToken;

const FILM: &str = "-f lavfi -i testsrc2=size=640x360:rate=25:duration=60 -f lavfi -i sine=sample_rate=48000:duration=60 \
                    -c:v libx264 -preset ultrafast -b:v 6M -minrate 6M -bufsize 6M -nal-hrd cbr";
/// Most that may be read of a film, as a share of it: the first and the last packets, in blocks.
const READ_MAX: f64 = 0.3;

pub(crate) fn trials() -> Vec<Trial> {
    let film = |name: &str, arguments: &str| {
        let arguments = format!("{FILM} {arguments}");
        Trial::test(format!("index::{name}"), move || compare(&arguments))
    };
    vec![
        film("constant_rate", "-g 50 -bf 3 -c:a aac"),
        film("open_groups", "-x264-params open-gop=1:keyint=60:bframes=8:b-pyramid=normal:nal-hrd=cbr -c:a aac"),
        film("variable_rate", "-vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr -bf 0 -c:a aac"),
        film("sound_without_packets", "-f mov -c:a pcm_s16le"),
        Trial::test("index::cut", || compare_cut()),
    ]
}

/// Counts what is read of a film.
struct Counted {
    film: Bytes,
    read_bytes: AtomicU64,
}

#[async_trait]
impl SourceReader for Counted {
    fn size_bytes(&self) -> u64 {
        self.film.len() as u64
    }

    async fn read_at(&self, offset: u64, length: u32) -> Result<Bytes> {
        let bytes = self.film.read_at(offset, length).await?;
        self.read_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

/// The picture of `clip`, and the share of it that was read to find out.
fn look(clip: &Path) -> Result<(VideoTrack, f64), Failed> {
    let reader = Arc::new(Counted { film: fs::read(clip)?.into(), read_bytes: AtomicU64::new(0) });
    let mut folder = driver::Folder::default();
    driver::run_on(&driver::host(), &Task::Inspect, reader.clone(), &mut folder, CancellationToken::new())
        .map_err(|failure| format!("{failure:?}"))?;
    let source = folder.source.ok_or("nothing was found")?;
    if !source.notes.is_empty() {
        return Err(format!("{:?}", source.notes).into());
    }
    Ok((source.video, reader.read_bytes.load(Ordering::Relaxed) as f64 / reader.size_bytes() as f64))
}

/// A film with an index, and the same in fragments, which have none.
fn compare(arguments: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("listed.mp4");
    judge::make(&clip, arguments);
    agree(&clip, "-c copy")
}

/// The same of a film whose beginning and end an edit list hides; its copy is encoded anew, since fragments hide nothing.
fn compare_cut() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (whole, cut) = (folder.path().join("whole.mp4"), folder.path().join("cut.mp4"));
    judge::make(&whole, &format!("{FILM} -g 60 -bf 3 -c:a aac"));
    judge::make(&cut, &format!("-ss 3.3 -t 50 -i {} -c copy", whole.display()));
    agree(&cut, "-c:v libx264 -preset ultrafast -g 60 -b:v 6M -c:a copy")
}

fn agree(listed: &Path, copy: &str) -> Result<(), Failed> {
    let fragments = listed.with_file_name("fragments.mp4");
    judge::make(&fragments, &format!("-i {} {copy} -f mov -movflags frag_keyframe+empty_moov", listed.display()));
    let ((by_index, read), (by_reading, all)) = (look(listed)?, look(&fragments)?);
    if read > READ_MAX || all < 1.0 {
        return Err(format!("{read} of the film is read, and {all} of the one without an index").into());
    }
    let told = |track: &VideoTrack| (track.frames, track.frame_rate, track.constant_rate, track.duration_ms(), track.seek);
    if told(&by_index) != told(&by_reading) {
        return Err(format!("{by_index:?}, and by reading {by_reading:?}").into());
    }
    let seconds = |track: &VideoTrack| {
        let since = |pts: &i64| (pts - track.origin) as f64 * track.time_base.as_f64();
        track.keyframes.iter().map(since).collect::<Vec<f64>>()
    };
    let (ours, theirs) = (seconds(&by_index), seconds(&by_reading));
    let near = |(one, other): (&f64, &f64)| (one - other).abs() < 0.5;
    if by_index.keyframes.is_empty() || (copy == "-c copy" && (ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(near)))
    {
        return Err(format!("keyframes at {ours:?}, and by reading {theirs:?}").into());
    }
    Ok(())
}
