//! Tries every size at some qualities on samples of a film, and measures what each takes and shows.

use super::{
    Stop,
    attempt::Attempt,
    pictures::{Part, Work},
    video::{self, Job},
    vmaf::Judge,
};
use crate::child::{Link, Output, RemoteSource, Report};
use ffmpeg_next::frame;
use marquee_core::plan::{Chunk, Measure, Rung, Sample};
use std::{sync::mpsc::Receiver, thread};

/// Trials that are judged at a time: each judge holds several pictures in several forms.
const JUDGES: usize = 2;

/// The source's pictures of a sample as they should look, in order, with their ticks.
type Originals = Vec<(u64, frame::Video)>;

/// What became of one rung of a sample.
enum Made {
    Originals(Originals),
    Tried(Attempt),
}

/// Makes all trials of the plan's analysis and hands over what they came to; nothing if no sample could be decoded.
pub(super) fn analyse(link: &Link, source: RemoteSource, job: &Job<'_>) -> Result<Report, Stop> {
    let analysis = job.plan.analysis.as_ref().ok_or_else(|| Stop::Fault("the plan has nothing to analyse".into()))?;
    let largest = analysis.trials.iter().max_by_key(|rung| rung.width * rung.height);
    let largest = largest.ok_or_else(|| Stop::Fault("the analysis has no trials".into()))?;
    // Every picture, as large as the largest trial has it.
    let original = Rung { id: "original".into(), ..largest.clone() };
    let rungs: Vec<&Rung> = std::iter::once(&original).chain(&analysis.trials).collect();
    keep_memory();
    let mut decoding = video::open(source, job)?;
    let (mut found, mut report) = (Vec::new(), Report::default());
    for (index, sample) in analysis.samples.iter().enumerate() {
        let first = video::go_to(&mut decoding, job, sample.start_ticks)?;
        let chunk = Chunk { index: 0, start_ticks: sample.start_ticks, end_ticks: Some(sample.end_ticks), first_segment: 1 };
        let part = Part { job, chunk: &chunk, rungs: &rungs, progress: &|_| Ok(()) };
        let (decoded, made) = part.share_out(&mut decoding, first, |rung, work| {
            if rung.id == original.id { collect(work) } else { Attempt::make(job, rung, work).map(Made::Tried) }
        })?;
        report.frames += decoded.frames;
        report.decoded += decoded.decoded;
        found.extend(measure(job, sample, made)?);
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
fn collect(work: Receiver<Work>) -> Result<Made, Stop> {
    let pictures = work.into_iter().filter_map(|work| match work {
        Work::Picture { picture, tick, .. } => Some((tick, picture)),
        Work::End { .. } => None,
    });
    Ok(Made::Originals(pictures.collect()))
}

/// What each attempt at a sample came to; `None` if the sample holds too few pictures to judge.
fn measure(job: &Job<'_>, sample: &Sample, made: Vec<Made>) -> Result<Option<Vec<Measure>>, Stop> {
    let (mut originals, mut attempts) = (Vec::new(), Vec::new());
    for made in made {
        match made {
            Made::Originals(pictures) => originals = pictures,
            Made::Tried(attempt) => attempts.push(attempt),
        }
    }
    let Some(place) = judged(&originals, &attempts) else { return Ok(None) };
    let seconds = |ticks: u64| ticks as f64 / f64::from(job.plan.timeline.timescale);
    let (length, group) = (seconds(sample.end_ticks - sample.start_ticks), seconds(job.plan.timeline.gop_ticks));
    let mut measures = Vec::with_capacity(attempts.len());
    let originals = &originals;
    let rate = |attempt: Attempt| {
        let vmaf = score(&attempt, originals, place)?;
        Ok(Measure { bitrate_bps: attempt.bitrate_bps(length, group), vmaf })
    };
    let mut attempts = attempts.into_iter();
    while attempts.len() > 0 {
        let rated: Result<Vec<Measure>, Stop> = thread::scope(|scope| {
            let threads: Vec<_> = attempts.by_ref().take(JUDGES).map(|attempt| scope.spawn(move || rate(attempt))).collect();
            let panicked = |_| Stop::Fault("a judge's thread panicked".into());
            threads.into_iter().map(|thread| thread.join().map_err(panicked)?).collect()
        });
        measures.extend(rated?);
    }
    Ok(Some(measures))
}

/// Position of the original that is judged: in the middle of those that every attempt shows. Pictures of a sample are much alike.
fn judged(originals: &Originals, attempts: &[Attempt]) -> Option<usize> {
    let fewest = attempts.iter().map(Attempt::ticks).min_by_key(Vec::len)?;
    let both = |place: &usize| fewest.binary_search(&originals[*place].0).is_ok();
    let common: Vec<usize> = (0..originals.len()).filter(both).collect();
    common.get(common.len() / 2).copied()
}

/// VMAF of the original at `place` as an attempt shows it.
fn score(attempt: &Attempt, originals: &Originals, place: usize) -> Result<f64, Stop> {
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
