//! Runs real children on real files, and keeps what they hand over in a folder.

use bytes::Bytes;
use marquee_core::{
    Result,
    fingerprint::Fingerprints,
    job::Failure,
    object::{self, Track},
    plan::{Ladder, Measure, Plan, Recipe, Scope},
    quality::Judged,
    source::{Note, Source},
};
use marquee_packager::model;
use marquee_transcoder::child::{Host, Image, Output, Report, Sink, SourceReader, Task};
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// A host whose children are this very test program.
pub(crate) fn host() -> Host {
    Host::new(std::env::current_exe().expect("the test program knows where it is"))
}

/// Lets a child of `host` do `task` on the bytes of `file`.
pub(crate) fn run(host: &Host, task: &Task, file: &Path, sink: &mut dyn Sink) -> Result<Report, Failure> {
    let bytes = Bytes::from(fs::read(file).expect("the file can be read"));
    run_on(host, task, Arc::new(bytes), sink, CancellationToken::new())
}

/// Lets a child of `host` do `task` on `source`.
pub(crate) fn run_on(
    host: &Host,
    task: &Task,
    source: Arc<dyn SourceReader>,
    sink: &mut dyn Sink,
    cancel: CancellationToken,
) -> Result<Report, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(host.run(task, source, sink, cancel))
}

/// Inspects `file`, and refuses it where a worker would.
pub(crate) fn inspect(file: &Path) -> Result<Source, Failure> {
    let mut folder = Folder::default();
    run(&host(), &Task::Inspect { ends_bytes: None }, file, &mut folder)?;
    let source = folder.source.expect("an inspection that succeeds finds a source");
    let refused = |error: marquee_core::Error| Failure::Fail { code: error.code().into(), message: error.message().into() };
    source.check_whole().map_err(refused)?;
    Ok(source)
}

/// The recipe that Marquee ships, with its fixed ladder. Nothing is judged, so nothing is made twice: pictures here are small and odd.
pub(crate) fn recipe() -> Recipe {
    let text = include_str!("../../recipes/standard.toml");
    toml::from_str::<Recipe>(text).expect("the recipe is valid").with_ladder(Ladder::Fixed).with_scope(Scope::Off)
}

/// Everything that a title's tasks handed over.
pub(crate) struct Title {
    pub source: Source,
    pub plan: Plan,
    pub tracks: Vec<model::Track>,
    pub reports: Vec<Report>,
    pub folder: PathBuf,
    /// Pictures that were judged, by rung.
    pub judged: BTreeMap<String, Vec<Judged>>,
}

impl Title {
    /// What was noted about the film, at inspection, planning and encoding.
    pub(crate) fn notes(&self) -> impl Iterator<Item = &Note> {
        self.plan.notes.iter().chain(self.reports.iter().flat_map(|report| &report.notes))
    }

    /// Frames that were damaged or missing.
    pub(crate) fn damaged(&self) -> u64 {
        self.reports.iter().map(|report| report.damaged).sum()
    }

    /// The whole of one rendition as one file.
    pub(crate) fn rendition(&self, track: &model::Track) -> PathBuf {
        self.folder.join(format!("{}.mp4", track.rendition.id))
    }
}

/// Inspects, plans and encodes all of `file`, chunk by chunk, into `folder`.
pub(crate) fn encode(file: &Path, folder: &Path) -> Result<Title, Failure> {
    let source = inspect(file)?;
    let plan = Plan::new(&source, &recipe());
    encode_plan(&host(), file, folder, source, plan)
}

