//! Which rungs are offered with which sound, and in what order.

use crate::{
    bitrate::Bitrate,
    model::{Media, Presentation, Track},
};

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

/// The variants of a presentation, in the order to list them. Every rung comes with the best audio group; the lowest
/// rung comes with the lowest group too, for the thinnest lines. `rate` says what a track costs.
pub(crate) fn variants<'a>(presentation: &'a Presentation, rate: impl Fn(&Track) -> Bitrate) -> Vec<Variant<'a>> {
    let (videos, groups) = (videos(presentation), groups(presentation));
    let combine = |video: &'a Track, group: Option<&'a str>| {
        let audio: Vec<_> = group.into_iter().flat_map(|group| members(presentation, group)).collect();
        let heaviest = audio.iter().map(|track| rate(track)).fold(Bitrate::default(), |a, b| Bitrate {
            peak_bps: a.peak_bps.max(b.peak_bps),
            average_bps: a.average_bps.max(b.average_bps),
        });
        Variant { video, group, audio, bitrate: rate(video).plus(heaviest) }
    };
    let mut variants: Vec<_> = videos.iter().map(|video| combine(video, groups.first().copied())).collect();
    if let (Some(lowest), [_, .., group]) = (videos.last(), &groups[..]) {
        variants.push(combine(lowest, Some(group)));
    }
    // Stable, so that equal rates stay in the order of the presentation.
    variants.sort_by_key(|variant| std::cmp::Reverse(variant.bitrate.average_bps));
    if let Some(first) = first(&variants) {
        variants[..=first].rotate_right(1);
    }
    variants
}

/// The variant closest to the wished rate that is not far above it; if all are, the lowest.
fn first(variants: &[Variant<'_>]) -> Option<usize> {
    let average = |index: &usize| variants[*index].bitrate.average_bps;
    (0..variants.len())
        .filter(|index| average(index) <= FIRST_VARIANT_BPS + NEAR_BPS)
        .min_by_key(|index| average(index).abs_diff(FIRST_VARIANT_BPS))
        .or(variants.len().checked_sub(1))
}

/// Video tracks, highest first as in the presentation.
pub(crate) fn videos(presentation: &Presentation) -> Vec<&Track> {
    presentation.tracks.iter().filter(|track| matches!(track.rendition.media, Media::Video { .. })).collect()
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

/// Tracks of an audio group.
pub(crate) fn members<'a>(presentation: &'a Presentation, name: &str) -> impl Iterator<Item = &'a Track> {
    let named = move |track: &&Track| matches!(&track.rendition.media, Media::Audio { group, .. } if group == name);
    presentation.tracks.iter().filter(named)
}
