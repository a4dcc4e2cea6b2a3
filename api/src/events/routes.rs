//! Wire types and statuses of `/v1/events`.

use crate::{
    app::App,
    auth::Caller,
    extract::Json,
    problem::{self, Answer, Problem},
};
use axum::{extract::State, http::StatusCode};
use marquee_backends::db::events::{Kind, Placement, WatchEvent};
use marquee_core::id::{ProfileId, VideoId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Events in one request.
const EVENTS_MAX: usize = 100;
/// Longest position: no video is longer than a day.
const POSITION_MS_MAX: u64 = 24 * 3600 * 1000;
/// Longest name of a row, an experiment or a variant.
const NAME_LENGTH_MAX: usize = 50;
/// Furthest place in a row.
const PLACE_MAX: u16 = 1000;
/// A player that was offline reports this late at most.
const AGE_MAX: Duration = Duration::days(30);

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report))
}

/// What a player or a page reports for one profile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Report {
    /// One of the caller's profiles.
    #[schema(value_type = String)]
    profile_id: ProfileId,
    /// 1 to 100 events in any order.
    events: Vec<EventView>,
}

/// Something that happened in a player or on a page.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WatchEvent)]
struct EventView {
    /// Made up by whoever reports. An event that is sent again counts once.
    id: Uuid,
    /// Which title.
    #[schema(value_type = String)]
    video_id: VideoId,
    /// What happened.
    kind: KindView,
    /// Where in the video: of `start`, `progress`, `finish`, `stop` and `abandon`.
    position_ms: Option<u64>,
    /// When, by the clock of whoever reports.
    #[serde(with = "time::serde::rfc3339")]
    happened_at: OffsetDateTime,
    /// Of `rate`: 0, the worst, to 1, the best.
    value: Option<f32>,
    /// Of `click` and `impression`: the row of recommendations, 1 to 50 characters.
    row: Option<String>,
    /// Of `click` and `impression`: where in the row, 0 to 1000.
    place: Option<u16>,
    /// Of `click` and `impression`: the model that chose the title, as the recommendation says.
    model_id: Option<Uuid>,
    /// Of `click` and `impression`: how likely the choice was, above 0 and at most 1, as the recommendation says.
    propensity: Option<f32>,
    /// Of `click` and `impression`: the experiment, as the recommendation says.
    experiment: Option<String>,
    /// Of `click` and `impression`: the variant of the experiment, as the recommendation says.
    variant: Option<String>,
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
    /// It was left soon after its beginning: this is not what they wanted to see.
    Abandon,
    /// It was rated.
    Rate,
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
    Click,
    /// It was chosen from what a search found.
    SearchClick,
    /// It was seen in a row of recommendations.
    Impression,
}

/// What was taken.
#[derive(Serialize, ToSchema)]
struct Accepted {
    /// Events that were new.
    accepted: u64,
}

/// Report what was watched, said and seen
///
/// Events move positions, opinions and lists, and are what recommendations are made from.
#[utoipa::path(post, path = "/v1/events", tag = "playback", request_body = Report,
    responses((status = 202, body = Accepted), (status = "default", body = problem::Body)))]
async fn report(State(app): State<App>, caller: Caller, Json(report): Json<Report>) -> Answer<(StatusCode, Json<Accepted>)> {
    if !(1..=EVENTS_MAX).contains(&report.events.len()) {
        return Err(Problem::unprocessable("invalid_events", format!("send 1 to {EVENTS_MAX} events at a time")));
    }
    let now = app.deps.clock.now();
    let events = report.events.into_iter().map(|event| checked(event, now)).collect::<Answer<Vec<_>>>()?;
    let profile = app.deps.db.profile(caller.user, report.profile_id).await?;
    let accepted = app.deps.db.record_events(profile.id, &events).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { accepted })))
}

/// An event that can be. Clocks of players go wrong, so the future is taken for now.
fn checked(event: EventView, now: OffsetDateTime) -> Answer<WatchEvent> {
    if event.happened_at < now - AGE_MAX {
        return Err(invalid("happened_at is more than 30 days ago"));
    }
    let (id, video, happened_at) = (event.id, event.video_id, event.happened_at.min(now));
    let position_ms = position(&event)?;
    Ok(WatchEvent { id, video, kind: kind(event)?, position_ms, happened_at })
}

fn invalid(why: impl Into<Cow<'static, str>>) -> Problem {
    Problem::unprocessable("invalid_events", why)
}

/// Where in the video, or 0 if it is not about playback.
fn position(event: &EventView) -> Answer<u64> {
    use KindView::{Abandon, Finish, Progress, Start, Stop};
    match (event.kind, event.position_ms) {
        (_, Some(position_ms)) if position_ms > POSITION_MS_MAX => {
            Err(invalid(format!("position_ms is at most {POSITION_MS_MAX}")))
        }
        (_, Some(position_ms)) => Ok(position_ms),
        (Start | Progress | Finish | Stop | Abandon, None) => Err(invalid("position_ms is missing: say where in the video")),
        (_, None) => Ok(0),
    }
}

/// What happened, with the fields that belong to it and no others.
fn kind(event: EventView) -> Answer<Kind> {
    let EventView { kind, value, row, place, model_id, propensity, experiment, variant, .. } = event;
    if value.is_some() && !matches!(kind, KindView::Rate) {
        return Err(invalid("value belongs to `rate` alone"));
    }
    let placement = Placement {
        row: name("row", row)?,
        place: place.map(within_row).transpose()?,
        model_id,
        propensity: propensity.map(likely).transpose()?,
        experiment: name("experiment", experiment)?,
        variant: name("variant", variant)?,
    };
    if placement != Placement::default() && !matches!(kind, KindView::Click | KindView::Impression) {
        return Err(invalid("row, place, model_id, propensity, experiment and variant belong to `click` and `impression` alone"));
    }
    Ok(match kind {
        KindView::Start => Kind::Start,
        KindView::Progress => Kind::Progress,
        KindView::Finish => Kind::Finish,
        KindView::Stop => Kind::Stop,
        KindView::Abandon => Kind::Abandon,
        KindView::Rate => Kind::Rate(rating(value)?),
        KindView::Like => Kind::Like,
        KindView::Dislike => Kind::Dislike,
        KindView::Unlike => Kind::Unlike,
        KindView::List => Kind::List,
        KindView::Unlist => Kind::Unlist,
        KindView::Click => Kind::Click(placement),
        KindView::SearchClick => Kind::SearchClick,
        KindView::Impression => Kind::Impression(placement),
    })
}

fn rating(value: Option<f32>) -> Answer<f32> {
    value.filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| invalid("a `rate` has a value from 0 to 1"))
}

fn within_row(place: u16) -> Answer<i16> {
    let place = Some(place).filter(|place| *place <= PLACE_MAX).and_then(|place| i16::try_from(place).ok());
    place.ok_or_else(|| invalid(format!("place is 0 to {PLACE_MAX}")))
}

fn likely(propensity: f32) -> Answer<f32> {
    let possible = Some(propensity).filter(|propensity| *propensity > 0.0 && *propensity <= 1.0);
    possible.ok_or_else(|| invalid("propensity is above 0 and at most 1"))
}

fn name(field: &str, name: Option<String>) -> Answer<Option<String>> {
    let is_name = |name: &String| (1..=NAME_LENGTH_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if name.as_ref().is_some_and(|name| !is_name(name)) {
        return Err(invalid(format!("{field} has 1 to {NAME_LENGTH_MAX} characters, none of them a control character")));
    }
    Ok(name)
}
