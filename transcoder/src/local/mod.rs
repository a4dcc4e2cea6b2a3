//! `marquee encode`: the plan, its pieces and the publishing of a film in a folder of this machine, without any service.

mod file;
mod folder;
mod keys;
mod subtitles;
mod summary;

pub use summary::Summary;

use crate::{
    child::{Host, Output, Sink, SourceReader, Task},
    jobs::{
        analyse::{decide, is_of_the_moment},
        cancelled,
        inspect::Found,
        piece::{Piece, pieces, refuse_damage},
        publish::Shown,
        shelf::{Shelf, ShelfSink},
        sidecar,
        thumbnails::Pictured,
    },
    recipe,
};
use async_trait::async_trait;
use file::FileSource;
use folder::{Folder, check_free};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use keys::KeysFile;
use marquee_backends::{
    blobs::FileBlobs,
    db::ledger::{Batch, Ledger},
};
use marquee_core::{
    Error, ErrorKind, OsRandom, Result,
    id::{EncodeId, SubtitleId, VideoId},
    job::Failure,
    object::Layout,
    object::Track,
    plan::{Ladder, Plan, Scope},
    protection::{Choice, ContentKeys, Protected, System},
    source::Source,
    thumbnails::Thumbnails,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// Share of the whole progress that encoding makes up; the rest is thumbnails, checking and writing playlists.
const ENCODED: f32 = 0.97;
const PICTURED: f32 = 0.98;

/// Processors that one child keeps busy, with decoding and the largest rung.
const PROCESSORS_PER_CHILD: usize = 2;

/// What the caller chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of the recipe.
    pub recipe: String,
    /// How the rungs are chosen.
    pub ladder: Ladder,
    /// x264 preset in place of the recipe's.
    pub preset: Option<String>,
    /// Processors to use; all of the machine's where none is given.
    pub threads: Option<u16>,
    /// How much of what is made is judged, in place of the recipe's choice.
    pub quality: Option<Scope>,
    /// Make a title of what is readable of a damaged film, however much is missing.
    pub accept_damaged: bool,
    /// Files of subtitles beside the film, and their languages.
    pub subtitles: Vec<(PathBuf, String)>,
    /// How the title is protected, and the file that its keys are written to, as a CPIX document; `None` leaves it in the clear.
    pub protection: Option<(Choice, PathBuf)>,
    /// Make the plan and nothing else.
    pub plan_only: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What would be done, where only that was asked for.
    Planned(Box<Plan>),
    /// What was done.
    Encoded(Box<Summary>),
}

/// Encodes the film `input` into the folder `out`, which must be empty or absent. `progress` is told the share that is done, 0 to 1.
/// Unless it succeeds, `out` stays as it was.
///
/// # Errors
/// `Fail` if the input cannot become a title, `Retry` for everything else: options, permissions, a full disk, `cancel`.
pub async fn encode(
    host: Host,
    input: &Path,
    out: &Path,
    options: Options,
    progress: impl Fn(f32) + Send + Sync,
    cancel: CancellationToken,
) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let recipe = recipe::load(&options.recipe, options.preset.as_deref())?.with_ladder(options.ladder);
    let recipe = match options.quality {
        Some(scope) => recipe.with_scope(scope),
        None => recipe,
    };
    let given = subtitles::read(&options.subtitles)?;
    let reader = Arc::new(FileSource::open(input)?);
    if !options.plan_only {
        check_free(out)?;
    }
    let protection = options.protection.as_ref().filter(|_| !options.plan_only);
    let keys_file = protection.map(|(_, path)| KeysFile::begin(path)).transpose()?;
    let mut found = Found::default();
    let inspect = Task::Inspect { ends_bytes: None };
    let inspected = host.run(&inspect, reader.clone(), &mut found, cancel.clone()).await?;
    let mut source = found.whole_source(reader.size_bytes(), options.accept_damaged)?;
    let processors = options.threads.map_or_else(|| thread::available_parallelism().map_or(1, usize::from), usize::from);
    let workers = u32::try_from(processors / PROCESSORS_PER_CHILD).unwrap_or(u32::MAX).max(1);
    let plan = Plan { accept_damaged: options.accept_damaged, ..Plan::new(&source, &recipe).for_workers(&source, workers) };
    source.video.keyframes.clear();
    let mut plan = plan.with_subtitle_files(&given.files);
    plan.notes.extend(given.notes);
    let plan = decide(&host, &source, plan, reader.clone(), true, cancel.clone()).await?;
    if options.plan_only {
        return Ok(Outcome::Planned(Box::new(plan)));
    }
    let (plan, keys) = options.protection.as_ref().map_or((plan.clone(), None), |(choice, _)| protected(plan, *choice));
    let folder = Folder::begin(out)?;
    let ended = async {
        let run = Run {
            host,
            reader,
            blobs: Arc::new(FileBlobs::open(folder.work()).await?),
            layout: Layout::new(VideoId(Default::default()), EncodeId(Default::default())),
            source,
            plan,
            keys,
            subtitles: given.texts,
            cancel,
            started,
            first_segment: OnceLock::new(),
            done: Mutex::default(),
            progress,
        };
        // One more where there is room for it: sound is little work.
        let ledger = run.encode(processors / PROCESSORS_PER_CHILD + 1).await?;
        let thumbnails = run.thumbnails().await?;
        let shown = Shown {
            blobs: run.blobs.clone(),
            layout: run.layout,
            plan: &run.plan,
            source: &run.source,
            thumbnails: thumbnails.as_ref(),
        };
        let told = |done: f32| (run.progress)(1.0 - (1.0 - PICTURED) * (1.0 - done));
        let mut report = run.cancel.run_until_cancelled(shown.publish(&ledger, &told)).await.ok_or_else(cancelled)??;
        report.cost.inspect_cpu_ms = inspected.cpu_ms;
        if let (Some(file), Some(protected), Some(keys)) = (keys_file, &run.plan.protected, &run.keys) {
            file.write(protected, keys, run.plan.last_segment())?;
        }
        folder.deliver(&folder.work().join("media").join(run.layout.scope())).await?;
        let first_segment = run.first_segment.get().copied();
        let summary = Summary::new(&run.plan, &run.source, report, thumbnails, started.elapsed(), first_segment);
        Ok(Outcome::Encoded(Box::new(summary)))
    };
    let ended = ended.await;
    folder.clear().await;
    ended
}

