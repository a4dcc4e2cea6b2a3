//! Item to item: titles that the same profiles watch.
//!
//! Each profile is a vector over titles; two titles are as similar as the cosine of their columns, shrunk towards 0 where few
//! profiles watched both. Per title only the nearest neighbours are kept.

use super::{Catalog, Cause, History, Term, TitleIndex, Watch};
use marquee_core::id::ProfileId;
use std::collections::HashMap;
use time::OffsetDateTime;

/// Neighbours kept per title.
const NEIGHBOURS_MAX: usize = 100;
/// Newest titles of a profile that are counted: bounds the pairs that one profile makes.
const PROFILE_TITLES_MAX: usize = 200;
/// Added to the cosine's denominator: one pair of watches in common is not worth much.
const SHRINKAGE: f32 = 1.0;
/// A watch counts half after this many days.
const HALF_LIFE_DAYS: f32 = 180.0;
/// What the oldest watch still counts, so that products of weights never vanish.
const AGE_WEIGHT_MIN: f32 = 0.01;

/// What profiles have in common, as a sparse matrix from watched title to liked title.
#[derive(Clone, Debug, Default)]
pub struct Similarity {
    /// Where the row of each watched title starts in `links`, and the end of the last.
    starts: Vec<usize>,
    /// Liked title and similarity, by title within a row.
    links: Vec<(TitleIndex, f32)>,
}

/// Titles of one profile, or profiles of one title, with weights.
type Weights = Vec<(u32, f32)>;

impl Similarity {
    /// Counts which titles were watched by the same profiles, as of `now`.
    #[must_use]
    pub fn train(catalog: &Catalog, watches: &[Watch], now: OffsetDateTime) -> Self {
        let profiles = profiles(catalog, watches, now);
        let mut columns: Vec<Weights> = vec![Vec::new(); catalog.len()];
        for (profile, titles) in (0..).zip(&profiles) {
            for (title, weight) in titles {
                columns[*title as usize].push((profile, *weight));
            }
        }
        let squares: Vec<f32> = columns.iter().map(|column| column.iter().map(|(_, weight)| weight * weight).sum()).collect();
        let mut common = vec![0.0_f32; catalog.len()];
        let mut touched: Vec<TitleIndex> = Vec::new();
        let mut rows: Vec<Weights> = vec![Vec::new(); catalog.len()];
        for (target, column) in (0..).zip(&columns) {
            for (profile, weight) in column {
                for (other, other_weight) in &profiles[*profile as usize] {
                    if common[*other as usize] == 0.0 {
                        touched.push(*other);
                    }
                    common[*other as usize] += weight * other_weight;
                }
            }
            let norm = |other: TitleIndex| (squares[target as usize] * squares[other as usize]).sqrt() + SHRINKAGE;
            let mut near: Weights = touched.iter().map(|other| (*other, common[*other as usize] / norm(*other))).collect();
            near.retain(|(other, similarity)| *other != target && *similarity > 0.0);
            near.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            near.truncate(NEIGHBOURS_MAX);
            // The best neighbours of each *target* are kept, so a title that few watched still has its reasons.
            near.into_iter().for_each(|(other, similarity)| rows[other as usize].push((target, similarity)));
            touched.drain(..).for_each(|other| common[other as usize] = 0.0);
        }
        Self::from_rows(&rows)
    }

    /// `rows` end to end. Targets were visited in order, so each row is sorted by title.
    fn from_rows(rows: &[Weights]) -> Self {
        let mut matrix = Self { starts: Vec::with_capacity(rows.len() + 1), links: rows.concat() };
        matrix.starts.push(0);
        let mut end = 0;
        for row in rows {
            end += row.len();
            matrix.starts.push(end);
        }
        matrix
    }

    /// What profiles that watched `title` also like.
    fn row(&self, title: TitleIndex) -> &[(TitleIndex, f32)] {
        let title = title as usize;
        match (self.starts.get(title), self.starts.get(title + 1)) {
            (Some(start), Some(end)) => &self.links[*start..*end],
            _ => &[],
        }
    }

    fn similarity(&self, watched: TitleIndex, title: TitleIndex) -> f32 {
        let row = self.row(watched);
        row.binary_search_by_key(&title, |link| link.0).map_or(0.0, |place| row[place].1)
    }
}

impl Term for Similarity {
    /// The root of the sum of squares over the history: one strong link counts more than several weak ones, so a single watch of
    /// another taste shows in the very next list however long the history is.
    fn scores(&self, history: &History, out: &mut [f32]) {
        for watched in history.newest() {
            for (title, similarity) in self.row(watched.title) {
                if let Some(score) = out.get_mut(*title as usize) {
                    *score += (watched.weight * similarity).powi(2);
                }
            }
        }
        out.iter_mut().for_each(|score| *score = score.sqrt());
    }

