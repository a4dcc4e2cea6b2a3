//! Which pictures of which rungs are judged while they are made: by their times alone, so that it does not matter who makes what.

use super::{Plan, Rung, timeline::GOPS_PER_SEGMENT};
use serde::{Deserialize, Serialize};

/// Parts of a group of pictures that moments of a sample are told in.
const PARTS: u64 = 24;
/// Parts between the pictures of a sample, which are two: a third of a second. What comes after them need not be decoded.
const APART: u64 = 4;
/// Places in a group, and parts between them, that samples begin at in turn.
const PLACES: u64 = 7;
const PLACES_APART: u64 = 3;

/// How much of what is made is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Nothing.
    #[default]
    Off,
    /// Two pictures of each segment of a ladder's highest rung, and of every second segment of one other in turn.
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
    /// Whether pictures of `rung` are judged in the group of pictures with that number, and the tick from which on one is the last.
    #[must_use]
    pub fn judges_until(&self, rung: &Rung, group: u64) -> Option<u64> {
        match self.judging.scope {
            Scope::Off => None,
            Scope::Full => Some(u64::MAX),
            Scope::Sample => {
                // As if the first segment were whole and had begun earlier. Another group of each segment in turn.
                let whole = group.saturating_add(self.timeline.first_lacks_gops);
                let segment = whole / GOPS_PER_SEGMENT;
                let is_sample = whole % GOPS_PER_SEGMENT == (segment + GOPS_PER_SEGMENT - 1) % GOPS_PER_SEGMENT;
                (is_sample && self.is_watched(rung, segment)).then(|| self.moments(group)[1])
            }
        }
    }

    /// Whether the picture of `rung` at `tick` is judged, the one before it being at `before`.
    #[must_use]
    pub fn judges(&self, rung: &Rung, before: Option<u64>, tick: u64) -> bool {
        let group = self.timeline.gop_of(tick);
        if self.judging.scope == Scope::Full {
            return true;
        }
        // The first picture after each moment.
        let is_first = |moment: u64| tick >= moment && before.is_none_or(|before| before < moment);
        self.judges_until(rung, group).is_some() && self.moments(group).into_iter().any(is_first)
    }

    /// When a sample of a group of pictures is taken.
    fn moments(&self, group: u64) -> [u64; 2] {
        let gop_ticks = self.timeline.gop_ticks;
        let first = 1 + group * 3 % PLACES * PLACES_APART;
        [first, first + APART].map(|part| group * gop_ticks + gop_ticks * part / PARTS)
    }

    /// VMAF below which a segment of `rung` is made again, if it is the highest in its codec. What leads while the ladder is not decided
    /// does not wait for that.
    #[must_use]
    pub fn floor_vmaf(&self, rung: &Rung) -> Option<f64> {
        self.judging.floor_vmaf.filter(|_| self.undecided().is_none() && self.is_highest(rung))
    }

    fn is_highest(&self, rung: &Rung) -> bool {
        self.rungs.iter().find(|other| other.codec == rung.codec).is_some_and(|highest| highest.id == rung.id)
    }

    /// Whether `rung` is the highest of its ladder, or that of the others whose turn it is in every second segment.
    fn is_watched(&self, rung: &Rung, segment: u64) -> bool {
        let mut others = self.rungs.iter().filter(|other| other.codec == rung.codec).skip(1);
        let place = others.clone().position(|other| other.id == rung.id);
        place.map_or(self.is_highest(rung), |place| {
            segment.is_multiple_of(2) && place as u64 == segment / 2 % others.by_ref().count() as u64
        })
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
    fn two_pictures_are_judged_in_every_segment_of_the_highest_rung_and_in_every_second_of_another_in_turn() {
        let plan = plan(Scope::Sample);
        let frames = frames(&plan, 3600);
        let highest = judged(&plan, 0, &frames);
        assert!((80..=95).contains(&(3600 / highest.len())), "{}", highest.len());
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
        assert_eq!(others, segments(&highest).into_iter().step_by(2).collect::<Vec<_>>(), "one other rung at a time");
        let places = highest.iter().map(|tick| tick % plan.timeline.gop_ticks * 10 / plan.timeline.gop_ticks);
        assert_eq!(places.collect::<std::collections::BTreeSet<_>>().len(), 10, "all over the groups");
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
        for pair in whole.chunks(2) {
            let until = plan.judges_until(&plan.rungs[0], plan.timeline.gop_of(pair[0])).expect("a group that is judged");
            assert!(pair[0] < until && until <= pair[1], "{pair:?} {until}");
        }
    }

    #[test]
    fn a_better_setting_is_slower_and_keeps_the_cap() {
        let plan = plan(Scope::Sample);
        let rung = &plan.rungs[0];
        let improved = rung.improved();
        assert!(improved.iter().all(|better| better.crf < rung.crf && better.max_bitrate_bps == rung.max_bitrate_bps));
        assert_eq!(improved.iter().map(|better| better.preset.as_str()).collect::<Vec<_>>(), ["faster", "veryfast"]);
        let judging = Judging { floor_vmaf: Some(70.0), ..plan.judging };
        let plan = Plan { judging, ..plan.clone() };
        assert_eq!((plan.floor_vmaf(rung), plan.floor_vmaf(&plan.rungs[1])), (Some(70.0), None));
    }
}
