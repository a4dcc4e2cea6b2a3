//! I-frame playlists: trick play over the keyframes of the normal segments (Apple HLS Authoring Specification 6).

use super::{VERSION, chapters, durations_s, media::init, rounded_s, text};
use crate::{
    bitrate::{Bitrate, Piece},
    model::{Iframe, Presentation, Track},
    protect::signal,
};
use m3u8_rs::{ByteRange, MediaPlaylist, MediaPlaylistType, MediaSegment, Playlist};
use marquee_core::object;

/// The I-frame playlist of a whole video track of `presentation`, to lie beside its segments.
#[must_use]
pub fn iframes(presentation: &Presentation, track: &Track) -> String {
    let frames: Vec<_> = frames(track).collect();
    let numbers: Vec<_> = frames.iter().map(|(number, _)| *number).collect();
    let durations = durations_s(boundaries(track), track.rendition.timescale);
    let mut entries: Vec<_> = std::iter::zip(frames, durations)
        .map(|((number, frame), duration)| MediaSegment {
            uri: object::segment_name(object::Track::Video, number),
            duration,
            byte_range: Some(ByteRange { length: frame.size_bytes, offset: Some(frame.offset_bytes) }),
            ..MediaSegment::default()
        })
        .collect();
    if let Some(first) = entries.first_mut() {
        first.map = Some(init(""));
    }
    signal::tag(presentation, track, numbers.into_iter().zip(&mut entries), false);
    if let (Some(start_ticks), false) = (boundaries(track).next(), presentation.chapters.is_empty()) {
        chapters::date(&mut entries, start_ticks, track.rendition.timescale);
    }
    text(&Playlist::MediaPlaylist(MediaPlaylist {
        version: Some(VERSION),
        target_duration: target_duration_s(track),
        media_sequence: 1,
        segments: entries,
        end_list: true,
        playlist_type: Some(MediaPlaylistType::Vod),
        i_frames_only: true,
        ..MediaPlaylist::default()
    }))
}

/// What trick play costs at normal speed, if there is any.
pub(crate) fn bitrate(track: &Track) -> Option<Bitrate> {
    let boundaries: Vec<_> = boundaries(track).collect();
    let pieces: Vec<_> = std::iter::zip(frames(track), boundaries.windows(2))
        .map(|((_, frame), pair)| Piece { duration_ticks: pair[1].saturating_sub(pair[0]), size_bytes: frame.size_bytes })
        .collect();
    (!pieces.is_empty()).then(|| Bitrate::of(&pieces, track.rendition.timescale, target_duration_s(track)))
}

/// Keyframes with the number of their segment.
fn frames(track: &Track) -> impl Iterator<Item = (u32, &Iframe)> {
    track.segments.iter().flat_map(|segment| segment.iframes.iter().map(|frame| (segment.number, frame)))
}

/// Every keyframe's time, then the end: a keyframe lasts until the next (RFC 8216 section 4.3.3.6).
fn boundaries(track: &Track) -> impl Iterator<Item = u64> {
    let end = track.segments.last().map(|last| last.start_ticks.saturating_add(last.duration_ticks));
    frames(track).map(|(_, frame)| frame.start_ticks).chain(end)
}

fn target_duration_s(track: &Track) -> u64 {
    let boundaries: Vec<_> = boundaries(track).collect();
    let longest = boundaries.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or(0);
    rounded_s(longest, track.rendition.timescale).max(1)
}
