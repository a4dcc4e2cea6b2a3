//! Clips made for one question each: the sound.

use crate::{
    driver::{self, Folder},
    judge,
};
use libtest_mimic::{Failed, Trial};
use marquee_core::plan::Plan;
use marquee_transcoder::child::{Limits, Task};
use std::{fs, path::Path, process::Command};

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=14";
const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=14";
/// What a child may hold that encodes sound: a few times what it needs.
const MEMORY_BYTES: u64 = 128 << 20;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sound::late_sound_is_padded_and_early_sound_cut", sound_is_aligned),
        Trial::test("sound::a_picture_without_stated_times_keeps_its_sound", sound_stays_with_ordered_frames),
        Trial::test("sound::damage_to_the_end_is_noted", damage_is_noted),
        Trial::test("sound::gaps_are_noted", gaps_are_noted),
        Trial::test("sound::a_long_silence_takes_no_memory", long_silence_is_cheap),
    ]
}

/// Sound that starts a second late is preceded by silence; sound that starts early is cut.
fn sound_is_aligned() -> Result<(), Failed> {
    for (offset, quiet) in [("1", 1.0), ("-1", 0.0)] {
        let arguments =
            format!("{PICTURE} -itsoffset {offset} {SOUND} -map 0:v -map 1:a -c:v libx264 -preset ultrafast -c:a flac");
        check_start("a.mkv", &arguments, quiet)?;
    }
    Ok(())
}

/// AVI does not state when frames are shown. They are not late for that.
fn sound_stays_with_ordered_frames() -> Result<(), Failed> {
    let arguments = format!("{PICTURE} {SOUND} -af adelay=1000 -shortest -c:v libx264 -preset ultrafast -bf 2 -c:a pcm_s16le");
    check_start("a.avi", &arguments, 1.0)
}

/// The sound of a clip is silent for so many seconds.
fn check_start(file: &str, arguments: &str, quiet: f64) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    judge::make(&clip, arguments);
    let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    let track = title.tracks.iter().find(|track| track.rendition.id.starts_with("aac-128")).ok_or("no sound")?;
    let start = first_sound(&title.rendition(track));
    if (start - quiet).abs() > 0.03 { Err(format!("sound starts at {start}, not {quiet}").into()) } else { Ok(()) }
}

/// When the first loud sample of an audio file comes, in seconds.
fn first_sound(path: &Path) -> f64 {
    let path = path.to_str().expect("a path in UTF-8");
    let arguments = ["-v", "error", "-i", path, "-f", "s16le", "-ac", "1", "-ar", "48000", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().expect("ffmpeg runs");
    let samples = output.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    samples.take_while(|sample| sample.unsigned_abs() < 500).count() as f64 / 48_000.0
}

/// Of a sound track nothing after its twentieth packet can be decoded: the title is whole, and says so.
fn damage_is_noted() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("a.mp4");
    judge::make(&clip, &format!("{PICTURE} {SOUND} -c:v libx264 -preset ultrafast -c:a aac"));
    let mut bytes = fs::read(&clip)?;
    let packets = judge::packets(&clip, "a:0");
    for (position, length) in &packets[20..] {
        bytes[*position..*position + *length].fill(0xff);
    }
    fs::write(&clip, bytes)?;
    let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    let note = title.notes().find(|note| note.code == "sound_damaged").ok_or("nothing is noted")?;
    let share = (packets.len() - 20) as f64 / packets.len() as f64 * 100.0;
    if note.message.contains(&format!("{share:.1} % of sound track 1")) {
        Ok(())
    } else {
        Err(format!("{} is {share} %", note.message).into())
    }
}

/// Of three seconds in the middle there is no sound in the file: the title is silent there, and says so; of a whole track nothing is said.
fn gaps_are_noted() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    for (file, cut, expected) in [("a.mkv", "aselect=not(between(t\\,5\\,8))", 1), ("b.mkv", "anull", 0)] {
        let clip = folder.path().join(file);
        judge::make(&clip, &format!("{PICTURE} {SOUND} -af {cut} -c:v libx264 -preset ultrafast -c:a flac"));
        let title = driver::encode_sound(&clip, folder.path(), |_| ()).map_err(|failure| format!("{failure:?}"))?;
        let notes: Vec<_> = title.notes().filter(|note| note.code == "sound_gaps").collect();
        if notes.len() != expected || !notes.iter().all(|note| note.message.contains("at 0:05.0–0:08.")) {
            return Err(format!("{file}: {notes:?}").into());
        }
    }
    Ok(())
}

/// Sound that begins after half an hour, and goes on when the picture has ended; and sound that begins half an hour after its end.
fn long_silence_is_cheap() -> Result<(), Failed> {
    let host = driver::host().with_limits(Limits { memory_bytes: MEMORY_BYTES, ..Limits::default() });
    for (picture, whole) in [(1803, 1814), (10, 10)] {
        let folder = tempfile::tempdir()?;
        let clip = folder.path().join("late.mkv");
        let still = format!("-f lavfi -i color=size=64x64:rate=1:duration={picture}");
        judge::make(&clip, &format!("{still} -itsoffset 1800 {SOUND} -c:v libx264 -preset ultrafast -c:a flac"));
        let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
        let plan = Plan::new(&source, &driver::recipe());
        let mut sink = Folder { folder: folder.path().to_owned(), ..Folder::default() };
        let task = Task::Audio { stream: source.audio[0].stream, source, plan };
        let report = driver::run(&host, &task, &clip, &mut sink).map_err(|failure| format!("{failure:?}"))?;
        let film = folder.path().join("aac-128-0.mp4");
        let (seconds, start) = (judge::sound_seconds(&film, 48_000), first_sound(&film));
        let expected = f64::from(picture.min(1800));
        if (seconds - f64::from(whole)).abs() > 0.05 || (start - expected).abs() > 0.03 {
            return Err(format!("{seconds} s of sound, silent until {start}, {} bytes", report.peak_memory_bytes).into());
        }
    }
    Ok(())
}
