//! The DASH manifest, if there is one, against the same segments (ISO/IEC 23009-1, DASH-IF IOP).

mod addresses;
mod captions;
mod complete;
mod elements;
mod index;
mod schema;
mod segments;
mod sets;
mod shapes;
mod sidecar;

use super::{files::Files, master::Master, report::Report, segment::whole, track::Track};
use crate::dash::steering;
use dash_mpd_core::{AdaptationSet, MPD, Period, Representation};
use std::{collections::BTreeSet, time::Duration};

/// Where the manifest of a title is.
const MANIFEST: &str = "manifest.mpd";
/// Largest manifest, and representations of one.
const BYTES_MAX: u64 = 4 << 20;
const REPRESENTATIONS_MAX: usize = 256;
/// What a manifest's length may differ from the title's.
const LENGTH_S: f64 = 0.05;

/// What all representations are held to.
struct Title<'a, F> {
    files: &'a F,
    tracks: &'a [Track],
    /// Length of the period, and what is to be buffered.
    length_s: f64,
    buffer_s: f64,
}

/// Checks the manifest of a title that lasts `duration_s`, beside the multivariant playlist of the same.
pub(super) async fn check<F: Files>(
    report: &mut Report,
    files: &F,
    (master, tracks): (&Master, &[Track]),
    duration_s: Option<f64>,
) {
    // Where DASH is not offered there is nothing to judge.
    if files.read(MANIFEST, 0..1).await.is_err() {
        return;
    }
    let Some(bytes) = whole(report, files, (MANIFEST, None), BYTES_MAX, "23009-1 5.2.1").await else { return };
    report.playlists += 1;
    let Some(text) = report.keep(std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8"), "23009-1 5.2.1", MANIFEST) else {
        return;
    };
    if !schema::check(report, text) {
        return;
    }
    let read = dash_mpd_core::parse(text).map_err(|error| format!("cannot be read: {error}"));
    let Some(mpd) = report.keep(read, "23009-1 5.2.1", MANIFEST) else { return };
    head(report, &mpd);
    steered(report, &mpd, text);
    captions::check(report, master, &mpd);
    let length = mpd.mediaPresentationDuration.or(mpd.periods.last().and_then(|period| period.duration));
    let length_s = length.map(|length| length.as_secs_f64());
    let exact = match (length_s, duration_s) {
        (Some(length_s), Some(duration_s)) => (length_s - duration_s).abs() <= LENGTH_S,
        (length_s, _) => length_s.is_some(),
    };
    report.must(exact, "23009-1 5.3.1.2", MANIFEST, || format!("lasts {length_s:?} s, the segments {duration_s:?} s"));
    let title = Title {
        files,
        tracks,
        length_s: length_s.or(duration_s).unwrap_or(0.0),
        buffer_s: mpd.minBufferTime.unwrap_or_default().as_secs_f64(),
    };
    let mut known = BTreeSet::new();
    for id in mpd.periods.iter().filter_map(|period| period.id.as_deref()) {
        report.must(known.insert(id), "23009-1 5.3.2.2", MANIFEST, || format!("has two periods {id:?}"));
    }
    let (mut count, mut listed, mut is_known) = (0, BTreeSet::new(), true);
    for period in &mpd.periods {
        names(report, period);
        for set in &period.adaptations {
            sets::check(report, set);
            let mut members = Vec::new();
            for representation in &set.representations {
                count += 1;
                if count > REPRESENTATIONS_MAX {
                    report.fail("23009-1 5.3.5.1", MANIFEST, format!("has more than {REPRESENTATIONS_MAX} representations"));
                    return;
                }
                let bases = [&mpd.base_url[..], &period.BaseURL];
                members.extend(addresses::check(report, &title, bases, set, representation).await);
            }
            is_known &= members.len() == set.representations.len() || !matches!(content(set), "video" | "audio");
            listed.extend(members.iter().map(|member| member.track.path()));
            shapes::across(report, set, &members);
        }
    }
    // Of what is not followed nobody knows what it is.
    if is_known {
        complete::check(report, tracks, &listed);
    }
}

