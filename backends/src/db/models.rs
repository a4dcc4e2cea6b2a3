//! What models are trained from and served with: titles that may be recommended, and who watched what.

use super::{Db, error};
use marquee_core::{
    Result,
    id::{ProfileId, VideoId},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// The newest position of a profile in a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPosition {
    /// Who.
    pub profile: ProfileId,
    /// What.
    pub video: VideoId,
    /// How far.
    pub position_ms: i64,
    /// Length of the video, once it is known.
    pub duration_ms: Option<i64>,
    /// Whether it was ever watched to its end.
    pub finished: bool,
    /// When the position last moved.
    pub updated_at: OffsetDateTime,
}

impl Db {
    /// Videos that everybody may play, the newest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn recommendable_videos(&self, limit: i64) -> Result<Vec<VideoId>> {
        let ids = sqlx::query_scalar!(
            "select id from videos where deleted_at is null and status = 'ready' order by id desc limit $1",
            limit,
        );
        Ok(ids.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(VideoId).collect())
    }

    /// Those of `videos` that everybody may play, in no order.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn still_recommendable(&self, videos: &[VideoId]) -> Result<Vec<VideoId>> {
        let videos: Vec<Uuid> = videos.iter().map(|video| video.0).collect();
        let ids =
            sqlx::query_scalar!("select id from videos where id = any($1) and deleted_at is null and status = 'ready'", &videos,);
        Ok(ids.fetch_all(self.pool()).await.map_err(error)?.into_iter().map(VideoId).collect())
    }

    /// The newest positions of all profiles, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn newest_watch_positions(&self, limit: i64) -> Result<Vec<WatchPosition>> {
        let rows = sqlx::query_as!(
            WatchPosition,
            r#"select p.profile_id as "profile: Uuid", p.video_id as "video: Uuid", p.position_ms, v.duration_ms, p.finished, p.updated_at
               from watch_positions p join videos v on v.id = p.video_id
               where v.deleted_at is null
               order by p.updated_at desc limit $1"#,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }

    /// The newest positions of one profile, the newest first, at most `limit`. Nothing for a profile that does not exist.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn watch_positions_of(&self, profile: ProfileId, limit: i64) -> Result<Vec<WatchPosition>> {
        let rows = sqlx::query_as!(
            WatchPosition,
            r#"select p.profile_id as "profile: Uuid", p.video_id as "video: Uuid", p.position_ms, v.duration_ms, p.finished, p.updated_at
               from watch_positions p join videos v on v.id = p.video_id
               where p.profile_id = $1
               order by p.updated_at desc, p.video_id desc limit $2"#,
            profile.0,
            limit,
        );
        rows.fetch_all(self.pool()).await.map_err(error)
    }
}
