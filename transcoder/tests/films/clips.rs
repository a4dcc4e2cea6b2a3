//! Clips made for one question each: the picture.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::{plan::Plan, source::Seek};
use std::path::Path;

/// What ffmpeg makes the clips of: every frame differs from its neighbours.
const PICTURE: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=14";
/// Frames a second of that.
const RATE: f64 = 25.0;
/// How alike a frame and its original are: at the quality of these tests 0.99, and 0.93 if it is the frame before or after.
const SAME: f64 = 0.97;
/// How far a frame may be from its time, in seconds: containers round to milliseconds.
const TIME_TOLERANCE: f64 = 0.0025;

pub(crate) fn trials() -> Vec<Trial> {
    let clip = |name: &str, file: &'static str, arguments: String, seek: Seek| {
        Trial::test(format!("seams::{name}"), move || seams(file, seek, |clip| judge::make(clip, &arguments)))
    };
    let x264 = "-c:v libx264 -preset veryfast -crf 16";
    let keyframe = Seek::Keyframe;
    vec![
        clip("closed_groups_mp4", "a.mp4", format!("{PICTURE} {x264} -g 37"), keyframe),
        clip("open_groups_mkv", "a.mkv", format!("{PICTURE} {x264} -x264-params open-gop=1:keyint=60:bframes=5"), keyframe),
        clip("late_start_ts", "a.ts", format!("{PICTURE} {x264} -g 50 -bf 3 -output_ts_offset 1000"), keyframe),
        clip("open_groups_ts", "o.ts", format!("{PICTURE} {x264} -x264-params open-gop=1:keyint=60:bframes=5"), keyframe),
        clip("mpeg2_ts", "m.ts", format!("{PICTURE} -c:v mpeg2video -q:v 2 -bf 2"), keyframe),
        clip("long_groups_mp4", "b.mp4", format!("{PICTURE} {x264} -g 500"), Seek::FromStart),
        // Several frames share a PES packet and so a time, the last one among them.
        clip("mpeg2_ps", "a.mpg", format!("{PICTURE} -t 13.4 -c:v mpeg2video -bf 2"), Seek::FromStart),
        clip("mpeg4_avi", "a.avi", format!("{PICTURE} -c:v mpeg4 -q:v 2 -bf 2"), Seek::InOrder),
        clip("h264_avi", "b.avi", format!("{PICTURE} {x264} -bf 2"), Seek::InOrder),
        clip("motion_jpeg_avi", "j.avi", format!("{PICTURE} -c:v mjpeg -q:v 2"), keyframe),
        clip("mpeg2_mxf", "a.mxf", format!("{PICTURE} -c:v mpeg2video -q:v 2 -bf 2 -g 15"), keyframe),
        clip("theora_ogv", "a.ogv", format!("{PICTURE} -c:v libtheora -q:v 10 -g 40"), keyframe),
        clip("vp9_ivf", "a.ivf", format!("{PICTURE} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 8M -g 40"), keyframe),
        clip("mpeg4_nut", "a.nut", format!("{PICTURE} -c:v mpeg4 -q:v 2 -bf 2"), Seek::FromStart),
        clip("mpeg2_wtv", "a.wtv", format!("{PICTURE} -c:v mpeg2video -q:v 2"), keyframe),
        clip("real_video", "a.rm", format!("{PICTURE} -s 352x288 -c:v rv20 -q:v 2 -g 40"), keyframe),
        clip("raw_y4m", "a.y4m", PICTURE.to_owned(), keyframe),
        clip("h264_without_container", "a.h264", format!("{PICTURE} {x264} -bf 2 -g 40"), Seek::InOrder),
        clip("hevc_without_container", "a.hevc", format!("{PICTURE} -c:v libx265 -preset ultrafast -crf 14"), Seek::InOrder),
        clip("mpeg2_without_container", "a.m2v", format!("{PICTURE} -c:v mpeg2video -q:v 2 -bf 2"), Seek::InOrder),
        clip("wmv2_asf", "a.wmv", format!("{PICTURE} -c:v wmv2 -q:v 2 -g 40"), keyframe),
        clip(
            "variable_rate_mkv",
            "v.mkv",
            format!("{PICTURE} -vf select=not(eq(mod(n\\,7)\\,3)) -fps_mode vfr {x264} -g 40"),
            keyframe,
        ),
        Trial::test("seams::edit_list_mp4", move || seams("cut.mp4", keyframe, |clip| make_cut(clip, x264))),
        Trial::test("seek::the_end_of_a_transport_stream_costs_no_more_than_its_middle", transport_streams_are_sought),
        Trial::test("seek::chunks_begin_soon_after_keyframes", chunks_begin_soon_after_keyframes),
        Trial::test("pause::a_still_of_nine_seconds_keeps_its_segments", a_pause_is_filled),
    ]
}

