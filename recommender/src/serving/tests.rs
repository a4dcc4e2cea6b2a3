//! The recommender on a real database.

use super::*;
use marquee_backends::{
    db::{
        events::{Kind, WatchEvent},
        users::NewUser,
    },
    testing,
};
use marquee_core::{OsRandom, Role, SystemClock, id::UserId, video::Status};
use uuid::Uuid;

/// A new account's profile.
async fn profile(db: &Db) -> ProfileId {
    let (id, profile) = (UserId::new(&SystemClock, &OsRandom), ProfileId::new(&SystemClock, &OsRandom));
    let (email, name) = (format!("{id}@example.org"), "Viewer".to_owned());
    let user = NewUser { id, email, name, password_hash: String::new(), role: Role::Viewer, profile };
    db.create_user(&user).await.expect("an account");
    profile
}

/// `profile` watches `video` to its end.
async fn watch(db: &Db, profile: ProfileId, video: VideoId) {
    let id = Uuid::from(ProfileId::new(&SystemClock, &OsRandom));
    let event = WatchEvent { id, video, kind: Kind::Finish, position_ms: 1000, happened_at: SystemClock.now() };
    assert_eq!(db.record_events(profile, &[event]).await.expect("recorded"), 1);
}

async fn list(recommender: &Recommender, profile: ProfileId) -> Vec<(VideoId, Reason)> {
    let answer = recommender.recommend(profile, 10).await.expect("an answer");
    answer.into_iter().map(|item| (item.video, item.reason)).collect()
}

#[tokio::test]
async fn a_watch_counts_in_the_very_next_list() {
    let (db, _database) = testing::database().await;
    let recommender = Recommender::new(db.clone(), Arc::new(SystemClock));
    let viewer = profile(&db).await;
    assert!(list(&recommender, viewer).await.is_empty(), "there is nothing to recommend");

    let mut films = Vec::new();
    for _ in 0..4 {
        films.push(testing::video(&db, Status::Ready).await);
    }
    testing::video(&db, Status::Failed).await;
    testing::video(&db, Status::Encoding).await;
    for _ in 0..3 {
        let other = profile(&db).await;
        watch(&db, other, films[0]).await;
        watch(&db, other, films[1]).await;
    }
    recommender.refresh().await.expect("trained");
    let before = list(&recommender, viewer).await;
    assert_eq!(before.len(), 4, "{before:?}");
    assert!(before[..2].iter().all(|(_, reason)| *reason == Reason::Popular { window: crate::Window::Week }), "{before:?}");
    assert_eq!(before[2..], [(films[3], Reason::New), (films[2], Reason::New)]);

    watch(&db, viewer, films[0]).await;
    let after = list(&recommender, viewer).await;
    assert_eq!(after[0], (films[1], Reason::BecauseYouWatched { video: films[0] }));
    assert!(after.iter().all(|(video, _)| *video != films[0]), "seen: {after:?}");
}

#[tokio::test]
async fn a_title_that_is_deleted_leaves_the_list_at_once_and_another_takes_its_place() {
    let (db, _database) = testing::database().await;
    let recommender = Recommender::new(db.clone(), Arc::new(SystemClock));
    let mut films = Vec::new();
    for _ in 0..3 {
        films.push(testing::video(&db, Status::Ready).await);
    }
    let stranger = ProfileId::new(&SystemClock, &OsRandom);
    assert_eq!(list(&recommender, stranger).await.len(), 3);
    db.delete_video(films[2]).await.expect("deleted");
    let two = recommender.recommend(stranger, 2).await.expect("an answer");
    assert_eq!(two.iter().map(|item| item.video).collect::<Vec<_>>(), [films[1], films[0]]);
    assert!(recommender.recommend(stranger, 0).await.expect("an answer").is_empty());
    assert_eq!(recommender.recommend(stranger, usize::MAX).await.expect("an answer").len(), 2);
}

#[tokio::test]
async fn it_trains_by_itself_and_stops_when_told() {
    let (db, _database) = testing::database().await;
    let shutdown = Shutdown::new();
    let recommender = Recommender::start(db.clone(), Arc::new(SystemClock), &shutdown);
    testing::eventually("a model is in service", async || recommender.model.load().is_some()).await;
    shutdown.drain();
    shutdown.finished().await;
}
