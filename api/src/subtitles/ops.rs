//! What happens to subtitles: files are read when they come, and what they say is kept; the next encode of their video has them, which
//! is ordered at once where nothing else is on its way.

use crate::{
    app::App,
    auth::Caller,
    extract::IdempotencyKey,
    problem::{Answer, Problem},
    users::ops::check_name,
    videos,
};
use bytes::Bytes;
use marquee_backends::db::subtitles::{NewSubtitle, Subtitle};
use marquee_core::{
    Error, ErrorKind, Result,
    id::{EncodeId, JobId, SubtitleId, VideoId},
    language,
    plan::{SubtitleFile, SubtitleRendition},
    source::Note,
};
use marquee_packager::{
    sidecar::{self, Sidecar},
    webvtt,
};
use sha2::{Digest, Sha256};

/// Longest name.
const NAME_LENGTH_MAX: usize = 100;

/// What a client says of a file.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) language: String,
    pub(super) name: Option<String>,
    pub(super) forced: bool,
    pub(super) hearing_impaired: bool,
}

/// A file, and whether what viewers see has it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) subtitle: Subtitle,
    pub(super) is_shown: bool,
}

/// Keeps a file of subtitles for a video.
pub(super) async fn add(
    app: &App,
    caller: &Caller,
    video: VideoId,
    key: IdempotencyKey,
    said: Said,
    bytes: Bytes,
) -> Answer<SubtitleId> {
    let video = videos::ops::find_to_edit(app, caller, video).await?;
    let file = described(app, said)?;
    let sum = hex::encode(Sha256::digest(&bytes));
    let request = (video.id, &file.language, &file.name, file.forced, file.hearing_impaired, sum);
    let once = key.once("subtitles", &request)?;
    let read = tokio::task::spawn_blocking(move || sidecar::read(&bytes).map(|read| (webvtt::segment(&read.cues), read)));
    let (text, read) = read.await.map_err(Error::internal)?.map_err(Problem::from)?;
    let Sidecar { format, cues, mut notes } = read;
    let late = video.duration_ms.map_or(0, |end_ms| cues.iter().filter(|cue| cue.start_ms >= end_ms).count());
    if late == cues.len() {
        return Err(Problem::unprocessable("subtitle_late", "the film is over before the first words of this file"));
    }
    if late > 0 {
        notes.push(Note::new("subtitle_late", format!("cues that come after the end of the film: {late}")));
    }
    let cues = u32::try_from(cues.len()).map_err(Error::internal)?;
    let new = NewSubtitle { file, format: format.to_string(), cues, notes, text, by: caller.user };
    let id = app.deps.db.add_subtitle(video.id, &new, once.as_ref()).await?.thing();
    tracing::info!(video.id = %video.id, subtitle.id = %id, by = %caller.user, "subtitles added");
    order(app, video.id).await;
    Ok(id)
}

/// Removes a file of subtitles from a video.
pub(super) async fn remove(app: &App, caller: &Caller, video: VideoId, subtitle: SubtitleId) -> Result<()> {
    let video = videos::ops::find_to_edit(app, caller, video).await?;
    app.deps.db.remove_subtitle(video.id, subtitle).await?;
    tracing::info!(video.id = %video.id, subtitle.id = %subtitle, by = %caller.user, "subtitles removed");
    order(app, video.id).await;
    Ok(())
}

/// The files of a video.
pub(super) async fn list(app: &App, caller: &Caller, video: VideoId) -> Result<Vec<Listed>> {
    let video = videos::ops::find(app, caller, video).await?;
    let shown = match video.encode {
        Some(encode) => match app.deps.db.encode(encode).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            encode => encode?.plan.subtitles,
        },
        None => Vec::new(),
    };
    let shown: Vec<_> = shown.iter().filter_map(SubtitleRendition::file).collect();
    let subtitles = app.deps.db.subtitles(video.id).await?.into_iter();
    Ok(subtitles.map(|subtitle| Listed { is_shown: shown.contains(&subtitle.file.id), subtitle }).collect())
}

/// Orders an encode with the subtitles that a video should have, if nothing else is on its way. If that fails now it is done later, see
/// [`super::follow`].
pub(super) async fn order(app: &App, video: VideoId) {
    let (clock, random) = (app.deps.clock.as_ref(), app.deps.random.as_ref());
    let (encode, job) = (EncodeId::new(clock, random), JobId::new(clock, random));
    match app.deps.db.order_due_subtitles(video, encode, job).await {
        Ok(true) => tracing::info!(video.id = %video, encode.id = %encode, "an encode with other subtitles ordered"),
        Ok(false) => {}
        Err(error) => tracing::warn!(video.id = %video, error = error.detail(), "could not order subtitles yet"),
    }
}

fn described(app: &App, said: Said) -> Answer<SubtitleFile> {
    let tag = language::tag(said.language.trim()).filter(|tag| tag != language::UNKNOWN);
    let language = tag.ok_or_else(|| {
        let message = "there is no such language: give a BCP 47 tag such as en, pt-BR or zh-Hant";
        Problem::unprocessable("unknown_language", message)
    })?;
    let name = said.name.filter(|name| !name.trim().is_empty());
    let name = name.map(|name| check_name(&name, NAME_LENGTH_MAX).map(str::to_owned)).transpose()?;
    let id = SubtitleId::new(app.deps.clock.as_ref(), app.deps.random.as_ref());
    Ok(SubtitleFile { id, language, name, forced: said.forced, hearing_impaired: said.hearing_impaired })
}
