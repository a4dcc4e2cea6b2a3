//! Watch events and what they move: the newest position of each profile in each video, and what it said of the title.

use super::{Db, error};
use marquee_core::{
    Result,
    id::{ProfileId, VideoId},
};
use sqlx::PgConnection;
use std::collections::HashSet;
use time::OffsetDateTime;
use uuid::Uuid;

/// What a player or a page reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Playback began.
    Start,
    /// It goes on.
    Progress,
    /// The end was reached.
    Finish,
    /// It was left before the end.
    Stop,
    /// It was left soon after its beginning: this is not what they wanted to see.
    Abandon,
    /// It was rated, 0 to 1.
    Rate(f32),
    /// It was liked.
    Like,
    /// It was disliked.
    Dislike,
    /// Neither any more.
    Unlike,
    /// It was put on the profile's list.
    List,
    /// It was taken off it.
    Unlist,
    /// It was chosen from a row of recommendations.
    Click(Placement),
    /// It was chosen from what a search found.
    SearchClick,
    /// It was seen in a row of recommendations.
    Impression(Placement),
}

/// Where a title was shown, and what chose it: as much of it as is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// The row of recommendations, 1 to 50 characters.
    pub row: Option<String>,
    /// Where in the row, from 0.
    pub place: Option<i16>,
    /// The model that chose it.
    pub model_id: Option<Uuid>,
    /// How likely the choice was, above 0 and at most 1.
    pub propensity: Option<f32>,
    /// The experiment that it was part of, 1 to 50 characters.
    pub experiment: Option<String>,
    /// The variant of that, 1 to 50 characters.
    pub variant: Option<String>,
}

impl Kind {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Progress => "progress",
            Self::Finish => "finish",
            Self::Stop => "stop",
            Self::Abandon => "abandon",
            Self::Rate(_) => "rate",
            Self::Like => "like",
            Self::Dislike => "dislike",
            Self::Unlike => "unlike",
            Self::List => "list",
            Self::Unlist => "unlist",
            Self::Click(_) => "click",
            Self::SearchClick => "search_click",
            Self::Impression(_) => "impression",
        }
    }

    /// What it says of the title, if it says something.
    fn opinion(&self) -> Option<Opinion> {
        let none = Opinion::default();
        match self {
            Self::Rate(value) => Some(Opinion { rating: Some(*value), ..none }),
            Self::Like => Some(Opinion { liked: Some(1), ..none }),
            Self::Dislike => Some(Opinion { liked: Some(-1), ..none }),
            Self::Unlike => Some(Opinion { liked: Some(0), ..none }),
            Self::List => Some(Opinion { listed: Some(true), ..none }),
            Self::Unlist => Some(Opinion { listed: Some(false), ..none }),
            Self::SearchClick => Some(Opinion { clicked: true, ..none }),
            Self::Start | Self::Progress | Self::Finish | Self::Stop | Self::Abandon | Self::Click(_) | Self::Impression(_) => {
                None
            }
        }
    }
}

/// What one event says of a title; the rest stays as it was.
#[derive(Default)]
struct Opinion {
    liked: Option<i16>,
    rating: Option<f32>,
    listed: Option<bool>,
    clicked: bool,
}

/// One report of a player or a page.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchEvent {
    /// Made up by whoever reports; a report that is sent twice counts once.
    pub id: Uuid,
    /// Which title.
    pub video: VideoId,
    /// What happened.
    pub kind: Kind,
    /// Where in the video; 0 for what is not about playback.
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
    /// Stores what is reported for a profile, in any order and any number of times, and what it changes; reports about videos that
    /// are not there are dropped. Answers how many were new.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn record_events(&self, profile: ProfileId, events: &[WatchEvent]) -> Result<u64> {
        let mut tx = self.pool().begin().await.map_err(error)?;
        // Two copies of one report at a time: the second waits and then finds the first. The table is partitioned by arrival,
        // so no unique index can see to that.
        let lock = sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", profile.0);
        lock.execute(&mut *tx).await.map_err(error)?;
        let mut stored = store(&mut tx, profile, events).await?;
        let count = stored.len();
        for event in events {
            let is_new = stored.remove(&event.id);
            if let Some(opinion) = event.kind.opinion().filter(|_| is_new) {
                say(&mut tx, profile, event, &opinion).await?;
            }
        }
        tx.commit().await.map_err(error)?;
        Ok(u64::try_from(count).unwrap_or(0))
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

