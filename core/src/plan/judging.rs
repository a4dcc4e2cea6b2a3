//! Which pictures of which rungs are judged while they are made: by their times alone, so that it does not matter who makes what.

use super::{Plan, Rung, timeline::GOPS_PER_SEGMENT};
use serde::{Deserialize, Serialize};

/// Pictures that are judged of a sample, which is one group of pictures in each segment: a segment of six seconds at 30 frames a second
/// has 180.
const SAMPLE_PICTURES: u64 = 3;
/// Parts into which the distance between two judged pictures is divided: samples begin at different ones.
const OFFSETS: u64 = 8;

/// How much of what is made is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Nothing.
    #[default]
    Off,
    /// About one picture in sixty, of the highest rung of a ladder and one other at a time.
    Sample,
    /// Every picture of every rung.
    Full,
}

/// How the quality of what is made is measured before it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judging {
    /// How much is judged.
    pub scope: Scope,
    /// Mean VMAF of a segment's judged pictures below which it is made once more, better, in the highest rung of a ladder.
    pub floor_vmaf: Option<f64>,
}

impl Plan {
    /// Whether pictures of `rung` are judged in the group of pictures with that number.
    #[must_use]
    pub fn judges_in(&self, rung: &Rung, group: u64) -> bool {
        match self.judging.scope {
            Scope::Off => false,
            Scope::Full => true,
            Scope::Sample => {
                // As if the first segment were whole and had begun earlier. Another group of each segment in turn.
                let group = group.saturating_add(self.timeline.first_lacks_gops);
                let segment = group / GOPS_PER_SEGMENT;
                group % GOPS_PER_SEGMENT == (segment + GOPS_PER_SEGMENT - 1) % GOPS_PER_SEGMENT && self.is_watched(rung, segment)
            }
        }
    }

    /// Whether the picture of `rung` at `tick` is judged, the one before it being at `before`.
    #[must_use]
    pub fn judges(&self, rung: &Rung, before: Option<u64>, tick: u64) -> bool {
        let timeline = &self.timeline;
        let group = timeline.gop_of(tick);
        if !self.judges_in(rung, group) {
            return false;
        }
        if self.judging.scope == Scope::Full {
            return true;
        }
        // The first picture after each of some moments that are spread over the group.
        let (start, step) = (group * timeline.gop_ticks, (timeline.gop_ticks / SAMPLE_PICTURES).max(1));
        let offset = step * (1 + group * 3 % (OFFSETS - 1)) / OFFSETS;
        let moments = |elapsed: u64| (elapsed + step - offset) / step;
        let passed = before.and_then(|before| before.checked_sub(start)).map_or(0, moments);
        moments(tick - start) > passed
    }

    /// Whether `rung` is the highest in its codec, which is never below the plan's floor if that can be helped.
    #[must_use]
    pub fn is_highest(&self, rung: &Rung) -> bool {
        self.rungs.iter().find(|other| other.codec == rung.codec).is_some_and(|highest| highest.id == rung.id)
    }

    /// Whether `rung` is the highest of its ladder, or that of the others whose turn it is.
    fn is_watched(&self, rung: &Rung, segment: u64) -> bool {
        let mut others = self.rungs.iter().filter(|other| other.codec == rung.codec).skip(1);
        let place = others.clone().position(|other| other.id == rung.id);
        place.map_or(self.is_highest(rung), |place| place as u64 == segment % others.by_ref().count() as u64)
    }
}

impl Rung {
    /// The same rung at better settings, best first: nothing that players are told of it changes, and its cap stays.
    #[must_use]
    pub fn improved(&self) -> Vec<Self> {
        let crf = self.codec.better(self.crf);
        let slower = self.codec.slower(&self.preset).map(|preset| Self { preset: preset.into(), crf, ..self.clone() });
        slower.into_iter().chain([Self { crf, ..self.clone() }]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        Recipe,
        tests::{film, recipe},
    };

    fn plan(scope: Scope) -> Plan {
        let judging = Judging { scope, floor_vmaf: None };
        Plan::new(&film(1920, 1080), &Recipe { judging, ..recipe() })
    }

    /// Of frames at `ticks`, those that are judged of the rung at `place`.
    fn judged(plan: &Plan, place: usize, ticks: &[u64]) -> Vec<u64> {
        let before = |index: usize| index.checked_sub(1).map(|before| ticks[before]);
        let judged = |index: &usize| plan.judges(&plan.rungs[place], before(*index), ticks[*index]);
        (0..ticks.len()).filter(judged).map(|index| ticks[index]).collect()
    }

    fn frames(plan: &Plan, count: u64) -> Vec<u64> {
        let frame = u64::from(plan.timeline.frame_ticks.expect("a constant rate"));
        (0..count).map(|number| number * frame).collect()
    }

    #[test]
    fn about_one_picture_in_sixty_is_judged_in_every_segment_of_the_highest_rung_and_of_another_in_turn() {
        let plan = plan(Scope::Sample);
        let frames = frames(&plan, 3600);
        let highest = judged(&plan, 0, &frames);
        assert!((50..=75).contains(&(3600 / highest.len())), "{}", highest.len());
        let segments = |ticks: &[u64]| {
            let mut segments: Vec<u32> = ticks.iter().map(|tick| plan.timeline.segment_of(*tick)).collect();
            segments.dedup();
            segments
        };
        let last = plan.timeline.segment_of(*frames.last().expect("frames"));
        // The last segment is short.
        assert_eq!(segments(&highest)[..last as usize - 1], (1..last).collect::<Vec<_>>());
        let mut others: Vec<u32> = (1..plan.rungs.len()).flat_map(|place| segments(&judged(&plan, place, &frames))).collect();
        others.sort_unstable();
        assert_eq!(others, segments(&highest), "one other rung at a time");
        assert_eq!(judged(&self::plan(Scope::Full), 3, &frames), frames);
        assert!(judged(&self::plan(Scope::Off), 0, &frames).is_empty());
    }

    #[test]
    fn which_pictures_are_judged_does_not_depend_on_where_a_piece_begins() {
        let plan = plan(Scope::Sample);
        let mut frames = frames(&plan, 1800);
        // Also where the rate varies.
        frames.retain(|tick| tick % 7 != 3);
        let whole = judged(&plan, 0, &frames);
        for segment in 2..9 {
            let at = frames.partition_point(|tick| *tick < plan.timeline.segment_start(segment));
            let (first, second) = frames.split_at(at);
            assert_eq!([judged(&plan, 0, first), judged(&plan, 0, second)].concat(), whole, "{segment}");
        }
        let groups: Vec<u64> = (0..30).filter(|group| plan.judges_in(&plan.rungs[0], *group)).collect();
        assert!(whole.iter().all(|tick| groups.contains(&plan.timeline.gop_of(*tick))));
    }

    #[test]
    fn a_better_setting_is_slower_and_keeps_the_cap() {
        let plan = plan(Scope::Sample);
        let rung = &plan.rungs[0];
        let improved = rung.improved();
        assert!(improved.iter().all(|better| better.crf < rung.crf && better.max_bitrate_bps == rung.max_bitrate_bps));
        assert_eq!(improved.iter().map(|better| better.preset.as_str()).collect::<Vec<_>>(), ["faster", "veryfast"]);
        assert!(plan.is_highest(rung) && !plan.is_highest(&plan.rungs[1]));
    }
}
