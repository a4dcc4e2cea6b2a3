//! The state of a video's row: read under its lock, and moved on by the state machine alone.
//!
//! Lock order: whoever changes a video and its jobs in one transaction locks the video first.

use super::error;
use marquee_core::{
    Error, Result,
    id::VideoId,
    video::{Event, State, Status},
};
use sqlx::{PgConnection, query};

/// The state of a video, its row locked until the transaction ends.
///
/// # Errors
/// `NotFound`, `Unavailable`.
pub(super) async fn lock_video(conn: &mut PgConnection, video: VideoId) -> Result<State> {
    let row = query!("select status, change_status from videos where id = $1 for update", video.0);
    let row = row.fetch_optional(conn).await.map_err(error)?.ok_or_else(|| Error::not_found("video"))?;
    parse(&row.status, row.change_status.as_deref())
}

/// The state that two columns tell of.
pub(super) fn parse(status: &str, change: Option<&str>) -> Result<State> {
    Ok(State { status: status.parse()?, change: change.map(str::parse).transpose()? })
}

/// Moves a video, whose row the caller locked and found in `state`, on by `event`. Answers what it is then.
///
/// # Errors
/// `Conflict` if the event cannot happen now; `NotFound` if the video was deleted.
pub(super) async fn advance(conn: &mut PgConnection, video: VideoId, state: State, event: Event) -> Result<State> {
    let after = state.after(event)?;
    set(conn, video, after, None).await?;
    Ok(after)
}

/// Ends with a reason what is on its way of a video, whose row the caller locked and found in `state`: the video itself, or its change.
///
/// # Errors
/// `Conflict` if nothing is on its way.
pub(super) async fn fail(conn: &mut PgConnection, video: VideoId, state: State, code: &str, message: &str) -> Result<()> {
    set(conn, video, state.after(Event::Failed)?, Some((code, message))).await
}

async fn set(conn: &mut PgConnection, video: VideoId, state: State, reason: Option<(&str, &str)>) -> Result<()> {
    let failed = |status: Option<Status>| reason.filter(|_| status == Some(Status::Failed));
    let (own, change) = (failed(Some(state.status)), failed(state.change));
    let update = query!(
        "update videos set status = $2, failure_code = $3, failure_message = $4,
                change_status = $5, change_failure_code = $6, change_failure_message = $7, updated_at = now()
         where id = $1 and deleted_at is null",
        video.0,
        state.status.as_str(),
        own.map(|(code, _)| code),
        own.map(|(_, message)| message),
        state.change.map(Status::as_str),
        change.map(|(code, _)| code),
        change.map(|(_, message)| message),
    );
    match update.execute(conn).await.map_err(error)?.rows_affected() {
        1 => Ok(()),
        _ => Err(Error::not_found("video")),
    }
}
