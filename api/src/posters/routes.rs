//! Wire types and statuses of posters.

use super::ops::{self, Offer};
use crate::{
    app::App,
    auth::Caller,
    extract::{Json, Path},
    problem::{self, Answer},
    videos::{self, VideoView},
};
use axum::extract::State;
use marquee_core::id::VideoId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(choose))
}

/// The poster to choose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PosterChoice {
    /// `time_ms` of one of the video's posters.
    #[schema(example = 62_000)]
    time_ms: u64,
}

/// A poster to choose from.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Poster)]
pub(crate) struct PosterView {
    /// When the film shows this; names the poster.
    time_ms: u64,
    /// Width.
    width: u32,
    /// Height.
    height: u32,
    /// A JPEG on an edge. Opens without an access token, for a day at least; lists and pages tell a new address each day.
    #[schema(value_type = String)]
    url: url::Url,
    /// Whether it stands for the video.
    chosen: bool,
}

impl From<Offer> for PosterView {
    fn from(Offer { poster, url, chosen }: Offer) -> Self {
        Self { time_ms: poster.time_ms, width: poster.width, height: poster.height, url, chosen }
    }
}

/// Choose a poster
///
/// One of those that the video shows as `posters`, in place of the best one.
#[utoipa::path(put, path = "/v1/videos/{id}/poster", tag = "videos", request_body = PosterChoice,
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, body = VideoView), (status = "default", body = problem::Body)))]
async fn choose(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<VideoId>,
    Json(choice): Json<PosterChoice>,
) -> Answer<Json<VideoView>> {
    let video = ops::choose(&app, &caller, id, choice.time_ms).await?;
    Ok(Json(videos::ops::details(&app, &caller, video).await?.into()))
}
