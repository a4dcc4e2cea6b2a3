//! Watches that are made, with a structure that is known: what models have to find in them.
//!
//! Titles belong to tastes, and some are popular beyond theirs. Profiles have a taste that drifts to another one in time; most titles
//! that they watch are of their taste, some are what everybody watches; and now and then one is the sequel of the last, or of one that
//! lies a few titles back.

use super::{Interaction, Interactions};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::HashSet;

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct World {
    /// Profiles.
    pub profiles: usize,
    /// Titles.
    pub titles: usize,
    /// Titles that a profile watches on average; half of them at least.
    pub watches: usize,
    /// Tastes.
    pub tastes: usize,
    /// Share of watches that are of one's own taste.
    pub own_share: f64,
    /// Share of watches that are the sequel of an earlier one.
    pub sequel_share: f64,
    /// Titles between a title and its sequel.
    pub sequel_gap: usize,
    /// Share of profiles whose taste changes half way.
    pub drift_share: f64,
    /// Where chance begins.
    pub seed: u64,
}

impl World {
    /// A small world, of tastes and nothing else.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        Self {
            profiles: 600,
            titles: 240,
            watches: 16,
            tastes: 8,
            own_share: 0.8,
            sequel_share: 0.0,
            sequel_gap: 0,
            drift_share: 0.0,
            seed,
        }
    }

    /// The taste of a title.
    #[must_use]
    pub fn taste(&self, title: u32) -> usize {
        title as usize % self.tastes
    }

    /// The title that is watched after `title`, where sequels are watched.
    #[must_use]
    pub fn sequel(&self, title: u32) -> u32 {
        ((u64::from(title) * 7 + 3) % self.titles as u64) as u32
    }

    /// All watches, one for each second.
    #[must_use]
    pub fn watches(&self) -> Interactions {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut given = Vec::with_capacity(self.profiles * self.watches);
        for profile in 0..self.profiles as u32 {
            self.watch(profile, &mut random, &mut given);
        }
        Interactions::new((self.profiles, self.titles), given, |_, _| 0, usize::MAX)
    }

    fn watch(&self, profile: u32, random: &mut StdRng, given: &mut Vec<Interaction>) {
        let begins = profile as usize % self.tastes;
        let drifts = random.random::<f64>() < self.drift_share;
        let ends = if drifts { random.random_range(0..self.tastes) } else { begins };
        let count = (self.watches / 2 + random.random_range(0..=self.watches)).min(self.titles / 2);
        let (mut seen, mut watched) = (HashSet::new(), Vec::with_capacity(count));
        for at in 0..count {
            let taste = if at < count / 2 { begins } else { ends };
            let before = at.checked_sub(self.sequel_gap + 1).map(|before| watched[before]);
            let sequel = before.filter(|_| random.random::<f64>() < self.sequel_share).map(|before| self.sequel(before));
            let mut title = sequel.unwrap_or_else(|| self.drawn(taste, random));
            while !seen.insert(title) {
                title = self.drawn(taste, random);
            }
            watched.push(title);
            given.push(Interaction { profile, title, at: at as i64 + 1, weight: 1.0 });
        }
    }

    /// A title, popular ones more often, mostly of `taste`.
    fn drawn(&self, taste: usize, random: &mut StdRng) -> u32 {
        // The square of an even draw: the first tenth of titles has a third of the watches.
        let rank = (random.random::<f64>().powi(2) * self.titles as f64) as usize;
        let title = rank.min(self.titles - 1);
        if random.random::<f64>() >= self.own_share {
            return title as u32;
        }
        let own = title - title % self.tastes + taste;
        if own < self.titles { own as u32 } else { (own - self.tastes) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_it_says() {
        let world = World { sequel_share: 0.3, ..World::small(5) };
        let watches = world.watches();
        assert_eq!((watches.profiles(), watches.titles()), (600, 240));
        let mean = watches.len() / watches.profiles();
        assert!((14..=18).contains(&mean), "{mean}");
        let sequels = (0..600).flat_map(|profile| {
            let titles: Vec<u32> = watches.rows().row(profile).0.to_vec();
            titles.windows(2).map(|pair| pair[1] == world.sequel(pair[0])).collect::<Vec<_>>()
        });
        let sequels: Vec<bool> = sequels.collect();
        let share = sequels.iter().filter(|is| **is).count() as f64 / sequels.len() as f64;
        assert!((0.2..0.4).contains(&share), "{share}");
        let own = watches.iter().filter(|one| world.taste(one.title) == one.profile as usize % 8).count();
        assert!(own * 10 > watches.len() * 5, "{own} of {}", watches.len());
        assert_eq!(world.watches().iter().collect::<Vec<_>>(), watches.iter().collect::<Vec<_>>());
    }
}
