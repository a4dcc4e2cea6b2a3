//! Rules about image playlists: "HLS Image Media Playlist" 0.4, by Roku and others.

use super::{Finding, Report, playlists::tag_lines};
use crate::hls;
use m3u8_rs::{ExtTag, MediaPlaylist};
use marquee_core::{
    object,
    thumbnails::{Thumbnails, Tiles},
};

/// Largest sheet that players take.
const SHEET_BYTES_MAX: u64 = 20_000_000;
/// What the sum of durations may differ by: they have six decimals.
const TOLERANCE_S: f64 = 0.01;
/// What a declared rate may differ by from the measured one, as for variants.
const TOLERANCE_PERCENT: u64 = 10;

/// Checks the image playlist `text` of a title that lasts `duration_ms`, and that `master` names it.
#[must_use]
pub fn check_images(thumbnails: &Thumbnails, duration_ms: u64, master: &str, text: &str) -> Vec<Finding> {
    let mut report = Report::default();
    named(&mut report, thumbnails, duration_ms, master);
    let heavy = thumbnails.sheets_bytes.iter().any(|size_bytes| *size_bytes >= SHEET_BYTES_MAX);
    report.must(!heavy, "IMAGES 2", || "a sheet of tiles is too large for players".to_owned());
    let Ok(playlist) = m3u8_rs::parse_media_playlist_res(text.as_bytes()) else {
        report.must(false, "RFC 8216 4", || "the image playlist cannot be read".to_owned());
        return report.0;
    };
    report.must(tag_lines(text, "#EXT-X-IMAGES-ONLY") == 1, "IMAGES 3.1", || {
        "the image playlist does not say that it has nothing but images".to_owned()
    });
    report.must(playlist.end_list, "HLS-AUTH 8.6", || "the image playlist is not complete".to_owned());
    sheets(&mut report, &thumbnails.tiles, duration_ms, &playlist);
    report.0
}

