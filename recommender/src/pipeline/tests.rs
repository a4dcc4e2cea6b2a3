//! The pipeline on a real database: what profiles do, and what they are shown then.

use super::*;
use crate::testing::Cinema;
use marquee_backends::testing;
use marquee_core::{OsRandom, SystemClock};

/// Two tastes of ten titles each; forty profiles that watch five of theirs.
async fn watched() -> Cinema {
    let cinema = Cinema::new(20).await;
    for number in 0..40_usize {
        let profile = cinema.profile().await;
        let titles: Vec<usize> = (0..5).map(|step| (number % 2) * 10 + (number / 2 * 3 + step * (1 + number % 3)) % 10).collect();
        let mut once = Vec::new();
        titles.into_iter().for_each(|title| {
            if !once.contains(&title) {
                once.push(title);
            }
        });
        cinema.watch(profile, &once).await;
    }
    cinema
}

#[tokio::test]
async fn what_profiles_watch_changes_what_another_is_shown() {
    let cinema = watched().await;
    let recommender = cinema.recommender();
    let newcomer = cinema.profile().await;
    assert_eq!(cinema.top(&recommender, newcomer).await, [19, 18, 17, 16, 15], "without a model the newest come first");
    let Trained::Stored { card, is_deployed } = cinema.pipeline().train().await.expect("trained") else { panic!("stored") };
    assert!(is_deployed, "{}", card.verdict);
    assert_eq!((card.profiles, card.titles), (40, 20));
    assert!(card.metrics["new"]["ndcg@20_mean"] > card.metrics["popularity"]["ndcg@20_mean"], "{:?}", card.metrics);
    recommender.refresh().await.expect("looked");
    cinema.watch(newcomer, &[1, 3, 4, 6]).await;
    let top = cinema.top(&recommender, newcomer).await;
    assert!(top.iter().all(|title| *title < 10 && ![1, 3, 4, 6].contains(title)), "its own taste, nothing seen: {top:?}");
}

#[tokio::test]
async fn cards_say_how_far_genres_are_where_they_are_known() {
    let cinema = watched().await;
    for title in 0..20 {
        cinema.know(title, &[if title < 10 { "Drama" } else { "Western" }], None).await;
    }
    let Trained::Stored { card, .. } = cinema.pipeline().train().await.expect("trained") else { panic!("stored") };
    assert!(card.metrics["popularity"]["genre_divergence@20"] > 0.0, "{:?}", card.metrics);
}

#[tokio::test]
async fn the_same_data_are_not_trained_twice_and_no_data_are_no_fault() {
    let cinema = Cinema::new(3).await;
    let pipeline = cinema.pipeline();
    assert_eq!(pipeline.train().await.expect("looked"), Trained::Unchanged { watches: 0 });
    assert!(pipeline.repository().newest(1).await.expect("listed").is_empty(), "nothing is stored for nothing");
    let profile = cinema.profile().await;
    cinema.watch(profile, &[0]).await;
    assert!(matches!(pipeline.train().await.expect("trained"), Trained::Stored { is_deployed: true, .. }));
    assert_eq!(pipeline.train().await.expect("looked"), Trained::Unchanged { watches: 1 });
}

#[tokio::test]
async fn a_damaged_model_leaves_the_one_before_in_service() {
    let cinema = watched().await;
    let (pipeline, recommender) = (cinema.pipeline(), cinema.recommender());
    pipeline.train().await.expect("trained");
    recommender.refresh().await.expect("looked");
    let viewer = cinema.profile().await;
    cinema.watch(viewer, &[1, 2]).await;
    let before = cinema.top(&recommender, viewer).await;
    let id = ModelId::new(&SystemClock, &OsRandom);
    let key = marquee_core::object::Key::model(id);
    cinema.blobs.create(&key, bytes::Bytes::from_static(b"MRQMODEL and then nothing")).await.expect("stored");
    cinema.db.add_model(id, &serde_json::json!({}), b"x", true).await.expect("added");
    recommender.refresh().await.expect("looked");
    assert_eq!(cinema.top(&recommender, viewer).await, before);
    assert!(matches!(pipeline.train().await.expect("trained"), Trained::Stored { .. }), "the next training goes on without it");
}

#[tokio::test]
async fn a_schedule_trains_as_soon_as_something_was_watched() {
    let cinema = Cinema::new(4).await;
    let config = Config { train_every_seconds: 1, ..Config::default() };
    let pipeline = Pipeline::new(cinema.db.clone(), cinema.blobs.clone(), Arc::new(SystemClock), Arc::new(OsRandom), config);
    let shutdown = marquee_core::Shutdown::new();
    let task = tokio::spawn(schedule(pipeline.clone(), shutdown.clone()));
    let watches = || async {
        let newest = pipeline.repository().newest(1).await.expect("listed");
        newest.first().map(|row| row.metrics["watches"].clone())
    };
    let profile = cinema.profile().await;
    cinema.watch(profile, &[0]).await;
    testing::eventually("a first model", || async { watches().await == Some(serde_json::json!(1)) }).await;
    cinema.watch(profile, &[1]).await;
    testing::eventually("a model of what was watched", || async { watches().await == Some(serde_json::json!(2)) }).await;
    shutdown.drain();
    task.await.expect("joined").expect("ended");
}

#[test]
fn a_process_that_ends_does_not_wait_for_a_training() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (end, ended) = std::sync::mpsc::channel::<()>();
    // It goes on until this test lets it: a runtime that waited for it would never be gone.
    let training = runtime.spawn(aside(move || ended.recv()));
    runtime.block_on(tokio::task::yield_now());
    training.abort();
    drop(runtime);
    end.send(()).ok();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(aside(|| 6 * 7)).expect("computed"), 42);
    assert!(runtime.block_on(aside(|| -> u8 { panic!("on purpose") })).is_err(), "a training that fails is told of");
}
