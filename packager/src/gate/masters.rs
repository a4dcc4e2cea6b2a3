//! Rules about the text of a multivariant playlist.

use super::{Report, playlists::tag_lines};
use crate::{
    bitrate::Bitrate,
    hls::{self, Variant},
    model::Presentation,
};
use m3u8_rs::{AlternativeMedia, AlternativeMediaType, ClosedCaptionGroupId, MasterPlaylist, VariantStream};
use marquee_core::object;
use std::collections::{BTreeMap, BTreeSet};

/// What a declared rate may differ from the measured one (HLS-AUTH 1.26, 1.27).
const TOLERANCE_PERCENT: u64 = 10;

/// Checks `text` and gives the paths of the media playlists that it names.
pub(super) fn check(report: &mut Report, presentation: &Presentation, text: &str) -> BTreeSet<String> {
    let Ok(master) = m3u8_rs::parse_master_playlist_res(text.as_bytes()) else {
        report.must(false, "RFC 8216 4", || "the multivariant playlist cannot be read".to_owned());
        return BTreeSet::new();
    };
    let streams = tag_lines(text, "#EXT-X-STREAM-INF:") + tag_lines(text, "#EXT-X-I-FRAME-STREAM-INF:");
    let read = streams == master.variants.len() && tag_lines(text, "#EXT-X-MEDIA:") == master.alternatives.len();
    report.must(read, "RFC 8216 4.2", || "the multivariant playlist has attributes that cannot be read".to_owned());
    report.should(master.independent_segments, "HLS-AUTH 9.11", || {
        "the multivariant playlist does not say that segments are independent".to_owned()
    });
    let (trick, normal): (Vec<_>, Vec<_>) = master.variants.iter().partition(|variant| variant.is_i_frame);
    report.must(!normal.is_empty(), "RFC 8216 4.3.4.2", || "there is no variant".to_owned());
    report.must(!trick.is_empty(), "HLS-AUTH 6.1", || "there is no I-frame playlist".to_owned());
    groups(report, &master);
    captions(report, presentation, &master);
    let scored = normal.iter().filter(|stream| stream.other_attributes.iter().flatten().any(|(name, _)| name == "SCORE")).count();
    report.must(scored == 0 || scored == normal.len(), "HLS-AUTH 9.19", || {
        format!("{scored} of {} variants have a score", normal.len())
    });
    let expected = variants(presentation);
    for stream in normal {
        variant(report, &master, &expected, stream);
    }
    for stream in trick {
        let described = stream.codecs.is_some() && stream.resolution.is_some();
        report.must(described, "HLS-AUTH 9.3", || format!("{} lacks CODECS or RESOLUTION", stream.uri));
    }
    let alternatives = master.alternatives.iter().filter_map(|media| media.uri.clone());
    master.variants.iter().map(|variant| variant.uri.clone()).chain(alternatives).collect()
}

/// All audio groups have members of the same names and languages.
fn groups(report: &mut Report, master: &MasterPlaylist) {
    let mut groups: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    for media in of_type(master, &AlternativeMediaType::Audio) {
        groups.entry(&media.group_id).or_default().insert((&media.name, &media.language));
    }
    for media in of_type(master, &AlternativeMediaType::Subtitles) {
        let selected = !media.forced || media.autoselect;
        report.should(selected, "HLS-AUTH 5.11", || format!("{:?} is forced and not for players to select", media.name));
    }
    let described: BTreeSet<_> = groups.values().collect();
    report.must(described.len() <= 1, "RFC 8216 4.3.4.1.1", || "audio groups do not have the same members".to_owned());
}

/// Closed captions are offered where pictures carry them, and players are told where there are none.
fn captions(report: &mut Report, presentation: &Presentation, master: &MasterPlaylist) {
    let carried: BTreeSet<_> = presentation.captions.iter().map(ToString::to_string).collect();
    let offered = of_type(master, &AlternativeMediaType::ClosedCaptions);
    let offered: BTreeSet<_> = offered.filter_map(|media| media.instream_id.as_ref().map(ToString::to_string)).collect();
    report.must(offered == carried, "RFC 8216 4.3.4.1", || {
        format!("the closed captions {offered:?} are offered, the pictures carry {carried:?}")
    });
    let told = |stream: &&VariantStream| match &stream.closed_captions {
        Some(ClosedCaptionGroupId::None) => carried.is_empty(),
        Some(ClosedCaptionGroupId::GroupId(group)) => {
            of_type(master, &AlternativeMediaType::ClosedCaptions).any(|media| media.group_id == *group)
        }
        _ => !carried.is_empty(),
    };
    for stream in master.variants.iter().filter(|stream| !stream.is_i_frame).filter(|stream| !told(stream)) {
        report.must(false, "RFC 8216 4.3.4.2", || format!("{} says otherwise of closed captions", stream.uri));
    }
}

