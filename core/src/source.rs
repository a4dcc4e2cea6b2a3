//! What `inspect` found in a source: pure data that the plan is made from, stored with the video and shown to people.

mod fields;
mod pulldown;
mod role;
mod validate;

pub(crate) use fields::counts_frames;
pub use fields::{FieldOrder, Fields, Interlacing, Shown};
pub(crate) use pulldown::filmed_rate;
pub use pulldown::{CYCLE, CYCLE_FILMED, Seen};
pub use role::ChapterRole;
pub use validate::{
    CHAPTERS_MAX, DAMAGED_MAX, DURATION_SECONDS_MAX, FRAME_RATE_MAX, KEYFRAME_STEP_SECONDS, KEYFRAMES_MAX, PIXELS_MAX,
    STREAMS_MAX, check_chapters,
};

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, num::NonZeroU32, ops::RangeInclusive};

/// How far the average rate of the beginning of a film and that of the whole may be apart, as a share.
const AVERAGES_APART_MAX: f64 = 0.2;

/// A rational number as containers write it, denominator above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    /// Numerator.
    pub num: u32,
    /// Denominator.
    #[serde(deserialize_with = "nonzero")]
    pub den: u32,
}

/// What is read from another process must not divide by zero later.
fn nonzero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    NonZeroU32::deserialize(deserializer).map(NonZeroU32::get)
}

impl Ratio {
    /// `num / den`; a zero denominator is read as 1.
    #[must_use]
    pub fn new(num: u32, den: u32) -> Self {
        Self { num, den: den.max(1) }
    }

    /// As a float, for display and bitrate arithmetic.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

/// A readable source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Demuxer's name, such as `mov,mp4,m4a,3gp,3g2,mj2`.
    pub container: String,
    /// Bytes of the whole file.
    pub size_bytes: u64,
    /// From the first presented video frame to the end of the last one.
    pub duration_ms: u64,
    /// What the container declares beyond that and does not hold.
    #[serde(default)]
    pub missing_ms: u64,
    /// What is missing in the middle: the picture stands still there.
    #[serde(default)]
    pub gaps_ms: u64,
    /// Where only the ends of the file were read: up to where the picture was, in its `time_base`. Its frames are counted by its length
    /// then, and not all keyframes are told of. `None` if everything was read that there is to know.
    #[serde(default)]
    pub seen_until: Option<i64>,
    /// The picture track that is carried.
    pub video: VideoTrack,
    /// Sound tracks that are carried, in file order.
    pub audio: Vec<AudioTrack>,
    /// Subtitle tracks that are carried, in file order.
    #[serde(default)]
    pub subtitles: Vec<SubtitleTrack>,
    /// Chapters, in order.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
    /// What was decided or left out, for the content team.
    pub notes: Vec<Note>,
}

