//! What is deployed, in service.
//!
//! A request reads what the profile did until now, so that the very next page reflects what was just watched although nothing was trained
//! in between. What is answered is checked against the database once more: a title deleted a second ago is not shown.

mod answer;
mod genres;
pub(crate) mod meter;
mod replay;
mod rows;
mod shelf;
#[cfg(test)]
mod tests;

pub use answer::{Ask, Judgment, Recommendation, Row, RowKind};
pub use rows::{Viewer, rows};
pub use shelf::Shelf;

use crate::{
    experiment::{self, Part, Settings},
    model::Scratch,
    pipeline::TITLES_MAX,
    repository::{Packed, PackedDelta, Repository},
    taste,
};
use arc_swap::ArcSwap;
use marquee_backends::db::{Db, models::StoredModel, profiles::Profile, taste::ProfileRules};
use marquee_core::{
    Clock, Error, Result, Shutdown,
    blobs::Blobs,
    config::{Ranking, Recommender as Config},
    id::{DeltaId, ModelId, ProfileId, VideoId},
};
use meter::Meter;
use moka::sync::Cache;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use tokio::sync::Mutex as AsyncMutex;

/// Most recommendations in one row.
pub const COUNT_MAX: usize = 100;
/// Tastes of a profile that are read for an answer: what it likes, and what not to show again.
const TASTES_MAX: i64 = 100_000;
/// Pause between two looks at what is deployed and which titles there are.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Titles in answers that are kept, and for how long: they are only asked for again by whoever did nothing since.
const ITEMS_MAX: u64 = 500_000;
const ANSWERS_FOR: Duration = Duration::from_secs(60);
/// Models that are looked through for one that can be read.
const MODELS_MAX: i64 = 20;
/// Times that a choice is repeated because some of it can no longer be played.
const CHOICES_MAX: usize = 4;
/// Scratches that are kept for later requests.
const SCRATCHES_MAX: usize = 64;

/// What an answer depends on: with the same key it is the same.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    profile: ProfileId,
    taste_version: i64,
    shelf: u64,
    part: Option<Part>,
    ask: Ask,
}

/// A model and a delta that cannot be read.
#[derive(Default)]
struct Refused {
    model: Option<ModelId>,
    delta: Option<DeltaId>,
}

/// Rows as they are answered, and what chose them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The model; `None` before the first was trained.
    pub model: Option<ModelId>,
    /// The experiment that they are part of, and its variant.
    pub part: Option<Part>,
    /// The rows, the most personal first.
    pub rows: Vec<Row>,
}

/// Answers what a profile may like next.
pub struct Recommender {
    db: Db,
    repository: Repository,
    clock: Arc<dyn Clock>,
    config: Config,
    shelf: ArcSwap<Shelf>,
    looking: AsyncMutex<()>,
    answers: Cache<Key, Arc<Answer>>,
    scratches: Mutex<Vec<Scratch>>,
    meter: Meter,
    /// What cannot be read: it is not fetched again and again.
    refused: Mutex<Refused>,
}

impl Recommender {
    /// A recommender that knows nothing until [`Self::refresh`]. [`Self::start`] keeps it fresh as well.
    #[must_use]
    pub fn new(db: Db, blobs: Arc<dyn Blobs>, clock: Arc<dyn Clock>, config: Config) -> Self {
        Self {
            repository: Repository::new(db.clone(), blobs),
            db,
            clock,
            config,
            shelf: ArcSwap::default(),
            looking: AsyncMutex::default(),
            answers: Cache::builder().weigher(weight).max_capacity(ITEMS_MAX).time_to_live(ANSWERS_FOR).build(),
            scratches: Mutex::default(),
            meter: Meter::default(),
            refused: Mutex::default(),
        }
    }

