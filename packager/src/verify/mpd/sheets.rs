//! Sheets of preview tiles (DASH-IF IOP 4.3 section 6.2.6).

use super::{MANIFEST, Report, Title, addresses::reach, name, segments::Named};
use crate::dash::TILE;
use crate::verify::{
    files::Files,
    tiles::{self, Cut},
};
use dash_mpd_core::{AdaptationSet, Representation};

/// Least time that a sheet of tiles should stand for.
const SHEET_S: f64 = 60.0;
/// What the time of a tile may differ by between two that list it.
const TILE_SHARE: f64 = 0.01;

/// Sheets of tiles are there, and the first is as large as is said and cut into whole tiles (DASH-IF IOP 4.3 section 6.2.6).
pub(super) async fn check<F: Files>(
    report: &mut Report,
    title: &Title<'_, F>,
    named: &[Named],
    set: &AdaptationSet,
    representation: &Representation,
) {
    let id = name(representation);
    for sheet in named {
        if !reach(report, title.files, &sheet.path, id).await {
            return;
        }
    }
    let long = named.len() < 2 || named[0].length_s >= SHEET_S;
    report.should(long, "DASH-IF IOP", MANIFEST, || format!("{id} has a sheet for less than {SHEET_S} s"));
    let jpeg = [&representation.mimeType, &set.mimeType].into_iter().flatten().any(|mime| mime == "image/jpeg");
    let Some(first) = named.first().filter(|_| jpeg) else { return };
    let Some((width, height)) = tiles::sheet(report, title.files, &first.path).await else { return };
    let listed = [representation.width.or(set.width), representation.height.or(set.height)];
    let same = std::iter::zip(listed, [width, height]).all(|(listed, real)| listed.is_none_or(|it| it == u64::from(real)));
    report.must(same, "DASH-IF IOP", MANIFEST, || format!("{id} has sheets of {width}x{height}, listed as {listed:?}"));
    let properties = set.essential_property.iter().chain(&representation.essential_property);
    for value in properties.filter(|property| property.schemeIdUri == TILE).filter_map(|property| property.value.as_deref()) {
        let cut = value.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
        let whole = cut.is_some_and(|(columns, rows): (u32, u32)| {
            columns > 0 && rows > 0 && width.is_multiple_of(columns) && height.is_multiple_of(rows)
        });
        report.must(whole, "DASH-IF IOP", MANIFEST, || format!("{id} has sheets of {width}x{height} cut into {value:?}"));
        if let Some(layout) = cut.filter(|_| whole) {
            as_indexed(report, title, first, (width, height), layout, id);
        }
    }
}

/// The index beside the manifest cuts the same sheet into tiles of the same size, each for as long.
fn as_indexed<F>(
    report: &mut Report,
    title: &Title<'_, F>,
    sheet: &Named,
    (width, height): (u32, u32),
    (columns, rows): (u32, u32),
    id: &str,
) {
    let Some((tile_width, tile_height, tile_ms)) = title.tiles.get(&sheet.path).and_then(Cut::tile) else { return };
    let ours = (width / columns, height / rows);
    let same = report.must(ours == (tile_width, tile_height), "DASH-IF IOP", MANIFEST, || {
        format!("{id} has tiles of {}x{}, the index cuts {} into {tile_width}x{tile_height}", ours.0, ours.1, sheet.path)
    });
    let ours_s = sheet.length_s / (f64::from(columns) * f64::from(rows));
    let tile_s = tile_ms as f64 / 1000.0;
    report.must(!same || (ours_s - tile_s).abs() <= tile_s * TILE_SHARE, "DASH-IF IOP", MANIFEST, || {
        format!("{id} has a tile every {ours_s:.3} s, the index has one every {tile_s:.3} s")
    });
}
