//! Interactions of profiles with titles, cleaned and in order.

use super::Sparse;
use std::collections::HashMap;

/// A profile did something with a title.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interaction {
    /// Row of the profile.
    pub profile: u32,
    /// Index of the title.
    pub title: u32,
    /// When, in seconds since 1970; the same for all where no times are known.
    pub at: i64,
    /// How much it says: 1 for a title that was watched, less for less, below 0 where it was disliked.
    pub weight: f32,
}

/// All interactions: each profile with each title once, each profile's oldest first.
#[derive(Clone, Debug, Default)]
pub struct Interactions {
    rows: Sparse,
    times: Vec<i64>,
    timed: bool,
}

impl Interactions {
    /// Interactions of `profiles` profiles with `titles` titles, in any order. A pair that is named more than once counts where it
    /// is newest, with the largest weight. Equal times of a profile are put in the order of `tie`, which knows the names behind the
    /// numbers: an order of rows that happens to sort by relevance would be an answer in disguise. Weights that are no numbers are
    /// left out, and rows and titles that are not there. Only the newest `newest_max` titles of a profile are kept.
    #[must_use]
    pub fn new(
        (profiles, titles): (usize, usize),
        given: impl IntoIterator<Item = Interaction>,
        tie: impl Fn(u32, u32) -> u32,
        newest_max: usize,
    ) -> Self {
        let there = |one: &Interaction| (one.profile as usize) < profiles && (one.title as usize) < titles;
        let mut all: Vec<Interaction> = given.into_iter().filter(|one| there(one) && one.weight.is_finite()).collect();
        all.sort_unstable_by_key(|one| one.profile);
        let (mut times, mut rest) = (Vec::with_capacity(all.len()), all.as_mut_slice());
        let rows = (0..profiles as u32).map(|profile| {
            let own = rest.iter().take_while(|one| one.profile == profile).count();
            let own = rest.split_off_mut(..own).unwrap_or_default();
            let kept = cleaned(own, &tie, newest_max);
            times.extend(kept.iter().map(|one| one.at));
            kept.iter().map(|one| (one.title, one.weight)).collect()
        });
        let rows = Sparse::from_rows(titles, rows);
        let timed = times.iter().any(|at| *at != times[0]);
        Self { rows, times, timed }
    }

    /// Titles and weights of each profile, the oldest first.
    #[must_use]
    pub fn rows(&self) -> &Sparse {
        &self.rows
    }

    /// Those of them that say that something was liked: weights above 0.
    #[must_use]
    pub fn liked(&self) -> Sparse {
        let row = |profile| self.rows.entries(profile).filter(|(_, weight)| *weight > 0.0).collect();
        Sparse::from_rows(self.titles(), (0..self.profiles()).map(row))
    }

    /// Number of profiles, with and without interactions.
    #[must_use]
    pub fn profiles(&self) -> usize {
        self.rows.height()
    }

    /// Number of titles.
    #[must_use]
    pub fn titles(&self) -> usize {
        self.rows.width()
    }

    /// Number of interactions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether times are known, and so order.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        self.timed
    }

    /// Interactions of `profile`, the oldest first.
    pub fn of(&self, profile: usize) -> impl DoubleEndedIterator<Item = Interaction> + ExactSizeIterator + '_ {
        let start = self.rows.parts().0.get(profile).map_or(0, |start| *start as usize);
        let times = &self.times[start..start + self.rows.row_len(profile)];
        let one =
            move |((title, weight), at): ((u32, f32), &i64)| Interaction { profile: profile as u32, title, at: *at, weight };
        self.rows.entries(profile).zip(times).map(one)
    }

    /// All of them, profile by profile.
    pub fn iter(&self) -> impl Iterator<Item = Interaction> + '_ {
        (0..self.profiles()).flat_map(|profile| self.of(profile))
    }

    /// Those that `keep` wants, with as many profiles and titles, in the same order.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&Interaction) -> bool) -> Self {
        let mut times = Vec::new();
        let rows: Vec<Vec<(u32, f32)>> = (0..self.profiles())
            .map(|profile| {
                let kept = self.of(profile).filter(&keep);
                kept.inspect(|one| times.push(one.at)).map(|one| (one.title, one.weight)).collect()
            })
            .collect();
        Self { rows: Sparse::from_rows(self.titles(), rows), times, timed: self.timed }
    }

    /// The newest time; `None` without interactions.
    #[must_use]
    pub fn newest_at(&self) -> Option<i64> {
        self.times.iter().copied().max()
    }
}

/// One profile's interactions in order, each title once, the newest `newest_max` of them.
fn cleaned(list: &mut [Interaction], tie: &impl Fn(u32, u32) -> u32, newest_max: usize) -> Vec<Interaction> {
    let mut weights: HashMap<u32, f32> = HashMap::with_capacity(list.len());
    for one in list.iter() {
        let weight = weights.entry(one.title).or_insert(one.weight);
        *weight = weight.max(one.weight);
    }
    list.sort_by_cached_key(|one| (one.at, tie(one.profile, one.title), one.title));
    let mut kept: Vec<Interaction> = Vec::with_capacity(weights.len().min(newest_max));
    for one in list.iter().rev() {
        // The newest of a title comes first and takes its weight away.
        if kept.len() == newest_max {
            break;
        }
        if let Some(weight) = weights.remove(&one.title) {
            kept.push(Interaction { weight, ..*one });
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(profile: u32, title: u32, at: i64, weight: f32) -> Interaction {
        Interaction { profile, title, at, weight }
    }

    #[test]
    fn order_is_time_then_tie_and_a_pair_counts_once() {
        let given = [one(0, 2, 5, 1.0), one(0, 1, 5, 1.0), one(0, 3, 1, 0.5), one(0, 3, 9, 0.2), one(0, 0, 9, f32::NAN)];
        let all = Interactions::new((1, 4), given, |_, title| 100 - title, 10);
        let kept: Vec<_> = all.iter().collect();
        assert_eq!(
            kept,
            [one(0, 2, 5, 1.0), one(0, 1, 5, 1.0), one(0, 3, 9, 0.5)],
            "the larger tie last, the newest 3 with its best"
        );
        assert!(all.is_timed());
    }

    #[test]
    fn what_is_not_there_is_left_out_and_old_titles_go() {
        let given = (0..10).map(|title| one(0, title, i64::from(title), 1.0)).chain([one(7, 0, 1, 1.0), one(0, 99, 1, 1.0)]);
        let all = Interactions::new((2, 10), given, |_, _| 0, 3);
        assert_eq!(all.iter().map(|one| one.title).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!((all.profiles(), all.titles(), all.len(), all.newest_at()), (2, 10, 3, Some(9)));
        let nothing = Interactions::new((0, 0), [], |_, _| 0, 3);
        assert!(nothing.is_empty() && !nothing.is_timed() && nothing.newest_at().is_none());
    }

    #[test]
    fn one_time_for_all_is_no_time() {
        let all = Interactions::new((1, 2), [one(0, 0, 4, 1.0), one(0, 1, 4, -1.0)], |_, _| 0, 9);
        assert!(!all.is_timed());
        assert_eq!((all.rows().len(), all.liked().len()), (2, 1));
    }
}
