//! Wire types and statuses of `/v1/videos` and `/v1/jobs`.

use super::{
    change::{self, ChangeView},
    cost::CostView,
    facts::{self, FactsEdit, FactsView},
    multipart,
    ops::{self, Details},
    protection::ProtectionView,
    quality, search, watch,
};
use crate::{
    app::App,
    auth::Caller,
    extract::{Asked, IdempotencyKey, Json, Path, header},
    posters::PosterView,
    problem::{self, Answer, Problem},
};
use axum::{
    extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State},
    http::StatusCode,
    response::{IntoResponse, sse::Sse},
};
use marquee_backends::db::jobs::JobView;
use marquee_core::{
    id::{JobId, UserId, VideoId},
    source::{ChapterRole, Note},
    video::Status,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Videos on a page when the client does not say.
const PAGE_DEFAULT: usize = 50;
/// Videos on a page at most.
const PAGE_MAX: usize = 200;

/// Routes of this family that answer at once.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, remove))
        .routes(routes!(follow))
        .routes(routes!(jobs))
        .routes(routes!(retry))
        .merge(change::router())
        .merge(facts::router())
        .merge(quality::router())
}

/// Creating a video may carry a whole film: no bound on its time or size but those of uploads.
pub(crate) fn slow_router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).layer(DefaultBodyLimit::disable())
}

/// A video to make.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewVideo {
    /// 1 to 500 characters.
    #[schema(example = "Sintel")]
    title: String,
    /// What is known of it as a title.
    #[serde(default, skip_serializing_if = "FactsEdit::is_empty")]
    facts: FactsEdit,
    /// Make a title of what is readable of a damaged film, however much is missing. Otherwise a film that lost more than one part in
    /// a hundred is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    accept_damaged: bool,
    /// How what is made of it is protected. As the server does with all videos if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protection: Option<ProtectionView>,
}

/// A video to make, with its source.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for the documentation; `multipart` reads it as it arrives")]
struct NewVideoForm {
    /// 1 to 500 characters. Without it the file's name is used.
    title: Option<String>,
    /// `true`, before the film, makes a title of what is readable of it, however much is missing.
    accept_damaged: Option<bool>,
    /// `none`, `cbcs` or `cenc`, before the film: how what is made of it is protected.
    protection: Option<String>,
    /// The film.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A video.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Video)]
pub(crate) struct VideoView {
    /// Its id.
    #[schema(value_type = String, example = "vid_0190a1b2c3d4e5f60718293a4b5c6d7e")]
    id: VideoId,
    /// How it is called.
    title: String,
    /// What is known of it as a title.
    facts: FactsView,
    /// `created`, `uploading`, `uploaded`, `inspecting`, `encoding`, `publishing`, `ready` or `failed`.
    #[schema(value_type = String, example = "encoding")]
    pub(super) status: Status,
    /// Whether its beginning can be played now.
    playable: bool,
    /// How much can be played now, from the beginning; left out in lists and as long as there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    playable_ms: Option<u64>,
    /// How far the encode is, 0 to 1.
    progress: f32,
    /// How long it will take until the encode is ready, if it goes on as so far; null if that cannot be told.
    ready_in_ms: Option<u64>,
    /// Length, once it is known.
    duration_ms: Option<u64>,
    /// Why it failed.
    failure: Option<Failure>,
    /// What is about to take the place of what it shows; null if nothing is.
    pub(super) change: Option<ChangeView>,
    /// How what it shows is protected, or will be if it shows nothing yet; null if that is in the clear.
    protection: Option<ProtectionView>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it went live.
    #[serde(with = "time::serde::rfc3339::option")]
    ready_at: Option<OffsetDateTime>,
    /// Who made it.
    #[schema(value_type = String)]
    owner_id: UserId,
    /// The picture that stands for it, a JPEG on an edge, whose address changes once a day; null as long as there is none.
    #[schema(value_type = Option<String>)]
    poster: Option<url::Url>,
    /// Posters to choose from, best first, once there are some; left out in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    posters: Vec<PosterView>,
    /// What was decided, left out or repaired; empty in lists.
    notes: Vec<NoteView>,
    /// What was uploaded, once it is whole; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceView>,
    /// Its chapters, in order; left out in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chapters: Vec<ChapterView>,
    /// What is stored of it, once it is ready; left out in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    renditions: Vec<RenditionView>,
    /// Bytes of all that is stored of it but its source, once it is ready; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored_bytes: Option<u64>,
    /// What it took of the processors, once it is ready; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostView>,
}

/// Why a video failed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Failure {
    /// Stable and for programs.
    #[schema(example = "not_a_video")]
    code: String,
    /// What is wrong and what to do.
    message: String,
}

