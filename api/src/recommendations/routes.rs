//! Wire types and statuses of `/v1/recommendations`.

use super::ops::{Described, code};
use crate::{
    app::App,
    auth::Caller,
    extract::{Asked, Json, Path},
    problem::{self, Answer, Problem},
};
use axum::extract::State;
use marquee_core::id::{ProfileId, VideoId};
use marquee_recommender::{
    Reason,
    serving::{Answer as Chosen, Ask, COUNT_MAX, Recommendation, Row, RowKind},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

/// Titles in a row when the client does not say.
const COUNT_DEFAULT: usize = 20;
/// Longest genre or language that is asked for.
const TEXT_CHARS_MAX: usize = 100;

/// Routes of this family.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(recommend)).routes(routes!(home))
}

/// Which.
#[derive(Deserialize)]
struct Wanted {
    count: Option<usize>,
    row: Option<String>,
    genre: Option<String>,
    language: Option<String>,
    territory: Option<String>,
}

/// What a profile may like next.
#[derive(Serialize, ToSchema)]
struct Recommendations {
    /// What chose it; it goes with the events that tell what became of it. Null before the first model was trained.
    model_id: Option<Uuid>,
    /// The experiment that it is part of; it goes with these events. Null if there is none.
    experiment: Option<String>,
    /// The variant of that, which goes with them, too.
    variant: Option<String>,
    /// Name of the row, as it goes with these events.
    row: String,
    /// Best first.
    items: Vec<Item>,
}

/// Rows of a home page.
#[derive(Serialize, ToSchema)]
struct Home {
    /// What chose them; it goes with the events that tell what became of them. Null before the first model was trained.
    model_id: Option<Uuid>,
    /// The experiment that they are part of; it goes with these events. Null if there is none.
    experiment: Option<String>,
    /// The variant of that, which goes with them, too.
    variant: Option<String>,
    /// The most personal first.
    rows: Vec<RowView>,
}

/// A row of a home page.
#[derive(Serialize, ToSchema)]
#[schema(as = RecommendationRow)]
struct RowView {
    /// Its name, as it goes with events, and to ask for more of it.
    row: String,
    /// What stands above it.
    title: String,
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
    /// How likely it was to be here; it goes with events.
    propensity: f32,
}

/// Why a title is recommended.
#[derive(Serialize, ToSchema)]
#[schema(as = Reason)]
struct ReasonView {
    /// `because_you_watched`, `like`, `popular`, `watched_before` or `new`.
    code: &'static str,
    /// One short sentence for people.
    message: String,
    /// The video that was watched, or that it is like, if that is the reason.
    #[schema(value_type = Option<String>)]
    video_id: Option<VideoId>,
}

/// What to watch next
#[utoipa::path(get, path = "/v1/recommendations/{profile}", tag = "playback",
    params(("profile" = String, Path, description = "One of the caller's profiles"),
        ("count" = Option<u32>, Query, description = "1 to 100 titles"),
        ("row" = Option<String>, Query, description = "`top` (if none is named), `trending`, `new`, `again`, `because:{video}`, \
            `like:{video}` or `genre:{genre}`"),
        ("genre" = Option<String>, Query, description = "Only titles of this genre"),
        ("language" = Option<String>, Query, description = "Only titles in this language (BCP 47; `en` is any English)"),
        ("territory" = Option<String>, Query, description = "Only titles that may be shown there (ISO 3166-1 alpha-2)")),
    responses((status = 200, body = Recommendations), (status = "default", body = problem::Body)))]
async fn recommend(
    State(app): State<App>,
    caller: Caller,
    Path(profile): Path<ProfileId>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Json<Recommendations>> {
    let kind = wanted.row.as_deref().map_or(Some(RowKind::Top), RowKind::parse);
    let kind = kind.ok_or_else(|| Problem::bad_request("invalid_query", "row is none that there is"))?;
    let profile = app.deps.db.profile(caller.user, profile).await?;
    let answer = app.deps.recommender.recommend_to(&profile, ask(wanted, Some(kind.clone()))?).await?;
    let described = Described::of(&app, &answer).await?;
    let items = answer.rows.iter().flat_map(|row| items(row, &described)).collect();
    let (experiment, variant) = part(&answer);
    Ok(Json(Recommendations { model_id: answer.model.map(|model| model.0), experiment, variant, row: kind.name(), items }))
}

/// What stands on a home page
#[utoipa::path(get, path = "/v1/recommendations/{profile}/rows", tag = "playback",
    params(("profile" = String, Path, description = "One of the caller's profiles"),
        ("count" = Option<u32>, Query, description = "1 to 100 titles in a row"),
        ("language" = Option<String>, Query, description = "Only titles in this language (BCP 47; `en` is any English)"),
        ("territory" = Option<String>, Query, description = "Only titles that may be shown there (ISO 3166-1 alpha-2)")),
    responses((status = 200, body = Home), (status = "default", body = problem::Body)))]
async fn home(
    State(app): State<App>,
    caller: Caller,
    Path(profile): Path<ProfileId>,
    Asked(wanted): Asked<Wanted>,
) -> Answer<Json<Home>> {
    if wanted.row.is_some() {
        return Err(Problem::bad_request("invalid_query", "ask for one row without /rows"));
    }
    let profile = app.deps.db.profile(caller.user, profile).await?;
    let answer = app.deps.recommender.recommend_to(&profile, ask(wanted, None)?).await?;
    let described = Described::of(&app, &answer).await?;
    let row = |row: &Row| RowView { row: row.kind.name(), title: described.heading(&row.kind), items: items(row, &described) };
    let (experiment, variant) = part(&answer);
    let rows = answer.rows.iter().map(row).collect();
    Ok(Json(Home { model_id: answer.model.map(|model| model.0), experiment, variant, rows }))
}

/// The experiment that an answer is part of, and its variant.
fn part(answer: &Chosen) -> (Option<String>, Option<String>) {
    answer.part.clone().map(|part| (part.experiment, part.variant)).unzip()
}

/// What is asked of the recommender.
fn ask(wanted: Wanted, row: Option<RowKind>) -> Answer<Ask> {
    let count = wanted.count.unwrap_or(COUNT_DEFAULT);
    if !(1..=COUNT_MAX).contains(&count) {
        return Err(Problem::bad_request("invalid_query", format!("count is 1 to {COUNT_MAX}")));
    }
    let texts = [("genre", &wanted.genre), ("language", &wanted.language), ("territory", &wanted.territory)];
    let wrong = |text: &&String| text.is_empty() || text.chars().count() > TEXT_CHARS_MAX;
    if let Some((name, _)) = texts.iter().find(|(_, text)| text.as_ref().filter(wrong).is_some()) {
        return Err(Problem::bad_request("invalid_query", format!("{name} is 1 to {TEXT_CHARS_MAX} characters")));
    }
    Ok(Ask { count, row, genre: wanted.genre, language: wanted.language, territory: wanted.territory })
}

/// Titles with what people read.
fn items(row: &Row, described: &Described) -> Vec<Item> {
    let item = |item: &Recommendation| {
        let video = described.video(item)?;
        let video_id = match item.reason {
            Reason::BecauseYouWatched { video } | Reason::Like { video } => Some(video),
            Reason::Popular { .. } | Reason::WatchedBefore | Reason::New => None,
        };
        let reason = ReasonView { code: code(item.reason), message: described.reason(item.reason), video_id };
        let (title, duration_ms) = (video.title.clone(), video.duration_ms);
        Some(Item { id: video.id, title, duration_ms, poster: described.poster(item), reason, propensity: item.propensity })
    };
    row.items.iter().filter_map(item).collect()
}
