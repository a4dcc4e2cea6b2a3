//! Rules about addresses and times: what a player asks for is there, and is shown when the manifest says.

use super::{NUMBER_MAX, Report, Title, name};
use crate::model::{Media, Track};
use dash_mpd_core::{AdaptationSet, Representation, S, SegmentTemplate};
use marquee_core::{object, thumbnails::Tiles};

/// Shortest time that a sheet of tiles may stand for (DASH-IF IOP 4.3, section 6.2.6).
const SHEET_MS_MIN: u64 = 60_000;
/// What tracks other than the picture may be longer or shorter than the title; see the rules of sound.
const TOLERANCE_S: f64 = 0.25;

/// The segments of a track of picture or sound.
pub(super) fn check(report: &mut Report, title: &Title<'_>, set: &AdaptationSet, representation: &Representation, track: &Track) {
    let id = &track.rendition.id;
    let Some(template) = representation.SegmentTemplate.as_ref().or(set.SegmentTemplate.as_ref()) else {
        report.must(false, "23009-1 8.4.2", || format!("{id} has no template of its segments"));
        return;
    };
    let scale = template.timescale == Some(track.rendition.timescale.into());
    report.must(scale, "23009-1 5.3.9.2", || format!("{id} does not count {} ticks a second", track.rendition.timescale));
    // The edit is the track's own, and players take it away.
    let unmoved = template.presentationTimeOffset.unwrap_or(0) == 0 && template.eptDelta.unwrap_or(0) == 0;
    report.must(unmoved, "23009-1 5.3.9.2", || format!("{id} is moved against its own times"));
    let once = template.duration.is_none();
    report.must(once, "23009-1 5.3.9.2", || format!("{id} has both a timeline and a length of its segments"));
    names(report, id, template, track);
    times(report, title, template, track);
}

fn names(report: &mut Report, id: &str, template: &SegmentTemplate, track: &Track) {
    let folder = track.rendition.folder();
    let init = template.initialization.as_deref().and_then(|text| fill(text, id, None));
    let expected = object::init_path(folder, id);
    report.must(init.as_ref() == Some(&expected), "23009-1 5.3.9.4", || format!("{id} begins with {init:?}, not {expected}"));
    let first = template.startNumber.unwrap_or(1);
    let named = (first..).zip(&track.segments).all(|(number, segment)| {
        let address = template.media.as_deref().and_then(|text| fill(text, id, Some(number)));
        address == Some(object::segment_path(folder, id, segment.number))
    });
    report.must(named, "23009-1 5.3.9.4", || format!("{id} has addresses at which there is no segment: {:?}", template.media));
}

/// What a template says, filled in (ISO/IEC 23009-1 section 5.3.9.4.4).
fn fill(template: &str, id: &str, number: Option<u64>) -> Option<String> {
    let mut parts = template.split('$');
    let mut text = parts.next()?.to_owned();
    while let Some(identifier) = parts.next() {
        match (identifier, number) {
            ("", _) => text.push('$'),
            ("RepresentationID", _) => text.push_str(id),
            ("Number", Some(number)) => text.push_str(&number.to_string()),
            (other, Some(number)) => {
                let width: usize = other.strip_prefix("Number%0")?.strip_suffix('d')?.parse().ok().filter(|width| *width < 20)?;
                text.push_str(&format!("{number:0width$}"));
            }
            _ => return None,
        }
        text.push_str(parts.next()?);
    }
    Some(text)
}

