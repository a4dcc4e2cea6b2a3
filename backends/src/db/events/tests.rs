use super::*;
use crate::{
    db::{
        impressions::Outcome,
        taste::tests::{account, event, moment},
    },
    testing::{database, video},
};
use marquee_core::video::Status;
use time::Duration;

async fn record(db: &Db, profile: ProfileId, events: &[WatchEvent]) -> u64 {
    db.record_events(profile, events).await.expect("recorded")
}

#[tokio::test]
async fn each_opinion_moves_what_it_is_about_and_nothing_else() {
    let (db, _guard) = database().await;
    let ((_, profile), film) = (account(&db).await, video(&db, Status::Ready).await);
    for (second, (kind, expected)) in (1..).zip([
        (Kind::Like, (1, None, false, false)),
        (Kind::Rate(0.5), (1, Some(0.5), false, false)),
        (Kind::List, (1, Some(0.5), true, false)),
        (Kind::Dislike, (-1, Some(0.5), true, false)),
        (Kind::Rate(0.0), (-1, Some(0.0), true, false)),
        (Kind::SearchClick, (-1, Some(0.0), true, true)),
        (Kind::Unlike, (0, Some(0.0), true, true)),
        (Kind::Unlist, (0, Some(0.0), false, true)),
    ]) {
        assert_eq!(record(&db, profile, &[event(film, kind.clone(), 0, second)]).await, 1);
        let taste = db.title_taste(profile, film).await.expect("read").expect("a taste");
        assert_eq!((taste.liked, taste.rating, taste.listed, taste.clicked), expected, "{kind:?}");
        assert_eq!((taste.position_ms, taste.updated_at), (None, moment(second)));
        assert_eq!(db.any_profile(profile).await.expect("a profile").taste_version, second);
    }
}

#[tokio::test]
async fn events_in_any_order_lead_to_the_same_taste() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Ready).await;
    let events = |id: &mut u128| {
        let kinds = [
            Kind::Start,
            Kind::Dislike,
            Kind::List,
            Kind::Rate(0.25),
            Kind::Like,
            Kind::Finish,
            Kind::Unlist,
            Kind::Rate(1.0),
            Kind::Abandon,
            Kind::SearchClick,
        ];
        let made = (1..).zip(kinds).map(|(second, kind)| {
            *id += 1;
            let position_ms = u64::try_from(second).unwrap_or(0) * 1000;
            WatchEvent { id: Uuid::from_u128(*id), video: film, kind, position_ms, happened_at: moment(second) }
        });
        made.collect::<Vec<_>>()
    };
    let mut id = 0;
    for shift in 0..events(&mut 0).len() {
        for is_reversed in [false, true] {
            let (_, profile) = account(&db).await;
            let mut events = events(&mut id);
            events.rotate_left(shift);
            if is_reversed {
                events.reverse();
            }
            // One part alone, the next ones together.
            let (first, rest) = events.split_at(1 + shift % 3);
            record(&db, profile, first).await;
            record(&db, profile, rest).await;
            let taste = db.title_taste(profile, film).await.expect("read").expect("a taste");
            let found = (taste.position_ms, taste.finished, taste.liked, taste.rating, taste.listed, taste.clicked);
            assert_eq!(found, (Some(9000), true, 1, Some(1.0), false, true), "{events:?}");
            assert_eq!(taste.updated_at, moment(10));
        }
    }
}

#[tokio::test]
async fn of_what_was_said_in_one_moment_the_last_counts() {
    let (db, _guard) = database().await;
    let ((_, profile), film) = (account(&db).await, video(&db, Status::Ready).await);
    let events = [Kind::Like, Kind::Dislike, Kind::List, Kind::Unlist].map(|kind| event(film, kind, 0, 1));
    assert_eq!(record(&db, profile, &events).await, 4);
    let taste = db.title_taste(profile, film).await.expect("read").expect("a taste");
    assert_eq!((taste.liked, taste.listed), (-1, false));
}

