//! The DASH manifest, if there is one, against the same segments (ISO/IEC 23009-1, DASH-IF IOP).

mod addresses;
mod both;
mod captions;
mod described;
mod elements;
mod index;
mod schema;
mod segments;
mod sets;
mod shapes;
mod sheets;
mod sidecar;

use super::{files::Files, master::Master, report::Report, segment::whole, tiles::Cut, track::Track};
use crate::dash::steering;
use dash_mpd_core::{AdaptationSet, MPD, Period, Representation};
use marquee_core::ErrorKind;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

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
    master: &'a Master,
    tracks: &'a [Track],
    /// How the index of tiles cuts sheets.
    tiles: &'a BTreeMap<String, Cut>,
    /// Length of the period, and what is to be buffered.
    length_s: f64,
    buffer_s: f64,
}

/// Checks the manifest of a title that lasts `duration_s`, beside the multivariant playlist of the same and its index of tiles.
pub(super) async fn check<F: Files>(
    report: &mut Report,
    files: &F,
    (master, tracks, tiles): (&Master, &[Track], &BTreeMap<String, Cut>),
    duration_s: Option<f64>,
) {
    // Where DASH is not offered there is nothing to judge.
    if let Err(error) = files.read(MANIFEST, 0..1).await {
        // Some servers refuse what is not there.
        report.should(error.kind() == ErrorKind::NotFound, "23009-1 5.2.1", MANIFEST, || {
            format!("cannot be read, and may be there: {}", error.detail())
        });
        return;
    }
    let Some(bytes) = whole(report, files, (MANIFEST, None), BYTES_MAX, "23009-1 5.2.1").await else { return };
    report.playlists += 1;
    let Some(text) = report.keep(std::str::from_utf8(&bytes).map_err(|_| "is not UTF-8"), "23009-1 5.2.1", MANIFEST) else {
        return;
    };
    let Some(mpd) = report.keep(parsed(text), "23009-1 5.2.1", MANIFEST) else { return };
    schema::check(report, text);
    head(report, &mpd);
    sets::profiled(report, &mpd);
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
        master,
        tracks,
        tiles,
        length_s: length_s.or(duration_s).unwrap_or(0.0),
        buffer_s: mpd.minBufferTime.unwrap_or_default().as_secs_f64(),
    };
    let mut known = BTreeSet::new();
    for id in mpd.periods.iter().filter_map(|period| period.id.as_deref()) {
        report.must(known.insert(id), "23009-1 5.3.2.2", MANIFEST, || format!("has two periods {id:?}"));
    }
    let (mut count, mut shared) = (0, Vec::new());
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
                let member = addresses::check(report, &title, (&mpd.base_url, period), set, representation).await;
                shared.extend(member.as_ref().map(|member| (name(representation), member.track.path())));
                members.extend(member);
            }
            shapes::across(report, set, &members);
        }
    }
    both::check(report, &title, &mpd, &shared);
}

/// Reads a manifest, but for durations that nothing can count.
fn parsed(text: &str) -> Result<MPD, String> {
    match schema::endless(text) {
        Some(endless) => Err(format!("has the {endless}, which is more than can be counted: write how long it lasts")),
        None => dash_mpd_core::parse(text).map_err(|error| format!("cannot be read: {error}")),
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
