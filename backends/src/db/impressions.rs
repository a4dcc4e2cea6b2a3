//! Impressions of recommendations, and what came of them: what experiments are judged by.

use super::{Db, error};
use marquee_core::{
    Result,
    id::{ProfileId, VideoId},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A title that was seen in a row of recommendations.
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// By whom.
    pub profile: ProfileId,
    /// Which.
    pub video: VideoId,
    /// The model that chose it.
    pub model_id: Option<Uuid>,
    /// The experiment that it was part of.
    pub experiment: Option<String>,
    /// The variant of that.
    pub variant: Option<String>,
    /// The row.
    pub row: Option<String>,
    /// Where in the row, from 0.
    pub place: Option<i16>,
    /// How likely the choice was.
    pub propensity: Option<f32>,
    /// When it was seen.
    pub at: OffsetDateTime,
    /// When that was reported.
    pub received_at: OffsetDateTime,
}

/// What came of an impression.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What was seen.
    pub impression: Impression,
    /// Whether it was played afterwards.
    pub started_after: bool,
    /// Whether its end was reached.
    pub completed_after: bool,
    /// Whether it was left soon after its beginning, and not played to its end later.
    pub abandoned_after: bool,
    /// The furthest that it was played, as a share of its length; 0 as long as that is not known.
    pub share_watched_after: f64,
}

/// What a profile watched in some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Who.
    pub profile: ProfileId,
    /// Days (UTC) on which it watched anything.
    pub days: i64,
    /// How far it came in all, each title and day for itself.
    pub watched_ms: i64,
}

impl Db {
    /// Impressions that were reported after `at`, the oldest first: `limit` of them, and all that were reported in the same moment as
    /// the last one, so that a caller who goes on from its `received_at` misses none.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn impressions_since(&self, at: OffsetDateTime, limit: i64) -> Result<Vec<Impression>> {
        let rows = sqlx::query_as!(
            Impression,
            r#"select profile_id as "profile: Uuid", video_id as "video: Uuid", model_id, experiment, variant, "row", place,
                      propensity, happened_at as "at", received_at
               from watch_events where kind = 'impression' and received_at > $1
               order by received_at fetch first $2 rows with ties"#,
            at,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// The same with what came of each `within` this time: how the same profile played the same title. Of `experiment` alone, if one is
    /// named.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn outcomes(
        &self,
        at: OffsetDateTime,
        within: Duration,
        experiment: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Outcome>> {
        // What is played is reported after it happened, give or take how wrong clocks are: older partitions are not looked at.
        let rows = sqlx::query!(
            r#"with seen as (
                   select * from watch_events
                   where kind = 'impression' and received_at > $1 and ($4::text is null or experiment = $4)
                   order by received_at fetch first $2 rows with ties
               )
               select s.profile_id, s.video_id, s.model_id, s.experiment, s.variant, s."row", s.place, s.propensity,
                      s.happened_at, s.received_at, played.started as "started!", played.completed as "completed!",
                      played.abandoned and not played.completed as "abandoned!",
                      least(coalesce(played.position_ms / nullif(v.duration_ms, 0)::float8, 0), 1) as "share!"
               from seen s
               left join videos v on v.id = s.video_id
               cross join lateral (
                   select count(*) > 0 as started, coalesce(bool_or(w.kind = 'finish'), false) as completed,
                          coalesce(bool_or(w.kind = 'abandon'), false) as abandoned, max(w.position_ms) as position_ms
                   from watch_events w
                   where w.profile_id = s.profile_id and w.video_id = s.video_id
                     and w.kind in ('start', 'progress', 'finish', 'stop', 'abandon')
                     and w.happened_at >= s.happened_at and w.happened_at < s.happened_at + make_interval(secs => $3)
                     and w.received_at >= s.happened_at - interval '1 hour'
               ) played
               order by s.received_at, s.id"#,
            at,
            limit,
            within.as_seconds_f64(),
            experiment,
        );
        let rows = rows.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(|row| Outcome {
            impression: Impression {
                profile: row.profile_id.into(),
                video: row.video_id.into(),
                model_id: row.model_id,
                experiment: row.experiment,
                variant: row.variant,
                row: row.row,
                place: row.place,
                propensity: row.propensity,
                at: row.happened_at,
                received_at: row.received_at,
            },
            started_after: row.started,
            completed_after: row.completed,
            abandoned_after: row.abandoned,
            share_watched_after: row.share,
        });
        Ok(rows.collect())
    }

    /// What each of `profiles` watched since the time that stands beside it and before `until`, in no order. Nothing of those that
    /// watched nothing.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn watched(&self, profiles: &[(ProfileId, OffsetDateTime)], until: OffsetDateTime) -> Result<Vec<Watched>> {
        let (ids, since): (Vec<Uuid>, Vec<OffsetDateTime>) = profiles.iter().map(|(id, since)| (id.0, *since)).unzip();
        let rows = sqlx::query_as!(
            Watched,
            r#"select d.id as "profile!: Uuid", count(distinct d.day) as "days!", sum(d.watched_ms)::bigint as "watched_ms!"
               from (
                   select p.id, w.video_id, (w.happened_at at time zone 'utc')::date as day,
                          max(w.position_ms) - min(w.position_ms) as watched_ms
                   from unnest($1::uuid[], $2::timestamptz[]) as p (id, since)
                   join watch_events w on w.profile_id = p.id and w.received_at >= p.since and w.received_at < $3
                                      and w.happened_at >= p.since
                   where w.kind in ('start', 'progress', 'finish', 'stop', 'abandon')
                   group by p.id, w.video_id, day
               ) d group by d.id"#,
            &ids,
            &since,
            until,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }
}
