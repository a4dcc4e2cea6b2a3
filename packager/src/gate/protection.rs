//! Rules about what is protected: tracks and manifests name the key of the plan, and of a title in the clear none. The rules of Common
//! Encryption are ISO/IEC 23001-7's.

use super::{Finding, Report, playlists::tag_lines};
use crate::{
    cmaf::{
        protection::{Protection, SAIO, SAIZ, SENC},
        read, seig,
    },
    model::{Presentation, Rendition, Track},
    protect::signal::{self, MP4_PROTECTION},
};
use dash_mpd_core::AdaptationSet;
use marquee_core::protection::{KeyName, Protected, Scheme};
use mp4_atom::{Atom, Moof, Traf};

/// Blocks of a picture that are encrypted, and that are not after them (HLS-AUTH 13.7).
const PATTERN: (u8, u8) = (1, 9);
const KEY: &str = "#EXT-X-KEY:";
/// What a playlist of I-frames is called.
const IFRAMES: &str = "iframes.m3u8";

/// Checks that a track's `init.mp4` says how it is protected, or that it is not.
#[must_use]
pub fn check_protected_init(protected: Option<&Protected>, rendition: &Rendition, bytes: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    // What cannot be read was found by other rules.
    let Ok(init) = read::init(bytes) else { return report.0 };
    let id = &rendition.id;
    let Some((scheme, key)) = key_of(protected, rendition, 1) else {
        report.must(init.protection.is_none(), "CENC 8.1", || format!("{id} says that it is protected, and is not to be"));
        return report.0;
    };
    let Some(Protection { scheme: said, key_id, constant_iv, pattern }) = init.protection else {
        report.must(false, "CENC 8.1", || format!("{id} does not say how it is protected"));
        return report.0;
    };
    report.must(said == scheme, "CENC 4.1", || format!("{id} is protected by {}, not by {}", said.name(), scheme.name()));
    report.must(key_id == key.id, "CENC 8.2", || format!("{id} names another key than it has"));
    let iv = (scheme == Scheme::Cbcs).then_some(key.iv);
    report.must(constant_iv == iv, "CENC 10.4.1", || format!("{id} has another vector than its key"));
    let is_picture = rendition.folder() == marquee_core::object::Track::Video;
    let expected = if scheme == Scheme::Cbcs && is_picture { PATTERN } else { (0, 0) };
    report.must(pattern == expected, "HLS-AUTH 13.7", || format!("{id} has the pattern {pattern:?}, not {expected:?}"));
    report.0
}

/// Checks that every fragment of a segment says how its samples are protected, or that none does.
#[must_use]
pub fn check_protected_segment(protected: Option<&Protected>, rendition: &Rendition, number: u32, bytes: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    if !rendition.folder().has_init() {
        return report.0;
    }
    let is_to_be = key_of(protected, rendition, number).is_some();
    let fragments = read::children(bytes).filter_map(Result::ok).filter(|atom| atom.kind == Moof::KIND);
    let trafs: Vec<_> =
        fragments.map(|moof| read::find(moof.body, Traf::KIND).map(|traf| traf.body).unwrap_or_default()).collect();
    let said = trafs.iter().map(|traf| {
        let has = |kind| read::find(traf, kind).is_ok();
        // In cbcs, sound that is protected as a whole has nothing to tell.
        has(SENC) || (has(SAIZ) && has(SAIO))
    });
    let is_right = said.into_iter().all(|is| is == is_to_be);
    report.must(is_right, "HLS-AUTH 1.38", || {
        let what = if is_to_be { "does not say how it is protected" } else { "says that it is protected, and is not to be" };
        format!("{} segment {number} {what}", rendition.id)
    });
    if let (Some((scheme, first)), Some((_, key))) = (key_of(protected, rendition, 1), key_of(protected, rendition, number)) {
        let is_picture = rendition.folder() == marquee_core::object::Track::Video;
        let vector = |key: &KeyName| (scheme == Scheme::Cbcs).then_some(key.iv);
        let pattern = if scheme == Scheme::Cbcs && is_picture { PATTERN } else { (0, 0) };
        let track = Protection { scheme, key_id: first.id, constant_iv: vector(&first), pattern };
        let expected = Protection { key_id: key.id, constant_iv: vector(&key), ..track.clone() };
        // What cannot be read was found by other rules.
        let fragments = read::segment(bytes).unwrap_or_default();
        let mut read =
            std::iter::zip(&trafs, &fragments).map(|(traf, fragment)| seig::decode(traf, &track, fragment.samples.len()));
        let is_key = read.all(|read| read.is_ok_and(|read| read == expected));
        report.must(is_key, "CENC 6", || format!("{} segment {number} names another key than its period has", rendition.id));
    }
    report.0
}

