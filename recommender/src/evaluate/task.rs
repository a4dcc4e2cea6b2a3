//! What is to be found, by the protocol at hand.

use crate::data::{Cut, Interaction, Interactions};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::HashMap;

/// Titles that a relevant one is ranked among where nobody gives any.
const NEGATIVES: usize = 99;
/// Share of profiles whose test has to come after their training for it to be called later.
const LATER_SHARE: f64 = 0.8;
/// Shares that a holdout may take of the training.
const SHARE: (f64, f64) = (0.02, 0.3);

/// How lists are judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Protocol {
    /// All titles that were not seen in training are ranked; the relevant ones are any.
    Full,
    /// The same, and what is relevant is the newest of each profile.
    LeaveLastOut,
    /// The relevant ones are ranked among some others: these, by profile, else 99 that are drawn. Quick, and not to decide by: it
    /// can rank models in another order than the ranking of all titles does (W. Krichene, S. Rendle, KDD 2020).
    Sampled(HashMap<u32, Vec<u32>>),
}

/// What models are trained on and judged by.
#[derive(Clone, Debug)]
pub struct Task {
    /// To be trained on.
    pub train: Interactions,
    /// What is known of profiles that nothing is trained on.
    pub given: Interactions,
    /// What is relevant, by profile; it rises. Titles that the training does not know are relevant, too, and cannot be found.
    pub relevant: Vec<Vec<u32>>,
    /// How lists are judged.
    pub protocol: Protocol,
    /// How a holdout is cut of the training: as the test was.
    pub cut: Cut,
}

impl Task {
    /// The task of finding `test` after `train`; numbers of profiles may be higher in the test.
    #[must_use]
    pub fn new(train: Interactions, test: &[Interaction], protocol: Protocol, seed: u64) -> Self {
        Self::of_unseen(train, Interactions::default(), test, protocol, seed)
    }

    /// The same where the histories of some profiles are `given`, and nothing is trained on these (D. Liang et al., "Variational
    /// Autoencoders for Collaborative Filtering", WWW 2018). They know no other titles than the training.
    #[must_use]
    pub fn of_unseen(train: Interactions, given: Interactions, test: &[Interaction], protocol: Protocol, seed: u64) -> Self {
        let profiles = test.iter().map(|one| one.profile as usize + 1).max().unwrap_or(0).max(train.profiles());
        let mut relevant = vec![Vec::new(); profiles];
        for one in test.iter().filter(|one| one.weight > 0.0) {
            relevant[one.profile as usize].push(one.title);
        }
        for titles in &mut relevant {
            titles.sort_unstable();
            titles.dedup();
        }
        let cut = cut(if given.is_empty() { &train } else { &given }, test, &protocol);
        let task = Self { train, given, relevant, protocol, cut };
        let protocol = task.with_negatives(seed);
        Self { protocol, ..task }
    }

    /// What is known of `profile`: what is given, else what is trained on.
    #[must_use]
    pub fn known(&self, profile: usize) -> &Interactions {
        if self.given.rows().row_len(profile) > 0 { &self.given } else { &self.train }
    }

    /// Profiles for whom something is relevant.
    #[must_use]
    pub fn profiles(&self) -> Vec<usize> {
        (0..self.relevant.len()).filter(|profile| !self.relevant[*profile].is_empty()).collect()
    }

    fn with_negatives(&self, seed: u64) -> Protocol {
        let Protocol::Sampled(mut negatives) = self.protocol.clone() else { return self.protocol.clone() };
        let titles = self.train.titles() as u32;
        let mut random = StdRng::seed_from_u64(seed);
        for profile in self.profiles() {
            if negatives.contains_key(&(profile as u32)) {
                continue;
            }
            let mut known: std::collections::HashSet<u32> = self.known(profile).rows().row(profile).0.iter().copied().collect();
            known.extend(&self.relevant[profile]);
            let there = (titles as usize).saturating_sub(known.len()).min(NEGATIVES);
            let mut drawn = Vec::with_capacity(there);
            while drawn.len() < there {
                let title = random.random_range(0..titles);
                if known.insert(title) {
                    drawn.push(title);
                }
            }
            negatives.insert(profile as u32, drawn);
        }
        Protocol::Sampled(negatives)
    }
}

