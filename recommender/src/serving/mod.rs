//! A model in service: trained from the database again and again, asked by the API.
//!
//! A request reads the profile's newest positions, so the very next page reflects what was just watched although nothing was
//! trained in between. What it answers is checked against the database once more: a title deleted a second ago is not shown.

#[cfg(test)]
mod tests;

use crate::model::{Catalog, History, Model, Reason, Watch, engagement};
use arc_swap::ArcSwapOption;
use marquee_backends::db::{Db, models::WatchPosition};
use marquee_core::{Clock, Error, Result, Shutdown, id::ProfileId, id::VideoId};
use std::{collections::HashSet, sync::Arc, time::Duration, time::Instant};
use tokio::sync::Mutex;

/// Most recommendations in one answer.
pub const COUNT_MAX: usize = 100;
/// Titles that a model ranks; of more the newest.
const TITLES_MAX: i64 = 200_000;
/// Positions that a model is trained on; of more the newest.
const WATCHES_MAX: i64 = 2_000_000;
/// Newest positions of a profile that are read for an answer: its taste, and what not to show again.
const HISTORY_SEEN_MAX: i64 = 5_000;
/// Shortest pause between two trainings: how old a model may get where training is quick.
const REFRESH_PAUSE_MIN: Duration = Duration::from_secs(60);
/// Longest pause.
const REFRESH_PAUSE_MAX: Duration = Duration::from_secs(3600);
/// A pause is this many times as long as the training took: at most 5 % of one core go into it.
const REFRESH_PAUSE_FACTOR: u32 = 20;
/// Times that a choice is repeated because some of it can no longer be played.
const CHOICES_MAX: usize = 4;

/// One recommended title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// Which.
    pub video: VideoId,
    /// Why.
    pub reason: Reason,
}

/// Answers what a profile may like next.
pub struct Recommender {
    db: Db,
    clock: Arc<dyn Clock>,
    model: ArcSwapOption<Model>,
    training: Mutex<()>,
}

impl Recommender {
    /// A recommender that trains its first model when it is first needed. [`Self::start`] keeps it fresh as well.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock, model: ArcSwapOption::empty(), training: Mutex::new(()) }
    }

    /// A recommender that trains a new model every minute or so until `shutdown`. A training that fails is logged and tried
    /// again; until then the last model answers.
    pub fn start(db: Db, clock: Arc<dyn Clock>, shutdown: &Shutdown) -> Arc<Self> {
        let recommender = Arc::new(Self::new(db, clock));
        shutdown.spawn_essential("recommender", recommender.clone().keep_fresh(shutdown.clone()));
        recommender
    }

    async fn keep_fresh(self: Arc<Self>, shutdown: Shutdown) -> Result<()> {
        while !shutdown.is_draining() {
            let begun = Instant::now();
            let trained = tokio::select! {
                trained = self.refresh() => trained,
                () = shutdown.draining() => break,
            };
            if let Err(error) = trained {
                tracing::warn!(error = error.detail(), "the recommender could not be trained, the last model stays");
            }
            let pause = (begun.elapsed() * REFRESH_PAUSE_FACTOR).clamp(REFRESH_PAUSE_MIN, REFRESH_PAUSE_MAX);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.draining() => {}
            }
        }
        Ok(())
    }

    /// Trains a model from what the database holds now and puts it into service.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer; the last model stays.
    pub async fn refresh(&self) -> Result<()> {
        let _one_at_a_time = self.training.lock().await;
        self.train().await.map(drop)
    }

    /// The model in service; the first caller trains it.
    async fn model(&self) -> Result<Arc<Model>> {
        if let Some(model) = self.model.load_full() {
            return Ok(model);
        }
        let _one_at_a_time = self.training.lock().await;
        match self.model.load_full() {
            Some(model) => Ok(model),
            None => self.train().await,
        }
    }

    async fn train(&self) -> Result<Arc<Model>> {
        let titles = self.db.recommendable_videos(TITLES_MAX).await?;
        let positions = self.db.newest_watch_positions(WATCHES_MAX).await?;
        let now = self.clock.now();
        let trained = tokio::task::spawn_blocking(move || {
            let watches: Vec<Watch> = positions.iter().map(watch).collect();
            Model::train(Catalog::new(titles), &watches, now)
        });
        let model = Arc::new(trained.await.map_err(Error::internal)?);
        self.model.store(Some(model.clone()));
        Ok(model)
    }

    /// The `count` (at most [`COUNT_MAX`]) best titles for `profile`, best first: none that it has started, only such as can
    /// be played now. A profile without a history, known or not, gets what is popular, and then what is new. Shorter only if
    /// no more titles are left.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn recommend(&self, profile: ProfileId, count: usize) -> Result<Vec<Recommendation>> {
        let model = self.model().await?;
        let positions = self.db.watch_positions_of(profile, HISTORY_SEEN_MAX).await?;
        let watched = positions.iter().map(watch).map(|watch| (watch.video, watch.weight));
        let history = History::new(model.catalog(), watched);
        let mut gone = HashSet::new();
        let mut answer = Vec::new();
        for _ in 0..CHOICES_MAX {
            let picks = model.recommend(&history, count.min(COUNT_MAX), |video| !gone.contains(&video));
            let videos: Vec<VideoId> = picks.iter().map(|pick| pick.video).collect();
            let there: HashSet<VideoId> = self.db.still_recommendable(&videos).await?.into_iter().collect();
            let still = picks.iter().filter(|pick| there.contains(&pick.video));
            answer = still.map(|pick| Recommendation { video: pick.video, reason: pick.reason }).collect();
            if answer.len() == picks.len() {
                break;
            }
            gone.extend(videos.into_iter().filter(|video| !there.contains(video)));
        }
        Ok(answer)
    }
}

fn watch(position: &WatchPosition) -> Watch {
    let weight = engagement(position.position_ms, position.duration_ms, position.finished);
    Watch { profile: position.profile, video: position.video, weight, at: position.updated_at }
}
