//! What was watched since the deployed model was trained, look by look.

use super::{Pipeline, TITLES_MAX, aside, gather::PAGE};
use crate::{
    fresh::{Live, Refreshed, Taste},
    repository::PackedDelta,
    taste,
};
use marquee_backends::db::{
    models::StoredModel,
    taste::{Changed, TitleTaste},
};
use marquee_core::{
    Result,
    id::{DeltaId, ModelId, ProfileId, VideoId},
};
use std::collections::HashSet;
use time::{Duration, OffsetDateTime};

/// How far each look goes back before the one before it: changes are stored a little after they happened.
const BACK: Duration = Duration::minutes(5);
/// Pages of changes that are read in one look; the next one goes on from there.
const PAGES_MAX: usize = 25;
/// Pauses between two looks after which whoever looked before is taken to be gone.
const PAUSES_MAX: i32 = 3;

/// Keeps what the deployed model does not know yet. Only one process does: the others wait until nobody looked for a while.
pub struct Refreshing {
    pipeline: Pipeline,
    state: State,
    /// What the deployed model knew after the last look: if it is still that, nobody else looked.
    known_at: Option<OffsetDateTime>,
}

/// What one look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Round {
    /// There is no model that anything may be learned beside, or another process looks.
    Idle,
    /// There are more watches than may be kept.
    TooMuch {
        /// Pairs of profile and title that may be.
        watches_max: usize,
    },
    /// What was watched is known.
    Known {
        /// Tastes that changed.
        taken: usize,
        /// Columns that were solved anew.
        solved: usize,
        /// Columns that have to wait for the next look.
        waiting: usize,
        /// What is known now; `None`: what was known before.
        delta: Option<DeltaId>,
    },
}

enum State {
    Waiting,
    /// Nothing is kept for this model.
    Refused(ModelId),
    Kept(Box<Kept>),
}

struct Kept {
    model: ModelId,
    live: Live,
    /// Where changes are read on.
    from: Changed,
}

impl Refreshing {
    /// Knows nothing before its first round.
    #[must_use]
    pub fn new(pipeline: Pipeline) -> Self {
        Self { pipeline, state: State::Waiting, known_at: None }
    }

    /// What it reads and writes with.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Reads what changed, and makes known what the deployed model should know of it. What fails leaves all as it was, and is begun anew.
    ///
    /// # Errors
    /// `Unavailable` if the database or the store does not answer, `Invalid` if the deployed model cannot be read.
    pub async fn round(&mut self) -> Result<Round> {
        let Some(deployed) = self.pipeline.repository.deployed().await? else {
            self.state = State::Waiting;
            return Ok(Round::Idle);
        };
        let now = self.pipeline.clock.now();
        // As the database keeps times.
        let now = now.replace_nanosecond(now.microsecond() * 1000).unwrap_or(now);
        let kept = match std::mem::replace(&mut self.state, State::Waiting) {
            State::Refused(model) if model == deployed.id => {
                self.state = State::Refused(model);
                return Ok(Round::Idle);
            }
            State::Kept(kept) if kept.model == deployed.id && !self.is_other(&deployed) => kept,
            _ if self.is_looked_after(&deployed, now) => return Ok(Round::Idle),
            _ => match self.pipeline.begin(&deployed, now).await {
                Ok(Some(kept)) => kept,
                Ok(None) => return Ok(self.refuse(deployed.id)),
                Err(error) => {
                    if !error.kind().is_transient() {
                        self.state = State::Refused(deployed.id);
                    }
                    return Err(error);
                }
            },
        };
        let (kept, round, known_at) = self.pipeline.look(kept, now).await?;
        self.known_at = Some(known_at);
        if kept.live.len() > self.pipeline.watches_max() {
            return Ok(self.refuse(deployed.id));
        }
        self.state = State::Kept(kept);
        Ok(round)
    }

    /// Whether another process looked lately.
    fn is_looked_after(&self, deployed: &StoredModel, now: OffsetDateTime) -> bool {
        let pause = Duration::seconds(self.pipeline.config.refresh_every_seconds.into());
        self.is_other(deployed) && deployed.known_at.is_some_and(|known_at| now - known_at < pause * PAUSES_MAX)
    }

