//! The recommender on a real database.

use super::*;
use crate::{Reason, testing::Cinema};
use marquee_backends::{
    db::events::Kind,
    db::{profiles::ProfileChange, taste::ProfileRules},
    testing,
};
use marquee_core::{
    ManualClock, OsRandom, SystemClock,
    config::{Experiment, Variant},
    video::Status,
};

/// A cinema of two tastes whose first model is in service.
async fn cinema() -> (Cinema, Recommender) {
    let cinema = Cinema::new(20).await;
    for number in 0..40_usize {
        let profile = cinema.profile().await;
        let titles: Vec<usize> = (0..6).map(|step| (number % 2) * 10 + (number / 2 + step * 3) % 10).collect();
        cinema.watch(profile, &titles).await;
    }
    cinema.pipeline().train().await.expect("trained");
    let recommender = cinema.recommender();
    recommender.refresh().await.expect("looked");
    (cinema, recommender)
}

async fn row(recommender: &Recommender, profile: ProfileId, ask: Ask) -> Vec<Recommendation> {
    let answer = recommender.recommend(profile, ask).await.expect("an answer");
    answer.rows.iter().flat_map(|row| row.items.clone()).collect()
}

fn top(count: usize) -> Ask {
    Ask { count, row: Some(RowKind::Top), ..Ask::default() }
}

#[tokio::test]
async fn a_watch_counts_in_the_very_next_list_and_says_why() {
    let (cinema, recommender) = cinema().await;
    let viewer = cinema.profile().await;
    let before = row(&recommender, viewer, top(10)).await;
    assert!(before.iter().all(|item| matches!(item.reason, Reason::Popular { .. })), "{before:?}");
    cinema.watch(viewer, &[12]).await;
    let after = row(&recommender, viewer, top(5)).await;
    assert!(after.iter().all(|item| (10..20).contains(&cinema.place(item.video)) && cinema.place(item.video) != 12), "{after:?}");
    let because = after.iter().filter(|item| item.reason == Reason::BecauseYouWatched { video: cinema.titles[12] }).count();
    assert!(because >= 3, "{after:?}");
    assert_eq!(row(&recommender, viewer, top(5)).await, after, "the same until something is done");
}

#[tokio::test]
async fn nobody_is_told_to_have_watched_what_was_not() {
    let (cinema, recommender) = cinema().await;
    let viewer = cinema.profile().await;
    cinema.watch(viewer, &[12]).await;
    cinema.act(viewer, 3, Kind::Dislike).await;
    let because = |title: usize| Ask { count: 5, row: Some(RowKind::BecauseYouWatched(cinema.titles[title])), ..Ask::default() };
    assert_eq!(row(&recommender, viewer, because(12)).await.len(), 5);
    assert!(row(&recommender, viewer, because(14)).await.is_empty(), "never seen");
    assert!(row(&recommender, viewer, because(3)).await.is_empty(), "only disliked");
}

#[tokio::test]
async fn what_is_disliked_is_not_shown_and_what_is_listed_still_is() {
    let (cinema, recommender) = cinema().await;
    let viewer = cinema.profile().await;
    cinema.watch(viewer, &[12]).await;
    let first = cinema.place(row(&recommender, viewer, top(1)).await[0].video);
    cinema.act(viewer, first, Kind::List).await;
    assert!(row(&recommender, viewer, top(10)).await.iter().any(|item| cinema.place(item.video) == first));
    cinema.act(viewer, first, Kind::Dislike).await;
    let all = row(&recommender, viewer, top(100)).await;
    assert_eq!(all.len(), 18, "all but what was watched and what was disliked");
    assert!(all.iter().all(|item| ![12, first].contains(&cinema.place(item.video))));
}

#[tokio::test]
async fn a_title_that_is_deleted_leaves_the_list_at_once_and_another_takes_its_place() {
    let (cinema, recommender) = cinema().await;
    let viewer = cinema.profile().await;
    let before = row(&recommender, viewer, top(3)).await;
    cinema.db.delete_video(before[0].video).await.expect("deleted");
    let after = row(&recommender, viewer, top(3)).await;
    assert_eq!(after.len(), 3);
    assert!(after.iter().all(|item| item.video != before[0].video));
    assert!(row(&recommender, viewer, top(0)).await.is_empty());
    assert_eq!(
        recommender.recommend(ProfileId::new(&SystemClock, &OsRandom), top(3)).await.expect_err("nobody").code(),
        "not_found"
    );
}