#[tokio::test]
async fn only_what_may_change_an_answer_is_counted_and_once_for_all_that_comes_together() {
    let (db, _guard) = database().await;
    let ((_, profile), (_, other)) = (account(&db).await, account(&db).await);
    let (film, gone) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    db.delete_video(gone).await.expect("deleted");
    let seen = || Kind::Impression(Placement::default());
    let like = event(film, Kind::Like, 0, 1);
    let table = [
        (vec![event(film, seen(), 0, 1), event(film, seen(), 0, 2)], 2, 0),
        (vec![event(film, Kind::Progress, 5000, 5), event(film, Kind::Progress, 9000, 9)], 2, 1),
        (vec![event(film, Kind::Progress, 7000, 7)], 1, 1),
        (vec![event(film, Kind::Stop, 8000, 8)], 1, 2),
        (vec![like.clone(), event(film, Kind::List, 0, 1), event(film, seen(), 0, 3)], 3, 3),
        (vec![like.clone(), like], 0, 3),
        (vec![event(gone, Kind::Like, 0, 1)], 0, 3),
        (vec![event(film, Kind::Click(Placement::default()), 0, 4)], 1, 4),
    ];
    for (events, stored, version) in table {
        assert_eq!(record(&db, profile, &events).await, stored, "{events:?}");
        assert_eq!(db.any_profile(profile).await.expect("a profile").taste_version, version, "{events:?}");
    }
    assert_eq!(db.position(profile, film).await.expect("read").map(|position| position.position_ms), Some(9000));
    assert_eq!(db.any_profile(other).await.expect("a profile").taste_version, 0);
}

#[tokio::test]
async fn every_kind_has_a_place_in_the_partitions_and_impressions_come_back_whole() {
    let (db, _guard) = database().await;
    let ((_, profile), film) = (account(&db).await, video(&db, Status::Ready).await);
    let placement = Placement {
        row: Some("because_you_watched".into()),
        place: Some(3),
        model_id: Some(Uuid::from_u128(7)),
        propensity: Some(0.25),
        experiment: Some("blend".into()),
        variant: Some("b".into()),
    };
    let kinds = [
        Kind::Start,
        Kind::Progress,
        Kind::Finish,
        Kind::Stop,
        Kind::Abandon,
        Kind::Rate(1.0),
        Kind::Like,
        Kind::Dislike,
        Kind::Unlike,
        Kind::List,
        Kind::Unlist,
        Kind::Click(placement.clone()),
        Kind::SearchClick,
        Kind::Impression(placement),
    ];
    for has_months in [false, true] {
        if has_months {
            db.ensure_event_partitions(1).await.expect("made");
        }
        let events: Vec<_> = kinds.iter().map(|kind| event(film, kind.clone(), 0, 1)).collect();
        assert_eq!(record(&db, profile, &events).await, 14);
    }
    assert_eq!(db.event_partitions().await.1, 0);
    let seen = db.impressions_since(moment(0) - Duration::DAY, 1).await.expect("read");
    assert_eq!(seen.len(), 1);
    let rest = db.impressions_since(seen[0].received_at, 10).await.expect("read");
    assert_eq!(rest.len(), 1);
    let found = &rest[0];
    assert_eq!((found.profile, found.video, found.at), (profile, film, moment(1)));
    assert_eq!(
        (found.row.as_deref(), found.place, found.model_id),
        (Some("because_you_watched"), Some(3), Some(Uuid::from_u128(7)))
    );
    assert_eq!((found.propensity, found.experiment.as_deref(), found.variant.as_deref()), (Some(0.25), Some("blend"), Some("b")));
}