/// The picture track. Times are in `time_base`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoTrack {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Codec's short name, such as `hevc`.
    pub codec: String,
    /// Coded width in pixels, before rotation.
    pub width: u32,
    /// Coded height in pixels, before rotation.
    pub height: u32,
    /// Shape of one pixel.
    pub sample_aspect: Ratio,
    /// Clockwise turn that shows the picture upright: 0, 90, 180 or 270.
    pub rotation_degrees: u16,
    /// Whether the picture is mirrored left to right after the turn.
    pub mirrored: bool,
    /// Pixel format's name, such as `yuv420p10le`.
    pub pixel_format: String,
    /// Bits per component.
    pub bit_depth: u8,
    /// Transfer characteristics' name (`bt709`, `smpte2084`, `arib-std-b67`, …), `unknown` if not stated.
    pub transfer: String,
    /// Colour primaries' name.
    pub primaries: String,
    /// Matrix coefficients' name.
    pub matrix: String,
    /// Whether luma uses the full range 0 to 255.
    pub full_range: bool,
    /// Closed captions that its pictures carry.
    #[serde(default)]
    pub captions: Vec<CaptionChannel>,
    /// Whether the picture is interlaced.
    pub interlaced: bool,
    /// Which of its fields come first, as pictures show it, where frames do not say so; `None` if they say what they are themselves.
    #[serde(default)]
    pub field_order: Option<FieldOrder>,
    /// Which of its fields come first if they are those of a film of 24 frames a second (3:2 pulldown); `None` if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulldown: Option<FieldOrder>,
    /// Frames per second: the exact rate if `constant_rate`, else the average.
    pub frame_rate: Ratio,
    /// Whether presentation times lie on the grid of `frame_rate`.
    pub constant_rate: bool,
    /// Seconds per unit of the track's times.
    pub time_base: Ratio,
    /// Presentation time of the first frame inside the edit list: the title's time zero.
    pub origin: i64,
    /// Presentation time at which the last frame inside the edit list ends.
    pub end: i64,
    /// Frames inside the edit list, as counted from the container.
    pub frames: u64,
    /// How a chunk's first frame is reached.
    pub seek: Seek,
    /// Presentation times of keyframes, ascending: the first one, and of the others those that come at least
    /// [`KEYFRAME_STEP_SECONDS`] later than the one before. Empty if frames are not reached by them, or nobody has looked.
    #[serde(default)]
    pub keyframes: Vec<i64>,
}

/// A channel of closed captions (ANSI/CTA-608), two in each field, or a service of them (ANSI/CTA-708). Shown as manifests call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptionChannel {
    /// The first in the first field, in the main language as a rule.
    Cc1,
    /// The other in the first field.
    Cc2,
    /// The first in the second field, in another language as a rule.
    Cc3,
    /// The other in the second field.
    Cc4,
    /// The service of this number, from 1 to 63; the first is in the main language as a rule.
    Service(u8),
}

impl CaptionChannel {
    /// Numbers of services.
    pub const SERVICES: RangeInclusive<u8> = 1..=63;

    /// The channel of CTA-608 with this number, from 1 to 4; `None` for a service.
    #[must_use]
    pub fn number(self) -> Option<u8> {
        match self {
            Self::Cc1 => Some(1),
            Self::Cc2 => Some(2),
            Self::Cc3 => Some(3),
            Self::Cc4 => Some(4),
            Self::Service(_) => None,
        }
    }

    /// Whether it is in the main language as a rule.
    #[must_use]
    pub fn is_main(self) -> bool {
        matches!(self, Self::Cc1 | Self::Service(1))
    }

    /// Whether there can be such a one.
    #[must_use]
    pub(crate) fn is_possible(self) -> bool {
        match self {
            Self::Service(number) => Self::SERVICES.contains(&number),
            Self::Cc1 | Self::Cc2 | Self::Cc3 | Self::Cc4 => true,
        }
    }
}

impl fmt::Display for CaptionChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(number) => write!(f, "SERVICE{number}"),
            Self::Cc1 | Self::Cc2 | Self::Cc3 | Self::Cc4 => write!(f, "CC{}", self.number().unwrap_or_default()),
        }
    }
}

/// How to reach a frame in the middle of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seek {
    /// Seek to the keyframe before it.
    Keyframe,
    /// Decode from the beginning: the container's times cannot be trusted after a seek.
    FromStart,
    /// Decode from the beginning, and go by the order of frames: the container does not state when they are shown.
    InOrder,
}

/// A sound track. Times are in `time_base`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioTrack {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Codec's short name.
    pub codec: String,
    /// Channel count of the source.
    pub channels: u16,
    /// Samples per second and channel.
    pub sample_rate_hz: u32,
    /// BCP 47 language, `und` if not stated.
    pub language: String,
    /// Title the container gives the track.
    pub title: Option<String>,
    /// Whether the container marks it as the default.
    pub default: bool,
}

