//! The index of a title's tiles as players read it: WebVTT (W3C, "WebVTT: The Web Video Text Tracks Format") whose cues name a part
//! of an image by a media fragment (W3C, "Media Fragments URI 1.0" section 4.2.2), relative to the index.

use crate::webvtt::clock;
use marquee_core::{object::sheet_path, thumbnails::Tiles};
use std::fmt::Write;

/// The index of `tiles` of a title that lasts `duration_ms`.
#[must_use]
pub fn index(tiles: &Tiles, duration_ms: u64) -> String {
    let mut text = String::from("WEBVTT\n");
    for tile in 0..tiles.count {
        let (place, start_ms) = (tiles.place(tile), u64::from(tile) * tiles.interval_ms);
        let end_ms = (start_ms + tiles.interval_ms).min(duration_ms.max(start_ms + 1));
        let path = sheet_path(place.sheet);
        let name = path.rsplit('/').next().unwrap_or_default();
        // Writing into a string cannot fail.
        let _ = write!(
            text,
            "\n{} --> {}\n{name}#xywh={},{},{},{}\n",
            clock(start_ms),
            clock(end_ms),
            place.x,
            place.y,
            tiles.width,
            tiles.height
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tile_has_a_cue_and_the_last_one_ends_with_the_title() {
        let tiles = Tiles { interval_ms: 10_000, columns: 2, rows: 1, width: 240, height: 136, count: 3 };
        assert_eq!(
            index(&tiles, 25_480),
            "WEBVTT\n\
             \n00:00:00.000 --> 00:00:10.000\ntiles-0001.jpg#xywh=0,0,240,136\n\
             \n00:00:10.000 --> 00:00:20.000\ntiles-0001.jpg#xywh=240,0,240,136\n\
             \n00:00:20.000 --> 00:00:25.480\ntiles-0002.jpg#xywh=0,0,240,136\n"
        );
        let long = Tiles { count: 4320, ..tiles };
        assert!(index(&long, 43_200_000).ends_with("11:59:50.000 --> 12:00:00.000\ntiles-2160.jpg#xywh=240,0,240,136\n"));
        let nothing = Tiles { count: 1, ..tiles };
        assert!(index(&nothing, 0).contains("00:00:00.000 --> 00:00:00.001\n"), "a cue ends after it begins");
    }
}