#[tokio::test]
async fn what_comes_of_an_impression_is_what_is_played_after_it_and_soon() {
    let (db, _guard) = database().await;
    let ((_, ada), (_, bob)) = (account(&db).await, account(&db).await);
    let (film, other) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    sqlx::query("update videos set duration_ms = 100000 where id = $1").bind(film.0).execute(db.pool()).await.expect("measured");
    let seen = || Kind::Impression(Placement::default());
    record(&db, ada, &[event(film, Kind::Stop, 90_000, 1), event(film, seen(), 0, 10)]).await;
    record(&db, ada, &[event(other, seen(), 0, 11)]).await;
    record(&db, ada, &[event(film, Kind::Progress, 50_000, 20), event(film, Kind::Stop, 20_000, 30)]).await;
    record(&db, ada, &[event(film, seen(), 0, 40), event(film, Kind::Finish, 130_000, 500)]).await;
    record(&db, bob, &[event(film, seen(), 0, 10), event(film, Kind::Like, 0, 12)]).await;
    let outcomes = async |within| {
        let found = db.outcomes(moment(0) - Duration::DAY, within, None, 100).await.expect("read");
        let tell = |outcome: Outcome| {
            let seen = &outcome.impression;
            let second = (seen.at - moment(0)).whole_seconds();
            (seen.profile, seen.video, second, outcome.started_after, outcome.completed_after, outcome.share_watched_after)
        };
        found.into_iter().map(tell).collect::<Vec<_>>()
    };
    let soon = [
        (ada, film, 10, true, false, 0.5),
        (ada, other, 11, false, false, 0.0),
        (ada, film, 40, false, false, 0.0),
        (bob, film, 10, false, false, 0.0),
    ];
    assert_eq!(outcomes(Duration::MINUTE).await, soon);
    let later = outcomes(Duration::HOUR).await;
    assert_eq!((later[0], later[2]), ((ada, film, 10, true, true, 1.0), (ada, film, 40, true, true, 1.0)));
    assert_eq!(later[3], soon[3]);
}

#[tokio::test]
async fn of_an_experiment_only_its_own_impressions_are_told_and_what_was_left_at_once() {
    let (db, _guard) = database().await;
    let ((_, ada), film, other) = (account(&db).await, video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    let part = |experiment: &str| Placement { experiment: Some(experiment.into()), ..Placement::default() };
    record(&db, ada, &[event(film, Kind::Impression(part("dial")), 0, 1), event(other, Kind::Impression(part("rows")), 0, 2)])
        .await;
    record(&db, ada, &[event(other, Kind::Impression(part("dial")), 0, 3), event(film, Kind::Start, 0, 4)]).await;
    record(&db, ada, &[event(film, Kind::Abandon, 60_000, 5), event(other, Kind::Abandon, 9_000, 6)]).await;
    record(&db, ada, &[event(other, Kind::Finish, 90_000, 7)]).await;
    let outcomes = db.outcomes(moment(0) - Duration::DAY, Duration::HOUR, Some("dial"), 100).await.expect("read");
    let told: Vec<_> = outcomes.iter().map(|one| (one.impression.video, one.abandoned_after, one.completed_after)).collect();
    assert_eq!(told, [(film, true, false), (other, false, true)]);
}

#[tokio::test]
async fn what_profiles_watched_is_told_by_days_since_each_of_them_began() {
    let (db, _guard) = database().await;
    let ((_, ada), (_, bob), (_, idle)) = (account(&db).await, account(&db).await, account(&db).await);
    let (film, other) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    record(&db, ada, &[event(film, Kind::Start, 10_000, 1), event(film, Kind::Stop, 70_000, 60), event(film, Kind::Like, 0, 61)])
        .await;
    record(&db, ada, &[event(other, Kind::Start, 0, 100), event(other, Kind::Progress, 30_000, 130)]).await;
    record(&db, bob, &[event(film, Kind::Start, 0, 1), event(film, Kind::Stop, 5_000, 6), event(other, Kind::Stop, 7_000, 90)])
        .await;
    let since = [(ada, moment(0)), (bob, moment(50)), (idle, moment(0))];
    let mut found = db.watched(&since, moment(0) + Duration::days(3650)).await.expect("read");
    found.sort_by_key(|one| one.profile != ada);
    let told: Vec<_> = found.iter().map(|one| (one.profile, one.days, one.watched_ms)).collect();
    assert_eq!(told, [(ada, 1, 90_000), (bob, 1, 0)]);
    assert!(db.watched(&since, moment(0) - Duration::days(3650)).await.expect("read").is_empty());
}
