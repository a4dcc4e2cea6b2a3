//! Films of which a part is not in the file: in the middle, at the end, or of the picture alone.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{job::Failure, source::Source};
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=40";
const SOUND: &str = "-f lavfi -i sine=sample_rate=48000:duration=40";
const CODED: &str = "-c:v libx264 -preset ultrafast -g 50 -b:v 600k -minrate 600k -maxrate 600k -bufsize 300k -c:a aac";
/// Of two seconds in the middle there are no pictures, since nothing moves.
const STILL: &str = "-vf select=not(between(t\\,18\\,20)) -fps_mode vfr";

pub(crate) fn trials() -> Vec<Trial> {
    let lacking = |name: &str, file: &'static str, inputs: String| {
        Trial::test(format!("lost::{name}"), move || is_refused(file, &inputs, 0.4..0.5, "damaged"))
    };
    vec![
        lacking("middle_of_mkv", "a.mkv", format!("{PICTURE} {SOUND}")),
        lacking("middle_of_ts", "a.ts", format!("{PICTURE} {SOUND}")),
        lacking("middle_of_flv", "a.flv", format!("{PICTURE} {SOUND}")),
        lacking("middle_of_a_silent_mkv", "b.mkv", PICTURE.to_owned()),
        Trial::test("lost::end_of_wmv", || is_refused("a.wmv", &format!("{PICTURE} {SOUND}"), 0.6..1.0, "truncated")),
        Trial::test("lost::a_moment_is_carried", a_moment_is_carried),
        Trial::test("lost::where_nothing_moves_nothing_is_lost", where_nothing_moves_nothing_is_lost),
        Trial::test("lost::sound_goes_on_after_the_picture", sound_goes_on_after_the_picture),
        Trial::test("lost::a_last_frame_is_shown_as_long_as_it_was", a_last_frame_is_shown_as_long_as_it_was),
    ]
}

fn made(file: &str, arguments: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let clip = folder.path().join(file);
    let coded = if file.ends_with("wmv") { "-c:v wmv2 -b:v 600k -c:a wmav2" } else { CODED };
    judge::make(&clip, &format!("{arguments} {coded}"));
    (folder, clip)
}

/// Loses that part of a file: zeros are in its place, or nothing where it is the end.
fn lose(clip: &Path, part: &Range<f64>) {
    let mut bytes = fs::read(clip).expect("read");
    let place = |share: f64| (bytes.len() as f64 * share) as usize;
    let (start, end) = (place(part.start), place(part.end));
    match part.end < 1.0 {
        true => bytes[start..end].fill(0),
        false => bytes.truncate(start),
    }
    fs::write(clip, bytes).expect("written");
}

fn inspected(clip: &Path) -> Result<Source, Failed> {
    driver::inspect(clip).map_err(|failure| format!("{failure:?}").into())
}

fn is_refused(file: &str, inputs: &str, part: Range<f64>, wanted: &str) -> Result<(), Failed> {
    let (_folder, clip) = made(file, inputs);
    let source = inspected(&clip)?;
    if source.missing_ms > 0 || source.gaps_ms > 0 {
        return Err(format!("of a whole film {} and {} ms are missing", source.missing_ms, source.gaps_ms).into());
    }
    lose(&clip, &part);
    match driver::inspect(&clip) {
        Err(Failure::Fail { code, message }) if code == wanted && message.contains("accept_damaged") => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

/// Less than a hundredth is lost: the film is taken, and says where.
fn a_moment_is_carried() -> Result<(), Failed> {
    let (_folder, clip) = made("a.mkv", &format!("{PICTURE} {SOUND} -cluster_time_limit 200"));
    lose(&clip, &(0.5..0.503));
    let source = inspected(&clip)?;
    let note = source.notes.iter().find(|note| note.code == "damage_gap").ok_or(format!("{:?}", source.notes))?;
    match note.message.contains("at 0:1") || note.message.contains("at 0:2") {
        true => Ok(()),
        false => Err(note.message.clone().into()),
    }
}

/// A picture that stands still for two seconds, with sound and without.
fn where_nothing_moves_nothing_is_lost() -> Result<(), Failed> {
    for (file, inputs) in
        [("a.mkv", format!("{PICTURE} {SOUND}")), ("a.ts", format!("{PICTURE} {SOUND}")), ("b.mkv", PICTURE.into())]
    {
        let (_folder, clip) = made(file, &format!("{inputs} {STILL}"));
        let source = inspected(&clip)?;
        if source.gaps_ms > 0 || source.notes.iter().any(|note| note.code.starts_with("damage")) {
            return Err(format!("{file}: {:?}", source.notes).into());
        }
    }
    Ok(())
}

/// Nothing of the sound is lost, and the picture is shown as long: for three seconds, and for longer than chunks last.
fn sound_goes_on_after_the_picture() -> Result<(), Failed> {
    for (file, seconds) in [("a.mp4", 5), ("a.mkv", 37), ("a.ts", 10), ("a.avi", 37)] {
        let cut = PICTURE.replace("duration=40", &format!("duration={seconds}"));
        let (folder, clip) = made(file, &format!("{cut} {SOUND}"));
        let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{file}: {failure:?}"))?;
        if !title.notes().any(|note| note.code == "picture_held") || title.damaged() > 0 {
            return Err(format!("{file}: {} damaged, {:?}", title.damaged(), title.notes().collect::<Vec<_>>()).into());
        }
        let (picture, sound) = (title.tracks.first().ok_or("no picture")?, title.tracks.last().ok_or("no sound")?);
        let frames = judge::frames(&title.rendition(picture), 0).times.ok_or("a frame has no time")?;
        let (last, sound) = (frames.last().copied().unwrap_or(0.0), judge::sound_seconds(&title.rendition(sound), 48_000));
        // Each group of pictures begins with the frame that is held, and lasts two seconds.
        let is_held = (37.9..40.1).contains(&last) && title.plan.duration_ms().abs_diff(40_000) < 100;
        if !is_held || (sound - 40.0).abs() > 0.1 {
            return Err(format!("{file}: the last of {} frames comes at {last}, {sound} s of sound", frames.len()).into());
        }
    }
    Ok(())
}

/// A silent recording of a screen on which nothing moves for its last seven seconds.
fn a_last_frame_is_shown_as_long_as_it_was() -> Result<(), Failed> {
    let (folder, clip) = made("a.mkv", &format!("{PICTURE} -t 5 -vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr"));
    let (still, frames) = (folder.path().join("b.mp4"), judge::frames(&clip, 0).count);
    let last = format!("setts=duration=if(eq(N\\,{})\\,112000\\,DURATION)", frames - 1);
    judge::make(&still, &format!("-i {} -c copy -video_track_timescale 16000 -bsf:v {last}", clip.display()));
    let source = inspected(&still)?;
    if source.video.constant_rate || source.duration_ms.abs_diff(12_000) > 100 {
        return Err(format!("{} ms, {:?}", source.duration_ms, source.video).into());
    }
    Ok(())
}