/// Lets children of `host` encode `file` by a given plan.
pub(crate) fn encode_plan(host: &Host, file: &Path, folder: &Path, source: Source, plan: Plan) -> Result<Title, Failure> {
    let mut sink = Folder { folder: folder.to_owned(), ..Folder::default() };
    let mut reports = Vec::new();
    let rungs: Vec<String> = plan.rungs.iter().map(|rung| rung.id.clone()).collect();
    for chunk in &plan.chunks {
        let (source, plan, rungs) = (source.clone(), plan.clone(), rungs.clone());
        reports.push(run(host, &Task::Video { source, plan, chunk: chunk.index, rungs }, file, &mut sink)?);
    }
    for track in &source.audio {
        let (source, plan) = (source.clone(), plan.clone());
        reports.push(run(host, &Task::Audio { source, plan, stream: track.stream }, file, &mut sink)?);
    }
    let mut tracks: Vec<model::Track> = std::mem::take(&mut sink.tracks).into_iter().map(|(_, track)| track).collect();
    // Rungs come as their encoders are ready; here they are in the plan's order, before sound.
    tracks.sort_by_key(|track| plan.rungs.iter().position(|rung| rung.id == track.rendition.id).unwrap_or(usize::MAX));
    Ok(Title { source, plan, tracks, reports, folder: folder.to_owned(), judged: sink.judged })
}

/// Inspects `file` and encodes its first sound track into `folder`, after `change` has changed the plan.
pub(crate) fn encode_sound(file: &Path, folder: &Path, change: impl Fn(&mut Plan)) -> Result<Title, Failure> {
    let source = inspect(file)?;
    let mut plan = Plan::new(&source, &recipe());
    change(&mut plan);
    let mut sink = Folder { folder: folder.to_owned(), ..Folder::default() };
    let task = Task::Audio { stream: source.audio[0].stream, source: source.clone(), plan: plan.clone() };
    let reports = vec![run(&host(), &task, file, &mut sink)?];
    let tracks = std::mem::take(&mut sink.tracks).into_iter().map(|(_, track)| track).collect();
    Ok(Title { source, plan, tracks, reports, folder: folder.to_owned(), judged: sink.judged })
}

/// A sink that appends every rendition to a file of its own, and checks the order of what comes.
#[derive(Default)]
pub(crate) struct Folder {
    pub folder: PathBuf,
    pub source: Option<Source>,
    pub tracks: Vec<(Track, model::Track)>,
    pub inits: Mutex<Vec<(String, Bytes)>>,
    pub measures: Vec<Measure>,
    pub prints: Option<Fingerprints>,
    pub images: Vec<(Image, Bytes)>,
    pub judged: BTreeMap<String, Vec<Judged>>,
}

#[async_trait::async_trait]
impl Sink for Folder {
    async fn accept(&mut self, output: Output) -> Result<()> {
        match output {
            Output::Source(source) => self.source = Some(*source),
            Output::Measures(measures) => self.measures = measures,
            Output::Fingerprints(prints) => self.prints = Some(prints),
            Output::Image { image, bytes } => self.images.push((image, bytes)),
            Output::Progress(done) => assert!((0.0..=1.0).contains(&done)),
            Output::Init { track, rendition, bytes } => {
                let inits = self.inits.get_mut().expect("no panic elsewhere");
                if let Some((_, known)) = inits.iter().find(|(id, _)| *id == rendition.id) {
                    assert_eq!(*known, bytes, "all chunks share one init segment");
                    return Ok(());
                }
                inits.push((rendition.id.clone(), bytes.clone()));
                let path = self.folder.join(format!("{}.mp4", rendition.id));
                fs::write(path, &bytes)?;
                let single = self.folder.join(object::init_path(track, &rendition.id));
                fs::create_dir_all(single.parent().expect("it has a folder"))?;
                fs::write(single, &bytes)?;
                self.tracks.push((track, model::Track { rendition, segments: Vec::new() }));
            }
            Output::Segment { track, rendition, segment, bytes, judged } => {
                self.judged.entry(rendition.clone()).or_default().extend(judged);
                let known = self.tracks.iter_mut().find(|(kind, known)| *kind == track && known.rendition.id == rendition);
                let (_, known) = known.expect("the init segment comes first");
                assert_eq!(segment.size_bytes, bytes.len() as u64);
                known.segments.push(segment);
                let path = self.folder.join(format!("{rendition}.mp4"));
                let mut file = fs::OpenOptions::new().append(true).open(path)?;
                file.write_all(&bytes)?;
                let single = self.folder.join(object::segment_path(track, &rendition, known.segments.len() as u32));
                fs::create_dir_all(single.parent().expect("it has a folder"))?;
                fs::write(single, &bytes)?;
            }
        }
        Ok(())
    }
}
