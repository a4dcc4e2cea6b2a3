//! What a profile watched, and how much that says.

use super::{Catalog, TitleIndex};
use marquee_core::id::{ProfileId, VideoId};
use time::OffsetDateTime;

/// Share of a title after which it counts as watched. The rest is credits, or sleep.
const FULL_SHARE: f32 = 0.7;
/// What pressing play is worth, before a minute is watched.
const START_WEIGHT: f32 = 0.3;
/// Length that is assumed of a title whose length is not known yet.
const LENGTH_ASSUMED_MS: i64 = 3_600_000;
/// Ranks after which a watch counts 1/e of the newest one. Of the values tried on public data with timestamps, 5 did best.
const RECENCY_RANKS: f32 = 5.0;
/// Titles of a history that are looked at; older ones only count as seen.
pub(super) const HISTORY_TITLES_MAX: usize = 100;

/// How much the newest position of a profile in a title says about its taste: 0.3 for pressing play, 1 from 70 % on.
#[must_use]
pub fn engagement(position_ms: i64, duration_ms: Option<i64>, finished: bool) -> f32 {
    if finished {
        return 1.0;
    }
    let length_ms = duration_ms.filter(|length_ms| *length_ms > 0).unwrap_or(LENGTH_ASSUMED_MS);
    let share = (position_ms.max(0) as f32 / length_ms as f32 / FULL_SHARE).min(1.0);
    START_WEIGHT + (1.0 - START_WEIGHT) * share
}

/// A profile watched a title: one training example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watch {
    /// Who.
    pub profile: ProfileId,
    /// What.
    pub video: VideoId,
    /// How much it says, 0 to 1; see [`engagement`].
    pub weight: f32,
    /// When it was watched last.
    pub at: OffsetDateTime,
}

/// One title of a history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// Which.
    pub title: TitleIndex,
    /// Engagement times recency, 0 to 1.
    pub weight: f32,
}

/// What one profile watched, newest first, in the indices of one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    newest: Vec<Watched>,
    seen: Vec<TitleIndex>,
}

impl History {
    /// The history of a profile that watched `watched` (title and engagement, newest first). Titles that `catalog` does not know
    /// are left out; a title that is named twice counts where it was watched last; a weight that is no number counts 0.
    #[must_use]
    pub fn new(catalog: &Catalog, watched: impl IntoIterator<Item = (VideoId, f32)>) -> Self {
        let mut history = Self::default();
        let mut rank = 0.0_f32;
        for (video, engagement) in watched {
            let Some(title) = catalog.index(video) else { continue };
            let Err(place) = history.seen.binary_search(&title) else { continue };
            history.seen.insert(place, title);
            if history.newest.len() < HISTORY_TITLES_MAX {
                let engagement = if engagement.is_finite() { engagement.clamp(0.0, 1.0) } else { 0.0 };
                history.newest.push(Watched { title, weight: engagement * (-rank / RECENCY_RANKS).exp() });
                rank += 1.0;
            }
        }
        history
    }

    /// The newest titles with their weights, at most a hundred.
    #[must_use]
    pub fn newest(&self) -> &[Watched] {
        &self.newest
    }

    /// Whether the profile ever started `title`.
    #[must_use]
    pub fn has_seen(&self, title: TitleIndex) -> bool {
        self.seen.binary_search(&title).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn engagement_grows_from_the_start_to_seventy_percent() {
        let table = [
            (0, Some(100), false, 0.3),
            (35, Some(100), false, 0.65),
            (70, Some(100), false, 1.0),
            (500, Some(100), false, 1.0),
            (0, Some(100), true, 1.0),
            (-5, Some(0), false, 0.3),
            (i64::MAX, None, false, 1.0),
        ];
        for (position_ms, duration_ms, finished, expected) in table {
            let got = engagement(position_ms, duration_ms, finished);
            assert!((got - expected).abs() < 1e-6, "{position_ms} of {duration_ms:?}: {got}");
        }
    }

    #[test]
    fn the_newest_counts_most_and_nonsense_counts_nothing() {
        let title = |number: u128| VideoId(Uuid::from_u128(number));
        let catalog = Catalog::new([title(1), title(2), title(3)]);
        let watched = [(title(3), 1.0), (title(9), 1.0), (title(1), f32::NAN), (title(3), 1.0), (title(2), 7.0)];
        let history = History::new(&catalog, watched);
        assert_eq!(history.newest().iter().map(|watched| watched.title).collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!(history.newest()[0].weight, 1.0);
        assert_eq!(history.newest()[1].weight, 0.0);
        assert!((history.newest()[2].weight - (-0.4_f32).exp()).abs() < 1e-6, "cut to 1, two ranks old");
        assert!(history.has_seen(0) && history.has_seen(1) && history.has_seen(2));
    }

    #[test]
    fn old_titles_stay_seen_beyond_the_bound() {
        let titles: Vec<_> = (0..300).map(|number| VideoId(Uuid::from_u128(number))).collect();
        let catalog = Catalog::new(titles.iter().copied());
        let history = History::new(&catalog, titles.iter().map(|title| (*title, 1.0)));
        assert_eq!(history.newest().len(), HISTORY_TITLES_MAX);
        assert!((0..300).all(|title| history.has_seen(title)));
    }
}
