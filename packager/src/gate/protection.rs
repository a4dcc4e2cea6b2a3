//! Rules about what is protected: tracks and manifests name the key of the plan, and of a title in the clear none. The rules of Common
//! Encryption are ISO/IEC 23001-7's.

use super::{Finding, Report, playlists::tag_lines};
use crate::{
    cmaf::{
        protection::{Protection, SAIO, SAIZ, SENC},
        read,
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

/// Checks that a track's `init.mp4` says how it is protected, or that it is not.
#[must_use]
pub fn check_protected_init(protected: Option<&Protected>, rendition: &Rendition, bytes: &[u8]) -> Vec<Finding> {
    let mut report = Report::default();
    // What cannot be read was found by other rules.
    let Ok(init) = read::init(bytes) else { return report.0 };
    let id = &rendition.id;
    let Some((scheme, key)) = key_of(protected, rendition) else {
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
    let is_to_be = key_of(protected, rendition).is_some();
    let fragments = read::children(bytes).filter_map(Result::ok).filter(|atom| atom.kind == Moof::KIND);
    let said = fragments.map(|moof| {
        let traf = read::find(moof.body, Traf::KIND).map(|traf| traf.body).unwrap_or_default();
        let has = |kind| read::find(traf, kind).is_ok();
        // In cbcs, sound that is protected as a whole has nothing to tell.
        has(SENC) || (has(SAIZ) && has(SAIO))
    });
    let is_right = said.into_iter().all(|is| is == is_to_be);
    report.must(is_right, "HLS-AUTH 1.38", || {
        let what = if is_to_be { "does not say how it is protected" } else { "says that it is protected, and is not to be" };
        format!("{} segment {number} {what}", rendition.id)
    });
    report.0
}

/// The keys of a playlist come before its first segment, and hold for all of it.
pub(super) fn playlist(report: &mut Report, path: &str, presentation: &Presentation, track: &Track, text: &str) {
    let expected = signal::of_track(presentation, track).iter().filter(|signal| signal.key.is_some()).count();
    // The crate knows one of the keys of a segment.
    let before = text.split("#EXTINF:").next().unwrap_or_default();
    let (said, all) = (tag_lines(before, KEY), tag_lines(text, KEY));
    report.must((said, all) == (expected, expected), "RFC 8216 4.3.2.4", || {
        format!("{path} has {said} keys before its first segment and {} after it, where {expected} belong", all - said)
    });
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
        let Some((scheme, key)) = key_of(presentation.protected.as_ref(), &track.rendition) else {
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

fn key_of<'a>(protected: Option<&'a Protected>, rendition: &Rendition) -> Option<(Scheme, &'a KeyName)> {
    protected.and_then(|protected| Some((protected.choice.scheme, protected.key_of(&rendition.media)?)))
}

#[cfg(test)]
mod tests;
