//! Variants beside their control.

use super::{
    Good, METRICS, Metric, Tally,
    ratio::Sums,
    sequential::{Interval, difference, value},
};
use serde::Serialize;

/// The profiles of one variant, added up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its name.
    pub variant: String,
    profiles: u64,
    impressions: u64,
    sums: [Sums; METRICS.len()],
}

/// What is said of a variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    pub variant: String,
    /// Profiles that saw something.
    pub profiles: u64,
    /// What they saw.
    pub impressions: u64,
    /// What came of it.
    pub metrics: Vec<Judged>,
}

/// One metric of a variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Which.
    pub metric: &'static str,
    /// What was found; `None` if there is nothing to count among.
    pub value: Option<f64>,
    /// The same with its ends; `None` if too few profiles tell.
    pub interval: Option<Interval>,
    /// By how much it is above the control's; `None` of the control, and if too few profiles tell.
    pub difference: Option<Interval>,
    /// What that means; `None` where nothing is compared.
    pub verdict: Option<Verdict>,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too few profiles tell.
    TooFew,
    /// Chance alone may be why they differ.
    Unclear,
    /// It is better than the control.
    Better,
    /// It is worse than the control.
    Worse,
    /// It is worse than the control in what must not become worse.
    GuardrailBroken,
    /// It differs from the control, which is neither good nor bad.
    Differs,
}

impl Group {
    /// A variant without profiles.
    #[must_use]
    pub fn new(variant: &str) -> Self {
        Self { variant: variant.to_owned(), ..Self::default() }
    }

    /// One profile more.
    pub fn add(&mut self, tally: &Tally) {
        self.profiles += 1;
        self.impressions += u64::from(tally.impressions);
        for (sums, metric) in self.sums.iter_mut().zip(METRICS) {
            let (of, among) = (metric.of)(tally);
            sums.add(of, among);
        }
    }
}

/// Each of `groups` beside that of the name `control`.
#[must_use]
pub fn compare(groups: &[Group], control: &str) -> Vec<Compared> {
    let beside = groups.iter().find(|group| group.variant == control);
    let compared = |group: &Group| Compared {
        variant: group.variant.clone(),
        profiles: group.profiles,
        impressions: group.impressions,
        metrics: (0..METRICS.len()).map(|place| judged(place, group, beside)).collect(),
    };
    groups.iter().map(compared).collect()
}

fn judged(place: usize, group: &Group, control: Option<&Group>) -> Judged {
    let (metric, ratio) = (METRICS[place], group.sums[place].ratio());
    let control = control.filter(|control| control.variant != group.variant);
    let beside = control.and_then(|control| control.sums[place].ratio());
    let difference = ratio.zip(beside).and_then(|(ratio, beside)| difference(&ratio, &beside));
    Judged {
        metric: metric.name,
        value: ratio.map(|ratio| ratio.value),
        interval: ratio.and_then(|ratio| value(&ratio)),
        difference,
        verdict: control.map(|_| verdict(&metric, difference)),
    }
}

fn verdict(metric: &Metric, difference: Option<Interval>) -> Verdict {
    let Some(difference) = difference else { return Verdict::TooFew };
    match (difference.is_above(), difference.is_below(), metric.good) {
        (false, false, _) => Verdict::Unclear,
        (_, _, Good::Neither) => Verdict::Differs,
        (true, _, Good::More) | (_, true, Good::Less) => Verdict::Better,
        _ if metric.is_guardrail => Verdict::GuardrailBroken,
        _ => Verdict::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profiles that start so many of ten, and abandon so many of these.
    fn group(variant: &str, profiles: u32, started: u32, abandoned: u32) -> Group {
        let mut group = Group::new(variant);
        for number in 0..profiles {
            // Every other one does a little more.
            let (impressions, started) = (10, started + number % 2);
            group.add(&Tally { impressions, started, abandoned, new_titles: 1 + number % 2, days: 1, ..Tally::default() });
        }
        group
    }

    fn verdict(compared: &[Compared], variant: usize, metric: &str) -> Option<Verdict> {
        compared[variant].metrics.iter().find(|judged| judged.metric == metric).expect("a metric").verdict
    }

    #[test]
    fn what_is_better_worse_and_unclear_is_said_so() {
        let groups = [group("control", 400, 4, 1), group("other", 400, 6, 3), group("same", 400, 4, 1), group("tiny", 3, 9, 0)];
        let compared = compare(&groups, "control");
        assert_eq!((compared[1].profiles, compared[1].impressions), (400, 4_000));
        assert_eq!(verdict(&compared, 0, "play_through_per_impression"), None);
        assert_eq!(verdict(&compared, 1, "play_through_per_impression"), Some(Verdict::Better));
        assert_eq!(verdict(&compared, 1, "abandonment_per_play"), Some(Verdict::GuardrailBroken));
        assert_eq!(verdict(&compared, 1, "new_titles_per_impression"), Some(Verdict::Unclear));
        assert_eq!(verdict(&compared, 2, "abandonment_per_play"), Some(Verdict::Unclear));
        assert_eq!(verdict(&compared, 3, "play_through_per_impression"), Some(Verdict::TooFew));
        let played = &compared[1].metrics[0];
        assert_eq!(
            (played.value, played.difference.map(|difference| (difference.value * 1e6).round())),
            (Some(0.65), Some(200_000.0))
        );
        let back = compare(&groups, "other");
        assert_eq!(verdict(&back, 0, "play_through_per_impression"), Some(Verdict::Worse));
        assert_eq!(verdict(&back, 0, "abandonment_per_play"), Some(Verdict::Better));
    }

    #[test]
    fn without_a_control_values_are_said_and_nothing_is_compared() {
        let compared = compare(&[group("a", 40, 4, 1), Group::new("b")], "control");
        assert_eq!((compared[0].metrics[0].value, verdict(&compared, 0, "abandonment_per_play")), (Some(0.45), None));
        assert_eq!(compared[1].metrics[0].value, None);
    }
}
