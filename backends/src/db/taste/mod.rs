//! Taste: what a profile thinks of titles, by what it watched and by what it said, and what it may not be shown.

use super::{Db, error};
use marquee_core::{
    Result,
    id::{ProfileId, VideoId},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a profile thinks of a title.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TitleTaste {
    /// Who.
    pub profile: ProfileId,
    /// What.
    pub video: VideoId,
    /// How far it was watched last; `None` if it never was.
    pub position_ms: Option<i64>,
    /// Length of the video, once it is known.
    pub duration_ms: Option<i64>,
    /// Whether it was ever watched to its end.
    pub finished: bool,
    /// 1 if it was liked, -1 if it was disliked, otherwise 0.
    pub liked: i16,
    /// How it was rated, 0 to 1.
    pub rating: Option<f32>,
    /// Whether it is on the profile's list.
    pub listed: bool,
    /// Whether it was ever chosen from what a search found.
    pub clicked: bool,
    /// When the newest of all that happened.
    pub updated_at: OffsetDateTime,
}

/// A place in the order of changes: by time, then by profile and video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// When.
    pub at: OffsetDateTime,
    /// Whose.
    pub profile: ProfileId,
    /// What.
    pub video: VideoId,
}

impl Changed {
    /// Before all that changed at `at`.
    #[must_use]
    pub fn from(at: OffsetDateTime) -> Self {
        Self { at, profile: ProfileId(Uuid::nil()), video: VideoId(Uuid::nil()) }
    }

    /// After what changed last of `taste`.
    #[must_use]
    pub fn after(taste: &TitleTaste) -> Self {
        Self { at: taste.updated_at, profile: taste.profile, video: taste.video }
    }
}

/// What a profile may not be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProfileRules {
    /// Nothing above this age is shown, and nothing that was not rated; `None` if there is no such rule.
    pub maturity_age_max: Option<i16>,
    /// Genres that the household does not want to see.
    pub genres_hidden: Vec<String>,
}

/// A title on a profile's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub video: VideoId,
    /// Since when.
    pub listed_at: OffsetDateTime,
}

