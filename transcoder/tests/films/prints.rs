//! Two files tell by their fingerprints what they share: packets, not names or boxes.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{fingerprint::Fingerprints, plan::Plan};
use marquee_transcoder::child::Task;
use std::path::Path;
use tempfile::tempdir;

const FILM: &str = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=20 -f lavfi -i sine=duration=20 -pix_fmt yuv420p";

pub(crate) fn trials() -> Vec<Trial> {
    let of =
        |name: &str, coded: &'static str, end: &'static str| Trial::test(format!("prints::{name}"), move || compare(coded, end));
    vec![
        Trial::test("prints::longer_cues", longer_cues),
        of("mp4", "-c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac", "mp4"),
        of("matroska", "-c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a libopus", "mkv"),
        of("transport_stream", "-c:v libx264 -preset ultrafast -bf 2 -g 50 -c:a aac", "ts"),
        of("every_frame_a_keyframe", "-c:v mjpeg -c:a pcm_s16le", "mov"),
    ]
}

/// Cues of the same words at the same times that are shown for longer.
fn longer_cues() -> Result<(), Failed> {
    let folder = tempdir()?;
    // The picture is encoded once: encoders that run in threads may answer otherwise the next time.
    let film = folder.path().join("film.mkv");
    judge::make(&film, &format!("{FILM} -c:v libx264"));
    let make = |name: &str, end: &str| {
        let words = folder.path().join(format!("{name}.srt"));
        std::fs::write(&words, format!("1\n00:00:01,000 --> {end}\nWords\n")).expect("written");
        let file = folder.path().join(format!("{name}.mkv"));
        judge::make(&file, &format!("-i {} -i {} -map 1 -map 0 -c copy", words.display(), film.display()));
        file
    };
    let (ours, theirs) = (prints(&make("short", "00:00:02,000"))?, prints(&make("long", "00:00:04,000"))?);
    assert!(ours.shares_picture(&theirs), "{ours:?}\n{theirs:?}");
    let subtitles = *ours.tracks.keys().next_back().ok_or("no subtitles")?;
    assert!(!ours.shares_track(&theirs, subtitles), "{ours:?}\n{theirs:?}");
    Ok(())
}

fn prints(file: &Path) -> Result<Fingerprints, Failed> {
    let source = driver::inspect(file).map_err(|failure| format!("{failure:?}"))?;
    let timeline = Plan::new(&source, &driver::recipe()).timeline;
    let mut sink = driver::Folder::default();
    let task = Task::Fingerprint { source, timeline };
    driver::run(&driver::host(), &task, file, &mut sink).map_err(|failure| format!("{failure:?}"))?;
    sink.prints.ok_or_else(|| "no fingerprints".into())
}

/// A film, the same in a file of its own, under another sound, and encoded otherwise.
fn compare(coded: &str, end: &str) -> Result<(), Failed> {
    let folder = tempdir()?;
    let make = |name: &str, arguments: &str| {
        let file = folder.path().join(format!("{name}.{end}"));
        judge::make(&file, arguments);
        file
    };
    let film = make("film", &format!("{FILM} {coded}"));
    let input = format!("-i {}", film.display());
    let ours = prints(&film)?;
    assert_eq!(ours.tracks.len(), 1);
    assert!((5..=11).contains(&ours.parts.len()), "{} parts of 20 s", ours.parts.len());
    assert!(ours.parts.is_sorted_by_key(|part| part.start_ticks));

    let copied = prints(&make("copied", &format!("{input} -c copy -metadata title=Other")))?;
    assert!(copied.shares_picture(&ours), "{copied:?}\n{ours:?}");
    // Matroska's milliseconds move sound a little.
    assert!(copied == ours || end == "mkv", "{copied:?}\n{ours:?}");
    let louder = prints(&make("louder", &format!("{input} {coded} -c:v copy -af volume=0.5")))?;
    assert!(louder.shares_picture(&ours) && louder.tracks != ours.tracks, "{louder:?}\n{ours:?}");
    let otherwise = prints(&make("otherwise", &format!("{FILM} {coded} -vf negate")))?;
    assert!(!otherwise.shares_picture(&ours) && !otherwise.shares_most(&ours));
    Ok(())
}
