//! What a representation names has to be there, and to be what it says: the segments that HLS names too.

use super::{
    MANIFEST, Report, Title, content, described, index, name,
    segments::{self, Addressed, Named},
    shapes::Member,
    sheets, sidecar,
};
use crate::verify::{
    files::{Files, resolve},
    media::Entry,
    rates,
    segment::Segment,
    track::Track,
};
use dash_mpd_core::{AdaptationSet, BaseURL, Period, Representation};

/// What tracks may end apart from the period.
const ENDS_S: f64 = 0.25;
/// What edges of segments may be off that are all listed as equally long, in parts of that length (DASH-IF IOP).
const SIMPLE_PART: f64 = 0.5;
/// How many times its largest rate a representation may be declared with: players leave out what they take for more than their line.
const DECLARED_TIMES: u64 = 2;

/// Checks one representation. Its times, if it is a track of HLS too.
pub(super) async fn check<'a, F: Files>(
    report: &mut Report,
    title: &Title<'a, F>,
    (bases, period): (&[BaseURL], &Period),
    set: &AdaptationSet,
    representation: &Representation,
) -> Option<Member<'a>> {
    let id = name(representation);
    let base = base(report, [bases, &period.BaseURL, &set.BaseURL, &representation.BaseURL].into_iter(), id)?;
    let modes = [
        representation.SegmentTemplate.is_some() || set.SegmentTemplate.is_some(),
        representation.SegmentList.is_some() || set.SegmentList.is_some(),
        representation.SegmentBase.is_some() || set.SegmentBase.is_some(),
    ];
    let count = modes.iter().filter(|has| **has).count();
    report.must(count <= 1, "23009-1 5.3.9.1", MANIFEST, || format!("{id} is addressed in {count} ways"));
    let levels = [&period.SegmentTemplate, &set.SegmentTemplate, &representation.SegmentTemplate];
    let template = segments::inherited(levels.map(Option::as_ref));
    let list = [&representation.SegmentList, &set.SegmentList, &period.SegmentList].into_iter().flatten().next();
    let index = [&representation.SegmentBase, &set.SegmentBase, &period.SegmentBase].into_iter().flatten().next();
    let addressed = match (template, list, index) {
        (Some(template), ..) => segments::by_template(report, title, &template, (&base, id, representation.bandwidth))?,
        (None, Some(list), _) => segments::in_list(report, title, list, (&base, id))?,
        (None, None, Some(index)) => {
            let track = index::check(report, title, (index, &base), representation).await?;
            described::check(report, track, set, representation);
            return Some(Member { track, times: Vec::new() });
        }
        (None, None, None) => {
            one(report, title, &base, set, representation).await;
            return None;
        }
    };
    if content(set) == "image" {
        sheets::check(report, title, &addressed.segments, set, representation).await;
        return None;
    }
    let Some(track) = title.tracks.iter().find(|track| is_of(track, &addressed)) else {
        apart(report, title, &addressed, set, representation).await;
        return None;
    };
    if let Some(init) = &track.init {
        let said = addressed.timescale;
        report.must(said == Some(init.timescale.into()), "DASH-IF IOP", MANIFEST, || {
            format!("{id} has the timescale {}, listed as {said:?}", init.timescale)
        });
    }
    described::check(report, track, set, representation);
    matches(report, title, track, &addressed, representation);
    even(report, track, &addressed.segments, id);
    Some(Member { track, times: addressed.segments.iter().map(|named| (named.start_s, named.length_s)).collect() })
}

/// Whether a track of HLS has the init segment that a representation names.
fn is_of(track: &Track, addressed: &Addressed) -> bool {
    let first = track.playlist.entries.iter().find_map(|entry| entry.map.as_ref());
    let pair = first.zip(addressed.init.as_ref());
    pair.is_some_and(|(map, init)| map.path == init.path && (init.range.is_none() || map.range == init.range))
}

