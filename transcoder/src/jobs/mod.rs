//! What a worker does for each kind of job: a child does the media work, the handler stores what it hands back and commits it, the
//! last of it together with the job's completion.

pub(crate) mod analyse;
mod anew;
mod compare;
mod encode;
mod hash;
pub(crate) mod inspect;
mod keys;
mod package;
pub(crate) mod piece;
pub(crate) mod publish;
pub(crate) mod shelf;
pub(crate) mod sidecar;
pub(crate) mod source;
#[cfg(test)]
mod tests;
pub(crate) mod thumbnails;
mod twin;

use crate::{
    child::{CRASHED, Host, STUCK},
    recipe,
};
use async_trait::async_trait;
use futures::FutureExt;
use marquee_backends::{
    db::{
        Db,
        encodes::Encode,
        jobs::{Claim, NewJob},
    },
    dispatch::{Handler, Work},
    key_server::KeyServer,
};
use marquee_core::{
    Clock, Error, ErrorKind, Random, Result,
    blobs::Blobs,
    id::{EncodeId, JobId, UploadId, VideoId},
    job::{Class, Failure, Job},
    object::{Key, Layout},
    plan::{Ladder, PLAN_VERSION, Plan, Recipe},
    presentation::Steering,
};
use piece::Piece;
use source::StoredSource;
use std::sync::Arc;

/// What job handlers need.
pub struct Deps {
    /// Videos, encodes, the ledger, jobs.
    pub db: Db,
    /// Sources and segments.
    pub blobs: Arc<dyn Blobs>,
    /// Starts the children that touch media.
    pub host: Host,
    /// Name of the recipe that new titles are encoded by.
    pub recipe: String,
    /// How their rungs are chosen.
    pub ladder: Ladder,
    /// Makes and opens the keys of protected titles.
    pub key_server: Arc<KeyServer>,
    /// Who steers the players of titles; `None` if nobody does.
    pub steering: Option<Steering>,
    /// Bytes that are read of each end of a source that lists nothing of what it holds, before its first chunks are made.
    pub ends_bytes: u64,
    /// For ids.
    pub clock: Arc<dyn Clock>,
    /// For ids.
    pub random: Arc<dyn Random>,
}

/// The handler of every kind of job.
///
/// # Errors
/// `Invalid` if there is no such recipe.
pub fn handler(deps: Deps) -> Result<Arc<dyn Handler>> {
    let recipe = recipe::load(&deps.recipe, None)?.with_ladder(deps.ladder);
    Ok(Arc::new(Jobs { deps, recipe }))
}

struct Jobs {
    deps: Deps,
    recipe: Recipe,
}

#[async_trait]
impl Handler for Jobs {
    async fn run(&self, claim: &Claim, work: &Work) -> Result<(), Failure> {
        // Boxed one by one: each is large, and together they are more than the compiler can prove to be `Send`.
        let run = match claim.job.clone() {
            Job::Inspect { upload, order, .. } => self.inspect(claim, work, upload, order).boxed(),
            Job::Analyse { encode } => self.analyse(claim, work, encode).boxed(),
            Job::Encode { encode, chunk, rungs } => self.encode(claim, work, encode, Piece::Picture { chunk, rungs }).boxed(),
            Job::Audio { encode, stream } => self.encode(claim, work, encode, Piece::Sound { stream }).boxed(),
            Job::Subtitles { encode, file } => {
                let piece = file.map_or(Piece::Text, |file| Piece::File { file });
                self.encode(claim, work, encode, piece).boxed()
            }
            Job::Thumbnails { encode } => self.thumbnails(claim, work, encode).boxed(),
            Job::Publish { encode } => self.publish(claim, work, encode).boxed(),
        };
        run.await.map_err(|failure| if claim.attempt > 1 { blamed(failure) } else { failure })
    }
}

/// What crashes a child or keeps it busy for ever once more is the film: no attempt after that would go better.
fn blamed(failure: Failure) -> Failure {
    let Failure::Retry(error) = &failure else { return failure };
    let message = match error.code() {
        CRASHED => "what reads the film crashes on it. It is damaged, or unlike any other: export it again",
        STUCK => "what reads the film does not come to an end with it. It is damaged, or too much work: export it again",
        _ => return failure,
    };
    tracing::warn!(error = error.detail(), "a film is given up");
    Failure::Fail { code: error.code().into(), message: message.into() }
}

impl Jobs {
    fn job_id(&self) -> JobId {
        JobId::new(self.deps.clock.as_ref(), self.deps.random.as_ref())
    }

    /// Jobs that do `pieces` of the encode with that id and `plan`, because of a job of `class`.
    fn jobs(&self, encode: EncodeId, plan: &Plan, pieces: &[Piece], class: Class) -> Vec<NewJob> {
        let new = |piece: &Piece| NewJob {
            id: self.job_id(),
            job: piece.job(encode),
            class: led_by(class, piece.class(plan)),
            weight: piece.weight(plan) as f32,
        };
        pieces.iter().map(new).collect()
    }

    /// The source of an encode, for its children.
    async fn source(&self, encode: &Encode) -> Result<Arc<StoredSource>> {
        self.uploaded(encode.video, encode.upload, encode.source.size_bytes).await
    }

    /// The source of `video` that came as `upload`, for a child.
    async fn uploaded(&self, video: VideoId, upload: UploadId, size_bytes: u64) -> Result<Arc<StoredSource>> {
        let sums = self.deps.db.source_sums(upload).await?;
        Ok(Arc::new(StoredSource::new(self.deps.blobs.clone(), Key::source(video, upload), size_bytes, sums)))
    }
}

/// The class of a job that is otherwise of the class `usual`, because of one of `class`: what is a backlog leads to no more.
fn led_by(class: Class, usual: Class) -> Class {
    if class == Class::Bulk { class } else { usual }
}

/// The folder of an encode, if this version understands its plan.
fn layout(encode: &Encode) -> Result<Layout> {
    if (1..=PLAN_VERSION).contains(&encode.plan.version) {
        Ok(Layout::new(encode.video, encode.id))
    } else {
        Err(Error::conflict(
            "other_plan_version",
            "the plan was made by a later version: update this worker, or encode the video anew",
        ))
    }
}

/// Why nothing came of work that nobody waits for any more.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "cancelled", "the work was cancelled")
}

/// Whether a commit was accepted. It is not once another worker has the job: then nothing of this attempt counts.
fn committed(accepted: bool) -> Result<()> {
    if accepted { Ok(()) } else { Err(Error::conflict("lease_lost", "another worker has taken over this job")) }
}
