//! Clips made for one question each.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{plan::Plan, source::Seek};
use std::path::Path;

/// What ffmpeg makes the clips of: every frame differs from its neighbours.
const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=14";
const SOUND: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=14";

pub(crate) fn trials() -> Vec<Trial> {
    let clip = |name: &str, file: &'static str, arguments: String, seek: Seek| {
        Trial::test(format!("seams::{name}"), move || seams(file, &arguments, seek))
    };
    let x264 = "-c:v libx264 -preset veryfast -crf 16";
    let keyframe = Seek::Keyframe;
    vec![
        clip("closed_groups_mp4", "a.mp4", format!("{PICTURE} {x264} -g 37"), keyframe),
        clip("open_groups_mkv", "a.mkv", format!("{PICTURE} {x264} -x264-params open-gop=1:keyint=60:bframes=5"), keyframe),
        clip("late_start_ts", "a.ts", format!("{PICTURE} {x264} -g 50 -bf 3 -output_ts_offset 1000"), keyframe),
        clip("long_groups_mp4", "b.mp4", format!("{PICTURE} {x264} -g 500"), Seek::FromStart),
        clip("mpeg2_ps", "a.mpg", format!("{PICTURE} -c:v mpeg2video -q:v 2 -bf 2"), Seek::FromStart),
        clip(
            "variable_rate_mkv",
            "v.mkv",
            format!("{PICTURE} -vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr {x264} -g 40"),
            keyframe,
        ),
        Trial::test("sound::late_sound_is_padded_and_early_sound_cut", sound_is_aligned),
        Trial::test("pause::a_still_of_nine_seconds_keeps_its_segments", a_pause_is_filled),
    ]
}

/// A clip of three chunks: every frame once, in order, at its time, and looking like its original.
fn seams(file: &str, arguments: &str, seek: Seek) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    judge::make(&clip, arguments);
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    let mut plan = Plan::new(&source, &driver::recipe());
    for rung in &mut plan.rungs {
        // Good enough that a neighbouring frame is told apart from the right one.
        (rung.crf, rung.max_bitrate_bps) = (14.0, 20_000_000);
    }
    let title = driver::encode_plan(&clip, folder.path(), source, plan, 1).map_err(|failure| format!("{failure:?}"))?;
    if title.plan.chunks.len() < 2 || title.source.video.seek != seek {
        return Err(format!("{} chunks, {:?}", title.plan.chunks.len(), title.source.video.seek).into());
    }
    let source = judge::frame_times(&clip, title.source.video.stream);
    let rung = &title.plan.rungs[0];
    let film = title.rendition(&title.tracks[0]);
    let times = judge::frame_times(&film, 0);
    if times.len() != source.len() || !times.is_sorted() {
        return Err(format!("{} frames of {}", times.len(), source.len()).into());
    }
    let filter = format!("scale={}:{}", rung.width, rung.height);
    let similar = judge::similarities(&clip, title.source.video.stream, &filter, &film, 1000);
    let (frame, least) = similar.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).ok_or("nothing was compared")?;
    if similar.len() == source.len() && *least > 0.9 {
        Ok(())
    } else {
        Err(format!("frame {frame} of {} compared: {least}", similar.len()).into())
    }
}

/// Sound that starts a second late is preceded by silence; sound that starts early is cut.
fn sound_is_aligned() -> Result<(), Failed> {
    for (offset, quiet) in [("1", 1.0), ("-1", 0.0)] {
        let folder = tempfile::tempdir()?;
        let clip = folder.path().join("a.mkv");
        let arguments =
            format!("{PICTURE} -itsoffset {offset} {SOUND} -map 0:v -map 1:a -c:v libx264 -preset ultrafast -c:a flac");
        judge::make(&clip, &arguments);
        let title = driver::encode(&clip, folder.path(), 1).map_err(|failure| format!("{failure:?}"))?;
        let track = title.tracks.iter().find(|track| track.rendition.id.starts_with("aac-128")).ok_or("no sound")?;
        let start = first_sound(&title.rendition(track));
        if (start - quiet).abs() > 0.03 {
            return Err(format!("sound starts at {start}, not {quiet}").into());
        }
    }
    Ok(())
}

/// When the first loud sample of an audio file comes, in seconds.
fn first_sound(path: &Path) -> f64 {
    let path = path.to_str().expect("a path in UTF-8");
    let arguments = ["-v", "error", "-i", path, "-f", "s16le", "-ac", "1", "-ar", "48000", "-"];
    let output = std::process::Command::new("ffmpeg").args(arguments).output().expect("ffmpeg runs");
    let samples = output.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    samples.take_while(|sample| sample.unsigned_abs() < 500).count() as f64 / 48_000.0
}

/// A film that stands still over two seams: every group of pictures has its keyframe, every segment its place.
fn a_pause_is_filled() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("pause.mkv");
    judge::make(&clip, &format!("{PICTURE} -vf select=lt(t\\,3)+gt(t\\,12) -fps_mode vfr -c:v libx264 -preset ultrafast"));
    let title = driver::encode(&clip, folder.path(), 1).map_err(|failure| format!("{failure:?}"))?;
    let track = &title.tracks[0];
    let mut end = 0;
    for segment in &track.segments {
        if segment.start_ticks != end || segment.iframes.is_empty() {
            return Err(format!("{segment:?} after {end}").into());
        }
        end += segment.duration_ticks;
    }
    let complaints = judge::complaints(&title.rendition(track));
    let noted = title.reports.iter().flat_map(|report| &report.notes).any(|note| note.code == "pause_filled");
    if track.segments.len() == 3 && noted && complaints.is_empty() {
        Ok(())
    } else {
        Err(format!("{:?} {complaints}", track.segments).into())
    }
}