/// One file without anything that tells segments apart.
async fn one<F: Files>(
    report: &mut Report,
    title: &Title<'_, F>,
    path: &str,
    set: &AdaptationSet,
    representation: &Representation,
) {
    if sidecar::is_plain(set, representation) {
        sidecar::check(report, title, &[path], set, representation).await;
    } else {
        reach(report, title.files, path, name(representation)).await;
    }
}

/// Segments of what is no track of HLS: words are read, of others it is said that they are all there.
async fn apart<F: Files>(
    report: &mut Report,
    title: &Title<'_, F>,
    addressed: &Addressed,
    set: &AdaptationSet,
    representation: &Representation,
) {
    let paths: Vec<_> = addressed.segments.iter().map(|named| named.path.as_str()).collect();
    if sidecar::is_plain(set, representation) {
        return sidecar::check(report, title, &paths, set, representation).await;
    }
    for path in addressed.init.iter().map(|init| init.path.as_str()).chain(paths) {
        if !reach(report, title.files, path, name(representation)).await {
            break;
        }
    }
}

/// Segments are equally long, but for the first, with which players begin sooner if it is short, and the last, which is what is left.
fn even(report: &mut Report, track: &Track, named: &[Named], id: &str) {
    let Some([_, inner @ .., _]) = named.get(..).filter(|named| named.len() > 2) else { return };
    let shortest = inner.iter().map(|named| named.length_s).fold(f64::INFINITY, f64::min);
    let longest = inner.iter().map(|named| named.length_s).fold(0.0, f64::max);
    report.should(longest - shortest <= track.frame_s() * 1.5, "DASH-IF IOP", MANIFEST, || {
        format!("{id} has segments of {shortest:.3} s and of {longest:.3} s")
    });
}

/// The file or folder that addresses count from.
fn base<'a>(report: &mut Report, bases: impl Iterator<Item = &'a [BaseURL]>, id: &str) -> Option<String> {
    let mut path = MANIFEST.to_owned();
    for base in bases.filter_map(|bases| bases.first()) {
        let text = base.base.trim();
        // A folder stays one.
        let resolved = match text.strip_suffix('/') {
            Some(folder) => resolve(&path, folder).map(|folder| if folder.is_empty() { folder } else { format!("{folder}/") }),
            None => resolve(&path, text),
        };
        path = report.keep(resolved.map_err(|fault| format!("{id}: {text:?} {fault}")), "23009-1 5.6.4", MANIFEST)?;
    }
    Some(path)
}

/// Whether a file is there.
pub(super) async fn reach<F: Files>(report: &mut Report, files: &F, path: &str, id: &str) -> bool {
    let read = files.read(path, 0..1).await;
    report.must(read.is_ok(), "23009-1 5.3.9.4", MANIFEST, || format!("{id}: {path} cannot be read"))
}

