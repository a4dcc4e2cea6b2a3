//! Keys of several tracks, and the vectors that they are used with (ISO/IEC 23001-7 section 9.2).

use super::{entry::Media, groups::KeyId, report::Report, senc::Vector, track::Track};
use marquee_core::protection::{HD_PIXELS_MAX, SD_PIXELS_MAX};
use std::collections::{BTreeMap, BTreeSet};

/// `scheme_type` of counter mode.
const CENC: [u8; 4] = *b"cenc";

pub(super) fn check(report: &mut Report, path: &str, tracks: &[Track]) {
    vectors(report, tracks);
    apart(report, path, tracks);
}

/// In counter mode, what one key encrypts twice from the same vector on can be read without the key.
fn vectors(report: &mut Report, tracks: &[Track]) {
    let scheme = |track: &&Track| Some(track.init.as_ref()?.entry.protection.as_ref()?.scheme);
    let mut known: BTreeMap<(KeyId, Vector), _> = BTreeMap::new();
    for track in tracks.iter().filter(|track| scheme(track) == Some(CENC)) {
        for (entry, segment) in std::iter::zip(&track.playlist.entries, &track.segments) {
            let Some(pair) = segment.key_id.zip(segment.vector) else { continue };
            let own = (entry.path.as_deref().unwrap_or_default(), entry.range);
            let (first, range) = *known.entry(pair).or_insert(own);
            let once = report.must((first, range) == own, "CENC 9.2", own.0, || {
                format!("begins with the key and the initialization vector of {first}")
            });
            if !once {
                break;
            }
        }
    }
}

/// Who may see small pictures has no key of large ones by that, and none of the sound.
fn apart(report: &mut Report, path: &str, tracks: &[Track]) {
    let mut uses: BTreeMap<KeyId, BTreeSet<&str>> = BTreeMap::new();
    for track in tracks {
        let Some(init) = &track.init else { continue };
        let kind = match init.entry.media {
            Media::Video { width, height, .. } => match u64::from(width) * u64::from(height) {
                pixels if pixels <= SD_PIXELS_MAX => "pictures in standard definition",
                pixels if pixels <= HD_PIXELS_MAX => "pictures in high definition",
                _ => "pictures in ultra high definition",
            },
            Media::Audio { .. } => "sound",
            Media::Text => "words",
        };
        for key in track.segments.iter().filter_map(|segment| segment.key_id) {
            uses.entry(key).or_default().insert(kind);
        }
    }
    for kinds in uses.values().filter(|kinds| kinds.len() > 1) {
        report.should(false, "DASH-IF IOP", path, || format!("has one key for {kinds:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::{
        entry::{Entry, Protection},
        init::Init,
        media::{self, Playlist},
        segment::Segment,
    };

    /// A track of one segment with a key and a vector.
    fn track(name: &str, media: Media, key: u8, vector: u8) -> Track {
        let protection = Some(Protection { scheme: CENC, ..Protection::default() });
        let init = Init { entry: Entry { media, protection, ..Entry::default() }, ..Init::default() };
        let entry = media::Entry { path: Some(name.to_owned()), ..media::Entry::default() };
        let playlist = Playlist { entries: vec![entry], ..Playlist::default() };
        let segment = Segment { key_id: Some([key; 16]), vector: Some([vector; 16]), ..Segment::default() };
        Track { playlist, init: Some(init), segments: vec![segment], ..Track::default() }
    }

    fn found(tracks: &[Track]) -> Vec<String> {
        let mut report = Report::default();
        check(&mut report, "master.m3u8", tracks);
        report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    }

    #[test]
    fn tracks_have_keys_and_vectors_of_their_own() {
        let pictures = |width, height| Media::Video { width, height, shown_width: width, colour: None };
        let (small, large, sound) =
            (pictures(960, 540), pictures(1920, 1080), Media::Audio { channels: 2, sample_rate_hz: 48_000 });
        let of = |media, key, vector| found(&[track("a", small, 1, 1), track("b", media, key, vector)]);
        assert_eq!(of(small, 1, 2), Vec::<String>::new());
        assert_eq!(of(large, 2, 1), Vec::<String>::new());
        assert_eq!(of(small, 1, 1), ["CENC 9.2"]);
        assert_eq!(of(large, 1, 2), ["DASH-IF IOP"]);
        assert_eq!(of(sound, 1, 2), ["DASH-IF IOP"]);
        assert_eq!(found(&[track("a", small, 1, 1), track("a", small, 1, 1)]), Vec::<String>::new(), "the same file");
    }
}