    /// Whether another process looked since this one did.
    fn is_other(&self, deployed: &StoredModel) -> bool {
        deployed.known_at.is_some() && deployed.known_at != self.known_at
    }

    fn refuse(&mut self, model: ModelId) -> Round {
        self.state = State::Refused(model);
        Round::TooMuch { watches_max: self.pipeline.watches_max() }
    }
}

impl Pipeline {
    fn watches_max(&self) -> usize {
        self.config.refresh_watches_max as usize
    }

    /// All that there is now, beside the deployed model; `None` if that is too much.
    async fn begin(&self, deployed: &StoredModel, now: OffsetDateTime) -> Result<Option<Box<Kept>>> {
        let packed = self.repository.load(deployed.id).await?;
        if packed.card.watches > self.watches_max() {
            return Ok(None);
        }
        let mut live = Live::new(packed.catalog, &packed.ranker.terms.popularity, packed.card.choices.knobs.ridge);
        self.db.title_facts(TITLES_MAX).await?.iter().for_each(|facts| live.know(facts.id));
        if let Some(delta) = self.repository.newest_delta(deployed.id).await? {
            match self.repository.load_delta(deployed.id, delta).await {
                Ok(packed) => live.adopt(&packed.delta),
                Err(error) => tracing::warn!(%delta, error = error.detail(), "what was learned before is learned again"),
            }
        }
        let mut after: Option<(ProfileId, VideoId)> = None;
        loop {
            let page = self.db.tastes(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.profile, last.video));
            self.take(&mut live, &page, now);
            if live.len() > self.watches_max() {
                return Ok(None);
            }
        }
        Ok(Some(Box::new(Kept { model: deployed.id, live, from: Changed::from(now - BACK) })))
    }

    /// Takes tastes as they are now. Answers how many are new.
    fn take(&self, live: &mut Live, tastes: &[TitleTaste], now: OffsetDateTime) -> usize {
        let taste = |one: &TitleTaste| Taste {
            profile: one.profile,
            video: one.video,
            weight: taste::weight(one, &self.config.weights, now),
            at: one.updated_at.unix_timestamp(),
        };
        tastes.iter().filter(|one| live.take(taste(one))).count()
    }

    /// Reads what changed, and makes known what there is to be known; and by when.
    async fn look(&self, mut kept: Box<Kept>, now: OffsetDateTime) -> Result<(Box<Kept>, Round, OffsetDateTime)> {
        let (taken, read_to) = self.read(&mut kept, now).await?;
        let (kept, refreshed) = aside(move || {
            let refreshed = kept.live.refresh(now.unix_timestamp());
            (kept, refreshed)
        })
        .await?;
        let mut round = Round::Known { taken, solved: 0, waiting: 0, delta: None };
        if let Some(Refreshed { delta, solved, waiting }) = refreshed {
            let id = DeltaId::new(self.clock.as_ref(), self.random.as_ref());
            self.repository.add_delta(id, PackedDelta { model: kept.model, known_at: read_to, delta }).await?;
            round = Round::Known { taken, solved, waiting, delta: Some(id) };
        }
        self.db.know_model(kept.model, read_to).await?;
        Ok((kept, round, read_to))
    }

    /// Reads what changed since the last look, or as much of it as a look may. Answers how much was new, and what is known by then.
    async fn read(&self, kept: &mut Kept, now: OffsetDateTime) -> Result<(usize, OffsetDateTime)> {
        let mut taken = 0;
        for _ in 0..PAGES_MAX {
            let page = self.db.tastes_since(kept.from, PAGE).await?;
            let Some(last) = page.last() else {
                kept.from = Changed::from(now - BACK);
                return Ok((taken, now));
            };
            kept.from = Changed::after(last);
            self.know(&mut kept.live, &page).await?;
            taken += self.take(&mut kept.live, &page, now);
        }
        Ok((taken, kept.from.at.min(now)))
    }

    /// Counts those titles that came since.
    async fn know(&self, live: &mut Live, tastes: &[TitleTaste]) -> Result<()> {
        let unknown: HashSet<VideoId> = tastes.iter().map(|one| one.video).filter(|video| !live.knows(*video)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let unknown: Vec<VideoId> = unknown.into_iter().collect();
        self.db.title_facts_of(&unknown).await?.iter().for_each(|facts| live.know(facts.id));
        Ok(())
    }
}