/// The segments that HLS names, at their times, described as they are.
fn matches<F>(
    report: &mut Report,
    title: &Title<'_, F>,
    track: &Track,
    Addressed { segments: named, nominal_s, .. }: &Addressed,
    representation: &Representation,
) {
    let id = name(representation);
    // What is wrong with the segments themselves was said.
    if track.segments.is_empty() {
        return;
    }
    let is_same = |(named, entry): (&Named, &Entry)| {
        entry.path.as_ref() == Some(&named.path) && (named.range.is_none() || named.range == entry.range)
    };
    let entries = &track.playlist.entries;
    let same = named.len() == entries.len() && std::iter::zip(named, entries).all(is_same);
    if !report.must(same, "23009-1 5.3.9.4", MANIFEST, || {
        format!("{id} has not the {} segments of {}", track.segments.len(), track.path())
    }) {
        return;
    }
    let said = track.segments.last().is_some_and(|last| last.is_last);
    report.should(said, "DASH-IF IOP 3.2.3", MANIFEST, || format!("{id} has a last segment without the brand lmsg"));
    let early = track.segments.iter().rev().skip(1).any(|segment| segment.is_last);
    report.must(!early, "23009-1 6.3.4.2", MANIFEST, || format!("{id} goes on after a segment with the brand lmsg"));
    let off_s = nominal_s.map_or(track.frame_s() + 0.001, |nominal_s| nominal_s * SIMPLE_PART);
    // Where all are listed as equally long, the last one is what is left.
    let ends_s = |named: &Named| {
        let end_s = named.start_s + named.length_s;
        if nominal_s.is_some() { end_s.min(title.length_s) } else { end_s }
    };
    let moved = std::iter::zip(named, &track.segments).find(|(named, segment)| {
        let end = segment.start_ticks + i128::from(segment.duration_ticks);
        let (start_s, end_s) = (track.seconds(segment.start_ticks.max(0)), track.seconds(end));
        (named.start_s - start_s).abs() > off_s || (ends_s(named) - end_s).abs() > off_s
    });
    report.must(moved.is_none(), "23009-1 5.3.9.6", MANIFEST, || {
        let (named, segment) = moved.unwrap_or((&named[0], &track.segments[0]));
        let (said_s, start_s) = (named.start_s, track.seconds(segment.start_ticks));
        format!("{id} has {} at {said_s:.3} s, it is at {start_s:.3} s", named.path)
    });
    let end_s = named.last().map_or(0.0, ends_s);
    report.must(end_s <= title.length_s + ENDS_S, "DASH-IF IOP", MANIFEST, || {
        format!("{id} ends at {end_s:.3} s, after its period")
    });
    let covers = end_s >= title.length_s - ENDS_S;
    let video = track.size().is_some();
    report.must(covers || !video, "DASH-IF IOP", MANIFEST, || format!("{id} ends at {end_s:.3} s, before its period"));
    report.should(covers || video, "DASH-IF IOP", MANIFEST, || format!("{id} ends at {end_s:.3} s, before its period"));
    bandwidth(report, title, track, named, representation);
}

/// Whoever has buffered `minBufferTime` at `bandwidth`, and goes on at that rate, never waits (section 5.3.5.4).
fn bandwidth<F>(report: &mut Report, title: &Title<'_, F>, track: &Track, named: &[Named], representation: &Representation) {
    let id = name(representation);
    let Some(bandwidth_bps) = representation.bandwidth else {
        report.fail("23009-1 5.3.5.2", MANIFEST, format!("{id} has no bandwidth"));
        return;
    };
    let rate = bandwidth_bps as f64;
    let (mut owed, mut most) = (0.0_f64, 0.0_f64);
    for (named, segment) in std::iter::zip(named, &track.segments) {
        owed = owed.max(0.0) + bits(segment) - rate * named.length_s;
        most = most.max(owed);
    }
    let buffered = rate * title.buffer_s;
    report.must(most <= buffered * 1.001, "23009-1 5.3.5.4", MANIFEST, || {
        format!("{id} declares {bandwidth_bps} b/s and falls {:.2} s behind, more than is buffered", most / rate.max(1.0))
    });
    let peak_bps = rates::measured(track).map_or(bandwidth_bps, |measured| measured.peak_bps);
    report.should(bandwidth_bps <= peak_bps.saturating_mul(DECLARED_TIMES), "23009-1 5.3.5.2", MANIFEST, || {
        format!("{id} declares {bandwidth_bps} b/s and takes {peak_bps} b/s at most: who has less chooses it never")
    });
}

fn bits(segment: &Segment) -> f64 {
    segment.size_bytes as f64 * 8.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_between_the_first_and_the_last_are_equally_long() {
        let found = |lengths: &[f64]| {
            let named = |length_s: &f64| Named { path: String::new(), range: None, start_s: 0.0, length_s: *length_s };
            let named: Vec<_> = lengths.iter().map(named).collect();
            let mut report = Report::default();
            even(&mut report, &Track::default(), &named, "540p");
            report.verdict(false).warnings
        };
        assert_eq!(found(&[2.0, 6.0, 6.0, 1.0]), 0);
        assert_eq!(found(&[6.0, 6.0, 5.0, 6.0]), 1);
        assert_eq!(found(&[1.0, 2.0]), 0);
    }
}
