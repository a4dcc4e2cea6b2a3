use super::*;
use crate::{
    db::{
        events::{Kind, WatchEvent},
        facts::Facts,
        profiles::ProfileChange,
        users::NewUser,
    },
    testing::{database, video},
};
use marquee_core::{Clock, Error, ErrorKind, OsRandom, Role, SystemClock, id::UserId, video::Status};
use std::slice;
use time::Duration;

/// A new account and its profile.
pub(in crate::db) async fn account(db: &Db) -> (UserId, ProfileId) {
    let (id, profile) = (UserId::new(&SystemClock, &OsRandom), ProfileId::new(&SystemClock, &OsRandom));
    let (email, name) = (format!("{id}@example.org"), "Viewer".to_owned());
    let user = NewUser { id, email, name, password_hash: String::new(), role: Role::Viewer, profile };
    db.create_user(&user).await.expect("an account");
    (id, profile)
}

/// A new report about `video`, so many seconds after a day ago.
pub(in crate::db) fn event(video: VideoId, kind: Kind, position_ms: u64, second: i64) -> WatchEvent {
    WatchEvent { id: ProfileId::new(&SystemClock, &OsRandom).0, video, kind, position_ms, happened_at: moment(second) }
}

/// So many seconds after a day ago: the same moment as long as the day is not over.
pub(in crate::db) fn moment(second: i64) -> OffsetDateTime {
    let day = SystemClock.now().date().midnight().assume_utc() - Duration::DAY;
    day + Duration::seconds(second)
}

async fn record(db: &Db, profile: ProfileId, events: &[WatchEvent]) {
    assert_eq!(db.record_events(profile, events).await.expect("recorded"), events.len() as u64);
}

/// Gives a title facts.
async fn know(db: &Db, video: VideoId, facts: Facts) -> Result<()> {
    db.edit_video(video, None, |_| Ok(facts)).await
}

#[tokio::test]
async fn what_was_watched_and_what_was_said_are_one_taste_the_newest_first() {
    let (db, _guard) = database().await;
    let (_, profile) = account(&db).await;
    let (seen, said, both) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    sqlx::query("update videos set duration_ms = 60000").execute(db.pool()).await.expect("measured");
    let events = [
        event(both, Kind::Like, 0, 1),
        event(seen, Kind::Progress, 5000, 2),
        event(said, Kind::Rate(0.75), 0, 3),
        event(both, Kind::Finish, 60_000, 4),
    ];
    record(&db, profile, &events).await;
    record(&db, account(&db).await.1, slice::from_ref(&event(seen, Kind::Dislike, 0, 9))).await;
    let nothing = TitleTaste {
        profile,
        video: both,
        position_ms: None,
        duration_ms: Some(60_000),
        finished: false,
        liked: 0,
        rating: None,
        listed: false,
        clicked: false,
        updated_at: moment(4),
    };
    let expected = [
        TitleTaste { position_ms: Some(60_000), finished: true, liked: 1, ..nothing },
        TitleTaste { video: said, rating: Some(0.75), updated_at: moment(3), ..nothing },
        TitleTaste { video: seen, position_ms: Some(5000), updated_at: moment(2), ..nothing },
    ];
    assert_eq!(db.taste_of(profile, 10).await.expect("read"), expected);
    assert_eq!(db.taste_of(profile, 2).await.expect("read"), expected[..2]);
    assert_eq!(db.title_taste(profile, said).await.expect("read"), Some(expected[1]));
    assert_eq!(db.title_taste(profile, video(&db, Status::Ready).await).await.expect("read"), None);
}