impl From<(String, String)> for Failure {
    fn from((code, message): (String, String)) -> Self {
        Self { code, message }
    }
}

/// Something to know about how a source was read.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Note)]
struct NoteView {
    /// Stable and for programs.
    code: String,
    /// One sentence.
    message: String,
}

/// What was uploaded.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Source)]
struct SourceView {
    /// What the client called the file.
    filename: String,
    /// Its length.
    size_bytes: u64,
    /// Its SHA-256 in hex; null until the inspection of a source whose parts went to the object store itself.
    sha256: Option<String>,
}

/// A chapter.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Chapter)]
struct ChapterView {
    /// When it begins.
    start_ms: u64,
    /// When it ends.
    end_ms: u64,
    /// What it is called; may be empty.
    title: String,
    /// `intro` or `credits` if its name says that it is what viewers may want to pass over.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

/// A stored rendition.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = Rendition)]
struct RenditionView {
    /// Folder and name, such as `v/540p`.
    id: String,
    /// RFC 6381 codec string.
    codec: String,
    /// Bytes of its segments.
    size_bytes: u64,
    /// Average bitrate.
    bitrate_bps: u64,
    /// Why a rung was chosen, for people; empty for sound and text.
    reason: String,
}

/// A page of videos.
#[derive(Serialize, ToSchema)]
struct VideoPage {
    /// Newest first.
    items: Vec<VideoView>,
    /// Pass it as `cursor` to get the next page; null on the last one.
    #[schema(value_type = Option<String>)]
    next_cursor: Option<VideoId>,
}

/// Which page.
#[derive(Deserialize)]
struct Page {
    q: Option<String>,
    cursor: Option<VideoId>,
    limit: Option<usize>,
}

/// A job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
struct JobItem {
    /// Its id.
    #[schema(value_type = String)]
    id: JobId,
    /// `inspect`, `analyse`, `encode`, `audio`, `subtitles`, `thumbnails` or `publish`.
    kind: String,
    /// `queued`, `running`, `done`, `dead` or `cancelled`.
    state: String,
    /// Attempts so far.
    attempts: i32,
    /// 0 to 1.
    progress: f32,
    /// What went wrong last.
    last_error: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// When it was first begun.
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
}

/// All jobs of a video.
#[derive(Serialize, ToSchema)]
struct JobList {
    /// Oldest first.
    items: Vec<JobItem>,
}

impl From<Details> for VideoView {
    fn from(details: Details) -> Self {
        let Details {
            video,
            progress,
            ready_in,
            playable_ms,
            change,
            poster,
            posters,
            notes,
            source,
            chapters,
            renditions,
            cost,
            stored_bytes,
        } = details;
        let note = |note: Note| NoteView { code: note.code, message: note.message };
        Self {
            id: video.id,
            playable: video.is_playable(),
            title: video.title,
            facts: video.facts.into(),
            status: video.status,
            playable_ms,
            progress,
            // No more exact than a guess is.
            ready_in_ms: ready_in.map(|left| left.as_secs().saturating_mul(1000)),
            duration_ms: video.duration_ms,
            failure: video.failure.map(Failure::from),
            change,
            protection: video.protection.map(ProtectionView::from),
            created_at: video.created_at,
            ready_at: video.ready_at,
            owner_id: video.owner,
            poster,
            posters: posters.into_iter().map(PosterView::from).collect(),
            notes: notes.into_iter().map(note).collect(),
            source: source.map(|source| SourceView {
                filename: source.filename,
                size_bytes: source.size_bytes,
                sha256: source.sha256.map(hex::encode),
            }),
            chapters: chapters
                .into_iter()
                .map(|chapter| ChapterView {
                    role: chapter.role().map(ChapterRole::as_str),
                    start_ms: chapter.start_ms,
                    end_ms: chapter.end_ms,
                    title: chapter.title,
                })
                .collect(),
            renditions: renditions
                .into_iter()
                .map(|stored| RenditionView {
                    id: stored.id,
                    codec: stored.codec,
                    size_bytes: stored.size_bytes,
                    bitrate_bps: stored.bitrate_bps,
                    reason: stored.reason,
                })
                .collect(),
            stored_bytes,
            cost: cost.map(CostView::from),
        }
    }
}

impl From<JobView> for JobItem {
    fn from(job: JobView) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            state: job.state,
            attempts: job.tries,
            progress: job.progress,
            last_error: job.last_error,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

/// Make a video
///
/// As JSON, the film follows by tus at `/v1/uploads`. As a form, the film is in the field `file` of the same request.
#[utoipa::path(post, path = "/v1/videos", tag = "videos",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key makes the same video once")),
    request_body(content((NewVideo = "application/json"), (NewVideoForm = "multipart/form-data"))),
    responses((status = 201, body = VideoView), (status = "default", body = problem::Body)))]
