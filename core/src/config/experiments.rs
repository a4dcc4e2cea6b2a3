//! `[[recommender.experiments]]`: what is tried on some profiles, and what it is compared with.

use super::bad;
use crate::Result;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::HashSet;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Experiments that may be configured at a time.
const EXPERIMENTS_MAX: usize = 20;
/// Variants of one.
const VARIANTS_MAX: usize = 10;
/// Longest name: what events carry is bounded.
const NAME_LENGTH_MAX: usize = 50;

/// `[[recommender.experiments]]`: some profiles get answers that are made otherwise. A profile is part of one experiment at a time: the
/// first of the list that runs and takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// How it is called in answers, events and reports: 1 to 50 of `a-z`, `0-9`, `_` and `-`. Another name is another draw of profiles.
    pub name: String,
    /// From when on it runs, such as 2026-03-01T00:00:00Z; unset: from the start.
    #[serde(default, with = "moment", skip_serializing_if = "Option::is_none")]
    pub begins_at: Option<OffsetDateTime>,
    /// When it ends; unset: not by itself.
    #[serde(default, with = "moment", skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<OffsetDateTime>,
    /// Share of all profiles that are part of it, above 0 and at most 1. Where it is raised later, those that were stay what they were.
    #[serde(default = "whole")]
    pub share: f64,
    /// What is compared, 2 to 10. The first that changes nothing is the control.
    pub variants: Vec<Variant>,
}

/// `[[recommender.experiments.variants]]`: what differs from `[recommender]` for the profiles that get this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// How it is called: as an experiment is.
    pub name: String,
    /// How many of the experiment's profiles get it, beside the weights of the others.
    #[serde(default = "whole")]
    pub weight: f64,
    /// What titles are ranked by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
    /// Instead of `recommender.popularity_dial`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub popularity_dial: Option<f32>,
    /// Instead of `recommender.exploration_share`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploration_share: Option<f32>,
    /// Instead of `recommender.variety_cost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variety_cost: Option<f32>,
}

/// What titles are ranked by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ranking {
    /// The deployed model.
    #[default]
    Model,
    /// What many watch, as for a profile of which nothing is known.
    Popular,
}

fn whole() -> f64 {
    1.0
}

impl Experiment {
    /// Whether it runs at `now`.
    #[must_use]
    pub fn runs(&self, now: OffsetDateTime) -> bool {
        self.begins_at.is_none_or(|begins_at| begins_at <= now) && self.ends_at.is_none_or(|ends_at| now < ends_at)
    }

    /// What the others are compared with.
    #[must_use]
    pub fn control(&self) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.is_control())
    }

    /// Whether both run at some time.
    fn meets(&self, other: &Self) -> bool {
        let is_before = |one: &Self, two: &Self| one.ends_at.zip(two.begins_at).is_some_and(|(ends, begins)| ends <= begins);
        !is_before(self, other) && !is_before(other, self)
    }

    fn validate(&self) -> Result<()> {
        let key = format!("recommender.experiments, {:?}", self.name);
        is_name(&self.name).then_some(()).ok_or_else(|| misnamed("recommender.experiments.name", &self.name))?;
        if self.begins_at.zip(self.ends_at).is_some_and(|(begins_at, ends_at)| begins_at >= ends_at) {
            return Err(bad(format!("{key}: begins_at is before ends_at")));
        }
        if !(self.share > 0.0 && self.share <= 1.0) {
            return Err(bad(format!("{key}: share is above 0 and at most 1")));
        }
        if !(2..=VARIANTS_MAX).contains(&self.variants.len()) {
            return Err(bad(format!("{key}: it has 2 to {VARIANTS_MAX} variants")));
        }
        if let Some(twice) = repeated(self.variants.iter().map(|variant| variant.name.as_str())) {
            return Err(bad(format!("{key}: {twice:?} names two variants, give one another name")));
        }
        if self.control().is_none() {
            return Err(bad(format!("{key}: one variant has to change nothing, so that the others can be compared with it")));
        }
        self.variants.iter().try_for_each(|variant| variant.validate(&key))
    }
}

