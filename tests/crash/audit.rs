//! What must be true whatever happened: every film that was acknowledged is a title with every frame, once; what is stored is
//! what the ledger says, and nothing else; nothing waits; no work was done more often than the faults explain.

use super::{
    cast::Cast,
    faults::Fault,
    load::{Outcome, Title},
};
use crate::support::{
    client::Client,
    eventually, hls, judge,
    node::{ADMIN_EMAIL, ADMIN_PASSWORD},
};
use bytes::Bytes;
use futures::TryStreamExt;
use marquee_backends::{
    db::{Db, thumbnails::State},
    open,
};
use marquee_core::{
    blobs::Blobs,
    id::{EncodeId, VideoId},
    object::{CHAPTERS, Key, Layout, MANIFEST, TILES, init_path, poster_path, segment_path, sheet_path, subtitles_path},
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

/// More objects than one encode of these tests has.
const KEYS_MAX: usize = 100_000;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    faults: BTreeMap<&'static str, usize>,
    titles: usize,
    frames: u64,
    lost: u64,
    duplicated: u64,
    played: u64,
    cut: u64,
    attempts: u64,
    jobs: u64,
    wrong: Vec<String>,
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: usize = self.faults.values().sum();
        let kinds: Vec<_> = self.faults.iter().map(|(number, count)| format!("{number} ×{count}")).collect();
        writeln!(f, "{faults} faults ({}), {} uploads cut off by their client (F12)", kinds.join(", "), self.cut)?;
        writeln!(
            f,
            "{} titles, {} frames checked, {} lost, {} duplicated",
            self.titles, self.frames, self.lost, self.duplicated
        )?;
        write!(f, "{} attempts at {} jobs, {} segments played meanwhile", self.attempts, self.jobs, self.played)?;
        self.wrong.iter().try_for_each(|wrong| write!(f, "\nWRONG: {wrong}"))
    }
}

impl Audit {
    /// Waits until everything has settled and looks at all of it.
    pub(crate) async fn run(cast: &Cast, outcome: &Outcome, faults: &[Fault], limit: Duration) -> Self {
        let mut audit = Self { played: outcome.played, cut: outcome.cut, ..Self::default() };
        for fault in faults {
            *audit.faults.entry(fault.number).or_default() += 1;
        }
        audit.wrong.extend(outcome.spoilt.iter().cloned());
        audit.settle(&cast.db, limit).await;
        // A cache that came back is found again with the first question, which nobody is let in by.
        let sign_in = || Client::try_sign_in(&cast.stage.api, ADMIN_EMAIL, ADMIN_PASSWORD);
        let client = eventually("somebody can sign in", limit, sign_in).await;
        let blobs = open::blobs(cast.s3.url(), open::Access::Read, limit).await.expect("the store answers");
        for title in &outcome.titles {
            audit.title(&cast.db, &client, &blobs, title).await;
        }
        (audit.jobs, audit.attempts) = cast.db.work_done().await.expect("the database answers");
        let slots = client.get("/v1/workers", 200).await["items"]
            .as_array()
            .map_or(0, |workers| workers.iter().filter_map(|worker| worker["slots"].as_u64()).max().unwrap_or_default());
        let spare: u64 = faults.iter().map(|fault| fault.attempts_max(slots)).sum();
        if audit.attempts > audit.jobs + spare {
            audit.wrong.push(format!("I6: {} attempts at {} jobs; the faults explain {spare} more", audit.attempts, audit.jobs));
        }
        audit
    }

    /// Panics unless everything is as it must be.
    pub(crate) fn assert_clean(&self) {
        assert!(self.wrong.is_empty() && self.lost == 0 && self.duplicated == 0 && self.titles > 0, "{self}");
    }

    /// I5: nothing waits, and nothing was given up.
    pub(super) async fn settle(&mut self, db: &Db, limit: Duration) {
        eventually("all jobs are over", limit, || async {
            let (outbox, open, _) = db.unsettled().await.ok()?;
            (outbox == 0 && open == 0).then_some(())
        })
        .await;
        let (_, _, dead) = db.unsettled().await.expect("the database answers");
        if dead > 0 {
            self.wrong.push(format!("I5: {dead} jobs gave up"));
        }
    }

    /// Looks at one title.
    pub(super) async fn title(&mut self, db: &Db, client: &Client, blobs: &Arc<dyn Blobs>, title: &Title) {
        self.titles += 1;
        // I1, I2
        let video = client.get(&format!("/v1/videos/{}", title.id), 200).await;
        if video["source"]["sha256"] != title.sha256.as_str() {
            self.wrong.push(format!("I1: {} has another source than was sent: {}", title.id, video["source"]));
        }
        if video["status"] != "ready" {
            self.wrong.push(format!("I2: {} is {}: {}", title.id, video["status"], video["failure"]));
            return;
        }
        self.stored(db, blobs, title).await;
        self.frames(client, title).await;
    }

