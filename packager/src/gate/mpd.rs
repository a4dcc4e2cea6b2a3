//! Rules about the text of a DASH manifest: it says of every track what the ledger says, and of nothing else anything.

mod addresses;
mod set;
#[cfg(test)]
mod tests;

use super::{Finding, Report};
use crate::{
    dash::{self, steering},
    model::{Presentation, Track},
};
use dash_mpd_core::{AdaptationSet, MPD, Representation};
use marquee_core::thumbnails::Thumbnails;
use std::{collections::BTreeSet, time::Duration};

/// Numbers that scripts can hold exactly (DASH-IF IOP 5, part 4).
const NUMBER_MAX: u64 = 1 << 53;

/// What a manifest is held to.
struct Title<'a> {
    presentation: &'a Presentation,
    thumbnails: Option<&'a Thumbnails>,
    /// `@minBufferTime`: what rates are declared for.
    buffer_s: u64,
    length: Duration,
}

/// Checks the manifest of a title against what the ledger says of it, and of its tiles if they are to be offered.
#[must_use]
pub fn check_manifest(presentation: &Presentation, thumbnails: Option<&Thumbnails>, text: &str) -> Vec<Finding> {
    let mut report = Report::default();
    let mpd = match dash_mpd_core::parse(text) {
        Ok(mpd) => mpd,
        Err(error) => {
            report.must(false, "23009-1 5.2.1", || format!("the manifest cannot be read: {error}"));
            return report.0;
        }
    };
    head(&mut report, presentation, &mpd);
    steered(&mut report, presentation, &mpd, text);
    let buffer = mpd.minBufferTime.unwrap_or_default();
    let title = Title { presentation, thumbnails, buffer_s: buffer.as_secs(), length: dash::length(presentation) };
    let Some(period) = mpd.periods.first() else { return report.0 };
    ids(&mut report, &period.adaptations);
    let mut offered = Vec::new();
    for set in &period.adaptations {
        offered.extend(set::check(&mut report, &title, set));
    }
    complete(&mut report, &title, &offered);
    report.0
}

fn head(report: &mut Report, presentation: &Presentation, mpd: &MPD) {
    let fixed = mpd.mpdtype.as_deref() == Some("static") && mpd.minimumUpdatePeriod.is_none();
    report.must(fixed, "23009-1 5.3.1.2", || "the manifest is not static".to_owned());
    let names_profile = mpd.profiles.as_deref().is_some_and(|profiles| !profiles.is_empty());
    report.must(names_profile, "23009-1 8.1", || "the manifest names no profile".to_owned());
    report.must(mpd.minBufferTime.is_some_and(|buffer| buffer.as_secs() > 0), "23009-1 5.3.1.2", || {
        "the manifest does not say how much is to be buffered".to_owned()
    });
    let (said, length) = (mpd.mediaPresentationDuration.unwrap_or_default(), dash::length(presentation));
    report.must(said == length, "23009-1 5.3.1.2", || format!("the manifest lasts {said:?}, the picture {length:?}"));
    let from_zero = mpd.periods.len() == 1 && mpd.periods[0].start.unwrap_or_default().is_zero();
    report.must(from_zero, "23009-1 5.3.2.1", || "there is not one period from zero".to_owned());
    let shorter = mpd.periods.first().and_then(|period| period.duration).is_some_and(|period| period != length);
    report.must(!shorter, "23009-1 5.3.2.2", || "the period does not last as long as the title".to_owned());
}

/// Players are steered by whom the plan says, from where they are; addresses stay relative to the manifest.
fn steered(report: &mut Report, presentation: &Presentation, mpd: &MPD, text: &str) {
    let by = presentation.steering.as_ref();
    let (bases, told) = (by.map(steering::base_url), by.map(steering::ContentSteering::of));
    report.must(mpd.base_url == bases.into_iter().collect::<Vec<_>>(), "23009-1 5.6.4", || {
        "addresses do not count from the manifest's own folder, or this has another name".to_owned()
    });
    report.must(steering::read(text) == told.into_iter().collect::<Vec<_>>(), "TS 103 998", || {
        "players are not told of the server that steers them, or of another one".to_owned()
    });
}

/// Names of sets and of representations are given once.
fn ids(report: &mut Report, sets: &[AdaptationSet]) {
    let mut known = BTreeSet::new();
    for id in sets.iter().map(|set| set.id.as_deref().unwrap_or_default()) {
        report.must(id.parse::<u32>().is_ok() && known.insert(id), "23009-1 5.3.3.2", || {
            format!("{id:?} is not a number of one adaptation set")
        });
    }
    let mut known = BTreeSet::new();
    for representation in sets.iter().flat_map(|set| &set.representations) {
        let id = name(representation);
        let good = !id.is_empty() && !id.contains(char::is_whitespace) && known.insert(id);
        report.must(good, "23009-1 5.3.5.2", || format!("{id:?} is not the name of one representation"));
    }
}

/// Every track is offered, and the tiles if there are any.
fn complete(report: &mut Report, title: &Title<'_>, offered: &[&Track]) {
    for track in &title.presentation.tracks {
        let times = offered.iter().filter(|other| std::ptr::eq(**other, track)).count();
        report.must(times == 1, "23009-1 5.3.5.1", || format!("{} is offered {times} times", track.rendition.id));
    }
}

fn name(representation: &Representation) -> &str {
    representation.id.as_deref().unwrap_or_default()
}

/// The track that a representation of a set with this content is, by its name.
fn track<'a>(title: &Title<'a>, content: &str, id: &str) -> Option<&'a Track> {
    let is_it = |track: &&Track| track.rendition.id == id && kind(track) == content;
    title.presentation.tracks.iter().find(is_it)
}

/// `@contentType` of a track (ISO/IEC 23009-1 section 5.3.3.2).
fn kind(track: &Track) -> &'static str {
    match track.rendition.folder() {
        marquee_core::object::Track::Video => "video",
        marquee_core::object::Track::Audio => "audio",
        marquee_core::object::Track::Text => "text",
    }
}
