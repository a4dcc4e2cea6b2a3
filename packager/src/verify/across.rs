//! Rules between playlists: players change from one to another at any segment.

use super::{
    dates,
    entry::Media,
    master::Master,
    media::{Kind, Playlist},
    renditions,
    renditions::Rendition,
    report::Report,
    text::Cue,
    track::Track,
};
use std::collections::BTreeSet;

/// What sound or words may be longer or shorter than the picture.
const ENDS_S: f64 = 0.25;
/// Longest time between keyframes beside one frame (HLS-AUTH 1.13).
const KEYFRAME_GAP_S: f64 = 2.0;
/// Equal times of different clocks.
const EQUAL_S: f64 = 0.0005;

pub(super) fn check(report: &mut Report, path: &str, master: &Master, tracks: &[Track]) {
    let of = |kind| tracks.iter().filter(move |track| track.kind == Some(kind)).collect::<Vec<_>>();
    let (videos, sounds, texts) = (of(Kind::Video), of(Kind::Audio), of(Kind::Text));
    let independent = master.independent || videos.iter().all(|track| track.playlist.independent);
    report.must(independent, "HLS-AUTH 9.12", path, || "nothing says that segments are independent".to_owned());
    targets(report, path, &videos, &sounds);
    let dated = tracks.iter().filter(|track| track.playlist.dated).count();
    report.must(dated == 0 || dated == tracks.len(), "RFC 8216 6.2.4", path, || {
        format!("{dated} of {} playlists have EXT-X-PROGRAM-DATE-TIME", tracks.len())
    });
    dates::check(report, tracks);
    let numbers: BTreeSet<_> = tracks.iter().map(|track| track.playlist.discontinuities).collect();
    report.must(numbers.len() <= 1, "RFC 8216 6.2.4", path, || format!("playlists count discontinuities from {numbers:?}"));
    for track in &videos {
        keyframe_gaps(report, track);
    }
    // What ends early is compared with what does not.
    let end_s = |track: &Track| track.span_s().map_or(0.0, |(_, end_s)| end_s);
    let longest = videos.iter().map(|track| end_s(track)).fold(0.0, f64::max);
    let Some(first) = videos.iter().find(|track| end_s(track) >= longest) else { return };
    for track in videos.iter().filter(|track| track.path() != first.path()) {
        rung(report, first, track);
    }
    for track in sounds.iter().chain(&texts) {
        ends(report, first, track);
        breaks(report, "HLS-AUTH 8.14", &first.playlist, &track.playlist);
    }
    for track in &sounds {
        boundaries(report, first, track);
    }
    forced(report, master, &texts);
    renditions::channels(report, path, master, tracks);
}

/// Words that everybody is to see are in the track that has all words of their language, too. A must; but they are the source's.
fn forced(report: &mut Report, master: &Master, texts: &[&Track]) {
    let words = |rendition: &Rendition| -> Option<BTreeSet<&Cue>> {
        let track = texts.iter().find(|track| rendition.path.as_deref() == Some(track.path()))?;
        Some(track.words.iter().flat_map(|words| &words.cues).collect())
    };
    let (forced, regular): (Vec<_>, Vec<_>) =
        master.renditions.iter().filter(|rendition| rendition.kind == "SUBTITLES").partition(|rendition| rendition.forced);
    for few in forced {
        let alike = || regular.iter().filter(|all| all.language == few.language && all.group == few.group);
        let (Some(cues), true) = (words(few), alike().next().is_some()) else { continue };
        let complete = alike().filter_map(|all| words(all)).any(|all| cues.iter().all(|cue| all.contains(cue)));
        report.should(complete, "HLS-AUTH 5.8", few.path.as_deref().unwrap_or_default(), || {
            format!("has words that no other subtitles in {:?} have", few.language.as_deref().unwrap_or_default())
        });
    }
}