    /// I3, I4: what is stored is what the ledger says, byte for byte, and the playlists; nothing else.
    async fn stored(&mut self, db: &Db, blobs: &Arc<dyn Blobs>, title: &Title) {
        let id: VideoId = title.id.parse().expect("an id");
        let video = db.video(id).await.expect("the video is there");
        let encode = video.encode.expect("a ready video has an encode");
        let ledger = db.ledger(encode).await.expect("the ledger is there");
        let layout = Layout::new(id, encode);
        let prefix = format!("media/{}/", layout.scope());
        let found: BTreeSet<String> = list(blobs, &prefix).await;
        let mut expected = BTreeSet::new();
        let inits = ledger
            .renditions
            .iter()
            .filter(|one| one.track.has_init())
            .map(|one| (init_path(one.track, &one.rendition.id), one.init_sha256));
        let segments =
            ledger.segments.iter().map(|one| (segment_path(one.track, &one.rendition, one.segment.number), one.sha256));
        for (path, sha256) in inits.chain(segments) {
            let name = format!("{prefix}{path}");
            match content(blobs, &name).await {
                Some(bytes) if Sha256::digest(&bytes)[..] == sha256 => {}
                Some(_) => self.wrong.push(format!("I3: {name} is not what the ledger says")),
                None => self.wrong.push(format!("I3: {name} is missing")),
            }
            expected.insert(name);
        }
        expected.extend(self.pictures(db, blobs, encode, &prefix).await);
        let texts: Vec<_> = ledger.renditions.iter().filter(|one| !one.track.has_init()).collect();
        expected.extend(texts.iter().map(|one| format!("{prefix}{}", subtitles_path(&one.rendition.id))));
        expected.insert(format!("{prefix}{MANIFEST}"));
        let chapters = db.encode(encode).await.expect("an encode").source.chapters;
        expected.extend(chapters.first().map(|_| format!("{prefix}{CHAPTERS}")));
        let orphans: Vec<_> = found.difference(&expected).filter(|name| !name.ends_with(".m3u8")).collect();
        if !orphans.is_empty() {
            self.wrong.push(format!("I4: no ledger knows {orphans:?}"));
        }
        let sources = list(blobs, &format!("sources/{id}/")).await;
        let source = match sources.first() {
            Some(name) => content(blobs, name).await.unwrap_or_default(),
            None => Bytes::new(),
        };
        if sources.len() != 1 || hex::encode(Sha256::digest(&source)) != title.sha256 {
            self.wrong.push(format!("I1: {id} has the sources {sources:?}"));
        }
    }

    /// I3: posters and tiles are there, as large as their row says. Answers the names of all that belongs to them.
    async fn pictures(&mut self, db: &Db, blobs: &Arc<dyn Blobs>, encode: EncodeId, prefix: &str) -> Vec<String> {
        let made = match db.thumbnails(encode).await.expect("the database answers") {
            State::Stored(made, _) => made,
            other => {
                self.wrong.push(format!("I3: {prefix} has no thumbnails: {other:?}"));
                return Vec::new();
            }
        };
        let sheets = (1..).zip(&made.sheets_bytes).map(|(number, size)| (sheet_path(number), Some(*size)));
        let posters = made.posters.iter().map(|poster| (poster_path(poster.time_ms), Some(poster.size_bytes)));
        let mut names = Vec::new();
        for (path, size_bytes) in sheets.chain(posters).chain([(TILES.to_owned(), None)]) {
            let name = format!("{prefix}{path}");
            let found = content(blobs, &name).await.map(|bytes| bytes.len() as u64);
            if found.is_none() || size_bytes.is_some_and(|size| found != Some(size)) {
                self.wrong.push(format!("I3: {name} has {found:?} bytes where {size_bytes:?} are expected"));
            }
            names.push(name);
        }
        names
    }

    /// I3: every frame, once, in every rendition.
    async fn frames(&mut self, client: &Client, title: &Title) {
        let master = client.hls(&title.id).await;
        for rendition in hls::renditions(&master).await.video {
            let shown = tokio::task::spawn_blocking(move || judge::numbers(&rendition)).await.expect("the judge answers");
            let once: BTreeSet<u64> = shown.iter().copied().collect();
            self.frames += shown.len() as u64;
            self.duplicated += (shown.len() - once.len()) as u64;
            self.lost += (0..title.film.frames()).filter(|frame| !once.contains(frame)).count() as u64;
            if !shown.is_sorted() {
                self.wrong.push(format!("I3: frames of {} are out of order", title.id));
            }
        }
    }
}

async fn list(blobs: &Arc<dyn Blobs>, prefix: &str) -> BTreeSet<String> {
    let keys = blobs.list(prefix, None, KEYS_MAX).await.expect("the store answers");
    keys.iter().map(ToString::to_string).collect()
}

async fn content(blobs: &Arc<dyn Blobs>, name: &str) -> Option<Bytes> {
    let object = blobs.read(&Key::parse(name).expect("a key"), None).await.ok()?;
    let pieces: Vec<Bytes> = object.body.try_collect().await.ok()?;
    Some(pieces.concat().into())
}
