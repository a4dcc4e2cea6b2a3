//! What is offered for which line: rules about the variants together (HLS-AUTH 1 and 9).

use super::{master::Stream, report::Report};
use marquee_core::protection::SD_PIXELS_MAX;
use std::collections::{BTreeMap, BTreeSet};

/// Average rate of the variant to begin with, and what is near it (HLS-AUTH 1.32).
const FIRST_BPS: u64 = 2_000_000;
/// Highest rate of a variant for cellular lines (HLS-AUTH 9.21).
const CELLULAR_BPS: u64 = 192_000;
/// Width of pictures in ultra high definition, and the rate that one of their variants should not exceed (HLS-AUTH 1.34).
const UHD_WIDTH: u32 = 3840;
const UHD_BPS: u64 = 15_000_000;
/// Frames a second of some variant in HDR (HLS-AUTH 1.20), with what three decimals leave.
const HDR_FRAME_RATE: f64 = 30.001;
/// How much higher than the lowest rate of all that of a codec may be (HLS-AUTH 1.23).
const LOWEST_TIMES: u64 = 2;

pub(super) fn check(report: &mut Report, path: &str, streams: &[Stream]) {
    rates(report, path, streams);
    families(report, path, streams);
    shapes(report, path, streams);
    largest(report, path, streams);
    let mut hdr = streams.iter().filter(|stream| !stream.is_sdr()).peekable();
    let calm = hdr.peek().is_none() || hdr.any(|stream| stream.frame_rate.is_none_or(|rate| rate <= HDR_FRAME_RATE));
    report.should(calm, "HLS-AUTH 1.20", path, || "has HDR at more than 30 frames a second alone".to_owned());
}

fn rates(report: &mut Report, path: &str, streams: &[Stream]) {
    let paths: BTreeSet<_> = streams.iter().filter_map(|stream| stream.path.as_deref()).collect();
    // Musts of Apple's; but a small film has one size, and a large picture needs its rate.
    report.should(paths.len() > 1, "HLS-AUTH 9.9", path, || "offers one rate: a small source has no more".to_owned());
    let cellular = streams.iter().any(|stream| stream.bandwidth_bps.is_some_and(|bps| bps <= CELLULAR_BPS));
    report.should(cellular, "HLS-AUTH 9.21", path, || format!("has no variant up to {CELLULAR_BPS} b/s for cellular lines"));
    let distance = |stream: &Stream| average_bps(stream).abs_diff(FIRST_BPS);
    if let Some(first) = streams.first() {
        let nearest = streams.iter().map(distance).min().unwrap_or(0);
        report.should(distance(first) <= nearest.saturating_mul(2).max(FIRST_BPS / 4), "HLS-AUTH 1.32", path, || {
            format!("{} comes first and is far from {FIRST_BPS} b/s", first.name())
        });
    }
}

fn average_bps(stream: &Stream) -> u64 {
    stream.average_bps.or(stream.bandwidth_bps).unwrap_or(0)
}

fn pixels(stream: &Stream) -> u64 {
    stream.resolution.map_or(0, |(width, height)| u64::from(width) * u64::from(height))
}

/// What a device decodes that knows one codec of pictures alone.
pub(super) fn family(stream: &Stream) -> Option<&'static str> {
    let families =
        [("avc", "H.264"), ("hvc1", "HEVC"), ("hev1", "HEVC"), ("dvh", "Dolby Vision"), ("av01", "AV1"), ("vp09", "VP9")];
    let of = |codec: &String| families.iter().find(|(prefix, _)| codec.starts_with(prefix)).map(|(_, family)| *family);
    stream.codecs.iter().flatten().find_map(of)
}

/// Who knows one codec alone is served on every line, and everybody knows H.264.
fn families(report: &mut Report, path: &str, streams: &[Stream]) {
    let mut families: BTreeMap<&str, Vec<&Stream>> = BTreeMap::new();
    for stream in streams {
        families.entry(family(stream).unwrap_or_default()).or_default().push(stream);
    }
    report.should(families.contains_key("H.264"), "HLS-AUTH 1.12", path, || {
        "has no variant in H.264, which all devices play".to_owned()
    });
    let lowest = |streams: &[&Stream]| streams.iter().map(|stream| average_bps(stream)).min().unwrap_or(0);
    let largest = |streams: &[&Stream]| streams.iter().map(|stream| pixels(stream)).max().unwrap_or(0);
    // Of what has no codec of pictures there are findings of its own.
    let all: Vec<_> = streams.iter().filter(|stream| family(stream).is_some()).collect();
    let (least, most) = (lowest(&all), largest(&all));
    for (family, streams) in families.iter().filter(|(family, _)| !family.is_empty()) {
        let (low, large) = (lowest(streams), largest(streams));
        report.should(low <= least.saturating_mul(LOWEST_TIMES), "HLS-AUTH 1.23", path, || {
            format!("{family} begins at {low} b/s, other codecs at {least} b/s: a low rung in one codec serves all who know it")
        });
        report.should(large >= most, "HLS-AUTH 1.23", path, || format!("{family} has not the largest pictures of other codecs"));
    }
}

fn shapes(report: &mut Report, path: &str, streams: &[Stream]) {
    let shapes: Vec<_> = streams.iter().filter_map(|stream| stream.resolution).collect();
    for (width, height) in shapes.iter().skip(1) {
        // Each side may be off by one from rounding to even numbers.
        let [w, h, w0, h0] = [*width, *height, shapes[0].0, shapes[0].1].map(u64::from);
        report.should((w * h0).abs_diff(w0 * h) <= w + h + w0 + h0, "HLS-AUTH 1.33", path, || {
            format!("{w}x{h} has not the shape of {w0}x{h0}")
        });
    }
}

/// The largest pictures in high definition have two rates, and in ultra high definition a moderate one.
fn largest(report: &mut Report, path: &str, streams: &[Stream]) {
    let most = streams.iter().map(pixels).max().unwrap_or(0);
    let top = streams.iter().filter(|stream| pixels(stream) == most);
    let rates: BTreeSet<_> = top.filter_map(|stream| stream.path.as_deref()).collect();
    report.should(most <= SD_PIXELS_MAX || rates.len() >= 2, "HLS-AUTH 9.10", path, || {
        "has one rate of its largest pictures: the ladder has a size for each rate".to_owned()
    });
    let mut uhd = streams.iter().filter(|stream| stream.resolution.is_some_and(|(width, _)| width >= UHD_WIDTH)).peekable();
    let moderate = uhd.peek().is_none() || uhd.any(|stream| average_bps(stream) <= UHD_BPS);
    report.should(moderate, "HLS-AUTH 1.34", path, || format!("has no variant in ultra high definition up to {UHD_BPS} b/s"));
}
