//! Wire types and statuses of `/v1/events`.

use crate::{
    app::App,
    auth::Caller,
    extract::Json,
    problem::{self, Answer, Problem},
};
use axum::{extract::State, http::StatusCode};
use marquee_backends::db::events::{Kind, WatchEvent};
use marquee_core::id::{ProfileId, VideoId};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Events in one request.
const EVENTS_MAX: usize = 100;
/// Longest position: no video is longer than a day.
const POSITION_MS_MAX: u64 = 24 * 3600 * 1000;
/// A player that was offline reports this late at most.
const AGE_MAX: Duration = Duration::days(30);

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report))
}

/// What a player reports for one profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Report {
    /// One of the caller's profiles.
    #[schema(value_type = String)]
    profile_id: ProfileId,
    /// 1 to 100 events in any order.
    events: Vec<EventView>,
}

/// Something that happened in a player.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WatchEvent)]
struct EventView {
    /// Made up by the player. An event that is sent again counts once.
    id: Uuid,
    /// What is watched.
    #[schema(value_type = String)]
    video_id: VideoId,
    /// What happened.
    kind: KindView,
    /// Where in the video.
    position_ms: u64,
    /// When, by the player's clock.
    #[serde(with = "time::serde::rfc3339")]
    happened_at: OffsetDateTime,
}

/// What happened.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WatchEventKind)]
enum KindView {
    /// Playback began.
    Start,
    /// It goes on.
    Progress,
    /// The end was reached.
    Finish,
    /// It was left before the end.
    Stop,
}

/// What was taken.
#[derive(Serialize, ToSchema)]
struct Accepted {
    /// Events that were new.
    accepted: u64,
}

impl From<KindView> for Kind {
    fn from(kind: KindView) -> Self {
        match kind {
            KindView::Start => Self::Start,
            KindView::Progress => Self::Progress,
            KindView::Finish => Self::Finish,
            KindView::Stop => Self::Stop,
        }
    }
}

/// Report what was watched
#[utoipa::path(post, path = "/v1/events", tag = "playback", request_body = Report,
    responses((status = 202, body = Accepted), (status = "default", body = problem::Body)))]
async fn report(State(app): State<App>, caller: Caller, Json(report): Json<Report>) -> Answer<(StatusCode, Json<Accepted>)> {
    if !(1..=EVENTS_MAX).contains(&report.events.len()) {
        return Err(Problem::unprocessable("invalid_events", format!("send 1 to {EVENTS_MAX} events at a time")));
    }
    let now = app.deps.clock.now();
    let events = report.events.iter().map(|event| checked(event, now)).collect::<Answer<Vec<_>>>()?;
    let profile = app.deps.db.profile(caller.user, report.profile_id).await?;
    let accepted = app.deps.db.record_events(profile.id, &events).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted })))
}

/// An event with a time that can be: players' clocks go wrong, so the future is taken for now.
fn checked(event: &EventView, now: OffsetDateTime) -> Answer<WatchEvent> {
    if event.position_ms > POSITION_MS_MAX {
        return Err(Problem::unprocessable("invalid_events", format!("position_ms is at most {POSITION_MS_MAX}")));
    }
    if event.happened_at < now - AGE_MAX {
        return Err(Problem::unprocessable("invalid_events", "happened_at is more than 30 days ago"));
    }
    Ok(WatchEvent {
        id: event.id,
        video: event.video_id,
        kind: event.kind.into(),
        position_ms: event.position_ms,
        happened_at: event.happened_at.min(now),
    })
}