impl Variant {
    /// One of this name that changes nothing.
    #[must_use]
    pub fn control(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, weight: 1.0, ranking: None, popularity_dial: None, exploration_share: None, variety_cost: None }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_control(&self) -> bool {
        *self == Self { weight: self.weight, ..Self::control(&self.name) }
    }

    fn validate(&self, key: &str) -> Result<()> {
        is_name(&self.name).then_some(()).ok_or_else(|| misnamed("recommender.experiments.variants.name", &self.name))?;
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            return Err(bad(format!("{key}: the weight of {:?} is above 0", self.name)));
        }
        let shares = [
            ("popularity_dial", self.popularity_dial, 1.0),
            ("exploration_share", self.exploration_share, 0.5),
            ("variety_cost", self.variety_cost, 1.0),
        ];
        match shares.iter().find(|(_, share, most)| share.is_some_and(|share| !(0.0..=*most).contains(&share))) {
            Some((name, _, most)) => Err(bad(format!("{key}: {name} of {:?} is 0 to {most}", self.name))),
            None => Ok(()),
        }
    }
}

/// Checks what types cannot.
pub(super) fn validate(experiments: &[Experiment]) -> Result<()> {
    if experiments.len() > EXPERIMENTS_MAX {
        return Err(bad(format!("recommender.experiments: there are {EXPERIMENTS_MAX} at most, leave out those that are over")));
    }
    experiments.iter().try_for_each(Experiment::validate)?;
    if let Some(twice) = repeated(experiments.iter().map(|experiment| experiment.name.as_str())) {
        return Err(bad(format!("recommender.experiments: {twice:?} is there twice, give one another name")));
    }
    for (number, later) in experiments.iter().enumerate() {
        let takes_all = |earlier: &&Experiment| earlier.share >= 1.0 && earlier.meets(later);
        if let Some(earlier) = experiments[..number].iter().find(takes_all) {
            return Err(bad(format!(
                "recommender.experiments: {:?} takes all profiles while {:?} runs, which is left with none: lower its share, or let \
                 one end before the other begins",
                earlier.name, later.name
            )));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let is_known = |of: u8| of.is_ascii_lowercase() || of.is_ascii_digit() || b"_-".contains(&of);
    (1..=NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_known)
}

fn misnamed(key: &str, name: &str) -> crate::Error {
    bad(format!("{key} is {name:?}, but has 1 to {NAME_LENGTH_MAX} of the characters a-z, 0-9, _ and -"))
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut known = HashSet::new();
    names.into_iter().find(|name| !known.insert(*name))
}

/// A moment as TOML has it, or as text.
mod moment {
    use super::{Deserialize, Deserializer, OffsetDateTime, Rfc3339};
    use serde::de::Error;

    pub(super) use time::serde::rfc3339::option::serialize;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
        let text = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => text,
            other => other.to_string(),
        };
        let told = |_| D::Error::custom(format!("{text} is no moment with a time zone, such as 2026-03-01T00:00:00Z"));
        OffsetDateTime::parse(&text, &Rfc3339).map(Some).map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Ranking};
    use time::macros::datetime;

    const WHOLE: &str = r#"
        [recommender]
        popularity_dial = 0.1
        [[recommender.experiments]]
        name = "dial-2026"
        begins_at = 2026-03-01T00:00:00Z
        ends_at = "2026-04-01T00:00:00+02:00"
        share = 0.5
        [[recommender.experiments.variants]]
        name = "control"
        weight = 2.0
        [[recommender.experiments.variants]]
        name = "low"
        popularity_dial = 0.0
        exploration_share = 0.1
        variety_cost = 0.25
        [[recommender.experiments.variants]]
        name = "popular"
        ranking = "popular"
    "#;

    fn load(toml: &str) -> crate::Result<Config> {
        Config::load(toml, [])
    }

    #[test]
    fn an_experiment_is_read_and_shown_as_it_was_written() {
        let config = load(WHOLE).expect("valid");
        let experiment = &config.recommender.experiments[0];
        assert_eq!(experiment.ends_at, Some(datetime!(2026-03-31 22:00 UTC)));
        let runs = [datetime!(2026-02-28 23:59 UTC), datetime!(2026-03-01 00:00 UTC), datetime!(2026-03-31 22:00 UTC)];
        assert_eq!(runs.map(|now| experiment.runs(now)), [false, true, false]);
        assert_eq!(experiment.control().map(|control| control.weight), Some(2.0));
        assert_eq!((experiment.variants[1].popularity_dial, experiment.variants[2].ranking), (Some(0.0), Some(Ranking::Popular)));
        let shown = toml::to_string_pretty(&config).expect("serialises");
        assert_eq!(load(&shown).expect("valid"), config, "{shown}");
    }

    #[test]
    fn experiments_come_from_the_environment_too() {
        let text = r#"[{ name = "a", variants = [{ name = "x" }, { name = "y", ranking = "popular" }] }]"#;
        let config = Config::load("", [("MARQUEE_RECOMMENDER_EXPERIMENTS".to_owned(), text.to_owned())]).expect("valid");
        assert_eq!((config.recommender.experiments[0].share, config.recommender.experiments[0].variants.len()), (1.0, 2));
    }

    #[test]
    fn mistakes_are_told_with_their_fix() {
        let one = r#"[[recommender.experiments]]
            name = "other"
            variants = [{ name = "a" }, { name = "b", ranking = "popular" }]"#;
        let table = [
            (WHOLE.replace("dial-2026", "Dial"), "a-z"),
            (WHOLE.replace("dial-2026", &"x".repeat(51)), "1 to 50"),
            (WHOLE.replace("share = 0.5", "share = 0.0"), "share"),
            (WHOLE.replace("share = 0.5", "share = nan"), "share"),
            (WHOLE.replace("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"), "begins_at"),
            (WHOLE.replace("2026-03-01T00:00:00Z", "2026-03-01"), "no moment"),
            (WHOLE.replace("2026-03-01T00:00:00Z", "7"), "no moment"),
            (WHOLE.replace("\"low\"", "\"control\""), "two variants"),
            (WHOLE.replace("weight = 2.0", "variety_cost = 0.2"), "change nothing"),
            (WHOLE.replace("weight = 2.0", "weight = 0.0"), "weight"),
            (WHOLE.replace("popularity_dial = 0.0", "popularity_dial = 1.5"), "popularity_dial"),
            (WHOLE.replace("exploration_share = 0.1", "exploration_share = 0.6"), "exploration_share"),
            (WHOLE.replace("variety_cost = 0.25", "variety_cost = -1.0"), "variety_cost"),
            (WHOLE.replace("ranking = \"popular\"", "ranking = \"best\""), "best"),
            (WHOLE.replace("variety_cost", "rows"), "rows"),
            (format!("{WHOLE}{}", WHOLE.replace("[recommender]\n        popularity_dial = 0.1", "")), "twice"),
            (format!("{one}\n{}", one.replace("other", "later")), "left with none"),
            (one.replace(", { name = \"b\", ranking = \"popular\" }", ""), "2 to 10"),
            (format!("{one}\n{one}"), "twice"),
        ];
        for (toml, told) in table {
            let refused = load(&toml).expect_err(told);
            assert!(refused.message().contains(told), "{told}: {}", refused.message());
        }
        let after = format!("{}\n{}", one.replace("name = \"other\"", "name = \"other\"\nends_at = 2026-01-01T00:00:00Z"), {
            one.replace("name = \"other\"", "name = \"later\"\nbegins_at = 2026-01-01T00:00:00Z")
        });
        assert!(load(&after).is_ok(), "one after the other");
    }
}
