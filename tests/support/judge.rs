//! The ffmpeg program as judge: what is really in a file or behind a playlist.

use super::clip::BITS;
use serde_json::Value;
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// A picture track, decoded from its first to its last frame.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Frames, whether they have a time or not.
    pub(crate) frames: usize,
    /// Presentation times in seconds of those that have one, in the order in which they are shown.
    pub(crate) times: Vec<f64>,
    /// How long the last frame is shown, in seconds, if it says so.
    last: Option<f64>,
    /// Width over height as shown, rotation applied.
    pub(crate) aspect: f64,
    /// Width in stored pixels.
    pub(crate) width: u64,
    /// Height in stored pixels.
    pub(crate) height: u64,
}

/// A sound track, decoded from its first to its last sample.
#[derive(Debug)]
pub(crate) struct Sound {
    /// Time of the first sample.
    pub(crate) start: f64,
    /// Samples over samples per second.
    pub(crate) seconds: f64,
}

/// A track of picture or sound, as the mediainfo program finds it.
#[derive(Debug)]
pub(crate) struct Track {
    /// `Video` or `Audio`.
    pub(crate) kind: String,
    /// What it is coded in, such as `AVC`.
    pub(crate) format: String,
    /// How long it lasts.
    pub(crate) seconds: f64,
}

/// Asks the mediainfo program what is in a file. There must be something.
pub(crate) fn tracks(file: &str) -> Vec<Track> {
    let output = Command::new("mediainfo").args(["--Output=JSON", file]).output().expect("mediainfo is installed");
    let said: Value = serde_json::from_slice(&output.stdout).expect("mediainfo writes JSON");
    let text = |track: &Value, name: &str| track[name].as_str().unwrap_or_default().to_owned();
    let track = |track: &Value| Track {
        kind: text(track, "@type"),
        format: text(track, "Format"),
        seconds: text(track, "Duration").parse().unwrap_or(0.0),
    };
    let tracks: Vec<_> = said["media"]["track"].as_array().into_iter().flatten().map(track).collect();
    let found: Vec<_> = tracks.into_iter().filter(|track| track.kind != "General").collect();
    assert!(!found.is_empty(), "{said}");
    found
}

impl Picture {
    /// From the first frame to the last one's beginning.
    pub(crate) fn span(&self) -> f64 {
        self.times.last().copied().unwrap_or_default() - self.times.first().copied().unwrap_or_default()
    }

    /// Seconds from one frame to the next, on average.
    pub(crate) fn step(&self) -> f64 {
        self.span() / (self.times.len().max(2) - 1) as f64
    }

    /// From the first frame to the last one's end, frames without a time included.
    pub(crate) fn seconds(&self) -> f64 {
        let untimed = self.frames - self.times.len();
        self.span() + untimed as f64 * self.step() + self.last.unwrap_or_else(|| self.step())
    }

    /// Panics unless every frame comes later than the one before.
    pub(crate) fn assert_in_order(&self, what: &str) {
        for pair in self.times.windows(2) {
            assert!(pair[0] < pair[1], "{what}: a frame at {} follows one at {}", pair[1], pair[0]);
        }
    }
}

/// Decodes the picture of `input`, a file or a URL. With `strict`, a single complaint of the decoder is a failure.
pub(crate) fn picture(input: &str, strict: bool) -> Picture {
    picture_of(input, "v:0", strict)
}

/// Decodes one of the pictures of `input`; `stream` as the ffmpeg program names it, such as `v:1`.
pub(crate) fn picture_of(input: &str, stream: &str, strict: bool) -> Picture {
    let entries = "stream=width,height,sample_aspect_ratio,nb_read_frames:stream_side_data=rotation:\
                   frame=best_effort_timestamp_time,pkt_duration_time,duration_time";
    let json = probe(input, stream, entries, strict);
    let stream = &json["streams"][0];
    let (width, height) = (number(&stream["width"]), number(&stream["height"]));
    let shape = stream["sample_aspect_ratio"].as_str().and_then(|ratio| ratio.split_once(':'));
    let shape = shape.and_then(|(num, den)| Some(num.parse::<f64>().ok()? / den.parse::<f64>().ok()?));
    let aspect = width / height * shape.filter(|shape| *shape > 0.0 && shape.is_finite()).unwrap_or(1.0);
    let sides = stream["side_data_list"].as_array();
    let turn = sides.and_then(|sides| sides.iter().find_map(|side| side["rotation"].as_i64())).unwrap_or(0);
    let mut times: Vec<f64> = frames(&json).filter_map(|frame| time(&frame["best_effort_timestamp_time"])).collect();
    times.sort_by(f64::total_cmp);
    Picture {
        frames: time(&stream["nb_read_frames"]).unwrap_or_default() as usize,
        times,
        last: frames(&json).last().and_then(|frame| time(&frame["duration_time"]).or(time(&frame["pkt_duration_time"]))),
        aspect: if turn % 180 == 0 { aspect } else { aspect.recip() },
        width: width as u64,
        height: height as u64,
    }
}

/// Some frames of a film, not its first ones alone: many fade in from black, which looks the same whichever way it is turned.
const SELECT: &str = "select=not(mod(n\\,24))";

