//! I-frame playlists: ranges of the normal segments, or segments of their own (RFC 8216 section 4.3.3.6, HLS-AUTH 6).

use super::{
    files::Files,
    groups::KeyId,
    media::{Entry, Map, Playlist},
    report::Report,
    segment,
    track::{Track, changes_of_keys},
};
use std::collections::{BTreeMap, BTreeSet};

/// Dense trick play has a picture a second (HLS-AUTH 6.2).
const DENSE_S: f64 = 1.05;
/// What rounding may make of a listed duration.
const ROUNDING_S: f64 = 0.005;

/// Bytes and length of every entry whose place is known.
pub(super) type Pieces = Vec<(u64, f64)>;

/// Of a file, by offset: when a keyframe is shown, and how long its range is.
type Frames = BTreeMap<u64, (f64, u64)>;

/// What the other playlists list.
pub(super) struct Known<'a> {
    tracks: &'a [Track],
    /// The keyframes of each file that could be read.
    frames: BTreeMap<&'a str, Frames>,
    /// Every file.
    files: BTreeSet<&'a str>,
    /// The keys of those that are encrypted, and how they are.
    keys: BTreeMap<&'a str, (KeyId, [u8; 4])>,
    /// Tracks by their init segments.
    inits: BTreeMap<&'a Map, &'a Track>,
}

impl<'a> Known<'a> {
    pub(super) fn of(tracks: &'a [Track]) -> Self {
        let (mut frames, mut files, mut inits) = (BTreeMap::<_, Frames>::new(), BTreeSet::new(), BTreeMap::new());
        let mut keys = BTreeMap::new();
        for track in tracks {
            let scheme = track.init.as_ref().and_then(|init| Some(init.entry.protection.as_ref()?.scheme));
            let named = track.playlist.entries.iter().filter_map(|entry| entry.path.as_deref());
            files.extend(named);
            for map in track.playlist.entries.iter().filter_map(|entry| entry.map.as_ref()) {
                inits.entry(map).or_insert(track);
            }
            for (entry, segment) in std::iter::zip(&track.playlist.entries, &track.segments) {
                let Some(path) = entry.path.as_deref().filter(|_| track.size().is_some()) else { continue };
                keys.extend(segment.key_id.zip(scheme).map(|key| (path, key)));
                let ranges = segment.keyframes.iter().filter_map(|keyframe| Some((keyframe.range?, keyframe.shown_ticks)));
                let ranges = ranges.map(|((offset, size), shown)| (offset, (track.seconds(shown), size)));
                frames.entry(path).or_default().extend(ranges);
            }
        }
        Self { tracks, frames, files, keys, inits }
    }
}

/// Checks a playlist against the keyframes of the other ones; what it costs.
pub(super) async fn check<F: Files>(report: &mut Report, files: &F, playlist: &Playlist, known: &Known<'_>) -> Pieces {
    let (mut shown, mut pieces) = (Vec::new(), Pieces::new());
    for entry in &playlist.entries {
        let Some(path) = entry.path.as_deref() else { continue };
        let (offset, length) = entry.range.unwrap_or((0, u64::MAX));
        let found = match known.frames.get(path) {
            Some(frames) => frames.get(&offset).copied(),
            // What is wrong with the segment was said.
            None if known.files.contains(path) => continue,
            None => match own(report, files, path, entry, known).await {
                Some(found) => Some(found),
                None => continue,
            },
        };
        if !report.must(found.is_some(), "HLS-AUTH 6.10", &playlist.path, || {
            format!("lists {length} bytes at {offset} of {path}, where no moof of an I-frame begins")
        }) {
            continue;
        }
        let (shown_s, size_bytes) = found.unwrap_or_default();
        report.must(length >= size_bytes, "HLS-AUTH 6.10", &playlist.path, || {
            format!("lists {length} bytes at {offset} of {path}, the I-frame ends after {size_bytes}")
        });
        report.should(entry.range.is_none() || length <= size_bytes, "HLS-AUTH 6.10", &playlist.path, || {
            format!("lists {length} bytes at {offset} of {path}, more than the {size_bytes} of the I-frame")
        });
        pieces.push((if entry.range.is_some() { length } else { size_bytes }, entry.duration_s));
        shown.push((shown_s, entry.duration_s));
    }
    keys(report, playlist, known);
    if shown.len() == playlist.entries.len() {
        let last = playlist.entries.last().and_then(|entry| entry.path.as_deref());
        durations(report, playlist, &shown, last.and_then(|path| end_s(known.tracks, path)));
    }
    pieces
}

/// What is encrypted says where its key is, as in the playlists of the normal segments.
fn keys(report: &mut Report, playlist: &Playlist, known: &Known<'_>) {
    // Of files that could not be read, and of those that hold I-frames alone, nothing is known.
    let is_known = |entry: &&Entry| entry.path.as_deref().is_some_and(|path| known.frames.contains_key(path));
    let of = |entry: &Entry| known.keys.get(entry.path.as_deref()?).copied();
    let entries = playlist.entries.iter().filter(is_known);
    if let Some(wrong) = entries.clone().find(|entry| !entry.keys.fit(of(entry).map(|(_, scheme)| scheme))) {
        report.must(false, "HLS-AUTH 13.2", &playlist.path, || {
            let scheme = of(wrong).map_or("clear".to_owned(), |(_, scheme)| scheme.escape_ascii().to_string());
            format!("has I-frames that are {scheme}, and the key method {}", wrong.keys.methods())
        });
    }
    changes_of_keys(report, &playlist.path, entries.map(|entry| (entry, of(entry).map(|(id, _)| id))));
}

/// When the track with this file ends, or, if none has it, the title.
fn end_s(tracks: &[Track], path: &str) -> Option<f64> {
    let end_s = |track: &Track| track.size().and(track.span_s()).map(|(_, end_s)| end_s);
    let of_file = |track: &&Track| track.playlist.entries.iter().any(|entry| entry.path.as_deref() == Some(path));
    let own = tracks.iter().find(of_file).and_then(end_s);
    own.or_else(|| tracks.iter().filter_map(end_s).reduce(f64::max))
}

/// An I-frame of a file that no other playlist lists.
async fn own<F: Files>(report: &mut Report, files: &F, path: &str, entry: &Entry, known: &Known<'_>) -> Option<(f64, u64)> {
    let track = known.inits.get(entry.map.as_ref()?)?;
    let keyframe = segment::keyframe(report, files, path, entry.range, track.init.as_ref()?).await?;
    Some((track.seconds(keyframe.shown_ticks), keyframe.range?.1))
}

/// An entry lasts until the next I-frame, the last one until the end.
fn durations(report: &mut Report, playlist: &Playlist, shown: &[(f64, f64)], end_s: Option<f64>) {
    let starts = shown.iter().skip(1).map(|(shown_s, _)| *shown_s);
    for ((shown_s, listed_s), next_s) in std::iter::zip(shown, starts.chain(end_s)) {
        let true_s = next_s - shown_s;
        if !report.must((listed_s - true_s).abs() <= ROUNDING_S, "RFC 8216 4.3.3.6", &playlist.path, || {
            format!("the I-frame at {shown_s:.3} s is listed with {listed_s:.3} s, the next comes after {true_s:.3} s")
        }) {
            return;
        }
    }
    let average_s = playlist.duration_s() / shown.len().max(1) as f64;
    report.should(average_s <= DENSE_S, "HLS-AUTH 6.2", &playlist.path, || {
        format!("has a picture every {average_s:.1} s: those of the normal groups, not one a second")
    });
}
