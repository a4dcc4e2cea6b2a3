//! What operators see of serving: how long requests take, how much of the catalogue is shown, how much of that is new, and how old the
//! model is.

use super::Answer;
use marquee_core::id::VideoId;
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Instant,
};
use time::{Duration, OffsetDateTime};

/// How long a title counts as new.
pub(crate) const NEW_FOR: Duration = Duration::days(30);
/// What was shown lately was shown within this time, or twice as long.
const LATELY: Duration = Duration::hours(1);

/// Counts what is answered. The work for an answer is in proportion to its titles, the memory to those that there are.
#[derive(Debug, Default)]
pub(super) struct Meter {
    shown: Mutex<Shown>,
}

/// Titles that were shown since some time, and in the time before.
#[derive(Debug, Default)]
struct Shown {
    since: Option<OffsetDateTime>,
    now: HashSet<VideoId>,
    before: HashSet<VideoId>,
}

impl Meter {
    /// An answer that was asked for at `begun`.
    pub(super) fn answered(&self, answer: &Answer, from: &'static str, begun: Instant, now: OffsetDateTime) {
        metrics::counter!("marquee_recommender_answers_total", "from" => from).increment(1);
        metrics::histogram!("marquee_recommender_request_seconds", "from" => from).record(begun.elapsed());
        let (all, new) = answer.videos().fold((0_u64, 0_u64), |(all, new), video| (all + 1, new + u64::from(is_new(video, now))));
        metrics::counter!("marquee_recommender_shown_total", "age" => "new").increment(new);
        metrics::counter!("marquee_recommender_shown_total", "age" => "older").increment(all - new);
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).take(answer.videos(), now);
    }

    /// A look at what is in service: `titles`, and of the deployed model when it was made and by when it knows what was watched.
    pub(super) fn looked(&self, titles: usize, model: Option<(OffsetDateTime, OffsetDateTime)>, now: OffsetDateTime) {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).count();
        metrics::gauge!("marquee_recommender_titles").set(titles as f64);
        metrics::gauge!("marquee_recommender_coverage").set((shown as f64 / titles.max(1) as f64).min(1.0));
        if let Some((made_at, known_at)) = model {
            metrics::gauge!("marquee_recommender_model_age_seconds").set((now - made_at).as_seconds_f64());
            metrics::gauge!("marquee_recommender_freshness_lag_seconds").set((now - known_at).as_seconds_f64().max(0.0));
        }
    }
}

/// Whether `video` was added within [`NEW_FOR`] before `now`: its id says when that was.
pub(crate) fn is_new(video: VideoId, now: OffsetDateTime) -> bool {
    added_at(video).is_some_and(|added_at| now - added_at < NEW_FOR)
}

/// When `video` was added.
pub(crate) fn added_at(video: VideoId) -> Option<OffsetDateTime> {
    let (seconds, _) = video.0.get_timestamp()?.to_unix();
    OffsetDateTime::from_unix_timestamp(seconds.try_into().ok()?).ok()
}

impl Shown {
    fn take(&mut self, videos: impl Iterator<Item = VideoId>, now: OffsetDateTime) {
        let since = *self.since.get_or_insert(now);
        if now - since >= LATELY {
            self.before = std::mem::take(&mut self.now);
            self.since = Some(now);
        }
        self.now.extend(videos);
    }

    fn count(&self) -> usize {
        self.now.len() + self.before.difference(&self.now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marquee_core::{ManualClock, OsRandom};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-01 00:00 UTC);

    fn added(at: OffsetDateTime) -> VideoId {
        VideoId::new(&ManualClock::new(at), &OsRandom)
    }

    #[test]
    fn a_title_is_new_for_a_month() {
        let ages = [Duration::ZERO, Duration::days(29), Duration::days(31)];
        assert_eq!(ages.map(|age| is_new(added(NOW - age), NOW)), [true, true, false]);
        assert_eq!(added_at(added(NOW)), Some(NOW));
        assert!(!is_new(VideoId(uuid::Uuid::from_u128(7)), NOW), "an id that says nothing of its age");
    }

    #[test]
    fn what_was_shown_counts_once_and_is_forgotten_in_time() {
        let (one, two) = (added(NOW), added(NOW));
        let mut shown = Shown::default();
        shown.take([one, two, one].into_iter(), NOW);
        assert_eq!(shown.count(), 2);
        shown.take([one].into_iter(), NOW + LATELY);
        assert_eq!(shown.count(), 2, "the hour before still counts");
        shown.take([one].into_iter(), NOW + LATELY * 2);
        assert_eq!(shown.count(), 1);
    }
}
