//! What many watch: the terms that need no history.

use super::Window;
use crate::data::{Interaction, Interactions};

const DAY_SECONDS: i64 = 24 * 3600;
/// Windows, and how far each looks back from now.
const WINDOWS: [(Window, i64); 3] =
    [(Window::Week, 7 * DAY_SECONDS), (Window::Month, 30 * DAY_SECONDS), (Window::Ever, i64::MAX)];

/// Watches of each title by window. Each profile counts once per title, so nobody plays a title to the top alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Popularity {
    /// Per title, watches in each window.
    counts: Vec<[f32; WINDOWS.len()]>,
    /// Per title, how popular it is, ever and lately, and all its watches: what a request asks of it.
    said: Vec<[f32; 3]>,
    /// Titles in the order of all their watches.
    order: Vec<u32>,
    /// Titles in the order of their latest ones; only those that have some.
    trending: Vec<u32>,
}

impl Popularity {
    /// Counts `watches` as of `now`, in seconds since 1970.
    #[must_use]
    pub fn train(watches: &Interactions, now: i64) -> Self {
        Self::counted(watches.titles(), watches.iter(), now, watches.is_timed())
    }

    /// Counts these watches of `titles` titles as of `now`, in seconds since 1970. Where no times are known, nothing is known to be recent.
    #[must_use]
    pub fn counted(titles: usize, watches: impl IntoIterator<Item = Interaction>, now: i64, is_timed: bool) -> Self {
        let mut counts = vec![[0.0; WINDOWS.len()]; titles];
        for watch in watches.into_iter().filter(|watch| watch.weight > 0.0) {
            for (count, (window, length)) in counts[watch.title as usize].iter_mut().zip(WINDOWS) {
                if window == Window::Ever || is_timed && now.saturating_sub(watch.at) <= length {
                    *count += watch.weight.min(1.0);
                }
            }
        }
        Self::new(counts)
    }

    /// Of counts by title and window.
    #[must_use]
    pub fn new(counts: Vec<[f32; WINDOWS.len()]>) -> Self {
        let mut order: Vec<u32> = (0..counts.len() as u32).collect();
        let all = |title: u32| counts[title as usize][WINDOWS.len() - 1];
        order.sort_by(|left, right| all(*right).total_cmp(&all(*left)).then(left.cmp(right)));
        // A month counts half of what a week does, since a quiet week should not leave it to chance.
        let said = |[week, month, ever]: &[f32; 3]| [ever.ln_1p(), week.ln_1p() + 0.5 * month.ln_1p(), *ever];
        let said = counts.iter().map(said).collect();
        let mut popularity = Self { counts, said, order, trending: Vec::new() };
        let mut trending: Vec<u32> = popularity.order.iter().copied().filter(|title| popularity.trending(*title) > 0.0).collect();
        trending.sort_by(|left, right| popularity.trending(*right).total_cmp(&popularity.trending(*left)));
        popularity.trending = trending;
        popularity
    }

    /// The same with as many titles as `titles`, those that are more unwatched.
    #[must_use]
    pub fn extended(mut self, titles: usize) -> Self {
        self.counts.resize(titles.max(self.counts.len()), [0.0; WINDOWS.len()]);
        Self::new(self.counts)
    }

    /// The same with these counts of titles instead of those that they had.
    #[must_use]
    pub fn recounted(mut self, recounted: impl IntoIterator<Item = (u32, [f32; WINDOWS.len()])>) -> Self {
        for (title, counts) in recounted {
            if let Some(known) = self.counts.get_mut(title as usize) {
                *known = counts;
            }
        }
        Self::new(self.counts)
    }

    /// Watches by title and window, to be written.
    #[must_use]
    pub fn counts(&self) -> &[[f32; WINDOWS.len()]] {
        &self.counts
    }

    /// All titles, the most popular first; equal ones by their index.
    #[must_use]
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// Titles that are watched lately, the most popular first.
    #[must_use]
    pub fn trending_order(&self) -> &[u32] {
        &self.trending
    }

    /// Watches of `title` at all times.
    #[must_use]
    pub fn ever(&self, title: u32) -> f32 {
        self.said.get(title as usize).map_or(0.0, |said| said[2])
    }

    /// How popular `title` is: the logarithm of its watches, since twice as many say as much anywhere.
    #[must_use]
    pub fn popular(&self, title: u32) -> f32 {
        self.said.get(title as usize).map_or(0.0, |said| said[0])
    }

    /// How popular it is lately.
    #[must_use]
    pub fn trending(&self, title: u32) -> f32 {
        self.said.get(title as usize).map_or(0.0, |said| said[1])
    }

    /// The window in which `title` has more of all watches than in longer ones; `None` of a title that nobody watched.
    #[must_use]
    pub fn window(&self, title: u32) -> Option<Window> {
        let counts = self.counts.get(title as usize)?;
        let half = counts[WINDOWS.len() - 1] / 2.0;
        let window = WINDOWS.iter().zip(counts).find(|(_, count)| **count > 0.0 && **count >= half);
        window.map(|((window, _), _)| *window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000 * DAY_SECONDS;

    fn popularity(watches: &[(u32, i64)]) -> Popularity {
        let given = (0..).zip(watches).map(|(profile, (title, days_ago))| Interaction {
            profile,
            title: *title,
            at: NOW - days_ago * DAY_SECONDS,
            weight: 1.0,
        });
        Popularity::train(&Interactions::new((watches.len(), 4), given, |_, _| 0, 10), NOW)
    }

    #[test]
    fn this_week_and_last_year_are_told_apart() {
        let mut watches = vec![(1, 300); 20];
        watches.extend([(0, 2); 10]);
        watches.extend([(2, 20); 8]);
        let popularity = popularity(&watches);
        assert_eq!(popularity.order(), [1, 0, 2, 3]);
        let windows = [0, 1, 2, 3, 4].map(|title| popularity.window(title));
        assert_eq!(windows, [Some(Window::Week), Some(Window::Ever), Some(Window::Month), None, None]);
        assert!(popularity.trending(0) > popularity.trending(2) && popularity.trending(2) > popularity.trending(1));
        assert_eq!((popularity.trending(1), popularity.popular(3)), (0.0, 0.0));
    }
}
