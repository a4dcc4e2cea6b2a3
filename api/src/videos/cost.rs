//! What a video took, on the wire.

use marquee_core::cost::Cost;
use serde::Serialize;
use utoipa::ToSchema;

/// Processor time that a video took, by step, in milliseconds: of the attempts that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Cost)]
pub(crate) struct CostView {
    /// All of it.
    total_cpu_ms: u64,
    /// Looking at the source.
    inspect_cpu_ms: u64,
    /// Measuring what ladders would show.
    analyse_cpu_ms: u64,
    /// Decoding and encoding the picture.
    picture_cpu_ms: u64,
    /// Judging what was encoded.
    judge_cpu_ms: u64,
    /// Decoding and encoding sound.
    sound_cpu_ms: u64,
    /// Reading subtitles.
    subtitles_cpu_ms: u64,
    /// Posters and preview tiles.
    thumbnails_cpu_ms: u64,
}

impl From<Cost> for CostView {
    fn from(cost: Cost) -> Self {
        Self {
            total_cpu_ms: cost.total_cpu_ms(),
            inspect_cpu_ms: cost.inspect_cpu_ms,
            analyse_cpu_ms: cost.analyse_cpu_ms,
            picture_cpu_ms: cost.picture_cpu_ms,
            judge_cpu_ms: cost.judge_cpu_ms,
            sound_cpu_ms: cost.sound_cpu_ms,
            subtitles_cpu_ms: cost.subtitles_cpu_ms,
            thumbnails_cpu_ms: cost.thumbnails_cpu_ms,
        }
    }
}
