//! `/v1/videos/{id}/change`: what a video shows is encoded anew, and takes its own place once it is ready.

use super::{ops, protection::ProtectionView};
use crate::{
    app::App,
    auth::Caller,
    extract::{Json, Path},
    problem::{self, Answer, Problem},
};
use axum::{extract::State, http::StatusCode};
use marquee_backends::db::{encodes::Progress, videos::Video};
use marquee_core::{
    Error,
    id::{EncodeId, JobId, VideoId},
    job::Order,
    plan::{Ladder, RECIPES, RungChange},
    protection::Wish,
    source::{Chapter, check_chapters},
    video::Status,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Rungs of an order at most: more than a ladder of all codecs has.
const RUNGS_MAX: usize = 64;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(begin, give_up))
}

/// What the source is to be encoded to. Empty: as it would be if it was uploaded now.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewChange {
    /// Recipe: `fast`, `standard`, `quality` or `archive`. The server's own if none is named.
    recipe: Option<String>,
    /// How rungs are chosen: `auto` or `fixed`. The server's own way if nothing is said.
    #[schema(value_type = Option<String>)]
    ladder: Option<Ladder>,
    /// Rungs of what the video shows that are made anew, all else staying as it is. Not together with a recipe or a ladder.
    #[serde(default)]
    rungs: Vec<NewRung>,
    /// How it is protected, and what is made later; as before if nothing is said. Alone it keeps all that the video shows, which is
    /// protected or opened without being encoded again.
    protection: Option<ProtectionView>,
    /// Its chapters, in order and instead of those that it has; those of the source if nothing was ever said. Those that are called
    /// `Intro` or `Credits` are marked as what viewers may want to pass over. Alone, or beside a protection, they keep all that the video
    /// shows, which is copied.
    #[schema(value_type = Option<Vec<NewChapter>>)]
    chapters: Option<Vec<NewChapter>>,
}

/// A chapter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewChapter {
    /// When it begins.
    start_ms: u64,
    /// When it ends.
    end_ms: u64,
    /// What it is called; may be empty.
    #[serde(default)]
    title: String,
}

/// A rung that is made anew; what is not given stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRung {
    /// Its name, such as `1080p`.
    id: String,
    /// Constant rate factor, on the codec's own scale.
    crf: Option<f32>,
    /// Peak that it never exceeds.
    max_bitrate_bps: Option<u32>,
    /// The encoder's preset.
    preset: Option<String>,
}

/// What is about to take the place of what a video shows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Change)]
pub(crate) struct ChangeView {
    /// `uploading`, `uploaded`, `inspecting`, `encoding`, `publishing` or `failed`.
    #[schema(value_type = String, example = "encoding")]
    pub(super) status: Status,
    /// How far its encode is, 0 to 1.
    progress: f32,
    /// How long it will take until it is ready, if it goes on as so far; null if that cannot be told.
    ready_in_ms: Option<u64>,
    /// Why it failed. The video goes on to show what it shows.
    failure: Option<super::routes::Failure>,
}

impl ChangeView {
    /// The change of `video`, whose encode has come to `encoded`.
    pub(super) fn of(caller: &Caller, video: &Video, encoded: Option<Progress>) -> Option<Self> {
        // It is nothing to those who watch.
        let change = video.change.clone().filter(|_| caller.edits(video).is_ok())?;
        let left = encoded.filter(|_| change.status == Status::Encoding).and_then(|encoded| encoded.left());
        Some(Self {
            status: change.status,
            progress: ops::progress_of(change.status, encoded.map(|encoded| encoded.done)),
            ready_in_ms: left.map(|left| left.as_secs().saturating_mul(1000)),
            failure: change.failure.map(super::routes::Failure::from),
        })
    }
}

/// Encode a video anew
///
/// Of a video that is ready, or that failed and still has its source. Viewers go on to see what they see until the new encode is ready.
/// What was made in the same way before is copied, not made again. To replace the film itself, upload another one with `replace`.
#[utoipa::path(post, path = "/v1/videos/{id}/change", tag = "videos",
    params(("id" = String, Path, description = "The video")),
    request_body = NewChange,
    responses((status = 202), (status = "default", body = problem::Body)))]