/// The timeline is that of the ledger, tick for tick, and covers the title.
fn times(report: &mut Report, title: &Title<'_>, template: &SegmentTemplate, track: &Track) {
    let id = &track.rendition.id;
    let Some(timeline) = &template.SegmentTimeline else {
        report.must(false, "23009-1 5.3.9.6", || format!("{id} has no timeline"));
        return;
    };
    let said = expand(&timeline.segments, track.segments.len());
    let stored = track.segments.iter().map(|segment| (segment.start_ticks, segment.duration_ticks));
    report.must(said.iter().copied().eq(stored), "23009-1 5.3.9.6", || {
        format!("{id} does not have the times of the {} segments there are", track.segments.len())
    });
    let numbered = timeline.segments.iter().any(|run| run.n.is_some());
    report.must(!numbered, "23009-1 5.3.9.6.2", || format!("{id} has numbers in its timeline"));
    let counts = said.iter().all(|(start, duration)| start.saturating_add(*duration) < NUMBER_MAX);
    report.must(counts, "IOP5 4", || format!("{id} has times that scripts cannot hold"));
    let last = said.last().copied().unwrap_or_default();
    let seconds = |ticks: u64| ticks as f64 / f64::from(track.rendition.timescale.max(1));
    let (begins_s, ends_s, title_s) = (seconds(last.0), seconds(last.0.saturating_add(last.1)), title.length.as_secs_f64());
    report.must(begins_s < title_s && ends_s <= title_s + TOLERANCE_S, "IOP5 4.3", || {
        format!("{id} has segments until {ends_s:.3} s, after the title's end at {title_s:.3} s")
    });
    // A source whose sound ends early is no reason to refuse it.
    let covers = ends_s >= title_s - TOLERANCE_S;
    match track.rendition.media {
        Media::Video { .. } => report.must(covers, "IOP5 4.3", || format!("{id} ends at {ends_s:.3} s of {title_s:.3} s")),
        Media::Audio { .. } | Media::Text { .. } => {
            report.should(covers, "IOP5 4.3", || format!("{id} ends at {ends_s:.3} s of {title_s:.3} s"));
        }
    }
}

/// Start and length of every segment, of one more than there should be at most.
fn expand(runs: &[S], limit: usize) -> Vec<(u64, u64)> {
    let mut segments = Vec::new();
    let mut next_ticks = 0_u64;
    for run in runs {
        next_ticks = run.t.unwrap_or(next_ticks);
        // What repeats until something else comes (-1) has no place where all is known.
        for _ in 0..=run.r.unwrap_or(0) {
            if segments.len() > limit {
                return segments;
            }
            segments.push((next_ticks, run.d));
            next_ticks = next_ticks.saturating_add(run.d);
        }
    }
    segments
}

/// The one file of subtitles.
pub(super) fn file(report: &mut Report, track: &Track, representation: &Representation) {
    let expected = object::subtitles_path(&track.rendition.id);
    let bases: Vec<_> = representation.BaseURL.iter().map(|one| one.base.as_str()).collect();
    let alone = representation.SegmentTemplate.is_none() && bases == [expected.as_str()];
    report.must(alone, "23009-1 5.6.4", || format!("{} is at {bases:?}, not at {expected}", name(representation)));
}

/// Sheets of tiles are named by number, each as long as the others, and stand for the whole title.
pub(super) fn sheets(report: &mut Report, title: &Title<'_>, set: &AdaptationSet, tiles: &Tiles) {
    let Some(template) = &set.SegmentTemplate else {
        report.must(false, "IOP4 6.2.6", || "tiles have no template of their sheets".to_owned());
        return;
    };
    let simple = template.SegmentTimeline.is_none() && template.startNumber.unwrap_or(1) == 1;
    report.must(simple, "IOP4 6.2.6", || "sheets of tiles are not numbered from one without a timeline".to_owned());
    let media = template.media.as_deref();
    let named = (1..=tiles.sheets())
        .all(|number| media.and_then(|text| fill(text, object::THUMBS, Some(number.into()))) == Some(object::sheet_path(number)));
    report.must(named, "23009-1 5.3.9.4", || format!("there are no sheets of tiles at {media:?}"));
    let sheet_ms = template.duration.unwrap_or(0.0) * 1000.0 / template.timescale.unwrap_or(1).max(1) as f64;
    let expected_ms = tiles.interval_ms.saturating_mul(tiles.per_sheet().into());
    report.must((sheet_ms - expected_ms as f64).abs() < 0.5 && expected_ms >= SHEET_MS_MIN, "IOP4 6.2.6", || {
        format!("a sheet of tiles stands for {expected_ms} ms, said to be {sheet_ms}")
    });
    let asked_for = (title.length.as_secs_f64() * 1000.0 / sheet_ms.max(1.0)).ceil().max(1.0);
    report.must(asked_for as u64 == u64::from(tiles.sheets()), "IOP5 4.3", || {
        format!("players ask for {asked_for} sheets of tiles, and there are {}", tiles.sheets())
    });
}