#[tokio::test]
async fn pages_of_all_profiles_miss_nothing_whichever_side_tells_of_a_title() {
    let (db, _guard) = database().await;
    let mut films = Vec::new();
    for _ in 0..4 {
        films.push(video(&db, Status::Ready).await);
    }
    for nth in 0..3 {
        let (_, profile) = account(&db).await;
        for (place, film) in films.iter().enumerate() {
            let (seen, said) = ((nth + place) % 3 != 0, (nth + place) % 2 == 0);
            let events = [event(*film, Kind::Progress, 1000, 1), event(*film, Kind::Like, 0, 2)];
            let wanted = events.into_iter().zip([seen, said]).filter(|(_, wanted)| *wanted);
            record(&db, profile, &wanted.map(|(event, _)| event).collect::<Vec<_>>()).await;
        }
    }
    let all = db.tastes(None, 100).await.expect("read");
    let keys: Vec<_> = all.iter().map(|taste| (taste.profile, taste.video)).collect();
    assert!(keys.is_sorted() && keys.len() >= 9, "{keys:?}");
    assert!(all.iter().any(|taste| taste.liked == 1 && taste.position_ms.is_some()), "both sides tell of some");
    for size in [1, 2, 5] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = db.tastes(after, size).await.expect("read");
            let Some(last) = page.last() else { break };
            after = Some((last.profile, last.video));
            found.extend(page);
        }
        assert_eq!(found, all, "{size} at a time");
    }
}

#[tokio::test]
async fn what_changed_comes_once_and_in_the_order_of_time() {
    let (db, _guard) = database().await;
    let ((_, ada), (_, bob)) = (account(&db).await, account(&db).await);
    let (first, second) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    record(&db, ada, &[event(first, Kind::Start, 0, 1), event(first, Kind::Like, 0, 7), event(second, Kind::List, 0, 5)]).await;
    record(&db, bob, &[event(first, Kind::List, 0, 2), event(first, Kind::Stop, 9, 5), event(second, Kind::Start, 0, 0)]).await;
    let told = |taste: &TitleTaste| (taste.profile, taste.video, (taste.updated_at - moment(0)).whole_seconds());
    let since = async |second, limit| {
        let found = db.tastes_since(Changed::from(moment(second)), limit).await.expect("read");
        found.iter().map(told).collect::<Vec<_>>()
    };
    let expected = [(bob, second, 0), (ada, second, 5), (bob, first, 5), (ada, first, 7)];
    assert_eq!(since(0, 10).await, expected, "what changed in the very moment is part of it");
    assert_eq!(since(1, 2).await, expected[1..3]);
    assert_eq!(since(6, 10).await, expected[3..]);
    assert!(since(8, 10).await.is_empty());
    for size in [1, 2, 3] {
        let (mut found, mut after) = (Vec::new(), Changed::from(moment(0)));
        loop {
            let page = db.tastes_since(after, size).await.expect("read");
            let Some(last) = page.last() else { break };
            after = Changed::after(last);
            found.extend(page.iter().map(told));
        }
        assert_eq!(found, expected, "{size} at a time, also of one moment");
    }
    let both = db.tastes_since(Changed::from(moment(6)), 10).await.expect("read")[0];
    assert_eq!((both.position_ms, both.liked), (Some(0), 1));
}

#[tokio::test]
async fn a_list_tells_what_came_last_first_and_goes_with_its_titles() {
    let (db, _guard) = database().await;
    let (_, profile) = account(&db).await;
    let (old, new, gone) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    let events = [
        event(old, Kind::List, 0, 1),
        event(new, Kind::List, 0, 3),
        event(gone, Kind::List, 0, 2),
        event(gone, Kind::Unlist, 0, 4),
    ];
    record(&db, profile, &events).await;
    let listed = [Listed { video: new, listed_at: moment(3) }, Listed { video: old, listed_at: moment(1) }];
    assert_eq!(db.my_list(profile, 10).await.expect("read"), listed);
    assert_eq!(db.my_list(profile, 1).await.expect("read"), listed[..1]);
    db.delete_video(new).await.expect("deleted");
    db.forget_video(new).await.expect("forgotten");
    assert_eq!(db.my_list(profile, 10).await.expect("read"), listed[1..]);
}

