//! The chapters of a source.

use super::input::Input;
use ffmpeg_next::ffi;
use marquee_core::source::{CHAPTERS_MAX, Chapter, VideoTrack};

/// Characters of a title that are kept.
const TITLE_LENGTH_MAX: usize = 100;

/// The chapters of `input` by the clock of its title, in order. One more than there may be are looked at, which says that there are too
/// many.
pub(super) fn chapters(input: &Input, video: &VideoTrack) -> Vec<Chapter> {
    let (origin_ms, duration_ms) = (video.origin as f64 * video.time_base.as_f64() * 1000.0, video.duration_ms());
    let mut found: Vec<(u64, Option<u64>, String)> = Vec::new();
    for chapter in input.context().chapters().take(CHAPTERS_MAX + 1) {
        let unit_ms = f64::from(chapter.time_base()) * 1000.0;
        // Before the title there is nothing; a float that is too large becomes the largest number.
        let ms = |time: i64| (time as f64 * unit_ms - origin_ms).round().max(0.0) as u64;
        let stated = |time: i64| (time != ffi::AV_NOPTS_VALUE).then(|| ms(time).min(duration_ms));
        let stated_title = chapter.metadata().get("title").map(str::to_owned).unwrap_or_default();
        let title = stated_title.trim().chars().filter(|character| !character.is_control()).take(TITLE_LENGTH_MAX);
        found.push((stated(chapter.start()).unwrap_or(0), stated(chapter.end()), title.collect()));
    }
    found.sort_by_key(|(start_ms, ..)| *start_ms);
    let starts: Vec<u64> = found.iter().skip(1).map(|(start_ms, ..)| *start_ms).chain([duration_ms]).collect();
    let whole = std::iter::zip(found, starts).map(|((start_ms, end_ms, title), next_ms)| {
        // A chapter without an end lasts until the next one begins.
        let end_ms = end_ms.filter(|end_ms| *end_ms > start_ms).unwrap_or(next_ms);
        Chapter { start_ms, end_ms, title }
    });
    whole.filter(|chapter| chapter.start_ms < chapter.end_ms).collect()
}