/// How the test was cut, as far as it shows: its size and whether it came later say nothing of what is relevant.
fn cut(known: &Interactions, test: &[Interaction], protocol: &Protocol) -> Cut {
    let share = (test.len() as f64 / (known.len() + test.len()).max(1) as f64).clamp(SHARE.0, SHARE.1);
    let profiles = test.iter().map(|one| one.profile).collect::<std::collections::HashSet<_>>().len();
    if *protocol == Protocol::LeaveLastOut {
        return Cut::Newest { titles: 1 };
    }
    if !known.is_timed() || !is_later(known, test) {
        return Cut::Random { share };
    }
    if test.len() <= profiles { Cut::Newest { titles: 1 } } else { Cut::NewestShare { share } }
}

/// Whether the test comes after the training; where it has no times, it is taken to.
fn is_later(train: &Interactions, test: &[Interaction]) -> bool {
    let mut first: HashMap<u32, i64> = HashMap::new();
    for one in test {
        let at = first.entry(one.profile).or_insert(one.at);
        *at = (*at).min(one.at);
    }
    if test.iter().all(|one| one.at == 0) {
        return true;
    }
    let last = |profile: u32| train.of(profile as usize).next_back().map(|one| one.at);
    let known: Vec<bool> = first.iter().filter_map(|(profile, at)| last(*profile).map(|last| *at >= last)).collect();
    known.iter().filter(|later| **later).count() as f64 >= known.len() as f64 * LATER_SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(timed: bool) -> Interactions {
        let given = (0..10).flat_map(|profile| {
            (0..9).map(move |title| Interaction { profile, title, at: if timed { i64::from(title) + 1 } else { 0 }, weight: 1.0 })
        });
        Interactions::new((10, 200), given, |_, _| 0, 99)
    }

    fn test(per_profile: u32, at: i64) -> Vec<Interaction> {
        (0..10)
            .flat_map(|profile| (0..per_profile).map(move |title| Interaction { profile, title: 100 + title, at, weight: 1.0 }))
            .collect()
    }

    #[test]
    fn the_holdout_is_cut_as_the_test_was() {
        let cut = |timed, test: &[Interaction], protocol| Task::new(train(timed), test, protocol, 1).cut;
        assert_eq!(cut(false, &test(1, 0), Protocol::LeaveLastOut), Cut::Newest { titles: 1 });
        assert_eq!(cut(false, &test(1, 0), Protocol::Full), Cut::Random { share: 0.1 });
        assert_eq!(cut(true, &test(1, 99), Protocol::Full), Cut::Newest { titles: 1 });
        assert_eq!(cut(true, &test(3, 99), Protocol::Full), Cut::NewestShare { share: 0.25 });
        assert_eq!(cut(true, &test(3, 0), Protocol::Full), Cut::NewestShare { share: 0.25 }, "without times it is later");
        assert_eq!(cut(true, &test(1, 3), Protocol::Full), Cut::Random { share: 0.1 }, "it lies among the training");
    }

    #[test]
    fn what_is_given_is_known_and_cut_by() {
        let given =
            Interactions::new((12, 200), (0..8).map(|title| Interaction { profile: 11, title, at: 0, weight: 1.0 }), |_, _| 0, 9);
        let test = [Interaction { profile: 11, title: 100, at: 0, weight: 1.0 }; 2];
        let task = Task::of_unseen(train(false), given, &test, Protocol::Full, 1);
        assert_eq!(task.cut, Cut::Random { share: 0.2 });
        assert_eq!((task.known(11).of(11).len(), task.known(3).of(3).len(), task.known(40).of(40).len()), (8, 9, 0));
    }

    #[test]
    fn negatives_are_drawn_among_what_is_neither_known_nor_relevant() {
        let task = Task::new(train(false), &test(2, 0), Protocol::Sampled(HashMap::new()), 5);
        let Protocol::Sampled(negatives) = &task.protocol else { panic!("sampled") };
        assert_eq!((negatives.len(), negatives[&3].len()), (10, 99));
        assert!(negatives[&3].iter().all(|title| *title > 8 && !(100..102).contains(title)));
    }
}
