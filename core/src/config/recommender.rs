//! `[recommender]`: when models are trained, and what watches and opinions say.

use super::{Experiment, bad, experiments};
use crate::Result;
use serde::{Deserialize, Serialize};

/// `[recommender]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recommender {
    /// Pause between two trainings, at least 1; nothing is trained where nothing was watched since.
    pub train_every_seconds: u32,
    /// Pause between two looks at what was watched since the training, 0 to 3600; 0: only trainings learn from it.
    pub refresh_every_seconds: u32,
    /// Pairs of profile and title up to which these looks are made: they take about 50 bytes of memory for each.
    pub refresh_watches_max: u32,
    /// Power of a title's watches that its score is divided by, 0 to 1: what many know already is found without help.
    pub popularity_dial: f32,
    /// Share of a list that is given to titles of which too little is known, 0 to 0.5.
    pub exploration_share: f32,
    /// What likeness to a title further up costs a title, as a share of the best one's score, 0 to 1: lists are the more varied.
    pub variety_cost: f32,
    /// What each thing that a profile did says of its taste.
    pub weights: SignalWeights,
    /// What is tried on some profiles.
    pub experiments: Vec<Experiment>,
}

impl Default for Recommender {
    fn default() -> Self {
        Self {
            train_every_seconds: 3600,
            refresh_every_seconds: 60,
            refresh_watches_max: 5_000_000,
            popularity_dial: 0.1,
            exploration_share: 0.05,
            variety_cost: 0.1,
            weights: SignalWeights::default(),
            experiments: Vec::new(),
        }
    }
}

impl Recommender {
    /// Checks what types cannot.
    pub(super) fn validate(&self) -> Result<()> {
        if self.train_every_seconds == 0 {
            return Err(bad("recommender.train_every_seconds is at least 1".into()));
        }
        if self.refresh_every_seconds > 3600 {
            return Err(bad("recommender.refresh_every_seconds is 0 to 3600".into()));
        }
        if !(0.0..=1.0).contains(&self.popularity_dial) {
            return Err(bad("recommender.popularity_dial is 0 to 1".into()));
        }
        if !(0.0..=0.5).contains(&self.exploration_share) {
            return Err(bad("recommender.exploration_share is 0 to 0.5".into()));
        }
        if !(0.0..=1.0).contains(&self.variety_cost) {
            return Err(bad("recommender.variety_cost is 0 to 1".into()));
        }
        experiments::validate(&self.experiments)?;
        self.weights.validate()
    }
}

/// `[recommender.weights]`: -1 for what was disliked most, 1 for what was liked most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SignalWeights {
    /// Playback began.
    pub started: f32,
    /// Seventy percent was watched, or the end; between the start and that it is in proportion.
    pub finished: f32,
    /// It was left for good within the first minutes.
    pub abandoned: f32,
    /// It was liked, or rated best.
    pub liked: f32,
    /// It was disliked, or rated worst.
    pub disliked: f32,
    /// It is on the list of what is to be watched.
    pub listed: f32,
    /// It was chosen from what a search found.
    pub clicked: f32,
}

impl Default for SignalWeights {
    fn default() -> Self {
        Self { started: 0.3, finished: 1.0, abandoned: 0.0, liked: 1.0, disliked: -1.0, listed: 0.5, clicked: 0.2 }
    }
}

impl SignalWeights {
    fn validate(&self) -> Result<()> {
        let all = [
            ("started", self.started),
            ("finished", self.finished),
            ("abandoned", self.abandoned),
            ("liked", self.liked),
            ("disliked", self.disliked),
            ("listed", self.listed),
            ("clicked", self.clicked),
        ];
        match all.iter().find(|(_, weight)| !(-1.0..=1.0).contains(weight)) {
            Some((name, _)) => Err(bad(format!("recommender.weights.{name} is -1 to 1"))),
            None => Ok(()),
        }
    }
}