/// A subtitle track whose cues are text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtitleTrack {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Codec's short name, such as `subrip`.
    pub codec: String,
    /// BCP 47 language, `und` if not stated.
    pub language: String,
    /// Title the container gives the track.
    pub title: Option<String>,
    /// Whether it holds only what everybody has to read, such as translated signs.
    pub forced: bool,
    /// Whether it tells of sounds, too, for those who do not hear them.
    pub hearing_impaired: bool,
}

/// A chapter of a film.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    /// Time in the title at which it begins.
    pub start_ms: u64,
    /// Time in the title at which it ends.
    pub end_ms: u64,
    /// What the container calls it; empty if it does not say.
    pub title: String,
}

/// Something the content team should know about how a source was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable code, such as `hdr_tone_mapped` or `damage_concealed`.
    pub code: String,
    /// One sentence.
    pub message: String,
}

impl Note {
    /// A note from its code and sentence.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl Source {
    /// What was read from end to end, in the words of its ends, which promised `seen`. Of a rate that varies they say another average, and
    /// where the last frame ends may depend on that: either is as good, and what was made went by theirs.
    #[must_use]
    pub fn in_words_of(mut self, seen: &Self) -> Self {
        let (video, promised) = (&mut self.video, &seen.video);
        let rate = promised.frame_rate.as_f64();
        let is_near = (video.frame_rate.as_f64() / rate - 1.0).abs() <= AVERAGES_APART_MAX;
        if !video.constant_rate && !promised.constant_rate && is_near {
            video.frame_rate = promised.frame_rate;
            let apart = i128::from(video.end) - i128::from(promised.end);
            if apart.unsigned_abs() as f64 * video.time_base.as_f64() * rate <= 1.0 {
                video.end = promised.end;
            }
        }
        self
    }

    /// Whether `whole`, which is the same file read from end to end, is what its ends promised, as far as what is made of it depends on
    /// that: the same tracks, on the same clock, of the same length.
    #[must_use]
    pub fn foresaw(&self, whole: &Self) -> bool {
        let whole = &whole.clone().in_words_of(self);
        let promise = |source: &Self| {
            // Of captions a longer look finds more: they are carried on all the same.
            let mut video = VideoTrack { frames: 0, keyframes: Vec::new(), captions: Vec::new(), ..source.video.clone() };
            if video.seek == Seek::FromStart {
                // How frames are reached changes nothing about those that are there.
                video.seek = Seek::Keyframe;
            }
            (video, source.audio.clone(), source.subtitles.clone())
        };
        promise(self) == promise(whole)
    }
}

impl VideoTrack {
    /// From the first frame to the end of the last one, rounded; at least a millisecond.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        // The times of a hostile file may be further apart than their type can count.
        let elapsed = i128::from(self.end) - i128::from(self.origin);
        let (num, den) = (i128::from(self.time_base.num), i128::from(self.time_base.den.max(1)));
        let ms = (elapsed * num * 1000 + den / 2).div_euclid(den).max(1);
        u64::try_from(ms).unwrap_or(u64::MAX)
    }

    /// Size as displayed: pixels made square, rotation applied, rounded to whole pixels.
    #[must_use]
    pub fn display_size(&self) -> (u32, u32) {
        let aspect = self.sample_aspect.as_f64();
        // The longer side keeps its pixels, so that nothing of the picture's detail is thrown away.
        let (width, height) = if aspect >= 1.0 {
            ((f64::from(self.width) * aspect).round() as u32, self.height)
        } else if aspect > 0.0 {
            (self.width, (f64::from(self.height) / aspect).round() as u32)
        } else {
            (self.width, self.height)
        };
        if self.rotation_degrees % 180 == 90 { (height, width) } else { (width, height) }
    }

    /// Whether the picture is HDR (PQ or HLG).
    #[must_use]
    pub fn is_hdr(&self) -> bool {
        matches!(self.transfer.as_str(), "smpte2084" | "arib-std-b67")
    }
}
