//! The one input model that every manifest is written from: renditions and their segments, measured.

use crate::{
    object,
    protection::{KeyName, Protected},
    source::{CaptionChannel, Chapter, Ratio},
};
use serde::{Deserialize, Serialize};
use url::Url;

/// One encoded track, as manifests need to know it. Stored in the ledger beside its init segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rendition {
    /// Name in object keys: `v/{id}`, `a/{id}` or `s/{id}`.
    pub id: String,
    /// RFC 6381 codec string of the real sample entry, such as `avc1.64001f` or `mp4a.40.2`; `wvtt` of text.
    pub codec: String,
    /// Ticks per second of the track's times.
    pub timescale: u32,
    /// Media time at which the title starts: the track's edit takes it away, and every time below is after that. What lets
    /// reordered pictures be decoded before they are shown, or the samples that an audio encoder puts before the sound.
    pub edit_ticks: u32,
    /// Bits per second that the encoder may not exceed: declared while the rendition grows and nothing is measured yet.
    pub max_bitrate_bps: u32,
    /// What kind of track it is.
    pub media: Media,
}

impl Rendition {
    /// The folder that it lives in.
    #[must_use]
    pub fn folder(&self) -> object::Track {
        match self.media {
            Media::Video { .. } => object::Track::Video,
            Media::Audio { .. } => object::Track::Audio,
            Media::Text { .. } => object::Track::Text,
        }
    }
}

/// What kind of track a rendition is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Media {
    /// A picture track.
    Video {
        /// Width in square pixels.
        width: u32,
        /// Height in square pixels.
        height: u32,
        /// Frames per second.
        frame_rate: Ratio,
    },
    /// A sound track.
    Audio {
        /// Renditions of equal quality in several languages share a group.
        group: String,
        /// What a player's menu shows; unique in its group.
        name: String,
        /// BCP 47 language, `und` if unknown.
        language: String,
        /// The one that plays when the viewer chose nothing.
        default: bool,
        /// Channel count.
        channels: u16,
        /// Samples per second.
        sample_rate_hz: u32,
    },
    /// Subtitles, as WebVTT.
    Text {
        /// What a player's menu shows; unique among subtitles.
        name: String,
        /// BCP 47 language, `und` if unknown.
        language: String,
        /// Only what everybody has to read.
        forced: bool,
        /// Tells of sounds, too.
        hearing_impaired: bool,
    },
}

/// One stored media segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Number in the object's name, from 1.
    pub number: u32,
    /// Presentation time of the first sample, in the rendition's timescale.
    pub start_ticks: u64,
    /// Length in the rendition's timescale.
    pub duration_ticks: u64,
    /// Bytes of the object.
    pub size_bytes: u64,
    /// Where its keyframes are; empty for sound and text.
    pub iframes: Vec<Iframe>,
}

/// A keyframe inside a segment: the byte range from its `moof` to the end of the frame's data (Apple HLS Authoring Specification 6.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iframe {
    /// Presentation time in the rendition's timescale.
    pub start_ticks: u64,
    /// First byte of the range.
    pub offset_bytes: u64,
    /// Bytes of the range.
    pub size_bytes: u64,
}

/// A rendition with the segments that exist so far, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// What it is.
    pub rendition: Rendition,
    /// Its segments, by number, without gaps from the first.
    pub segments: Vec<Segment>,
}

/// A title as manifests describe it: video tracks highest first, then audio tracks: stereo groups, best first, then those of surround
/// sound; then subtitles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Presentation {
    /// Every track that the manifest offers.
    pub tracks: Vec<Track>,
    /// The film's chapters, in order.
    pub chapters: Vec<Chapter>,
    /// Closed captions that its pictures in H.264 carry.
    #[serde(default)]
    pub captions: Vec<CaptionChannel>,
    /// Who tells players which of several ways to it they are to take; `None` if there is one.
    #[serde(default)]
    pub steering: Option<Steering>,
    /// How its tracks are protected; `None` if they are in the clear.
    #[serde(default)]
    pub protected: Option<Protected>,
}

/// A server of content steering (draft-pantos-hls-rfc8216bis section 7, and ETSI TS 103 998 for DASH, with the same answers): it names hosts that have the same as the one that the manifest came
/// from, and in which order players are to ask them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steering {
    /// Where players ask it.
    pub url: Url,
    /// What it calls the host that the manifest came from: a pathway of HLS, a service location of DASH.
    pub pathway: String,
}

impl Presentation {
    /// The same title with `tracks` alone, and without chapters.
    #[must_use]
    pub fn with_tracks(&self, tracks: Vec<Track>) -> Self {
        let (captions, steering, protected) = (self.captions.clone(), self.steering.clone(), self.protected.clone());
        Self { tracks, chapters: Vec::new(), captions, steering, protected }
    }

    /// The key of segment `number` of a track; `None` for one that is in the clear.
    #[must_use]
    pub fn key_of(&self, track: &Track, number: u32) -> Option<KeyName> {
        self.protected.as_ref()?.key_of(&track.rendition.media, number)
    }
}
