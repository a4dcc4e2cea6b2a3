//! Media playlists: the segments of one track.

use super::{VERSION, chapters, durations_s, growing_target_duration_s, listed, target_duration_s, text};
use crate::{
    model::{Presentation, Track},
    protect::signal,
};
use m3u8_rs::{Map, MediaPlaylist, MediaPlaylistType, MediaSegment, Playlist, Start};
use marquee_core::object;

/// What becomes of the playlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A stored file that never changes: `VOD` with `EXT-X-ENDLIST`.
    Vod,
    /// Rendered while the track grows, played from its start. An `EVENT` stays one when it has ended: the type of a
    /// playlist must not change while players reload it (RFC 8216 section 6.2.1).
    Event {
        /// Whether every segment is there.
        ended: bool,
    },
}

/// The media playlist of `track`, which is one of `presentation`'s, up to its first gap. URIs are `base` plus the object's name; `base`
/// is empty for a playlist that lies beside its segments, and ends in `/` otherwise.
#[must_use]
pub fn media(presentation: &Presentation, track: &Track, kind: Kind, base: &str) -> String {
    let segments = listed(track);
    let ends = segments.iter().map(|segment| segment.start_ticks.saturating_add(segment.duration_ticks));
    let boundaries = segments.first().map(|first| first.start_ticks).into_iter().chain(ends);
    let durations = durations_s(boundaries, track.rendition.timescale);
    let mut entries: Vec<_> = std::iter::zip(segments, durations)
        .map(|(segment, duration)| MediaSegment {
            uri: format!("{base}{}", object::segment_name(track.rendition.folder(), segment.number)),
            duration,
            ..MediaSegment::default()
        })
        .collect();
    if let Some(first) = entries.first_mut().filter(|_| track.rendition.folder().has_init()) {
        first.map = Some(init(base));
    }
    // What is stored is for players with licences; others are given what is rendered.
    let numbered = segments.iter().map(|segment| segment.number).zip(&mut entries);
    signal::tag(presentation, track, numbered, kind != Kind::Vod);
    if let (Some(first), false) = (segments.first(), presentation.chapters.is_empty()) {
        chapters::date(&mut entries, first.start_ticks, track.rendition.timescale);
        chapters::date_ranges(&mut entries, track, segments, &presentation.chapters);
    }
    let (playlist_type, end_list, target_duration) = match kind {
        Kind::Vod => (MediaPlaylistType::Vod, true, target_duration_s(presentation)),
        Kind::Event { ended } => (MediaPlaylistType::Event, ended, growing_target_duration_s(presentation)),
    };
    text(&Playlist::MediaPlaylist(MediaPlaylist {
        version: Some(VERSION),
        target_duration,
        // The crate leaves out a sequence number of 0, which is the default; ours is that of the object's name.
        media_sequence: 1,
        segments: entries,
        end_list,
        playlist_type: Some(playlist_type),
        start: (kind != Kind::Vod).then(|| Start { time_offset: 0.0, ..Start::default() }),
        independent_segments: true,
        ..MediaPlaylist::default()
    }))
}

/// `EXT-X-MAP` of a track whose objects lie under `base`.
pub(super) fn init(base: &str) -> Map {
    Map { uri: format!("{base}init.mp4"), ..Map::default() }
}
