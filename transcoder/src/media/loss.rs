//! What a source lacks: what its container marks as damaged, and what it declares and does not hold.

use super::{asf, damage::Damage, gaps::Missing, input::Input, probe::ratio, rate, scan::Scan};
use ffmpeg_next::{self as ffmpeg, ffi, format::stream::Stream, media::Type};
use marquee_core::source::{AudioTrack, Note, Ratio, VideoTrack};

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
    if is_estimated(container) && container.format().name() != "asf" {
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
    let has_own = container.stream(index).is_some_and(|stream| stream.duration() > 0);
    if let Some(whole) = declared_seconds(input).filter(|_| !has_own) {
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

/// Notes what is missing in the middle of the picture. Answers how many seconds that is.
pub(super) fn gaps(input: &Input, video: &VideoTrack, scan: &Scan, notes: &mut Vec<Note>) -> f64 {
    let unit = |stream: &Stream<'_>| ratio(stream.time_base()).map(Ratio::as_f64);
    let sound = input.context().streams().filter(|stream| stream.parameters().medium() == Type::Audio);
    let sound: Vec<(usize, f64)> = sound.filter_map(|stream| Some((stream.index(), unit(&stream)?))).collect();
    let shown = scan.times.partition_point(|time| *time < video.origin);
    let beginning = scan.beginning.map_or(scan.times.len(), |beginning| beginning.saturating_sub(shown));
    let Missing { damage, seconds } = scan.gaps.of(&scan.times[shown..], beginning, video.time_base.as_f64(), &sound);
    if seconds > 0.0 {
        let message = format!("{seconds:.1} s of the film are not in the file, {damage}: the picture stands still there");
        notes.push(Note::new("damage_gap", message));
    }
    seconds
}

/// Notes that sound goes on after the picture, and answers where it ends, in units of the picture: its last frame is shown as long.
pub(super) fn sound_end(video: &VideoTrack, audio: &[AudioTrack], scan: &Scan, notes: &mut Vec<Note>) -> Option<i64> {
    let unit = video.time_base.as_f64();
    let picture_end = video.end as f64 * unit;
    let ends = audio.iter().filter_map(|track| scan.sound_end(track.stream as usize, picture_end));
    let more_seconds = ends.fold(f64::MIN, f64::max) - picture_end;
    if more_seconds <= MISSING_UNNOTED_SECONDS {
        return None;
    }
    let message = format!("the sound goes on for {more_seconds:.1} s after the picture, whose last frame is shown meanwhile");
    notes.push(Note::new("picture_held", message));
    Some(video.end.saturating_add((more_seconds / unit).round() as i64))
}

/// Whether durations are an estimate of libav's, which knows nothing but a bitrate.
fn is_estimated(container: &ffmpeg::format::context::Input) -> bool {
    // SAFETY: the context is open.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for this field")]
    let method = unsafe { (*container.as_ptr()).duration_estimation_method };
    method == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_BITRATE
}

/// The one duration of all tracks that some containers state.
fn declared_seconds(input: &Input) -> Option<f64> {
    let container = input.context();
    match container.format().name() {
        "matroska,webm" | "flv" | "avi" => Some(container.duration() as f64 / f64::from(ffi::AV_TIME_BASE)),
        // libav does not say it of a file that is shorter than it says itself.
        "asf" => asf::seconds(&mut input.source.clone()).ok().flatten(),
        _ => None,
    }
}
