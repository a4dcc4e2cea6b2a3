//! What is measured before the ladder of a title is chosen: every size of the fixed ladder at some qualities, over short pieces of the
//! film that are spread over it.

use super::{Canvas, Codec, Rung};
use crate::plan::{Timeline, chunk};
use crate::source::{Seek, Source, VideoTrack};
use serde::{Deserialize, Serialize};

/// Sizes of a codec that are tried at more qualities than others.
const LARGE_SIZES: usize = 2;
/// Cap of trials: high enough to tell what a quality takes by itself, and the highest that all encoders take.
const TRIAL_MAX_BITRATE_BPS: u32 = 100_000_000;
/// A shorter film gets the fixed ladder, in seconds: there is little to save, and much of the work would be measuring.
const SECONDS_MIN: f64 = 5.0;
/// Seconds of a sample.
const SAMPLE_SECONDS: f64 = 0.5;
/// Share of the film that is sampled: a second of samples was seen to cost as much as four seconds of the whole ladder.
const SAMPLED: f64 = 0.008;
/// Samples at least, but no more than one in five seconds, and at most.
const SAMPLES_MIN: f64 = 3.0;
const SAMPLES_MAX: f64 = 16.0;
/// Seconds from the beginning in which a source is sampled that has to be decoded from there.
const FROM_START_SECONDS: f64 = 60.0;
/// What H.264 needs for the picture that a newer codec made of one bit.
const NEWER_CODEC: f64 = 2.0;

/// Processor time of a pixel that is measured, with decoding and judging, in that of one of the fixed ladder.
const MEASURING_WORK: f64 = 2.6;
/// Whatever measuring costs, a ladder may take this share of the fixed one.
const EFFORT_MIN: f64 = 0.8;

/// What has to be measured before a ladder is chosen, and what was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The fixed ladders, each highest first: what the choice is compared with, and what is made where nothing can be measured.
    pub fixed: Vec<Rung>,
    /// Sizes between those of the fixed H.264 ladder that the chosen one may have. They are not tried: what is next to them tells of them.
    #[serde(default)]
    pub between: Vec<Rung>,
    /// The lowest rung of the chosen ladder, where it is another than the fixed one's.
    #[serde(default)]
    pub lowest: Option<Rung>,
    /// What is tried.
    pub trials: Vec<Rung>,
    /// Where it is tried, in order and without overlap.
    pub samples: Vec<Sample>,
    /// Bits a second that would say all that the source says: no rung needs more.
    pub source_bitrate_bps: f64,
    /// Processor time of an H.264 rung as trials are made, in that of one of the fixed ladder.
    pub work: f64,
    /// Processor time that the ladder may take, in that of the fixed one.
    pub effort_max: f64,
    /// What the trials came to, one by one; empty until they were made, and where nothing could be measured.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// Whether the ladder is chosen: until then the plan has only the rungs that lead.
    #[serde(default)]
    pub decided: bool,
    /// Processor time that they took.
    #[serde(default)]
    pub cpu_ms: u64,
}

/// A piece of the film: frames with `start_ticks <= tick < end_ticks`. It begins with a group of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// First tick.
    pub start_ticks: u64,
    /// First tick that is not in it.
    pub end_ticks: u64,
}

/// What a trial came to over all samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Mean bits a second, with keyframes as far apart as in the title.
    pub bitrate_bps: f64,
    /// Mean VMAF (model v0.6.1) of pictures scaled up to the largest size that is tried.
    pub vmaf: f64,
}

impl Measure {
    /// Whether it can be one: it comes from a process that has read what others made.
    #[must_use]
    pub fn is_sane(&self) -> bool {
        (1.0..=1e10).contains(&self.bitrate_bps) && (0.0..=110.0).contains(&self.vmaf)
    }
}