    /// A recommender that looks for new models and titles until `shutdown`. A look that fails is logged and repeated; until then all
    /// stays as it is.
    pub fn start(db: Db, blobs: Arc<dyn Blobs>, clock: Arc<dyn Clock>, config: Config, shutdown: &Shutdown) -> Arc<Self> {
        let recommender = Arc::new(Self::new(db, blobs, clock, config));
        shutdown.spawn_essential("recommender", recommender.clone().keep_fresh(shutdown.clone()));
        recommender
    }

    async fn keep_fresh(self: Arc<Self>, shutdown: Shutdown) -> Result<()> {
        while !shutdown.is_draining() {
            let looked = tokio::select! {
                looked = self.refresh() => looked,
                () = shutdown.draining() => break,
            };
            if let Err(error) = looked {
                tracing::warn!(error = error.detail(), "the recommender stays as it is");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = shutdown.draining() => {}
            }
        }
        Ok(())
    }

    /// Looks for the deployed model and the titles that there are, and puts them into service. A model that cannot be read leaves the one
    /// before in service.
    ///
    /// # Errors
    /// `Unavailable` if the database or the store does not answer.
    pub async fn refresh(&self) -> Result<()> {
        let _one_at_a_time = self.looking.lock().await;
        let shelf = self.shelf.load_full();
        let deployed = self.deployed().await;
        let packed = self.newer(&shelf, deployed.as_ref().map(|deployed| deployed.id)).await;
        // Asked before what it is about: what changes in between is then looked at again.
        let titles = self.db.titles_version().await?;
        let model = packed.as_ref().map(|packed| packed.card.id).or(shelf.model());
        let mut next = shelf.clone();
        if packed.is_some() || !shelf.shows(&titles) {
            let facts = self.db.title_facts(TITLES_MAX).await?;
            let built = tokio::task::spawn_blocking(move || shelf.next(packed, &facts, titles));
            next = Arc::new(built.await.map_err(Error::internal)?);
            self.shelf.store(next.clone());
        }
        let newest = self.newest_delta(model, deployed.as_ref()).await;
        if let Some((id, learned)) = self.learned(&next, newest).await {
            let built = tokio::task::spawn_blocking(move || next.with(id, Arc::new(learned)));
            next = Arc::new(built.await.map_err(Error::internal)?);
            self.shelf.store(next.clone());
        }
        let known_at = |deployed: &StoredModel| {
            let is_newest = newest == next.learned() && Some(deployed.id) == next.model();
            if is_newest { deployed.known_at } else { next.known_at() }
        };
        let model = deployed.map(|deployed| (deployed.created_at, known_at(&deployed).unwrap_or(deployed.created_at)));
        self.meter.looked(next.newest().len(), model, self.clock.now());
        Ok(())
    }

    /// The newest delta of the model in service, if that is the deployed one.
    async fn newest_delta(&self, model: Option<ModelId>, deployed: Option<&StoredModel>) -> Option<DeltaId> {
        let model = model.filter(|model| deployed.is_some_and(|deployed| deployed.id == *model))?;
        self.repository.newest_delta(model).await.inspect_err(|error| unlearned(None, error)).ok()?
    }

    /// The `newest` delta, if the shelf has another one and this can be read.
    async fn learned(&self, shelf: &Shelf, newest: Option<DeltaId>) -> Option<(DeltaId, PackedDelta)> {
        let (model, newest) = (shelf.model()?, newest.filter(|newest| Some(*newest) != shelf.learned())?);
        let refused = || self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused().delta == Some(newest) {
            return None;
        }
        let loaded = self.repository.load_delta(model, newest).await.inspect_err(|error| unlearned(Some(newest), error));
        if loaded.as_ref().is_err_and(|error| !error.kind().is_transient()) {
            refused().delta = Some(newest);
        }
        loaded.ok().map(|learned| (newest, learned))
    }

    /// What is deployed, if that can be had: if not, titles and rules are looked at all the same.
    async fn deployed(&self) -> Option<StoredModel> {
        self.repository.deployed().await.inspect_err(|error| unreadable(None, error)).ok()?
    }

