//! Tries every size at some qualities on samples of a film, and measures what each takes and shows.

use super::{
    Stop,
    attempt::{Attempt, Pictures},
    pictures::{Part, Work},
    video::{self, Job},
    vmaf::Judge,
};
use crate::child::{Link, Output, RemoteSource, Report};
use marquee_core::plan::{Chunk, Measure, Rung, Sample};
use std::{cmp::Reverse, iter::zip, sync::mpsc::Receiver, thread};

/// Trials that are made and judged at a time: encoders and judges each hold many pictures in several forms.
const TRIALS_AT_ONCE: usize = 2;

/// What is made of each sample.
struct Trials<'a> {
    job: &'a Job<'a>,
    trials: &'a [Rung],
    /// A rung for each size that is tried, the largest first: its pictures are kept.
    kept: Vec<Rung>,
}

/// Makes all trials of the plan's analysis and hands over what they came to; nothing if no sample could be decoded.
pub(super) fn analyse(link: &Link, source: RemoteSource, job: &Job<'_>) -> Result<Report, Stop> {
    let analysis = job.plan.analysis.as_ref().ok_or_else(|| Stop::Fault("the plan has nothing to analyse".into()))?;
    let trials = Trials::of(job, &analysis.trials)?;
    let rungs: Vec<&Rung> = trials.kept.iter().collect();
    keep_memory();
    let mut decoding = video::open(source, job)?;
    let (mut found, mut report) = (Vec::new(), Report::default());
    for (index, sample) in analysis.samples.iter().enumerate() {
        let first = video::go_to(&mut decoding, job, sample.start_ticks)?;
        let chunk = Chunk { index: 0, start_ticks: sample.start_ticks, end_ticks: Some(sample.end_ticks), first_segment: 1 };
        let part = Part { job, chunk: &chunk, rungs: &rungs, progress: &|_| Ok(()) };
        let (decoded, pictures) = part.share_out(&mut decoding, first, |_, work| Ok(collect(work)))?;
        report.frames += decoded.frames;
        report.decoded += decoded.decoded;
        found.extend(trials.measure(sample, &pictures)?);
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
fn collect(work: Receiver<Work>) -> Pictures {
    let pictures = work.into_iter().filter_map(|work| match work {
        Work::Picture { picture, tick, .. } => Some((tick, picture)),
        Work::End { .. } => None,
    });
    pictures.collect()
}

impl<'a> Trials<'a> {
    fn of(job: &'a Job<'a>, trials: &'a [Rung]) -> Result<Self, Stop> {
        let mut kept: Vec<Rung> = Vec::new();
        for trial in trials {
            if kept.iter().all(|rung| !is_as_large(rung, trial)) {
                kept.push(Rung { id: format!("kept-{}", trial.id), ..trial.clone() });
            }
        }
        // What the largest shows is the original that all are judged by: it leaves no picture out.
        kept.sort_by_key(|rung| Reverse((rung.width * rung.height, Reverse(rung.frame_step))));
        if kept.is_empty() { Err(Stop::Fault("the analysis has no trials".into())) } else { Ok(Self { job, trials, kept }) }
    }

    /// What each trial came to on a sample whose `pictures` these are, size by size; `None` if it holds too few to judge.
    fn measure(&self, sample: &Sample, pictures: &[Pictures]) -> Result<Option<Vec<Measure>>, Stop> {
        let Some(place) = judged(pictures) else { return Ok(None) };
        let mut measures = Vec::with_capacity(self.trials.len());
        for some in self.trials.chunks(TRIALS_AT_ONCE) {
            let rated: Result<Vec<Measure>, Stop> = thread::scope(|scope| {
                let rate = |trial| scope.spawn(move || self.rate(trial, sample, pictures, place));
                let threads: Vec<_> = some.iter().map(rate).collect();
                let panicked = |_| Stop::Fault("a judge's thread panicked".into());
                threads.into_iter().map(|thread| thread.join().map_err(panicked)?).collect()
            });
            measures.extend(rated?);
        }
        Ok(Some(measures))
    }

    /// What a trial takes, and how it shows the original at `place`.
    fn rate(&self, trial: &Rung, sample: &Sample, pictures: &[Pictures], place: usize) -> Result<Measure, Stop> {
        let own = zip(&self.kept, pictures).find(|(rung, _)| is_as_large(rung, trial));
        let (_, own) = own.ok_or_else(|| Stop::Fault("a trial has no pictures".into()))?;
        let attempt = Attempt::make(self.job, trial, own)?;
        let timeline = &self.job.plan.timeline;
        let seconds = |ticks: u64| ticks as f64 / f64::from(timeline.timescale);
        let (length, group) = (seconds(sample.end_ticks - sample.start_ticks), seconds(timeline.gop_ticks));
        Ok(Measure { bitrate_bps: attempt.bitrate_bps(length, group), vmaf: score(&attempt, &pictures[0], place)? })
    }
}

/// Whether two rungs have the same pictures.
fn is_as_large(one: &Rung, other: &Rung) -> bool {
    (one.width, one.height, one.frame_step) == (other.width, other.height, other.frame_step)
}

/// Position of the original that is judged: in the middle of those that are shown in every size. Pictures of a sample are much alike.
fn judged(pictures: &[Pictures]) -> Option<usize> {
    let (originals, fewest) = (pictures.first()?, pictures.iter().min_by_key(|pictures| pictures.len())?);
    let both = |place: &usize| fewest.binary_search_by_key(&originals[*place].0, |(tick, _)| *tick).is_ok();
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
