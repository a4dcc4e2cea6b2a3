//! Rules about the texts of final playlists.

use super::{Finding, Report, masters, protection};
use crate::model::{Iframe, Media, Presentation, Segment, Track};
use m3u8_rs::{MediaPlaylist, MediaPlaylistType};
use marquee_core::object;
use std::collections::{BTreeMap, BTreeSet};

/// Lowest versions that allow `EXT-X-MAP` (RFC 8216 section 7).
const VERSION_WITH_MAP: usize = 6;
const IFRAMES_VERSION_WITH_MAP: usize = 5;

/// Checks the final playlists of a title against each other and against what the ledger says: `master`, and every media
/// playlist by its path, such as `v/540p/playlist.m3u8`.
#[must_use]
pub fn check_playlists(presentation: &Presentation, master: &str, playlists: &[(String, String)]) -> Vec<Finding> {
    let mut report = Report::default();
    syntax(&mut report, "the multivariant playlist", master);
    let named = masters::check(&mut report, presentation, master);
    let texts: BTreeMap<&str, &str> = playlists.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    for path in named.iter().filter(|path| !texts.contains_key(path.as_str())) {
        report.must(false, "RFC 8216 6.2.4", || format!("{path} is named and does not exist"));
    }
    let mut targets = BTreeSet::new();
    for track in &presentation.tracks {
        let folder = track.rendition.folder();
        let path = object::playlist_path(folder, &track.rendition.id);
        let version = folder.has_init().then_some(VERSION_WITH_MAP);
        if let Some(playlist) = read(&mut report, &texts, &path, version) {
            segments(&mut report, &path, track, &playlist);
            protection::playlist(&mut report, &path, presentation, track, texts[path.as_str()]);
            targets.insert(playlist.target_duration);
        }
        let path = object::iframes_path(&track.rendition.id);
        if folder == object::Track::Video
            && let Some(playlist) = read(&mut report, &texts, &path, Some(IFRAMES_VERSION_WITH_MAP))
        {
            iframes(&mut report, &path, track, &playlist);
            protection::playlist(&mut report, &path, presentation, track, texts[path.as_str()]);
        }
    }
    report.must(targets.len() <= 1, "HLS-AUTH 8.2", || format!("playlists have different target durations: {targets:?}"));
    report.0
}

/// How often a tag stands at the start of a line.
pub(super) fn tag_lines(text: &str, tag: &str) -> usize {
    text.lines().filter(|line| line.starts_with(tag)).count()
}

fn syntax(report: &mut Report, name: &str, text: &str) {
    let first = text.lines().next() == Some("#EXTM3U");
    report.must(first, "RFC 8216 4.3.1.1", || format!("{name} does not begin with #EXTM3U"));
    let clean = text.chars().all(|character| !character.is_control() || matches!(character, '\r' | '\n'));
    report.must(clean, "RFC 8216 4.1", || format!("{name} has control characters"));
    for tag in ["#EXT-X-VERSION", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-PLAYLIST-TYPE", "#EXT-X-START"] {
        report.must(tag_lines(text, tag) <= 1, "RFC 8216 4.1", || format!("{name} has {tag} more than once"));
    }
}

/// What holds for every final media playlist. Where segments have an init segment, `version` is the lowest that may name it.
fn read(report: &mut Report, texts: &BTreeMap<&str, &str>, path: &str, version: Option<usize>) -> Option<MediaPlaylist> {
    let Some(text) = texts.get(path) else {
        report.must(false, "RFC 8216 6.2.4", || format!("{path} does not exist"));
        return None;
    };
    syntax(report, path, text);
    let Ok(playlist) = m3u8_rs::parse_media_playlist_res(text.as_bytes()) else {
        report.must(false, "RFC 8216 4", || format!("{path} cannot be read"));
        return None;
    };
    report.must(tag_lines(text, "#EXTINF:") == playlist.segments.len(), "RFC 8216 4.3.2.1", || {
        format!("{path} has entries that cannot be read")
    });
    report.must(tag_lines(text, "#EXT-X-TARGETDURATION:") == 1, "RFC 8216 4.3.3.1", || format!("{path} has no target duration"));
    let whole = playlist.playlist_type == Some(MediaPlaylistType::Vod) && playlist.end_list;
    report.must(whole, "HLS-AUTH 8.6", || format!("{path} is not a complete VOD playlist"));
    if let Some(version) = version {
        report.must(playlist.version >= Some(version), "RFC 8216 7", || format!("{path} needs version {version}"));
        let map = playlist.segments.first().is_some_and(|segment| segment.map.is_some());
        report.must(map, "HLS-AUTH 8.20", || format!("{path} has no EXT-X-MAP"));
    }
    for segment in &playlist.segments {
        let (duration, target) = (segment.duration, playlist.target_duration);
        let fits = f64::from(duration).round() as u64 <= target;
        report.must(fits, "RFC 8216 4.3.3.1", || format!("{path} has an entry of {duration} s and a target of {target} s"));
        report.must(!segment.discontinuity, "HLS-AUTH 8.13", || format!("{path} has a discontinuity"));
    }
    Some(playlist)
}