/// One run over a film.
struct Run<F> {
    host: Host,
    reader: Arc<FileSource>,
    blobs: Arc<FileBlobs>,
    layout: Layout,
    source: Source,
    plan: Plan,
    /// What it is protected with.
    keys: Option<ContentKeys>,
    /// What files beside the film say.
    subtitles: Vec<(SubtitleId, String)>,
    cancel: CancellationToken,
    started: Instant,
    first_segment: OnceLock<Duration>,
    /// Work done of each piece, as [`weight`] measures it.
    done: Mutex<Vec<f64>>,
    progress: F,
}

impl<F: Fn(f32) + Send + Sync> Run<F> {
    /// Does all pieces, at most `children` at a time.
    async fn encode(&self, children: usize) -> Result<Ledger, Failure> {
        let pieces = pieces(&self.plan);
        *self.done() = vec![0.0; pieces.len()];
        let total: f64 = pieces.iter().map(|piece| piece.weight(&self.plan)).sum();
        let work = pieces.iter().enumerate().map(|(index, piece)| self.encode_piece(index, piece, total).boxed());
        let mut batches = stream::iter(work).buffer_unordered(children);
        let mut ledger = Ledger::default();
        while let Some(batch) = batches.try_next().await? {
            ledger.add(batch);
            // A film that is damaged throughout is refused before hours of work.
            refuse_damage(&self.source, &self.plan, ledger.report(&self.plan).damaged)?;
        }
        Ok(ledger)
    }

    async fn encode_piece(&self, index: usize, piece: &Piece, total: f64) -> Result<Batch, Failure> {
        let weight = piece.weight(&self.plan);
        let progress = |done: f32| {
            let sum = {
                let mut all = self.done();
                all[index] = f64::from(done) * weight;
                all.iter().sum::<f64>()
            };
            (self.progress)((sum / total) as f32 * ENCODED);
        };
        let shelf = Shelf::new(self.blobs.clone(), self.layout, &self.plan, piece, self.keys.clone())?;
        let mut sink =
            Stopwatch { inner: ShelfSink { shelf, progress }, started: self.started, first_segment: &self.first_segment };
        let report = match (piece, piece.task(&self.source, &self.plan)) {
            (Piece::File { file }, _) => {
                let text = self.subtitles.iter().find(|(known, _)| known == file).map(|(_, text)| text.as_str());
                sidecar::cut(&self.plan, *file, text.unwrap_or_default(), &mut sink).await?
            }
            (_, Some(task)) => self.host.run(&task, self.reader.clone(), &mut sink, self.cancel.clone()).await?,
            (piece, None) => return Err(Error::internal(format!("nobody makes {piece:?}")).into()),
        };
        (sink.inner.progress)(1.0);
        let mut batch = sink.inner.shelf.settle().await?;
        batch.finished = piece.finished(&self.plan, &report);
        Ok(batch)
    }

    /// Makes posters and tiles. A film of which there are none is a title all the same.
    async fn thumbnails(&self) -> Result<Option<Thumbnails>> {
        let pictured =
            Pictured { host: &self.host, blobs: &*self.blobs, layout: self.layout, source: &self.source, plan: &self.plan };
        let progress = |done: f32| (self.progress)(ENCODED + (PICTURED - ENCODED) * done);
        match pictured.make(self.reader.clone(), progress, self.cancel.clone()).await {
            Ok(made) => Ok(Some(made)),
            Err(Failure::Retry(error)) if is_of_the_moment(error.kind()) => Err(error),
            Err(failure) => {
                tracing::warn!("the title has no thumbnails: {failure:?}");
                Ok(None)
            }
        }
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Vec<f64>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes when the first picture is there.
struct Stopwatch<'a, F> {
    inner: ShelfSink<F>,
    started: Instant,
    first_segment: &'a OnceLock<Duration>,
}

#[async_trait]
impl<F: Fn(f32) + Send> Sink for Stopwatch<'_, F> {
    async fn accept(&mut self, output: Output) -> Result<()> {
        let is_picture = matches!(output, Output::Segment { track: Track::Video, .. });
        self.inner.accept(output).await?;
        if is_picture {
            self.first_segment.get_or_init(|| self.started.elapsed());
        }
        Ok(())
    }
}

/// The same plan with new keys. Who plays it is not known here: players are given the licences by hand.
fn protected(plan: Plan, choice: Choice) -> (Plan, Option<ContentKeys>) {
    let systems = vec![System::ClearKey { key_url: None }];
    let (protected, keys) = Protected::generate(choice, systems, &OsRandom);
    (Plan { protected: Some(protected), ..plan }, Some(keys))
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Invalid, "unusable_path", format!("{} cannot be used: {error}", path.display())).caused_by(error)
}
