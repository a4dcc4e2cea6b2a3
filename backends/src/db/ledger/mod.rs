//! The ledger: which renditions, segments and chunks of an encode are stored. Rows are only ever added.

mod commit;
mod read;
#[cfg(test)]
pub(super) mod tests;

use super::{Db, error};
use marquee_core::{
    Error, Result,
    cost::Cost,
    id::EncodeId,
    object::Track as Folder,
    plan::{Plan, Rung},
    presentation::{Presentation, Rendition, Segment, Track},
    quality::{Judged, Quality, RungQuality},
    source::Note,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// SHA-256 of a stored object.
pub type Sha256 = [u8; 32];

/// A rendition whose init segment is stored, if it has one.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRendition {
    /// Which folder it is in.
    pub track: Folder,
    /// What manifests need to know of it.
    pub rendition: Rendition,
    /// Bytes of the init segment; 0 of text, which has none.
    pub init_bytes: u64,
    /// Checksum of the init segment.
    pub init_sha256: Sha256,
}

/// A media segment that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSegment {
    /// Which folder it is in.
    pub track: Folder,
    /// Id of its rendition.
    pub rendition: String,
    /// The chunk it was made from; 0 for sound and text.
    pub chunk: u32,
    /// What manifests need to know of it.
    pub segment: Segment,
    /// Checksum of the object.
    pub sha256: Sha256,
    /// Pictures of it that were judged.
    pub judged: Vec<Judged>,
}

/// A (chunk, rendition) of which every segment is stored. Sound and text are one chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Which folder it is in.
    pub track: Folder,
    /// Id of the rendition.
    pub rendition: String,
    /// Position of the chunk in the plan; 0 for sound and text.
    pub chunk: u32,
    /// Frames of picture, samples of sound, or cues.
    pub frames: u64,
    /// Frames of the source that were concealed or missing.
    pub damaged: u64,
    /// Processor time that it took.
    pub cpu_ms: u64,
    /// What of it was spent on judging pictures.
    pub quality_cpu_ms: u64,
    /// What the content team should know about this piece.
    pub notes: Vec<Note>,
}

/// What one job adds to the ledger of an encode at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Renditions that it wrote, or found written.
    pub renditions: Vec<StoredRendition>,
    /// Segments that it wrote, or found written.
    pub segments: Vec<StoredSegment>,
    /// What is finished with it.
    pub finished: Vec<Finished>,
}

impl Batch {
    /// Adds what comes after it.
    pub fn append(&mut self, later: Self) {
        self.renditions.extend(later.renditions);
        self.segments.extend(later.segments);
        self.finished.extend(later.finished);
    }
}

/// How an encode went, for the content team and operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Processor time of all its jobs.
    pub cpu_ms: u64,
    /// The same by step.
    #[serde(default)]
    pub cost: Cost,
    /// Frames of the title.
    pub frames: u64,
    /// Frames of the source that were concealed or missing.
    pub damaged: u64,
    /// What was stored, in the order of the manifest.
    pub renditions: Vec<RenditionReport>,
    /// How good they are, as far as pictures were judged.
    #[serde(default)]
    pub quality: Quality,
    /// Whether a DASH manifest was written; earlier versions wrote none.
    #[serde(default)]
    pub dash: bool,
    /// What was decided, left out or repaired.
    pub notes: Vec<Note>,
}

/// What was stored of one rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenditionReport {
    /// Folder and id, such as `v/540p`.
    pub id: String,
    /// Codec string.
    pub codec: String,
    /// Bytes of its media segments.
    pub size_bytes: u64,
    /// Average over its length.
    pub bitrate_bps: u64,
    /// Why a rung was chosen; empty for sound and text.
    #[serde(default)]
    pub reason: String,
}

/// Which piece of an encode: one chunk of one rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Which folder it is in.
    pub track: Folder,
    /// Id of its rendition.
    pub rendition: &'a str,
    /// Position of the chunk in the plan; 0 for sound and text.
    pub chunk: u32,
}

