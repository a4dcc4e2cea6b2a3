//! Pictures for the seek bar: a WebVTT index of parts of sheets, and image playlists (Image Media Playlist 0.4).

use super::{
    files::{Files, resolve},
    media::{Playlist, Tiles},
    report::Report,
    segment::whole,
    text::{self, Cue},
};
use std::collections::{BTreeMap, BTreeSet};

/// Where the index of a title's tiles is.
const INDEX: &str = marquee_core::object::TILES;
/// Largest index and sheet (the latter is what a service refuses, too).
const INDEX_BYTES_MAX: u64 = 16 << 20;
const SHEET_BYTES_MAX: u64 = 20 << 20;
/// What a JPEG file ends with.
const END_OF_IMAGE: [u8; 2] = [0xff, 0xd9];
/// Sheets of one title.
const SHEETS_MAX: usize = 4096;
/// How far the index may end from the title.
const END_MS: u64 = 1000;

/// How an index cuts a sheet.
#[derive(Clone, Debug, Default)]
pub(super) struct Cut {
    /// Width and height of the sheet, if it can be read.
    size: Option<(u32, u32)>,
    /// Places and sizes of the parts.
    parts: BTreeSet<[u32; 4]>,
    /// How many cues name one, and the longest time of one.
    cues: usize,
    longest_ms: u64,
}

impl Cut {
    /// Width and height of each part, and how long it stands for, if there are several that are alike.
    pub(super) fn tile(&self) -> Option<(u32, u32, u64)> {
        let [_, _, width, height] = *self.parts.first()?;
        let alike = self.parts.len() > 1 && self.parts.iter().all(|part| part[2..] == [width, height]);
        alike.then_some((width, height, self.longest_ms))
    }
}

/// Checks the WebVTT index, if there is one, of a title that lasts `duration_s`. How it cuts sheets, by their paths.
pub(super) async fn index<F: Files>(report: &mut Report, files: &F, duration_s: Option<f64>) -> BTreeMap<String, Cut> {
    let mut sheets: BTreeMap<String, Cut> = BTreeMap::new();
    // A title is whole without pictures.
    if files.read(INDEX, 0..1).await.is_err() {
        return sheets;
    }
    let bytes = whole(report, files, (INDEX, None), INDEX_BYTES_MAX, "WEBVTT 4.1").await;
    let words = bytes.and_then(|bytes| report.keep(text::parse(&bytes), "WEBVTT 4.1", INDEX));
    let Some(words) = words else { return sheets };
    let mut next_ms = 0;
    for cue in &words.cues {
        report.must(cue.start_ms == next_ms, "WEBVTT 4.1", INDEX, || {
            format!("has a picture from {} ms on where {next_ms} belongs", cue.start_ms)
        });
        next_ms = cue.end_ms;
        let part = cue.text.split_once("#xywh=").and_then(|(uri, part)| Some((resolve(INDEX, uri), rectangle(part)?)));
        let Some((found, part)) = part else {
            report.fail("MEDIA-FRAGS 4.2.2", INDEX, format!("the cue {:?} names no part of a sheet", cue.text));
            continue;
        };
        let found = found.map_err(|fault| format!("{:?} {fault}", cue.text));
        let Some(path) = report.keep(found, "RFC 8216 10", INDEX) else { continue };
        if !sheets.contains_key(&path) && sheets.len() < SHEETS_MAX {
            let size = sheet(report, files, &path).await;
            sheets.insert(path.clone(), Cut { size, ..Cut::default() });
        }
        if let Some(cut) = sheets.get_mut(&path) {
            inside(report, cut, cue, part);
        }
    }
    for (path, cut) in &sheets {
        // Who shows one picture for long has one cue for it.
        let stays = cut.cues > 1 && cut.parts.len() == 1;
        let room = cut.size.zip(cut.parts.first()).is_some_and(|((width, height), part)| width > part[2] || height > part[3]);
        report.must(!stays || !room, "MEDIA-FRAGS 4.2.2", INDEX, || {
            format!("shows the same part of {path} in all {} cues: give each tile its place", cut.cues)
        });
    }
    if let Some(duration_s) = duration_s {
        let end_ms = (duration_s * 1000.0) as u64;
        report.must(next_ms.abs_diff(end_ms) <= END_MS, "WEBVTT 4.1", INDEX, || {
            format!("ends at {next_ms} ms, the title at {end_ms} ms")
        });
    }
    sheets
}

