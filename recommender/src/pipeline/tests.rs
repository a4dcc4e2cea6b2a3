//! The pipeline on a real database: what profiles do, and what they are shown then.

use super::*;
use crate::{
    model::Term,
    serving::{Ask, Recommendation, Recommender, RowKind},
    testing::Cinema,
};
use marquee_backends::{db::events::Kind, testing};
use marquee_core::{
    ManualClock, OsRandom, SystemClock,
    id::{DeltaId, ProfileId},
    video::Status,
};
use time::Duration;

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
async fn a_process_that_begins_with_a_damaged_model_answers_by_the_one_before() {
    let cinema = watched().await;
    let pipeline = cinema.pipeline();
    pipeline.train().await.expect("trained");
    let viewer = cinema.profile().await;
    cinema.watch(viewer, &[1, 2]).await;
    let damaged = ModelId::new(&SystemClock, &OsRandom);
    let key = marquee_core::object::Key::model(damaged);
    cinema.blobs.create(&key, bytes::Bytes::from_static(b"MRQMODEL and then nothing")).await.expect("stored");
    cinema.db.add_model(damaged, &serde_json::json!({}), b"x", true).await.expect("added");
    let recommender = cinema.recommender();
    recommender.refresh().await.expect("looked");
    let top = cinema.top(&recommender, viewer).await;
    assert!(top.iter().filter(|title| **title < 10).count() > 2, "a taste is known, not only what is newest: {top:?}");
    assert!(pipeline.repository().deploy(damaged).await.is_err(), "what cannot be read is not deployed by hand either");
    assert!(matches!(pipeline.train().await.expect("trained"), Trained::Stored { is_deployed: true, .. }), "anything is better");
}

#[tokio::test]
async fn what_was_taken_back_comes_again_only_by_hand() {
    let cinema = watched().await;
    let (pipeline, viewer) = (cinema.pipeline(), cinema.profile().await);
    let answers = async || pipeline.repository().deployed().await.expect("asked").expect("a model").id;
    pipeline.train().await.expect("trained");
    let first = answers().await;
    cinema.watch(viewer, &[1, 3, 4, 6, 7, 8]).await;
    assert!(matches!(pipeline.train().await.expect("trained"), Trained::Stored { is_deployed: true, .. }));
    let second = answers().await;
    assert_eq!(pipeline.repository().roll_back().await.expect("back"), first);
    for title in [11, 12] {
        cinema.watch(viewer, &[title]).await;
        let Trained::Stored { card, is_deployed } = pipeline.train().await.expect("trained") else { panic!("stored") };
        assert!(!is_deployed && answers().await == first, "{}", card.verdict);
        assert!(card.verdict.contains("taken back"), "{}", card.verdict);
    }
    pipeline.repository().deploy(second).await.expect("deployed");
    assert_eq!(answers().await, second, "it is kept as long as it may come again");
    cinema.watch(viewer, &[13, 14, 15]).await;
    assert!(matches!(pipeline.train().await.expect("trained"), Trained::Stored { is_deployed: true, .. }), "as ever");
}

