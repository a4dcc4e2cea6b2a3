//! A media playlist with what it lists: every init and media segment, and what must hold between them.

use super::{
    CONCURRENT_MAX,
    entry::Media,
    files::Files,
    groups::KeyId,
    init::{self, Init},
    media::{Entry, Kind, Map, Playlist},
    report::Report,
    segment::{self, Segment, whole},
    text,
};
use futures::{StreamExt, stream};
use std::collections::BTreeMap;

/// Largest init segment, and how many one playlist may name.
const INIT_BYTES_MAX: u64 = 1 << 20;
const INITS_MAX: usize = 64;
/// By how much a declared frame rate may be off.
const FRAME_RATE_FPS: f64 = 0.0015;
const FRAME_RATE_SHARE: f64 = 0.01;
/// Keyframes of one track: an hour of nothing else.
const KEYFRAMES_MAX: usize = 200_000;

/// Share by which frames that are not evenly spaced may be closer than they were: of times in milliseconds, rounded.
const UNEVEN_SHARE: f64 = 0.05;

/// A playlist and what it lists.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) playlist: Playlist,
    pub(super) kind: Option<Kind>,
    /// The first init segment.
    pub(super) init: Option<Init>,
    /// Its segments, in order. Empty unless all could be read: what is compared is whole.
    pub(super) segments: Vec<Segment>,
    /// Cues and messages of words.
    pub(super) words: Vec<text::Words>,
}

impl Track {
    pub(super) fn path(&self) -> &str {
        &self.playlist.path
    }

    /// Ticks as seconds.
    pub(super) fn seconds(&self, ticks: i128) -> f64 {
        ticks as f64 / f64::from(self.init.as_ref().map_or(1, |init| init.timescale).max(1))
    }

    /// Length of a picture, or of a frame of sound, on average.
    pub(super) fn frame_s(&self) -> f64 {
        let samples: u64 = self.segments.iter().map(|segment| segment.samples).sum();
        self.seconds(self.ticks()) / samples.max(1) as f64
    }

    /// Frames a second, at least and at most: of films whose frames are not evenly spaced, neither is what their frames come to. Of those
    /// that are, the sum of ticks is off by one at most.
    pub(super) fn frame_rates(&self) -> (f64, f64) {
        let samples: u64 = self.segments.iter().map(|segment| segment.samples).sum();
        let shortest = self.segments.iter().filter_map(|segment| segment.shortest_ticks).min().unwrap_or(1);
        if let Some(ticks) = self.even_ticks() {
            return [ticks + 1, ticks - 1].map(|ticks| samples as f64 / self.seconds(ticks)).into();
        }
        // The last frame of a short film says nothing of the distance to the next.
        let least = samples.saturating_sub(1) as f64 / self.seconds(self.ticks());
        (least, (1.0 + UNEVEN_SHARE) / self.seconds(shortest.into()))
    }

    /// Whether so many frames a second are what it has: three decimals may be off, or a share for films whose last frame is longer.
    pub(super) fn has_rate(&self, listed: f64) -> bool {
        let (least, most) = self.frame_rates();
        let tolerance = |rate: f64| if self.even_ticks().is_some() { FRAME_RATE_FPS } else { rate * FRAME_RATE_SHARE };
        self.segments.is_empty() || listed >= least - tolerance(least) && listed <= most + tolerance(most)
    }

    /// Length of all segments in media time, if all of their samples are equally long, and more than one.
    pub(super) fn even_ticks(&self) -> Option<i128> {
        let shortest = self.segments.iter().filter_map(|segment| segment.shortest_ticks).min()?;
        let samples: u64 = self.segments.iter().map(|segment| segment.samples).sum();
        Some(self.ticks()).filter(|ticks| samples > 1 && *ticks > 1 && *ticks == i128::from(samples) * i128::from(shortest))
    }

    /// Length of all segments in media time.
    fn ticks(&self) -> i128 {
        self.segments.iter().map(|segment| i128::from(segment.duration_ticks)).sum()
    }

    /// When it begins and ends on the title's timeline: what lies before zero is not shown.
    pub(super) fn span_s(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.segments.first()?, self.segments.last()?);
        let end = last.start_ticks + i128::from(last.duration_ticks);
        Some((self.seconds(first.start_ticks.max(0)), self.seconds(end)))
    }

    /// Width and height of pictures, and the width in which they are shown.
    pub(super) fn size(&self) -> Option<(u32, u32, u32)> {
        match self.init.as_ref()?.entry.media {
            Media::Video { width, height, shown_width, .. } => Some((width, height, shown_width)),
            Media::Audio { .. } | Media::Text => None,
        }
    }
}

