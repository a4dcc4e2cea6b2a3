//! `/v1/users/{id}/profiles/{profile}`: a profile's list, and what it thinks of a title. Events change them.

use crate::{
    app::App,
    auth::Caller,
    extract::{Json, Path},
    posters,
    problem::{self, Answer},
    videos,
};
use axum::extract::State;
use marquee_core::id::{ProfileId, UserId, VideoId};
use serde::Serialize;
use std::collections::HashMap;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Titles of a list that are told of at most.
const LIST_MAX: i64 = 500;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(title))
}

/// What somebody wants to see.
#[derive(Serialize, ToSchema)]
struct MyList {
    /// What came last first: the newest 500.
    items: Vec<ListedView>,
}

/// A title on a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Listed)]
struct ListedView {
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
    /// When it was put on the list.
    #[serde(with = "time::serde::rfc3339")]
    listed_at: OffsetDateTime,
}

/// What a profile thinks of a title.
#[derive(Serialize, ToSchema)]
struct Taste {
    /// 1 if it was liked, -1 if it was disliked, otherwise 0.
    liked: i16,
    /// How it was rated, 0 to 1; null if it was not.
    rating: Option<f32>,
    /// Whether it is on the profile's list.
    listed: bool,
    /// How far it was watched last; null if it never was.
    position_ms: Option<i64>,
    /// Whether it was ever watched to its end.
    finished: bool,
}

/// Show a profile's list
///
/// Events of the kinds `list` and `unlist` change it.
#[utoipa::path(get, path = "/v1/users/{id}/profiles/{profile}/list", tag = "accounts",
    params(("id" = String, Path, description = "The account"), ("profile" = String, Path, description = "The profile")),
    responses((status = 200, body = MyList), (status = "default", body = problem::Body)))]
async fn list(State(app): State<App>, caller: Caller, Path((user, profile)): Path<(UserId, ProfileId)>) -> Answer<Json<MyList>> {
    caller.require_self(user)?;
    let profile = app.deps.db.profile(user, profile).await?;
    let listed = app.deps.db.my_list(profile.id, LIST_MAX).await?;
    let ids: Vec<_> = listed.iter().map(|listed| listed.video).collect();
    let mut found = app.deps.db.videos(&ids).await?;
    found.retain(|video| caller.sees(video).is_ok());
    let mut posters = posters::ops::of_all(&app, &found).await?;
    let mut found: HashMap<_, _> = found.into_iter().map(|video| (video.id, video)).collect();
    let items = listed.into_iter().filter_map(|listed| {
        let video = found.remove(&listed.video)?;
        Some(ListedView {
            id: video.id,
            title: video.title,
            duration_ms: video.duration_ms,
            poster: posters.remove(&video.id),
            listed_at: listed.listed_at,
        })
    });
    Ok(Json(MyList { items: items.collect() }))
}

/// Show what a profile thinks of a title
///
/// Events change it.
#[utoipa::path(get, path = "/v1/users/{id}/profiles/{profile}/titles/{video}", tag = "accounts",
    params(("id" = String, Path, description = "The account"), ("profile" = String, Path, description = "The profile"),
        ("video" = String, Path, description = "The video")),
    responses((status = 200, body = Taste), (status = "default", body = problem::Body)))]
async fn title(
    State(app): State<App>,
    caller: Caller,
    Path((user, profile, video)): Path<(UserId, ProfileId, VideoId)>,
) -> Answer<Json<Taste>> {
    caller.require_self(user)?;
    let profile = app.deps.db.profile(user, profile).await?;
    let video = videos::ops::find(&app, &caller, video).await?;
    let taste = app.deps.db.title_taste(profile.id, video.id).await?;
    Ok(Json(Taste {
        liked: taste.map_or(0, |taste| taste.liked),
        rating: taste.and_then(|taste| taste.rating),
        listed: taste.is_some_and(|taste| taste.listed),
        position_ms: taste.and_then(|taste| taste.position_ms),
        finished: taste.is_some_and(|taste| taste.finished),
    }))
}