#[tokio::test]
async fn rules_hold_in_every_row_and_at_once() {
    let (cinema, recommender) = cinema().await;
    for title in 0..20 {
        let genre = if title % 2 == 0 { "Horror" } else { "Family" };
        cinema.know(title, &[genre], (title % 4 < 2).then_some(6 * (title % 4) as i16)).await;
    }
    recommender.refresh().await.expect("looked");
    let (user, viewer) = cinema.account().await;
    cinema.watch(viewer, &[13, 15]).await;
    let all = Ask { count: 100, ..Ask::default() };
    let answer = recommender.recommend(viewer, all.clone()).await.expect("an answer");
    let names: Vec<String> = answer.rows.iter().map(|row| row.kind.name()).collect();
    for name in ["top", "trending", "new", "again", "genre:family"] {
        assert!(names.iter().any(|known| known == name), "{name} among {names:?}");
    }
    let rules = ProfileRules { maturity_age_max: Some(6), genres_hidden: vec!["horror".to_owned()] };
    let (maturity_age_max, genres_hidden) = (Some(rules.maturity_age_max), Some(rules.genres_hidden));
    let change = ProfileChange { name: "Kids".to_owned(), maturity_age_max, genres_hidden };
    cinema.db.change_profile(user, viewer, &change).await.expect("changed");
    let shown = row(&recommender, viewer, all).await;
    // Odd titles are for the family, and every fourth from 1 on is rated 6.
    assert!(!shown.is_empty());
    assert!(
        shown.iter().all(|item| cinema.place(item.video) % 4 == 1),
        "{:?}",
        shown.iter().map(|item| cinema.place(item.video)).collect::<Vec<_>>()
    );
    assert_eq!(row(&recommender, viewer, top(100)).await.len(), 4, "1, 5, 9 and 17: a rule is no reason for a short list");
}

#[tokio::test]
async fn genre_rows_are_what_tells_a_profile_from_others_and_no_title_is_shown_twice() {
    let (cinema, recommender) = cinema().await;
    for title in 0..20 {
        cinema.know(title, if title < 10 { &["Drama"] } else { &["Drama", "Western"] }, None).await;
    }
    recommender.refresh().await.expect("looked");
    let viewer = cinema.profile().await;
    cinema.watch(viewer, &[12, 13]).await;
    let home = async |count| recommender.recommend(viewer, Ask { count, ..Ask::default() }).await.expect("an answer");
    let answer = home(2).await;
    let genres: Vec<String> = answer.rows.iter().map(|row| row.kind.name()).filter(|name| name.starts_with("genre:")).collect();
    assert_eq!(genres, ["genre:western", "genre:drama"], "everybody watches dramas");
    let own = |row: &&Row| matches!(row.kind, RowKind::Top | RowKind::BecauseYouWatched(_) | RowKind::Genre(_));
    let shown: Vec<VideoId> = answer.rows.iter().filter(own).flat_map(|row| &row.items).map(|item| item.video).collect();
    assert_eq!((shown.len(), shown.iter().collect::<HashSet<_>>().len()), (10, 10));
    // Where one row takes all there is, the others have to repeat it.
    assert!(home(100).await.rows.iter().filter(own).all(|row| row.items.len() >= 8));
}

#[tokio::test]
async fn genres_and_languages_are_asked_for() {
    let (cinema, recommender) = cinema().await;
    for title in 0..5 {
        cinema.know(title, &["Drama"], None).await;
    }
    recommender.refresh().await.expect("looked");
    let viewer = cinema.profile().await;
    let drama = row(&recommender, viewer, Ask { genre: Some("drama".to_owned()), ..top(100) }).await;
    assert_eq!(drama.len(), 5);
    let of_genre =
        row(&recommender, viewer, Ask { count: 100, row: Some(RowKind::Genre("DRAMA".to_owned())), ..Ask::default() }).await;
    assert_eq!(of_genre.len(), 5);
    assert!(row(&recommender, viewer, Ask { language: Some("de".to_owned()), ..top(100) }).await.is_empty());
}