    /// The deployed model, if it is another one than that of `shelf` and can be read.
    async fn newer(&self, shelf: &Shelf, deployed: Option<ModelId>) -> Option<Packed> {
        let deployed = deployed?;
        let refused = || self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.model() == Some(deployed) || refused().model == Some(deployed) {
            return None;
        }
        let loaded = self.repository.load(deployed).await.inspect_err(|error| unreadable(Some(deployed), error));
        if loaded.as_ref().is_err_and(|error| !error.kind().is_transient()) {
            refused().model = Some(deployed);
            if shelf.model().is_none() {
                return self.earlier(deployed).await;
            }
        }
        loaded.ok()
    }

    /// The newest of the models that answered before `deployed`, which cannot be read.
    async fn earlier(&self, deployed: ModelId) -> Option<Packed> {
        let mut kept = self.repository.newest(MODELS_MAX).await.ok()?;
        kept.retain(|model| model.id != deployed && model.deployed_at.is_some() && model.withdrawn_at.is_none());
        kept.sort_by_key(|model| std::cmp::Reverse(model.deployed_at));
        for model in kept {
            let loaded = self.repository.load(model.id).await.inspect_err(|error| unreadable(Some(model.id), error));
            if let Ok(packed) = loaded {
                return Some(packed);
            }
        }
        None
    }

    /// What is in service; the first caller puts it there.
    async fn shelf(&self) -> Result<Arc<Shelf>> {
        let shelf = self.shelf.load_full();
        if shelf.is_built() {
            return Ok(shelf);
        }
        self.refresh().await?;
        Ok(self.shelf.load_full())
    }

    /// What `profile` may like, as asked: no title that it has begun, but in the row of those to watch again; only such as can be played
    /// now and the rules of the profile allow. A profile of which nothing is known gets what is popular, and then what is new. A row is
    /// shorter than wanted only if no more titles are left.
    ///
    /// # Errors
    /// `NotFound` without such a profile, `Unavailable` if the database does not answer.
    pub async fn recommend(&self, profile: ProfileId, ask: Ask) -> Result<Arc<Answer>> {
        self.recommend_to(&self.db.any_profile(profile).await?, ask).await
    }

