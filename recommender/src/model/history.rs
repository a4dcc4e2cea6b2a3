//! What a profile watched, in the indices of one model.

use super::TitleIndex;
use std::collections::HashSet;

/// Titles of a history that say something about taste; older ones only count as seen.
pub const HISTORY_TITLES_MAX: usize = 500;

/// One title of a history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// Which.
    pub title: TitleIndex,
    /// How much it says: 1 for a title that was watched, below 0 for one that was disliked.
    pub weight: f32,
}

/// What one profile watched, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    newest: Vec<Watched>,
    seen: Vec<TitleIndex>,
}

impl History {
    /// The history of these titles, newest first. A title that is named twice counts where it was watched last; a weight that is no
    /// number counts 0.
    #[must_use]
    pub fn new(watched: impl IntoIterator<Item = Watched>) -> Self {
        let mut history = Self::default();
        let known = history.take(watched);
        history.see(known);
        history
    }

    /// The same where not everything that says something was seen: what is on a list may still be shown.
    #[must_use]
    pub fn with_seen(watched: impl IntoIterator<Item = Watched>, seen: impl IntoIterator<Item = TitleIndex>) -> Self {
        let mut history = Self::default();
        history.take(watched);
        history.see(seen);
        history
    }

    fn take(&mut self, watched: impl IntoIterator<Item = Watched>) -> HashSet<TitleIndex> {
        let mut known = HashSet::new();
        for Watched { title, weight } in watched {
            let is_first = known.insert(title);
            if is_first && self.newest.len() < HISTORY_TITLES_MAX {
                let weight = if weight.is_finite() { weight.clamp(-1.0, 1.0) } else { 0.0 };
                self.newest.push(Watched { title, weight });
            }
        }
        known
    }

    fn see(&mut self, titles: impl IntoIterator<Item = TitleIndex>) {
        self.seen = titles.into_iter().collect();
        self.seen.sort_unstable();
        self.seen.dedup();
    }

    /// The newest titles, at most [`HISTORY_TITLES_MAX`].
    #[must_use]
    pub fn newest(&self) -> &[Watched] {
        &self.newest
    }

    /// All titles that the profile ever had to do with; they rise.
    #[must_use]
    pub fn seen(&self) -> &[TitleIndex] {
        &self.seen
    }

    /// Whether the profile ever had to do with `title`.
    #[must_use]
    pub fn has_seen(&self, title: TitleIndex) -> bool {
        self.seen.binary_search(&title).is_ok()
    }

    /// How many titles it ever had to do with.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether that is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(titles: impl IntoIterator<Item = (u32, f32)>) -> History {
        History::new(titles.into_iter().map(|(title, weight)| Watched { title, weight }))
    }

    #[test]
    fn a_title_counts_where_it_was_watched_last_and_nonsense_counts_nothing() {
        let history = history([(2, 1.0), (0, f32::NAN), (2, 0.5), (1, 7.0)]);
        assert_eq!(
            history.newest().iter().map(|watched| (watched.title, watched.weight)).collect::<Vec<_>>(),
            [(2, 1.0), (0, 0.0), (1, 1.0)]
        );
        assert!((0..3).all(|title| history.has_seen(title)) && !history.has_seen(3));
        assert_eq!(history.len(), 3);
    }

    #[test]
    fn old_titles_stay_seen_beyond_the_bound() {
        let history = history((0..900).map(|title| (title, 1.0)));
        assert_eq!(history.newest().len(), HISTORY_TITLES_MAX);
        assert!((0..900).all(|title| history.has_seen(title)));
    }
}
