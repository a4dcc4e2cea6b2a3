//! The pipeline: what profiles did goes in, and a model that is better than the deployed one comes out.

mod gather;
mod judge;
mod refresh;
mod schedule;
#[cfg(test)]
mod tests;

pub(crate) use gather::{TITLES_MAX, features};
pub use refresh::{Refreshing, Round};
pub use schedule::{keep_fresh, schedule};

use crate::{
    model::{Material, Ranker},
    repository::{Card, Packed, Repository},
    train,
};
use gather::Gathered;
use marquee_backends::db::Db;
use marquee_core::{Clock, Error, Random, Result, blobs::Blobs, config::Recommender as Config, id::ModelId};
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;

/// Trains models.
#[derive(Clone)]
pub struct Pipeline {
    db: Db,
    repository: Repository,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    config: Config,
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq)]
pub enum Trained {
    /// Nothing changed since the last one, or nothing was ever watched.
    Unchanged {
        /// Pairs of profile and title that there are.
        watches: usize,
    },
    /// A model is stored.
    Stored {
        /// What it is.
        card: Box<Card>,
        /// Whether it answers now.
        is_deployed: bool,
    },
}

impl Pipeline {
    /// Trains on what is in `db`, and keeps models there and in `blobs`.
    #[must_use]
    pub fn new(db: Db, blobs: Arc<dyn Blobs>, clock: Arc<dyn Clock>, random: Arc<dyn Random>, config: Config) -> Self {
        Self { repository: Repository::new(db.clone(), blobs), db, clock, random, config }
    }

    /// The models that are there.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Trains a model, unless the newest was trained on the very same data or there are none; deploys it if it is better than the deployed
    /// one. Once one was taken back, the next is deployed by hand ([`Repository::deploy`]): what was wrong may still be so.
    ///
    /// # Errors
    /// `Unavailable` if the database or the store does not answer; what is deployed stays.
    pub async fn train(&self) -> Result<Trained> {
        let gathered = gather::gather(&self.db, &self.config.weights, self.clock.now()).await?;
        let newest = self.repository.newest(1).await?;
        let is_known = newest.first().is_some_and(|newest| newest.fingerprint == gathered.fingerprint);
        if gathered.watches.is_empty() || is_known {
            return Ok(Trained::Unchanged { watches: gathered.watches.len() });
        }
        let is_rolled_back = self.db.is_rolled_back().await?;
        let deployed = self.deployed().await?;
        let (id, trained_at) = (ModelId::new(self.clock.as_ref(), self.random.as_ref()), self.clock.now().format(&Rfc3339));
        let trained_at = trained_at.map_err(Error::internal)?;
        let fingerprint = gathered.fingerprint.clone();
        let (packed, is_deployed) = aside(move || make(id, trained_at, &gathered, deployed.as_ref(), is_rolled_back)).await?;
        let card = Box::new(packed.card.clone());
        self.repository.add(packed, &fingerprint, is_deployed).await?;
        Ok(Trained::Stored { card, is_deployed })
    }

    /// What the deployed model is; one that cannot be read is as good as none.
    async fn deployed(&self) -> Result<Option<Card>> {
        let Some(row) = self.repository.deployed().await? else { return Ok(None) };
        match self.repository.load(row.id).await {
            Ok(packed) => Ok(Some(packed.card)),
            Err(error) if error.kind().is_transient() => Err(error),
            Err(error) => {
                tracing::warn!(model.id = %row.id, error = error.detail(), "the deployed model cannot be read: any other is better");
                Ok(None)
            }
        }
    }
}

/// Runs `work`, which only computes, on a thread of its own: a process that ends does not wait for it, as it would for a blocking task.
async fn aside<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let computing = move || {
        // Nobody may be left to tell.
        let _ = tell.send(work());
    };
    std::thread::Builder::new().name("training".to_owned()).spawn(computing).map_err(Error::internal)?;
    told.await.map_err(Error::internal)
}

/// Chooses, judges, and trains on everything.
fn make(id: ModelId, trained_at: String, gathered: &Gathered, deployed: Option<&Card>, is_rolled_back: bool) -> (Packed, bool) {
    let material = Material { watches: &gathered.watches, features: &gathered.features, now: gathered.now };
    let judged = judge::judge(&material, deployed, is_rolled_back);
    let Ranker { terms, blend, .. } = train::train(&material, &judged.choices);
    let card = Card {
        id,
        trained_at,
        profiles: gathered.watches.profiles(),
        titles: gathered.watches.titles(),
        watches: gathered.watches.len(),
        choices: judged.choices,
        metrics: judged.metrics,
        verdict: judged.verdict,
    };
    let ranker = Ranker { terms, blend, dial: 0.0 };
    (Packed { card, catalog: gathered.catalog.clone(), ranker }, judged.is_better)
}