fn of_type<'a>(master: &'a MasterPlaylist, kind: &'a AlternativeMediaType) -> impl Iterator<Item = &'a AlternativeMedia> {
    master.alternatives.iter().filter(move |media| media.media_type == *kind)
}

/// What the final playlist should offer, measured.
fn variants(presentation: &Presentation) -> Vec<Variant<'_>> {
    let target_duration_s = hls::target_duration_s(presentation);
    hls::variants(presentation, |track| Bitrate::of_track(track, target_duration_s))
}

fn variant(report: &mut Report, master: &MasterPlaylist, expected: &[Variant<'_>], stream: &VariantStream) {
    let uri = &stream.uri;
    for (attribute, rule, present) in [
        ("CODECS", "HLS-AUTH 9.1", stream.codecs.is_some()),
        ("RESOLUTION", "HLS-AUTH 9.2", stream.resolution.is_some()),
        ("AVERAGE-BANDWIDTH", "HLS-AUTH 9.14", stream.average_bandwidth.is_some()),
        ("FRAME-RATE", "HLS-AUTH 9.15", stream.frame_rate.is_some()),
    ] {
        report.must(present, rule, || format!("{uri} lacks {attribute}"));
    }
    if let Some(group) = &stream.audio {
        let exists = of_type(master, &AlternativeMediaType::Audio).any(|media| media.group_id == *group);
        report.must(exists, "RFC 8216 4.3.4.2", || format!("{uri} names the audio group {group}, which does not exist"));
    }
    // Of subtitles there is one group, for all variants, or none.
    let text = of_type(master, &AlternativeMediaType::Subtitles).map(|media| media.group_id.as_str()).next();
    report
        .must(stream.subtitles.as_deref() == text, "RFC 8216 4.3.4.2", || format!("{uri} does not name the subtitles there are"));
    let same = |variant: &&Variant<'_>| {
        object::playlist_path(object::Track::Video, &variant.video.rendition.id) == *uri
            && variant.group == stream.audio.as_deref()
    };
    let Some(measured) = expected.iter().find(same) else {
        report.must(false, "RFC 8216 6.2.4", || format!("{uri} is not a variant of this title"));
        return;
    };
    let codecs: BTreeSet<_> = stream.codecs.iter().flat_map(|codecs| codecs.split(',')).collect();
    let tracks = std::iter::once(&measured.video).chain(&measured.audio);
    let covered = tracks.into_iter().all(|track| codecs.contains(track.rendition.codec.as_str()));
    report.must(covered, "RFC 8216 6.2.4", || format!("{uri} does not list all its codecs"));
    let Bitrate { peak_bps, average_bps } = measured.bitrate;
    for (attribute, rule, declared, measured) in [
        ("BANDWIDTH", "HLS-AUTH 1.27", stream.bandwidth, peak_bps),
        ("AVERAGE-BANDWIDTH", "HLS-AUTH 1.26", stream.average_bandwidth.unwrap_or(0), average_bps),
    ] {
        let honest = declared.abs_diff(measured).saturating_mul(100) <= measured.saturating_mul(TOLERANCE_PERCENT);
        report.must(honest, rule, || format!("{uri} declares {attribute}={declared}, measured {measured}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::many_codecs;
    use marquee_core::source::CaptionChannel;

    #[test]
    fn closed_captions_are_offered_where_they_are_and_nowhere_else() {
        let title = Presentation { captions: vec![CaptionChannel::Cc1, CaptionChannel::Service(2)], ..many_codecs() };
        let found = |title: &Presentation, text: &str| {
            let mut report = Report::default();
            check(&mut report, title, text);
            report.0.into_iter().map(|finding| finding.rule).collect::<BTreeSet<_>>()
        };
        let text = hls::master(&title);
        assert_eq!(found(&title, &text), BTreeSet::new());
        assert_eq!(found(&many_codecs(), &hls::master(&many_codecs())), BTreeSet::new());
        let (offered, named) = ("RFC 8216 4.3.4.1".into(), "RFC 8216 4.3.4.2".into());
        assert_eq!(found(&many_codecs(), &text), BTreeSet::from([offered, named]), "nobody would find them");
        for (from, to) in [("=\"captions\"\n", "=\"others\"\n"), ("CLOSED-CAPTIONS=\"captions\"\n", "CLOSED-CAPTIONS=NONE\n")] {
            assert!(text.contains(from));
            assert!(found(&title, &text.replace(from, to)).contains("RFC 8216 4.3.4.2"), "{to}");
        }
    }
}
