//! What a ladder that is chosen per title saves against the fixed one: bytes, processor time, and the rate of what is delivered at the
//! same quality (BD-rate of the envelopes, by VMAF).
//!
//! Processor time is the median of five rounds in which the two take turns; the bytes are the same each time. What a player of AV1 gets
//! of the recipe `quality` is compared with the fixed ladder once.
//!
//! `./dev bench ladder FILM...`: each film is repeated until it lasts a minute. Without one, a film of 1080 lines is made.

#[path = "../cost.rs"]
mod cost;
#[path = "../film.rs"]
mod film;
#[path = "../repeat.rs"]
mod repeat;
#[path = "../results.rs"]
mod results;
mod vmaf;

use cost::processor_seconds;
use results::{ROUNDS, median, tell};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Most bytes that are stored, and processor time that is taken, in those of the fixed ladder.
const BYTES_MAX: f64 = 0.75;
const CPU_MAX: f64 = 1.10;
/// Highest BD-rate: less of the rate for the same quality; for players of AV1.
const BD_RATE_MAX: f64 = -0.20;
const AV1_BD_RATE_MAX: f64 = -0.40;
/// Least length of a film.
const SECONDS: f64 = 60.0;
/// Quality below which nobody watches: envelopes are compared above it.
const VMAF_MIN: f64 = 30.0;
/// The two kinds.
const LADDERS: [&str; 2] = ["fixed", "auto"];
/// Recipes: the one that both are of, and the one with AV1 beside H.264.
const STANDARD: &str = "standard";
const QUALITY: &str = "quality";
/// Places at which envelopes are compared.
const PLACES: u32 = 200;

/// One ladder of one film.
struct Made {
    bytes: f64,
    cpu_s: f64,
    rungs: Vec<Rung>,
}

/// One rung of it.
struct Rung {
    is_av1: bool,
    bitrate_bps: f64,
    vmaf: f64,
}

