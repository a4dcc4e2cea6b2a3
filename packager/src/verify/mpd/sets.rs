//! What a set of representations has to say of itself.

use super::{MANIFEST, Report, content, name};
use crate::verify::{entry::Media, init::Init, renditions::is_language};
use dash_mpd_core::{AdaptationSet, Representation};
use marquee_core::language::{UNKNOWN, three_letters};
use std::collections::BTreeSet;

/// Where channels are counted, and how a sheet of tiles is cut.
const CHANNELS: &str = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
const TILE: &str = "http://dashif.org/guidelines/thumbnail_tile";
/// What sheets of tiles are (DASH-IF IOP 4.3 section 6.2.6).
const PICTURES: [&str; 2] = ["image/jpeg", "image/png"];

pub(super) fn check(report: &mut Report, set: &AdaptationSet) {
    let names: Vec<_> = set.representations.iter().map(name).collect();
    report.must(!names.is_empty(), "23009-1 5.3.3.1", MANIFEST, || "has a set without representations".to_owned());
    let of = |what: &str| format!("the set of {names:?} has no {what}");
    let each = |has: &dyn Fn(&Representation) -> bool| set.representations.iter().all(has);
    let typed = set.mimeType.is_some() || each(&|one| one.mimeType.is_some());
    report.must(typed, "23009-1 5.3.7.2", MANIFEST, || of("mimeType"));
    let tagged = set.lang.as_deref().is_none_or(is_language);
    report.must(tagged, "RFC 5646 2.1", MANIFEST, || {
        format!("the set of {names:?} is in {:?}", set.lang.as_deref().unwrap_or_default())
    });
    let templates = set.SegmentTemplate.iter().chain(set.representations.iter().filter_map(|one| one.SegmentTemplate.as_ref()));
    let clocked = templates.into_iter().all(|template| template.timescale.is_some());
    report.must(clocked, "DASH-IF IOP", MANIFEST, || of("timescale"));
    let scales: BTreeSet<_> = set
        .representations
        .iter()
        .filter_map(|one| one.SegmentTemplate.as_ref().or(set.SegmentTemplate.as_ref())?.timescale)
        .collect();
    report.must(scales.len() <= 1, "DASH-IF IOP", MANIFEST, || format!("the set of {names:?} has the timescales {scales:?}"));
    match content(set) {
        "video" => {
            aligned(report, set, &of);
            pictures(report, set, &names, &of);
        }
        "audio" => {
            aligned(report, set, &of);
            report.must(set.lang.is_some(), "DASH-IF IOP", MANIFEST, || of("lang"));
            let sampled = set.audioSamplingRate.is_some() || each(&|one| one.audioSamplingRate.is_some());
            report.must(sampled, "DASH-IF IOP", MANIFEST, || of("audioSamplingRate"));
            let counted = !set.AudioChannelConfiguration.is_empty() || each(&|one| !one.AudioChannelConfiguration.is_empty());
            report.must(counted, "DASH-IF IOP", MANIFEST, || of("AudioChannelConfiguration"));
            let ours = set.representations.iter().flat_map(|one| &one.AudioChannelConfiguration);
            let known = set.AudioChannelConfiguration.iter().chain(ours).all(|one| one.schemeIdUri == CHANNELS);
            report.should(known, "DASH-IF IOP", MANIFEST, || format!("the set of {names:?} counts channels in a way of its own"));
        }
        "text" => {
            report.must(set.lang.is_some(), "DASH-IF IOP", MANIFEST, || of("lang"));
            let side = set.mimeType.as_deref() == Some("text/vtt")
                || set.representations.iter().any(|one| one.mimeType.as_deref() == Some("text/vtt"));
            report.should(!side, "DASH-IF IOP", MANIFEST, || {
                format!("the set of {names:?} is text/vtt: usual, and not in the IOP")
            });
        }
        "image" => {
            let own = set.representations.iter().flat_map(|one| &one.essential_property);
            let tiled = set.essential_property.iter().chain(own).any(|property| property.schemeIdUri == TILE);
            report.must(tiled, "DASH-IF IOP", MANIFEST, || of("thumbnail_tile"));
            let mimes = set.mimeType.iter().chain(set.representations.iter().filter_map(|one| one.mimeType.as_ref()));
            let drawn = mimes.into_iter().all(|mime| PICTURES.contains(&mime.as_str()));
            report.must(drawn, "DASH-IF IOP", MANIFEST, || format!("the sheets of {names:?} are neither JPEG nor PNG"));
            let simple =
                set.SegmentTemplate.iter().chain(set.representations.iter().filter_map(|one| one.SegmentTemplate.as_ref()));
            let numbered = |media: &String| media.contains("$Number");
            let simple = simple.into_iter().all(|template| {
                let media = template.media.as_ref().is_none_or(numbered);
                template.SegmentTimeline.is_none() && template.duration.is_some() && media
            });
            report.must(simple, "DASH-IF IOP", MANIFEST, || format!("the sheets of {names:?} are not addressed by number alone"));
        }
        kind => report.fail("23009-1 5.3.3.2", MANIFEST, format!("the set of {names:?} is of {kind:?}")),
    }
}

