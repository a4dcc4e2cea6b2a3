//! For the tests of this crate: a database with titles, and profiles that do things with them.

use crate::{
    pipeline::Pipeline,
    serving::{Ask, Recommender, RowKind},
};
use marquee_backends::{
    blobs::FileBlobs,
    db::{
        Db,
        events::{Kind, WatchEvent},
        facts::Facts,
        users::NewUser,
    },
    testing::{self, TestDatabase},
};
use marquee_core::{
    Clock, OsRandom, Role, SystemClock,
    blobs::Blobs,
    config::Recommender as Config,
    id::{ProfileId, UserId, VideoId},
    video::Status,
};
use std::sync::Arc;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A database with titles, and everything over it.
pub(crate) struct Cinema {
    pub(crate) db: Db,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) titles: Vec<VideoId>,
    _folder: TempDir,
    _database: TestDatabase,
}

impl Cinema {
    pub(crate) async fn new(titles: usize) -> Self {
        let (db, database) = testing::database().await;
        let folder = tempfile::tempdir().expect("a folder");
        let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(folder.path()).await.expect("opened"));
        let mut ids = Vec::new();
        for _ in 0..titles {
            ids.push(testing::video(&db, Status::Ready).await);
        }
        Self { db, blobs, titles: ids, _folder: folder, _database: database }
    }

    pub(crate) fn pipeline(&self) -> Pipeline {
        self.pipeline_at(Arc::new(SystemClock), Config::default())
    }

    pub(crate) fn pipeline_at(&self, clock: Arc<dyn Clock>, config: Config) -> Pipeline {
        Pipeline::new(self.db.clone(), self.blobs.clone(), clock, Arc::new(OsRandom), config)
    }

    pub(crate) fn recommender(&self) -> Recommender {
        self.recommender_at(Arc::new(SystemClock), Config::default())
    }

    pub(crate) fn recommender_at(&self, clock: Arc<dyn Clock>, config: Config) -> Recommender {
        Recommender::new(self.db.clone(), self.blobs.clone(), clock, config)
    }

    pub(crate) async fn profile(&self) -> ProfileId {
        self.account().await.1
    }

    /// A new account and its profile.
    pub(crate) async fn account(&self) -> (UserId, ProfileId) {
        let (id, profile) = (UserId::new(&SystemClock, &OsRandom), ProfileId::new(&SystemClock, &OsRandom));
        let (email, name) = (format!("{id}@example.org"), "Viewer".to_owned());
        let user = NewUser { id, email, name, password_hash: String::new(), role: Role::Viewer, profile };
        self.db.create_user(&user).await.expect("an account");
        (id, profile)
    }

    /// `profile` watches these titles one after the other, each to its end.
    pub(crate) async fn watch(&self, profile: ProfileId, titles: &[usize]) {
        let begun = SystemClock.now() - Duration::hours(titles.len() as i64);
        let kinds: Vec<_> =
            (0..).zip(titles).map(|(hour, title)| (*title, Kind::Finish, begun + Duration::hours(hour))).collect();
        self.report(profile, kinds).await;
    }

    /// `profile` does something with a title now.
    pub(crate) async fn act(&self, profile: ProfileId, title: usize, kind: Kind) {
        self.report(profile, vec![(title, kind, SystemClock.now())]).await;
    }

    /// `profile` does things with titles now.
    pub(crate) async fn act_all(&self, profile: ProfileId, what: impl IntoIterator<Item = (usize, Kind)>) {
        let now = SystemClock.now();
        self.report(profile, what.into_iter().map(|(title, kind)| (title, kind, now)).collect()).await;
    }

    async fn report(&self, profile: ProfileId, what: Vec<(usize, Kind, OffsetDateTime)>) {
        let event = |(title, kind, happened_at): (usize, Kind, OffsetDateTime)| WatchEvent {
            id: Uuid::from(ProfileId::new(&SystemClock, &OsRandom)),
            video: self.titles[title],
            kind,
            position_ms: 1000,
            happened_at,
        };
        let events: Vec<WatchEvent> = what.into_iter().map(event).collect();
        assert_eq!(self.db.record_events(profile, &events).await.expect("recorded"), events.len() as u64);
    }

    /// Gives a title genres and an age.
    pub(crate) async fn know(&self, title: usize, genres: &[&str], maturity_age: Option<i16>) {
        let genres = genres.iter().map(|genre| (*genre).to_owned()).collect();
        let edit = |facts: Facts| Ok(Facts { genres, maturity_age, ..facts });
        self.db.edit_video(self.titles[title], None, edit).await.expect("edited");
    }

    /// The place of a title.
    pub(crate) fn place(&self, video: VideoId) -> usize {
        self.titles.iter().position(|title| *title == video).expect("a title")
    }

    /// Places of the titles that are shown to `profile` in its best row.
    pub(crate) async fn top(&self, recommender: &Recommender, profile: ProfileId) -> Vec<usize> {
        let ask = Ask { count: 5, row: Some(RowKind::Top), ..Ask::default() };
        let answer = recommender.recommend(profile, ask).await.expect("an answer");
        answer.rows[0].items.iter().map(|item| self.place(item.video)).collect()
    }
}
