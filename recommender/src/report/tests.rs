//! Reports of what profiles did on a real database.

use super::*;
use crate::{
    experiment::{Verdict, settings},
    serving::{Ask, RowKind},
    testing::Cinema,
};
use marquee_backends::db::events::{Kind, Placement};
use marquee_core::{
    Clock, SystemClock,
    config::{Recommender as Config, Variant},
    id::ProfileId,
};
use std::sync::Arc;

fn configured() -> Experiment {
    let popular = Variant { ranking: Some(Ranking::Popular), ..Variant::control("popular") };
    let variants = vec![Variant::control("plain"), popular];
    Experiment { name: "ranking".to_owned(), begins_at: None, ends_at: None, share: 1.0, variants }
}

fn wish<'a>(experiment: Option<&'a str>, configured: Option<&'a Experiment>) -> Wish<'a> {
    let (since, until) = (SystemClock.now() - Duration::HOUR, SystemClock.now());
    Wish { experiment, configured, control: None, since, until, within: Duration::DAY, policy: None }
}

fn seen(variant: &str) -> Kind {
    let (experiment, variant) = (Some("ranking".to_owned()), Some(variant.to_owned()));
    Kind::Impression(Placement { experiment, variant, ..Placement::default() })
}

/// `profile` sees ten titles, and plays the first so many of them.
async fn sees(cinema: &Cinema, profile: ProfileId, variant: &str, plays: usize) {
    cinema.act_all(profile, (0..10).map(|title| (title, seen(variant)))).await;
    cinema.act_all(profile, (0..plays).map(|title| (title, Kind::Finish))).await;
    cinema.act(profile, 9, Kind::Abandon).await;
}

#[tokio::test]
async fn variants_are_told_apart_by_what_their_profiles_did() {
    let (cinema, configured) = (Cinema::new(12).await, configured());
    let config = Config { experiments: vec![configured.clone()], ..Config::default() };
    let mut counts = [0_usize; 2];
    while counts.iter().any(|count| *count < 40) {
        let profile = cinema.profile().await;
        let part = settings(&config, profile, SystemClock.now()).1.expect("all are part of it");
        let is_popular = part.variant == "popular";
        let count = &mut counts[usize::from(is_popular)];
        *count += 1;
        // Every other one plays one more.
        sees(&cinema, profile, &part.variant, if is_popular { 6 } else { 1 } + *count % 2).await;
    }
    let both = cinema.profile().await;
    cinema.act_all(both, [(0, seen("plain")), (1, seen("popular")), (2, seen("made up"))]).await;
    let recommender = cinema.recommender();
    let report = report(&cinema.db, &recommender, &wish(Some("ranking"), Some(&configured))).await.expect("a report");
    assert_eq!(report.control.as_deref(), Some("plain"));
    let profiles: Vec<u64> = report.variants.iter().map(|variant| variant.compared.profiles).collect();
    assert_eq!(profiles, counts.map(|count| count as u64));
    assert!(report.variants.iter().all(|variant| variant.titles_shown == 10 && (variant.coverage - 10.0 / 12.0).abs() < 1e-9));
    let of =
        |name: &str| report.variants[1].compared.metrics.iter().find(|judged| judged.metric == name).expect("a metric").clone();
    let played = of("play_through_per_impression");
    assert_eq!(played.verdict, Some(Verdict::Better));
    assert!((played.difference.expect("told").value - 0.5).abs() < 0.02, "{played:?}");
    assert_eq!(
        (of("completion_per_play").verdict, of("abandonment_per_play").verdict),
        (Some(Verdict::Better), Some(Verdict::Better))
    );
    assert_eq!((of("active_days_per_day").value, of("new_titles_per_impression").value), (Some(1.0), Some(1.0)));
    let told = report.warnings.join("; ");
    assert!(told.contains("1 profiles saw more than one") && told.contains("1 impressions name no variant"), "{told}");
    let text = serde_json::to_value(&report).expect("JSON");
    assert_eq!(text["variants"][1]["metrics"][0]["verdict"], "better", "{text}");
}

