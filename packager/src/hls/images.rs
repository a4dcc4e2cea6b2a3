//! Image playlists: preview tiles for players that know nothing but HLS, as Roku and others define them ("HLS Image Media Playlist",
//! version 0.4). Players that do not know their tags ignore them (RFC 8216 section 6.3.1).

use super::{VERSION, durations_s, text};
use crate::bitrate::{Bitrate, Piece};
use m3u8_rs::{ExtTag, MediaPlaylist, MediaPlaylistType, MediaSegment, Playlist};
use marquee_core::{
    object,
    thumbnails::{Thumbnails, Tiles},
};

/// Times of tiles are in milliseconds.
const TIMESCALE: u32 = 1000;

/// The image playlist of a title that lasts `duration_ms`, to lie beside its sheets of tiles.
#[must_use]
pub fn images(tiles: &Tiles, duration_ms: u64) -> String {
    let durations = durations_s(boundaries(tiles, duration_ms), TIMESCALE);
    let mut entries: Vec<_> = (1..)
        .zip(durations)
        .map(|(number, duration)| MediaSegment {
            uri: object::sheet_path(number).rsplit('/').next().unwrap_or_default().to_owned(),
            duration,
            unknown_tags: vec![tag("X-TILES", Some(layout(tiles)))],
            ..MediaSegment::default()
        })
        .collect();
    if let Some(first) = entries.first_mut() {
        first.unknown_tags.insert(0, tag("X-IMAGES-ONLY", None));
    }
    text(&Playlist::MediaPlaylist(MediaPlaylist {
        version: Some(VERSION),
        target_duration: sheet_ms(tiles).div_ceil(TIMESCALE.into()),
        media_sequence: 1,
        segments: entries,
        end_list: true,
        playlist_type: Some(MediaPlaylistType::Vod),
        ..MediaPlaylist::default()
    }))
}

/// The multivariant playlist `master` of a title that lasts `duration_ms`, with its image playlist named.
#[must_use]
pub fn with_images(master: &str, thumbnails: &Thumbnails, duration_ms: u64) -> String {
    let Tiles { width, height, .. } = thumbnails.tiles;
    let bandwidth = bitrate(thumbnails, duration_ms).peak_bps.max(1);
    let attributes = format!("BANDWIDTH={bandwidth},RESOLUTION={width}x{height},CODECS=\"jpeg\",URI=\"{}\"", object::IMAGES);
    format!("{master}{}\n", tag("X-IMAGE-STREAM-INF", Some(attributes)))
}

/// What the sheets cost at normal speed.
pub(crate) fn bitrate(thumbnails: &Thumbnails, duration_ms: u64) -> Bitrate {
    let boundaries: Vec<_> = boundaries(&thumbnails.tiles, duration_ms).collect();
    let pieces: Vec<_> = std::iter::zip(&thumbnails.sheets_bytes, boundaries.windows(2))
        .map(|(&size_bytes, pair)| Piece { duration_ticks: pair[1] - pair[0], size_bytes })
        .collect();
    Bitrate::of(&pieces, TIMESCALE, sheet_ms(&thumbnails.tiles).div_ceil(TIMESCALE.into()))
}

/// When each sheet begins, then the end: the last one stands for what is left.
pub(crate) fn boundaries(tiles: &Tiles, duration_ms: u64) -> impl Iterator<Item = u64> {
    let (sheet_ms, sheets) = (sheet_ms(tiles), u64::from(tiles.sheets()));
    let last_ms = sheets.saturating_sub(1).saturating_mul(sheet_ms);
    let end_ms = duration_ms.clamp(last_ms + 1, last_ms.saturating_add(sheet_ms).max(last_ms + 1));
    (0..sheets).map(move |sheet| sheet * sheet_ms).chain([end_ms])
}

/// `EXT-X-TILES`: the size of a tile, how many there are in a row and rows, and how long one stands for.
pub(crate) fn layout(tiles: &Tiles) -> String {
    let Tiles { interval_ms, columns, rows, width, height, .. } = tiles;
    let seconds = *interval_ms as f64 / f64::from(TIMESCALE);
    format!("RESOLUTION={width}x{height},LAYOUT={columns}x{rows},DURATION={seconds}")
}

fn sheet_ms(tiles: &Tiles) -> u64 {
    tiles.interval_ms.saturating_mul(tiles.per_sheet().into())
}

fn tag(name: &str, rest: Option<String>) -> ExtTag {
    ExtTag { tag: name.to_owned(), rest }
}
