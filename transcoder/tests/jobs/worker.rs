//! A worker that takes jobs one after the other, with a database and a store of its own.

use crate::film::Film;
use bytes::Bytes;
use marquee_backends::{
    blobs::FileBlobs,
    db::{Db, encodes::Encode, jobs::Claim},
    dispatch::Work,
    key_server::KeyServer,
    testing::{TestDatabase, Uploaded, database, key_server, replaced, uploaded, uploaded_in_parts},
};
use marquee_core::{
    OsRandom, SystemClock,
    blobs::Blobs,
    id::JobId,
    job::{Failure, Kind, LEASE},
    object::{Key, Layout},
    plan::Ladder,
    video::Status,
};
use marquee_transcoder::{Deps, ENDS_BYTES, child::Host, handler};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

/// All that is done with a film once it is inspected.
pub(crate) const EVERYTHING: [Kind; 6] =
    [Kind::Analyse, Kind::Encode, Kind::Audio, Kind::Subtitles, Kind::Thumbnails, Kind::Publish];

/// One uploaded film and everything that works on it.
pub(crate) struct Worker {
    pub(crate) db: Db,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) title: Uploaded,
    ladder: Ladder,
    ends_bytes: u64,
    key_server: Arc<KeyServer>,
    folder: TempDir,
    _database: TestDatabase,
}

impl Worker {
    /// A worker before whom `film` was uploaded.
    pub(crate) async fn new(film: &Film) -> Self {
        let (db, database) = database().await;
        let title = uploaded(&db, &film.bytes()).await;
        Self::before(film, db, database, title).await
    }

    /// The same, but that the film's parts went to the store itself, and its sender states this SHA-256.
    pub(crate) async fn with_parts(film: &Film, stated_sha256: Option<&[u8; 32]>) -> Self {
        let (db, database) = database().await;
        let title = uploaded_in_parts(&db, &film.bytes(), stated_sha256).await;
        Self::before(film, db, database, title).await
    }

    /// Another title of the same bytes, beside the one before: from now on it is the worker's.
    pub(crate) async fn upload_again(&mut self, film: &Film) {
        self.title = uploaded(&self.db, &film.bytes()).await;
        self.blobs.create(&Key::source(self.title.video, self.title.upload), Bytes::from(film.bytes())).await.expect("stored");
    }

    /// Another film takes the place of what the title shows.
    pub(crate) async fn replace(&mut self, film: &Film) {
        self.title = replaced(&self.db, self.title.video, &film.bytes()).await;
        self.blobs.create(&Key::source(self.title.video, self.title.upload), Bytes::from(film.bytes())).await.expect("stored");
    }

    async fn before(film: &Film, db: Db, database: TestDatabase, title: Uploaded) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(folder.path()).await.expect("a store"));
        blobs.create(&Key::source(title.video, title.upload), Bytes::from(film.bytes())).await.expect("stored");
        let (ladder, ends_bytes) = (Ladder::Fixed, ENDS_BYTES);
        Self { db, blobs, title, ladder, ends_bytes, key_server: key_server(), folder, _database: database }
    }

    /// The same, but that ladders are chosen per title.
    pub(crate) fn choosing_ladders(self) -> Self {
        Self { ladder: Ladder::Auto, ..self }
    }

    /// The same, but that keys come from another key server.
    pub(crate) fn with_keys_of(self, key_server: Arc<KeyServer>) -> Self {
        Self { key_server, ..self }
    }

    /// The same, but that so many bytes of each end of a source are enough to begin with it.
    pub(crate) fn with_ends(self, ends_bytes: u64) -> Self {
        Self { ends_bytes, ..self }
    }

    /// Takes the oldest job of one of these kinds that is due.
    pub(crate) async fn claim(&self, kinds: &[Kind]) -> Option<Claim> {
        for job in self.db.list_jobs(self.title.video).await.expect("jobs") {
            if job.state == "queued" && kinds.iter().any(|kind| kind.as_str() == job.kind) {
                return Some(self.claim_job(job.id).await);
            }
        }
        None
    }

    /// Takes a job.
    pub(crate) async fn claim_job(&self, job: JobId) -> Claim {
        self.db.claim_job(job, "worker", LEASE).await.expect("claim").expect("the job is free")
    }

    /// Makes one attempt at a job on `blobs`.
    pub(crate) async fn attempt(&self, claim: &Claim, blobs: Arc<dyn Blobs>) -> Result<(), Failure> {
        self.attempt_by(Host::new(std::env::current_exe().expect("this program has a path")), claim, blobs).await
    }

    /// The same with children of `host`.
    pub(crate) async fn attempt_by(&self, host: Host, claim: &Claim, blobs: Arc<dyn Blobs>) -> Result<(), Failure> {
        let deps = Deps {
            db: self.db.clone(),
            blobs,
            host,
            recipe: "standard".into(),
            ladder: self.ladder,
            ends_bytes: self.ends_bytes,
            key_server: self.key_server.clone(),
            steering: None,
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
        };
        handler(deps).expect("a handler").run(claim, &Work::new()).await
    }

    /// Does every job of these kinds; the first failure ends it and is stored, as a worker does.
    pub(crate) async fn work(&self, kinds: &[Kind]) -> Result<(), Failure> {
        while let Some(claim) = self.claim(kinds).await {
            if let Err(failure) = self.attempt(&claim, self.blobs.clone()).await {
                self.db.fail_job(&claim, &failure).await.expect("stored");
                return Err(failure);
            }
        }
        Ok(())
    }

    /// The title's encode, once it is inspected.
    pub(crate) async fn encode(&self) -> Encode {
        let video = self.db.video(self.title.video).await.expect("video");
        self.db.encode(video.encode.expect("it is inspected")).await.expect("encode")
    }

    pub(crate) async fn layout(&self) -> Layout {
        Layout::new(self.title.video, self.encode().await.id)
    }

    /// The folder of the encode.
    pub(crate) async fn folder(&self) -> PathBuf {
        self.folder.path().join("media").join(self.layout().await.scope())
    }

    pub(crate) async fn status(&self) -> Status {
        self.db.video(self.title.video).await.expect("video").status
    }
}

/// Code of a failure that is the input's fault.
pub(crate) fn code(outcome: Result<(), Failure>) -> String {
    match outcome {
        Err(Failure::Fail { code, message }) => {
            assert!(!message.is_empty());
            code
        }
        other => panic!("{other:?} is not the input's fault"),
    }
}

/// Does all jobs but the inspection without a child: nothing is left to make.
pub(crate) async fn copies_alone(worker: &Worker) {
    worker.work(&[Kind::Inspect]).await.expect("inspected");
    while let Some(claim) = worker.claim(&EVERYTHING).await {
        let outcome = worker.attempt_by(Host::new("/bin/false".into()), &claim, worker.blobs.clone()).await;
        assert!(outcome.is_ok(), "{:?} wanted a child: {outcome:?}", claim.job);
    }
}

/// Names and bytes of all files in a folder.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
                found.insert(name, std::fs::read(path).expect("read"));
            }
        }
    }
    found
}

/// Whether a file tells of others, as each encode does of its own.
pub(crate) fn is_manifest(name: &str) -> bool {
    name.ends_with(".m3u8") || name.ends_with(".mpd")
}