    fn reason(&self, history: &History, title: TitleIndex) -> Option<Cause> {
        let parts =
            history.newest().iter().map(|watched| (watched.title, watched.weight * self.similarity(watched.title, title)));
        // Of equal parts the newest watch is named.
        let (watched, part) = parts.rev().max_by(|left, right| left.1.total_cmp(&right.1))?;
        (part > 0.0).then_some(Cause::Watched(watched))
    }
}

/// The vector of each profile. Old watches count less, and a long history counts less per pair, so that a profile that watches
/// everything does not make everything alike.
fn profiles(catalog: &Catalog, watches: &[Watch], now: OffsetDateTime) -> Vec<Weights> {
    let mut newest: Vec<&Watch> = watches.iter().filter(|watch| watch.weight.is_finite() && watch.weight > 0.0).collect();
    newest
        .sort_by(|left, right| right.at.cmp(&left.at).then(left.video.cmp(&right.video)).then(left.profile.cmp(&right.profile)));
    let mut indices: HashMap<ProfileId, usize> = HashMap::new();
    let mut profiles: Vec<Weights> = Vec::new();
    for watch in newest {
        let Some(title) = catalog.index(watch.video) else { continue };
        let index = *indices.entry(watch.profile).or_insert(profiles.len());
        if index == profiles.len() {
            profiles.push(Vec::new());
        }
        let age_days = (now - watch.at).as_seconds_f32().max(0.0) / 86_400.0;
        let titles = &mut profiles[index];
        if titles.len() < PROFILE_TITLES_MAX && titles.iter().all(|(known, _)| *known != title) {
            let age_weight = (-age_days / HALF_LIFE_DAYS).exp2().max(AGE_WEIGHT_MIN);
            titles.push((title, watch.weight.min(1.0) * age_weight));
        }
    }
    for titles in &mut profiles {
        let share = (titles.len() as f32).powf(-0.25);
        titles.iter_mut().for_each(|(_, weight)| *weight *= share);
    }
    profiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::id::VideoId;
    use time::{Duration, macros::datetime};
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);

    fn video(number: u128) -> VideoId {
        VideoId(Uuid::from_u128(number))
    }

    fn watch(profile: u128, title: u128, days_ago: i64) -> Watch {
        let profile = ProfileId(Uuid::from_u128(profile));
        Watch { profile, video: video(title), weight: 1.0, at: NOW - Duration::days(days_ago) }
    }

    #[test]
    fn common_watchers_make_neighbours() {
        let catalog = Catalog::new((0..4).map(video));
        let mut watches = Vec::new();
        for profile in 0..10 {
            watches.extend([watch(profile, 0, 1), watch(profile, 1, 1)]);
        }
        watches.extend([watch(20, 0, 1), watch(20, 2, 1)]);
        let term = Similarity::train(&catalog, &watches, NOW);
        let history = History::new(&catalog, [(video(0), 1.0)]);
        let mut scores = vec![0.0; 4];
        term.scores(&history, &mut scores);
        assert!(scores[1] > 2.0 * scores[2] && scores[2] > 0.0, "{scores:?}");
        assert_eq!((scores[0], scores[3]), (0.0, 0.0));
        assert_eq!(term.reason(&history, 1), Some(Cause::Watched(0)));
        assert_eq!(term.reason(&history, 3), None);
    }

    #[test]
    fn the_cosine_is_exact() {
        // One profile, two titles watched today: 2^-1/4 each, so common = squares = 2^-1/2, over the shrunken norm.
        let catalog = Catalog::new((0..2).map(video));
        let term = Similarity::train(&catalog, &[watch(1, 0, 0), watch(1, 1, 0), watch(1, 1, 9)], NOW);
        let common = 0.5_f32.sqrt();
        assert!((term.similarity(0, 1) - common / (common + SHRINKAGE)).abs() < 1e-6);
        assert_eq!(term.similarity(0, 1), term.similarity(1, 0));
    }

    #[test]
    fn empty_and_unknown_input_gives_nothing() {
        let empty = Similarity::train(&Catalog::default(), &[watch(1, 1, 1)], NOW);
        empty.scores(&History::default(), &mut []);
        let catalog = Catalog::new((0..2).map(video));
        let term = Similarity::train(&catalog, &[watch(1, 7, 1), Watch { weight: f32::NAN, ..watch(1, 0, 1) }], NOW);
        assert!(term.links.is_empty());
    }

    #[test]
    fn a_row_is_bounded_and_a_long_history_too() {
        let catalog = Catalog::new((0..500).map(video));
        let watches: Vec<_> = (0..500).map(|title| watch(1, title, 1)).collect();
        let term = Similarity::train(&catalog, &watches, NOW);
        let targets = (0..500).filter(|title| !term.row(*title).is_empty()).count();
        assert!(targets <= PROFILE_TITLES_MAX);
        assert!(term.links.len() <= PROFILE_TITLES_MAX * NEIGHBOURS_MAX);
    }
}
