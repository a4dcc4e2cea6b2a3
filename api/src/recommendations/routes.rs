//! Wire types and statuses of `/v1/recommendations`.

use crate::{
    app::App,
    auth::Caller,
    extract::{Asked, Json, Path},
    posters,
    problem::{self, Answer, Problem},
};
use axum::extract::State;
use marquee_core::{
    Result,
    id::{ProfileId, VideoId},
};
use marquee_recommender::{
    Reason, Window,
    serving::{COUNT_MAX, Recommendation},
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Titles in an answer when the client does not say.
const COUNT_DEFAULT: usize = 20;

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(recommend))
}

/// How many.
#[derive(Deserialize)]
struct Wanted {
    count: Option<usize>,
}

/// What a profile may like next.
#[derive(Serialize, ToSchema)]
struct Recommendations {
    /// Best first.
    items: Vec<Item>,
}

/// A recommended title.
#[derive(Serialize, ToSchema)]
#[schema(as = Recommendation)]
struct Item {
    /// The video.
    #[schema(value_type = String)]
    id: VideoId,
    /// How it is called.
    title: String,
    /// Its length.
    duration_ms: Option<u64>,
    /// The picture that stands for it, as a video's `poster`.
    #[schema(value_type = Option<String>)]
    poster: Option<url::Url>,
    /// Why it is here.
    reason: ReasonView,
}

/// Why a title is recommended.
#[derive(Serialize, ToSchema)]
#[schema(as = Reason)]
struct ReasonView {
    /// `because_you_watched`, `popular` or `new`.
    code: &'static str,
    /// One short sentence for people.
    message: String,
    /// The video that was watched, if that is the reason.
    #[schema(value_type = Option<String>)]
    video_id: Option<VideoId>,
}

/// What to watch next
#[utoipa::path(get, path = "/v1/recommendations/{profile}", tag = "playback",
    params(("profile" = String, Path, description = "One of the caller's profiles"),
        ("count" = Option<u32>, Query, description = "1 to 100 titles")),
    responses((status = 200, body = Recommendations), (status = "default", body = problem::Body)))]
async fn recommend(
    State(app): State<App>,
    caller: Caller,
    Path(profile): Path<ProfileId>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Json<Recommendations>> {
    let count = wanted.count.unwrap_or(COUNT_DEFAULT);
    if !(1..=COUNT_MAX).contains(&count) {
        return Err(Problem::bad_request("invalid_query", format!("count is 1 to {COUNT_MAX}")));
    }
    let profile = app.deps.db.profile(caller.user, profile).await?;
    let chosen = app.deps.recommender.recommend(profile.id, count).await?;
    Ok(Json(Recommendations { items: describe(&app, &chosen).await? }))
}

/// Adds what people read.
async fn describe(app: &App, chosen: &[Recommendation]) -> Result<Vec<Item>> {
    let watched = chosen.iter().filter_map(|recommendation| match recommendation.reason {
        Reason::BecauseYouWatched { video } => Some(video),
        Reason::Popular { .. } | Reason::New => None,
    });
    let ids: Vec<_> = chosen.iter().map(|recommendation| recommendation.video).chain(watched).collect();
    let videos: HashMap<_, _> = app.deps.db.videos(&ids).await?.into_iter().map(|video| (video.id, video)).collect();
    let posters = posters::ops::of_all(app, videos.values()).await?;
    let item = |recommendation: &Recommendation| {
        let video = videos.get(&recommendation.video)?;
        let title_of = |id: VideoId| videos.get(&id).map(|video| video.title.as_str());
        let reason = reason(recommendation.reason, title_of);
        let poster = posters.get(&video.id).cloned();
        Some(Item { id: video.id, title: video.title.clone(), duration_ms: video.duration_ms, poster, reason })
    };
    Ok(chosen.iter().filter_map(item).collect())
}

fn reason<'a>(reason: Reason, title_of: impl Fn(VideoId) -> Option<&'a str>) -> ReasonView {
    match reason {
        Reason::BecauseYouWatched { video } => ReasonView {
            code: "because_you_watched",
            message: title_of(video).map_or("Like what you watched".to_owned(), |title| format!("Because you watched {title}")),
            video_id: Some(video),
        },
        Reason::Popular { window } => {
            let message = match window {
                Window::Week => "Popular this week",
                Window::Month => "Popular this month",
                Window::Ever => "Popular",
            };
            ReasonView { code: "popular", message: message.to_owned(), video_id: None }
        }
        Reason::New => ReasonView { code: "new", message: "New".to_owned(), video_id: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_reason_reads_well() {
        let video = VideoId(Uuid::nil());
        let said = |given| reason(given, |_| Some("Sintel")).message;
        assert_eq!(said(Reason::BecauseYouWatched { video }), "Because you watched Sintel");
        assert_eq!(said(Reason::Popular { window: Window::Week }), "Popular this week");
        assert_eq!(said(Reason::New), "New");
        assert_eq!(reason(Reason::BecauseYouWatched { video }, |_| None).message, "Like what you watched");
    }
}
