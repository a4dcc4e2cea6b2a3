//! A recipe: a named set of encode choices, read from `transcoder/recipes/*.toml`.

use super::{Codec, Judging, Rung, Scope};
use serde::{Deserialize, Serialize};

/// Names of the recipes that there are.
pub const RECIPES: [&str; 4] = ["fast", "standard", "quality", "archive"];

/// How the rungs of a title are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ladder {
    /// Per title, by measured quality, as far as the recipe says how.
    #[default]
    Auto,
    /// The recipe's heights, up to the source's size.
    Fixed,
}

/// What becomes of interlaced pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deinterlace {
    /// Each field becomes a frame, so that movement stays as smooth as it was.
    #[default]
    Fields,
    /// Each frame stays one: half the work, and half the movement.
    Frames,
}

/// A named set of encode choices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// x264 preset, `ultrafast` to `placebo`.
    pub preset: String,
    /// What becomes of interlaced pictures.
    #[serde(default)]
    pub deinterlace: Deinterlace,
    /// Rungs of the fixed ladder, highest first.
    pub rungs: Vec<RungChoice>,
    /// How the ladder of each title is chosen by measured quality. Absent, every title gets the fixed one.
    #[serde(default)]
    pub per_title: Option<PerTitle>,
    /// Ladders in other codecs, beside that of H.264.
    #[serde(default)]
    pub additional: Vec<AdditionalLadder>,
    /// Bitrates that every sound track is encoded at, highest first; the last belongs to the lowest variant.
    pub audio: Vec<AudioChoice>,
    /// The rendition that a track of five channels and more gets beside those; `None` if such tracks are stereo only.
    pub surround: Option<AudioChoice>,
    /// How loud all sound is made; `None` if it stays as it is.
    pub loudness: Option<Loudness>,
    /// How the quality of what is made is measured; not at all where nothing is said.
    #[serde(default)]
    pub judging: Judging,
}

impl Recipe {
    /// The same recipe for ladders of that kind.
    #[must_use]
    pub fn with_ladder(self, ladder: Ladder) -> Self {
        Self { per_title: self.per_title.filter(|_| ladder == Ladder::Auto), ..self }
    }

    /// The same recipe with so much of what is made judged.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { judging: Judging { scope, ..self.judging }, ..self }
    }
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

/// A ladder in another codec than H.264. Players that know it take it instead, so it has its own rungs for good lines and poor ones,
/// and shares the sound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdditionalLadder {
    /// The codec.
    pub codec: Codec,
    /// The encoder's preset.
    pub preset: String,
    /// The encoder's options beyond the preset, `name=value` with colons between.
    #[serde(default)]
    pub options: String,
    /// Rungs of its fixed ladder, highest first. A chosen one has rungs of these heights and takes no more work.
    pub rungs: Vec<RungChoice>,
}

/// How ladders are chosen per title.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerTitle {
    /// x264 preset of what is chosen.
    pub preset: String,
    /// x264 options beyond the preset, `name=value` with colons between.
    #[serde(default)]
    pub options: String,
    /// Processor time that a rung takes so, in that of one of the fixed ladder.
    pub work: f64,
    /// Work that measuring and making a ladder may be, in that of making the fixed one.
    pub effort_max: f64,
    /// Heights that it may have beside those of the fixed one, between these.
    #[serde(default)]
    pub between: Vec<u32>,
    /// Its lowest rung, where the picture has a larger one: what the fixed ladder has there is as small as its cap asks for.
    #[serde(default)]
    pub lowest: Option<LowestChoice>,
    /// What leads while the rest is not chosen yet, highest first.
    pub start: Vec<StartChoice>,
}

impl PerTitle {
    /// `rung` as a chosen ladder makes it.
    pub(super) fn made(&self, rung: &Rung) -> Rung {
        Rung { preset: self.preset.clone(), options: self.options.clone(), ..rung.clone() }
    }
}

/// The lowest rung of ladders that are chosen. Its cap is as the fixed one's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowestChoice {
    /// Picture height in pixels.
    pub height: u32,
    /// x264 preset.
    pub preset: String,
}

/// One rung that leads: of the fixed ladder's size, at a quality of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartChoice {
    /// Picture height in pixels.
    pub height: u32,
    /// Constant rate factor.
    pub crf: f32,
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
