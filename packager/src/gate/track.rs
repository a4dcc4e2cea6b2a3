//! Rules about one track by itself.

use super::Report;
use crate::{
    codec::Codec,
    model::{Media, Rendition, Segment, Track},
    webvtt,
};

/// Longest segment under a target duration of 6 s (HLS-AUTH 7.5 and 7.7).
const SEGMENT_MS_MAX: u128 = 6500;
/// Longest time between keyframes, beside one frame (HLS-AUTH 1.13).
const KEYFRAME_GAP_S: f64 = 2.0;
/// `profile_idc` of High and the highest `level_idc` (HLS-AUTH 1.3).
const HIGH_PROFILE: u8 = 100;
const LEVEL_MAX: u8 = 52;
/// Main 10 and the highest `general_level_idc`, 5.1 (HLS-AUTH 1.6).
const HEVC_PROFILE_MAX: u8 = 2;
const HEVC_LEVEL_MAX: u8 = 153;
/// `seq_level_idx` of level 6.2 (HLS-AUTH 1.37), and `seq_profile` of Main, which all decoders know.
const AV1_LEVEL_MAX: u8 = 18;
const AV1_MAIN: u8 = 0;
/// Frames per second (HLS-AUTH 1.19).
const FRAME_RATE_MAX: f64 = 60.0;
/// Object type of AAC-LC.
const AAC_LC: u8 = 2;

pub(super) fn check(report: &mut Report, track: &Track) {
    let id = &track.rendition.id;
    report.must(track.rendition.timescale > 0, "CMAF 7.5.5", || format!("{id} has no timescale"));
    codec(report, &track.rendition);
    report.must(!track.segments.is_empty(), "HLS-AUTH 8.7", || format!("{id} has no segments"));
    timeline(report, track);
    if let Media::Video { frame_rate, .. } = track.rendition.media {
        // A must for Apple; but every frame of the source is kept, and other players show them.
        report
            .should(frame_rate.as_f64() <= FRAME_RATE_MAX, "HLS-AUTH 1.19", || format!("{id} has more than 60 frames a second"));
        for segment in &track.segments {
            ranges(report, id, segment);
        }
        let frame_s = 1.0 / frame_rate.as_f64().max(f64::MIN_POSITIVE);
        keyframe_gaps(report, track, KEYFRAME_GAP_S + frame_s);
    }
}

fn codec(report: &mut Report, rendition: &Rendition) {
    let id = &rendition.id;
    if matches!(rendition.media, Media::Text { .. }) {
        report.must(rendition.codec == webvtt::CODEC, "HLS-AUTH 5.1", || format!("{id} is {}, not WebVTT", rendition.codec));
        return;
    }
    match (rendition.codec.parse(), &rendition.media) {
        (Ok(Codec::Avc { profile, level, .. }), Media::Video { .. }) => {
            let allowed = profile <= HIGH_PROFILE && level <= LEVEL_MAX;
            report.must(allowed, "HLS-AUTH 1.3", || format!("{id} is {}, above High 5.2", rendition.codec));
        }
        (Ok(Codec::Hevc { profile, level, .. }), Media::Video { .. }) => {
            let allowed = profile <= HEVC_PROFILE_MAX && level <= HEVC_LEVEL_MAX;
            report.must(allowed, "HLS-AUTH 1.6", || format!("{id} is {}, above Main 10 5.1", rendition.codec));
        }
        (Ok(Codec::Av1 { profile, level, .. }), Media::Video { .. }) => {
            let allowed = profile == AV1_MAIN && level <= AV1_LEVEL_MAX;
            report.must(allowed, "HLS-AUTH 1.37", || format!("{id} is {}, above Main 6.2", rendition.codec));
        }
        (Ok(Codec::Aac { object_type }), Media::Audio { .. }) => {
            report.must(object_type == AAC_LC, "HLS-AUTH 2.3", || format!("{id} is {}, not AAC-LC", rendition.codec));
        }
        _ => report.must(false, "RFC 8216 4.3.4.2", || format!("{id} cannot be {:?}", rendition.codec)),
    }
}

/// Segments follow each other without gaps in numbers or time, from zero.
fn timeline(report: &mut Report, track: &Track) {
    let id = &track.rendition.id;
    let mut next_ticks = 0;
    for (number, segment) in (1_u32..).zip(&track.segments) {
        if segment.number != number {
            let message = || format!("{id} has segment {} where {number} belongs", segment.number);
            report.must(false, "RFC 8216 3", message);
            // Everything after the first gap would be reported again.
            return;
        }
        let rule = if number == 1 { "RFC 8216 6.2.4" } else { "HLS-AUTH 7.3" };
        report.must(segment.start_ticks == next_ticks, rule, || {
            format!("{id} segment {number} starts at {} instead of {next_ticks}", segment.start_ticks)
        });
        let filled = segment.duration_ticks > 0 && segment.size_bytes > 0;
        report.must(filled, "HLS-AUTH 7.1", || format!("{id} segment {number} is empty"));
        let duration_ms = u128::from(segment.duration_ticks) * 1000 / u128::from(track.rendition.timescale.max(1));
        report.should(duration_ms <= SEGMENT_MS_MAX, "HLS-AUTH 7.5", || format!("{id} segment {number} lasts {duration_ms} ms"));
        next_ticks = segment.start_ticks.saturating_add(segment.duration_ticks);
    }
}

/// I-frame ranges lie in their segment, in order, and the first is where the segment starts.
fn ranges(report: &mut Report, id: &str, segment: &Segment) {
    let number = segment.number;
    let first = segment.iframes.first().map(|frame| frame.start_ticks);
    report
        .must(first == Some(segment.start_ticks), "HLS-AUTH 7.4", || format!("{id} segment {number} starts without a keyframe"));
    let (mut end_bytes, mut next_ticks) = (0, segment.start_ticks);
    let end_ticks = segment.start_ticks.saturating_add(segment.duration_ticks);
    for frame in &segment.iframes {
        let range_end = frame.offset_bytes.saturating_add(frame.size_bytes);
        let fits = frame.offset_bytes >= end_bytes && frame.size_bytes > 0 && range_end <= segment.size_bytes;
        let shown = frame.start_ticks >= next_ticks && frame.start_ticks < end_ticks;
        report.must(fits && shown, "HLS-AUTH 6.10", || {
            format!("{id} segment {number} has an I-frame at {} that does not lie in it", frame.offset_bytes)
        });
        (end_bytes, next_ticks) = (range_end, frame.start_ticks.saturating_add(1));
    }
}

fn keyframe_gaps(report: &mut Report, track: &Track, gap_s: f64) {
    let id = &track.rendition.id;
    let end = track.segments.last().map(|last| last.start_ticks.saturating_add(last.duration_ticks));
    let times: Vec<_> =
        track.segments.iter().flat_map(|segment| &segment.iframes).map(|frame| frame.start_ticks).chain(end).collect();
    let longest = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or(0);
    let longest_s = longest as f64 / f64::from(track.rendition.timescale.max(1));
    // Ticks are whole numbers: a tenth of a millisecond is less than any frame.
    report.should(longest_s <= gap_s + 1e-4, "HLS-AUTH 1.13", || format!("{id} has {longest_s:.3} s between keyframes"));
}
