//! Pictures that stand for a title: posters to choose from, and tiles that show where a viewer is about to go. What there will be is
//! known before any is made, so what makes them can be held to it.

use crate::source::{DURATION_SECONDS_MAX, VideoTrack};
use serde::{Deserialize, Serialize};

/// Time between two tiles.
const INTERVAL_MS: u64 = 10_000;
/// Tiles in a row of a sheet, and rows.
const COLUMNS: u32 = 5;
const ROWS: u32 = 5;
/// Pixels of the longer side of a tile, and of a poster.
const TILE_SIDE: u32 = 240;
const POSTER_SIDE: u32 = 1280;
/// Pixels of the shorter side at least, however long the picture is.
const SIDE_MIN: u32 = 16;
/// Posters to choose from, each from another part of the film.
pub const POSTERS_MAX: u32 = 5;
/// Places of a film that are looked at to find posters, at least.
const LOOKS_MIN: u32 = 25;

/// The tiles of a title: small pictures at equal intervals, in sheets of which each is one image. The last sheet is as large as the
/// others; what it has no tile for is black.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiles {
    /// Time that one tile stands for.
    pub interval_ms: u64,
    /// Tiles in a row of a sheet.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
    /// Width of a tile in square pixels.
    pub width: u32,
    /// Height of a tile.
    pub height: u32,
    /// How many tiles there are.
    pub count: u32,
}

/// A poster that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poster {
    /// When the film shows it; also its name.
    pub time_ms: u64,
    /// Width in square pixels.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Bytes of the object.
    pub size_bytes: u64,
}

/// The pictures of an encode, once they are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnails {
    /// Posters to choose from, best first; at least one.
    pub posters: Vec<Poster>,
    /// How the tiles lie.
    pub tiles: Tiles,
    /// Bytes of each sheet of tiles, in order.
    pub sheets_bytes: Vec<u64>,
    /// Processor time that all of it took.
    pub cpu_ms: u64,
}

impl Thumbnails {
    /// Bytes of all images.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.sheets_bytes.iter().copied().chain(self.posters.iter().map(|poster| poster.size_bytes)).sum()
    }
}

/// Where a tile lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the sheet, from 1 as in its name.
    pub sheet: u32,
    /// Pixels from the sheet's left edge to the tile's.
    pub x: u32,
    /// Pixels from the sheet's top to the tile's.
    pub y: u32,
}

impl Tiles {
    /// The tiles of a title of `duration_ms` whose picture is `track`; at least one, and no more than those of the longest title.
    #[must_use]
    pub fn of(track: &VideoTrack, duration_ms: u64) -> Self {
        let (width, height) = within(track.display_size(), TILE_SIDE);
        let longest_ms = u64::from(DURATION_SECONDS_MAX) * 1000 + INTERVAL_MS;
        let count = u32::try_from(duration_ms.min(longest_ms).div_ceil(INTERVAL_MS)).unwrap_or(1).max(1);
        Self { interval_ms: INTERVAL_MS, columns: COLUMNS, rows: ROWS, width, height, count }
    }

    /// How many sheets there are.
    #[must_use]
    pub fn sheets(&self) -> u32 {
        self.count.div_ceil(self.per_sheet())
    }

    /// Tiles that a sheet has room for.
    #[must_use]
    pub fn per_sheet(&self) -> u32 {
        (self.columns * self.rows).max(1)
    }

    /// Width and height of a sheet.
    #[must_use]
    pub fn sheet_size(&self) -> (u32, u32) {
        (self.columns * self.width, self.rows * self.height)
    }

    /// Where the tile with this number, from 0, lies.
    #[must_use]
    pub fn place(&self, tile: u32) -> Place {
        let (sheet, within) = (tile / self.per_sheet(), tile % self.per_sheet());
        Place { sheet: sheet + 1, x: within % self.columns * self.width, y: within / self.columns * self.height }
    }

