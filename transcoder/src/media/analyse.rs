//! Tries every size at some qualities on samples of a film, and measures what each takes and shows.

use super::{
    Stop,
    attempt::{Attempt, Pictures},
    pictures::{Part, Work},
    video::{self, Job},
    vmaf::Judge,
};
use crate::child::{Link, Output, RemoteSource, Report};
use marquee_core::plan::{Chunk, Codec, Measure, Rung, Sample};
use std::{sync::mpsc::Receiver, thread};

/// Trials that are judged at a time: each judge holds several pictures in several forms. Encoders of other codecs than H.264 are as many.
const JUDGES: usize = 2;

/// What became of one rung of a sample.
enum Made {
    Pictures(Pictures),
    Tried(Attempt),
}

/// A trial on one sample: of H.264, made while the sample was decoded; of other codecs, whose encoders are too large for all at once,
/// still to be made of pictures that were kept.
enum Trial<'a> {
    Made(Attempt),
    ToMake(&'a Rung, &'a Pictures),
}

/// What is made of each sample.
struct Trials<'a> {
    job: &'a Job<'a>,
    /// Every picture, as large as the largest trial has it.
    original: Rung,
    /// What is tried while a sample is decoded.
    at_once: Vec<&'a Rung>,
    /// What is tried later, and a rung for each of its sizes, whose pictures are kept.
    later: Vec<&'a Rung>,
    kept: Vec<Rung>,
}

/// Makes all trials of the plan's analysis and hands over what they came to; nothing if no sample could be decoded.
pub(super) fn analyse(link: &Link, source: RemoteSource, job: &Job<'_>) -> Result<Report, Stop> {
    let analysis = job.plan.analysis.as_ref().ok_or_else(|| Stop::Fault("the plan has nothing to analyse".into()))?;
    let trials = Trials::of(job, &analysis.trials)?;
    let rungs = trials.rungs();
    keep_memory();
    let mut decoding = video::open(source, job)?;
    let (mut found, mut report) = (Vec::new(), Report::default());
    for (index, sample) in analysis.samples.iter().enumerate() {
        let first = video::go_to(&mut decoding, job, sample.start_ticks)?;
        let chunk = Chunk { index: 0, start_ticks: sample.start_ticks, end_ticks: Some(sample.end_ticks), first_segment: 1 };
        let part = Part { job, chunk: &chunk, rungs: &rungs, progress: &|_| Ok(()) };
        let (decoded, made) = part.share_out(&mut decoding, first, |rung, work| {
            if trials.at_once.iter().any(|trial| trial.id == rung.id) {
                Attempt::make(job, rung, work).map(Made::Tried)
            } else {
                Ok(collect(work))
            }
        })?;
        report.frames += decoded.frames;
        report.decoded += decoded.decoded;
        found.extend(trials.measure(sample, made)?);
        link.output(Output::Progress((index + 1) as f32 / analysis.samples.len() as f32))?;
    }
    link.output(Output::Measures(means(&found, analysis.trials.len())))?;
    Ok(report)
}