#[tokio::test]
async fn where_tastes_tell_nothing_what_many_watch_answers() {
    let cinema = Cinema::new(20).await;
    // Everybody watches the first titles, and one more that nothing tells.
    for number in 0..40_usize {
        let profile = cinema.profile().await;
        cinema.watch(profile, &[10 + number * 7 % 10, number % 4, (number + 1) % 4]).await;
    }
    let Trained::Stored { card, is_deployed } = cinema.pipeline().train().await.expect("trained") else { panic!("stored") };
    assert!(is_deployed && card.choices.blend == crate::model::Blend::popular(), "{}", card.verdict);
    let recommender = cinema.recommender();
    recommender.refresh().await.expect("looked");
    let newcomer = cinema.profile().await;
    let trending = row(&recommender, newcomer, RowKind::Trending).await;
    assert!(trending.iter().take(4).all(|item| cinema.place(item.video) < 4), "{}", card.verdict);
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

/// `profile` watches these titles to their ends just now: what is reported late only trainings know for sure.
async fn finish(cinema: &Cinema, profile: ProfileId, titles: &[usize]) {
    cinema.act_all(profile, titles.iter().map(|title| (*title, Kind::Finish))).await;
}

/// What a look made known.
fn learned(round: &Round) -> (usize, Option<DeltaId>) {
    let Round::Known { taken, delta, .. } = round else { panic!("{round:?}") };
    (*taken, *delta)
}

async fn row(recommender: &Recommender, profile: ProfileId, kind: RowKind) -> Vec<Recommendation> {
    let ask = Ask { count: 5, row: Some(kind), ..Ask::default() };
    let answer = recommender.recommend(profile, ask).await.expect("an answer");
    answer.rows.iter().flat_map(|row| row.items.clone()).collect()
}

#[tokio::test]
async fn what_others_watch_counts_before_the_next_training() {
    let mut cinema = watched().await;
    let (pipeline, recommender) = (cinema.pipeline(), cinema.recommender());
    let mut refreshing = Refreshing::new(pipeline.clone());
    assert_eq!(refreshing.round().await.expect("looked"), Round::Idle, "there is no model yet");
    pipeline.train().await.expect("trained");
    assert_eq!(learned(&refreshing.round().await.expect("looked")), (0, None), "the model knows all of it");
    recommender.refresh().await.expect("looked");
    let (viewer, stranger) = (cinema.profile().await, cinema.profile().await);
    finish(&cinema, viewer, &[1, 3]).await;
    finish(&cinema, stranger, &[11, 13]).await;
    cinema.titles.push(testing::video(&cinema.db, Status::Ready).await);
    recommender.refresh().await.expect("looked");
    let says = async |profile| {
        let judgment = recommender.explain(profile, cinema.titles[20]).await.expect("known");
        judgment.terms.iter().find(|(term, _)| *term == Term::Ridge).map_or(0.0, |(_, said)| *said)
    };
    assert!(says(viewer).await <= 0.0, "nobody watched it");
    for _ in 0..20 {
        let other = cinema.profile().await;
        finish(&cinema, other, &[20, 1, 3]).await;
    }
    let (taken, delta) = learned(&refreshing.round().await.expect("looked"));
    assert!(taken == 64 && delta.is_some(), "{taken}");
    recommender.refresh().await.expect("looked");
    assert!(says(viewer).await > 0.5 && says(stranger).await < says(viewer).await, "those who watched what the viewer did");
    let trending = row(&recommender, viewer, RowKind::Trending).await;
    assert_eq!(trending[0].video, cinema.titles[20], "not even a title of the model");
    assert_eq!(learned(&refreshing.round().await.expect("looked")), (0, None), "what is read again changes nothing");
    assert!(matches!(pipeline.train().await.expect("trained"), Trained::Stored { is_deployed: true, .. }));
    recommender.refresh().await.expect("looked");
    assert!(says(viewer).await > 0.0, "the next model knows it by itself");
    assert_eq!(learned(&refreshing.round().await.expect("looked")), (0, None));
}

#[tokio::test]
async fn one_process_looks_and_another_goes_on_when_it_is_gone() {
    let cinema = watched().await;
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let pipeline = cinema.pipeline_at(clock.clone(), Config::default());
    pipeline.train().await.expect("trained");
    let (mut first, mut second) = (Refreshing::new(pipeline.clone()), Refreshing::new(pipeline.clone()));
    let viewer = cinema.profile().await;
    cinema.watch(viewer, &[1, 3]).await;
    let (_, delta) = learned(&first.round().await.expect("looked"));
    assert_eq!(second.round().await.expect("looked"), Round::Idle, "the first does");
    clock.advance(Duration::minutes(2));
    assert_eq!(second.round().await.expect("looked"), Round::Idle);
    clock.advance(Duration::minutes(1));
    assert_eq!(learned(&second.round().await.expect("looked")), (0, None), "it goes on from what was made known");
    assert_eq!(first.round().await.expect("looked"), Round::Idle, "now the second does");
    finish(&cinema, viewer, &[5]).await;
    let (taken, newer) = learned(&second.round().await.expect("looked"));
    assert!(taken == 1 && newer > delta, "{taken}");
    let deployed = pipeline.repository().deployed().await.expect("asked").expect("a model");
    assert_eq!(deployed.known_at.map(|at| clock.now() - at < Duration::SECOND), Some(true));
}

#[tokio::test]
async fn too_much_is_not_kept_and_a_model_that_is_taken_back_ends_it() {
    let cinema = watched().await;
    let (pipeline, recommender) = (cinema.pipeline(), cinema.recommender());
    pipeline.train().await.expect("trained");
    let before = pipeline.repository().deployed().await.expect("asked").expect("a model").id;
    let config = Config { refresh_watches_max: 10, ..Config::default() };
    let mut small = Refreshing::new(cinema.pipeline_at(Arc::new(SystemClock), config));
    assert_eq!(small.round().await.expect("looked"), Round::TooMuch { watches_max: 10 });
    assert_eq!(small.round().await.expect("looked"), Round::Idle, "said once");
    let viewer = cinema.profile().await;
    cinema.watch(viewer, &[1, 3, 4]).await;
    cinema.watch(cinema.profile().await, &[1, 2, 3, 4, 5, 6, 7, 8]).await;
    pipeline.train().await.expect("trained");
    let model = pipeline.repository().deployed().await.expect("asked").expect("a model").id;
    assert_ne!(model, before);
    let mut refreshing = Refreshing::new(pipeline.clone());
    for number in 0..10 {
        cinema.watch(cinema.profile().await, &[number, 1, 12]).await;
    }
    let (_, delta) = learned(&refreshing.round().await.expect("looked"));
    recommender.refresh().await.expect("looked");
    let trending = row(&recommender, viewer, RowKind::Trending).await;
    assert_eq!(cinema.place(trending[0].video), 12);
    // One that cannot be read leaves the last in service.
    let damaged = DeltaId::new(&SystemClock, &OsRandom);
    assert!(Some(damaged) > delta);
    let key = marquee_core::object::Key::delta(model, damaged);
    cinema.blobs.create(&key, bytes::Bytes::from_static(b"MRQDELTA and then nothing")).await.expect("stored");
    cinema.db.add_delta(damaged, model).await.expect("added");
    recommender.refresh().await.expect("looked");
    assert_eq!(row(&recommender, viewer, RowKind::Trending).await, trending);
    assert_eq!(pipeline.repository().roll_back().await.expect("back"), before);
    recommender.refresh().await.expect("looked");
    assert_ne!(cinema.place(row(&recommender, viewer, RowKind::Trending).await[0].video), 12, "as that one was trained");
    let (taken, delta) = learned(&refreshing.round().await.expect("looked"));
    assert!(taken == 0 && delta.is_some(), "all is read anew, and the older model does not know it");
    recommender.refresh().await.expect("looked");
    assert_eq!(cinema.place(row(&recommender, viewer, RowKind::Trending).await[0].video), 12);
}