/// The entries are the ledger's segments.
fn segments(report: &mut Report, path: &str, track: &Track, playlist: &MediaPlaylist) {
    let uris: Vec<_> = playlist.segments.iter().map(|segment| segment.uri.as_str()).collect();
    let name = |segment: &Segment| object::segment_name(track.rendition.folder(), segment.number);
    let names: Vec<_> = track.segments.iter().map(name).collect();
    report.must(uris == names, "HLS-AUTH 8.7", || format!("{path} does not list the {} segments there are", names.len()));
    let ends = track.segments.iter().map(|segment| segment.start_ticks.saturating_add(segment.duration_ticks));
    let start = track.segments.first().map_or(0, |first| first.start_ticks);
    durations(report, path, track, start, ends, playlist);
}

/// The entries are the ledger's I-frames.
fn iframes(report: &mut Report, path: &str, track: &Track, playlist: &MediaPlaylist) {
    report.must(playlist.i_frames_only, "HLS-AUTH 6.8", || format!("{path} lacks EXT-X-I-FRAMES-ONLY"));
    let frames: Vec<(String, &Iframe)> = track
        .segments
        .iter()
        .flat_map(|segment| {
            segment.iframes.iter().map(|frame| (object::segment_name(object::Track::Video, segment.number), frame))
        })
        .collect();
    let listed = playlist.segments.iter().map(|entry| {
        let range = entry.byte_range.as_ref();
        (entry.uri.as_str(), range.and_then(|range| range.offset), range.map(|range| range.length))
    });
    let stored = frames.iter().map(|(name, frame)| (name.as_str(), Some(frame.offset_bytes), Some(frame.size_bytes)));
    report.must(listed.eq(stored), "HLS-AUTH 6.10", || format!("{path} does not list the I-frames there are"));
    let end = track.segments.last().map(|last| last.start_ticks.saturating_add(last.duration_ticks));
    let ends = frames.iter().skip(1).map(|(_, frame)| frame.start_ticks).chain(end);
    let start = frames.first().map_or(0, |(_, frame)| frame.start_ticks);
    durations(report, path, track, start, ends, playlist);
}

/// After every entry, the sum of durations is within one frame of the truth.
fn durations(
    report: &mut Report,
    path: &str,
    track: &Track,
    start_ticks: u64,
    ends_ticks: impl Iterator<Item = u64>,
    playlist: &MediaPlaylist,
) {
    let frame_s = match &track.rendition.media {
        Media::Video { frame_rate, .. } => 1.0 / frame_rate.as_f64().max(f64::MIN_POSITIVE),
        Media::Audio { sample_rate_hz, .. } => 1024.0 / f64::from((*sample_rate_hz).max(1)),
        Media::Text { .. } => 0.001,
    };
    let mut listed_s = 0.0;
    for (entry, end_ticks) in std::iter::zip(&playlist.segments, ends_ticks) {
        listed_s += f64::from(entry.duration);
        let true_s = end_ticks.saturating_sub(start_ticks) as f64 / f64::from(track.rendition.timescale.max(1));
        if (listed_s - true_s).abs() > frame_s {
            let message = || format!("{path}: durations up to {} add up to {listed_s:.3} s, not {true_s:.3} s", entry.uri);
            report.must(false, "HLS-AUTH 8.1", message);
            return;
        }
    }
}
