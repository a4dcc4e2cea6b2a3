//! Segments as a template lists them (ISO/IEC 23009-1 sections 5.3.9.4 and 5.3.9.6).

use super::{MANIFEST, Report, Title};
use crate::verify::files::{Files, resolve};
use dash_mpd_core::SegmentTemplate;

/// Segments of one representation.
const SEGMENTS_MAX: usize = 50_000;
/// What scripts can count.
const NUMBER_MAX: u64 = 1 << 53;

/// A segment as the manifest has it.
pub(super) struct Named {
    pub(super) path: Option<String>,
    pub(super) start_s: f64,
    pub(super) length_s: f64,
}

/// What a template lists.
pub(super) fn segments<F: Files>(
    report: &mut Report,
    title: &Title<'_, F>,
    template: &SegmentTemplate,
    base: &str,
    id: &str,
    bandwidth: Option<u64>,
) -> Option<Vec<Named>> {
    let numbers = [template.timescale, template.presentationTimeOffset, template.startNumber, template.endNumber];
    let countable = numbers.into_iter().flatten().all(|number| number < NUMBER_MAX);
    if !report.must(countable, "DASH-IF IOP", MANIFEST, || format!("{id} has numbers above 2^53: {numbers:?}")) {
        return None;
    }
    let timescale = template.timescale.unwrap_or(1).max(1);
    let offset = template.presentationTimeOffset.unwrap_or(0);
    let (numbered, timed) = (template.duration.is_some(), template.SegmentTimeline.is_some());
    report.must(numbered != timed, "23009-1 5.3.9.2", MANIFEST, || format!("{id} needs a duration or a timeline, and not both"));
    let mut times = Vec::new();
    if let Some(timeline) = &template.SegmentTimeline {
        let mut next = 0_u64;
        for run in &timeline.segments {
            report.must(run.n.is_none(), "DASH-IF IOP", MANIFEST, || format!("{id} has S@n"));
            let start = run.t.unwrap_or(next);
            report.must(times.is_empty() || start == next, "DASH-IF IOP", MANIFEST, || {
                format!("{id} has a segment from {start} on where {next} belongs")
            });
            next = start;
            for _ in 0..=run.r.unwrap_or(0) {
                if times.len() >= SEGMENTS_MAX {
                    report.fail("23009-1 5.3.9.6", MANIFEST, format!("{id} has more than {SEGMENTS_MAX} segments"));
                    return None;
                }
                times.push((next, run.d));
                next = next.saturating_add(run.d);
            }
        }
        report.must(next < NUMBER_MAX, "DASH-IF IOP", MANIFEST, || format!("{id} counts to {next}, above 2^53"));
    } else {
        let ticks = template.duration.filter(|ticks| *ticks >= 1.0)?;
        let count = (title.length_s * timescale as f64 / ticks).ceil().clamp(0.0, SEGMENTS_MAX as f64);
        times.extend((0..count as u64).map(|index| ((index as f64 * ticks) as u64 + offset, ticks as u64)));
    }
    let first = template.startNumber.unwrap_or(1);
    let media = template.media.as_deref().unwrap_or_default();
    let mut named = Vec::with_capacity(times.len());
    for (number, (start, length)) in (first..).zip(times) {
        let address = fill(media, id, bandwidth, Some((number, start)));
        let path = address.and_then(|text| resolve(base, &text).map_err(|fault| format!("{id}: {text:?} {fault}")));
        let path = Some(report.keep(path, "23009-1 5.3.9.4", MANIFEST)?);
        let start_s = (i128::from(start) - i128::from(offset)) as f64 / timescale as f64;
        named.push(Named { path, start_s, length_s: length as f64 / timescale as f64 });
    }
    Some(named)
}

/// What a template says, filled in (ISO/IEC 23009-1 section 5.3.9.4.4).
pub(super) fn fill(template: &str, id: &str, bandwidth: Option<u64>, place: Option<(u64, u64)>) -> Result<String, String> {
    let unknown = || format!("{id} has the template {template:?}");
    let mut parts = template.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    while let Some(identifier) = parts.next() {
        let (what, format) = identifier.split_once('%').map_or((identifier, "1d"), |(what, format)| (what, format));
        let number = match (what, place) {
            ("RepresentationID", _) => None,
            ("", _) => None,
            ("Bandwidth", _) => bandwidth,
            ("Number", Some((number, _))) => Some(number),
            ("Time", Some((_, time))) => Some(time),
            _ => return Err(unknown()),
        };
        match (what, number) {
            ("", _) => text.push('$'),
            ("RepresentationID", _) => text += id,
            (_, Some(number)) => {
                let width = format.strip_suffix('d').and_then(|width| width.parse::<usize>().ok()).filter(|width| *width < 20);
                let width = width.ok_or_else(unknown)?;
                text += &format!("{number:0width$}");
            }
            _ => return Err(unknown()),
        }
        text += parts.next().ok_or_else(unknown)?;
    }
    Ok(text)
}