/// Pictures come and go by the hundred: what one leaves the next takes, and the kernel need not clear it anew.
fn keep_memory() {
    // SAFETY: it only changes when the allocator gives memory back.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a setting of the C library")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 64 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}

/// Keeps the pictures that come.
fn collect(work: Receiver<Work>) -> Made {
    let pictures = work.into_iter().filter_map(|work| match work {
        Work::Picture { picture, tick, .. } => Some((tick, picture)),
        Work::End { .. } => None,
    });
    Made::Pictures(pictures.collect())
}

impl<'a> Trials<'a> {
    /// `trials` in their order, those of H.264 being the first.
    fn of(job: &'a Job<'a>, trials: &'a [Rung]) -> Result<Self, Stop> {
        let size = |rung: &Rung| (rung.width, rung.height);
        let largest = trials.iter().max_by_key(|rung| rung.width * rung.height);
        let largest = largest.ok_or_else(|| Stop::Fault("the analysis has no trials".into()))?;
        let (at_once, later): (Vec<&Rung>, Vec<&Rung>) = trials.iter().partition(|trial| trial.codec == Codec::H264);
        let mut kept: Vec<Rung> = Vec::new();
        for trial in &later {
            if kept.iter().all(|rung| size(rung) != size(trial)) {
                kept.push(Rung { id: format!("kept-{}", trial.id), ..(*trial).clone() });
            }
        }
        Ok(Self { job, original: Rung { id: "original".into(), ..largest.clone() }, at_once, later, kept })
    }

    fn rungs(&self) -> Vec<&Rung> {
        std::iter::once(&self.original).chain(self.at_once.iter().copied()).chain(&self.kept).collect()
    }

    /// What each trial came to on a sample of which that was `made`; `None` if the sample holds too few pictures to judge.
    fn measure(&self, sample: &Sample, made: Vec<Made>) -> Result<Option<Vec<Measure>>, Stop> {
        let (mut pictures, mut trials) = (Vec::new(), Vec::new());
        for made in made {
            match made {
                Made::Pictures(more) => pictures.push(more),
                Made::Tried(attempt) => trials.push(Trial::Made(attempt)),
            }
        }
        let mut pictures = pictures.into_iter();
        let (originals, kept) = (pictures.next().unwrap_or_default(), pictures.collect::<Vec<_>>());
        for trial in &self.later {
            let as_large = |rung: &&Rung| (rung.width, rung.height) == (trial.width, trial.height);
            let found = std::iter::zip(&self.kept, &kept).find(|(rung, _)| as_large(rung));
            trials.extend(found.map(|(_, pictures)| Trial::ToMake(trial, pictures)));
        }
        let Some(place) = judged(&originals, &trials) else { return Ok(None) };
        let mut measures = Vec::with_capacity(trials.len());
        let originals = &originals;
        let mut trials = trials.into_iter();
        while trials.len() > 0 {
            let rated: Result<Vec<Measure>, Stop> = thread::scope(|scope| {
                let rate = |trial| scope.spawn(move || self.rate(trial, sample, originals, place));
                let threads: Vec<_> = trials.by_ref().take(JUDGES).map(rate).collect();
                let panicked = |_| Stop::Fault("a judge's thread panicked".into());
                threads.into_iter().map(|thread| thread.join().map_err(panicked)?).collect()
            });
            measures.extend(rated?);
        }
        Ok(Some(measures))
    }

    /// What a trial took, and how it shows the original at `place`.
    fn rate(&self, trial: Trial<'_>, sample: &Sample, originals: &Pictures, place: usize) -> Result<Measure, Stop> {
        let attempt = match trial {
            Trial::Made(attempt) => attempt,
            Trial::ToMake(rung, pictures) => Attempt::of(self.job, rung, pictures)?,
        };
        let timeline = &self.job.plan.timeline;
        let seconds = |ticks: u64| ticks as f64 / f64::from(timeline.timescale);
        let (length, group) = (seconds(sample.end_ticks - sample.start_ticks), seconds(timeline.gop_ticks));
        Ok(Measure { bitrate_bps: attempt.bitrate_bps(length, group), vmaf: score(&attempt, originals, place)? })
    }
}

impl Trial<'_> {
    /// When its pictures are shown, ascending.
    fn ticks(&self) -> Vec<u64> {
        match self {
            Self::Made(attempt) => attempt.ticks(),
            Self::ToMake(_, pictures) => pictures.iter().map(|(tick, _)| *tick).collect(),
        }
    }
}

/// Position of the original that is judged: in the middle of those that every trial shows. Pictures of a sample are much alike.
fn judged(originals: &Pictures, trials: &[Trial<'_>]) -> Option<usize> {
    let fewest = trials.iter().map(Trial::ticks).min_by_key(Vec::len)?;
    let both = |place: &usize| fewest.binary_search(&originals[*place].0).is_ok();
    let common: Vec<usize> = (0..originals.len()).filter(both).collect();
    common.get(common.len() / 2).copied()
}

/// VMAF of the original at `place` as an attempt shows it.
fn score(attempt: &Attempt, originals: &Pictures, place: usize) -> Result<f64, Stop> {
    let picture = |place: usize| &originals[place].1;
    let shown = attempt.shown(originals[place].0, picture(place).width(), picture(place).height())?;
    let shown = shown.ok_or_else(|| Stop::Fault("a picture of a trial was lost".into()))?;
    let (before, after) = (place.saturating_sub(1), (place + 1).min(originals.len() - 1));
    Judge::new()?.score(&shown, [picture(before), picture(place), picture(after)])
}

/// Means over all samples, trial by trial.
fn means(samples: &[Vec<Measure>], trials: usize) -> Vec<Measure> {
    if samples.is_empty() {
        return Vec::new();
    }
    let mean = |trial: usize, of: fn(&Measure) -> f64| {
        samples.iter().map(|sample| of(&sample[trial])).sum::<f64>() / samples.len() as f64
    };
    let measure = |trial| Measure {
        bitrate_bps: mean(trial, |it| it.bitrate_bps).round(),
        vmaf: (mean(trial, |it| it.vmaf) * 100.0).round() / 100.0,
    };
    (0..trials).map(measure).collect()
}
