use super::*;
use crate::{
    db::{
        encodes::{NewEncode, tests::encode_of},
        jobs::{Claim, NewJob},
    },
    testing::{TestDatabase, database},
};
use futures::future::join_all;
use marquee_core::{
    OsRandom, SystemClock,
    id::JobId,
    job::{Job, LEASE},
    presentation::Media,
    source::Ratio,
    video::Status,
};
use std::time::Duration;

const RUNGS: [&str; 2] = ["360p", "234p"];
const SOUND: [&str; 2] = ["aac-128-0", "aac-64-0"];

/// An encode with three chunks, two rungs and one sound track in two qualities, all its jobs queued.
pub(in crate::db) struct Title {
    pub(in crate::db) db: Db,
    _database: TestDatabase,
    pub(in crate::db) encode: NewEncode,
    pub(in crate::db) jobs: Vec<NewJob>,
}

impl Title {
    async fn new() -> Self {
        let (db, database) = database().await;
        let (encode, jobs) = encode_of(&db).await;
        Self { db, _database: database, encode, jobs }
    }

    /// A title that is ready.
    pub(in crate::db) async fn published() -> Self {
        let title = Self::new().await;
        title.finish().await;
        title
    }

    /// Does all jobs of the encode, its publishing among them.
    pub(in crate::db) async fn finish(&self) {
        for number in 0..3 {
            let claim = self.claim(chunk(number)).await;
            assert!(self.commit(&claim, &picture(number)).await.expect("commit"));
        }
        let claim = self.claim(is_sound).await;
        let mut batch = sound(1..=6);
        batch.append(sound_end());
        assert!(self.commit(&claim, &batch).await.expect("commit"));
        let report = self.db.ledger(self.encode.id).await.expect("ledger").report(&self.encode.plan);
        let claim = self.claim_publish().await;
        assert!(self.db.finish_publish(&claim, self.encode.id, self.encode.plan.duration_ms(), &report).await.expect("publish"));
    }

    async fn claim_publish(&self) -> Claim {
        let publish = Job::Publish { encode: self.encode.id };
        let jobs = self.db.list_jobs(self.encode.video).await.expect("jobs");
        let job = jobs.iter().find(|job| serde_json::from_value(job.payload.clone()).is_ok_and(|found: Job| found == publish));
        self.db.claim_job(job.expect("one").id, "worker", LEASE).await.expect("claim").expect("free")
    }

    /// Takes the job that `wanted` picks.
    async fn claim(&self, wanted: impl Fn(&Job) -> bool) -> Claim {
        self.claim_for(wanted, LEASE).await
    }

    async fn claim_for(&self, wanted: impl Fn(&Job) -> bool, lease: Duration) -> Claim {
        let found = self.jobs.iter().find(|new| wanted(&new.job)).expect("there is such a job");
        self.db.claim_job(found.id, "worker", lease).await.expect("claim").expect("the job is free")
    }

    async fn commit(&self, claim: &Claim, batch: &Batch) -> Result<bool> {
        self.db.commit_job(claim, self.encode.id, batch, JobId::new(&SystemClock, &OsRandom)).await
    }

    /// Publish jobs there are.
    async fn publish_jobs(&self) -> usize {
        let jobs = self.db.list_jobs(self.encode.video).await.expect("jobs");
        jobs.iter().filter(|job| job.kind == "publish").count()
    }

    async fn is_playable(&self) -> bool {
        self.db.video(self.encode.video).await.expect("video").playable_at.is_some()
    }

    async fn status(&self) -> Status {
        self.db.video(self.encode.video).await.expect("video").status
    }
}

fn chunk(number: u32) -> impl Fn(&Job) -> bool {
    move |job| matches!(job, Job::Encode { chunk, .. } if *chunk == number)
}

fn is_sound(job: &Job) -> bool {
    matches!(job, Job::Audio { .. })
}

