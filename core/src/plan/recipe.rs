//! A recipe: a named set of encode choices, read from `transcoder/recipes/*.toml`.

use serde::{Deserialize, Serialize};

/// A named set of encode choices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// x264 preset, `ultrafast` to `placebo`.
    pub preset: String,
    /// Rungs of the fixed ladder, highest first.
    pub rungs: Vec<RungChoice>,
    /// Bitrates that every sound track is encoded at, highest first; the last belongs to the lowest variant.
    pub audio: Vec<AudioChoice>,
    /// The rendition that a track of five channels and more gets beside those; `None` if such tracks are stereo only.
    pub surround: Option<AudioChoice>,
    /// How loud all sound is made; `None` if it stays as it is.
    pub loudness: Option<Loudness>,
}

/// One rung of the fixed ladder, as for a 16:9 picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungChoice {
    /// Picture height in pixels.
    pub height: u32,
    /// Constant rate factor.
    pub crf: f32,
    /// Rate that the buffer model never exceeds, at 30 frames a second.
    pub max_bitrate_bps: u32,
}

/// One bitrate for sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioChoice {
    /// Target bitrate of the rendition.
    pub bitrate_bps: u32,
}

/// How loud all sound is made, by one constant gain for each track and mix. Measures are those of ITU-R BS.1770-4 and EBU R 128.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loudness {
    /// Gated loudness of a whole track.
    pub target_lkfs: f64,
    /// What no true peak may exceed: those that the gain would lift above are limited.
    pub true_peak_max_dbtp: f64,
}