/// How alike some frames of `input` and of `source` are, after `filter` has brought the source's to the shape of `input`'s.
/// The ffmpeg program shows the source upright by itself.
pub(crate) fn similarity(source: &str, filter: &str, input: &str) -> f64 {
    let graph = format!(
        "[0:v:0]{SELECT},{filter},settb=1/25,setpts=N,format=yuv420p[a];[1:v:0]{SELECT},settb=1/25,setpts=N,format=yuv420p[b];\
         [a][b]ssim=stats_file=-:eof_action=endall:shortest=1"
    );
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", source, "-i", input, "-lavfi", &graph])
        .args(["-frames:v", "5", "-vsync", "passthrough", "-f", "null", "-"])
        .output()
        .expect("the ffmpeg program is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let found: Vec<f64> =
        said.lines().filter_map(|line| line.split("All:").nth(1)?.split_whitespace().next()?.parse().ok()).collect();
    assert!(!found.is_empty(), "{input}: nothing was compared: {}", String::from_utf8_lossy(&output.stderr));
    found.iter().sum::<f64>() / found.len() as f64
}

/// Decodes a sound track of `input`; `stream` as the ffmpeg program names it, such as `a:0`. None if there is none.
pub(crate) fn sound(input: &str, stream: &str, strict: bool) -> Option<Sound> {
    let json = probe(input, stream, "stream=sample_rate:frame=best_effort_timestamp_time,nb_samples", strict);
    let rate: f64 = json["streams"][0]["sample_rate"].as_str()?.parse().ok()?;
    let samples: f64 = frames(&json).map(|frame| number(&frame["nb_samples"])).sum();
    let start = frames(&json).find_map(|frame| time(&frame["best_effort_timestamp_time"]))?;
    Some(Sound { start, seconds: samples / rate })
}

/// Which frames of a [`super::clip::Clip`] the pictures of `input` show, in order.
pub(crate) fn numbers(input: &str) -> Vec<u64> {
    let filter = format!("crop=iw:ih/8:0:ih/16,scale={BITS}:1:flags=area,format=gray");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", input, "-map", "0:v:0", "-vsync", "passthrough", "-vf", &filter])
        .args(["-f", "rawvideo", "-"])
        .output()
        .expect("the ffmpeg program is installed");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{input}: {complaints}");
    let rows = output.stdout.chunks(BITS as usize);
    rows.map(|row| row.iter().enumerate().map(|(bit, light)| u64::from(*light > 127) << bit).sum()).collect()
}

/// What the ffmpeg program has to say against `input` when it decodes all of it.
pub(crate) fn complaints(input: &str) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", input, "-map", "0:v:0", "-f", "null", "-"])
        .output()
        .expect("the ffmpeg program is installed");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The kinds of the streams that the ffmpeg program finds in `input`, without a complaint.
pub(crate) fn kinds(input: &str) -> Vec<String> {
    let json = probe(input, "", "stream=codec_type", true);
    let streams = json["streams"].as_array().into_iter().flatten();
    streams.filter_map(|stream| stream["codec_type"].as_str().map(str::to_owned)).collect()
}

fn probe(input: &str, stream: &str, entries: &str, strict: bool) -> Value {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", entries, "-of", "json"])
        .args(if stream.is_empty() { Vec::new() } else { vec!["-count_frames", "-select_streams", stream] })
        .arg(input)
        .output()
        .expect("the ffmpeg program is installed");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(!strict || (output.status.success() && complaints.trim().is_empty()), "{input}: {complaints}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{input}: {error}: {complaints}"))
}

fn frames(json: &Value) -> impl Iterator<Item = &Value> {
    json["frames"].as_array().into_iter().flatten()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

fn time(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

/// The cues of a WebVTT text: start and end in seconds, and words.
pub(crate) fn cues(text: &str) -> Vec<(f64, f64, String)> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "webvtt", "-i", "pipe:0", "-f", "srt", "pipe:1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the ffmpeg program is installed");
    // A segment of text is smaller than a pipe: nobody waits for anybody.
    ffmpeg.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let output = ffmpeg.wait_with_output().expect("it ends");
    assert!(output.status.success(), "ffmpeg reads {text}");
    let text = String::from_utf8(output.stdout).expect("text");
    let cue = |block: &str| {
        let mut lines = block.lines().skip(1);
        let (start, end) = lines.next()?.split_once(" --> ")?;
        Some((clock(start)?, clock(end)?, lines.collect::<Vec<_>>().join("\n")))
    };
    text.split("\n\n").filter_map(cue).collect()
}

/// Seconds of `hh:mm:ss,mmm`.
fn clock(text: &str) -> Option<f64> {
    let parts: Option<Vec<f64>> = text.trim().replace(',', ".").split(':').map(|part| part.parse().ok()).collect();
    parts.map(|parts| parts.iter().fold(0.0, |sum, part| sum * 60.0 + part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::clip::SHORT;

    #[test]
    fn the_judge_sees_every_frame_of_a_clip_and_which_one_it_is() {
        let file = SHORT.file();
        let input = file.to_string_lossy();
        assert_eq!(numbers(&input), (0..SHORT.frames()).collect::<Vec<_>>());
        let picture = picture(&input, true);
        picture.assert_in_order("the clip");
        assert_eq!((picture.frames as u64, picture.times.len() as u64), (SHORT.frames(), SHORT.frames()));
        assert!((picture.seconds() - f64::from(SHORT.seconds)).abs() < 1e-6);
        assert!((picture.aspect - 16.0 / 9.0).abs() < 1e-9);
        let sound = sound(&input, "a:0", true).expect("the clip has sound");
        assert!((sound.seconds - f64::from(SHORT.seconds)).abs() < 0.05, "{sound:?}");
        assert_eq!(complaints(&input), "");
    }
}