    /// The same to a profile as it was read just now.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn recommend_to(&self, profile: &Profile, ask: Ask) -> Result<Arc<Answer>> {
        let (begun, now) = (Instant::now(), self.clock.now());
        let shelf = self.shelf().await?;
        let (settings, part) = experiment::settings(&self.config, profile.id, now);
        let lower = |text: Option<String>| text.map(|text| text.to_lowercase());
        let ask = Ask { genre: lower(ask.genre), language: lower(ask.language), ..ask };
        let ask = Ask { row: ask.row.map(RowKind::in_lower_case), ..ask };
        let key = Key { profile: profile.id, taste_version: profile.taste_version, shelf: shelf.generation(), part, ask };
        if let Some(answer) = self.answers.get(&key)
            && self.is_there(&profile.rules, &answer).await?
        {
            self.meter.answered(&answer, "cache", begun, now);
            return Ok(answer);
        }
        let answer = Arc::new(self.answer(&shelf, profile, &key, settings).await?);
        self.meter.answered(&answer, "model", begun, now);
        self.answers.insert(key, answer.clone());
        Ok(answer)
    }

    async fn answer(&self, shelf: &Shelf, profile: &Profile, key: &Key, settings: Settings) -> Result<Answer> {
        let mut viewer = self.viewer(shelf, profile, settings, None).await?;
        viewer.chance = profile.id.0.as_u64_pair().1 ^ profile.taste_version as u64;
        let mut answer = Answer::default();
        for _ in 0..CHOICES_MAX {
            let begun = Instant::now();
            let rows = self.with_scratch(|scratch| rows(shelf, &viewer, &key.ask, scratch));
            answer = Answer { model: shelf.model(), part: key.part.clone(), rows };
            metrics::histogram!("marquee_recommender_choice_seconds").record(begun.elapsed());
            let shown: Vec<VideoId> = answer.videos().collect();
            let there = self.db.still_recommendable(&shown, &viewer.rules, viewer.now).await?;
            let there: HashSet<VideoId> = there.into_iter().collect();
            if shown.iter().all(|video| there.contains(video)) {
                break;
            }
            viewer.gone.extend(shown.into_iter().filter(|video| !there.contains(video)));
            answer.rows.iter_mut().for_each(|row| row.items.retain(|item| there.contains(&item.video)));
        }
        Ok(answer)
    }

    /// `profile` as it is now, or as far as is still known as it was `then`.
    async fn viewer(&self, shelf: &Shelf, profile: &Profile, settings: Settings, then: Option<OffsetDateTime>) -> Result<Viewer> {
        let now = then.unwrap_or_else(|| self.clock.now());
        let mut rules = profile.rules.clone();
        rules.genres_hidden.iter_mut().for_each(|genre| *genre = genre.to_lowercase());
        let mut tastes = self.db.taste_of(profile.id, TASTES_MAX).await?;
        tastes.retain(|taste| then.is_none_or(|then| taste.updated_at < then));
        let history = match settings.ranking {
            Ranking::Model => taste::history(shelf.catalog(), &tastes, &self.config.weights, now),
            Ranking::Popular => taste::seen(shelf.catalog(), &tastes),
        };
        Ok(Viewer { history, tastes, rules, now, gone: HashSet::new(), chance: 0, settings })
    }

    /// Whether all of an answer may still be shown by these rules.
    async fn is_there(&self, rules: &ProfileRules, answer: &Answer) -> Result<bool> {
        let shown: HashSet<VideoId> = answer.videos().collect();
        let shown: Vec<VideoId> = shown.into_iter().collect();
        Ok(self.db.still_recommendable(&shown, rules, self.clock.now()).await?.len() == shown.len())
    }

    /// What every term says of `video` for `profile`, and why it would be shown; whether it may is another question.
    ///
    /// # Errors
    /// `NotFound` if there is no such profile, or if the title is not known.
    pub async fn explain(&self, profile: ProfileId, video: VideoId) -> Result<Judgment> {
        let shelf = self.shelf().await?;
        let (settings, _) = experiment::settings(&self.config, profile, self.clock.now());
        let viewer = self.viewer(&shelf, &self.db.any_profile(profile).await?, settings, None).await?;
        self.with_scratch(|scratch| rows::explain(&shelf, &viewer, video, scratch)).ok_or_else(|| Error::not_found("video"))
    }

    fn with_scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let lock = || self.scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = lock().pop().unwrap_or_default();
        let done = work(&mut scratch);
        let mut kept = lock();
        if kept.len() < SCRATCHES_MAX {
            kept.push(scratch);
        }
        done
    }
}

/// Tells that a model is not to be had.
fn unreadable(id: Option<ModelId>, error: &Error) {
    tracing::warn!(model.id = id.map(tracing::field::display), error = error.detail(), "the model before stays in service");
}

/// Tells that what was learned is not to be had.
fn unlearned(id: Option<DeltaId>, error: &Error) {
    tracing::warn!(
        delta.id = id.map(tracing::field::display),
        error = error.detail(),
        "what was watched lately does not count yet"
    );
}

/// What an answer takes of the cache.
fn weight(_: &Key, answer: &Arc<Answer>) -> u32 {
    u32::try_from(answer.videos().count() + 1).unwrap_or(u32::MAX)
}

impl Answer {
    /// All titles that are shown.
    fn videos(&self) -> impl Iterator<Item = VideoId> + '_ {
        self.rows.iter().flat_map(|row| row.items.iter().map(|item| item.video))
    }
}
