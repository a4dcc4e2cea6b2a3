//! Declared against measured rates, in both directions (HLS-AUTH 1.26 and 1.27, RFC 8216 section 4.1).

use super::{
    declared::members,
    master::{Master, Stream},
    media::Playlist,
    report::Report,
    track::Track,
};
use crate::bitrate::{Bitrate, Piece};

/// What a declared rate may differ from the measured one.
const TOLERANCE_PERCENT: u64 = 10;
/// Clock of listed durations.
const MICROSECONDS: u32 = 1_000_000;

/// What each I-frame playlist was measured to cost, by its path.
pub(super) type Trick = Vec<(String, Bitrate)>;

pub(super) fn check(report: &mut Report, path: &str, master: &Master, tracks: &[Track], trick: &Trick) {
    let of = |path: Option<&str>| tracks.iter().find(|track| Some(track.path()) == path).and_then(measured);
    for stream in &master.streams {
        let Some(video) = of(stream.path.as_deref()) else { continue };
        let members = members(master, stream);
        let is_apart = |path: &Option<String>| path.is_some() && *path != stream.path;
        let sounds = members.iter().filter(|member| member.kind == "AUDIO" && is_apart(&member.path));
        // Of a sound that cannot be read there are findings of its own; what it takes is not known.
        let Some(sounds) = sounds.map(|member| of(member.path.as_deref())).collect::<Option<Vec<_>>>() else { continue };
        let heaviest = sounds.into_iter().fold(Bitrate::default(), |a, b| Bitrate {
            peak_bps: a.peak_bps.max(b.peak_bps),
            average_bps: a.average_bps.max(b.average_bps),
        });
        honest(report, path, stream, video.plus(heaviest));
    }
    for stream in &master.iframes {
        let found = trick.iter().find(|(path, _)| Some(path) == stream.path.as_ref());
        if let Some((_, bitrate)) = found {
            honest(report, path, stream, *bitrate);
        }
    }
    for track in tracks {
        let Some(Bitrate { peak_bps, average_bps }) = measured(track) else { continue };
        report.should(peak_bps <= average_bps.saturating_mul(2), "HLS-AUTH 1.30", track.path(), || {
            format!("peaks at {peak_bps} b/s, more than twice its average of {average_bps}")
        });
    }
}

fn honest(report: &mut Report, path: &str, stream: &Stream, Bitrate { peak_bps, average_bps }: Bitrate) {
    for (attribute, rule, declared, measured) in [
        ("BANDWIDTH", "HLS-AUTH 1.27", stream.bandwidth_bps, peak_bps),
        ("AVERAGE-BANDWIDTH", "HLS-AUTH 1.26", stream.average_bps, average_bps),
    ] {
        let Some(declared) = declared else { continue };
        let honest = declared.abs_diff(measured).saturating_mul(100) <= measured.saturating_mul(TOLERANCE_PERCENT);
        report.must(honest, rule, path, || format!("{} declares {attribute}={declared}, measured {measured}", stream.name()));
    }
}

/// The rate of a track of pictures or sound, by its listed durations.
pub(super) fn measured(track: &Track) -> Option<Bitrate> {
    let pieces: Vec<_> = std::iter::zip(&track.playlist.entries, &track.segments)
        .map(|(entry, segment)| (segment.size_bytes, entry.duration_s))
        .collect();
    of(&pieces, &track.playlist)
}

/// The rate of pieces of some bytes and seconds.
pub(super) fn of(pieces: &[(u64, f64)], playlist: &Playlist) -> Option<Bitrate> {
    let piece = |(size_bytes, seconds): &(u64, f64)| Piece {
        duration_ticks: (seconds * f64::from(MICROSECONDS)).round() as u64,
        size_bytes: *size_bytes,
    };
    let pieces: Vec<_> = pieces.iter().map(piece).collect();
    (!pieces.is_empty()).then(|| Bitrate::of(&pieces, MICROSECONDS, playlist.target_s))
}
