//! Interlaced films: what moves fifty times a second goes on doing so.

use crate::{driver, judge};
use libtest_mimic::{Failed, Trial};
use marquee_core::plan::{Deinterlace, Plan};
use std::path::Path;

/// A picture that moves at each of fifty fields a second.
const PICTURE: &str = "-f lavfi -i testsrc2=size=1024x576:rate=50:duration=14";
/// How alike a picture made of one field and its original are at least; the one before or after is less.
const SAME: f64 = 0.9;
/// How far a frame may be from its time, in seconds.
const TIME_TOLERANCE: f64 = 0.0025;

pub(crate) fn trials() -> Vec<Trial> {
    let mpeg2 = "-c:v mpeg2video -q:v 2 -flags +ildct+ilme -g 12 -bf 2";
    let x264 = "-c:v libx264 -preset ultrafast -crf 12 -x264-params tff=1:keyint=48";
    let trial = |name: &str, file: &'static str, coded: &'static str| {
        Trial::test(format!("fields::{name}"), move || each_field_becomes_a_frame(file, coded))
    };
    vec![
        trial("of_mpeg2_ts_become_frames", "a.ts", mpeg2),
        trial("of_h264_mkv_become_frames", "a.mkv", x264),
        Trial::test("fields::stay_together_where_the_recipe_says_so", || frames_stay_frames(mpeg2)),
    ]
}

fn make(clip: &Path, coded: &str) {
    judge::make(clip, &format!("{PICTURE} -vf format=yuv420p,interlace=lowpass=off {coded}"));
}

fn each_field_becomes_a_frame(file: &str, coded: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (clip, original) = (folder.path().join(file), folder.path().join("original.mkv"));
    make(&clip, coded);
    judge::make(&original, &format!("{PICTURE} -c:v ffv1"));
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    let mut plan = Plan::new(&source, &driver::recipe());
    for rung in &mut plan.rungs {
        (rung.crf, rung.max_bitrate_bps) = (14.0, 20_000_000);
    }
    let steps: Vec<u32> = plan.rungs.iter().map(|rung| rung.frame_step).collect();
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan);
    let title = title.map_err(|failure| format!("{failure:?}"))?;
    if title.plan.chunks.len() < 2 || title.damaged() > 0 {
        return Err(format!("{} chunks, {} damaged frames", title.plan.chunks.len(), title.damaged()).into());
    }
    for (track, step) in title.tracks.iter().zip(steps) {
        let times = judge::frames(&title.rendition(track), 0).times.ok_or("a frame has no time")?;
        let expected = |frame: usize| frame as f64 * f64::from(step) / 50.0;
        let stray = times.iter().enumerate().find(|(frame, time)| (*time - expected(*frame)).abs() > TIME_TOLERANCE);
        if times.len() != 700 / step as usize || stray.is_some() {
            return Err(format!("{}: {} frames, {stray:?} among them", track.rendition.id, times.len()).into());
        }
    }
    let (film, rung) = (title.rendition(&title.tracks[0]), &title.plan.rungs[0]);
    let shape = format!("scale={}:{}:in_color_matrix=bt601:out_color_matrix=bt709", rung.width, rung.height);
    let same = judge::similarities(&original, 0, &shape, &film, 2000);
    let other = judge::similarities(&original, 0, &format!("select=gte(n\\,1),{shape}"), &film, 2000);
    let least = same.iter().copied().fold(1.0, f64::min);
    let closer = same.iter().zip(&other).filter(|(same, other)| same > other).count();
    if same.len() == 700 && least > SAME && closer > 650 {
        return Ok(());
    }
    Err(format!("{} compared, {least} at least, {closer} closer than the next", same.len()).into())
}

fn frames_stay_frames(coded: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("a.ts");
    make(&clip, coded);
    let source = driver::inspect(&clip).map_err(|failure| format!("{failure:?}"))?;
    let recipe = marquee_core::plan::Recipe { deinterlace: Deinterlace::Frames, ..driver::recipe() };
    let plan = Plan::new(&source, &recipe);
    let title = driver::encode_plan(&driver::host(), &clip, folder.path(), source, plan);
    let title = title.map_err(|failure| format!("{failure:?}"))?;
    let found = judge::frames(&title.rendition(&title.tracks[0]), 0).count;
    if found == 350 { Ok(()) } else { Err(format!("{found} frames of 350").into()) }
}