/// The keys of a playlist come before the first segment of their period, and hold for all of that.
pub(super) fn playlist(report: &mut Report, path: &str, presentation: &Presentation, track: &Track, text: &str) {
    // The crate knows one of the keys of a segment. Behind the last one there is none.
    let mut said: Vec<_> = text.split_inclusive("#EXTINF:").map(|before| tag_lines(before, KEY)).collect();
    said.pop();
    let numbers: Vec<u32> = if path.ends_with(IFRAMES) {
        track.segments.iter().flat_map(|segment| vec![segment.number; segment.iframes.len()]).collect()
    } else {
        track.segments.iter().map(|segment| segment.number).collect()
    };
    let period = |number: u32| presentation.protected.as_ref().map(|protected| protected.choice.period_of(number));
    let keys = |number: u32| signal::of_segment(presentation, track, number).iter().filter(|signal| signal.key.is_some()).count();
    let is_first = |place: usize| place == 0 || period(numbers[place]) != period(numbers[place - 1]);
    let expected: Vec<_> = (0..numbers.len()).map(|place| if is_first(place) { keys(numbers[place]) } else { 0 }).collect();
    let wrong = std::iter::zip(&said, &expected).position(|(said, expected)| said != expected);
    if let Some(place) = wrong {
        let (said, expected) = (said[place], expected[place]);
        report.must(false, "RFC 8216 4.3.2.4", || {
            format!("{path} has {said} keys before its segment {}, where {expected} belong", place + 1)
        });
    }
    let method = match presentation.protected.as_ref().map(|protected| protected.choice.scheme) {
        Some(Scheme::Cenc) => "METHOD=SAMPLE-AES-CTR,",
        Some(Scheme::Cbcs) | None => "METHOD=SAMPLE-AES,",
    };
    for line in text.lines().filter_map(|line| line.strip_prefix(KEY)) {
        report.must(line.starts_with(method), "HLS-AUTH 13.2", || format!("{path} has a key without {method}"));
    }
}

/// A set says how its tracks are protected, and names their key.
pub(super) fn set(report: &mut Report, presentation: &Presentation, set: &AdaptationSet, tracks: &[&Track]) {
    let id = set.id.as_deref().unwrap_or_default();
    let how: Vec<_> = set.ContentProtection.iter().filter(|one| one.schemeIdUri == MP4_PROTECTION).collect();
    for track in tracks {
        let Some((scheme, key)) = key_of(presentation.protected.as_ref(), &track.rendition, 1) else {
            report.must(set.ContentProtection.is_empty(), "23009-1 5.8.4.1", || format!("set {id} is said to be protected"));
            continue;
        };
        let said = how.first().filter(|_| how.len() == 1);
        let is_scheme = said.is_some_and(|said| said.value.as_deref() == Some(scheme.name()));
        report.must(is_scheme, "23009-1 5.8.5.2", || format!("set {id} does not say that it is protected by {}", scheme.name()));
        let is_key = said.and_then(|said| said.default_KID.as_deref()) == Some(key.id.hyphenated().to_string().as_str());
        report.must(is_key, "CENC 11.2", || format!("set {id} does not name the key of {}", track.rendition.id));
    }
}

fn key_of(protected: Option<&Protected>, rendition: &Rendition, number: u32) -> Option<(Scheme, KeyName)> {
    protected.and_then(|protected| Some((protected.choice.scheme, protected.key_of(&rendition.media, number)?)))
}

#[cfg(test)]
mod tests;
