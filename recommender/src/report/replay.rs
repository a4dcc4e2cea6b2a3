//! What a choice would have shown those who saw something else.

use super::OffPolicyReport;
use crate::{
    experiment::{Logged, OffPolicy, Sums},
    serving::{Recommender, RowKind},
};
use marquee_backends::db::impressions::Outcome;
use marquee_core::{
    ErrorKind, Result,
    config::Ranking,
    id::{ProfileId, VideoId},
};
use std::collections::{HashMap, HashSet};
use time::Date;

/// Lists that are made once more; of more, those that were seen first.
const LISTS_MAX: usize = 20_000;
/// Titles of such a list: as many as are answered to who does not say.
const LIST: usize = 20;

/// Lists at the top, as a choice would have made them: one for each profile and day, as of what was seen first.
pub(super) struct Replay {
    policy: Ranking,
    lists: HashMap<(ProfileId, Date), HashSet<VideoId>>,
    judged: OffPolicy,
    shown: Sums,
    left_out: u64,
}

impl Replay {
    pub(super) fn new(policy: Ranking) -> Self {
        Self { policy, lists: HashMap::new(), judged: OffPolicy::default(), shown: Sums::default(), left_out: 0 }
    }

    /// Takes what was seen at the top; nothing is left to chance elsewhere.
    pub(super) async fn take(&mut self, recommender: &Recommender, outcome: &Outcome) -> Result<()> {
        let seen = &outcome.impression;
        let is_top = seen.row.as_deref() == Some(&RowKind::Top.name());
        let Some(propensity) = seen.propensity.filter(|_| is_top) else { return Ok(()) };
        let key = (seen.profile, seen.at.date());
        if !self.lists.contains_key(&key) {
            if self.lists.len() >= LISTS_MAX {
                self.left_out += 1;
                return Ok(());
            }
            let list = match recommender.would_show(seen.profile, self.policy, seen.at, LIST).await {
                // It is gone: nothing would be shown to it.
                Err(error) if error.kind() == ErrorKind::NotFound => HashSet::new(),
                list => list?,
            };
            self.lists.insert(key, list);
        }
        let reward = f64::from(u8::from(outcome.started_after));
        let would_be = f64::from(u8::from(self.lists[&key].contains(&seen.video)));
        self.shown.add(reward, 1.0);
        self.judged.see(Logged { profile: seen.profile, propensity: propensity.into(), would_be, reward });
        Ok(())
    }

    pub(super) fn report(self) -> OffPolicyReport {
        let mut worth = self.judged.worth();
        if self.left_out > 0 {
            worth.note.push_str(&format!("; {} impressions came after {LISTS_MAX} lists and are left out", self.left_out));
        }
        OffPolicyReport { policy: self.policy, shown: self.shown.ratio().map(|ratio| ratio.value), worth }
    }
}