fn rendition(track: Folder, id: &str, init: u8) -> StoredRendition {
    let media = match track {
        Folder::Video => Media::Video { width: 640, height: 360, frame_rate: Ratio::new(30, 1) },
        Folder::Audio => Media::Audio {
            group: "g".into(),
            name: "und".into(),
            language: "und".into(),
            default: true,
            channels: 2,
            sample_rate_hz: 48_000,
        },
        Folder::Text => Media::Text { name: "und".into(), language: "und".into(), forced: false, hearing_impaired: false },
    };
    let rendition = Rendition { id: id.into(), codec: "x".into(), timescale: 1000, edit_ticks: 0, max_bitrate_bps: 1000, media };
    StoredRendition { track, rendition, init_bytes: 700, init_sha256: [init; 32] }
}

fn segment(track: Folder, id: &str, chunk: u32, number: u32) -> StoredSegment {
    StoredSegment {
        track,
        rendition: id.into(),
        chunk,
        segment: Segment {
            number,
            start_ticks: u64::from(number - 1) * 6000,
            duration_ticks: 6000,
            size_bytes: 1000,
            iframes: Vec::new(),
        },
        sha256: [number as u8; 32],
        judged: vec![Judged { tick: u64::from(number) * 6000 - 1000, vmaf: 90.0 + f64::from(number), psnr_db: 40.5 }],
    }
}

fn finished(track: Folder, id: &str, chunk: u32) -> Finished {
    let notes = vec![Note::new("odd", "something was odd")];
    Finished { track, rendition: id.into(), chunk, frames: 180, damaged: u64::from(chunk), cpu_ms: 10, quality_cpu_ms: 1, notes }
}

/// What the job of picture chunk `number` makes; chunks have 1, 2 and 3 segments here.
fn picture(number: u32) -> Batch {
    let first = [1, 2, 4][number as usize];
    let mut batch = Batch::default();
    for id in RUNGS {
        batch.renditions.push(rendition(Folder::Video, id, 7));
        batch.segments.extend((first..=first + number).map(|segment_number| segment(Folder::Video, id, number, segment_number)));
        batch.finished.push(finished(Folder::Video, id, number));
    }
    batch
}

/// Sound segments `numbers` of both renditions.
fn sound(numbers: std::ops::RangeInclusive<u32>) -> Batch {
    Batch {
        renditions: SOUND.map(|id| rendition(Folder::Audio, id, 8)).to_vec(),
        segments: SOUND.iter().flat_map(|id| numbers.clone().map(|number| segment(Folder::Audio, id, 0, number))).collect(),
        finished: Vec::new(),
    }
}

fn sound_end() -> Batch {
    Batch { finished: SOUND.map(|id| finished(Folder::Audio, id, 0)).to_vec(), ..Batch::default() }
}

#[tokio::test]
async fn a_title_is_playable_with_its_first_chunk_and_first_sound_and_publishes_once_all_is_there() {
    let title = Title::new().await;
    let sound_job = title.claim(is_sound).await;
    assert!(title.db.commit_part(&sound_job, title.encode.id, &sound(1..=1)).await.expect("part"));
    assert!(!title.is_playable().await, "there is no picture");
    for number in [1, 0, 2] {
        let claim = title.claim(chunk(number)).await;
        assert!(title.commit(&claim, &picture(number)).await.expect("commit"));
        assert_eq!(title.is_playable().await, number != 1, "after chunk {number}");
    }
    assert_eq!((title.status().await, title.publish_jobs().await), (Status::Encoding, 0), "the sound is not finished");
    assert!(title.db.commit_part(&sound_job, title.encode.id, &sound(1..=6)).await.expect("part"));
    assert!(title.commit(&sound_job, &sound_end()).await.expect("commit"));
    assert_eq!((title.status().await, title.publish_jobs().await), (Status::Publishing, 1));

    let ledger = title.db.ledger(title.encode.id).await.expect("ledger");
    let report = ledger.report(&title.encode.plan);
    assert_eq!((report.frames, report.damaged, report.cpu_ms), (540, 3, 80));
    assert_eq!(report.notes.iter().filter(|note| note.code == "odd").count(), 1, "told once");
    let quality: Vec<_> = report.quality.rungs.iter().map(|rung| (rung.id.as_str(), rung.pictures, rung.vmaf)).collect();
    assert_eq!((report.quality.cpu_ms, quality), (8, vec![("v/360p", 6, 93.5), ("v/234p", 6, 93.5)]));
    let sizes: Vec<_> = report.renditions.iter().map(|row| (row.id.as_str(), row.size_bytes, row.bitrate_bps)).collect();
    assert_eq!(sizes, ["v/360p", "v/234p", "a/aac-128-0", "a/aac-64-0"].map(|id| (id, 6000, 1333)));

    let claim = title.claim_publish().await;
    assert!(title.db.finish_publish(&claim, title.encode.id, 35_000, &report).await.expect("publish"));
    assert_eq!(title.status().await, Status::Ready);
    assert_eq!(title.db.encode(title.encode.id).await.expect("encode").report, Some(report));
    assert!(!title.db.finish_publish(&claim, title.encode.id, 35_000, &ledger.report(&title.encode.plan)).await.expect("again"));
}