#[tokio::test]
async fn a_new_title_is_shown_with_what_it_is_like_before_anybody_watched_it() {
    let (cinema, recommender) = cinema().await;
    for title in [12, 15] {
        cinema.know(title, &["Western"], None).await;
    }
    let new = testing::video(&cinema.db, Status::Ready).await;
    let edit = |facts| Ok(marquee_backends::db::facts::Facts { genres: vec!["Western".to_owned()], ..facts });
    cinema.db.edit_video(new, None, edit).await.expect("edited");
    recommender.refresh().await.expect("looked");
    let viewer = cinema.profile().await;
    let like = Ask { count: 3, row: Some(RowKind::MoreLikeThis(cinema.titles[12])), ..Ask::default() };
    assert!(row(&recommender, viewer, like).await.iter().any(|item| item.video == new));
    let newest = row(&recommender, viewer, Ask { count: 100, row: Some(RowKind::New), ..Ask::default() }).await;
    assert_eq!(newest.len(), 21);
    let explained = recommender.explain(viewer, new).await.expect("known");
    assert_eq!(explained.reason, Reason::New);
}

#[tokio::test]
async fn some_places_are_given_to_what_little_is_known_of() {
    let cinema = Cinema::new(60).await;
    let config = marquee_core::config::Recommender { exploration_share: 0.2, ..Default::default() };
    let recommender = Recommender::new(cinema.db.clone(), cinema.blobs.clone(), Arc::new(SystemClock), config);
    let items = row(&recommender, cinema.profile().await, top(20)).await;
    let drawn: Vec<_> = items.iter().filter(|item| item.propensity < 0.5).collect();
    assert_eq!((items.len(), drawn.len()), (20, 4));
    assert!(drawn.iter().all(|item| (item.propensity - 0.1).abs() < 1e-6), "4 of the 40 that were not chosen");
    let unsure = items[10..].iter().filter(|item| (item.propensity - 0.6).abs() < 1e-6).count();
    assert_eq!(
        (unsure, items[..10].iter().filter(|item| item.propensity == 1.0).count()),
        (6, 10),
        "the lower half may have to go"
    );
    let there: HashSet<VideoId> = items.iter().map(|item| item.video).collect();
    assert_eq!(there.len(), 20, "none twice");
}

#[tokio::test]
async fn each_profile_gets_its_variant_and_no_cache_mixes_them() {
    let (cinema, _) = cinema().await;
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let popular = Variant { ranking: Some(Ranking::Popular), ..Variant::control("popular") };
    let begins_at = Some(clock.now() + time::Duration::HOUR);
    let variants = vec![Variant::control("control"), popular];
    let experiment = Experiment { name: "plain".to_owned(), begins_at, ends_at: None, share: 1.0, variants };
    let config = Config { experiments: vec![experiment], ..Config::default() };
    let recommender = cinema.recommender_at(clock.clone(), config.clone());
    let mut viewers = std::collections::HashMap::new();
    while viewers.len() < 2 {
        let viewer = cinema.profile().await;
        cinema.watch(viewer, &[12]).await;
        let later = clock.now() + time::Duration::HOUR;
        viewers.insert(experiment::settings(&config, viewer, later).1.expect("all are part of it").variant, viewer);
    }
    let because = async |variant: &str| {
        let answer = recommender.recommend(viewers[variant], top(5)).await.expect("an answer");
        let items = answer.rows.iter().flat_map(|row| &row.items);
        let personal = items.filter(|item| matches!(item.reason, Reason::BecauseYouWatched { .. })).count();
        (answer.part.as_ref().map(|part| part.variant.clone()), personal > 0)
    };
    assert_eq!((because("control").await, because("popular").await), ((None, true), (None, true)));
    clock.advance(time::Duration::HOUR);
    assert_eq!(because("control").await, (Some("control".to_owned()), true));
    assert_eq!(because("popular").await, (Some("popular".to_owned()), false));
    let seen = row(&recommender, viewers["popular"], top(100)).await;
    assert!(seen.len() == 19 && seen.iter().all(|item| cinema.place(item.video) != 12), "what was watched is not shown again");
    let explained = recommender.explain(viewers["popular"], cinema.titles[13]).await.expect("known");
    assert!(!matches!(explained.reason, Reason::BecauseYouWatched { .. }), "{explained:?}");
}

#[tokio::test]
async fn it_looks_by_itself_and_stops_when_told() {
    let cinema = Cinema::new(3).await;
    let shutdown = Shutdown::new();
    let config = marquee_core::config::Recommender::default();
    let recommender = Recommender::start(cinema.db.clone(), cinema.blobs.clone(), Arc::new(SystemClock), config, &shutdown);
    testing::eventually("titles are in service", async || recommender.shelf.load().is_built()).await;
    shutdown.drain();
    shutdown.finished().await;
}