async fn begin(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<VideoId>,
    Json(new): Json<NewChange>,
) -> Answer<StatusCode> {
    let video = ops::find_to_edit(&app, &caller, id).await?;
    let order = order(&app, &video, new).await?;
    let job = JobId::new(app.deps.clock.as_ref(), app.deps.random.as_ref());
    app.deps.db.order_encode(video.id, &order, job).await?;
    tracing::info!(video.id = %id, encode.id = %order.encode, by = %caller.user, "another encode ordered");
    Ok(StatusCode::ACCEPTED)
}

/// Give up a change
///
/// The video goes on to show what it shows.
#[utoipa::path(delete, path = "/v1/videos/{id}/change", tag = "videos",
    params(("id" = String, Path, description = "The video")),
    responses((status = 204), (status = "default", body = problem::Body)))]
async fn give_up(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<StatusCode> {
    let video = ops::find_to_edit(&app, &caller, id).await?;
    app.deps.db.give_up_change(video.id).await?;
    tracing::info!(video.id = %id, by = %caller.user, "change given up");
    Ok(StatusCode::NO_CONTENT)
}

async fn order(app: &App, video: &Video, new: NewChange) -> Answer<Order> {
    let encode = EncodeId::new(app.deps.clock.as_ref(), app.deps.random.as_ref());
    let NewChange { recipe, ladder, rungs, protection, chapters } = new;
    if recipe.as_ref().is_some_and(|name| !RECIPES.contains(&name.as_str())) {
        return Err(Problem::bad_request("unknown_recipe", format!("there are these recipes: {}", RECIPES.join(", "))));
    }
    let protection = protection.map(|wanted| wanted.choice(app)).transpose()?;
    let protection = protection.map(|choice| choice.map_or(Wish::Clear, Wish::Protect));
    let shown = video.encode.filter(|_| video.status == Status::Ready);
    let chapters = chapters.map(|chapters| checked(chapters, video)).transpose()?;
    let is_kept = (protection.is_some() || chapters.is_some()) && recipe.is_none() && ladder.is_none() && rungs.is_empty();
    if let Some(like) = shown.filter(|_| is_kept) {
        return Ok(Order { encode, recipe, ladder, like: Some(like), rungs: Vec::new(), protection, chapters });
    }
    if rungs.is_empty() {
        return Ok(Order { encode, recipe, ladder, like: None, rungs: Vec::new(), protection, chapters });
    }
    if recipe.is_some() || ladder.is_some() || rungs.len() > RUNGS_MAX {
        let message = format!("name up to {RUNGS_MAX} rungs, or a recipe and a ladder, not both");
        return Err(Problem::bad_request("invalid_change", message));
    }
    let like = shown.ok_or_else(|| {
        Error::conflict("not_ready", "the video shows nothing of which rungs could be made anew: order a whole encode")
    })?;
    let rungs: Vec<_> = rungs
        .into_iter()
        .map(|NewRung { id, crf, max_bitrate_bps, preset }| RungChange { id, crf, max_bitrate_bps, preset })
        .collect();
    // Who asked hears of a mistake at once, and not only when a worker looks at it.
    app.deps.db.encode(like).await?.plan.with_changes(&rungs)?;
    Ok(Order { encode, recipe, ladder, like: Some(like), rungs, protection, chapters })
}

/// Chapters that fit what the video shows.
fn checked(chapters: Vec<NewChapter>, video: &Video) -> Answer<Vec<Chapter>> {
    let duration_ms = video
        .duration_ms
        .ok_or_else(|| Error::conflict("not_ready", "nobody knows yet how long the video is: give it chapters once it plays"))?;
    let chapter = |NewChapter { start_ms, end_ms, title }| Chapter { start_ms, end_ms, title };
    let chapters: Vec<_> = chapters.into_iter().map(chapter).collect();
    check_chapters(&chapters, duration_ms)?;
    Ok(chapters)
}
