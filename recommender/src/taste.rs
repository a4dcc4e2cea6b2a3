//! What a profile did, as one number: how much a title says of its taste.

use crate::model::{Catalog, History, Watched};
use marquee_backends::db::taste::TitleTaste;
use marquee_core::config::SignalWeights;
use time::{Duration, OffsetDateTime};

/// Share of a title after which it counts as watched. The rest is credits, or sleep.
const FULL_SHARE: f32 = 0.7;
/// Length that is assumed of a title whose length is not known yet.
const LENGTH_ASSUMED_MS: i64 = 3_600_000;
/// What is left before this share and this time, and not taken up within a day, was abandoned.
const ABANDONED_SHARE: f32 = 0.05;
const ABANDONED_MS: i64 = 5 * 60 * 1000;
const ABANDONED_AFTER: Duration = Duration::days(1);

/// What `taste` says as of `now`, -1 to 1: what was said out loud counts more than what was watched.
#[must_use]
pub fn weight(taste: &TitleTaste, weights: &SignalWeights, now: OffsetDateTime) -> f32 {
    if taste.liked < 0 {
        return weights.disliked;
    }
    let mut said = Vec::with_capacity(4);
    if let Some(position_ms) = taste.position_ms {
        said.push(watched(taste, position_ms, weights, now));
    }
    if taste.liked > 0 {
        said.push(weights.liked);
    }
    if taste.listed {
        said.push(weights.listed);
    }
    if taste.clicked {
        said.push(weights.clicked);
    }
    let most = said.into_iter().reduce(f32::max);
    match taste.rating.filter(|rating| rating.is_finite()) {
        Some(rating) if rating < 0.5 => weights.disliked * (1.0 - 2.0 * rating),
        Some(rating) => most.unwrap_or(0.0).max(weights.liked * (2.0 * rating - 1.0)),
        None => most.unwrap_or(0.0),
    }
}

fn watched(taste: &TitleTaste, position_ms: i64, weights: &SignalWeights, now: OffsetDateTime) -> f32 {
    if taste.finished {
        return weights.finished;
    }
    let length_ms = taste.duration_ms.filter(|length_ms| *length_ms > 0).unwrap_or(LENGTH_ASSUMED_MS);
    let share = position_ms.max(0) as f32 / length_ms as f32;
    if share < ABANDONED_SHARE && position_ms < ABANDONED_MS && now - taste.updated_at > ABANDONED_AFTER {
        return weights.abandoned;
    }
    weights.started + (weights.finished - weights.started) * (share / FULL_SHARE).min(1.0)
}

/// Whether a title is not to be recommended again: it was begun, or is not wanted. What is only on a list still is.
#[must_use]
pub fn is_seen(taste: &TitleTaste) -> bool {
    taste.position_ms.is_some() || taste.liked < 0 || taste.rating.is_some()
}

/// The history of these tastes, the newest first.
#[must_use]
pub fn history(catalog: &Catalog, tastes: &[TitleTaste], weights: &SignalWeights, now: OffsetDateTime) -> History {
    let known = |taste: &TitleTaste| catalog.index(taste.video).map(|title| (title, *taste));
    let known: Vec<_> = tastes.iter().filter_map(known).collect();
    let watched = known.iter().map(|(title, taste)| Watched { title: *title, weight: weight(taste, weights, now) });
    let seen = known.iter().filter(|(_, taste)| is_seen(taste)).map(|(title, _)| *title);
    History::with_seen(watched, seen)
}

/// What was seen and is not to be shown again, of a profile whose taste does not matter.
#[must_use]
pub fn seen(catalog: &Catalog, tastes: &[TitleTaste]) -> History {
    let seen = tastes.iter().filter(|taste| is_seen(taste)).filter_map(|taste| catalog.index(taste.video));
    History::with_seen([], seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::id::{ProfileId, VideoId};
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);

    fn taste() -> TitleTaste {
        TitleTaste {
            profile: ProfileId(Uuid::nil()),
            video: VideoId(Uuid::nil()),
            position_ms: None,
            duration_ms: Some(6_000_000),
            finished: false,
            liked: 0,
            rating: None,
            listed: false,
            clicked: false,
            updated_at: NOW,
        }
    }

    fn said(taste: &TitleTaste) -> f32 {
        weight(taste, &SignalWeights::default(), NOW)
    }

    #[test]
    fn what_is_watched_grows_from_the_start_to_seventy_percent() {
        let at = |position_ms| said(&TitleTaste { position_ms: Some(position_ms), ..taste() });
        let table = [(0, 0.3), (2_100_000, 0.65), (4_200_000, 1.0), (i64::MAX, 1.0), (-5, 0.3)];
        for (position_ms, expected) in table {
            assert!((at(position_ms) - expected).abs() < 1e-6, "{position_ms}: {}", at(position_ms));
        }
        assert_eq!(said(&TitleTaste { position_ms: Some(1), finished: true, ..taste() }), 1.0);
        assert!(said(&TitleTaste { position_ms: Some(1_800_000), duration_ms: None, ..taste() }) > 0.7);
    }

    #[test]
    fn what_was_left_at_once_says_nothing_after_a_day() {
        let left = TitleTaste { position_ms: Some(60_000), updated_at: NOW - Duration::days(2), ..taste() };
        assert_eq!(said(&left), 0.0);
        assert!(said(&TitleTaste { updated_at: NOW, ..left }) > 0.3 - 1e-6, "it may go on yet");
        assert!(said(&TitleTaste { position_ms: Some(400_000), ..left }) > 0.3, "that was more than a look");
    }

    #[test]
    fn what_is_said_counts_more_than_what_is_watched() {
        let watched = TitleTaste { position_ms: Some(1), finished: true, ..taste() };
        assert_eq!(said(&TitleTaste { liked: -1, ..watched }), -1.0);
        assert_eq!(said(&TitleTaste { rating: Some(0.0), ..watched }), -1.0);
        assert_eq!(said(&TitleTaste { rating: Some(0.25), ..watched }), -0.5);
        assert_eq!(said(&TitleTaste { rating: Some(1.0), ..taste() }), 1.0);
        assert_eq!(said(&TitleTaste { liked: 1, ..taste() }), 1.0);
        assert_eq!((said(&TitleTaste { listed: true, ..taste() }), said(&TitleTaste { clicked: true, ..taste() })), (0.5, 0.2));
        assert_eq!(said(&TitleTaste { rating: Some(f32::NAN), ..taste() }), 0.0);
    }

    #[test]
    fn what_is_only_listed_may_still_be_shown() {
        assert!(!is_seen(&TitleTaste { listed: true, clicked: true, liked: 1, ..taste() }));
        assert!(is_seen(&TitleTaste { position_ms: Some(0), ..taste() }));
        assert!(is_seen(&TitleTaste { liked: -1, ..taste() }));
    }
}