impl Analysis {
    /// What to measure of `source`; `None` if its fixed ladder leaves nothing to choose.
    pub(in crate::plan) fn of(canvas: &Canvas<'_>, source: &Source, timeline: &Timeline, duration_ticks: u64) -> Option<Self> {
        let per_title = canvas.recipe.per_title.as_ref()?;
        let h264 = canvas.h264();
        // The lowest is not tried: its cap decides what it takes.
        let (_, sizes) = h264.split_last()?;
        let seconds = duration_ticks as f64 / f64::from(timeline.timescale);
        if sizes.is_empty() || seconds < SECONDS_MIN {
            return None;
        }
        let tried = |rung: &Rung, crf: f32| {
            let id = format!("{}-{crf}", rung.id);
            let rung = if rung.codec == Codec::H264 { per_title.made(rung) } else { rung.clone() };
            Rung { id, crf, max_bitrate_bps: TRIAL_MAX_BITRATE_BPS, ..rung }
        };
        let fixed = canvas.fixed();
        let others = fixed.get(h264.len()..).unwrap_or_default().chunk_by(|a, b| a.codec == b.codec);
        let trials = std::iter::once(sizes).chain(others).flat_map(|sizes| {
            sizes.iter().enumerate().flat_map(|(place, rung)| {
                let scale = rung.codec.scale();
                let crfs = if place < LARGE_SIZES { scale.tried } else { scale.tried_small };
                crfs.iter().map(|crf| tried(rung, *crf))
            })
        });
        let trials: Vec<Rung> = trials.collect();
        let samples = samples(timeline, &source.video, duration_ticks);
        let pixels = |rungs: &mut dyn Iterator<Item = &Rung>| rungs.map(Rung::pixels_a_frame).sum::<f64>();
        let sampled: u64 = samples.iter().map(|sample| sample.end_ticks - sample.start_ticks).sum();
        let measured = pixels(&mut trials.iter().filter(|rung| rung.codec == Codec::H264)) * sampled as f64;
        let measuring = measured / (pixels(&mut h264.iter()) * duration_ticks as f64) * MEASURING_WORK;
        let newer = matches!(source.video.codec.as_str(), "hevc" | "vp9" | "av1");
        let worth = if newer { NEWER_CODEC } else { 1.0 };
        Some(Self {
            between: canvas.between(&h264),
            lowest: canvas.lowest(&h264),
            trials,
            samples,
            source_bitrate_bps: source.size_bytes as f64 * 8.0 / seconds * worth,
            fixed,
            work: per_title.work,
            effort_max: (per_title.effort_max - measuring).max(EFFORT_MIN),
            decided: false,
            measures: Vec::new(),
            cpu_ms: 0,
        })
    }

    /// Chooses samples of `track` anew: now it is known where all of its keyframes are.
    pub(in crate::plan) fn spread(&mut self, timeline: &Timeline, track: &VideoTrack, duration_ticks: u64) {
        self.samples = samples(timeline, track, duration_ticks);
    }

    /// The fixed ladder with `given` in the places of rungs of their names.
    pub(in crate::plan) fn fixed_with(&self, given: &[Rung]) -> Vec<Rung> {
        let known = |rung: &Rung| given.iter().find(|other| other.id == rung.id).unwrap_or(rung).clone();
        self.fixed.iter().map(known).collect()
    }

    /// Whether the same was asked, answered or not.
    pub(in crate::plan) fn asks_like(&self, other: &Self) -> bool {
        let unanswered = |analysis: &Self| Self { measures: Vec::new(), decided: false, cpu_ms: 0, ..analysis.clone() };
        unanswered(self) == unanswered(other)
    }

    /// Whether the same rungs were tried, on whatever samples.
    pub(in crate::plan) fn tries_like(&self, other: &Self) -> bool {
        (&self.fixed, &self.trials, self.work) == (&other.fixed, &other.trials, other.work)
    }

    /// Whether `measures` answers what was asked.
    #[must_use]
    pub fn is_answered_by(&self, measures: &[Measure]) -> bool {
        measures.len() == self.trials.len() && measures.iter().all(Measure::is_sane)
    }
}

/// Evenly spread, each moved to where least has to be decoded before it.
fn samples(timeline: &Timeline, track: &VideoTrack, duration_ticks: u64) -> Vec<Sample> {
    let second = f64::from(timeline.timescale);
    let length_ticks = match timeline.frame_ticks.map(u64::from) {
        Some(frame) => (SAMPLE_SECONDS * second / frame as f64).round().max(2.0) as u64 * frame,
        None => (SAMPLE_SECONDS * second) as u64,
    };
    let reachable =
        if track.seek == Seek::Keyframe { duration_ticks } else { duration_ticks.min((FROM_START_SECONDS * second) as u64) };
    let seconds = duration_ticks as f64 / second;
    let least = SAMPLES_MIN.min((seconds / SECONDS_MIN).floor()).max(1.0);
    let wanted = (seconds * SAMPLED / SAMPLE_SECONDS).round().clamp(least, SAMPLES_MAX) as u64;
    let groups = reachable.div_ceil(timeline.gop_ticks).max(1);
    let count = wanted.min(groups);
    let mut samples: Vec<Sample> = Vec::new();
    for index in 0..count {
        // Every sample has a stretch of its own, and lies in the middle half of it.
        let (first, last) = ((4 * index + 1) * groups / (4 * count), (4 * index + 3) * groups / (4 * count));
        let starts = (first..last.max(first + 1)).map(|group| group * timeline.gop_ticks);
        let Some(start_ticks) = starts.min_by_key(|start| chunk::lead_in_ticks(timeline, track, *start)) else { continue };
        let end_ticks = (start_ticks + length_ticks).min(duration_ticks);
        if end_ticks > start_ticks && samples.last().is_none_or(|last| last.end_ticks <= start_ticks) {
            samples.push(Sample { start_ticks, end_ticks });
        }
    }
    samples
}
