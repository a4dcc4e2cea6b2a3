//! Audio renditions: what is encoded of each sound track.

use super::{AudioChoice, Recipe, names::names};
use crate::source::{AudioTrack, Note};
use serde::{Deserialize, Serialize};
/// Channels of a surround rendition: 5.1.
const SURROUND_CHANNELS: u16 = 6;
/// Channels from which on a track surrounds its listeners: 5.0 lacks only what is felt more than heard.
const SURROUND_CHANNELS_MIN: u16 = 5;

/// One encoded sound track, whole and never cut at chunk seams.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioRendition {
    /// Name in object keys (`a/{id}/…`): letters, digits and dashes.
    pub id: String,
    /// Renditions of equal quality in several languages share a group.
    pub group: String,
    /// Stream index in the source.
    pub stream: u32,
    /// Target bitrate.
    pub bitrate_bps: u32,
    /// Channels of the result: mono, stereo or 5.1.
    pub channels: u16,
    /// Samples per second of the result.
    pub sample_rate_hz: u32,
    /// BCP 47 language, `und` if unknown.
    pub language: String,
    /// What a player's menu shows; unique in its group.
    pub name: String,
    /// The one that plays when the viewer chose nothing.
    pub default: bool,
}

/// Every source track in stereo at every bitrate of the recipe, then those that surround in 5.1. One track is the default: the one
/// the container marks, else the first.
pub(super) fn renditions(tracks: &[AudioTrack], recipe: &Recipe, notes: &mut Vec<Note>) -> Vec<AudioRendition> {
    let default = tracks.iter().position(|track| track.default).unwrap_or(0);
    let names = names(tracks.iter().map(|track| (track.title.as_deref(), track.language.as_str())));
    let rendition = |group: &str, choice: &AudioChoice, channels: u16, position: usize| {
        let (track, group) = (&tracks[position], format!("{group}-{}", choice.bitrate_bps / 1000));
        AudioRendition {
            id: format!("{group}-{position}"),
            group,
            stream: track.stream,
            bitrate_bps: choice.bitrate_bps,
            channels,
            sample_rate_hz: if track.sample_rate_hz == 44_100 { 44_100 } else { 48_000 },
            language: track.language.clone(),
            name: names[position].clone(),
            default: position == default,
        }
    };
    let mut renditions = Vec::new();
    for choice in &recipe.audio {
        let stereo = |position: usize| rendition("aac", choice, tracks[position].channels.clamp(1, 2), position);
        renditions.extend((0..tracks.len()).map(stereo));
    }
    let surrounds = |position: &usize| tracks[*position].channels >= SURROUND_CHANNELS_MIN;
    if let Some(choice) = &recipe.surround {
        let surround = |position| rendition("aac-51", choice, SURROUND_CHANNELS, position);
        renditions.extend((0..tracks.len()).filter(surrounds).map(surround));
    }
    for track in tracks.iter().filter(|track| track.channels > 2) {
        let wide = renditions.iter().find(|rendition| rendition.stream == track.stream && rendition.channels > 2);
        let into = match wide {
            Some(kept) if kept.channels == track.channels => "to stereo beside its 5.1",
            Some(_) => "to 5.1 and to stereo",
            None => "to stereo",
        };
        let message = format!("audio stream {} has {} channels and is mixed {into}", track.stream, track.channels);
        notes.push(Note::new("audio_downmixed", message));
    }
    renditions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{Plan, tests::recipe},
        testing,
    };

    fn track(stream: u32, channels: u16, title: Option<&str>) -> AudioTrack {
        AudioTrack {
            stream,
            codec: "aac".into(),
            channels,
            sample_rate_hz: 48_000,
            language: "en".into(),
            title: title.map(Into::into),
            default: stream == 2,
        }
    }

    /// The plan of a film with these tracks, 5.1 being wanted.
    fn plan_of(audio: Vec<AudioTrack>) -> Plan {
        let film = crate::source::Source { audio, ..testing::source() };
        Plan::new(&film, &Recipe { surround: Some(AudioChoice { bitrate_bps: 320_000 }), ..recipe() })
    }

    #[test]
    fn every_track_is_in_every_stereo_group_with_a_unique_name() {
        let plan = plan_of(vec![track(1, 2, None), track(2, 2, None), track(3, 2, Some("Director"))]);
        assert_eq!(plan.audio.len(), 6);
        let names: Vec<_> = plan.audio.iter().filter(|a| a.group == "aac-64").map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["English 1", "English 2", "Director"]);
        assert!(plan.audio.iter().all(|a| a.default == (a.stream == 2)));

        let table: [(&[&str], &[&str]); 5] = [
            (&["A", "A", "A 2"], &["A 1", "A 3", "A 2"]),
            (&["A", "A", "A 1", "A 1", "A 2"], &["A 1", "A 3", "A 1 1", "A 1 2", "A 2"]),
            (&["A ", " A", "\u{1}A"], &["A 1", "A 2", "A 3"]),
            (&["Di\"rector\n", ""], &["Di rector", "English"]),
            (&["", "English", "Music"], &["English 1", "English 2", "Music"]),
        ];
        for (titles, expected) in table {
            let plan = plan_of(titles.iter().map(|title| track(1, 2, Some(title))).collect());
            let names: Vec<_> = plan.audio.iter().filter(|a| a.group == "aac-64").map(|a| a.name.as_str()).collect();
            assert_eq!(names, expected, "{titles:?}");
        }
    }

    #[test]
    fn what_surrounds_is_also_there_in_surround() {
        let table: [(u16, &[u16], Option<&str>); 7] = [
            (1, &[1, 1], None),
            (2, &[2, 2], None),
            (3, &[2, 2], Some("is mixed to stereo")),
            (5, &[2, 2, 6], Some("is mixed to 5.1 and to stereo")),
            (6, &[2, 2, 6], Some("is mixed to stereo beside its 5.1")),
            (8, &[2, 2, 6], Some("is mixed to 5.1 and to stereo")),
            (16, &[2, 2, 6], Some("is mixed to 5.1 and to stereo")),
        ];
        for (channels, expected, note) in table {
            let plan = plan_of(vec![track(1, channels, None)]);
            assert_eq!(plan.audio.iter().map(|rendition| rendition.channels).collect::<Vec<_>>(), expected, "{channels}");
            let noted = plan.notes.iter().find(|note| note.code == "audio_downmixed").map(|note| note.message.as_str());
            assert_eq!(noted.is_some(), note.is_some(), "{channels}");
            assert!(noted.unwrap_or_default().ends_with(note.unwrap_or_default()), "{channels}: {noted:?}");
        }
        let plan = plan_of(vec![track(1, 2, None), track(2, 6, Some("Wide"))]);
        let ids: Vec<_> = plan.audio.iter().map(|rendition| rendition.id.as_str()).collect();
        assert_eq!(ids, ["aac-128-0", "aac-128-1", "aac-64-0", "aac-64-1", "aac-51-320-1"]);
        let wide = plan.audio.last().unwrap();
        assert_eq!((wide.group.as_str(), wide.name.as_str(), wide.default), ("aac-51-320", "Wide", true));
        let film = crate::source::Source { audio: vec![track(1, 6, None)], ..testing::source() };
        assert!(Plan::new(&film, &recipe()).audio.iter().all(|rendition| rendition.channels == 2), "no recipe asks for it");
    }
}
