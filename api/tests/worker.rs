//! What a worker commits, without a film: the rows of the ledger are real, the segments behind them are not made.

use crate::app::{Client, TestApp};
use marquee_backends::{
    db::{
        encodes::NewEncode,
        jobs::{Claim, NewJob},
        ledger::{Batch, Finished, StoredRendition, StoredSegment},
    },
    testing::key_server,
};
use marquee_core::{
    OsRandom, SystemClock,
    id::{EncodeId, JobId, VideoId},
    job::{Class, Failure, Job, LEASE},
    object::Track as Folder,
    plan::{AudioChoice, Judging, Plan, Recipe, RungChoice},
    presentation::{Media, Rendition, Segment},
    quality::Judged,
    source::{Note, Ratio, Source},
    testing,
    thumbnails::{Poster, Thumbnails, Tiles},
};
use reqwest::Method;
use serde_json::json;

/// A title on its way through the jobs.
pub(crate) struct Title {
    pub(crate) video: VideoId,
    pub(crate) encode: EncodeId,
    plan: Plan,
    jobs: Vec<NewJob>,
    thumbnails: JobId,
}

pub(crate) fn job_id() -> JobId {
    JobId::new(&SystemClock, &OsRandom)
}

/// A video of `client` whose source has arrived.
pub(crate) async fn uploaded(app: &TestApp, client: &Client) -> VideoId {
    uploaded_protected(app, client, "none").await
}

/// The same, of which what is made is to be protected.
pub(crate) async fn uploaded_protected(app: &TestApp, client: &Client, protection: &str) -> VideoId {
    let form = reqwest::multipart::Form::new()
        .text("title", "Sintel")
        .text("protection", protection.to_owned())
        .part("file", reqwest::multipart::Part::bytes(b"film".to_vec()));
    let response = client.request(Method::POST, "/v1/videos").multipart(form).send().await.unwrap();
    let video = crate::app::body(response, 201).await;
    assert_eq!(video["status"], json!("uploaded"));
    let id = crate::app::text(&video["id"]).parse().unwrap();
    assert_eq!(app.db.list_jobs(id).await.unwrap().len(), 1);
    id
}

/// The inspect job of `video`, claimed.
pub(crate) async fn inspecting(app: &TestApp, video: VideoId) -> Claim {
    let job = app.db.list_jobs(video).await.unwrap()[0].id;
    let claim = app.db.claim_job(job, "worker", LEASE).await.unwrap().expect("nobody has it");
    let Job::Inspect { upload, .. } = claim.job else { panic!("{claim:?}") };
    app.db.begin_inspect(&claim, upload).await.unwrap();
    claim
}

/// A worker gives up on `video`.
pub(crate) async fn fail(app: &TestApp, video: VideoId) -> JobId {
    let claim = inspecting(app, video).await;
    let failure = Failure::Fail { code: "not_a_video".into(), message: "this is a text".into() };
    app.db.fail_job(&claim, &failure).await.unwrap();
    claim.job_id
}

fn new(job: Job) -> NewJob {
    NewJob { id: job_id(), job, class: Class::Normal, weight: 1.0 }
}

/// A video of `client` that is being encoded, nothing of it done yet.
pub(crate) async fn encoding(app: &TestApp, client: &Client) -> Title {
    let video = uploaded(app, client).await;
    encoding_of(app, video).await
}

/// The same of a video whose source has arrived.
pub(crate) async fn encoding_of(app: &TestApp, video: VideoId) -> Title {
    let claim = inspecting(app, video).await;
    let Job::Inspect { upload, .. } = claim.job else { panic!("{claim:?}") };
    let notes = vec![Note::new("source_note", "found by inspection")];
    let source = Source { notes, ..testing::source() };
    let plan = Plan::new(&source, &recipe());
    let encode = EncodeId::new(&SystemClock, &OsRandom);
    let choice = app.db.video(video).await.unwrap().protection;
    let (protected, keys) = choice.map(|choice| key_server().generate(encode, choice, "../keys/")).unzip();
    let keys = keys.map(|keys| key_server().seal(encode, &keys).unwrap());
    let plan = Plan { protected, ..plan };
    let rungs: Vec<_> = plan.rungs.iter().map(|rung| rung.id.clone()).collect();
    let picture = plan.chunks.iter().map(|chunk| Job::Encode { encode, chunk: chunk.index, rungs: rungs.clone() });
    let jobs: Vec<_> = picture.chain([Job::Audio { encode, stream: 1 }]).map(new).collect();
    let (encoder_version, keys) = ("test".into(), keys.unwrap_or_default());
    let new = NewEncode { id: encode, video, upload, source, plan: plan.clone(), encoder_version, inspect_cpu_ms: 5, keys };
    let thumbnails = NewJob { weight: 0.0, ..self::new(Job::Thumbnails { encode }) };
    let all: Vec<_> = jobs.iter().chain([&thumbnails]).cloned().collect();
    assert!(app.db.finish_inspect(&claim, &new, &all).await.unwrap());
    Title { video, encode, plan, jobs, thumbnails: thumbnails.id }
}

