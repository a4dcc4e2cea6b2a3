//! Subtitle renditions: what is extracted of each subtitle track.

use super::names::names;
use crate::source::SubtitleTrack;
use serde::{Deserialize, Serialize};

/// One subtitle track as text, on the same segments as the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleRendition {
    /// Name in object keys (`s/{id}/…`).
    pub id: String,
    /// Stream index in the source.
    pub stream: u32,
    /// BCP 47 language, `und` if unknown.
    pub language: String,
    /// What a player's menu shows; unique.
    pub name: String,
    /// Only what everybody has to read.
    pub forced: bool,
    /// Tells of sounds, too.
    pub hearing_impaired: bool,
}

/// Every track once.
pub(super) fn renditions(tracks: &[SubtitleTrack]) -> Vec<SubtitleRendition> {
    let names = names(tracks.iter().map(|track| (track.title.as_deref(), track.language.as_str())));
    let rendition = |((position, track), name): ((usize, &SubtitleTrack), String)| SubtitleRendition {
        id: format!("text-{position}"),
        stream: track.stream,
        language: track.language.clone(),
        name,
        forced: track.forced,
        hearing_impaired: track.hearing_impaired,
    };
    tracks.iter().enumerate().zip(names).map(rendition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_track_is_a_rendition_with_a_unique_name() {
        let track = |stream: u32, title: Option<&str>, forced: bool| SubtitleTrack {
            stream,
            codec: "subrip".into(),
            language: "en".into(),
            title: title.map(Into::into),
            forced,
            hearing_impaired: !forced,
        };
        let renditions = renditions(&[track(2, None, false), track(3, Some("Signs\n"), true), track(5, None, false)]);
        let found: Vec<_> = renditions
            .iter()
            .map(|one| (one.id.as_str(), one.stream, one.name.as_str(), one.forced, one.hearing_impaired))
            .collect();
        assert_eq!(
            found,
            [
                ("text-0", 2, "English 1", false, true),
                ("text-1", 3, "Signs", true, false),
                ("text-2", 5, "English 2", false, true),
            ]
        );
    }
}
