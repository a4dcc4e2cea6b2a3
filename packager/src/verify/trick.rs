//! What is offered for scrubbing and winding, all of it together (HLS-AUTH 6).

use super::{
    across,
    ladder::family,
    master::{Master, Stream},
    media::{Kind, Playlist},
    rates::{self, Trick},
    report::Report,
    track::Track,
};
use std::collections::BTreeSet;

/// By what the rate of normal pictures is divided for one that is shown alone (HLS-AUTH 6.5).
const SHARE: f64 = 8.0;
/// How many times that is too much. Keyframes of normal groups are larger than pictures that are made for winding: by how much is not a
/// fault, but whole segments are one.
const TIMES: f64 = 4.0;

/// I-frame playlists with what they were measured to cost, beside the tracks of the normal pictures.
pub(super) fn check(
    report: &mut Report,
    path: &str,
    (master, tracks): (&Master, &[Track]),
    (playlists, costs): (&[(Playlist, Kind)], &Trick),
) {
    let iframes = &master.iframes;
    let old = iframes.is_empty() || iframes.iter().any(|stream| family(stream) == Some("H.264"));
    report.should(old, "HLS-AUTH 6.14", path, || "has no trick play in H.264, which all devices play".to_owned());
    let sizes = |streams: &[Stream]| -> BTreeSet<_> {
        streams.iter().filter(|stream| !stream.is_sdr()).filter_map(|stream| stream.resolution).collect()
    };
    let (trick, normal) = (sizes(iframes), sizes(&master.streams));
    let lacking: Vec<_> = normal.difference(&trick).filter(|_| !trick.is_empty()).collect();
    report.should(lacking.is_empty(), "HLS-AUTH 6.15", path, || format!("has trick play in HDR, and none of {lacking:?}"));
    let pictures = tracks.iter().find(|track| track.kind == Some(Kind::Video));
    for (playlist, kind) in playlists {
        let rule = if *kind == Kind::Images { "IMP 0.4" } else { "HLS-AUTH 8.14" };
        if let Some(pictures) = pictures {
            across::breaks(report, rule, &pictures.playlist, playlist);
        }
        if *kind == Kind::Images {
            continue;
        }
        let cost = costs.iter().find(|(path, _)| *path == playlist.path);
        let frames_s = playlist.entries.len() as f64 / playlist.duration_s().max(0.001);
        rate(report, playlist, tracks, cost.map(|(_, cost)| (cost.average_bps, frames_s)));
    }
}

/// Against the track whose files the playlist names, and the ones beside it that have the same pictures.
fn rate(report: &mut Report, playlist: &Playlist, tracks: &[Track], cost: Option<(u64, f64)>) {
    let file = playlist.entries.first().and_then(|entry| entry.path.as_deref());
    let names = |track: &&Track| track.playlist.entries.iter().any(|entry| entry.path.as_deref() == file);
    let Some(source) = tracks.iter().filter(|track| track.size().is_some()).find(names).filter(|_| file.is_some()) else {
        return;
    };
    let kind = |track: &Track| track.init.as_ref().map(|init| (init.entry.kind, init.entry.media));
    let alike = tracks.iter().filter(|track| kind(track) == kind(source));
    let lowest = alike.filter_map(|track| Some((rates::measured(track)?.average_bps, track.path()))).min();
    let (Some(own), Some((least_bps, least))) = (rates::measured(source), lowest) else { return };
    report.should(own.average_bps <= least_bps, "HLS-AUTH 6.4", &playlist.path, || {
        format!("has pictures of {}, and those of {least} are of the same size at a lower rate", source.path())
    });
    let Some((bps, frames_s)) = cost else { return };
    let fitting_bps = least_bps as f64 * frames_s / SHARE;
    report.should(bps as f64 <= fitting_bps * TIMES, "HLS-AUTH 6.5", &playlist.path, || {
        format!("takes {bps} b/s for {frames_s:.2} pictures a second, where {fitting_bps:.0} b/s are recommended")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bitrate::Bitrate,
        verify::{entry::Entry, entry::Media, init::Init, media, segment::Segment},
    };

    /// Ten seconds of pictures at a rate, in a file of this name.
    fn track(name: &str, bps: u64) -> Track {
        let media = Media::Video { width: 1280, height: 720, shown_width: 1280, colour: None };
        let entry = Entry { kind: *b"avc1", media, ..Entry::default() };
        let init = Init { timescale: 1000, entry, ..Init::default() };
        let segment = Segment { duration_ticks: 10_000, samples: 250, size_bytes: bps / 8 * 10, ..Segment::default() };
        Track { playlist: playlist(name, 1), init: Some(init), segments: vec![segment], ..Track::default() }
    }

    /// A playlist of ten seconds with as many entries, all of one file.
    fn playlist(name: &str, count: u32) -> Playlist {
        let duration_s = 10.0 / f64::from(count);
        let entry = media::Entry { path: Some(format!("{name}.m4s")), duration_s, ..media::Entry::default() };
        Playlist { path: format!("{name}.m3u8"), target_s: 10, entries: vec![entry; count as usize], ..Playlist::default() }
    }

    fn found(master: &Master, tracks: &[Track], trick: &Playlist, average_bps: u64) -> Vec<String> {
        let mut report = Report::default();
        let costs = vec![(trick.path.clone(), Bitrate { average_bps, peak_bps: average_bps })];
        check(&mut report, "master.m3u8", (master, tracks), (&[(trick.clone(), Kind::Iframes)], &costs));
        report.verdict(false).findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
    }

    #[test]
    fn trick_play_is_of_the_lowest_rate_of_its_size_and_takes_little() {
        let tracks = [track("high", 4_000_000), track("low", 3_000_000)];
        let of = |name, average_bps| found(&Master::default(), &tracks, &playlist(name, 5), average_bps);
        assert_eq!(of("low", 190_000), Vec::<String>::new());
        assert_eq!(of("high", 190_000), ["HLS-AUTH 6.4"]);
        assert_eq!(of("low", 3_000_000), ["HLS-AUTH 6.5"]);
        assert_eq!(of("made for it", 3_000_000), Vec::<String>::new(), "of what nothing is known");
    }

    #[test]
    fn trick_play_is_for_old_devices_and_in_hdr_for_all_sizes() {
        let stream = |codec: &str, range: &str, resolution| Stream {
            codecs: Some(vec![codec.to_owned()]),
            video_range: Some(range.to_owned()),
            resolution: Some(resolution),
            ..Stream::default()
        };
        let (small, large) = ((960, 540), (1920, 1080));
        let of = |iframes: &[Stream]| {
            let streams = vec![stream("hvc1.2.4.L90.90", "PQ", small), stream("hvc1.2.4.L120.90", "PQ", large)];
            let master = Master { streams, iframes: iframes.to_vec(), ..Master::default() };
            found(&master, &[], &playlist("any", 1), 1)
        };
        let old = stream("avc1.64001f", "SDR", small);
        assert_eq!(of(std::slice::from_ref(&old)), Vec::<String>::new());
        assert_eq!(of(&[stream("hvc1.1.6.L90.90", "SDR", small)]), ["HLS-AUTH 6.14"]);
        assert_eq!(of(&[old.clone(), stream("hvc1.2.4.L90.90", "PQ", small)]), ["HLS-AUTH 6.15"]);
        let both = [small, large].map(|size| stream("hvc1.2.4.L90.90", "PQ", size));
        assert_eq!(of(&[&[old][..], &both].concat()), Vec::<String>::new());
    }
}
