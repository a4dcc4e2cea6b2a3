//! The ffmpeg and ffprobe programs, asked what they think of a file.

use std::{path::Path, process::Command};

/// Runs a program and returns what it wrote to (standard output, standard error).
pub(crate) fn call(program: &str, arguments: &[&str]) -> (String, String) {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    (String::from_utf8_lossy(&output.stdout).into(), String::from_utf8_lossy(&output.stderr).into())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Complaints about a file while all of it is decoded; empty if there are none.
pub(crate) fn complaints(path: &Path) -> String {
    call("ffmpeg", &["-v", "error", "-i", text(path), "-map", "0", "-f", "null", "-"]).1
}

/// Presentation times in seconds of the frames that a stream decodes to.
pub(crate) fn frame_times(path: &Path, stream: u32) -> Vec<f64> {
    let stream = stream.to_string();
    let show = ["-v", "quiet", "-select_streams", &stream, "-show_entries", "frame=best_effort_timestamp_time", "-of", "csv=p=0"];
    let (times, _) = call("ffprobe", &[&show[..], &[text(path)]].concat());
    times.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect()
}

/// Length of an audio file's decoded sound, in seconds.
pub(crate) fn sound_seconds(path: &Path, rate: u32) -> f64 {
    let arguments = ["-v", "error", "-i", text(path), "-f", "f32le", "-ac", "1", "-ar", &rate.to_string(), "-"];
    let output = Command::new("ffmpeg").args(arguments).output().expect("ffmpeg runs");
    output.stdout.len() as f64 / 4.0 / f64::from(rate)
}

/// Structural similarity of each frame of `film` to the frame of `source` with the same number, after `filter` brought the
/// source to the film's shape (ffmpeg turns it upright by itself).
pub(crate) fn similarities(source: &Path, stream: u32, filter: &str, film: &Path, frames: u32) -> Vec<f64> {
    let graph = format!(
        "[0:{stream}]{filter},settb=1/25,setpts=N,format=yuv420p[a];[1:v]settb=1/25,setpts=N,format=yuv420p[b];\
         [a][b]ssim=stats_file=-:eof_action=endall:shortest=1"
    );
    let frames = frames.to_string();
    let arguments = [
        "-v",
        "error",
        "-i",
        text(source),
        "-i",
        text(film),
        "-lavfi",
        &graph,
        "-frames:v",
        &frames,
        "-fps_mode",
        "passthrough",
        "-f",
        "null",
        "-",
    ];
    let (stats, complaints) = call("ffmpeg", &arguments);
    let found: Vec<f64> =
        stats.lines().filter_map(|line| line.split("All:").nth(1)?.split_whitespace().next()?.parse().ok()).collect();
    assert!(!found.is_empty(), "ffmpeg compared nothing: {complaints}");
    found
}

/// Makes a clip from libavfilter's sources.
pub(crate) fn make(path: &Path, arguments: &str) {
    let mut all = vec!["-v", "error", "-y"];
    all.extend(arguments.split_whitespace());
    all.push(text(path));
    let (_, complaints) = call("ffmpeg", &all);
    assert!(path.is_file(), "no clip: {complaints}");
}