fn main() -> ExitCode {
    let made = || vec![film::made("bench-1080p.mp4", 20, "noise=alls=6:allf=t,format=yuv420p", ["-crf", "16"])];
    let named = film::named();
    let films = if named.is_empty() { made() } else { named };
    let (mut bytes, mut cpu, mut bd_rates, mut av1_bd_rates) = ([0.0; 2], [0.0; 2], Vec::new(), Vec::new());
    for film in &films {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let film = repeat::repeated(film, SECONDS, folder.path());
        let mut seconds = [const { Vec::new() }; 2];
        for round in 0..ROUNDS {
            for (ladder, seconds) in LADDERS.iter().zip(&mut seconds) {
                seconds.push(encode(&film, STANDARD, ladder, &folder.path().join(format!("{ladder}-{round}"))));
            }
        }
        let mut seconds = seconds.into_iter().map(median);
        let [fixed, auto] = LADDERS.map(|ladder| {
            let (bytes, rungs) = judge(&film, ladder, &folder.path().join(format!("{ladder}-0")), folder.path());
            Made { bytes, cpu_s: seconds.next().unwrap_or_default(), rungs }
        });
        let (av1, av1_cpu_s) = av1(&film, folder.path());
        let (bd_rate, av1_bd_rate) = (bd_rate(&auto.rungs, &fixed.rungs), bd_rate(&av1, &fixed.rungs));
        let name = film.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ratios = (auto.bytes / fixed.bytes, auto.cpu_s / fixed.cpu_s, bd_rate * 100.0);
        tell(&format!("{name}: bytes {:.2}, processor time {:.2}, BD-rate {:.1} %", ratios.0, ratios.1, ratios.2), true);
        let ratios = (av1_cpu_s / fixed.cpu_s, av1_bd_rate * 100.0);
        tell(&format!("{name}: with AV1, processor time {:.2}, BD-rate {:.1} %", ratios.0, ratios.1), true);
        av1_bd_rates.push(av1_bd_rate);
        for (place, made) in [fixed, auto].iter().enumerate() {
            bytes[place] += made.bytes;
            cpu[place] += made.cpu_s;
        }
        bd_rates.push(bd_rate);
    }
    let (bytes, cpu) = (bytes[1] / bytes[0], cpu[1] / cpu[0]);
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let (bd_rate, av1_bd_rate) = (mean(&bd_rates), mean(&av1_bd_rates));
    let good = tell(&format!("all: {bytes:.2} of the fixed ladder's bytes, at most {BYTES_MAX}"), bytes <= BYTES_MAX)
        & tell(&format!("all: {cpu:.2} of its processor time, at most {CPU_MAX}"), cpu <= CPU_MAX)
        & tell(&format!("all: BD-rate {:.1} %, at most {:.0} %", bd_rate * 100.0, BD_RATE_MAX * 100.0), bd_rate <= BD_RATE_MAX)
        & tell(
            &format!("all: BD-rate with AV1 {:.1} %, at most {:.0} %", av1_bd_rate * 100.0, AV1_BD_RATE_MAX * 100.0),
            av1_bd_rate <= AV1_BD_RATE_MAX,
        );
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a player of AV1 gets of `film` by the recipe that has it, which is its rungs and, on the thinnest lines, the lowest of H.264;
/// and the processor time of the whole title.
fn av1(film: &Path, folder: &Path) -> (Vec<Rung>, f64) {
    let cpu_s = encode(film, QUALITY, "auto", &folder.join(QUALITY));
    let (_, rungs) = judge(film, QUALITY, &folder.join(QUALITY), folder);
    let (mut av1, h264): (Vec<_>, Vec<_>) = rungs.into_iter().partition(|rung| rung.is_av1);
    av1.extend(h264.into_iter().next_back());
    (av1, cpu_s)
}

/// Encodes `film` by a recipe and a kind of ladder into `out`; answers what it took of the processors, in seconds.
fn encode(film: &Path, recipe: &str, ladder: &str, out: &Path) -> f64 {
    let report = std::fs::File::create(out.with_extension("json")).expect("a file for the report");
    let mut command = Command::new(env!("CARGO_BIN_EXE_marquee"));
    command
        .args(["encode", "--json", "--quality", "off", "--recipe", recipe, "--ladder", ladder])
        .arg(film)
        .arg("--out")
        .arg(out)
        .stdout(report);
    processor_seconds(&mut command)
}

/// Bytes of the picture in `out`, and its rungs.
fn judge(film: &Path, ladder: &str, out: &Path, folder: &Path) -> (f64, Vec<Rung>) {
    let report = std::fs::read(out.with_extension("json")).expect("the report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    let all = report["renditions"].as_array().expect("renditions");
    let pictures = all.iter().filter_map(|row| row["id"].as_str()?.strip_prefix("v/").map(|id| (id, row)));
    let (mut bytes, mut rungs) = (0.0, Vec::new());
    for (id, row) in pictures {
        let number = |name: &str| row[name].as_f64().expect("a number");
        bytes += number("size_bytes");
        let vmaf = vmaf::of(&playlist(out, id), film, folder);
        tell(&format!("  {ladder} {id}: {:.0} kb/s, VMAF {vmaf:.1}", number("bitrate_bps") / 1000.0), true);
        let is_av1 = row["codec"].as_str().is_some_and(|codec| codec.starts_with("av01"));
        rungs.push(Rung { is_av1, bitrate_bps: number("bitrate_bps"), vmaf });
    }
    (bytes, rungs)
}

fn playlist(out: &Path, rung: &str) -> PathBuf {
    out.join("v").join(rung).join("playlist.m3u8")
}

/// How much more of the rate `ours` takes than `theirs` for the same quality, on average over the qualities that both have: the
/// logarithm of the rate between rungs is a line over VMAF.
fn bd_rate(ours: &[Rung], theirs: &[Rung]) -> f64 {
    let range = |rungs: &[Rung]| {
        let vmafs = || rungs.iter().map(|rung| rung.vmaf);
        (vmafs().fold(f64::INFINITY, f64::min), vmafs().fold(0.0, f64::max))
    };
    let (low, high) = (range(ours).0.max(range(theirs).0).max(VMAF_MIN), range(ours).1.min(range(theirs).1));
    let place = |index: u32| low + (high - low) * f64::from(index) / f64::from(PLACES - 1);
    let distance = |vmaf: f64| log_rate(ours, vmaf) - log_rate(theirs, vmaf);
    ((0..PLACES).map(place).map(distance).sum::<f64>() / f64::from(PLACES)).exp() - 1.0
}

/// Logarithm of the rate at which a ladder shows `vmaf`, which lies between two of its rungs.
fn log_rate(rungs: &[Rung], vmaf: f64) -> f64 {
    let mut sorted: Vec<(f64, f64)> = rungs.iter().map(|rung| (rung.bitrate_bps, rung.vmaf)).collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let above = sorted.partition_point(|rung| rung.1 < vmaf).clamp(1, sorted.len() - 1);
    let ((low_rate, low), (high_rate, high)) = (sorted[above - 1], sorted[above]);
    let share = (vmaf - low) / (high - low).max(f64::EPSILON);
    low_rate.ln() + (high_rate.ln() - low_rate.ln()) * share
}
