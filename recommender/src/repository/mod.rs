//! The model repository: files in the object store, and rows that say which of them answers.

mod container;
mod delta;
mod draft;
mod file;
#[cfg(test)]
mod tests;

pub use delta::{PackedDelta, read_delta, write_delta};
pub use file::{Packed, VERSION, read, write};

use crate::train::Choices;
use bytes::Bytes;
use draft::Draft;
use futures::TryStreamExt;
use marquee_backends::db::{Db, models::StoredModel};
use marquee_core::{
    Error, ErrorKind, Result,
    blobs::{Blobs, Created, Object},
    id::{DeltaId, ModelId},
    object::Key,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// Models that are kept to go back to, the deployed one included.
const KEPT: i64 = 3;
/// Deltas of the deployed model that are kept: who looked for the newest a moment ago still finds it.
const DELTAS_KEPT: i64 = 3;
/// Longest file that is read.
const FILE_BYTES_MAX: u64 = 8 << 30;

/// What a model is: who wants to know reads it without its arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// Its id.
    pub id: ModelId,
    /// When it was trained, as RFC 3339.
    pub trained_at: String,
    /// Profiles that it was trained on.
    pub profiles: usize,
    /// Titles that it ranks.
    pub titles: usize,
    /// Pairs of profile and title that it was trained on.
    pub watches: usize,
    /// What was decided before it was trained.
    pub choices: Choices,
    /// What it was found to be worth on a holdout, by model and metric, with what it was compared to.
    pub metrics: BTreeMap<String, BTreeMap<String, f64>>,
    /// Why it was deployed, or not.
    pub verdict: String,
}

/// Models in their store.
#[derive(Clone)]
pub struct Repository {
    db: Db,
    blobs: Arc<dyn Blobs>,
}

impl Repository {
    /// Models of this database and this store.
    #[must_use]
    pub fn new(db: Db, blobs: Arc<dyn Blobs>) -> Self {
        Self { db, blobs }
    }

    /// Stores a model, which answers from now on if it `is_better`; then removes those that nobody will go back to.
    ///
    /// # Errors
    /// `Unavailable` if the store or the database does not answer.
    pub async fn add(&self, packed: Packed, fingerprint: &[u8], is_better: bool) -> Result<()> {
        let key = Key::model(packed.card.id);
        let card = serde_json::to_value(&packed.card).map_err(Error::internal)?;
        let id = packed.card.id;
        self.store(&key, move |draft| write(&packed, draft.writer()), |file| read(file).map(drop)).await?;
        if let Err(error) = self.db.add_model(id, &card, fingerprint, is_better).await {
            // Without its row nobody would ever remove it.
            let _ = self.blobs.delete(&key).await;
            return Err(error);
        }
        if let Err(error) = self.tidy().await {
            tracing::warn!(error = error.detail(), "spent models could not be removed, the next training tries again");
        }
        Ok(())
    }

    async fn tidy(&self) -> Result<()> {
        self.tidy_deltas().await?;
        for id in self.db.spent_models(KEPT).await? {
            self.remove(&Key::model(id)).await?;
            self.db.forget_model(id).await?;
        }
        Ok(())
    }

    /// Stores what `write` writes as `key`, if `read` can read it: what is put into service has been read once.
    async fn store(
        &self,
        key: &Key,
        write: impl FnOnce(&mut Draft) -> Result<()> + Send + 'static,
        read: fn(&Bytes) -> Result<()>,
    ) -> Result<()> {
        let written = tokio::task::spawn_blocking(move || {
            let mut draft = Draft::new()?;
            write(&mut draft)?;
            let file = draft.mapped()?;
            read(&file).map(|()| file)
        });
        let file = written.await.map_err(Error::internal)??;
        match self.blobs.create(key, file).await? {
            Created::Existed => Err(Error::internal(format!("there is an object {key} already"))),
            Created::New => Ok(()),
        }
    }

