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
    /// Target bitrate of the stereo rendition.
    pub bitrate_bps: u32,
}
