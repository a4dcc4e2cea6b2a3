//! What a representation names has to be there, and to be what it says: the segments that HLS names too.

use super::{
    MANIFEST, Report, Title, content, index, name,
    segments::{Named, fill, segments},
    sets,
    shapes::{self, Member},
    sidecar,
};
use crate::dash::{CHANNELS, TILE, cicp_channels};
use crate::verify::{
    entry::Media,
    files::{Files, resolve},
    init::Init,
    segment::Segment,
    tiles,
    track::Track,
};
use dash_mpd_core::{AdaptationSet, BaseURL, Representation};

/// Least time that a sheet of tiles should stand for.
const SHEET_S: f64 = 60.0;
/// What tracks may end apart from the period.
const ENDS_S: f64 = 0.25;
/// HE-AAC of the second version.
const PARAMETRIC_STEREO: &str = "mp4a.40.29";
/// How common encryption is named.
const PROTECTION: &str = "urn:mpeg:dash:mp4protection:2011";

/// Checks one representation. Its times, if it is a track of HLS too.
pub(super) async fn check<'a, F: Files>(
    report: &mut Report,
    title: &Title<'a, F>,
    outer: [&[BaseURL]; 2],
    set: &AdaptationSet,
    representation: &Representation,
) -> Option<Member<'a>> {
    let id = name(representation);
    let kind = content(set);
    let base = base(report, outer.into_iter().chain([&set.BaseURL[..], &representation.BaseURL]), id)?;
    let modes = [
        representation.SegmentTemplate.is_some() || set.SegmentTemplate.is_some(),
        representation.SegmentList.is_some() || set.SegmentList.is_some(),
        representation.SegmentBase.is_some() || set.SegmentBase.is_some(),
    ];
    let count = modes.iter().filter(|has| **has).count();
    report.must(count <= 1, "23009-1 5.3.9.1", MANIFEST, || format!("{id} is addressed in {count} ways"));
    let Some(template) = representation.SegmentTemplate.as_ref().or(set.SegmentTemplate.as_ref()) else {
        let Some(index) = representation.SegmentBase.as_ref().or(set.SegmentBase.as_ref()) else {
            let listed = representation.SegmentList.is_some() || set.SegmentList.is_some();
            report.should(!listed, "23009-1 5.3.9.3", MANIFEST, || format!("{id} has a SegmentList, which is not followed here"));
            match (listed, kind) {
                (true, _) => {}
                (false, "text") => sidecar::check(report, title, &base, set, representation).await,
                // One file: that it is there is what can be said of it here.
                (false, _) => {
                    reach(report, title.files, &base, id).await;
                }
            }
            return None;
        };
        let track = index::check(report, title, (index, &base), representation).await?;
        let init = track.init.as_ref()?;
        described(report, init, set, representation);
        protected(report, init, set, representation);
        return Some(Member { track, times: Vec::new() });
    };
    let named = segments(report, title, template, &base, id, representation.bandwidth)?;
    if kind == "image" {
        sheets(report, title, &named, set, representation).await;
        return None;
    }
    let init = template.initialization.as_deref().map(|text| fill(text, id, representation.bandwidth, None));
    let init = init.and_then(|text| {
        report.keep(text.and_then(|text| resolve(&base, &text).map_err(str::to_owned)), "23009-1 5.3.9.4", MANIFEST)
    });
    let first = |track: &Track| track.playlist.entries.iter().find_map(|entry| entry.map.as_ref().map(|map| map.path.clone()));
    let of = |track: &&Track| init.is_some() && first(track) == init;
    match title.tracks.iter().find(of) {
        Some(track) => {
            if let Some(init) = &track.init {
                let said = template.timescale;
                report.must(said == Some(init.timescale.into()), "DASH-IF IOP", MANIFEST, || {
                    format!("{id} has the timescale {}, listed as {said:?}", init.timescale)
                });
            }
            matches(report, title, track, &named, set, representation);
            shapes::rate(report, track, set, representation);
            even(report, track, &named, id);
            Some(Member { track, times: named.iter().map(|named| (named.start_s, named.length_s)).collect() })
        }
        // Not a track of HLS: that it is all there is what can be said.
        None => {
            for path in init.iter().chain(named.iter().filter_map(|named| named.path.as_ref())) {
                if !reach(report, title.files, path, id).await {
                    break;
                }
            }
            None
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

/// Sheets of tiles are there, and the first is as large as is said and cut into whole tiles (DASH-IF IOP 4.3 section 6.2.6).
async fn sheets<F: Files>(
    report: &mut Report,
    title: &Title<'_, F>,
    named: &[Named],
    set: &AdaptationSet,
    representation: &Representation,
) {
    let id = name(representation);
    for sheet in named.iter().filter_map(|named| named.path.as_deref()) {
        if !reach(report, title.files, sheet, id).await {
            return;
        }
    }
    let long = named.len() < 2 || named[0].length_s >= SHEET_S;
    report.should(long, "DASH-IF IOP", MANIFEST, || format!("{id} has a sheet for less than {SHEET_S} s"));
    let jpeg = [&representation.mimeType, &set.mimeType].into_iter().flatten().any(|mime| mime == "image/jpeg");
    let Some(first) = named.first().and_then(|named| named.path.as_deref()).filter(|_| jpeg) else { return };
    let Some((width, height)) = tiles::sheet(report, title.files, first).await else { return };
    let listed = [representation.width.or(set.width), representation.height.or(set.height)];
    let same = std::iter::zip(listed, [width, height]).all(|(listed, real)| listed.is_none_or(|it| it == u64::from(real)));
    report.must(same, "DASH-IF IOP", MANIFEST, || format!("{id} has sheets of {width}x{height}, listed as {listed:?}"));
    let properties = set.essential_property.iter().chain(&representation.essential_property);
    for value in properties.filter(|property| property.schemeIdUri == TILE).filter_map(|property| property.value.as_deref()) {
        let cut = value.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
        let whole = cut.is_some_and(|(columns, rows): (u32, u32)| {
            columns > 0 && rows > 0 && width.is_multiple_of(columns) && height.is_multiple_of(rows)
        });
        report.must(whole, "DASH-IF IOP", MANIFEST, || format!("{id} has sheets of {width}x{height} cut into {value:?}"));
    }
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
async fn reach<F: Files>(report: &mut Report, files: &F, path: &str, id: &str) -> bool {
    let read = files.read(path, 0..1).await;
    report.must(read.is_ok(), "23009-1 5.3.9.4", MANIFEST, || format!("{id}: {path} cannot be read"))
}

/// The segments that HLS names, at their times, described as they are.
fn matches<F>(
    report: &mut Report,
    title: &Title<'_, F>,
    track: &Track,
    named: &[Named],
    set: &AdaptationSet,
    representation: &Representation,
) {
    let id = name(representation);
    if let Some(init) = &track.init {
        described(report, init, set, representation);
        protected(report, init, set, representation);
    }
    // What is wrong with the segments themselves was said.
    if track.segments.is_empty() {
        return;
    }
    let paths = track.playlist.entries.iter().map(|entry| entry.path.as_deref());
    let same = named.iter().map(|named| named.path.as_deref()).eq(paths);
    if !report.must(same, "23009-1 5.3.9.4", MANIFEST, || {
        format!("{id} has not the {} segments of {}", track.segments.len(), track.path())
    }) {
        return;
    }
    let said = track.segments.last().is_some_and(|last| last.is_last);
    report.should(said, "DASH-IF IOP 3.2.3", MANIFEST, || format!("{id} has a last segment without the brand lmsg"));
    let early = track.segments.iter().rev().skip(1).any(|segment| segment.is_last);
    report.must(!early, "23009-1 6.3.4.2", MANIFEST, || format!("{id} goes on after a segment with the brand lmsg"));
    let off_s = track.frame_s() + 0.001;
    let moved = std::iter::zip(named, &track.segments).find(|(named, segment)| {
        let end = segment.start_ticks + i128::from(segment.duration_ticks);
        let (start_s, end_s) = (track.seconds(segment.start_ticks.max(0)), track.seconds(end));
        (named.start_s - start_s).abs() > off_s || (named.start_s + named.length_s - end_s).abs() > off_s
    });
    report.must(moved.is_none(), "23009-1 5.3.9.6", MANIFEST, || {
        let (named, segment) = moved.unwrap_or((&named[0], &track.segments[0]));
        let (said_s, start_s) = (named.start_s, track.seconds(segment.start_ticks));
        format!("{id} has {:?} at {said_s:.3} s, it is at {start_s:.3} s", named.path.as_deref().unwrap_or_default())
    });
    let end_s = named.last().map_or(0.0, |last| last.start_s + last.length_s);
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
}

fn bits(segment: &Segment) -> f64 {
    segment.size_bytes as f64 * 8.0
}

/// Codec, size and rate are those of the init segment.
fn described(report: &mut Report, init: &Init, set: &AdaptationSet, representation: &Representation) {
    sets::agrees(report, init, set, representation);
    let id = name(representation);
    let codec = representation.codecs.as_deref().or(set.codecs.as_deref()).unwrap_or_default();
    report.must(codec.eq_ignore_ascii_case(&init.entry.codec), "23009-1 5.3.7.2", MANIFEST, || {
        format!("{id} is {}, listed as {codec:?}", init.entry.codec)
    });
    match init.entry.media {
        Media::Video { width, height, .. } => {
            let listed = [representation.width.or(set.width), representation.height.or(set.height)];
            let same =
                std::iter::zip(listed, [width, height]).all(|(listed, real)| listed.is_none_or(|it| it == u64::from(real)));
            report.must(same, "23009-1 5.3.7.2", MANIFEST, || format!("{id} is {width}x{height}, listed as {listed:?}"));
        }
        Media::Audio { sample_rate_hz, channels } => {
            counted(report, set, representation, (init, channels));
            let listed = representation.audioSamplingRate.as_deref().or(set.audioSamplingRate.as_deref());
            let listed = listed.and_then(|listed| listed.parse::<u32>().ok());
            let same = sample_rate_hz == 0 || listed.is_none_or(|listed| listed == sample_rate_hz);
            report.must(same, "23009-1 5.3.7.2", MANIFEST, || format!("{id} has {sample_rate_hz} Hz, listed with {listed:?}"));
        }
        Media::Text => {}
    }
    shapes::check(report, init, set, representation);
}

/// The number of an arrangement of channels (ISO/IEC 23091-3 section 6) is one of as many as there are.
fn counted(report: &mut Report, set: &AdaptationSet, representation: &Representation, (init, channels): (&Init, u16)) {
    // How many others have, only their streams know; and so it is of two that are coded as one.
    let known = init.entry.kind == *b"mp4a" && init.entry.codec != PARAMETRIC_STEREO && channels > 0;
    let all = set.AudioChannelConfiguration.iter().chain(&representation.AudioChannelConfiguration);
    for said in all.filter(|one| known && one.schemeIdUri == CHANNELS).filter_map(|one| one.value.as_deref()) {
        let number = said.parse().ok();
        report.must(number.is_none() || cicp_channels(channels) == number, "23009-1 5.8.5.4", MANIFEST, || {
            format!("{} has {channels} channels, listed as the arrangement {said}", name(representation))
        });
    }
}

/// What is encrypted says how, and with which key (ISO/IEC 23001-7 section 11.2).
fn protected(report: &mut Report, init: &Init, set: &AdaptationSet, representation: &Representation) {
    let id = name(representation);
    let mut all = set.ContentProtection.iter().chain(&representation.ContentProtection);
    let common = all.clone().find(|one| one.schemeIdUri.eq_ignore_ascii_case(PROTECTION));
    let Some(protection) = &init.entry.protection else {
        report.must(all.next().is_none(), "CENC 11.2", MANIFEST, || format!("{id} is clear, listed as protected"));
        return;
    };
    let scheme = protection.scheme.escape_ascii().to_string();
    let key = hex::encode(protection.key_id);
    let listed = common.and_then(|one| one.default_KID.as_deref());
    let canonical =
        listed.is_none_or(|listed| uuid::Uuid::try_parse(listed).is_ok_and(|id| id.hyphenated().to_string() == listed));
    report.must(canonical, "CENC 11.2", MANIFEST, || format!("{id} has the key {listed:?}, which is no UUID in lower case"));
    let outside = set.ContentProtection.iter().any(|one| one.schemeIdUri.eq_ignore_ascii_case(PROTECTION));
    report.must(outside || common.is_none(), "DASH-IF IOP", MANIFEST, || {
        format!("{id} says how it is protected, and its set does not")
    });
    let said = common.and_then(|one| one.default_KID.as_deref()).map(|id| id.replace('-', "").to_ascii_lowercase());
    let same = common.is_some_and(|one| one.value.as_deref() == Some(&scheme)) && said.as_ref() == Some(&key);
    report.must(same, "CENC 11.2", MANIFEST, || format!("{id} is {scheme} with the key {key}, listed with {said:?}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::entry::{Entry, Protection};
    use dash_mpd_core::ContentProtection;

    #[test]
    fn segments_between_the_first_and_the_last_are_equally_long() {
        let found = |lengths: &[f64]| {
            let named = |length_s: &f64| Named { path: None, start_s: 0.0, length_s: *length_s };
            let named: Vec<_> = lengths.iter().map(named).collect();
            let mut report = Report::default();
            even(&mut report, &Track::default(), &named, "540p");
            report.verdict(false).warnings
        };
        assert_eq!(found(&[2.0, 6.0, 6.0, 1.0]), 0);
        assert_eq!(found(&[6.0, 6.0, 5.0, 6.0]), 1);
        assert_eq!(found(&[1.0, 2.0]), 0);
    }

    #[test]
    fn sets_name_keys_as_all_players_read_them() {
        let key_id = [0xab; 16];
        let protection = Protection { scheme: *b"cbcs", key_id, ..Protection::default() };
        let init = Init { entry: Entry { protection: Some(protection), ..Entry::default() }, ..Init::default() };
        let id = uuid::Uuid::from_bytes(key_id).to_string();
        let found = |id: &str, is_of_set: bool| {
            let one = ContentProtection {
                schemeIdUri: PROTECTION.to_owned(),
                value: Some("cbcs".to_owned()),
                default_KID: Some(id.to_owned()),
                ..ContentProtection::default()
            };
            let (set, own) = if is_of_set { (vec![one], Vec::new()) } else { (Vec::new(), vec![one]) };
            let set = AdaptationSet { ContentProtection: set, ..AdaptationSet::default() };
            let representation = Representation { ContentProtection: own, ..Representation::default() };
            let mut report = Report::default();
            protected(&mut report, &init, &set, &representation);
            report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found(&id, true), Vec::<String>::new());
        assert_eq!(found(&id.to_uppercase(), true), ["CENC 11.2"]);
        assert_eq!(found(&id.replace('-', ""), true), ["CENC 11.2"]);
        assert_eq!(found(&id, false), ["DASH-IF IOP"]);
    }
}