    /// Removes the object `key`, if it is there.
    async fn remove(&self, key: &Key) -> Result<()> {
        match self.blobs.delete(key).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The row of the model that answers.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn deployed(&self) -> Result<Option<StoredModel>> {
        self.db.deployed_model().await
    }

    /// The newest models.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn newest(&self, limit: i64) -> Result<Vec<StoredModel>> {
        self.db.models(limit).await
    }

    /// Takes the deployed model back.
    ///
    /// # Errors
    /// `Conflict` if there is no model before it.
    pub async fn roll_back(&self) -> Result<ModelId> {
        self.db.withdraw_model().await
    }

    /// Lets a model that is kept answer, even if it was taken back or found to be no better.
    ///
    /// # Errors
    /// `NotFound` if there is no such model, `Invalid` if its file is damaged or from a newer Marquee, `Unavailable`.
    pub async fn deploy(&self, id: ModelId) -> Result<()> {
        self.load(id).await?;
        self.db.deploy_model(id).await
    }

    /// The model `id`.
    ///
    /// # Errors
    /// `Invalid` if its file is damaged or from a newer Marquee, `NotFound`, `Unavailable`.
    pub async fn load(&self, id: ModelId) -> Result<Packed> {
        let file = self.fetch(&Key::model(id)).await?;
        tokio::task::spawn_blocking(move || read(&file.mapped()?)).await.map_err(Error::internal)?
    }

    /// The file `key`.
    async fn fetch(&self, key: &Key) -> Result<Draft> {
        let Object { meta, mut body, .. } = self.blobs.read(key, None).await?;
        if meta.size_bytes > FILE_BYTES_MAX {
            return Err(Error::invalid("damaged_model", format!("a model of {} bytes is none of Marquee's", meta.size_bytes)));
        }
        let mut draft = tokio::task::spawn_blocking(Draft::new).await.map_err(Error::internal)??;
        while let Some(piece) = body.try_next().await? {
            draft = tokio::task::spawn_blocking(move || draft.with(&piece)).await.map_err(Error::internal)??;
        }
        Ok(draft)
    }

    /// Stores what was learned since a model was trained, instead of what was learned of it before.
    ///
    /// # Errors
    /// `Unavailable` if the store or the database does not answer, or the model is gone.
    pub async fn add_delta(&self, id: DeltaId, packed: PackedDelta) -> Result<()> {
        let model = packed.model;
        let key = Key::delta(model, id);
        self.store(&key, move |draft| write_delta(&packed, draft.writer()), |file| read_delta(file).map(drop)).await?;
        if let Err(error) = self.db.add_delta(id, model).await {
            let _ = self.blobs.delete(&key).await;
            return Err(error);
        }
        if let Err(error) = self.tidy_deltas().await {
            tracing::warn!(error = error.detail(), "spent deltas could not be removed, the next one tries again");
        }
        Ok(())
    }

    async fn tidy_deltas(&self) -> Result<()> {
        for (model, id) in self.db.spent_deltas(DELTAS_KEPT).await? {
            self.remove(&Key::delta(model, id)).await?;
            self.db.forget_delta(id).await?;
        }
        Ok(())
    }

    /// The newest that was learned since `model` was trained.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn newest_delta(&self, model: ModelId) -> Result<Option<DeltaId>> {
        self.db.newest_delta(model).await
    }

    /// The delta `id` of `model`.
    ///
    /// # Errors
    /// `Invalid` if its file is damaged, of another model or from another Marquee, `NotFound`, `Unavailable`.
    pub async fn load_delta(&self, model: ModelId, id: DeltaId) -> Result<PackedDelta> {
        let file = self.fetch(&Key::delta(model, id)).await?;
        let read = tokio::task::spawn_blocking(move || read_delta(&file.mapped()?));
        let packed = read.await.map_err(Error::internal)??;
        if packed.model != model {
            return Err(Error::invalid("damaged_model", format!("this is a delta of {}, not of {model}", packed.model)));
        }
        Ok(packed)
    }
}
