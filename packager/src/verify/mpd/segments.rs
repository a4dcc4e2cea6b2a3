//! Which segments a representation names, by a template or in a list (ISO/IEC 23009-1 sections 5.3.9.2 to 5.3.9.6).

use super::{MANIFEST, Report, Title, index};
use crate::verify::{files::resolve, media::Map};
use dash_mpd_core::{SegmentList, SegmentTemplate, SegmentTimeline};

/// Segments of one representation.
const SEGMENTS_MAX: usize = 50_000;
/// What scripts can count.
const NUMBER_MAX: u64 = 1 << 53;

/// A segment as the manifest has it.
pub(super) struct Named {
    pub(super) path: String,
    /// First byte, and how many, of what is part of a file.
    pub(super) range: Option<(u64, u64)>,
    pub(super) start_s: f64,
    pub(super) length_s: f64,
}

/// What a representation names.
pub(super) struct Addressed {
    pub(super) init: Option<Map>,
    pub(super) segments: Vec<Named>,
    pub(super) timescale: Option<u64>,
    /// Length of all segments where one is given for all: theirs may be half longer or shorter (DASH-IF IOP).
    pub(super) nominal_s: Option<f64>,
}

/// How segments are timed.
struct Timing<'a> {
    timescale: u64,
    offset: u64,
    duration: Option<f64>,
    timeline: Option<&'a SegmentTimeline>,
    /// Of those that are counted elsewhere.
    count: Option<usize>,
}

/// A template, from the outermost element that has one inwards: what an inner one lacks is that of the outer one (section 5.3.9.1).
pub(super) fn inherited<'a>(levels: impl IntoIterator<Item = Option<&'a SegmentTemplate>>) -> Option<SegmentTemplate> {
    levels.into_iter().flatten().cloned().reduce(|outer, inner| SegmentTemplate {
        media: inner.media.or(outer.media),
        initialization: inner.initialization.or(outer.initialization),
        timescale: inner.timescale.or(outer.timescale),
        presentationTimeOffset: inner.presentationTimeOffset.or(outer.presentationTimeOffset),
        startNumber: inner.startNumber.or(outer.startNumber),
        endNumber: inner.endNumber.or(outer.endNumber),
        duration: inner.duration.or(outer.duration),
        SegmentTimeline: inner.SegmentTimeline.or(outer.SegmentTimeline),
        ..outer
    })
}

/// What a template names.
pub(super) fn by_template<F>(
    report: &mut Report,
    title: &Title<'_, F>,
    template: &SegmentTemplate,
    (base, id, bandwidth): (&str, &str, Option<u64>),
) -> Option<Addressed> {
    let numbers = [template.timescale, template.presentationTimeOffset, template.startNumber, template.endNumber];
    let countable = numbers.into_iter().flatten().all(|number| number < NUMBER_MAX);
    if !report.must(countable, "DASH-IF IOP", MANIFEST, || format!("{id} has numbers above 2^53: {numbers:?}")) {
        return None;
    }
    let (numbered, timed) = (template.duration.is_some(), template.SegmentTimeline.is_some());
    report.must(numbered != timed, "23009-1 5.3.9.2", MANIFEST, || format!("{id} needs a duration or a timeline, and not both"));
    let timing = Timing {
        timescale: template.timescale.unwrap_or(1).max(1),
        offset: template.presentationTimeOffset.unwrap_or(0),
        duration: template.duration,
        timeline: template.SegmentTimeline.as_ref(),
        count: None,
    };
    let times = times(report, title.length_s, &timing, id)?;
    let mut address = |text: Result<String, String>| {
        let path = text.and_then(|text| resolve(base, &text).map_err(|fault| format!("{id}: {text:?} {fault}")));
        report.keep(path, "23009-1 5.3.9.4", MANIFEST)
    };
    let first = template.startNumber.unwrap_or(1);
    let media = template.media.as_deref().unwrap_or_default();
    let mut segments = Vec::with_capacity(times.len());
    for (number, time) in (first..).zip(times) {
        let path = address(fill(media, id, bandwidth, Some((number, time.0))))?;
        segments.push(timing.named(path, None, time));
    }
    let init = template.initialization.as_deref().map(|text| fill(text, id, bandwidth, None));
    let init = init.and_then(address).map(|path| Map { path, range: None });
    Some(Addressed { init, segments, timescale: template.timescale, nominal_s: timing.nominal_s() })
}