async fn create(State(app): State<App>, caller: Caller, key: IdempotencyKey, request: Request) -> Answer<impl IntoResponse> {
    let form = header(request.headers(), "content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
    let id = if form {
        let form = Multipart::from_request(request, &app).await.map_err(|refused| multipart::malformed(&refused.body_text()))?;
        // On its own, so that a client that goes away does not interrupt the bookkeeping.
        app.detached(multipart::receive(app.clone(), caller, key, form)).await?
    } else {
        let new = multipart::small_json::<NewVideo>(request).await?;
        let once = key.once("video", &new)?;
        ops::create(&app, &caller, &new.title, new.facts, new.accept_damaged, new.protection, once.as_ref()).await?.thing()
    };
    let details = ops::details(&app, &caller, app.deps.db.video(id).await?).await?;
    Ok((StatusCode::CREATED, Json(VideoView::from(details))))
}

/// List videos
///
/// Those that are ready, and one's own; publishers see all. Newest first.
#[utoipa::path(get, path = "/v1/videos", tag = "videos",
    params(("q" = Option<String>, Query, description = "Only those that have all of these words, or parts of words, in their title, \
            their genres or the names of their people; 1 to 100 characters"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u32>, Query, description = "Videos on the page, 1 to 200")),
    responses((status = 200, body = VideoPage), (status = "default", body = problem::Body)))]
async fn list(State(app): State<App>, caller: Caller, Asked(page): Asked<Page>) -> Answer<Json<VideoPage>> {
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::bad_request("invalid_query", format!("limit is 1 to {PAGE_MAX}")));
    }
    search::check(page.q.as_deref())?;
    let (videos, next_cursor) = ops::list(&app, &caller, page.q.as_deref(), page.cursor, limit).await?;
    Ok(Json(VideoPage { items: videos.into_iter().map(VideoView::from).collect(), next_cursor }))
}

/// Show a video
#[utoipa::path(get, path = "/v1/videos/{id}", tag = "videos",
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, body = VideoView), (status = "default", body = problem::Body)))]
async fn show(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<Json<VideoView>> {
    let video = ops::find(&app, &caller, id).await?;
    Ok(Json(ops::details(&app, &caller, video).await?.into()))
}

/// Delete a video
#[utoipa::path(delete, path = "/v1/videos/{id}", tag = "videos",
    params(("id" = String, Path, description = "The video")),
    responses((status = 204), (status = "default", body = problem::Body)))]
async fn remove(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<StatusCode> {
    ops::delete(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Follow a video
///
/// Server-sent events: `video` with the same JSON as `GET /v1/videos/{id}`, at once and on each change.
#[utoipa::path(get, path = "/v1/videos/{id}/events", tag = "videos",
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "default", body = problem::Body)))]
async fn follow(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<impl IntoResponse> {
    let video = ops::find(&app, &caller, id).await?;
    Ok(Sse::new(watch::stream(app, caller, &video)?).keep_alive(watch::keep_alive()))
}

/// List the jobs of a video
#[utoipa::path(get, path = "/v1/videos/{id}/jobs", tag = "jobs",
    params(("id" = String, Path, description = "The video")),
    responses((status = 200, body = JobList), (status = "default", body = problem::Body)))]
async fn jobs(State(app): State<App>, caller: Caller, Path(id): Path<VideoId>) -> Answer<Json<JobList>> {
    let video = ops::find_to_edit(&app, &caller, id).await?;
    let items = app.deps.db.list_jobs(video.id).await?.into_iter().map(JobItem::from).collect();
    Ok(Json(JobList { items }))
}

/// Retry a job that gave up
#[utoipa::path(post, path = "/v1/jobs/{id}/retry", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 202), (status = "default", body = problem::Body)))]
async fn retry(State(app): State<App>, caller: Caller, Path(job): Path<JobId>) -> Answer<StatusCode> {
    ops::retry(&app, &caller, job).await?;
    Ok(StatusCode::ACCEPTED)
}
