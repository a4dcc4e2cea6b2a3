//! Which rungs are offered with which sound, and in what order.

use crate::{
    bitrate::Bitrate,
    codec::Codec,
    model::{Media, Presentation, Track},
};
use marquee_core::plan;

/// Average rate of the variant that a player tries first (Apple HLS Authoring Specification 1.32).
const FIRST_VARIANT_BPS: u64 = 2_000_000;
/// A variant above that is still near: half a megabit.
const NEAR_BPS: u64 = 500_000;

/// A video track with the audio group it is offered with, if there is sound at all.
#[derive(Clone, Debug)]
pub(crate) struct Variant<'a> {
    pub(crate) video: &'a Track,
    pub(crate) group: Option<&'a str>,
    /// Members of the group.
    pub(crate) audio: Vec<&'a Track>,
    /// Video and the heaviest sound of the group together (Apple HLS Authoring Specification 9.13).
    pub(crate) bitrate: Bitrate,
}

/// The variants of a presentation, in the order to list them. Every H.264 rung comes with the best stereo group; the lowest
/// comes with the lowest such group too, for the thinnest lines. Then come rungs of other codecs, with the same sound, and every rung
/// once more with surround sound: a player that cannot tell takes what is first. `rate` says what a track costs.
pub(crate) fn variants<'a>(presentation: &'a Presentation, rate: impl Fn(&Track) -> Bitrate) -> Vec<Variant<'a>> {
    let (videos, groups) = (videos(presentation), groups(presentation));
    let (h264, others): (Vec<_>, Vec<_>) = videos.iter().copied().partition(|track| codec(track) == plan::Codec::H264);
    let (surround, stereo): (Vec<_>, Vec<_>) = groups.iter().copied().skip(1).partition(|group| is_surround(presentation, group));
    let combine = |video: &'a Track, group: Option<&'a str>| {
        let audio = group.map_or(Vec::new(), |group| members(presentation, group));
        let heaviest = audio.iter().map(|track| rate(track)).fold(Bitrate::default(), |a, b| Bitrate {
            peak_bps: a.peak_bps.max(b.peak_bps),
            average_bps: a.average_bps.max(b.average_bps),
        });
        Variant { video, group, audio, bitrate: rate(video).plus(heaviest) }
    };
    let mut variants: Vec<_> = h264.iter().map(|video| combine(video, groups.first().copied())).collect();
    if let (Some(lowest), Some(group)) = (h264.last(), stereo.last()) {
        variants.push(combine(lowest, Some(group)));
    }
    // Stable, so that equal rates stay in the order of the presentation.
    variants.sort_by_key(|variant| std::cmp::Reverse(variant.bitrate.average_bps));
    if let Some(first) = first(&variants) {
        variants[..=first].rotate_right(1);
    }
    variants.extend(others.iter().map(|video| combine(video, groups.first().copied())));
    variants.extend(surround.iter().flat_map(|group| videos.iter().map(|video| combine(video, Some(group)))));
    variants
}

/// How good each of `variants` is among all, the best having the highest number: a better codec shows more for its bits. `None` if all
/// are of one codec: then rates say it.
pub(crate) fn scores(variants: &[Variant<'_>]) -> Option<Vec<usize>> {
    let of_video = |variant: &Variant<'_>| codec(variant.video);
    if variants.iter().all(|variant| of_video(variant) == of_video(&variants[0])) {
        return None;
    }
    let shown = |variant: &Variant<'_>| variant.bitrate.average_bps as f64 * worth(of_video(variant));
    let score = |variant| variants.iter().filter(|other| shown(other) <= shown(variant)).count();
    Some(variants.iter().map(score).collect())
}

/// What a bit of a codec shows, in bits of H.264.
fn worth(codec: plan::Codec) -> f64 {
    match codec {
        plan::Codec::H264 => 1.0,
        plan::Codec::Hevc => 1.5,
        plan::Codec::Av1 => 2.0,
    }
}

/// What the pictures of a track are coded in.
pub(crate) fn codec(track: &Track) -> plan::Codec {
    track.rendition.codec.parse::<Codec>().ok().and_then(Codec::of_picture).unwrap_or_default()
}

/// The variant closest to the wished rate that is not far above it; if all are, the lowest.
fn first(variants: &[Variant<'_>]) -> Option<usize> {
    let average = |index: &usize| variants[*index].bitrate.average_bps;
    (0..variants.len())
        .filter(|index| average(index) <= FIRST_VARIANT_BPS + NEAR_BPS)
        .min_by_key(|index| average(index).abs_diff(FIRST_VARIANT_BPS))
        .or(variants.len().checked_sub(1))
}

/// Video tracks, as in the presentation: those of one codec after those of another, each highest first.
pub(crate) fn videos(presentation: &Presentation) -> Vec<&Track> {
    presentation.tracks.iter().filter(|track| matches!(track.rendition.media, Media::Video { .. })).collect()
}

/// Subtitle tracks, in the order of the presentation.
pub(crate) fn texts(presentation: &Presentation) -> Vec<&Track> {
    presentation.tracks.iter().filter(|track| matches!(track.rendition.media, Media::Text { .. })).collect()
}

/// The language that is spoken when the viewer chose none; `None` in silence.
pub(crate) fn spoken(presentation: &Presentation) -> Option<&str> {
    let sounds = || {
        presentation.tracks.iter().filter_map(|track| match &track.rendition.media {
            Media::Audio { language, default, .. } => Some((language.as_str(), *default)),
            _ => None,
        })
    };
    sounds().find(|(_, default)| *default).or_else(|| sounds().next()).map(|(language, _)| language)
}

/// Names of the audio groups, best first as in the presentation.
pub(crate) fn groups(presentation: &Presentation) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for track in &presentation.tracks {
        if let Media::Audio { group, .. } = &track.rendition.media
            && !groups.contains(&group.as_str())
        {
            groups.push(group);
        }
    }
    groups
}

/// Tracks of an audio group, in the order of the presentation. All groups have members of the same names
/// (RFC 8216 section 4.3.4.1.1): for those that a group has no rendition of its own of, the best other one stands in.
pub(crate) fn members<'a>(presentation: &'a Presentation, group: &str) -> Vec<&'a Track> {
    let mut members: Vec<(&str, &str, &Track)> = Vec::new();
    for track in &presentation.tracks {
        let Media::Audio { group: own, name, .. } = &track.rendition.media else { continue };
        match members.iter_mut().find(|(known, found, _)| known == name && (*found != group || own != group)) {
            Some(member) if own == group => *member = (name, own, track),
            Some(_) => {}
            None => members.push((name, own, track)),
        }
    }
    members.into_iter().map(|(.., track)| track).collect()
}

/// Whether a group has a rendition of its own of more than two channels.
fn is_surround(presentation: &Presentation, name: &str) -> bool {
    presentation
        .tracks
        .iter()
        .any(|track| matches!(&track.rendition.media, Media::Audio { group, channels, .. } if group == name && *channels > 2))
}
