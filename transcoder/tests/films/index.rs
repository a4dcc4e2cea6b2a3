//! Films whose container lists every packet are inspected without being read, and found to be what their packets tell.

use crate::{driver, judge};
use async_trait::async_trait;
use bytes::Bytes;
use libtest_mimic::{Failed, Trial};
use marquee_core::{
    Result,
    source::{Source, VideoTrack},
};
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
/// Most that may be read of a film, as a share of it: the first and the last packets and those of five places between, in blocks, and
/// sound that outlasts the picture.
const READ_MAX: f64 = 0.55;
/// How much later a keyframe may be shown than it would be if frames were not reordered: nine of them.
const REORDERED_SECONDS_MAX: f64 = 9.0 / 25.0;

pub(crate) fn trials() -> Vec<Trial> {
    let film = |name: &str, arguments: &str| {
        let arguments = format!("{FILM} {arguments}");
        Trial::test(format!("index::{name}"), move || compare(&arguments))
    };
    vec![
        film("constant_rate", "-g 50 -bf 3 -c:a aac"),
        film("open_groups", "-x264-params open-gop=1:keyint=60:bframes=8:b-pyramid=normal:nal-hrd=cbr -c:a aac"),
        film("variable_rate", "-g 60 -vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr -bf 0 -c:a aac"),
        film("sound_without_packets", "-f mov -c:a pcm_s16le"),
        film("variable_rate_reordered", "-g 60 -vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr -bf 2 -c:a aac"),
        Trial::test("index::cut", compare_cut),
        Trial::test("index::hidden_end", compare_hidden_end),
    ]
}

/// Counts what is read of a film.
pub(crate) struct Counted {
    film: Bytes,
    read_bytes: AtomicU64,
}

impl Counted {
    pub(crate) fn of(clip: &Path) -> std::io::Result<Self> {
        Ok(Self { film: fs::read(clip)?.into(), read_bytes: AtomicU64::new(0) })
    }

    pub(crate) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

/// What is found of `clip`, if no more than `ends_bytes` of its ends are to be read, and how many bytes were.
pub(crate) fn inspect(clip: &Path, ends_bytes: Option<u64>) -> Result<(Source, u64), Failed> {
    let reader = Arc::new(Counted::of(clip)?);
    let mut folder = driver::Folder::default();
    let task = Task::Inspect { ends_bytes };
    driver::run_on(&driver::host(), &task, reader.clone(), &mut folder, CancellationToken::new())
        .map_err(|failure| format!("{failure:?}"))?;
    let source = folder.source.ok_or("nothing was found")?;
    Ok((source, reader.read_bytes()))
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
    // Both ends are no more than is read of such a film anyway.
    let (source, read_bytes) = inspect(clip, Some(1 << 20))?;
    if !source.notes.is_empty() {
        return Err(format!("{:?}", source.notes).into());
    }
    let share = read_bytes as f64 / source.size_bytes as f64;
    Ok((source.video, share))
}

fn compare(arguments: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("film.mp4");
    judge::make(&clip, arguments);
    agree(&clip)
}

/// A film whose beginning an edit list hides.
fn compare_cut() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (whole, cut) = (folder.path().join("whole.mp4"), folder.path().join("cut.mp4"));
    judge::make(&whole, &format!("{FILM} -g 60 -bf 3 -c:a aac"));
    judge::make(&cut, &format!("-ss 3.3 -t 50 -i {} -c copy", whole.display()));
    agree(&cut)
}

/// A film of which an edit list hides the last quarter.
fn compare_hidden_end() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("film.mp4");
    judge::make(&clip, &format!("{FILM} -g 60 -bf 3 -c:a aac"));
    let mut bytes = fs::read(&clip)?;
    // ISO/IEC 14496-12 section 8.6.6: version and flags, how many edits, and the first one's length in milliseconds here.
    let edits = bytes.windows(4).enumerate().filter(|(_, kind)| *kind == b"elst").map(|(at, _)| at);
    let lengths: Vec<_> = edits.map(|edits| edits + 12..edits + 16).collect();
    for length in &lengths {
        let ms = u32::from_be_bytes(bytes[length.clone()].try_into()?);
        if lengths.len() != 2 || !(60_000..60_100).contains(&ms) {
            return Err(format!("{} edits, one of {ms} ms", lengths.len()).into());
        }
        bytes[length.clone()].copy_from_slice(&45_000_u32.to_be_bytes());
    }
    fs::write(&clip, bytes)?;
    agree(&clip)
}

/// A packet, as the ffprobe program tells.
struct Packet {
    shown: i64,
    end: i64,
    is_key: bool,
    is_hidden: bool,
}

fn packets(clip: &Path) -> Vec<Packet> {
    let clip = clip.to_str().expect("a path in UTF-8");
    let entries = "packet=pts,duration,flags";
    let arguments = ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0", clip];
    let (text, _) = judge::call("ffprobe", &arguments);
    let packet = |line: &str| {
        let mut fields = line.split(',');
        let mut number = || fields.next().and_then(|field| field.parse::<i64>().ok());
        let (shown, duration) = (number()?, number()?);
        let flags = fields.next()?;
        Some(Packet { shown, end: shown + duration, is_key: flags.contains('K'), is_hidden: flags.contains('D') })
    };
    text.lines().filter_map(packet).collect()
}

fn agree(clip: &Path) -> Result<(), Failed> {
    let (track, read) = look(clip)?;
    if read > READ_MAX {
        return Err(format!("{read} of the film is read").into());
    }
    let packets = packets(clip);
    let shown = || packets.iter().filter(|packet| !packet.is_hidden);
    let origin = shown().map(|packet| packet.shown).min().ok_or("ffprobe finds no packets")?;
    let (end, count) = (shown().map(|packet| packet.end).max().unwrap_or(0), shown().count() as u64);
    if (track.origin, track.end, track.frames) != (origin, end, count) {
        return Err(format!("{track:?} of {count} frames from {origin} to {end}").into());
    }
    // A keyframe is found where it would be if it were not reordered.
    let near =
        |time: &i64, packet: &Packet| (time - packet.shown).abs() as f64 * track.time_base.as_f64() < REORDERED_SECONDS_MAX;
    let known = |time: &i64| packets.iter().any(|packet| packet.is_key && near(time, packet));
    if track.keyframes.len() != packets.iter().filter(|packet| packet.is_key).count() || !track.keyframes.iter().all(known) {
        return Err(format!("keyframes at {:?}", track.keyframes).into());
    }
    Ok(())
}
