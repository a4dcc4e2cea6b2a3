//! The adaptation set of preview tiles: one image, a sheet of tiles, is one segment.

use super::TILE;
use crate::bitrate::{Piece, sustained_bps};
use dash_mpd_core::{AdaptationSet, EssentialProperty, Representation, SegmentTemplate};
use marquee_core::{
    object,
    thumbnails::{Thumbnails, Tiles},
};

/// Sheets are as long as each other, so they are named by number and length, as players of tiles expect it.
const TIMESCALE: u32 = 1000;

pub(super) fn set(thumbnails: &Thumbnails, buffer_s: u64) -> AdaptationSet {
    let tiles = &thumbnails.tiles;
    let (width, height) = tiles.sheet_size();
    let layout = EssentialProperty {
        schemeIdUri: TILE.to_owned(),
        value: Some(format!("{}x{}", tiles.columns, tiles.rows)),
        ..EssentialProperty::default()
    };
    let sheets = Representation {
        id: Some(object::THUMBS.to_owned()),
        bandwidth: Some(bps(thumbnails, buffer_s)),
        width: Some(width.into()),
        height: Some(height.into()),
        essential_property: vec![layout],
        ..Representation::default()
    };
    AdaptationSet {
        contentType: Some("image".to_owned()),
        mimeType: Some("image/jpeg".to_owned()),
        SegmentTemplate: Some(SegmentTemplate {
            timescale: Some(TIMESCALE.into()),
            duration: Some(sheet_ms(tiles) as f64),
            startNumber: Some(1),
            media: Some(format!("{}/tiles-$Number%04d$.jpg", object::THUMBS)),
            ..SegmentTemplate::default()
        }),
        representations: vec![sheets],
        ..AdaptationSet::default()
    }
}

/// How long a full sheet stands for.
fn sheet_ms(tiles: &Tiles) -> u64 {
    tiles.interval_ms.saturating_mul(tiles.per_sheet().into())
}

fn bps(thumbnails: &Thumbnails, buffer_s: u64) -> u64 {
    let duration_ticks = sheet_ms(&thumbnails.tiles);
    let pieces: Vec<_> = thumbnails.sheets_bytes.iter().map(|&size_bytes| Piece { duration_ticks, size_bytes }).collect();
    sustained_bps(&pieces, TIMESCALE, buffer_s)
}