    /// When a title of `duration_ms` is looked at, as often for each tile: a tile shows the middle of its time.
    #[must_use]
    pub fn looks_ms(&self, duration_ms: u64) -> Vec<Vec<u64>> {
        // Odd, so that one look is in the middle.
        let each = u64::from(LOOKS_MIN.div_ceil(self.count) | 1);
        let looks = |tile: u32| {
            let start = u64::from(tile) * self.interval_ms;
            let length = duration_ms.saturating_sub(start).clamp(1, self.interval_ms);
            (0..each).map(|look| start + length * (2 * look + 1) / (2 * each)).collect()
        };
        (0..self.count).map(looks).collect()
    }
}

/// Size of the posters of a title whose picture is `track`.
#[must_use]
pub fn poster_size(track: &VideoTrack) -> (u32, u32) {
    within(track.display_size(), POSTER_SIDE)
}

/// The size of a picture whose longer side is `side` at most, in its shape but for rounding to even pixels, and no larger than it is.
fn within((width, height): (u32, u32), side: u32) -> (u32, u32) {
    let scale = (f64::from(side) / f64::from(width.max(height).max(1))).min(1.0);
    let even = |pixels: u32| ((f64::from(pixels) * scale / 2.0).round() as u32 * 2).max(SIDE_MIN);
    (even(width), even(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiles(count: u32) -> Tiles {
        Tiles { interval_ms: INTERVAL_MS, columns: COLUMNS, rows: ROWS, width: 240, height: 136, count }
    }

    #[test]
    fn pictures_keep_their_shape_and_never_grow() {
        assert_eq!(within((1920, 1080), TILE_SIDE), (240, 136));
        assert_eq!(within((1080, 1920), TILE_SIDE), (136, 240));
        assert_eq!(within((160, 120), TILE_SIDE), (160, 120));
        assert_eq!(within((1920, 1080), POSTER_SIDE), (1280, 720));
        assert_eq!(within((641, 359), POSTER_SIDE), (642, 360));
        assert_eq!(within((8192, 16), TILE_SIDE), (240, SIDE_MIN));
        assert_eq!(within((0, 0), TILE_SIDE), (SIDE_MIN, SIDE_MIN));
    }

    #[test]
    fn tiles_fill_sheets_row_by_row() {
        let sixty = tiles(60);
        assert_eq!((sixty.sheets(), sixty.sheet_size()), (3, (1200, 680)));
        assert_eq!(sixty.place(0), Place { sheet: 1, x: 0, y: 0 });
        assert_eq!(sixty.place(6), Place { sheet: 1, x: 240, y: 136 });
        assert_eq!(sixty.place(24), Place { sheet: 1, x: 960, y: 544 });
        assert_eq!(sixty.place(25), Place { sheet: 2, x: 0, y: 0 });
        assert_eq!((tiles(25).sheets(), tiles(26).sheets(), tiles(1).sheets()), (1, 2, 1));
    }

    #[test]
    fn a_tile_shows_the_middle_of_its_time_and_short_films_are_looked_at_more_often() {
        assert_eq!(tiles(30).looks_ms(291_000)[..2], [[5000], [15_000]]);
        assert_eq!(tiles(30).looks_ms(291_000)[29], [290_500]);
        let short = tiles(2).looks_ms(12_000);
        assert_eq!((short[0].len(), short[0][6], short[1][6]), (13, 5000, 11_000));
        assert!(short.concat().is_sorted() && short.concat().iter().all(|look| *look < 12_000), "{short:?}");
        assert_eq!(tiles(1).looks_ms(0)[0].len(), 25);
    }

    #[test]
    fn a_film_has_a_tile_for_every_ten_seconds_that_it_begins() {
        let track = crate::testing::source().video;
        let counts = [0, 1, 10_000, 10_001, 35_000, u64::MAX].map(|duration_ms| Tiles::of(&track, duration_ms).count);
        assert_eq!(counts, [1, 1, 1, 2, 4, 4321]);
    }
}
