//! DASH manifests (ISO/IEC 23009-1:2022, and the DASH-IF interoperability points), written and read back by `dash-mpd-core`: one
//! static period over the segments that HLS lists, and over the sheets of preview tiles.
//!
//! Times in a manifest are earliest presentation times, as in a `sidx`: after the track's edit (ISO/IEC 14496-12 section 8.16.3), which
//! is what the ledger holds. So there is no `presentationTimeOffset`: every player that reads the boxes takes the edit away, and would
//! take it away twice. A keyframe of ours is a part of a segment, which no template can name: there is no set for trick mode, and
//! players that look for a place have the tiles.

#[cfg(test)]
mod judge;
mod set;
pub(crate) mod steering;
#[cfg(test)]
mod tests;
mod tiles;

pub(crate) use set::{cicp_channels, family};

use crate::{
    hls,
    model::{Media, Presentation, Track},
};
use dash_mpd_core::{MPD, Period};
use marquee_core::thumbnails::Thumbnails;
use std::time::Duration;

/// What stands before every manifest.
const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const NAMESPACE: &str = "urn:mpeg:dash:schema:mpd:2011";
/// ISO/IEC 23009-1 section 8.4.
const PROFILE: &str = "urn:mpeg:dash:profile:isoff-live:2011";
/// What sound and text are for (ISO/IEC 23009-1 section 5.8.5.5).
pub(crate) const ROLE: &str = "urn:mpeg:dash:role:2011";
/// Channel configurations by number (ISO/IEC 23091-3 section 6).
pub(crate) const CHANNELS: &str = "urn:mpeg:mpegB:cicp:ChannelConfiguration";
/// For whom a track is; 2 is for those who are hard of hearing (ETSI TS 103 285).
pub(crate) const PURPOSE: &str = "urn:tva:metadata:cs:AudioPurposeCS:2007";
pub(crate) const HARD_OF_HEARING: &str = "2";
/// Closed captions in pictures (SCTE 214-1): channels of CTA-608, and services of CTA-708.
pub(crate) const CAPTIONS_608: &str = "urn:scte:dash:cc:cea-608:2015";
pub(crate) const CAPTIONS_708: &str = "urn:scte:dash:cc:cea-708:2015";
/// Sets between which players may switch.
const SWITCHING: &str = "urn:mpeg:dash:adaptation-set-switching:2016";
/// Sheets of tiles (DASH-IF Interoperability Points 4.3, section 6.2.6).
pub(crate) const TILE: &str = "http://dashif.org/guidelines/thumbnail_tile";

/// The manifest of a whole title, to lie beside its multivariant playlist. `thumbnails` are offered if they are stored.
#[must_use]
pub fn manifest(presentation: &Presentation, thumbnails: Option<&Thumbnails>) -> String {
    let buffer_s = min_buffer_s(presentation);
    let mut adaptations = set::sets(presentation, buffer_s);
    adaptations.extend(thumbnails.map(|thumbnails| tiles::set(thumbnails, buffer_s)));
    for (number, set) in (1_u32..).zip(&mut adaptations) {
        set.id = Some(number.to_string());
    }
    let period = Period { id: Some("0".to_owned()), start: Some(Duration::ZERO), adaptations, ..Period::default() };
    let mpd = MPD {
        xmlns: Some(NAMESPACE.to_owned()),
        profiles: Some(PROFILE.to_owned()),
        mpdtype: Some("static".to_owned()),
        mediaPresentationDuration: Some(length(presentation)),
        minBufferTime: Some(Duration::from_secs(buffer_s)),
        base_url: presentation.steering.iter().map(steering::base_url).collect(),
        periods: vec![period],
        ..MPD::default()
    };
    let text = format!("{DECLARATION}\n{mpd}\n");
    match &presentation.steering {
        Some(by) => steering::written(&text, by),
        None => text,
    }
}

/// Seconds of buffer that rates are declared for: one segment, whichever it is.
pub(crate) fn min_buffer_s(presentation: &Presentation) -> u64 {
    hls::target_duration_s(presentation)
}

/// Length of the title: that of its picture.
pub(crate) fn length(presentation: &Presentation) -> Duration {
    let picture = presentation.tracks.iter().find(|track| matches!(track.rendition.media, Media::Video { .. }));
    picture.map_or(Duration::ZERO, |track| time(end_ticks(track), track.rendition.timescale))
}

/// When the last segment of a track ends.
pub(crate) fn end_ticks(track: &Track) -> u64 {
    track.segments.last().map_or(0, |last| last.start_ticks.saturating_add(last.duration_ticks))
}

fn time(ticks: u64, timescale: u32) -> Duration {
    let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(timescale.max(1));
    Duration::from_nanos(nanoseconds.try_into().unwrap_or(u64::MAX))
}

/// What XML can hold of a name out of people's files (XML 1.0 section 2.2), if that is anything.
pub(crate) fn clean(text: &str) -> Option<String> {
    let allowed = |character: &char| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}');
    let clean: String = text.chars().filter(allowed).collect();
    (!clean.trim().is_empty()).then_some(clean)
}
