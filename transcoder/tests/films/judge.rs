//! The ffmpeg and ffprobe programs, asked what they think of a file.

use serde_json::Value;
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

/// What a picture track decodes to.
pub(crate) struct Frames {
    /// How many frames there are.
    pub(crate) count: usize,
    /// When they are shown, in seconds, if the ffmpeg program knows it of each.
    pub(crate) times: Option<Vec<f64>>,
}

/// Decodes a picture track.
pub(crate) fn frames(path: &Path, stream: u32) -> Frames {
    let stream = stream.to_string();
    let entries = "stream=nb_read_frames:frame=best_effort_timestamp_time";
    let show = ["-v", "quiet", "-count_frames", "-select_streams", &stream, "-show_entries", entries, "-of", "json"];
    let (said, complaints) = call("ffprobe", &[&show[..], &[text(path)]].concat());
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {complaints}"));
    let number = |value: &Value| value.as_str()?.parse::<f64>().ok();
    let count = number(&said["streams"][0]["nb_read_frames"]).unwrap_or(0.0) as usize;
    let frames = said["frames"].as_array().into_iter().flatten();
    // A frame without a time is one all the same.
    let times: Vec<f64> = frames.filter_map(|frame| number(&frame["best_effort_timestamp_time"])).collect();
    Frames { count, times: (times.len() == count).then_some(times) }
}

/// Where the packets of a stream lie in the file: position and length in bytes.
pub(crate) fn packets(path: &Path, stream: &str) -> Vec<(usize, usize)> {
    let show = ["-v", "quiet", "-select_streams", stream, "-show_entries", "packet=pos,size", "-of", "json"];
    let (said, _) = call("ffprobe", &[&show[..], &[text(path)]].concat());
    let said: Value = serde_json::from_str(&said).expect("ffprobe writes JSON");
    let number = |value: &Value| value.as_str().and_then(|digits| digits.parse().ok()).expect("a number");
    let packets = said["packets"].as_array().expect("packets");
    packets.iter().map(|packet| (number(&packet["pos"]), number(&packet["size"]))).collect()
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
    compared(source, stream, filter, film, frames, ("ssim", "All:"))
}

/// Peak signal-to-noise ratio of the brightness of each frame of `film` to the frame of `source` with the same number.
pub(crate) fn psnr_db(source: &Path, stream: u32, film: &Path) -> Vec<f64> {
    compared(source, stream, "null", film, 10_000, ("psnr", "psnr_y:"))
}

/// What the filter of that name writes after that key of each frame of `film` and its original.
fn compared(source: &Path, stream: u32, filter: &str, film: &Path, frames: u32, (name, key): (&str, &str)) -> Vec<f64> {
    let graph = format!(
        "[0:{stream}]{filter},settb=1/25,setpts=N,format=yuv420p[a];[1:v]settb=1/25,setpts=N,format=yuv420p[b];\
         [a][b]{name}=stats_file=-:eof_action=endall:shortest=1"
    );
    let frames = frames.to_string();
    let inputs = ["-v", "error", "-i", text(source), "-i", text(film), "-lavfi", &graph];
    let outputs = ["-frames:v", &frames, "-fps_mode", "passthrough", "-f", "null", "-"];
    let (stats, complaints) = call("ffmpeg", &[&inputs[..], &outputs].concat());
    let found: Vec<f64> =
        stats.lines().filter_map(|line| line.split(key).nth(1)?.split_whitespace().next()?.parse().ok()).collect();
    assert!(!found.is_empty(), "ffmpeg compared nothing: {complaints}");
    found
}

/// Least and greatest luma of a picture, after `filter`.
pub(crate) fn levels(path: &Path, filter: &str) -> (u32, u32) {
    let graph = format!("{filter},signalstats,metadata=print:file=-");
    let (stats, complaints) = call("ffmpeg", &["-v", "error", "-i", text(path), "-vf", &graph, "-f", "null", "-"]);
    let of = |key: &'static str| stats.lines().filter_map(move |line| line.strip_prefix(key)?.parse::<u32>().ok());
    let (least, greatest) = (of("lavfi.signalstats.YMIN=").min(), of("lavfi.signalstats.YMAX=").max());
    (least.expect(&complaints), greatest.expect(&complaints))
}

/// Loudness of a file's first sound track as libavfilter measures it (EBU R 128).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loudness {
    /// Gated loudness of the whole, in LKFS; -70 if nothing passes the gate.
    pub(crate) lkfs: f64,
    /// Highest true peak, in dBTP.
    pub(crate) peak_dbtp: f64,
}

/// Measures how loud a file is.
pub(crate) fn loudness(path: &Path) -> Loudness {
    let arguments = ["-hide_banner", "-nostats", "-i", text(path), "-map", "a:0", "-af", "ebur128=peak=true", "-f", "null", "-"];
    let (_, said) = call("ffmpeg", &arguments);
    let summary = said.rsplit("Summary:").next().unwrap_or_default();
    let of = |key: &str, unit: &str| {
        let line = summary.lines().find_map(|line| line.trim().strip_prefix(key)?.trim().strip_suffix(unit));
        line.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("no {key} in {said}"))
    };
    Loudness { lkfs: of("I:", "LUFS"), peak_dbtp: of("Peak:", "dBFS") }
}

/// Samples of a file's first sound track from its beginning, for at most so many seconds, by channel.
pub(crate) fn samples(path: &Path, seconds: f64) -> Vec<Vec<f32>> {
    let show = ["-v", "error", "-select_streams", "a:0", "-show_entries", "stream=channels", "-of", "csv=p=0"];
    let (channels, complaints) = call("ffprobe", &[&show[..], &[text(path)]].concat());
    // Of a transport stream it says everything twice.
    let channels = channels.split_whitespace().next().and_then(|line| line.trim_end_matches(',').parse().ok());
    let channels: usize = channels.unwrap_or_else(|| panic!("no channels: {complaints}"));
    let seconds = seconds.to_string();
    let arguments = ["-v", "error", "-i", text(path), "-map", "a:0", "-t", &seconds, "-f", "f32le", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().expect("ffmpeg runs");
    let samples = output.stdout.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    let samples: Vec<f32> = samples.collect();
    (0..channels).map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect()).collect()
}

/// Makes a clip from libavfilter's sources.
pub(crate) fn make(path: &Path, arguments: &str) {
    let mut all = vec!["-v", "error", "-y"];
    all.extend(arguments.split_whitespace());
    all.push(text(path));
    let (_, complaints) = call("ffmpeg", &all);
    assert!(path.is_file(), "no clip: {complaints}");
}