fn targets(report: &mut Report, path: &str, videos: &[&Track], sounds: &[&Track]) {
    let mut targets: Vec<_> = videos.iter().chain(sounds).map(|track| track.playlist.target_s).collect();
    targets.sort_unstable();
    targets.dedup();
    report.must(targets.len() <= 1, "HLS-AUTH 8.2", path, || format!("target durations differ: {targets:?} s"));
}

fn keyframe_gaps(report: &mut Report, track: &Track) {
    let mut times: Vec<_> = track.segments.iter().flat_map(|segment| &segment.keyframes).map(|key| key.shown_ticks).collect();
    times.extend(track.segments.last().map(|last| last.start_ticks + i128::from(last.duration_ticks)));
    let widest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
    let gap_s = track.seconds(widest);
    report.should(gap_s <= KEYFRAME_GAP_S + track.frame_s() + EQUAL_S, "HLS-AUTH 1.13", track.path(), || {
        format!("has no keyframe for {gap_s:.3} s")
    });
}

/// Two rungs have the same times, and within a switching set the same shape of track (CMAF 7.3.4).
fn rung(report: &mut Report, first: &Track, track: &Track) {
    breaks(report, "HLS-AUTH 8.14", &first.playlist, &track.playlist);
    let (Some(ours), Some(theirs)) = (&track.init, &first.init) else { return };
    let (path, other) = (track.path(), first.path());
    let family = |kind: &[u8; 4]| match kind {
        b"avc1" | b"avc3" => 1,
        b"hvc1" | b"hev1" | b"dvh1" | b"dvhe" => 2,
        _ => 3,
    };
    if family(&ours.entry.kind) == family(&theirs.entry.kind) {
        for (what, same) in [
            ("timescale", ours.timescale == theirs.timescale),
            ("edit", ours.edit_ticks == theirs.edit_ticks),
            ("kind of sample entry", ours.entry.kind == theirs.entry.kind),
            ("encryption", scheme(track) == scheme(first)),
        ] {
            report.must(same, "CMAF 7.3.4", path, || format!("has another {what} than {other}"));
        }
        let (own, of_other) = (colour(track), colour(first));
        // Pictures of another range are another choice.
        let alike = own.zip(of_other).is_none_or(|(own, of_other)| own == of_other || own.1 != of_other.1);
        report.should(alike, "HLS-AUTH 1.21", path, || format!("has the colours {own:?}, {other} {of_other:?}"));
    }
    let (Some((start_s, end_s)), Some((first_s, last_s))) = (track.span_s(), first.span_s()) else { return };
    let starts = report.must((start_s - first_s).abs() <= EQUAL_S, "RFC 8216 6.2.4", path, || {
        format!("starts at {start_s:.3} s, {other} at {first_s:.3} s")
    });
    let (length_s, other_s) = (end_s - start_s, last_s - first_s);
    let whole = report.must((length_s - other_s).abs() <= first.frame_s() / 2.0, "HLS-AUTH 8.7", path, || {
        format!("lasts {length_s:.3} s, {other} {other_s:.3} s")
    });
    if !starts || !whole {
        return;
    }
    // The first difference says it all: what follows is shifted.
    let grid = |track: &Track| -> Vec<Vec<f64>> {
        let times = |segment: &super::segment::Segment| {
            let ends = [segment.start_ticks, segment.start_ticks + i128::from(segment.duration_ticks)];
            let keys = segment.keyframes.iter().map(|key| key.shown_ticks);
            ends.into_iter().chain(keys).map(|ticks| track.seconds(ticks)).collect()
        };
        track.segments.iter().map(times).collect()
    };
    let same = |a: &Vec<f64>, b: &Vec<f64>| a.len() == b.len() && std::iter::zip(a, b).all(|(a, b)| (a - b).abs() <= EQUAL_S);
    let (ours, theirs) = (grid(track), grid(first));
    let differs = std::iter::zip(&ours, &theirs).position(|(a, b)| !same(a, b));
    let differs = differs.or((ours.len() != theirs.len()).then(|| ours.len().min(theirs.len())));
    report.must(differs.is_none(), "CMAF 7.3.4", path, || {
        format!("has other times than {other} from segment {} on", differs.unwrap_or(0) + 1)
    });
}