/// A clip that begins between two keyframes of what it was cut from: an edit list hides the frames before.
fn make_cut(clip: &Path, x264: &str) {
    let whole = clip.with_file_name("whole.mp4");
    judge::make(&whole, &format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=40 {x264} -g 60 -bf 3"));
    judge::make(clip, &format!("-ss 3.3 -i {} -c copy", whole.display()));
}

/// A clip of several chunks: every frame once, in order, at its time, and looking like its original and no other.
fn seams(file: &str, seek: Seek, make: impl Fn(&Path)) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join(file);
    make(&clip);
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    let mut plan = Plan::new(&source, &driver::recipe());
    for rung in &mut plan.rungs {
        // Good enough that a neighbouring frame is told apart from the right one.
        (rung.crf, rung.max_bitrate_bps) = (14.0, 20_000_000);
    }
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan);
    let title = title.map_err(|failure| format!("{failure:?}"))?;
    let (chunks, damaged) = (title.plan.chunks.len(), title.damaged());
    if chunks < 2 || damaged > 0 || title.source.video.seek != seek {
        return Err(format!("{chunks} chunks, {damaged} damaged frames, {:?}", title.source.video.seek).into());
    }
    let stream = title.source.video.stream;
    let original = judge::frames(&clip, stream);
    let film = title.rendition(&title.tracks[0]);
    let found = judge::frames(&film, 0);
    let times = found.times.ok_or("a frame has no time")?;
    if times.len() != original.count || title.source.video.frames != original.count as u64 {
        return Err(format!("{} frames of {}, found {}", times.len(), original.count, title.source.video.frames).into());
    }
    // Where a container states no times, the clip was made with a constant rate.
    let expected = original.times.unwrap_or_else(|| (0..original.count).map(|frame| frame as f64 / RATE).collect());
    let origin = expected.first().copied().unwrap_or(0.0);
    for (frame, (time, expected)) in times.iter().zip(&expected).enumerate() {
        if (time - (expected - origin)).abs() > TIME_TOLERANCE {
            return Err(format!("frame {frame} is shown at {time}, its original at {expected} from {origin}").into());
        }
    }
    let rung = &title.plan.rungs[0];
    // What does not say otherwise and is this small was made for BT.601, like ffmpeg's own pictures.
    let shape = format!("scale={}:{}:in_color_matrix=bt601:out_color_matrix=bt709", rung.width, rung.height);
    let same = judge::similarities(&clip, stream, &shape, &film, 2000);
    let (frame, least) = same.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).ok_or("nothing was compared")?;
    if same.len() == original.count && *least > SAME {
        Ok(())
    } else {
        Err(format!("frame {frame} of {} compared: {least}", same.len()).into())
    }
}

/// The container has no index: the place to decode a chunk from is found by looking, and is not the beginning.
fn transport_streams_are_sought() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("long.ts");
    judge::make(&clip, "-f lavfi -i testsrc2=size=320x180:rate=25:duration=60 -c:v libx264 -preset ultrafast -g 50 -bf 3");
    let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    for (chunk, report) in title.plan.chunks.iter().zip(&title.reports) {
        // A second's worth beyond the frames shown is the group of pictures before the chunk; four are a look too far back.
        if report.decoded > report.frames + 4 * 25 {
            return Err(format!("chunk {} decodes {} frames to show {}", chunk.index, report.decoded, report.frames).into());
        }
    }
    Ok(())
}

/// A film with a keyframe every 8.32 s: those are found, and little is decoded before a later chunk.
fn chunks_begin_soon_after_keyframes() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("groups.mp4");
    judge::make(
        &clip,
        "-f lavfi -i testsrc2=size=160x90:rate=25:duration=150 -c:v libx264 -preset veryfast -g 208 -sc_threshold 0",
    );
    let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
    let track = &title.source.video;
    let seconds = |pts: &i64| (pts - track.origin) as f64 * track.time_base.as_f64();
    let found: Vec<f64> = track.keyframes.iter().map(seconds).collect();
    if found.len() != 19 || found.iter().zip(0..).any(|(time, number)| (time - f64::from(number) * 8.32).abs() > TIME_TOLERANCE) {
        return Err(format!("keyframes at {found:?}").into());
    }
    if title.plan.chunks.len() < 7 {
        return Err("every chunk begins where the first ones end".into());
    }
    for (chunk, report) in title.plan.chunks.iter().zip(&title.reports).skip(6) {
        if report.decoded > report.frames + 3 * 25 {
            return Err(format!("chunk {} decodes {} frames to show {}", chunk.index, report.decoded, report.frames).into());
        }
    }
    Ok(())
}

/// A film that stands still over two seams: every group of pictures has its keyframe, every segment its place.
fn a_pause_is_filled() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("pause.mkv");
    judge::make(&clip, &format!("{PICTURE} -vf select=lt(t\\,3)+gt(t\\,12) -fps_mode vfr -c:v libx264 -preset ultrafast"));
    let title = driver::encode(&clip, folder.path()).map_err(|failure| format!("{failure:?}"))?;
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