/// What a set says of all of its members is true of one whose init segment is `init`.
pub(super) fn agrees(report: &mut Report, init: &Init, set: &AdaptationSet, representation: &Representation) {
    let id = name(representation);
    let mime = representation.mimeType.as_deref().or(set.mimeType.as_deref()).unwrap_or_default();
    let (types, is_sound): (&[&str], bool) = match init.entry.media {
        Media::Video { .. } => (&["video/mp4"], false),
        Media::Audio { .. } => (&["audio/mp4"], true),
        Media::Text => (&["application/mp4", "text/mp4"], false),
    };
    report.must(types.contains(&mime), "23009-1 5.3.7.2", MANIFEST, || {
        format!("{id} is {:?}, listed as {mime:?}", types.first().unwrap_or(&""))
    });
    let (listed, own) = (set.lang.as_deref().map_or(UNKNOWN, three_letters), three_letters(&init.language));
    report.must(!is_sound || [listed, own].contains(&UNKNOWN) || listed == own, "23009-1 5.3.3.2", MANIFEST, || {
        format!("{id} is in {own}, its set in {listed}")
    });
    let (width, height) = (representation.width.or(set.width), representation.height.or(set.height));
    for (what, value, least, most) in [
        ("width", width, set.minWidth, set.maxWidth),
        ("height", height, set.minHeight, set.maxHeight),
        ("bandwidth", representation.bandwidth, set.minBandwidth, set.maxBandwidth),
    ] {
        let Some(value) = value else { continue };
        let within = least.is_none_or(|least| least <= value) && most.is_none_or(|most| value <= most);
        report.must(within, "23009-1 5.3.3.2", MANIFEST, || {
            format!("{id} has the {what} {value}, its set from {least:?} to {most:?}")
        });
    }
}

/// Pictures say how large they are, how many there are, and of which form.
fn pictures(report: &mut Report, set: &AdaptationSet, names: &[&str], of: &dyn Fn(&str) -> String) {
    let each = |has: &dyn Fn(&Representation) -> bool| set.representations.iter().all(has);
    let sized = set.width.is_some() && set.height.is_some() || each(&|one| one.width.is_some() && one.height.is_some());
    report.must(sized, "DASH-IF IOP", MANIFEST, || of("width and height"));
    let timed = set.frameRate.is_some() || each(&|one| one.frameRate.is_some());
    report.must(timed, "DASH-IF IOP", MANIFEST, || of("frameRate"));
    let shaped = set.par.is_some() && (set.sar.is_some() || each(&|one| one.sar.is_some()));
    report.must(shaped, "DASH-IF IOP", MANIFEST, || of("par and sar"));
    for (what, twice) in [
        ("width", set.width.is_some() && set.representations.iter().any(|one| one.width.is_some())),
        ("height", set.height.is_some() && set.representations.iter().any(|one| one.height.is_some())),
        ("frameRate", set.frameRate.is_some() && set.representations.iter().any(|one| one.frameRate.is_some())),
    ] {
        report.must(!twice, "DASH-IF IOP", MANIFEST, || format!("the set of {names:?} and one of them have a {what}"));
    }
    let progressive = set.scanType.as_deref().is_none_or(|scan| scan == "progressive");
    report.must(progressive, "DASH-IF IOP", MANIFEST, || format!("the set of {names:?} is interlaced"));
}

/// Segments of all representations begin and end together, with pictures or sound that need no others.
fn aligned(report: &mut Report, set: &AdaptationSet, of: &dyn Fn(&str) -> String) {
    let aligned = set.segmentAlignment == Some(true) || set.subsegmentAlignment == Some(true);
    report.must(aligned || set.representations.len() < 2, "DASH-IF IOP", MANIFEST, || of("segmentAlignment"));
    let starts = set.startWithSAP.or(set.subsegmentStartsWithSAP).is_some_and(|kind| kind <= 2);
    let each = set.representations.iter().all(|one| one.startWithSAP.is_some_and(|kind| kind <= 2));
    report.should(starts || each, "DASH-IF IOP", MANIFEST, || of("startWithSAP"));
}
