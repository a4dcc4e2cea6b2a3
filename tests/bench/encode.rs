//! What an encode costs beside the ffmpeg program that makes the same rungs with the same x264 settings in one command: as many
//! threads for each encoder, and pictures scaled as exactly. Processor time, median of five rounds in which the two take turns.
//!
//! `./dev bench encode [FILM]`; without a film, one of 1080 lines is made.

mod cost;
mod film;
mod results;

use cost::processor_seconds;
use results::{ROUNDS, median, tell};
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, ExitCode},
};

/// What an encode may cost, in the ffmpeg program's cost: as much, and three percent are no difference.
const RATIO_MAX: f64 = 1.03;
/// What Marquee's encoders are told beyond preset, quality and rate.
const X264: &str = "keyint=infinite:min-keyint=1:scenecut=0:open-gop=0:stitchable=1:cpu-independent=1";
/// What Marquee's scalers are told.
const SCALER: &str = "bicubic+accurate_rnd+bitexact";

fn main() -> ExitCode {
    let made = || film::made("bench-1080p.mp4", 20, "noise=alls=6:allf=t,format=yuv420p", ["-crf", "16"]);
    let film = film::named().into_iter().next().unwrap_or_else(made);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = plan(&film, &folder.path().join("plan"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let out = folder.path().join(format!("round-{round}"));
        ours.push(processor_seconds(marquee(&film).arg(&out)));
        theirs.push(processor_seconds(&mut ffmpeg(&film, &plan, folder.path())));
        tell(&format!("round {}: marquee {:.2} s, ffmpeg {:.2} s", round + 1, ours[round], theirs[round]), true);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours / theirs;
    let result =
        format!("median: marquee {ours:.2} s, ffmpeg {theirs:.2} s of processor time; ratio {ratio:.3}, at most {RATIO_MAX}");
    if tell(&result, ratio <= RATIO_MAX) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn marquee(film: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marquee"));
    // The ffmpeg program does not judge what it makes.
    command.args(["encode", "--ladder", "fixed", "--quality", "off", "--json"]).arg(film).arg("--out");
    command
}

fn plan(film: &Path, out: &Path) -> Value {
    let output = marquee(film).arg(out).arg("--plan").output().expect("the binary starts");
    serde_json::from_slice(&output.stdout).expect("a plan as JSON")
}

/// One command that decodes once and makes every rung and every sound of the plan.
fn ffmpeg(film: &Path, plan: &Value, folder: &Path) -> Command {
    let rungs = plan["rungs"].as_array().expect("rungs");
    let threads = plan["encoder_threads"].to_string();
    let mut graph = format!("[0:v:0]split={}", rungs.len());
    graph.extend((0..rungs.len()).map(|index| format!("[s{index}]")));
    for (index, rung) in rungs.iter().enumerate() {
        graph.push_str(&format!(
            ";[s{index}]scale={}:{}:flags={SCALER},setsar=1,format=yuv420p[v{index}]",
            rung["width"], rung["height"]
        ));
    }
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(film).args(["-filter_complex", &graph]);
    for (index, rung) in rungs.iter().enumerate() {
        let cap = rung["max_bitrate_bps"].to_string();
        command.args(["-map", &format!("[v{index}]"), "-c:v", "libx264", "-preset", text(&rung["preset"]), "-profile:v", "high"]);
        command.args(["-threads", &threads]);
        command.args(["-crf", &rung["crf"].to_string(), "-maxrate", &cap, "-bufsize", &cap, "-x264-params", X264]);
        command.args(["-forced-idr", "1", "-force_key_frames", "expr:gte(t,n_forced*2)"]);
        command.arg(folder.join(format!("v{index}.mp4")));
    }
    for (index, sound) in plan["audio"].as_array().into_iter().flatten().enumerate() {
        command.args(["-map", &format!("0:{}", sound["stream"]), "-c:a", "aac", "-b:a", &sound["bitrate_bps"].to_string()]);
        command.args(["-ac", &sound["channels"].to_string(), "-ar", &sound["sample_rate_hz"].to_string()]);
        command.arg(folder.join(format!("a{index}.mp4")));
    }
    command
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}
