//! What a set of representations has to say of itself.

use super::{MANIFEST, Report, content, described::frame_rate, name};
use crate::verify::renditions::spoken;
use dash_mpd_core::{AdaptationSet, MPD, Representation};
use std::collections::BTreeSet;

/// Where channels are counted, and how a sheet of tiles is cut.
const CHANNELS: &str = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
const TILE: &str = "http://dashif.org/guidelines/thumbnail_tile";
/// Profiles of files with an index, and of templates (sections 8.3 and 8.4).
const ON_DEMAND: &str = "urn:mpeg:dash:profile:isoff-on-demand:2011";
const LIVE: &str = "urn:mpeg:dash:profile:isoff-live:2011";
/// Equal numbers: rates of frames are fractions.
const EQUAL: f64 = 1e-6;
/// What sheets of tiles are (DASH-IF IOP 4.3 section 6.2.6).
const PICTURES: [&str; 2] = ["image/jpeg", "image/png"];

pub(super) fn check(report: &mut Report, set: &AdaptationSet) {
    let names: Vec<_> = set.representations.iter().map(name).collect();
    report.must(!names.is_empty(), "23009-1 5.3.3.1", MANIFEST, || "has a set without representations".to_owned());
    let of = |what: &str| format!("the set of {names:?} has no {what}");
    let each = |has: &dyn Fn(&Representation) -> bool| set.representations.iter().all(has);
    let typed = set.mimeType.is_some() || each(&|one| one.mimeType.is_some());
    report.must(typed, "23009-1 5.3.7.2", MANIFEST, || of("mimeType"));
    if let Some(tag) = &set.lang {
        spoken(report, MANIFEST, tag, &names.join(" "));
    }
    let scale = |one: &Representation| {
        let (own, outer) = (one.SegmentTemplate.as_ref(), set.SegmentTemplate.as_ref());
        own.or(outer).map(|_| own.and_then(|own| own.timescale).or(outer.and_then(|outer| outer.timescale)))
    };
    let scales: BTreeSet<_> = set.representations.iter().filter_map(scale).collect();
    report.must(!scales.contains(&None), "DASH-IF IOP", MANIFEST, || of("timescale"));
    report.must(scales.len() <= 1, "DASH-IF IOP", MANIFEST, || format!("the set of {names:?} has the timescales {scales:?}"));
    bounds(report, set, &names);
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

/// What a set says is the least or the most of its representations is so.
fn bounds(report: &mut Report, set: &AdaptationSet, names: &[&str]) {
    let whole = |value: Option<u64>| value.map(|value| value as f64);
    let rate = |text: &Option<String>| text.as_deref().and_then(frame_rate);
    let all = |of: &dyn Fn(&Representation) -> Option<f64>| set.representations.iter().filter_map(of).collect::<Vec<_>>();
    let bandwidths = all(&|one| whole(one.bandwidth));
    let widths = all(&|one| whole(one.width.or(set.width)));
    let heights = all(&|one| whole(one.height.or(set.height)));
    let rates = all(&|one| rate(&one.frameRate).or(rate(&set.frameRate)));
    for (what, least, most, found) in [
        ("Bandwidth", whole(set.minBandwidth), whole(set.maxBandwidth), bandwidths),
        ("Width", whole(set.minWidth), whole(set.maxWidth), widths),
        ("Height", whole(set.minHeight), whole(set.maxHeight), heights),
        ("FrameRate", rate(&set.minFrameRate), rate(&set.maxFrameRate), rates),
    ] {
        let Some((first, others)) = found.split_first() else { continue };
        let (low, high) = others.iter().fold((*first, *first), |(low, high), one| (low.min(*one), high.max(*one)));
        let inside = least.is_none_or(|least| least <= low + EQUAL) && most.is_none_or(|most| most >= high - EQUAL);
        let message =
            || format!("the set of {names:?} has the min{what} {least:?} and the max{what} {most:?}, they {low} to {high}");
        report.must(inside, "23009-1 5.3.3.2", MANIFEST, message);
        let tight = least.is_none_or(|least| least >= low - EQUAL) && most.is_none_or(|most| most <= high + EQUAL);
        report.should(tight, "23009-1 5.3.3.2", MANIFEST, message);
    }
}

/// What players of some profile alone leave out (sections 8.3.3 and 8.4.3); one more profile may allow it.
pub(super) fn profiled(report: &mut Report, mpd: &MPD) {
    let profiles: Vec<_> = mpd.profiles.iter().flat_map(|profiles| profiles.split(',')).map(str::trim).collect();
    let unnamed = profiles.iter().find(|profile| !profile.is_empty() && !profile.contains(':'));
    report.should(unnamed.is_none(), "23009-1 8.1", MANIFEST, || {
        format!("has the profile {:?}, which is neither URN nor URL", unnamed.unwrap_or(&""))
    });
    let sets = || mpd.periods.iter().flat_map(|period| &period.adaptations).filter(|set| content(set) != "image");
    for (profile, rule, has_templates) in [(ON_DEMAND, "23009-1 8.3", false), (LIVE, "23009-1 8.4", true)] {
        let is_left_out = |set: &AdaptationSet, one: &Representation| {
            let has_list = one.SegmentList.is_some() || set.SegmentList.is_some();
            has_list || !has_templates && (one.SegmentTemplate.is_some() || set.SegmentTemplate.is_some())
        };
        let wrong = sets().find_map(|set| set.representations.iter().find(|one| is_left_out(set, one)));
        report.should(wrong.is_none() || profiles != [profile], rule, MANIFEST, || {
            format!(
                "has the profile {profile} alone, whose players leave out {}: it names segments otherwise",
                wrong.map_or("", name)
            )
        });
    }
}

/// Segments of all representations begin and end together, with pictures or sound that need no others.
fn aligned(report: &mut Report, set: &AdaptationSet, of: &dyn Fn(&str) -> String) {
    let aligned = set.segmentAlignment == Some(true) || set.subsegmentAlignment == Some(true);
    report.must(aligned || set.representations.len() < 2, "DASH-IF IOP", MANIFEST, || of("segmentAlignment"));
    let starts = set.startWithSAP.or(set.subsegmentStartsWithSAP).is_some_and(|kind| kind <= 2);
    let each = set.representations.iter().all(|one| one.startWithSAP.is_some_and(|kind| kind <= 2));
    report.should(starts || each, "DASH-IF IOP", MANIFEST, || of("startWithSAP"));
}