/// A part lies inside its sheet.
fn inside(report: &mut Report, cut: &mut Cut, cue: &Cue, part: [u32; 4]) {
    let [x, y, width, height] = part;
    if let Some((sheet_width, sheet_height)) = cut.size {
        let inside = x.saturating_add(width) <= sheet_width && y.saturating_add(height) <= sheet_height;
        report.must(inside && width > 0 && height > 0, "MEDIA-FRAGS 4.2.2", INDEX, || {
            format!("{:?} lies outside its sheet of {sheet_width}x{sheet_height}", cue.text)
        });
    }
    cut.parts.insert(part);
    cut.cues += 1;
    cut.longest_ms = cut.longest_ms.max(cue.end_ms - cue.start_ms);
}

fn rectangle(part: &str) -> Option<[u32; 4]> {
    let numbers: Vec<u32> = part.trim().split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// Size of a sheet, a JPEG file.
pub(super) async fn sheet<F: Files>(report: &mut Report, files: &F, path: &str) -> Option<(u32, u32)> {
    let bytes = whole(report, files, (path, None), SHEET_BYTES_MAX, "IMP 0.4").await?;
    let (size, rest) = report.keep(jpeg_size(&bytes).ok_or("is no JPEG picture"), "IMP 0.4", path)?;
    // In coded pictures 0xff is followed by zero, so this is the end; some cameras write more behind it.
    let ends = rest.windows(2).any(|pair| pair == END_OF_IMAGE);
    report.must(ends, "T.81 B.2.1", path, || "is cut off: it has no end of image".to_owned());
    Some(size)
}

/// Width and height in the frame header of a JPEG file (ITU-T T.81 section B.2.2), and what comes from that on: thumbnails of the picture
/// itself, which are pictures too, stand before it.
fn jpeg_size(bytes: &[u8]) -> Option<((u32, u32), &[u8])> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Start of frame, but for the tables that share the range.
        if (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker) {
            let [_, height_high, height_low, width_high, width_low, ..] = *rest.get(4..)? else { return None };
            let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
            return Some(((side(width_high, width_low), side(height_high, height_low)), rest));
        }
        rest = rest.get(2 + length.max(2)..)?;
    }
}

/// Checks an image playlist whose variant says how large one tile is.
pub(super) async fn playlist<F: Files>(
    report: &mut Report,
    files: &F,
    playlist: &Playlist,
    listed: Option<(u32, u32)>,
    duration_s: Option<f64>,
) {
    let path = playlist.path.as_str();
    let mut left_s = duration_s;
    for entry in playlist.entries.iter().take(SHEETS_MAX) {
        let Some(tiles) = entry.tiles else {
            report.fail("IMP 0.4", path, "has a sheet without EXT-X-TILES".to_owned());
            continue;
        };
        let Tiles { width, height, columns, rows, duration_s } = tiles;
        report.must(listed.is_none_or(|listed| listed == (width, height)), "IMP 0.4", path, || {
            format!("has tiles of {width}x{height}, listed as {listed:?}")
        });
        let full_s = f64::from(columns) * f64::from(rows) * duration_s;
        let expected_s = left_s.map_or(entry.duration_s.min(full_s), |left_s| left_s.min(full_s));
        report.must((entry.duration_s - expected_s).abs() <= 1.0, "IMP 0.4", path, || {
            format!("has a sheet of {:.3} s where {expected_s:.3} s belong", entry.duration_s)
        });
        left_s = left_s.map(|left_s| (left_s - entry.duration_s).max(0.0));
        let Some(file) = entry.path.as_deref() else { continue };
        let Some((sheet_width, sheet_height)) = sheet(report, files, file).await else { continue };
        let fits = sheet_width == width.saturating_mul(columns) && sheet_height == height.saturating_mul(rows);
        report.must(fits, "IMP 0.4", file, || {
            format!("is {sheet_width}x{sheet_height}, not {columns}x{rows} tiles of {width}x{height}")
        });
    }
}
