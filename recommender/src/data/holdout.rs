//! Cutting interactions in two: what models are trained on, and what they are judged by.

use super::{Interaction, Interactions};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// How a holdout is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// Each interaction with this probability: for data without an order.
    Random {
        /// Share that is held out.
        share: f64,
    },
    /// The newest titles of each profile: this many, of profiles with more than that.
    Newest {
        /// Titles per profile.
        titles: usize,
    },
    /// The newest share of each profile's titles, at least one.
    NewestShare {
        /// Share that is held out.
        share: f64,
    },
}

/// What models are trained on, and what they are judged by.
#[derive(Clone, Debug)]
pub struct Holdout {
    /// To be trained on.
    pub train: Interactions,
    /// To be judged by: only what was liked.
    pub test: Interactions,
}

impl Holdout {
    /// Cuts `all`; the same `seed` gives the same cut. A profile keeps at least one title to be trained on.
    #[must_use]
    pub fn new(all: &Interactions, cut: Cut, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut held = std::collections::HashSet::new();
        for profile in 0..all.profiles() {
            let list: Vec<Interaction> = all.of(profile).collect();
            let newest = |count: usize| list.len().saturating_sub(count.min(list.len().saturating_sub(1)))..list.len();
            let places: Vec<usize> = match cut {
                Cut::Newest { titles } => newest(titles).collect(),
                Cut::NewestShare { share } => newest(((list.len() as f64 * share).round() as usize).max(1)).collect(),
                Cut::Random { share } => {
                    let drawn = (0..list.len()).filter(|_| random.random::<f64>() < share);
                    drawn.take(list.len().saturating_sub(1)).collect()
                }
            };
            held.extend(places.into_iter().map(|place| (profile as u32, list[place].title)));
        }
        let is_held = |one: &Interaction| held.contains(&(one.profile, one.title));
        Self { train: all.filtered(|one| !is_held(one)), test: all.filtered(|one| is_held(one) && one.weight > 0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten_each() -> Interactions {
        let given = (0..40)
            .flat_map(|profile| (0..10).map(move |title| Interaction { profile, title, at: i64::from(title), weight: 1.0 }));
        Interactions::new((41, 10), given, |_, _| 0, 100)
    }

    #[test]
    fn the_newest_are_held_out() {
        let cut = Holdout::new(&ten_each(), Cut::Newest { titles: 1 }, 1);
        assert_eq!((cut.train.len(), cut.test.len()), (360, 40));
        assert!(cut.test.iter().all(|one| one.title == 9));
        let cut = Holdout::new(&ten_each(), Cut::NewestShare { share: 0.2 }, 1);
        assert_eq!((cut.train.len(), cut.test.len()), (320, 80));
        let cut = Holdout::new(&ten_each(), Cut::Newest { titles: 50 }, 1);
        assert_eq!(cut.train.len(), 40, "one title stays to be trained on");
    }

    #[test]
    fn a_random_share_is_the_same_for_the_same_seed() {
        let cut = |seed| Holdout::new(&ten_each(), Cut::Random { share: 0.1 }, seed).test.iter().collect::<Vec<_>>();
        assert_eq!(cut(3), cut(3));
        assert_ne!(cut(3), cut(4));
        assert!((20..60).contains(&cut(3).len()), "{}", cut(3).len());
    }
}
