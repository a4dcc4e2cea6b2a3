//! Words beside the manifest: whole files of WebVTT, or segments of it, which players of DASH read instead of those of HLS.

use super::{MANIFEST, Report, Title, addresses::reach, content, name};
use crate::dash::ROLE;
use crate::verify::{
    files::Files,
    renditions::Rendition,
    segment::whole,
    text::{self, Cue},
};
use dash_mpd_core::{AdaptationSet, Representation};
use marquee_core::language::{UNKNOWN, three_letters};
use std::collections::BTreeSet;

/// Largest file of words.
const BYTES_MAX: u64 = 8 << 20;
/// What words in files of their own are in, so that players know them.
const TYPES: [&str; 3] = [VTT, TTML, MP4];
const VTT: &str = "text/vtt";
const TTML: &str = "application/ttml+xml";
const MP4: &str = "application/mp4";
/// What they are for (section 5.8.5.5), in some edition.
const ROLES: [&str; 16] = [
    "caption",
    "subtitle",
    "forced-subtitle",
    "forced_subtitle",
    "main",
    "alternate",
    "supplementary",
    "commentary",
    "dub",
    "description",
    "sign",
    "metadata",
    "emergency",
    "easyreader",
    "karaoke",
    "enhanced-audio-intelligibility",
];

/// Whether a representation is of words that are not in MP4.
pub(super) fn is_plain(set: &AdaptationSet, representation: &Representation) -> bool {
    content(set) == "text" && mime(set, representation) != MP4
}

fn mime<'a>(set: &'a AdaptationSet, representation: &'a Representation) -> &'a str {
    representation.mimeType.as_deref().or(set.mimeType.as_deref()).unwrap_or_default()
}

/// Checks the files of one representation of words.
pub(super) async fn check<F: Files>(
    report: &mut Report,
    title: &Title<'_, F>,
    paths: &[&str],
    set: &AdaptationSet,
    representation: &Representation,
) {
    let (id, mime) = (name(representation), mime(set, representation));
    report
        .should(TYPES.contains(&mime), "DASH-IF IOP", MANIFEST, || format!("{id} is words of the type {mime:?}: write text/vtt"));
    roles(report, set, id);
    let mut all = BTreeSet::new();
    for path in paths {
        if !reach(report, title.files, path, id).await {
            return;
        }
        if ![VTT, TTML].contains(&mime) {
            continue;
        }
        let Some(bytes) = whole(report, title.files, (path, None), BYTES_MAX, "23009-1 5.3.9.4").await else { return };
        if mime == TTML {
            let is_xml = std::str::from_utf8(&bytes).is_ok_and(|text| text.trim_start_matches('\u{feff}').starts_with('<'));
            report.must(is_xml, "TTML2 5.1", path, || "is no TTML: it does not begin as XML".to_owned());
            continue;
        }
        let Some(words) = report.keep(text::parse(&bytes), "WEBVTT 4.1", path) else { return };
        text::written(report, path, &words);
        let late = words.cues.iter().find(|cue| cue.start_ms as f64 > title.length_s * 1000.0);
        report.should(late.is_none(), "23009-1 5.3.2.1", path, || {
            format!("has a cue at {} ms, after the end of its period", late.map_or(0, |cue| cue.start_ms))
        });
        all.extend(words.cues);
    }
    as_listed(report, title, &all, set, id);
}

fn roles(report: &mut Report, set: &AdaptationSet, id: &str) {
    let mut roles = set.Role.iter().filter(|role| role.schemeIdUri == ROLE).peekable();
    report.should(roles.peek().is_some(), "DASH-IF IOP", MANIFEST, || {
        format!("the set of {id} has no Role: say that it is a subtitle or a caption")
    });
    let unknown = roles.filter_map(|role| role.value.as_deref()).find(|role| !ROLES.contains(role));
    report.should(unknown.is_none(), "23009-1 5.8.5.5", MANIFEST, || {
        format!("the set of {id} has the Role {:?}, which no player knows", unknown.unwrap_or_default())
    });
}

/// Words that HLS has too are in the language that they are listed in there.
fn as_listed<F>(report: &mut Report, title: &Title<'_, F>, cues: &BTreeSet<Cue>, set: &AdaptationSet, id: &str) {
    let words = |rendition: &Rendition| -> Option<BTreeSet<&Cue>> {
        let track = title.tracks.iter().find(|track| rendition.path.as_deref() == Some(track.path()))?;
        Some(track.words.iter().flat_map(|words| &words.cues).collect()).filter(|cues: &BTreeSet<_>| !cues.is_empty())
    };
    let Some(listed) = set.lang.as_deref().map(three_letters).filter(|listed| *listed != UNKNOWN && !cues.is_empty()) else {
        return;
    };
    let all = title.master.renditions.iter().filter(|rendition| rendition.kind == "SUBTITLES");
    let all: Vec<_> = all.filter_map(|rendition| Some((rendition, words(rendition)?))).collect();
    let language = |rendition: &Rendition| rendition.language.as_deref().map_or(UNKNOWN, three_letters);
    let is_listed = |rendition: &Rendition| [listed, UNKNOWN].contains(&language(rendition));
    let equal: Vec<_> = all.iter().filter(|(_, words)| words.iter().copied().eq(cues)).map(|(rendition, _)| *rendition).collect();
    let same = equal.is_empty() || equal.iter().any(|rendition| is_listed(rendition));
    report.must(same, "23009-1 5.3.3.2", MANIFEST, || {
        let found = equal.first().map_or(UNKNOWN, |rendition| language(rendition));
        format!("{id} is in {listed}, and its words are those of the subtitles in {found}: name the language that they are in")
    });
    let mut ours = all.iter().filter(|(rendition, _)| is_listed(rendition)).peekable();
    let known = ours.peek().is_none() || ours.any(|(_, words)| words.iter().any(|cue| cues.contains(*cue)));
    report.should(known || !same, "23009-1 5.3.3.2", MANIFEST, || {
        format!("{id} has no cue of the subtitles in {listed} that the multivariant playlist names")
    });
}