#[tokio::test]
async fn a_title_plays_with_its_first_segment_while_the_chunk_goes_on() {
    let title = Title::new().await;
    let claim = title.claim(is_sound).await;
    assert!(title.db.commit_part(&claim, title.encode.id, &sound(1..=1)).await.expect("part"));
    let claim = title.claim(chunk(0)).await;
    let part = Batch { finished: Vec::new(), ..picture(0) };
    assert!(title.db.commit_part(&claim, title.encode.id, &part).await.expect("part"));
    assert!(title.is_playable().await);
    assert!(title.commit(&claim, &picture(0)).await.expect("what is there already is the same"));
}

#[tokio::test]
async fn sound_alone_missing_keeps_a_title_from_playing() {
    let title = Title::new().await;
    let claim = title.claim(chunk(0)).await;
    assert!(title.commit(&claim, &picture(0)).await.expect("commit"));
    assert!(!title.is_playable().await);
    let claim = title.claim(is_sound).await;
    let mut half = sound(1..=1);
    half.segments.retain(|segment| segment.rendition == SOUND[0]);
    assert!(title.db.commit_part(&claim, title.encode.id, &half).await.expect("part"));
    assert!(!title.is_playable().await, "the other quality has no sound yet");
    assert!(title.db.commit_part(&claim, title.encode.id, &sound(1..=1)).await.expect("part"));
    assert!(title.is_playable().await);
}

#[tokio::test]
async fn jobs_that_end_at_the_same_moment_make_one_publish_job() {
    let title = Title::new().await;
    let mut work = vec![(title.claim(is_sound).await, Batch { finished: sound_end().finished, ..sound(1..=6) })];
    for number in 0..3 {
        work.push((title.claim(chunk(number)).await, picture(number)));
    }
    let outcomes = join_all(work.iter().map(|(claim, batch)| title.commit(claim, batch))).await;
    assert!(outcomes.into_iter().all(|outcome| outcome.expect("commit")));
    assert_eq!((title.status().await, title.publish_jobs().await), (Status::Publishing, 1));
}

#[tokio::test]
async fn of_two_workers_with_one_chunk_only_the_newer_attempt_commits() {
    let title = Title::new().await;
    let zombie = title.claim_for(chunk(0), Duration::ZERO).await;
    let successor = title.claim(chunk(0)).await;
    assert_eq!(successor.attempt, zombie.attempt + 1);
    let batch = picture(0);
    let (late, newer) = tokio::join!(title.commit(&zombie, &batch), title.commit(&successor, &batch));
    assert!(!late.expect("refused, not broken"));
    assert!(newer.expect("commit"));
    let ledger = title.db.ledger(title.encode.id).await.expect("ledger");
    assert_eq!((ledger.segments.len(), ledger.finished.len()), (2, 2));
    assert!(!title.commit(&successor, &batch).await.expect("a completed job is not completed again"));
}

