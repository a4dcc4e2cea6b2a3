//! What many watch: the term that needs no history.

use super::{Catalog, Cause, History, Term, TitleIndex, Watch, Window};
use time::{Duration, OffsetDateTime};

/// Windows, how far each looks back, and its share of the score. The shares favour what is watched now; the long windows
/// keep a quiet week from leaving the list to chance.
const WINDOWS: [(Window, Duration, f32); 3] =
    [(Window::Week, Duration::days(7), 0.6), (Window::Month, Duration::days(30), 0.3), (Window::Ever, Duration::MAX, 0.1)];

/// Popularity by window. Each profile counts once per title, so nobody plays a title to the top alone.
#[derive(Clone, Debug)]
pub struct Popularity {
    /// Per title, what each window adds.
    parts: Vec<[f32; WINDOWS.len()]>,
}

impl Popularity {
    /// Counts `watches`, one for each pair of profile and title, as of `now`.
    #[must_use]
    pub fn train(catalog: &Catalog, watches: &[Watch], now: OffsetDateTime) -> Self {
        let mut parts = vec![[0.0; WINDOWS.len()]; catalog.len()];
        for watch in watches.iter().filter(|watch| watch.weight.is_finite() && watch.weight > 0.0) {
            let Some(title) = catalog.index(watch.video) else { continue };
            for (part, (_, length, _)) in parts[title as usize].iter_mut().zip(WINDOWS) {
                if now - watch.at <= length {
                    *part += watch.weight.min(1.0);
                }
            }
        }
        for (window, (_, _, share)) in WINDOWS.into_iter().enumerate() {
            let largest = parts.iter().map(|part| part[window]).fold(0.0, f32::max);
            if largest > 0.0 {
                parts.iter_mut().for_each(|part| part[window] *= share / largest);
            }
        }
        Self { parts }
    }
}

impl Term for Popularity {
    fn scores(&self, _history: &History, out: &mut [f32]) {
        for (score, parts) in out.iter_mut().zip(&self.parts) {
            *score = parts.iter().sum();
        }
    }

    fn reason(&self, _history: &History, title: TitleIndex) -> Option<Cause> {
        let parts = self.parts.get(title as usize)?;
        // The first of equal parts is the shortest window.
        let (window, part) = parts.iter().enumerate().rev().max_by(|left, right| left.1.total_cmp(right.1))?;
        (*part > 0.0).then(|| Cause::Popular(WINDOWS[window].0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::id::{ProfileId, VideoId};
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);

    fn watch(profile: u128, video: u128, days_ago: i64) -> Watch {
        let (profile, video) = (ProfileId(Uuid::from_u128(profile)), VideoId(Uuid::from_u128(video)));
        Watch { profile, video, weight: 1.0, at: NOW - Duration::days(days_ago) }
    }

    fn scores(term: &Popularity, titles: usize) -> Vec<f32> {
        let mut out = vec![0.0; titles];
        term.scores(&History::default(), &mut out);
        out
    }

    #[test]
    fn this_week_beats_last_year_and_each_says_so() {
        let catalog = Catalog::new((1..=4).map(|number| VideoId(Uuid::from_u128(number))));
        let mut watches: Vec<_> = (0..20).map(|profile| watch(profile, 2, 300)).collect();
        watches.extend((0..10).map(|profile| watch(profile, 1, 2)));
        watches.extend((0..8).map(|profile| watch(profile, 3, 20)));
        let term = Popularity::train(&catalog, &watches, NOW);
        let scores = scores(&term, 4);
        assert!(scores[0] > scores[2] && scores[2] > scores[1] && scores[1] > 0.0, "{scores:?}");
        assert_eq!(scores[3], 0.0);
        let reasons = [0, 1, 2, 3, 4].map(|title| term.reason(&History::default(), title));
        let popular = |window| Some(Cause::Popular(window));
        assert_eq!(reasons, [popular(Window::Week), popular(Window::Ever), popular(Window::Month), None, None]);
    }

    #[test]
    fn nonsense_is_ignored() {
        let catalog = Catalog::new([VideoId(Uuid::from_u128(1))]);
        let odd = [f32::NAN, f32::INFINITY, -4.0, 0.0].map(|weight| Watch { weight, ..watch(1, 1, 0) });
        assert_eq!(scores(&Popularity::train(&catalog, &odd, NOW), 1), [0.0]);
        assert_eq!(scores(&Popularity::train(&catalog, &[watch(1, 77, 0)], NOW), 1), [0.0]);
    }
}
