//! Watch events, and the newest position of each profile in each video.

use super::{Db, error};
use marquee_core::{
    Result,
    id::{ProfileId, VideoId},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a player reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Playback began.
    Start,
    /// It goes on.
    Progress,
    /// The end was reached.
    Finish,
    /// It was left before the end.
    Stop,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Progress => "progress",
            Self::Finish => "finish",
            Self::Stop => "stop",
        }
    }
}

/// One report of a player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchEvent {
    /// Made up by the player; a report that is sent twice counts once.
    pub id: Uuid,
    /// What is watched.
    pub video: VideoId,
    /// What happened.
    pub kind: Kind,
    /// Where in the video.
    pub position_ms: u64,
    /// When it happened, by the server's reckoning.
    pub happened_at: OffsetDateTime,
}

/// Where a profile is in a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Newest position.
    pub position_ms: u64,
    /// Whether the end was ever reached.
    pub finished: bool,
}

impl Db {
    /// Stores what a profile's player reports, in any order and any number of times; reports about videos that are not there
    /// are dropped. Answers how many were new.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn record_events(&self, profile: ProfileId, events: &[WatchEvent]) -> Result<u64> {
        let mut column = Columns::default();
        for event in events {
            column.add(event);
        }
        let mut tx = self.pool().begin().await.map_err(error)?;
        // Two copies of one report at a time: the second waits and then finds the first. The table is partitioned by arrival,
        // so no unique index can see to that.
        let lock = sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", profile.0);
        lock.execute(&mut *tx).await.map_err(error)?;
        let insert = sqlx::query!(
            r#"with new as (
                   select distinct on (n.id) n.* from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[])
                       as n (id, video_id, kind, position_ms, happened_at)
                   join videos v on v.id = n.video_id and v.deleted_at is null
                   where not exists (select from watch_events w where w.id = n.id and w.profile_id = $1)
               ), stored as (
                   insert into watch_events (id, profile_id, video_id, kind, position_ms, happened_at)
                   select id, $1, video_id, kind, position_ms, happened_at from new returning 1
               ), newest as (
                   select distinct on (video_id) video_id, position_ms, happened_at,
                          bool_or(kind = 'finish') over (partition by video_id) as finished
                   from new order by video_id, happened_at desc, position_ms desc
               ), moved as (
                   insert into watch_positions as p (profile_id, video_id, position_ms, finished, updated_at)
                   select $1, video_id, position_ms, finished, happened_at from newest
                   on conflict (profile_id, video_id) do update
                   set position_ms = case when excluded.updated_at >= p.updated_at then excluded.position_ms else p.position_ms end,
                       finished = p.finished or excluded.finished,
                       updated_at = greatest(p.updated_at, excluded.updated_at)
                   returning 1
               )
               select count(*) as "stored!" from stored"#,
            profile.0,
            &column.id,
            &column.video,
            &column.kind,
            &column.position_ms,
            &column.happened_at,
        );
        let stored = insert.fetch_one(&mut *tx).await.map_err(error)?.stored;
        tx.commit().await.map_err(error)?;
        Ok(u64::try_from(stored).unwrap_or(0))
    }

    /// Where `profile` is in `video`, if it ever watched it.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn position(&self, profile: ProfileId, video: VideoId) -> Result<Option<Position>> {
        let row = sqlx::query!(
            "select position_ms, finished from watch_positions where profile_id = $1 and video_id = $2",
            profile.0,
            video.0
        );
        let found = row.fetch_optional(self.pool()).await.map_err(error)?;
        Ok(found.map(|row| Position { position_ms: u64::try_from(row.position_ms).unwrap_or(0), finished: row.finished }))
    }
}

/// Events column by column, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    video: Vec<Uuid>,
    kind: Vec<String>,
    position_ms: Vec<i64>,
    happened_at: Vec<OffsetDateTime>,
}

impl Columns {
    fn add(&mut self, event: &WatchEvent) {
        self.id.push(event.id);
        self.video.push(event.video.0);
        self.kind.push(event.kind.as_str().to_owned());
        self.position_ms.push(i64::try_from(event.position_ms).unwrap_or(i64::MAX));
        self.happened_at.push(event.happened_at);
    }
}