/// Reads all that `playlist` lists.
pub(super) async fn read<F: Files>(report: &mut Report, files: &F, playlist: Playlist, kind: Kind, deep: bool) -> Track {
    let mut track = Track { kind: Some(kind), ..Track::default() };
    let inits = inits(report, files, playlist.entries.iter().filter_map(|entry| entry.map.as_ref())).await;
    track.init = playlist.entries.iter().find_map(|entry| inits.get(entry.map.as_ref()?)?.clone());
    changes(report, &playlist, &inits);
    if kind == Kind::Text && track.init.is_none() {
        track.words = text::read(report, files, &playlist).await;
        return Track { playlist, ..track };
    }
    let readable = |entry: &Entry| {
        let init = inits.get(entry.map.as_ref()?)?.as_ref()?;
        Some((entry.path.clone()?, init))
    };
    let jobs: Vec<_> = playlist.entries.iter().filter_map(|entry| Some((readable(entry)?, entry))).collect();
    let whole = jobs.len() == playlist.entries.len();
    let reading =
        jobs.into_iter().map(|((path, init), entry)| async move { segment::read(files, &path, entry, init, deep).await });
    let mut reading = stream::iter(reading).buffered(CONCURRENT_MAX);
    let mut segments = Vec::new();
    let mut keyframes = 0;
    while let Some((segment, found)) = reading.next().await {
        report.append(found);
        keyframes += segment.as_ref().map_or(0, |segment| segment.keyframes.len());
        if keyframes > KEYFRAMES_MAX {
            report.fail("RFC 8216 10", &playlist.path, format!("has more than {KEYFRAMES_MAX} keyframes"));
            break;
        }
        segments.extend(segment);
    }
    drop(reading);
    if whole && segments.len() == playlist.entries.len() {
        track.segments = segments;
    }
    track.playlist = playlist;
    keys(report, &track);
    if seams(report, &track) {
        durations(report, &track);
    } else {
        track.segments.clear();
    }
    track
}

/// Reads init segments, each once.
pub(super) async fn inits<'a, F: Files>(
    report: &mut Report,
    files: &F,
    maps: impl Iterator<Item = &'a Map>,
) -> BTreeMap<Map, Option<Init>> {
    let mut inits: BTreeMap<Map, Option<Init>> = BTreeMap::new();
    for map in maps {
        if inits.contains_key(map) || inits.len() >= INITS_MAX {
            continue;
        }
        let bytes = whole(report, files, (&map.path, map.range), INIT_BYTES_MAX, "CMAF 7.3.1").await;
        let init = bytes.and_then(|bytes| init::read(report, &map.path, &bytes));
        inits.insert(map.clone(), init);
    }
    inits
}

/// Where what is coded changes, the playlist says so (HLS-AUTH 2.11, 8.13 and 8.16, 8216bis section 4.4.4.3).
fn changes(report: &mut Report, playlist: &Playlist, inits: &BTreeMap<Map, Option<Init>>) {
    let init = |entry: &Entry| inits.get(entry.map.as_ref()?)?.as_ref();
    for pair in playlist.entries.windows(2).filter(|pair| !pair[1].discontinuity && pair[0].map != pair[1].map) {
        let (Some(before), Some(after)) = (init(&pair[0]), init(&pair[1])) else { continue };
        let path = pair[1].path.as_deref().unwrap_or_default();
        let same = before.entry.codec == after.entry.codec && before.timescale == after.timescale;
        let (rule, same) = match (before.entry.media, after.entry.media) {
            (Media::Audio { channels, .. }, Media::Audio { channels: others, .. }) if channels != others => {
                ("HLS-AUTH 2.11", false)
            }
            (ours, theirs) => ("HLS-AUTH 8.13", same && ours == theirs && before.track_id == after.track_id),
        };
        report.must(same, rule, &playlist.path, || format!("is coded otherwise from {path} on, without EXT-X-DISCONTINUITY"));
    }
    let kinds = playlist.entries.iter().filter_map(init).map(|init| init.entry.kind);
    let (first, other) = (kinds.clone().next(), kinds.clone().find(|kind| Some(*kind) != kinds.clone().next()));
    report.should(other.is_none(), "HLS-AUTH 8.16", &playlist.path, || {
        let [first, other] = [first, other].map(|kind| kind.unwrap_or_default().escape_ascii().to_string());
        format!("changes from {first} to {other}: not every player changes its decoder")
    });
}

/// Segments follow each other without a gap, unless the playlist says that they do not. Answers whether they do.
fn seams(report: &mut Report, track: &Track) -> bool {
    let mut all = true;
    for (place, pair) in track.segments.windows(2).enumerate() {
        let Some(entry) = track.playlist.entries.get(place + 1).filter(|entry| !entry.discontinuity) else { continue };
        let (path, before, after) = (entry.path.as_deref().unwrap_or_default(), &pair[0], &pair[1]);
        let next = before.decode_ticks.saturating_add(before.duration_ticks);
        let follows = report.must(after.decode_ticks == next, "HLS-AUTH 7.3", path, || {
            format!("starts at {} where {next} belongs", after.decode_ticks)
        });
        let shown = before.start_ticks + i128::from(before.duration_ticks);
        let video = track.kind == Some(Kind::Video);
        all &= follows;
        all &= report.must(!video || !follows || after.start_ticks == shown, "HLS-AUTH 7.1", path, || {
            format!("is shown from {} on where {shown} belongs", after.start_ticks)
        });
        report.should(after.numbers.0 > before.numbers.1, "14496-12 8.8.5", path, || {
            format!("has the fragment number {} after {}", after.numbers.0, before.numbers.1)
        });
    }
    all
}