fn named(report: &mut Report, thumbnails: &Thumbnails, duration_ms: u64, master: &str) {
    let attributes = master.lines().find_map(|line| line.strip_prefix("#EXT-X-IMAGE-STREAM-INF:")).unwrap_or_default();
    let value = |name: &str| {
        let found = attributes.split(',').find_map(|attribute| attribute.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().trim_matches('"')
    };
    let Tiles { width, height, .. } = thumbnails.tiles;
    for (name, expected) in
        [("URI", object::IMAGES.to_owned()), ("RESOLUTION", format!("{width}x{height}")), ("CODECS", "jpeg".to_owned())]
    {
        report.must(value(name) == expected, "IMAGES 3.3", || {
            format!("the image playlist has {name}={:?}, not {expected}", value(name))
        });
    }
    let (declared, measured) =
        (value("BANDWIDTH").parse::<u64>().unwrap_or(0), hls::image_bitrate(thumbnails, duration_ms).peak_bps);
    let honest = declared.abs_diff(measured.max(1)).saturating_mul(100) <= measured.max(1).saturating_mul(TOLERANCE_PERCENT);
    report.must(honest, "IMAGES 3.3", || format!("the image playlist declares BANDWIDTH={declared}, measured {measured}"));
}

/// Every sheet is listed with how its tiles lie, and all together last as long as the title.
fn sheets(report: &mut Report, tiles: &Tiles, duration_ms: u64, playlist: &MediaPlaylist) {
    let names: Vec<_> = playlist.segments.iter().map(|sheet| format!("{}/{}", object::THUMBS, sheet.uri)).collect();
    let stored: Vec<_> = (1..=tiles.sheets()).map(object::sheet_path).collect();
    report.must(names == stored, "IMAGES 3.2", || format!("the image playlist lists {names:?}, and there are {stored:?}"));
    let layout = ExtTag { tag: "X-TILES".to_owned(), rest: Some(hls::image_layout(tiles)) };
    let laid_out = playlist.segments.iter().all(|sheet| sheet.unknown_tags.contains(&layout));
    report.must(laid_out, "IMAGES 3.2", || format!("not every sheet of tiles has {:?}", layout.rest));
    let mut listed_s = 0.0;
    for (sheet, end_ms) in std::iter::zip(&playlist.segments, hls::image_boundaries(tiles, duration_ms).skip(1)) {
        listed_s += f64::from(sheet.duration);
        let fits = (listed_s - end_ms as f64 / 1000.0).abs() <= TOLERANCE_S;
        report.must(fits, "IMAGES 3.2", || format!("{} ends at {listed_s:.3} s, and its tiles at {end_ms} ms", sheet.uri));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{presentation, thumbnails};

    const DURATION_MS: u64 = 263_500;

    /// Tiles of a title that needs two sheets.
    fn two_sheets() -> Thumbnails {
        let mut made = thumbnails();
        (made.tiles.count, made.sheets_bytes) = (27, vec![312_500, 20_000]);
        made
    }

    fn written() -> (String, String) {
        let made = two_sheets();
        (hls::with_images(&hls::master(&presentation()), &made, DURATION_MS), hls::images(&made.tiles, DURATION_MS))
    }

    #[test]
    fn tiles_are_listed_as_image_players_read_them() {
        let (master, text) = written();
        assert_eq!(check_images(&two_sheets(), DURATION_MS, &master, &text), []);
        assert!(master.ends_with(
            "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=10095,RESOLUTION=240x136,CODECS=\"jpeg\",URI=\"thumbs/images.m3u8\"\n"
        ));
        assert_eq!(
            text,
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:250\n#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-PLAYLIST-TYPE:VOD\n\
             #EXT-X-IMAGES-ONLY\n#EXT-X-TILES:RESOLUTION=240x136,LAYOUT=5x5,DURATION=10\n#EXTINF:250.000000,\ntiles-0001.jpg\n\
             #EXT-X-TILES:RESOLUTION=240x136,LAYOUT=5x5,DURATION=10\n#EXTINF:13.500000,\ntiles-0002.jpg\n#EXT-X-ENDLIST\n"
        );
        for (count, duration_ms) in [(1, 0), (1, 1), (1, 10_000), (26, 250_001)] {
            let mut made = two_sheets();
            made.tiles.count = count;
            made.sheets_bytes.truncate(made.tiles.sheets() as usize);
            let master = hls::with_images("", &made, duration_ms);
            assert_eq!(check_images(&made, duration_ms, &master, &hls::images(&made.tiles, duration_ms)), []);
        }
    }

    #[test]
    fn every_broken_image_playlist_is_caught_by_its_rule() {
        let broken = [
            ("#EXT-X-IMAGE-STREAM-INF", "#EXT-X-STREAM-INF", "IMAGES 3.3"),
            ("BANDWIDTH=10095,RESOLUTION=240x136", "BANDWIDTH=20000,RESOLUTION=240x136", "IMAGES 3.3"),
            ("RESOLUTION=240x136,CODECS", "RESOLUTION=1200x680,CODECS", "IMAGES 3.3"),
            ("CODECS=\"jpeg\"", "CODECS=\"png\"", "IMAGES 3.3"),
            ("thumbs/images.m3u8", "thumbs/other.m3u8", "IMAGES 3.3"),
            ("#EXT-X-IMAGES-ONLY\n", "", "IMAGES 3.1"),
            ("#EXT-X-ENDLIST\n", "", "HLS-AUTH 8.6"),
            ("tiles-0002.jpg", "tiles-0003.jpg", "IMAGES 3.2"),
            ("LAYOUT=5x5", "LAYOUT=5x4", "IMAGES 3.2"),
            ("DURATION=10\n#EXTINF:13.5", "DURATION=10\n#EXTINF:250.0", "IMAGES 3.2"),
            ("#EXTM3U\n", "", "RFC 8216 4"),
        ];
        for (index, (from, to, rule)) in broken.into_iter().enumerate() {
            let (master, text) = written();
            assert!(master.contains(from) || text.contains(from), "{index}: {from}");
            let found = check_images(&two_sheets(), DURATION_MS, &master.replace(from, to), &text.replacen(from, to, 1));
            assert!(found.iter().any(|finding| finding.rule == rule), "{index}: {rule} is not in {found:?}");
        }
        let mut heavy = two_sheets();
        heavy.sheets_bytes[0] = SHEET_BYTES_MAX;
        let (_, text) = written();
        let found = check_images(&heavy, DURATION_MS, &hls::with_images("", &heavy, DURATION_MS), &text);
        assert_eq!(found.iter().map(|finding| finding.rule.as_ref()).collect::<Vec<_>>(), ["IMAGES 2"]);
    }
}
