//! What became of what one profile was shown, and the ratios that are made of it.

/// Of one profile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Titles that it saw in rows of recommendations, each time.
    pub impressions: u32,
    /// Those that it played afterwards.
    pub started: u32,
    /// Of these, those that it watched to their end,
    pub completed: u32,
    /// and those that it left soon after their beginning.
    pub abandoned: u32,
    /// How much it watched of those that it played, each as a share of its length.
    pub watched: f64,
    /// Titles among those that it saw that were new.
    pub new_titles: u32,
    /// Days since it was part of the experiment.
    pub days: u32,
    /// Days on which it watched anything.
    pub active_days: u32,
    /// What it watched in all, recommended or not.
    pub watched_minutes: f64,
}

/// Which way a ratio should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// The more the better.
    More,
    /// The less the better.
    Less,
    /// Neither is better.
    Neither,
}

/// A ratio that variants are compared by.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// How it is called.
    pub name: &'static str,
    /// Which way it should go.
    pub good: Good,
    /// Whether a variant must not be worse, however good the rest is.
    pub is_guardrail: bool,
    /// What is counted, and what it is counted among.
    pub of: fn(&Tally) -> (f64, f64),
}

/// All of them.
pub const METRICS: [Metric; 7] = [
    Metric {
        name: "play_through_per_impression",
        good: Good::More,
        is_guardrail: false,
        of: |tally| (tally.started.into(), tally.impressions.into()),
    },
    Metric {
        name: "completion_per_play",
        good: Good::More,
        is_guardrail: false,
        of: |tally| (tally.completed.into(), tally.started.into()),
    },
    Metric {
        name: "share_watched_per_play",
        good: Good::More,
        is_guardrail: false,
        of: |tally| (tally.watched, tally.started.into()),
    },
    Metric {
        name: "abandonment_per_play",
        good: Good::Less,
        is_guardrail: true,
        of: |tally| (tally.abandoned.into(), tally.started.into()),
    },
    Metric {
        name: "active_days_per_day",
        good: Good::More,
        is_guardrail: true,
        of: |tally| (tally.active_days.into(), tally.days.into()),
    },
    Metric {
        name: "watched_minutes_per_day",
        good: Good::More,
        is_guardrail: true,
        of: |tally| (tally.watched_minutes, tally.days.into()),
    },
    Metric {
        name: "new_titles_per_impression",
        good: Good::Neither,
        is_guardrail: false,
        of: |tally| (tally.new_titles.into(), tally.impressions.into()),
    },
];
