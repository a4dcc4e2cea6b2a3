//! What each profile saw, and what it made of it.

use super::Wish;
use crate::{
    experiment::{Group, Tally},
    serving::meter::is_new,
};
use marquee_backends::db::{Db, impressions::Outcome};
use marquee_core::{
    Result,
    id::{ProfileId, VideoId},
};
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;

/// Profiles that are counted; of more, those that came first.
const PROFILES_MAX: usize = 2_000_000;
/// Variants that are told apart where nothing is configured: names come from clients.
const VARIANTS_MAX: usize = 20;
/// Profiles whose watching is asked for at once.
const PROFILES_PAGE: usize = 1_000;
/// How all that was seen is called where no experiment is named.
const ALL: &str = "all";

/// What was seen, by profile and variant.
pub(super) struct Gathered<'a> {
    wish: &'a Wish<'a>,
    names: Vec<String>,
    titles: Vec<HashSet<VideoId>>,
    profiles: HashMap<ProfileId, Seen>,
    left_out: LeftOut,
}

/// What could not be counted.
#[derive(Default)]
struct LeftOut {
    unknown_variant: u64,
    too_many_profiles: u64,
}

struct Seen {
    variant: usize,
    /// Whether it saw another variant, too: it is none's then.
    is_mixed: bool,
    first_at: OffsetDateTime,
    /// Titles that it began: one that it was shown more than once before is begun once.
    begun: HashSet<VideoId>,
    tally: Tally,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(wish: &'a Wish<'a>) -> Self {
        let names: Vec<String> = match wish.configured {
            Some(configured) => configured.variants.iter().map(|variant| variant.name.clone()).collect(),
            None => Vec::new(),
        };
        let titles = vec![HashSet::new(); names.len()];
        Self { wish, names, titles, profiles: HashMap::new(), left_out: LeftOut::default() }
    }

    pub(super) fn take(&mut self, outcome: &Outcome) {
        let impression = &outcome.impression;
        let Some(variant) = self.variant(impression.variant.as_deref()) else {
            self.left_out.unknown_variant += 1;
            return;
        };
        let has_room = self.profiles.len() < PROFILES_MAX || self.profiles.contains_key(&impression.profile);
        if !has_room {
            self.left_out.too_many_profiles += 1;
            return;
        }
        self.titles[variant].insert(impression.video);
        let new = Seen { variant, is_mixed: false, first_at: impression.at, begun: HashSet::new(), tally: Tally::default() };
        let seen = self.profiles.entry(impression.profile).or_insert(new);
        seen.is_mixed |= seen.variant != variant;
        seen.first_at = seen.first_at.min(impression.at);
        let tally = &mut seen.tally;
        tally.impressions += 1;
        tally.new_titles += u32::from(is_new(impression.video, impression.at));
        if outcome.started_after && seen.begun.insert(impression.video) {
            tally.started += 1;
            tally.completed += u32::from(outcome.completed_after);
            tally.abandoned += u32::from(outcome.abandoned_after);
            tally.watched += outcome.share_watched_after;
        }
    }

    fn variant(&mut self, name: Option<&str>) -> Option<usize> {
        let name = if self.wish.experiment.is_none() { ALL } else { name? };
        if let Some(known) = self.names.iter().position(|known| known == name) {
            return Some(known);
        }
        if self.wish.configured.is_some() || self.names.len() >= VARIANTS_MAX {
            return None;
        }
        self.names.push(name.to_owned());
        self.titles.push(HashSet::new());
        Some(self.names.len() - 1)
    }

    /// Adds what all of them watched since they were part of it, and for how long they are.
    pub(super) async fn add_watched(&mut self, db: &Db) -> Result<()> {
        let until = self.wish.until;
        let all: Vec<(ProfileId, OffsetDateTime)> = self.profiles.iter().map(|(id, seen)| (*id, seen.first_at)).collect();
        for page in all.chunks(PROFILES_PAGE) {
            for watched in db.watched(page, until).await? {
                if let Some(seen) = self.profiles.get_mut(&watched.profile) {
                    seen.tally.active_days = u32::try_from(watched.days).unwrap_or(u32::MAX);
                    seen.tally.watched_minutes = watched.watched_ms as f64 / 60_000.0;
                }
            }
        }
        for seen in self.profiles.values_mut() {
            let days = until.to_offset(time::UtcOffset::UTC).date() - seen.first_at.to_offset(time::UtcOffset::UTC).date();
            // The first day counts, too.
            seen.tally.days = u32::try_from(days.whole_days() + 1).unwrap_or(1);
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.profiles.is_empty()
    }

    /// The variants.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The variants with their profiles.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.names.iter().map(|name| Group::new(name)).collect();
        self.profiles.values().filter(|seen| !seen.is_mixed).for_each(|seen| groups[seen.variant].add(&seen.tally));
        groups
    }

    /// How many profiles each variant has.
    pub(super) fn profiles(&self) -> Vec<u64> {
        let mut counts = vec![0; self.names.len()];
        self.profiles.values().filter(|seen| !seen.is_mixed).for_each(|seen| counts[seen.variant] += 1);
        counts
    }

    /// How many different titles each variant showed.
    pub(super) fn titles(&self) -> Vec<usize> {
        self.titles.iter().map(HashSet::len).collect()
    }

    /// What was left out, in words.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mixed = self.profiles.values().filter(|seen| seen.is_mixed).count() as u64;
        let told = [
            (mixed, "profiles saw more than one variant and are left out: were weights changed while it ran?"),
            (self.left_out.unknown_variant, "impressions name no variant that there is, and are left out"),
            (self.left_out.too_many_profiles, "impressions of profiles that came later are left out: look at a shorter time"),
        ];
        told.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }
}