/// What a list names. One list has all: what is in others around it is not read.
pub(super) fn in_list<F>(
    report: &mut Report,
    title: &Title<'_, F>,
    list: &SegmentList,
    (base, id): (&str, &str),
) -> Option<Addressed> {
    if !report.must(list.href.is_none(), "23009-1 5.5", MANIFEST, || {
        format!("{id} has its list of segments elsewhere, which is not followed: write it into the manifest")
    }) {
        return None;
    }
    let count = list.segment_urls.len();
    let counted = (1..=SEGMENTS_MAX).contains(&count);
    if !report.must(counted, "23009-1 5.3.9.3", MANIFEST, || format!("{id} lists {count} segments")) {
        return None;
    }
    // The first time of a list is that of its period: the parser knows of no other.
    let first = list.SegmentTimeline.as_ref().and_then(|timeline| timeline.segments.first()?.t).unwrap_or(0);
    let (duration, timeline) = (list.duration.map(|ticks| ticks as f64), list.SegmentTimeline.as_ref());
    // One segment alone may be as long as its period.
    let timescale = list.timescale.unwrap_or(1).max(1);
    let alone = (count == 1 && duration.is_none() && timeline.is_none()).then_some(title.length_s * timescale as f64);
    let timing = Timing { timescale, offset: first, duration: duration.or(alone), timeline, count: Some(count) };
    let times = times(report, title.length_s, &timing, id)?;
    report.must(times.len() == count, "23009-1 5.3.9.3", MANIFEST, || {
        format!("{id} lists {count} segments and the times of {}", times.len())
    });
    let mut address = |uri: Option<&str>| match uri {
        Some(uri) => {
            report.keep(resolve(base, uri).map_err(|fault| format!("{id}: {uri:?} {fault}")), "23009-1 5.3.9.3", MANIFEST)
        }
        None => Some(base.to_owned()),
    };
    let mut segments = Vec::with_capacity(count);
    for (url, time) in std::iter::zip(&list.segment_urls, times) {
        segments.push(timing.named(address(url.media.as_deref())?, part(url.mediaRange.as_deref()), time));
    }
    let init = list.Initialization.as_ref();
    let init = init.and_then(|init| Some(Map { path: address(init.sourceURL.as_deref())?, range: part(init.range.as_deref()) }));
    Some(Addressed { init, segments, timescale: list.timescale, nominal_s: timing.nominal_s() })
}

/// A range of bytes as its first one and how many there are.
fn part(range: Option<&str>) -> Option<(u64, u64)> {
    index::range(range?).map(|(first, last)| (first, last - first + 1))
}

impl Timing<'_> {
    fn nominal_s(&self) -> Option<f64> {
        self.timeline.is_none().then_some(self.duration? / self.timescale as f64)
    }

    fn named(&self, path: String, range: Option<(u64, u64)>, (start, length): (u64, u64)) -> Named {
        let start_s = (i128::from(start) - i128::from(self.offset)) as f64 / self.timescale as f64;
        Named { path, range, start_s, length_s: length as f64 / self.timescale as f64 }
    }
}

/// Start and length of each segment, in ticks.
fn times(report: &mut Report, period_s: f64, timing: &Timing<'_>, id: &str) -> Option<Vec<(u64, u64)>> {
    let Timing { timescale, offset, .. } = *timing;
    let Some(timeline) = timing.timeline else {
        let ticks = timing.duration.filter(|ticks| *ticks >= 1.0)?;
        let count = (period_s * timescale as f64 / ticks).ceil().clamp(0.0, SEGMENTS_MAX as f64);
        let place = |index: u64| (((index as f64 * ticks) as u64).saturating_add(offset), ticks as u64);
        return Some((0..timing.count.unwrap_or(count as usize) as u64).map(place).collect());
    };
    let (mut times, mut next) = (Vec::new(), 0_u64);
    for (place, run) in timeline.segments.iter().enumerate() {
        report.must(run.n.is_none(), "DASH-IF IOP", MANIFEST, || format!("{id} has S@n"));
        let start = run.t.unwrap_or(next);
        report.must(times.is_empty() || start == next, "DASH-IF IOP", MANIFEST, || {
            format!("{id} has a segment from {start} on where {next} belongs")
        });
        next = start;
        // A negative count lasts until the next run, or to the end.
        let until = || {
            let end = (period_s * timescale as f64) as u64;
            let end = timeline.segments.get(place + 1).and_then(|run| run.t).unwrap_or(end.saturating_add(offset));
            end.saturating_sub(start).div_ceil(run.d.max(1))
        };
        let count = run.r.map_or(1, |more| u64::try_from(more).map_or_else(|_| until(), |more| more.saturating_add(1)));
        for _ in 0..count {
            if times.len() >= SEGMENTS_MAX {
                report.fail("23009-1 5.3.9.6", MANIFEST, format!("{id} has more than {SEGMENTS_MAX} segments"));
                return None;
            }
            times.push((next, run.d));
            next = next.saturating_add(run.d);
        }
    }
    report.must(next < NUMBER_MAX, "DASH-IF IOP", MANIFEST, || format!("{id} counts to {next}, above 2^53"));
    Some(times)
}

/// What a template says, filled in (ISO/IEC 23009-1 section 5.3.9.4.4).
fn fill(template: &str, id: &str, bandwidth: Option<u64>, place: Option<(u64, u64)>) -> Result<String, String> {
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
