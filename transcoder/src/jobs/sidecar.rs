//! Subtitles that came beside the film: which of them a plan has, and their segments, which need no child: what was made of such a file
//! when it came is ours.

use super::Jobs;
use crate::child::{Output, Report, Sink};
use bytes::Bytes;
use marquee_backends::db::encodes::Encode;
use marquee_core::{
    Error, Result,
    id::{SubtitleId, VideoId},
    object::Track,
    plan::{Plan, SubtitleFile},
    source::Note,
};
use marquee_packager::webvtt::{self, Cue};

impl Jobs {
    /// The same plan of the film of `video`, with the subtitles that came beside it.
    pub(super) async fn with_subtitle_files(&self, video: VideoId, plan: Plan) -> Result<Plan> {
        let files: Vec<SubtitleFile> = self.deps.db.subtitles(video).await?.into_iter().map(|subtitle| subtitle.file).collect();
        Ok(plan.with_subtitle_files(&files))
    }

    /// Hands the segments of `file` to `sink`.
    pub(super) async fn cut_file(&self, encode: &Encode, file: SubtitleId, sink: &mut impl Sink) -> Result<Report> {
        cut(&encode.plan, file, &self.deps.db.subtitle_text(file).await?, sink).await
    }
}

/// Hands the segments of `file`, which says `text`, to `sink`.
pub(crate) async fn cut(plan: &Plan, file: SubtitleId, text: &str, sink: &mut impl Sink) -> Result<Report> {
    let rendition = plan.subtitles.iter().find(|rendition| rendition.file() == Some(file));
    let rendition = rendition.ok_or_else(|| Error::internal(format!("the plan has no subtitles {file}")))?;
    let said = webvtt::read(text.as_bytes()).map_err(Error::internal)?.cues;
    let count = said.len();
    let cues = within(said, plan.duration_ms());
    let described = webvtt::describe(rendition, plan);
    sink.accept(Output::Init { track: Track::Text, rendition: described, bytes: Bytes::new() }).await?;
    let mut segments = webvtt::cut(&cues, plan);
    for (segment, bytes) in segments.by_ref() {
        let (track, rendition, judged) = (Track::Text, rendition.id.clone(), Vec::new());
        sink.accept(Output::Segment { track, rendition, segment, bytes, judged }).await?;
    }
    let (late, name) = (count - cues.len(), &rendition.name);
    let mut notes = Vec::new();
    if late > 0 {
        notes.push(Note::new("subtitle_late", format!("subtitles {name:?}: {late} cues come after the end of the film")));
    }
    if segments.is_full() {
        let message = format!("subtitles {name:?} say more than any film does: what is too much is left out");
        notes.push(Note::new("subtitle_cut", message));
    }
    Ok(Report { frames: cues.len() as u64, notes, ..Report::default() })
}

/// What is said in a film of that length.
fn within(cues: Vec<Cue>, duration_ms: u64) -> Vec<Cue> {
    let ends = |cue: Cue| Cue { end_ms: cue.end_ms.min(duration_ms), ..cue };
    cues.into_iter().map(ends).filter(|cue| cue.start_ms < cue.end_ms).collect()
}
