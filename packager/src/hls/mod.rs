//! HLS playlists (RFC 8216, Apple HLS Authoring Specification), written and read back by `m3u8-rs`.
//!
//! Two shapes of one presentation: the final one is stored beside the segments and measured from them; the growing one
//! is rendered on request while the title is encoded, and declares what the encoder may not exceed.

mod chapters;
mod iframes;
mod images;
mod master;
mod media;
#[cfg(test)]
mod tests;
mod variant;

pub use chapters::chapters;
pub use iframes::iframes;
pub(crate) use images::{bitrate as image_bitrate, boundaries as image_boundaries, layout as image_layout};
pub use images::{images, with_images};
pub use master::{growing_master, master};
pub use media::{Kind, media};
pub(crate) use variant::{Variant, codec, groups, members, scores, spoken, texts, variants, videos};

use crate::model::{Media, Presentation, Segment, Track};
use marquee_core::plan::Timeline;

/// Seconds that a segment is meant to last (Apple HLS Authoring Specification 7.5). The target duration is never below.
const NOMINAL_SEGMENT_S: u64 = 6;
/// Lowest version that has all we write: `EXT-X-MAP` in any playlist needs 6; 7 is what fragmented MP4 is written with.
const VERSION: usize = 7;
/// Frames of sound in a second at least: 1024 samples each, 44,100 samples a second.
const SOUND_FRAMES_PER_S: u32 = 43;
/// Decimals of `EXTINF`.
const DURATION_DECIMALS: usize = 6;

/// `EXT-X-TARGETDURATION` of every final media playlist: the longest segment of any track, rounded
/// (RFC 8216 section 4.3.3.1), one value for all (Apple HLS Authoring Specification 8.2).
#[must_use]
pub fn target_duration_s(presentation: &Presentation) -> u64 {
    presentation.tracks.iter().map(longest_s).fold(NOMINAL_SEGMENT_S, u64::max)
}

/// `EXT-X-TARGETDURATION` of every media playlist of a presentation that grows: what a segment can last at most, whichever
/// there are yet, because the value must not change while players reload the playlist (RFC 8216 section 6.2.1).
#[must_use]
pub fn growing_target_duration_s(presentation: &Presentation) -> u64 {
    presentation.tracks.iter().map(reach_s).fold(target_duration_s(presentation), u64::max)
}

/// What a segment can last at most on the grid of a picture track. Sound is cut on the same grid, at its own frames.
fn reach_s(track: &Track) -> u64 {
    let Media::Video { frame_rate, .. } = track.rendition.media else { return 0 };
    // The grid of the rung's own rate, which may have fewer frames than the source's but groups as long.
    let timeline = Timeline::of_encoded(frame_rate, track.rendition.timescale);
    let sound = u64::from(timeline.timescale / SOUND_FRAMES_PER_S);
    rounded_s(timeline.segment_ticks_max().saturating_add(sound), timeline.timescale)
}

fn longest_s(track: &Track) -> u64 {
    let longest = track.segments.iter().map(|segment| segment.duration_ticks).max().unwrap_or(0);
    rounded_s(longest, track.rendition.timescale)
}

fn rounded_s(ticks: u64, timescale: u32) -> u64 {
    let timescale = u64::from(timescale.max(1));
    ticks.saturating_add(timescale / 2) / timescale
}

/// The segments that a playlist may list: from the first, up to the first gap. A chunk may be ready before the one
/// before it.
pub(crate) fn listed(track: &Track) -> &[Segment] {
    let count = (1_u32..).zip(&track.segments).take_while(|(number, segment)| *number == segment.number).count();
    &track.segments[..count]
}

/// Rounds boundaries, not lengths, so that the sum of any run of durations is within a microsecond of the truth
/// (Apple HLS Authoring Specification 8.1).
fn durations_s(boundaries_ticks: impl Iterator<Item = u64>, timescale: u32) -> Vec<f32> {
    let timescale = u128::from(timescale.max(1));
    let microseconds: Vec<u128> =
        boundaries_ticks.map(|ticks| (u128::from(ticks) * 1_000_000 + timescale / 2) / timescale).collect();
    // The crate's field is an f32, which holds six decimals of anything below 16 s.
    microseconds.windows(2).map(|pair| (pair[1].saturating_sub(pair[0]) as f64 / 1_000_000.0) as f32).collect()
}

/// A quoted string holds no quotes and no line breaks (RFC 8216 section 4.2), and readers want it not empty; names come
/// from people's files.
fn attribute(text: &str, otherwise: &str) -> String {
    let allowed = |character: char| if character == '"' { '\'' } else { character };
    let clean: String = text.chars().filter(|character| !character.is_control()).map(allowed).collect();
    if clean.is_empty() { otherwise.to_owned() } else { clean }
}

/// The text of a playlist.
fn text(playlist: &m3u8_rs::Playlist) -> String {
    // The crate keeps this setting in a global; every writer of ours sets the same value.
    m3u8_rs::WRITE_OPT_FLOAT_PRECISION.store(DURATION_DECIMALS, std::sync::atomic::Ordering::Relaxed);
    let mut bytes = Vec::new();
    playlist.write_to(&mut bytes).expect("writing to memory does not fail");
    String::from_utf8(bytes).expect("playlists are made of strings")
}
