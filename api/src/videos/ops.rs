//! What happens to videos.

use super::{change::ChangeView, facts::FactsEdit, protection::ProtectionView};
use crate::{app::App, auth::Caller, posters};
use marquee_backends::db::{
    encodes::Progress,
    facts::Facts,
    idempotency::{Made, Once},
    ledger::RenditionReport,
    thumbnails::State,
    uploads::Source,
    videos::{NewVideo, Video},
};
use marquee_core::{
    Error, ErrorKind, Result, Role,
    cost::Cost,
    id::{EncodeId, JobId, VideoId},
    source::{Chapter, Note},
    video::Status,
};
use std::{collections::HashMap, time::Duration};
use url::Url;

/// Longest title.
pub(crate) const TITLE_LENGTH_MAX: usize = 500;

/// A video with what is known of its encode.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Details {
    /// The video.
    pub(crate) video: Video,
    /// How far its encode is, 0 to 1.
    pub(crate) progress: f32,
    /// How long it will take until it is ready, once that can be told.
    pub(crate) ready_in: Option<Duration>,
    /// What is about to take the place of what it shows.
    pub(super) change: Option<ChangeView>,
    /// How much of it can be played now, in milliseconds from its beginning; not known in lists.
    pub(crate) playable_ms: Option<u64>,
    /// Where the picture is that stands for it, if there is one.
    pub(crate) poster: Option<Url>,
    /// What there is to choose from for that; not known in lists.
    pub(crate) posters: Vec<posters::ops::Offer>,
    /// What was decided, left out or repaired.
    pub(crate) notes: Vec<Note>,
    /// What was uploaded, once it is whole.
    pub(crate) source: Option<Source>,
    /// Its chapters, in order.
    pub(crate) chapters: Vec<Chapter>,
    /// What is stored of it, once it is published.
    pub(crate) renditions: Vec<RenditionReport>,
    /// What it took of the processors, once it is published.
    pub(crate) cost: Option<Cost>,
    /// Bytes of all that is stored of it, its source not among them; once it is published.
    pub(crate) stored_bytes: Option<u64>,
}

/// Makes a video that waits for its source. If `accept_damaged`, what is readable of that is enough. Its encodes are protected as
/// `protection` says, or, if that says nothing, as those of all new videos.
pub(super) async fn create(
    app: &App,
    caller: &Caller,
    title: &str,
    facts: FactsEdit,
    accept_damaged: bool,
    protection: Option<ProtectionView>,
    once: Option<&Once>,
) -> Result<Made<VideoId>> {
    caller.require(Role::Editor)?;
    let protection = protection.or(app.deps.protection.map(ProtectionView::from));
    let protection = protection.map(|wanted| wanted.choice(app)).transpose()?.flatten();
    let new = NewVideo {
        id: VideoId::new(app.deps.clock.as_ref(), app.deps.random.as_ref()),
        owner: caller.user,
        title: crate::users::ops::check_name(title, TITLE_LENGTH_MAX)?.to_owned(),
        facts: facts.apply(Facts::default())?,
        accept_damaged,
        protection,
    };
    app.deps.db.create_video(&new, once).await
}

/// A video that the caller may know of.
pub(crate) async fn find(app: &App, caller: &Caller, id: VideoId) -> Result<Video> {
    let video = app.deps.db.video(id).await?;
    caller.sees(&video)?;
    Ok(video)
}

/// A video that the caller may change.
pub(crate) async fn find_to_edit(app: &App, caller: &Caller, id: VideoId) -> Result<Video> {
    let video = app.deps.db.video(id).await?;
    caller.edits(&video)?;
    Ok(video)
}

/// A page of the videos that the caller may know of, newest first, and where the next page begins: of those with all words of `search`,
/// if there is one.
pub(crate) async fn list(
    app: &App,
    caller: &Caller,
    search: Option<&str>,
    before: Option<VideoId>,
    limit: usize,
) -> Result<(Vec<Details>, Option<VideoId>)> {
    // One more than asked for tells whether there is a next page.
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let scope = caller.scope();
    let words: Vec<String> = search.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    let words = words.as_slice();
    let mut videos = app.browse(caller, |db| async move { db.list_videos(scope, words, before, wanted).await }).await?;
    let more = videos.len() > limit;
    videos.truncate(limit);
    let next = videos.last().filter(|_| more).map(|video| video.id);
    let encodes: Vec<_> = videos.iter().flat_map(encodes).collect();
    let progress = app.deps.db.progress(&encodes).await?;
    let mut posters = posters::ops::of_all(app, &videos).await?;
    let details = videos.into_iter().map(|video| {
        let poster = posters.remove(&video.id);
        Details { poster, ..Details::of(caller, video, &progress) }
    });
    Ok((details.collect(), next))
}