/// Stores those of `events` that are new, moves the positions of what is played, and counts what may be recommended otherwise now.
/// Answers whose they are.
async fn store(conn: &mut PgConnection, profile: ProfileId, events: &[WatchEvent]) -> Result<HashSet<Uuid>> {
    let column = Columns::of(events);
    let insert = sqlx::query_scalar!(
        r#"with new as (
               select distinct on (n.id) n.*
               from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::timestamptz[], $7::real[], $8::text[],
                           $9::smallint[], $10::uuid[], $11::real[], $12::text[], $13::text[])
                   as n (id, video_id, kind, position_ms, happened_at, value, "row", place, model_id, propensity, experiment, variant)
               join videos v on v.id = n.video_id and v.deleted_at is null
               where not exists (select from watch_events w where w.id = n.id and w.profile_id = $1)
           ), stored as (
               insert into watch_events (id, profile_id, video_id, kind, position_ms, happened_at, value, "row", place, model_id,
                                         propensity, experiment, variant)
               select id, $1, video_id, kind, position_ms, happened_at, value, "row", place, model_id, propensity, experiment,
                      variant from new returning id
           ), newest as (
               select distinct on (video_id) video_id, position_ms, happened_at,
                      bool_or(kind = 'finish') over (partition by video_id) as finished
               from new where kind in ('start', 'progress', 'finish', 'stop', 'abandon')
               order by video_id, happened_at desc, position_ms desc
           ), moved as (
               insert into watch_positions as p (profile_id, video_id, position_ms, finished, updated_at)
               select $1, video_id, position_ms, finished, happened_at from newest
               on conflict (profile_id, video_id) do update
               set position_ms = case when excluded.updated_at >= p.updated_at then excluded.position_ms else p.position_ms end,
                   finished = p.finished or excluded.finished,
                   updated_at = greatest(p.updated_at, excluded.updated_at)
               where excluded.updated_at >= p.updated_at or (excluded.finished and not p.finished)
               returning 1
           ), counted as (
               update profiles set taste_version = taste_version + 1
               where id = $1 and (exists (select from moved)
                                  or exists (select from new where kind not in ('progress', 'impression')))
           )
           select id from stored"#,
        profile.0,
        &column.id,
        &column.video,
        &column.kind,
        &column.position_ms,
        &column.happened_at,
        &column.value as &[Option<f32>],
        &column.row as &[Option<String>],
        &column.place as &[Option<i16>],
        &column.model_id as &[Option<Uuid>],
        &column.propensity as &[Option<f32>],
        &column.experiment as &[Option<String>],
        &column.variant as &[Option<String>],
    );
    Ok(insert.fetch_all(conn).await.map_err(error)?.into_iter().collect())
}

/// Changes what a profile said of a title, as far as nothing newer was said.
async fn say(conn: &mut PgConnection, profile: ProfileId, event: &WatchEvent, opinion: &Opinion) -> Result<()> {
    let upsert = sqlx::query!(
        "insert into title_opinions as o
             (profile_id, video_id, liked, liked_at, rating, rated_at, listed, listed_at, clicked_at, updated_at)
         values ($1, $2, coalesce($4::smallint, 0), case when $4 is not null then $3::timestamptz end,
                 $5::real, case when $5 is not null then $3 end,
                 coalesce($6::boolean, false), case when $6 is not null then $3 end,
                 case when $7 then $3 end, $3)
         on conflict (profile_id, video_id) do update
         set liked = case when excluded.liked_at >= coalesce(o.liked_at, '-infinity') then excluded.liked else o.liked end,
             liked_at = greatest(o.liked_at, excluded.liked_at),
             rating = case when excluded.rated_at >= coalesce(o.rated_at, '-infinity') then excluded.rating else o.rating end,
             rated_at = greatest(o.rated_at, excluded.rated_at),
             listed = case when excluded.listed_at >= coalesce(o.listed_at, '-infinity') then excluded.listed else o.listed end,
             listed_at = greatest(o.listed_at, excluded.listed_at),
             clicked_at = greatest(o.clicked_at, excluded.clicked_at),
             updated_at = greatest(o.updated_at, excluded.updated_at)",
        profile.0,
        event.video.0,
        event.happened_at,
        opinion.liked,
        opinion.rating,
        opinion.listed,
        opinion.clicked,
    );
    upsert.execute(conn).await.map_err(error)?;
    Ok(())
}

/// Events column by column, as `unnest` takes them.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    video: Vec<Uuid>,
    kind: Vec<String>,
    position_ms: Vec<i64>,
    happened_at: Vec<OffsetDateTime>,
    value: Vec<Option<f32>>,
    row: Vec<Option<String>>,
    place: Vec<Option<i16>>,
    model_id: Vec<Option<Uuid>>,
    propensity: Vec<Option<f32>>,
    experiment: Vec<Option<String>>,
    variant: Vec<Option<String>>,
}

impl Columns {
    fn of(events: &[WatchEvent]) -> Self {
        let mut columns = Self::default();
        for event in events {
            columns.add(event);
        }
        columns
    }

    fn add(&mut self, event: &WatchEvent) {
        let (value, placement) = match &event.kind {
            Kind::Rate(value) => (Some(*value), Placement::default()),
            Kind::Click(placement) | Kind::Impression(placement) => (None, placement.clone()),
            _ => (None, Placement::default()),
        };
        self.id.push(event.id);
        self.video.push(event.video.0);
        self.kind.push(event.kind.as_str().to_owned());
        self.position_ms.push(i64::try_from(event.position_ms).unwrap_or(i64::MAX));
        self.happened_at.push(event.happened_at);
        self.value.push(value);
        self.row.push(placement.row);
        self.place.push(placement.place);
        self.model_id.push(placement.model_id);
        self.propensity.push(placement.propensity);
        self.experiment.push(placement.experiment);
        self.variant.push(placement.variant);
    }
}

#[cfg(test)]
mod tests;
