//! Representations of one file each, whose segments an index tells apart (`SegmentBase`; ISO/IEC 14496-12 section 8.16.3, DASH-IF IOP).

use super::{MANIFEST, Report, Title, name};
use crate::verify::{
    boxes::{Fault, Fields, all, children},
    files::Files,
    segment::whole,
    track::Track,
};
use dash_mpd_core::{Representation, SegmentBase};

/// Largest index.
const INDEX_BYTES_MAX: u64 = 4 << 20;
/// What an index may end apart from its period.
const ENDS_S: f64 = 0.25;

/// What a `sidx` says.
struct Index {
    reference_id: u32,
    timescale: u32,
    first_offset: u64,
    references: Vec<Reference>,
}

/// One segment.
struct Reference {
    /// Whether it is one, and not another index.
    is_media: bool,
    size_bytes: u32,
    duration_ticks: u32,
    /// Whether it begins with a point of access of type 1 or 2, without delay.
    is_open: bool,
}

/// Checks the file at `path`, and the index in it. The track of HLS that is in it, if there is one.
pub(super) async fn check<'a, F: Files>(
    report: &mut Report,
    title: &Title<'a, F>,
    (base, path): (&SegmentBase, &str),
    representation: &Representation,
) -> Option<&'a Track> {
    let id = name(representation);
    let first =
        |track: &&Track| track.playlist.entries.first().and_then(|entry| entry.map.as_ref()).is_some_and(|map| map.path == path);
    let track = title.tracks.iter().find(first);
    let begins =
        base.Initialization.as_ref().filter(|init| init.sourceURL.is_none()).and_then(|init| range(init.range.as_deref()?));
    report.must(begins.is_some(), "DASH-IF IOP", MANIFEST, || format!("{id} says not where in its file its init segment is"));
    let Some((from, to)) = base.indexRange.as_deref().and_then(range) else {
        report.fail("DASH-IF IOP", MANIFEST, format!("{id} says not where in its file its index is"));
        return track;
    };
    let part = Some((from, to - from + 1));
    let bytes = whole(report, title.files, (path, part), INDEX_BYTES_MAX, "DASH-IF IOP").await?;
    let index = report.keep(read(&bytes), "DASH-IF IOP", path)?;
    let scale = base.timescale;
    report.must(scale == Some(index.timescale.into()), "DASH-IF IOP", MANIFEST, || {
        format!("{id} has an index of the timescale {}, listed as {scale:?}", index.timescale)
    });
    let plain = index.references.iter().all(|one| one.is_media && one.is_open) && !index.references.is_empty();
    report.must(plain, "DASH-IF IOP", path, || {
        "has an index of something else than segments that players can begin with".to_owned()
    });
    report.should(index.first_offset == 0, "DASH-IF IOP", path, || {
        format!("has {} bytes between its index and its first segment", index.first_offset)
    });
    let sizes: u64 = index.references.iter().map(|one| u64::from(one.size_bytes)).sum();
    let end = (to + 1).saturating_add(index.first_offset).saturating_add(sizes);
    let size_bytes = title.files.read(path, 0..1).await.map_or(0, |part| part.size_bytes);
    report.must(end == size_bytes, "DASH-IF IOP", path, || format!("has {size_bytes} bytes, and its index ends at {end}"));
    let ticks: u64 = index.references.iter().map(|one| u64::from(one.duration_ticks)).sum();
    let length_s = ticks as f64 / f64::from(index.timescale.max(1));
    report.must((length_s - title.length_s).abs() <= ENDS_S, "DASH-IF IOP", path, || {
        format!("has an index of {length_s:.3} s, its period lasts {:.3} s", title.length_s)
    });
    if let Some(init) = track.and_then(|track| track.init.as_ref()) {
        let same = (index.reference_id, index.timescale) == (init.track_id, init.timescale);
        report.must(same, "DASH-IF IOP", path, || "has an index of another track or timescale than its header".to_owned());
    }
    track
}

/// First and last byte.
pub(super) fn range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && last < u64::MAX).then_some((first, last))
}

/// Reads bytes that are one `sidx`.
fn read(bytes: &[u8]) -> Result<Index, Fault> {
    let boxes = children(bytes)?;
    let [sidx] = all(&boxes, b"sidx")[..] else { return Err("has not exactly one index where it is listed".to_owned()) };
    if boxes.len() > 1 {
        return Err("has more than an index where that is listed".to_owned());
    }
    let mut fields = Fields(sidx.body);
    let (version, _) = fields.full()?;
    let (reference_id, timescale) = (fields.u32()?, fields.u32()?);
    fields.sized(version)?;
    let first_offset = fields.sized(version)?;
    fields.u16()?;
    let mut references = Vec::new();
    for _ in 0..fields.u16()? {
        let (size, duration_ticks, access) = (fields.u32()?, fields.u32()?, fields.u32()?);
        references.push(Reference {
            is_media: size >> 31 == 0,
            size_bytes: size & 0x7fff_ffff,
            duration_ticks,
            is_open: access >> 31 == 1 && [1, 2].contains(&(access >> 28 & 7)) && access & 0x0fff_ffff == 0,
        });
    }
    Ok(Index { reference_id, timescale, first_offset, references })
}