impl Db {
    /// What `profile` thinks of `video`, if there is anything to tell.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn title_taste(&self, profile: ProfileId, video: VideoId) -> Result<Option<TitleTaste>> {
        let row = sqlx::query_as!(
            TitleTaste,
            r#"select profile_id as "profile!: Uuid", video_id as "video!: Uuid", p.position_ms as "position_ms?", v.duration_ms,
                      coalesce(p.finished, false) as "finished!", coalesce(o.liked, 0::smallint) as "liked!",
                      o.rating as "rating?", coalesce(o.listed, false) as "listed!", o.clicked_at is not null as "clicked!",
                      greatest(p.updated_at, o.updated_at) as "updated_at!"
               from (select * from watch_positions where profile_id = $1 and video_id = $2) p
               full join (select * from title_opinions where profile_id = $1 and video_id = $2) o using (profile_id, video_id)
               join videos v on v.id = video_id"#,
            profile.0,
            video.0,
        );
        row.fetch_optional(self.pool()).await.map_err(error)
    }

    /// What `profile` thinks of titles, the newest first, at most `limit`. Nothing for a profile that does not exist.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn taste_of(&self, profile: ProfileId, limit: i64) -> Result<Vec<TitleTaste>> {
        let rows = sqlx::query_as!(
            TitleTaste,
            r#"select profile_id as "profile!: Uuid", video_id as "video!: Uuid", p.position_ms as "position_ms?", v.duration_ms,
                      coalesce(p.finished, false) as "finished!", coalesce(o.liked, 0::smallint) as "liked!",
                      o.rating as "rating?", coalesce(o.listed, false) as "listed!", o.clicked_at is not null as "clicked!",
                      greatest(p.updated_at, o.updated_at) as "updated_at!"
               from (select * from watch_positions where profile_id = $1) p
               full join (select * from title_opinions where profile_id = $1) o using (profile_id, video_id)
               join videos v on v.id = video_id
               order by greatest(p.updated_at, o.updated_at) desc, video_id desc limit $2"#,
            profile.0,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// What all profiles think of all titles, ordered by profile and video, at most `limit` of those behind `after`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn tastes(&self, after: Option<(ProfileId, VideoId)>, limit: i64) -> Result<Vec<TitleTaste>> {
        let (profile, video) = after.map_or((Uuid::nil(), Uuid::nil()), |(profile, video)| (profile.0, video.0));
        // The first ones of both together are among the first ones of each.
        let rows = sqlx::query_as!(
            TitleTaste,
            r#"select profile_id as "profile!: Uuid", video_id as "video!: Uuid", p.position_ms as "position_ms?", v.duration_ms,
                      coalesce(p.finished, false) as "finished!", coalesce(o.liked, 0::smallint) as "liked!",
                      o.rating as "rating?", coalesce(o.listed, false) as "listed!", o.clicked_at is not null as "clicked!",
                      greatest(p.updated_at, o.updated_at) as "updated_at!"
               from (select * from watch_positions where (profile_id, video_id) > ($1, $2)
                     order by profile_id, video_id limit $3) p
               full join (select * from title_opinions where (profile_id, video_id) > ($1, $2)
                          order by profile_id, video_id limit $3) o using (profile_id, video_id)
               join videos v on v.id = video_id
               order by profile_id, video_id limit $3"#,
            profile,
            video,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// What changed after the moment of `after`, or in it behind this profile and video, of what profiles think: the oldest first, at most
    /// `limit`. Times are those at which things happened: of what players report late, only [`Self::tastes`] tells for sure.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn tastes_since(&self, after: Changed, limit: i64) -> Result<Vec<TitleTaste>> {
        // Each title comes once, from the side that changed last; the first ones of both together are among the first ones of each.
        let rows = sqlx::query_as!(
            TitleTaste,
            r#"with changed as (
                   (select profile_id, video_id, updated_at from watch_positions p
                    where (updated_at, profile_id, video_id) > ($1, $2, $3)
                      and not exists (select from title_opinions o
                                      where o.profile_id = p.profile_id and o.video_id = p.video_id and o.updated_at > p.updated_at)
                    order by updated_at, profile_id, video_id limit $4)
                   union all
                   (select profile_id, video_id, updated_at from title_opinions o
                    where (updated_at, profile_id, video_id) > ($1, $2, $3)
                      and not exists (select from watch_positions p
                                      where p.profile_id = o.profile_id and p.video_id = o.video_id and p.updated_at >= o.updated_at)
                    order by updated_at, profile_id, video_id limit $4)
                   order by updated_at, profile_id, video_id limit $4
               )
               select profile_id as "profile!: Uuid", video_id as "video!: Uuid", p.position_ms as "position_ms?", v.duration_ms,
                      coalesce(p.finished, false) as "finished!", coalesce(o.liked, 0::smallint) as "liked!",
                      o.rating as "rating?", coalesce(o.listed, false) as "listed!", o.clicked_at is not null as "clicked!",
                      c.updated_at as "updated_at!"
               from changed c
               left join watch_positions p using (profile_id, video_id)
               left join title_opinions o using (profile_id, video_id)
               join videos v on v.id = video_id
               order by c.updated_at, profile_id, video_id"#,
            after.at,
            after.profile.0,
            after.video.0,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// The list of `profile`, what came last first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn my_list(&self, profile: ProfileId, limit: i64) -> Result<Vec<Listed>> {
        let rows = sqlx::query_as!(
            Listed,
            r#"select video_id as "video: Uuid", listed_at as "listed_at!" from title_opinions
               where profile_id = $1 and listed order by listed_at desc, video_id desc limit $2"#,
            profile.0,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }
}

#[cfg(test)]
pub(super) mod tests;
