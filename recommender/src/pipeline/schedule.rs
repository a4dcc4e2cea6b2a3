//! When models are trained, and kept fresh.

use super::{Pipeline, Refreshing, Round, Trained};
use marquee_core::{Result, Shutdown};
use std::time::Duration;

/// Pause before the first training is looked for: a start has better things to do.
const FIRST: Duration = Duration::from_secs(5);
/// Pause between two looks while little was watched: a training takes no time then, and the first viewers should not wait for an hour.
const EARLY: Duration = Duration::from_secs(60);
/// Pairs of profile and title up to which that is so.
const EARLY_WATCHES: usize = 20_000;

/// Trains again and again until `shutdown`; what fails is tried again at the next time. Several may run; one acts at a time, as long as a
/// training takes less than a minute: two that train the same do no harm.
///
/// # Errors
/// Never.
pub async fn schedule(pipeline: Pipeline, shutdown: Shutdown) -> Result<()> {
    let every = Duration::from_secs(pipeline.config.train_every_seconds.into());
    let mut pause = FIRST.min(every);
    while !shutdown.is_draining() {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.draining() => break,
        }
        let trained = tokio::select! {
            trained = turn(&pipeline) => trained,
            () = shutdown.draining() => break,
        };
        let soon = |watches: usize| if watches < EARLY_WATCHES { every.min(EARLY) } else { every };
        pause = match trained {
            Ok(Some(Trained::Stored { card, is_deployed })) => {
                tracing::info!(model.id = %card.id, watches = card.watches, is_deployed, verdict = card.verdict, "a recommender was trained");
                soon(card.watches)
            }
            Ok(Some(Trained::Unchanged { watches })) => soon(watches),
            Ok(None) => every,
            Err(error) => {
                tracing::warn!(error = error.detail(), "no recommender could be trained, the last one stays");
                every.min(EARLY)
            }
        };
    }
    Ok(())
}

/// Trains if no other process does.
async fn turn(pipeline: &Pipeline) -> Result<Option<Trained>> {
    let Some(turn) = pipeline.db.training_turn().await? else { return Ok(None) };
    let trained = pipeline.train().await?;
    // It may have ended by itself meanwhile.
    if let Err(error) = turn.end().await {
        tracing::debug!(error = error.detail(), "the turn to train ended before the training");
    }
    Ok(Some(trained))
}

/// Looks for what was watched since the training again and again until `shutdown`; what fails is tried again at the next time. Several may
/// run; one acts at a time.
///
/// # Errors
/// Never.
pub async fn keep_fresh(pipeline: Pipeline, shutdown: Shutdown) -> Result<()> {
    let pause = Duration::from_secs(pipeline.config.refresh_every_seconds.into());
    let mut refreshing = Refreshing::new(pipeline);
    while !pause.is_zero() && !shutdown.is_draining() {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.draining() => break,
        }
        let round = tokio::select! {
            round = refresh(&mut refreshing) => round,
            () = shutdown.draining() => break,
        };
        match round {
            Ok(Some(Round::Known { taken, solved, waiting, .. })) => {
                tracing::debug!(taken, solved, waiting, "the recommender knows what was watched since its training");
            }
            Ok(Some(Round::TooMuch { watches_max })) => {
                tracing::info!(
                    watches_max,
                    "too much was watched to learn between trainings, see recommender.refresh_watches_max"
                );
            }
            Ok(Some(Round::Idle) | None) => {}
            Err(error) => {
                tracing::warn!(error = error.detail(), "what was watched lately is not known, the next look tries again");
            }
        }
    }
    // There is nothing to do, which is no reason to end before the process does.
    shutdown.draining().await;
    Ok(())
}

/// Looks, if no other process does.
async fn refresh(refreshing: &mut Refreshing) -> Result<Option<Round>> {
    let Some(turn) = refreshing.pipeline().db.refreshing_turn().await? else { return Ok(None) };
    let round = refreshing.round().await?;
    if let Err(error) = turn.end().await {
        tracing::debug!(error = error.detail(), "the turn to look for what was watched ended before the look");
    }
    Ok(Some(round))
}