/// A video with what is known of its encode.
pub(crate) async fn details(app: &App, caller: &Caller, video: Video) -> Result<Details> {
    let progress = app.deps.db.progress(&encodes(&video).collect::<Vec<_>>()).await?;
    let mut details = Details::of(caller, video, &progress);
    details.source = app.deps.db.source(details.video.id).await?;
    let Some(encode) = details.video.encode else { return Ok(details) };
    let encode = match app.deps.db.encode(encode).await {
        Ok(encode) => encode,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(details),
        Err(error) => return Err(error),
    };
    details.playable_ms = match details.video.status {
        _ if !details.video.is_playable() => None,
        Status::Encoding => Some(encode.plan.timeline.ticks_to_ms(app.deps.db.playable_ticks(encode.id).await?)),
        _ => details.video.duration_ms,
    };
    details.chapters = encode.source.chapters;
    let thumbnails = app.deps.db.thumbnails(encode.id).await?;
    match encode.report {
        Some(report) => {
            let (cpu_ms, bytes) = match &thumbnails {
                State::Stored(made, _) => (made.cpu_ms, made.size_bytes()),
                _ => (0, 0),
            };
            details.cost = Some(Cost { thumbnails_cpu_ms: cpu_ms, ..report.cost });
            details.stored_bytes = Some(report.renditions.iter().map(|stored| stored.size_bytes).sum::<u64>() + bytes);
            (details.notes, details.renditions) = (report.notes, report.renditions);
        }
        None => details.notes = encode.plan.notes,
    }
    details.posters = posters::ops::offers(app, encode.video, encode.id, &thumbnails)?;
    details.poster = details.posters.iter().find(|offer| offer.chosen).map(|offer| offer.url.clone());
    if thumbnails == State::GaveUp {
        let message = "no posters and no preview pictures could be made. Their job can be retried";
        details.notes.push(Note::new("thumbnails_missing", message));
    }
    Ok(details)
}

impl Details {
    /// What lists tell of a video.
    fn of(caller: &Caller, video: Video, progress: &HashMap<EncodeId, Progress>) -> Self {
        let encoded = video.encode.and_then(|encode| progress.get(&encode)).copied();
        let changed = video.change.as_ref().and_then(|change| change.encode).and_then(|encode| progress.get(&encode)).copied();
        Self {
            change: ChangeView::of(caller, &video, changed),
            progress: progress_of(video.status, encoded.map(|encoded| encoded.done)),
            ready_in: encoded.filter(|_| video.status == Status::Encoding).and_then(|encoded| encoded.left()),
            playable_ms: None,
            poster: None,
            posters: Vec::new(),
            notes: Vec::new(),
            source: None,
            chapters: Vec::new(),
            renditions: Vec::new(),
            cost: None,
            stored_bytes: None,
            video,
        }
    }
}

/// What it shows, and what it will.
fn encodes(video: &Video) -> impl Iterator<Item = EncodeId> + use<> {
    video.encode.into_iter().chain(video.change.as_ref().and_then(|change| change.encode))
}

/// Deletes a video for everybody; its bytes go in the background.
pub(crate) async fn delete(app: &App, caller: &Caller, id: VideoId) -> Result<()> {
    let video = find_to_edit(app, caller, id).await?;
    app.deps.db.delete_video(video.id).await?;
    tracing::info!(video.id = %id, by = %caller.user, "video deleted");
    Ok(())
}

/// Retries a job that gave up.
pub(crate) async fn retry(app: &App, caller: &Caller, job: JobId) -> Result<()> {
    let video = app.deps.db.video(app.deps.db.video_of_job(job).await?).await;
    let video = video.map_err(|error| if error.kind() == ErrorKind::NotFound { Error::not_found("job") } else { error })?;
    if caller.sees(&video).is_err() {
        return Err(Error::not_found("job"));
    }
    caller.edits(&video)?;
    app.deps.db.retry_job(job).await?;
    tracing::info!(job.id = %job, by = %caller.user, "job retried");
    Ok(())
}

/// From 0 to 1, and 1 only for a video that is ready.
pub(super) fn progress_of(status: Status, encoded: Option<f32>) -> f32 {
    match status {
        Status::Ready => 1.0,
        _ => encoded.unwrap_or(0.0).clamp(0.0, 0.99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ready_video_is_at_one() {
        assert_eq!(progress_of(Status::Ready, None), 1.0);
        assert_eq!(progress_of(Status::Publishing, Some(1.0)), 0.99);
        assert_eq!(progress_of(Status::Encoding, Some(0.5)), 0.5);
        assert_eq!(progress_of(Status::Created, None), 0.0);
    }
}