/// After every entry the sum of listed durations is within one frame of the truth.
fn durations(report: &mut Report, track: &Track) {
    if track.playlist.entries.iter().any(|entry| entry.discontinuity) {
        return;
    }
    let (frame_s, mut listed_s) = (track.frame_s().max(0.001), 0.0);
    let Some((start_s, _)) = track.span_s() else { return };
    for (entry, segment) in std::iter::zip(&track.playlist.entries, &track.segments) {
        listed_s += entry.duration_s;
        let true_s = track.seconds(segment.start_ticks + i128::from(segment.duration_ticks)) - start_s;
        // Priming may be counted or not: it is about one frame.
        if !report.must((listed_s - true_s).abs() <= frame_s * 1.01 + 0.001, "HLS-AUTH 8.1", track.path(), || {
            let path = entry.path.as_deref().unwrap_or_default();
            format!("durations up to {path} add up to {listed_s:.3} s, not {true_s:.3} s")
        }) {
            return;
        }
    }
}

/// What is encrypted says where its key is, and nothing else does. Where keys change, the playlist says so.
fn keys(report: &mut Report, track: &Track) {
    let Some(init) = &track.init else { return };
    let scheme = init.entry.protection.as_ref().map(|protection| protection.scheme);
    for (place, entry) in track.playlist.entries.iter().enumerate() {
        // Some samples of an encrypted track may be in the clear.
        let is_clear = track.segments.get(place).is_some_and(|segment| segment.key_id.is_none());
        let unread = track.segments.is_empty() && entry.keys.are_of_whole_segments();
        let fits = entry.keys.fit(scheme) || is_clear && entry.keys.fit(None) || unread;
        if !report.must(fits, "HLS-AUTH 13.2", track.path(), || {
            let scheme = scheme.map_or("clear".to_owned(), |scheme| scheme.escape_ascii().to_string());
            format!("has segments that are {scheme}, and the key method {}", entry.keys.methods())
        }) {
            return;
        }
    }
    let keyed = std::iter::zip(&track.playlist.entries, &track.segments).map(|(entry, segment)| (entry, segment.key_id));
    changes_of_keys(report, track.path(), keyed);
}

/// Entries of a playlist and the keys of their segments: tags of the playlist name these, and change where they do.
pub(super) fn changes_of_keys<'a>(
    report: &mut Report,
    playlist: &str,
    keyed: impl Iterator<Item = (&'a Entry, Option<KeyId>)> + Clone,
) {
    let other = keyed.clone().find_map(|(entry, id)| entry.keys.other_than(&id?).map(|format| (entry, format)));
    report.must(other.is_none(), "RFC 8216 4.3.2.4", playlist, || {
        let (entry, format) =
            other.map_or_else(Default::default, |(entry, format)| (entry.path.clone().unwrap_or_default(), format));
        format!("names another key for {format} than {entry} is encrypted with")
    });
    for ((before, first), (after, second)) in keyed.clone().zip(keyed.skip(1)) {
        report.must(first == second || before.keys != after.keys, "RFC 8216 4.3.2.4", playlist, || {
            format!("has no EXT-X-KEY before {}, from which on there is another key", after.path.as_deref().unwrap_or_default())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_are_not_evenly_spaced_have_a_range_of_rates() {
        let segment =
            |duration_ticks, samples, shortest_ticks| Segment { duration_ticks, samples, shortest_ticks, ..Segment::default() };
        let track = |segments| Track { segments, ..Track::default() };
        // Without an init segment, a tick is a second.
        assert_eq!(track(vec![segment(100, 51, Some(2))]).frame_rates(), (0.5, 0.525));
        let uneven = track(vec![segment(30, 5, Some(4)), segment(10, 6, Some(1))]);
        assert_eq!(uneven.frame_rates(), (0.25, 1.05));
        let even = track(vec![segment(30, 10, Some(3)), segment(30, 10, Some(3))]);
        assert_eq!(even.frame_rates(), (20.0 / 61.0, 20.0 / 59.0));
    }

    #[test]
    fn decoders_do_not_change_within_a_track() {
        let coded =
            |kind: &[u8; 4]| Init { entry: super::super::entry::Entry { kind: *kind, ..Default::default() }, ..Init::default() };
        let found = |kinds: [&[u8; 4]; 2]| {
            let (mut inits, mut playlist) = (BTreeMap::new(), Playlist::default());
            for (place, kind) in kinds.into_iter().enumerate() {
                let map = Map { path: place.to_string(), range: None };
                inits.insert(map.clone(), Some(coded(kind)));
                playlist.entries.push(Entry { map: Some(map), discontinuity: place > 0, ..Entry::default() });
            }
            let mut report = Report::default();
            changes(&mut report, &playlist, &inits);
            report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found([b"hvc1", b"hvc1"]), Vec::<String>::new());
        assert_eq!(found([b"hvc1", b"avc1"]), ["HLS-AUTH 8.16"]);
    }
}
