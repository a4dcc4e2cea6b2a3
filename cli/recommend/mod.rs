//! `marquee recommend`: training, judging, deploying and explaining what viewers may like next.

mod evaluate;
mod memory;
mod report;

use crate::{args::RecommendAction, args::RecommendStore, settings, up};
use anyhow::{Context, bail};
use marquee_backends::{
    db::Db,
    open::{self, Access},
    private_postgres,
};
use marquee_core::{OsRandom, SystemClock, blobs::Blobs, config::Recommender as Config, id::ModelId};
use marquee_recommender::{
    pipeline::{Pipeline, Trained},
    repository::Card,
    serving::{Ask, Recommender, RowKind},
};
use serde_json::json;
use std::{process::ExitCode, sync::Arc};

/// Models that are listed.
const MODELS_MAX: i64 = 50;

/// Runs one action.
///
/// # Errors
/// When an engine does not answer, or a file cannot be meant.
pub(crate) async fn run(action: RecommendAction) -> anyhow::Result<ExitCode> {
    match action {
        RecommendAction::Evaluate(options) => evaluate::run(options).await,
        RecommendAction::Train { store, json } => train(&Store::open(&store).await?, json).await,
        RecommendAction::Models { store, id: Some(id), .. } => card(&Store::open(&store).await?, id.parse()?).await,
        RecommendAction::Models { store, json, .. } => models(&Store::open(&store).await?, json).await,
        RecommendAction::Report(options) => report::run(&Store::open(&options.store).await?, &options).await,
        RecommendAction::Rollback { store } => roll_back(&Store::open(&store).await?).await,
        RecommendAction::Deploy { id, store } => deploy(&Store::open(&store).await?, id.parse()?).await,
        RecommendAction::Recommend { profile, count, row, store } => {
            let row = row.as_deref().map_or(Some(RowKind::Top), RowKind::parse).context("row is none that there is")?;
            let ask = Ask { count: count.into(), row: Some(row), ..Ask::default() };
            let answer = Store::open(&store).await?.recommender().recommend(profile.parse()?, ask).await?;
            let item = |item: &marquee_recommender::serving::Recommendation| json!({"id": item.video, "reason": item.reason});
            print(&answer.rows.iter().flat_map(|row| &row.items).map(item).collect::<Vec<_>>())
        }
        RecommendAction::Explain { profile, title, store } => {
            let store = Store::open(&store).await?;
            print(&store.recommender().explain(profile.parse()?, title.parse()?).await?)
        }
    }
}

/// Where models and events are.
struct Store {
    db: Db,
    blobs: Arc<dyn Blobs>,
    config: Config,
}

impl Store {
    async fn open(options: &RecommendStore) -> anyhow::Result<Self> {
        let config = settings::load(options.config.as_deref())?;
        let patience = config.start.patience();
        let is_own = config.database.url.is_none();
        let database = match config.database.url {
            Some(url) => url,
            None => private_postgres::running_url(&options.data.join("postgres"))?,
        };
        let blobs = match config.blobs.url {
            Some(url) => url,
            None if is_own => up::blobs_url(&options.data)?,
            None => bail!("blobs.url is not set: put it in the configuration file or in MARQUEE_BLOBS_URL"),
        };
        let db = open::database(&database, patience).await?;
        Ok(Self { db, blobs: open::blobs(&blobs, Access::Write, patience).await?, config: config.recommender })
    }

    fn pipeline(&self) -> Pipeline {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(OsRandom));
        Pipeline::new(self.db.clone(), self.blobs.clone(), clock, random, self.config.clone())
    }

    fn recommender(&self) -> Recommender {
        Recommender::new(self.db.clone(), self.blobs.clone(), Arc::new(SystemClock), self.config.clone())
    }
}

async fn train(store: &Store, json: bool) -> anyhow::Result<ExitCode> {
    match store.pipeline().train().await? {
        Trained::Unchanged { .. } if json => say!("{}", json!({"unchanged": true})),
        Trained::Unchanged { .. } => say!("Nothing changed since the last training."),
        Trained::Stored { card, is_deployed } if json => {
            say!("{}", serde_json::to_string_pretty(&json!({"card": card, "deployed": is_deployed}))?);
        }
        Trained::Stored { card, .. } => {
            say!(
                "{}: {} pairs of {} profiles and {} titles. {}",
                card.id,
                card.watches,
                card.profiles,
                card.titles,
                card.verdict
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn models(store: &Store, json: bool) -> anyhow::Result<ExitCode> {
    let deployed = store.pipeline().repository().deployed().await?.map(|model| model.id);
    let models = store.pipeline().repository().newest(MODELS_MAX).await?;
    if json {
        let model = |model: &marquee_backends::db::models::StoredModel| json!({"card": model.metrics, "answers": Some(model.id) == deployed});
        return print(&models.iter().map(model).collect::<Vec<_>>());
    }
    for model in models {
        let card: Card = serde_json::from_value(model.metrics).context("a model's card")?;
        let mark = if Some(model.id) == deployed { "*" } else { " " };
        say!("{mark} {}  {}  {} watches  {}", card.id, card.trained_at, card.watches, card.verdict);
    }
    Ok(ExitCode::SUCCESS)
}

async fn card(store: &Store, id: ModelId) -> anyhow::Result<ExitCode> {
    let models = store.pipeline().repository().newest(MODELS_MAX).await?;
    let model = models.into_iter().find(|model| model.id == id);
    print(
        &model
            .with_context(|| format!("{id} is none of the models that are kept: `marquee recommend models` lists them"))?
            .metrics,
    )
}

async fn roll_back(store: &Store) -> anyhow::Result<ExitCode> {
    let id = store.pipeline().repository().roll_back().await?;
    say!("{id} answers again, in a few seconds everywhere.");
    Ok(ExitCode::SUCCESS)
}

async fn deploy(store: &Store, id: ModelId) -> anyhow::Result<ExitCode> {
    store.pipeline().repository().deploy(id).await?;
    say!("{id} answers in a few seconds everywhere.");
    Ok(ExitCode::SUCCESS)
}

fn print(value: &impl serde::Serialize) -> anyhow::Result<ExitCode> {
    say!("{}", serde_json::to_string_pretty(value)?);
    Ok(ExitCode::SUCCESS)
}