#[tokio::test]
async fn what_was_shown_often_and_played_once_is_one_play() {
    let cinema = Cinema::new(12).await;
    let profile = cinema.profile().await;
    for _ in 0..3 {
        cinema.act_all(profile, (0..2).map(|title| (title, seen("plain")))).await;
    }
    cinema.act_all(profile, [(0, Kind::Start), (0, Kind::Finish)]).await;
    let report = report(&cinema.db, &cinema.recommender(), &wish(None, None)).await.expect("a report");
    let compared = &report.variants[0].compared;
    let value = |name: &str| compared.metrics.iter().find(|judged| judged.metric == name).expect("a metric").value;
    assert_eq!((compared.impressions, value("play_through_per_impression")), (6, Some(1.0 / 6.0)));
    assert_eq!(value("completion_per_play"), Some(1.0));
}

#[tokio::test]
async fn what_cannot_be_reported_says_why() {
    let cinema = Cinema::new(10).await;
    let recommender = cinema.recommender();
    let ask = async |wish: Wish<'_>| report(&cinema.db, &recommender, &wish).await.expect_err("refused").code();
    assert_eq!(ask(wish(Some("ranking"), None)).await, "not_seen");
    sees(&cinema, cinema.profile().await, "new", 1).await;
    assert_eq!(ask(wish(Some("ranking"), None)).await, "no_control");
    assert_eq!(ask(wish(Some("other"), None)).await, "not_seen");
    let named = Wish { control: Some("new"), ..wish(Some("ranking"), None) };
    let report = report(&cinema.db, &recommender, &named).await.expect("a report");
    assert!(report.variants[0].compared.metrics.iter().all(|judged| judged.verdict.is_none() && judged.interval.is_none()));
}

#[tokio::test]
async fn profiles_that_are_no_fair_draw_are_noticed() {
    let (cinema, configured) = (Cinema::new(10).await, configured());
    for _ in 0..25 {
        let profile = cinema.profile().await;
        cinema.act(profile, 0, seen("plain")).await;
    }
    let recommender = cinema.recommender();
    let report = report(&cinema.db, &recommender, &wish(Some("ranking"), Some(&configured))).await.expect("a report");
    assert!(report.warnings.iter().any(|warning| warning.contains("no fair draw")), "{:?}", report.warnings);
}

#[tokio::test]
async fn what_the_model_alone_would_have_been_worth_is_told_from_lists_with_draws() {
    let cinema = Cinema::new(60).await;
    let config = Config { exploration_share: 0.2, ..Config::default() };
    let recommender = cinema.recommender_at(Arc::new(SystemClock), config);
    let mut drawn = 0;
    for _ in 0..40 {
        let profile = cinema.profile().await;
        let ask = Ask { count: 20, row: Some(RowKind::Top), ..Ask::default() };
        let answer = recommender.recommend(profile, ask).await.expect("an answer");
        let items = &answer.rows[0].items;
        let seen = |propensity| Placement { row: Some("top".to_owned()), propensity: Some(propensity), ..Placement::default() };
        let seen = items.iter().map(|item| (cinema.place(item.video), Kind::Impression(seen(item.propensity))));
        cinema.act_all(profile, seen).await;
        // What was drawn is not liked.
        let chosen = items.iter().filter(|item| item.propensity > 0.5);
        drawn += items.len() - chosen.clone().count();
        cinema.act_all(profile, chosen.map(|item| (cinema.place(item.video), Kind::Start))).await;
    }
    let wish = Wish { policy: Some(Ranking::Model), ..wish(None, None) };
    let report = report(&cinema.db, &recommender, &wish).await.expect("a report");
    let found = report.off_policy.expect("asked for");
    assert_eq!((report.variants[0].compared.variant.as_str(), drawn), ("all", 160));
    assert_eq!((found.shown, found.worth.value), (Some(0.8), Some(1.0)), "{found:?}");
    assert_eq!((found.worth.impressions, found.worth.shared), (800, 640), "what was drawn is not what it would have shown");
    assert_eq!(found.worth.by_chance, 240, "the lower half of what stayed");
}