#[tokio::test]
async fn a_zombie_adds_no_part_once_its_lease_is_over() {
    let title = Title::new().await;
    let zombie = title.claim_for(is_sound, Duration::ZERO).await;
    assert!(!title.db.commit_part(&zombie, title.encode.id, &sound(1..=1)).await.expect("refused"));
    let successor = title.claim(is_sound).await;
    assert!(!title.db.commit_part(&zombie, title.encode.id, &sound(1..=1)).await.expect("refused"));
    assert!(title.db.commit_part(&successor, title.encode.id, &sound(1..=1)).await.expect("part"));
    assert_eq!(title.db.ledger(title.encode.id).await.expect("ledger").segments.len(), 2);
}

#[tokio::test]
async fn another_init_segment_or_other_bytes_under_a_name_are_refused_whole() {
    let title = Title::new().await;
    let claim = title.claim(chunk(0)).await;
    assert!(title.commit(&claim, &picture(0)).await.expect("commit"));
    let claim = title.claim(chunk(1)).await;
    let mut other_init = picture(1);
    other_init.renditions[1].init_sha256 = [9; 32];
    assert_eq!(title.commit(&claim, &other_init).await.expect_err("refused").code(), "ledger_conflict");
    let mut other_bytes = picture(1);
    other_bytes.segments.push(StoredSegment { sha256: [9; 32], ..segment(Folder::Video, "360p", 0, 1) });
    assert_eq!(title.commit(&claim, &other_bytes).await.expect_err("refused").code(), "ledger_conflict");
    let ledger = title.db.ledger(title.encode.id).await.expect("ledger");
    assert_eq!((ledger.segments.len(), ledger.finished.len()), (2, 2), "nothing of a refused batch stays");
    assert!(title.commit(&claim, &picture(1)).await.expect("the job is still held"));
}

#[tokio::test]
async fn a_manifest_offers_what_follows_without_a_gap() {
    let title = Title::new().await;
    let offered = async || {
        let presentation = title.db.presentation(title.encode.id).await.expect("presentation");
        let count = |track: &Track| (track.rendition.id.clone(), track.segments.len());
        presentation.tracks.iter().map(count).collect::<Vec<_>>()
    };
    let playable = async || title.db.playable_ticks(title.encode.id).await.expect("sum");
    let claim = title.claim(chunk(1)).await;
    assert!(title.commit(&claim, &picture(1)).await.expect("commit"));
    assert_eq!((offered().await, playable().await), (vec![], 0), "segment 1 is missing");
    let claim = title.claim(is_sound).await;
    assert!(title.db.commit_part(&claim, title.encode.id, &sound(1..=2)).await.expect("part"));
    let claim = title.claim(chunk(0)).await;
    assert!(title.commit(&claim, &picture(0)).await.expect("commit"));
    let expected = [("360p", 3), ("234p", 3), ("aac-128-0", 2), ("aac-64-0", 2)];
    assert_eq!(offered().await, expected.map(|(id, count)| (id.to_owned(), count)));
    assert_eq!(playable().await, 3 * 6000);
}

#[tokio::test]
async fn damage_is_counted_once_for_all_rungs_though_some_come_later() {
    let title = Title::new().await;
    let damaged = async |but: u32| title.db.damaged_frames(title.encode.id, but).await.expect("sum");
    assert_eq!(damaged(0).await, 0);
    for number in [1, 2] {
        let claim = title.claim(chunk(number)).await;
        let batch = picture(number);
        let (lead, rest): (Vec<_>, Vec<_>) = batch.finished.iter().cloned().partition(|row| row.rendition == RUNGS[1]);
        assert!(title.db.commit_part(&claim, title.encode.id, &Batch { finished: lead, ..batch.clone() }).await.expect("part"));
        assert_eq!((damaged(0).await, damaged(number).await), ([1, 3][number as usize - 1], u64::from(number - 1)));
        assert!(title.commit(&claim, &Batch { finished: rest, ..batch }).await.expect("commit"));
    }
    assert_eq!(damaged(0).await, 3);
}
