//! What a source lacks: what its container marks as damaged, and what it declares and does not hold.

use super::{damage::Damage, input::Input, probe::ratio, rate, scan::Scan};
use ffmpeg_next::{self as ffmpeg, ffi, media::Type};
use marquee_core::source::{Note, Ratio, VideoTrack};

/// Share of the duration of all tracks that must be there, or some is missing.
const READABLE_MIN: f64 = 0.99;
/// What may be missing at the end without a word, in seconds.
const MISSING_UNNOTED_SECONDS: f64 = 0.25;
/// What is marked as damaged in the container, of which the frames at `times` are.
pub(super) fn marked(video: &VideoTrack, times: &[i64]) -> Option<Note> {
    let ms = |time: i64| (rate::distance(video.origin, time) * video.time_base.as_f64() * 1000.0).max(0.0) as u64;
    let frame_ms = (1000.0 / video.frame_rate.as_f64()).ceil() as u64;
    let mut damage = Damage::default();
    times.iter().map(|time| ms(*time)).for_each(|start_ms| damage.add(start_ms, start_ms.saturating_add(frame_ms)));
    let message = format!("{} frames of the picture are marked as damaged, {damage}", times.len());
    (!times.is_empty()).then(|| Note::new("damage_marked", message))
}

/// Notes what tracks declare and do not hold. Answers how many seconds of the film are missing.
pub(super) fn missing(input: &Input, index: usize, scan: &Scan, notes: &mut Vec<Note>) -> f64 {
    let container = input.context();
    let mut missing = 0.0;
    if is_estimated(container) {
        return missing;
    }
    for stream in container.streams() {
        let Some(unit) = ratio(stream.time_base()).map(Ratio::as_f64) else { continue };
        let is_picture = stream.index() == index;
        let medium = stream.parameters().medium();
        if !is_picture && medium != Type::Audio {
            continue;
        }
        let (Some(&start), Some(&end)) = (scan.stream_starts.get(stream.index()), scan.stream_ends.get(stream.index())) else {
            continue;
        };
        // Matroska and FLV state one duration for all; there only the picture is held to it, leniently, below.
        let declared = stream.duration() as f64 * unit;
        let found = if end < start { 0.0 } else { rate::distance(start, end) * unit };
        if stream.duration() <= 0 || declared <= found + MISSING_UNNOTED_SECONDS {
            continue;
        }
        if is_picture {
            missing = declared - found;
        }
        let what = if is_picture { "picture" } else { "sound" };
        let message = format!("of {declared:.1} s of {what} (track {}) only {found:.1} s are there", stream.index());
        notes.push(Note::new("damage_end_missing", message));
    }
    let whole = container.duration() as f64 / f64::from(ffi::AV_TIME_BASE);
    let has_own = container.stream(index).is_some_and(|stream| stream.duration() > 0);
    if !has_own && states_duration(container) {
        let ends = container.streams().filter_map(|stream| {
            let end = scan.stream_ends.get(stream.index()).copied().filter(|end| *end > i64::MIN)?;
            Some(end as f64 * ratio(stream.time_base())?.as_f64())
        });
        let found = ends.fold(0.0, f64::max);
        if found < whole * READABLE_MIN && found + MISSING_UNNOTED_SECONDS < whole {
            missing = whole - found;
            notes.push(Note::new("damage_end_missing", format!("of {whole:.1} s only {found:.1} s are there")));
        }
    }
    missing
}

/// Whether durations are an estimate of libav's, which knows nothing but a bitrate.
fn is_estimated(container: &ffmpeg::format::context::Input) -> bool {
    // SAFETY: the context is open.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for this field")]
    let method = unsafe { (*container.as_ptr()).duration_estimation_method };
    method == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_BITRATE
}

/// Whether one duration of all tracks is written in the file.
fn states_duration(container: &ffmpeg::format::context::Input) -> bool {
    matches!(container.format().name(), "matroska,webm" | "flv" | "avi")
}