impl Title {
    /// Commits the job at `position`: the picture's chunks in order, then the sound.
    pub(crate) async fn commit(&self, app: &TestApp, position: usize) {
        let NewJob { id, job, .. } = &self.jobs[position];
        let claim = app.db.claim_job(*id, "worker", LEASE).await.unwrap().expect("nobody has it");
        let mut batch = Batch::default();
        match job {
            Job::Encode { chunk, rungs, .. } => {
                for rung in rungs {
                    self.add(&mut batch, Folder::Video, rung, *chunk, &[*chunk + 1]);
                }
            }
            _ => {
                let numbers: Vec<u32> = (1..=self.plan.chunks.len() as u32).collect();
                for audio in &self.plan.audio {
                    self.add(&mut batch, Folder::Audio, &audio.id, 0, &numbers);
                }
            }
        }
        assert!(app.db.commit_job(&claim, self.encode, &batch, job_id()).await.unwrap());
    }

    /// Commits every job that `from` on.
    pub(crate) async fn finish(&self, app: &TestApp, from: usize) {
        for position in from..self.jobs.len() {
            self.commit(app, position).await;
        }
    }

    /// Publishes the title.
    pub(crate) async fn publish(&self, app: &TestApp) {
        self.publish_with(app, true).await;
    }

    /// The same, with a DASH manifest or as earlier versions did.
    pub(crate) async fn publish_with(&self, app: &TestApp, dash: bool) {
        let jobs = app.db.list_jobs(self.video).await.unwrap();
        let job = jobs.iter().find(|job| job.kind == "publish").expect("the last commit enqueued it");
        let claim = app.db.claim_job(job.id, "worker", LEASE).await.unwrap().expect("nobody has it");
        let mut report = app.db.ledger(self.encode).await.unwrap().report(&self.plan);
        report.notes.push(Note::new("test_note", "made by a test"));
        report.dash = dash;
        assert!(app.db.finish_publish(&claim, self.encode, 35_000, &report).await.unwrap());
    }

    /// Commits posters of these times, the first the best.
    pub(crate) async fn picture(&self, app: &TestApp, times_ms: &[u64]) {
        let claim = app.db.claim_job(self.thumbnails, "worker", LEASE).await.unwrap().expect("nobody has it");
        let poster = |time_ms: &u64| Poster { time_ms: *time_ms, width: 1280, height: 720, size_bytes: 9000 };
        let tiles = Tiles::of(&testing::source().video, self.plan.duration_ms());
        let made = Thumbnails { posters: times_ms.iter().map(poster).collect(), tiles, sheets_bytes: vec![9000], cpu_ms: 5 };
        assert!(app.db.finish_thumbnails(&claim, self.encode, &made).await.unwrap());
    }

    /// A worker gives up on its thumbnails.
    pub(crate) async fn fail_thumbnails(&self, app: &TestApp) {
        let claim = app.db.claim_job(self.thumbnails, "worker", LEASE).await.unwrap().expect("nobody has it");
        let failure = Failure::Fail { code: "damaged".into(), message: "nothing to see".into() };
        app.db.fail_job(&claim, &failure).await.unwrap();
    }

    /// Where the sound is among the jobs.
    pub(crate) fn sound(&self) -> usize {
        self.jobs.len() - 1
    }

    fn add(&self, batch: &mut Batch, track: Folder, id: &str, chunk: u32, numbers: &[u32]) {
        let media = match track {
            Folder::Video => Media::Video { width: 640, height: 360, frame_rate: Ratio::new(30, 1) },
            Folder::Audio => Media::Audio {
                group: id.into(),
                name: "und".into(),
                language: "und".into(),
                default: true,
                channels: 2,
                sample_rate_hz: 48_000,
            },
            Folder::Text => Media::Text { name: "und".into(), language: "und".into(), forced: false, hearing_impaired: false },
        };
        let rendition = Rendition {
            id: id.into(),
            codec: "avc1.64001f".into(),
            timescale: 1000,
            edit_ticks: 0,
            max_bitrate_bps: 800_000,
            media,
        };
        batch.renditions.push(StoredRendition { track, rendition, init_bytes: 700, init_sha256: [1; 32] });
        for number in numbers {
            let segment = Segment {
                number: *number,
                start_ticks: u64::from(number - 1) * 6000,
                duration_ticks: 6000,
                size_bytes: 1000,
                iframes: Vec::new(),
            };
            let picture = Judged { tick: segment.start_ticks + 1000, vmaf: 90.0 + f64::from(*number), psnr_db: 41.5 };
            let judged = if track == Folder::Video { vec![picture] } else { Vec::new() };
            batch.segments.push(StoredSegment {
                track,
                rendition: id.into(),
                chunk,
                segment,
                sha256: [*number as u8; 32],
                judged,
            });
        }
        batch.finished.push(Finished {
            track,
            rendition: id.into(),
            chunk,
            frames: 180,
            damaged: 0,
            cpu_ms: 10,
            quality_cpu_ms: 0,
            notes: Vec::new(),
        });
    }
}

fn recipe() -> Recipe {
    let rung = |height| RungChoice { height, crf: 23.0, max_bitrate_bps: height * 1000 };
    Recipe {
        preset: "veryfast".into(),
        deinterlace: Default::default(),
        rungs: vec![rung(360), rung(234)],
        per_title: None,
        additional: Vec::new(),
        audio: vec![AudioChoice { bitrate_bps: 128_000 }],
        surround: None,
        loudness: None,
        judging: Judging::default(),
    }
}