/// Every row of an encode's ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Renditions.
    pub renditions: Vec<StoredRendition>,
    /// Segments by track, rendition and number.
    pub segments: Vec<StoredSegment>,
    /// Finished pieces.
    pub finished: Vec<Finished>,
}

impl Ledger {
    /// The same ledger with what one job adds.
    pub fn add(&mut self, batch: Batch) {
        for stored in batch.renditions {
            if self.rendition(stored.track, &stored.rendition.id).is_none() {
                self.renditions.push(stored);
            }
        }
        self.segments.extend(batch.segments);
        self.finished.extend(batch.finished);
    }

    /// What a manifest can offer now: renditions in the plan's order, each with the segments that follow without a gap from
    /// its first; renditions without any are left out.
    #[must_use]
    pub fn presentation(&self, plan: &Plan) -> Presentation {
        let video = plan.rungs.iter().map(|rung| (Folder::Video, rung.id.as_str()));
        let audio = plan.audio.iter().map(|rendition| (Folder::Audio, rendition.id.as_str()));
        let text = plan.subtitles.iter().map(|rendition| (Folder::Text, rendition.id.as_str()));
        let mut by_rendition: HashMap<(Folder, &str), Vec<&Segment>> = HashMap::new();
        for stored in &self.segments {
            by_rendition.entry((stored.track, &stored.rendition)).or_default().push(&stored.segment);
        }
        for segments in by_rendition.values_mut() {
            segments.sort_unstable_by_key(|segment| segment.number);
        }
        let track = |(folder, id): (Folder, &str)| {
            let rendition = self.rendition(folder, id)?.clone();
            let stored = by_rendition.get(&(folder, id))?;
            let leading = stored.iter().zip(1..).take_while(|(segment, number)| segment.number == *number);
            let segments: Vec<_> = leading.map(|(segment, _)| (*segment).clone()).collect();
            (!segments.is_empty()).then_some(Track { rendition, segments })
        };
        let tracks = video.chain(audio).chain(text).filter_map(track).collect();
        let (captions, steering, protected) = (plan.captions.clone(), plan.steering.clone(), plan.protected.clone());
        Presentation { tracks, chapters: Vec::new(), captions, steering, protected }
    }