fn head(report: &mut Report, mpd: &MPD) {
    let fixed = mpd.mpdtype.as_deref().is_none_or(|kind| kind == "static") && mpd.minimumUpdatePeriod.is_none();
    report.must(fixed, "23009-1 5.3.1.2", MANIFEST, || "is not static".to_owned());
    let profiled = mpd.profiles.as_deref().is_some_and(|profiles| !profiles.trim().is_empty());
    report.must(profiled, "23009-1 8.1", MANIFEST, || "names no profile".to_owned());
    let buffered = mpd.minBufferTime.is_some_and(|buffer| !buffer.is_zero());
    report.must(buffered, "23009-1 5.3.1.2", MANIFEST, || "has no minBufferTime".to_owned());
    let first = mpd.periods.first();
    let from_zero = first.is_some_and(|period| period.start.unwrap_or(Duration::ZERO).is_zero());
    report.must(from_zero, "23009-1 5.3.2.1", MANIFEST, || "has no period from zero on".to_owned());
}

/// Who steers players names places that the manifest has (ETSI TS 103 998).
fn steered(report: &mut Report, mpd: &MPD, text: &str) {
    let elements = steering::read(text);
    report.must(elements.len() <= 1, "TS 103 998", MANIFEST, || format!("is steered by {} servers", elements.len()));
    let sets = || mpd.periods.iter().flat_map(|period| &period.adaptations);
    let inner = sets().flat_map(|set| set.BaseURL.iter().chain(set.representations.iter().flat_map(|one| &one.BaseURL)));
    let bases = mpd.base_url.iter().chain(mpd.periods.iter().flat_map(|period| &period.BaseURL)).chain(inner);
    let places: BTreeSet<_> = bases.filter_map(|base| base.serviceLocation.as_deref()).collect();
    for element in &elements {
        let url = element.server_url.trim();
        let reached = url.starts_with("https://") || url.starts_with("http://");
        report.must(reached, "TS 103 998", MANIFEST, || format!("is steered from {url:?}, which is no address of a server"));
        report.must(!places.is_empty(), "TS 103 998", MANIFEST, || {
            "has no serviceLocation that players could be steered to".to_owned()
        });
        for place in element.default_service_location.iter().flat_map(|places| places.split_ascii_whitespace()) {
            report.must(places.contains(place), "TS 103 998", MANIFEST, || {
                format!("lets players begin at {place:?}, which no BaseURL is")
            });
        }
    }
}

/// Names are given once.
fn names(report: &mut Report, period: &Period) {
    let mut known = BTreeSet::new();
    for id in period.adaptations.iter().filter_map(|set| set.id.as_deref()) {
        report.must(known.insert(id), "23009-1 5.3.3.2", MANIFEST, || format!("has two adaptation sets {id:?}"));
    }
    let mut known = BTreeSet::new();
    for representation in period.adaptations.iter().flat_map(|set| &set.representations) {
        let id = name(representation);
        let good = !id.is_empty() && !id.contains(char::is_whitespace) && known.insert(id);
        report.must(good, "23009-1 5.3.5.2", MANIFEST, || format!("{id:?} is not the name of one representation"));
    }
}

fn name(representation: &Representation) -> &str {
    representation.id.as_deref().unwrap_or_default()
}

/// What kind of content a set has: its own word for it, or its type's.
fn content(set: &AdaptationSet) -> &str {
    let mime = set.mimeType.as_deref().or_else(|| set.representations.first()?.mimeType.as_deref()).unwrap_or_default();
    let kind = set.contentType.as_deref().unwrap_or_else(|| mime.split('/').next().unwrap_or_default());
    if kind == "application" { "text" } else { kind }
}
