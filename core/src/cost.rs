//! What a title took of the processors, by step: of the attempts that succeeded.

use serde::{Deserialize, Serialize};

/// Processor time of each step, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Looking at the source.
    pub inspect_cpu_ms: u64,
    /// Measuring what ladders would show.
    pub analyse_cpu_ms: u64,
    /// Decoding and encoding the picture.
    pub picture_cpu_ms: u64,
    /// Judging what was encoded.
    pub judge_cpu_ms: u64,
    /// Decoding and encoding sound.
    pub sound_cpu_ms: u64,
    /// Reading subtitles.
    pub subtitles_cpu_ms: u64,
    /// Posters and preview tiles.
    pub thumbnails_cpu_ms: u64,
}

impl Cost {
    /// All of it.
    #[must_use]
    pub fn total_cpu_ms(&self) -> u64 {
        let picture = [self.inspect_cpu_ms, self.analyse_cpu_ms, self.picture_cpu_ms, self.judge_cpu_ms];
        let beside = [self.sound_cpu_ms, self.subtitles_cpu_ms, self.thumbnails_cpu_ms];
        picture.into_iter().chain(beside).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_of_every_step() {
        let steps = serde_json::to_value(Cost::default()).unwrap();
        for step in steps.as_object().unwrap().keys() {
            let one: Cost = serde_json::from_value(serde_json::json!({ step: 7 })).unwrap();
            assert_eq!(one.total_cpu_ms(), 7, "{step}");
        }
        assert_eq!(Cost { inspect_cpu_ms: u64::MAX, sound_cpu_ms: 1, ..Cost::default() }.total_cpu_ms(), u64::MAX);
    }
}