    /// How the encode went: meaningful once everything is finished.
    #[must_use]
    pub fn report(&self, plan: &Plan) -> Report {
        let mut notes = plan.notes.clone();
        for note in self.finished.iter().flat_map(|finished| &finished.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        let mut picture: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for finished in self.finished.iter().filter(|finished| finished.track == Folder::Video) {
            let (frames, damaged) = picture.entry(&finished.rendition).or_default();
            *frames += finished.frames;
            *damaged += finished.damaged;
        }
        // Every rung saw the same source frames, so one rung speaks for the picture.
        let (frames, damaged) = picture.values().copied().max_by_key(|(_, damaged)| *damaged).unwrap_or_default();
        let cost = self.cost(plan);
        Report {
            cpu_ms: cost.total_cpu_ms(),
            cost,
            frames,
            damaged,
            renditions: self.presentation(plan).tracks.iter().map(|track| RenditionReport::of(track, plan)).collect(),
            quality: self.quality(plan),
            dash: false,
            notes,
        }
    }

    /// What all this took.
    fn cost(&self, plan: &Plan) -> Cost {
        let analyse_cpu_ms = plan.analysis.as_ref().map_or(0, |analysis| analysis.cpu_ms);
        let mut cost = Cost { analyse_cpu_ms, ..Cost::default() };
        for Finished { track, cpu_ms, quality_cpu_ms, .. } in &self.finished {
            cost.judge_cpu_ms += quality_cpu_ms;
            let step = match track {
                Folder::Video => &mut cost.picture_cpu_ms,
                Folder::Audio => &mut cost.sound_cpu_ms,
                Folder::Text => &mut cost.subtitles_cpu_ms,
            };
            *step += cpu_ms.saturating_sub(*quality_cpu_ms);
        }
        cost
    }

    /// How good what is stored is, as far as pictures were judged.
    #[must_use]
    pub fn quality(&self, plan: &Plan) -> Quality {
        let mut by_rung: HashMap<&str, Vec<Judged>> = HashMap::new();
        for stored in self.segments.iter().filter(|stored| stored.track == Folder::Video) {
            by_rung.entry(&stored.rendition).or_default().extend(&stored.judged);
        }
        let time_ms = |tick| plan.timeline.ticks_to_ms(tick);
        let of = |rung: &Rung| {
            let judged = by_rung.get(rung.id.as_str())?;
            RungQuality::of(format!("{}/{}", Folder::Video.folder(), rung.id), judged, plan.duration_ms(), time_ms)
        };
        Quality {
            cpu_ms: self.finished.iter().map(|finished| finished.quality_cpu_ms).sum(),
            rungs: plan.rungs.iter().filter_map(of).collect(),
        }
    }

    /// The rendition of that name.
    #[must_use]
    pub fn rendition(&self, folder: Folder, id: &str) -> Option<&Rendition> {
        let found = self.renditions.iter().find(|stored| stored.track == folder && stored.rendition.id == id);
        found.map(|stored| &stored.rendition)
    }
}

impl RenditionReport {
    fn of(track: &Track, plan: &Plan) -> Self {
        let rung = plan.rung(&track.rendition.id).filter(|_| track.rendition.folder() == Folder::Video);
        let size_bytes: u64 = track.segments.iter().map(|segment| segment.size_bytes).sum();
        let ticks: u64 = track.segments.iter().map(|segment| segment.duration_ticks).sum();
        let bits_per_tick = size_bytes as f64 * 8.0 / ticks.max(1) as f64;
        Self {
            id: format!("{}/{}", track.rendition.folder().folder(), track.rendition.id),
            codec: track.rendition.codec.clone(),
            size_bytes,
            bitrate_bps: (bits_per_tick * f64::from(track.rendition.timescale)).round() as u64,
            reason: rung.map(|rung| rung.reason.clone()).unwrap_or_default(),
        }
    }
}

impl Db {
    /// What a manifest of `encode` can offer now: see [`Ledger::presentation`].
    ///
    /// # Errors
    /// `NotFound` if there is no such encode.
    pub async fn presentation(&self, encode: EncodeId) -> Result<Presentation> {
        let plan = self.encode(encode).await?.plan;
        Ok(self.ledger(encode).await?.presentation(&plan))
    }

    /// Frames of the source that the finished chunks of `encode` had to conceal or miss, those of `chunk` left out.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn damaged_frames(&self, encode: EncodeId, chunk: u32) -> Result<u64> {
        let sum = sqlx::query_scalar!(
            r#"select coalesce(sum(per_chunk.damaged), 0)::bigint as "damaged!" from (
                   select max(damaged) as damaged from finished_chunks
                   where encode_id = $1 and track = 'video' and chunk <> $2 group by chunk
               ) per_chunk"#,
            encode.0,
            i32::try_from(chunk).map_err(Error::internal)?,
        );
        Ok(unsigned(sum.fetch_one(self.pool()).await.map_err(error)?))
    }

    /// Everything that is stored of `encode`.
    ///
    /// # Errors
    /// `Unavailable` if the database does not answer.
    pub async fn ledger(&self, encode: EncodeId) -> Result<Ledger> {
        self.stored(encode, None).await
    }
}

/// Name of a kind of track in the database.
pub(super) fn name_of(track: Folder) -> &'static str {
    match track {
        Folder::Video => "video",
        Folder::Audio => "audio",
        Folder::Text => "text",
    }
}

fn folder(name: &str) -> Result<Folder> {
    match name {
        "video" => Ok(Folder::Video),
        "audio" => Ok(Folder::Audio),
        "text" => Ok(Folder::Text),
        other => Err(Error::internal(format!("{other} is not a kind of track"))),
    }
}

fn sha256(bytes: Vec<u8>) -> Result<Sha256> {
    bytes.try_into().map_err(|_| Error::internal("a checksum in the ledger is not 32 bytes"))
}

pub(super) fn signed(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(Error::internal)
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
