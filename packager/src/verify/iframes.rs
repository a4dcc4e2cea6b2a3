//! I-frame playlists: ranges of the normal segments, or segments of their own (RFC 8216 section 4.3.3.6, HLS-AUTH 6).

use super::{
    declared::{is_size, short},
    entry::Media,
    files::Files,
    groups::KeyId,
    init::Init,
    master::{Stream, is_picture},
    media::{Entry, Map, Playlist},
    report::Report,
    segment,
    track::{self, Track, changes_of_keys},
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
    /// The init segments of the other playlists, and those that each file is listed with.
    inits: BTreeMap<&'a Map, &'a Init>,
    listed: BTreeMap<&'a str, BTreeSet<&'a Map>>,
}

impl<'a> Known<'a> {
    pub(super) fn of(tracks: &'a [Track]) -> Self {
        let (mut frames, mut files, mut inits) = (BTreeMap::<_, Frames>::new(), BTreeSet::new(), BTreeMap::new());
        let (mut keys, mut listed) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<&Map>>::new());
        for track in tracks {
            let scheme = track.init.as_ref().and_then(|init| Some(init.entry.protection.as_ref()?.scheme));
            let named = track.playlist.entries.iter().filter_map(|entry| entry.path.as_deref());
            files.extend(named);
            // Of a track with several, the first one is known.
            let first = track.playlist.entries.iter().find_map(|entry| entry.map.as_ref());
            inits.extend(first.zip(track.init.as_ref()));
            let mapped = track.playlist.entries.iter().filter_map(|entry| Some((entry.path.as_deref()?, entry.map.as_ref()?)));
            for (path, map) in mapped {
                listed.entry(path).or_default().insert(map);
            }
            for (entry, segment) in std::iter::zip(&track.playlist.entries, &track.segments) {
                let Some(path) = entry.path.as_deref().filter(|_| track.size().is_some()) else { continue };
                keys.extend(segment.key_id.zip(scheme).map(|key| (path, key)));
                let ranges = segment.keyframes.iter().filter_map(|keyframe| Some((keyframe.range?, keyframe.shown_ticks)));
                let ranges = ranges.map(|((offset, size), shown)| (offset, (track.seconds(shown), size)));
                frames.entry(path).or_default().extend(ranges);
            }
        }
        Self { tracks, frames, files, keys, inits, listed }
    }
}

/// Checks a playlist against the keyframes of the other ones, and what the multivariant playlist at `master` says of it; what it costs.
pub(super) async fn check<F: Files>(
    report: &mut Report,
    files: &F,
    playlist: &Playlist,
    (master, streams): (&str, &[Stream]),
    known: &Known<'_>,
) -> Pieces {
    let read: BTreeSet<_> = known.listed.values().flatten().copied().collect();
    let maps = playlist.entries.iter().filter_map(|entry| entry.map.as_ref());
    let own_inits = track::inits(report, files, maps.clone().filter(|map| !read.contains(map))).await;
    let init = |map: &Map| known.inits.get(map).copied().or_else(|| own_inits.get(map)?.as_ref());
    if let Some(init) = maps.clone().find_map(init) {
        for stream in streams.iter().filter(|stream| stream.path.as_ref() == Some(&playlist.path)) {
            described(report, master, stream, init);
        }
    }
    let strange = playlist.entries.iter().find(|entry| is_of_another(entry, known, &init));
    report.must(strange.is_none(), "RFC 8216 4.3.2.5", &playlist.path, || {
        let path = strange.and_then(|entry| entry.path.as_deref()).unwrap_or_default();
        format!("lists parts of {path} with the init segment of other pictures: list those of its own variant")
    });
    let (mut shown, mut pieces) = (Vec::new(), Pieces::new());
    for entry in &playlist.entries {
        let Some(path) = entry.path.as_deref() else { continue };
        let (offset, length) = entry.range.unwrap_or((0, u64::MAX));
        let found = match known.frames.get(path) {
            Some(frames) => frames.get(&offset).copied(),
            // What is wrong with the segment was said.
            None if known.files.contains(path) => continue,
            None => match own(report, files, path, entry, entry.map.as_ref().and_then(init)).await {
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
async fn own<F: Files>(report: &mut Report, files: &F, path: &str, entry: &Entry, init: Option<&Init>) -> Option<(f64, u64)> {
    let init = init?;
    let keyframe = segment::keyframe(report, files, path, entry.range, init).await?;
    Some((keyframe.shown_ticks as f64 / f64::from(init.timescale.max(1)), keyframe.range?.1))
}

/// What the multivariant playlist says of an I-frame playlist is what its init segment says.
fn described(report: &mut Report, master: &str, stream: &Stream, init: &Init) {
    let Media::Video { width, height, shown_width, .. } = init.entry.media else { return };
    report.must(is_size(stream, (width, height, shown_width)), "HLS-AUTH 9.4", master, || {
        format!("{} is {width}x{height}, listed as {:?}", stream.name(), stream.resolution)
    });
    let mut pictures = stream.codecs.iter().flatten().filter(|codec| is_picture(codec));
    let own = short(&init.entry.codec);
    report.must(pictures.all(|codec| short(codec) == own), "HLS-AUTH 9.3", master, || {
        format!("{} is {}, listed as {:?}", stream.name(), init.entry.codec, stream.codecs)
    });
}

/// Whether the file of an entry is listed elsewhere with other pictures than the entry has by its init segment.
fn is_of_another<'a>(entry: &Entry, known: &Known<'a>, init: &impl Fn(&Map) -> Option<&'a Init>) -> bool {
    let listed = entry.path.as_deref().and_then(|path| known.listed.get(path));
    let Some((map, maps)) = entry.map.as_ref().zip(listed) else { return false };
    let coded = |map: &Map| init(map).map(|init| (init.entry.kind, init.entry.codec.as_str(), init.entry.media, init.timescale));
    let differs = |other: &&Map| coded(other).zip(coded(map)).is_some_and(|(theirs, ours)| theirs != ours);
    !maps.contains(map) && maps.iter().all(differs)
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