#[tokio::test]
async fn rules_of_a_profile_change_what_may_be_recommended_and_its_name_does_not() {
    let (db, _guard) = database().await;
    let ((user, profile), (stranger, _)) = (account(&db).await, account(&db).await);
    assert_eq!(db.any_profile(profile).await.expect("a profile").rules, ProfileRules::default());
    let keep = ProfileChange { name: "Kids".into(), maturity_age_max: None, genres_hidden: None };
    let rule = ProfileChange { maturity_age_max: Some(Some(6)), genres_hidden: Some(vec!["Horror".into()]), ..keep.clone() };
    let refused = db.change_profile(stranger, profile, &rule).await.expect_err("not theirs");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    let rules = ProfileRules { maturity_age_max: Some(6), genres_hidden: vec!["Horror".into()] };
    let unhidden = ProfileRules { genres_hidden: Vec::new(), ..rules.clone() };
    let free = ProfileChange { maturity_age_max: Some(None), ..keep.clone() };
    let unhide = ProfileChange { genres_hidden: Some(Vec::new()), ..keep.clone() };
    for (change, expected, version) in [
        (&keep, &ProfileRules::default(), 0),
        (&rule, &rules, 1),
        (&rule, &rules, 1),
        (&keep, &rules, 1),
        (&unhide, &unhidden, 2),
        (&free, &ProfileRules::default(), 3),
    ] {
        db.change_profile(user, profile, change).await.expect("changed");
        let profile = db.any_profile(profile).await.expect("a profile");
        assert_eq!((&profile.rules, profile.taste_version), (expected, version), "{change:?}");
    }
    let nobody = ProfileId::new(&SystemClock, &OsRandom);
    assert_eq!(db.any_profile(nobody).await.expect_err("nobody").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn facts_are_kept_as_they_are_and_told_of_titles_that_are_ready() {
    let (db, _guard) = database().await;
    let (old, new) = (video(&db, Status::Ready).await, video(&db, Status::Ready).await);
    let growing = video(&db, Status::Encoding).await;
    let deleted = video(&db, Status::Ready).await;
    db.delete_video(deleted).await.expect("deleted");
    let facts = Facts {
        genres: vec!["Drama".into(), "Crime".into()],
        people: vec!["Ada".into()],
        year: Some(1931),
        language: Some("pt-BR".into()),
        maturity_age: Some(12),
        territories: Some(vec!["DE".into(), "AT".into()]),
        description: Some("A city looks for a murderer.".into()),
        available_from: Some(moment(0)),
        available_until: Some(moment(9)),
    };
    know(&db, old, facts.clone()).await.expect("known");
    assert_eq!(db.video(old).await.expect("a video").facts, facts);
    assert_eq!(db.video(new).await.expect("a video").facts, Facts::default());
    let told = db.title_facts(10).await.expect("read");
    assert_eq!(told.iter().map(|title| title.id).collect::<Vec<_>>(), [new, old]);
    let title = &told[1];
    assert_eq!((&title.genres, &title.people, &title.territories), (&facts.genres, &facts.people, &facts.territories));
    assert_eq!((title.year, title.maturity_age, title.available_until), (Some(1931), Some(12), Some(moment(9))));
    assert_eq!(db.title_facts(1).await.expect("read"), told[..1]);
    assert_eq!(db.title_facts_of(&[old, growing, deleted]).await.expect("read"), told[1..]);
    let refused = db.edit_video(old, Some("Other"), |_| Err(Error::invalid("test", "no"))).await.expect_err("refused");
    assert_eq!((refused.code(), db.video(old).await.expect("a video").title.as_str()), ("test", "A film"));
    assert_eq!(know(&db, deleted, Facts::default()).await.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_schema_refuses_facts_that_cannot_be() {
    let (db, _guard) = database().await;
    let film = video(&db, Status::Ready).await;
    let names = |count: usize, length: usize| vec!["x".repeat(length); count];
    let good = Facts { genres: names(20, 100), people: names(100, 1), ..Facts::default() };
    know(&db, film, good).await.expect("at the bounds");
    for bad in [
        Facts { genres: names(21, 1), ..Facts::default() },
        Facts { genres: names(1, 0), ..Facts::default() },
        Facts { people: names(1, 101), ..Facts::default() },
        Facts { people: names(101, 1), ..Facts::default() },
        Facts { year: Some(0), ..Facts::default() },
        Facts { language: Some("Klingon!".into()), ..Facts::default() },
        Facts { maturity_age: Some(22), ..Facts::default() },
        Facts { territories: Some(Vec::new()), ..Facts::default() },
        Facts { territories: Some(vec!["de".into()]), ..Facts::default() },
        Facts { description: Some(String::new()), ..Facts::default() },
        Facts { available_from: Some(moment(1)), available_until: Some(moment(1)), ..Facts::default() },
    ] {
        assert!(know(&db, film, bad.clone()).await.is_err(), "{bad:?}");
    }
}