/// Primaries, transfer function and matrix.
fn colour(track: &Track) -> Option<(u16, u16, u16)> {
    match track.init.as_ref()?.entry.media {
        Media::Video { colour, .. } => colour,
        Media::Audio { .. } | Media::Text => None,
    }
}

fn scheme(track: &Track) -> Option<[u8; 4]> {
    Some(track.init.as_ref()?.entry.protection.as_ref()?.scheme)
}

/// Discontinuities are at the same places.
pub(super) fn breaks(report: &mut Report, rule: &'static str, first: &Playlist, playlist: &Playlist) {
    let places = |playlist: &Playlist| -> Vec<f64> {
        let mut at = 0.0;
        let mut found = Vec::new();
        for (index, entry) in playlist.entries.iter().enumerate() {
            if entry.discontinuity && index > 0 {
                found.push(at);
            }
            at += entry.duration_s;
        }
        found
    };
    let (ours, theirs) = (places(playlist), places(first));
    let same = ours.len() == theirs.len() && std::iter::zip(&ours, &theirs).all(|(a, b)| (a - b).abs() <= ENDS_S);
    report.must(same, rule, &playlist.path, || format!("has discontinuities at {ours:?} s, {} at {theirs:?} s", first.path));
}

/// Sound and words begin and end with the picture.
fn ends(report: &mut Report, video: &Track, track: &Track) {
    let path = track.path();
    let Some((video_start_s, video_end_s)) = video.span_s() else { return };
    if track.kind == Some(Kind::Text) {
        let (length_s, video_s) = (track.playlist.duration_s(), video_end_s - video_start_s);
        report.must((length_s - video_s).abs() <= ENDS_S, "HLS-AUTH 5.5", path, || {
            format!("lasts {length_s:.3} s, the picture {video_s:.3} s")
        });
        return;
    }
    let Some((start_s, end_s)) = track.span_s() else { return };
    let frame_s = video.frame_s().max(track.frame_s());
    report.must((start_s - video_start_s).abs() <= frame_s + EQUAL_S, "RFC 8216 6.2.4", path, || {
        format!("starts at {start_s:.3} s, the picture at {video_start_s:.3} s")
    });
    let ends = || format!("ends at {end_s:.3} s, the picture at {video_end_s:.3} s");
    report.must(end_s <= video_end_s + ENDS_S, "HLS-AUTH 8.3", path, ends);
    // A source whose sound ends a little early is no reason to refuse it: players keep showing the picture. A segment is more than a little.
    let whole = report.must(end_s >= video_end_s - video.playlist.target_s as f64, "HLS-AUTH 8.3", path, ends);
    report.should(!whole || end_s >= video_end_s - ENDS_S, "HLS-AUTH 8.3", path, ends);
}

/// Segments of sound end with those of the picture, as far as frames of sound allow.
fn boundaries(report: &mut Report, video: &Track, track: &Track) {
    let frame_s = video.frame_s().max(track.frame_s()) + EQUAL_S;
    let ends = |track: &Track| -> Vec<f64> {
        let end = |segment: &super::segment::Segment| segment.start_ticks + i128::from(segment.duration_ticks);
        track.segments.iter().map(|segment| track.seconds(end(segment))).collect()
    };
    let (ours, theirs) = (ends(track), ends(video));
    let inner = ours.len().min(theirs.len()).saturating_sub(1);
    let apart = (0..inner).find(|index| (ours[*index] - theirs[*index]).abs() > frame_s);
    report.should(apart.is_none(), "HLS-AUTH 8.22", track.path(), || {
        let index = apart.unwrap_or(0);
        format!("segment {} ends at {:.3} s, that of the picture at {:.3} s", index + 1, ours[index], theirs[index])
    });
}
