//! Encodes one chunk of the picture into some rungs: one thread decodes and scales, one thread per rung encodes.

use super::{Stop, again::Exit, decode::Decoding, encode_video::TRACK, input::Input, pictures::Part, pulldown, rung::Beginning};
use crate::child::{Link, Output, RemoteSource, Report};
use ffmpeg_next::frame;
use marquee_core::{
    plan::{Plan, Rung},
    source::{Seek, Source, VideoTrack},
};
use std::time::Duration;

/// How far before a chunk a keyframe is looked for, one try after the other; then from the start.
const SEEK_BACK_MS: [u64; 5] = [0, 500, 3_000, 12_000, 40_000];
/// Units of a source's time base within which a rounded time is looked for: two milliseconds of the finest one that is usual.
const ROUNDING_UNITS_MAX: i64 = 180;

/// A source, and what is made of it.
pub(super) struct Job<'a> {
    pub(super) source: &'a Source,
    pub(super) plan: &'a Plan,
}

/// Encodes the chunk with index `chunk` into `rungs` and hands over its segments as they become complete.
pub(super) fn encode(link: &Link, source: &RemoteSource, job: &Job<'_>, chunk: u32, rungs: &[String]) -> Result<Report, Stop> {
    let unknown = |what: &str| Stop::Fault(format!("the plan has no such {what}"));
    let chunk = job.plan.chunks.iter().find(|other| other.index == chunk).ok_or_else(|| unknown("chunk"))?;
    let rungs: Vec<&Rung> = rungs.iter().map(|id| job.plan.rung(id).ok_or_else(|| unknown("rung"))).collect::<Result<_, _>>()?;
    let mut decoding = open(source.clone(), job)?;
    let first = go_to(&mut decoding, job, chunk.start_ticks)?;
    let progress = |done: f32| Ok(link.output(Output::Progress(done))?);
    let part = Part { job, chunk, rungs: &rungs, progress: &progress };
    let make = |rung, work| {
        let (mut exit, beginning) = (Exit::new(link, job, rung), Beginning::of(job, rung)?);
        let (rendition, bytes) = (beginning.rendition.clone(), beginning.init.clone());
        link.output(Output::Init { track: TRACK, rendition, bytes })?;
        let quality_cpu = beginning.run(job, rung, work, |made| exit.push(made))?;
        Ok((exit, quality_cpu))
    };
    let (mut report, made) = part.share_out(&mut decoding, first, make)?;
    drop(decoding);
    let mut quality_cpu = Duration::ZERO;
    for (exit, cpu) in made {
        let again = exit.finish(source, chunk)?;
        quality_cpu += cpu + again.quality_cpu;
        report.decoded += again.decoded;
        report.notes.extend(again.note);
    }
    report.quality_cpu_ms = u64::try_from(quality_cpu.as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// Opens the picture of a source at its beginning.
pub(super) fn open(source: RemoteSource, job: &Job<'_>) -> Result<Decoding, Stop> {
    let track = &job.source.video;
    let stream = track.stream as usize;
    let mut decoding = Decoding::new(Input::open(source.clone())?, stream)?;
    if !decoding.begins_at(track.origin)? {
        decoding = Decoding::new(Input::open_listed(source)?, stream)?;
    }
    if track.seek == Seek::InOrder {
        decoding.go_by_order(track.origin);
    }
    Ok(decoding)
}

/// Goes to where the frames from `start_ticks` on can be decoded from, which in some sources is where `decoding` stands. Answers the
/// frame that proved it, if one had to.
pub(super) fn go_to(decoding: &mut Decoding, job: &Job<'_>, start_ticks: u64) -> Result<Option<frame::Video>, Stop> {
    let (track, timeline) = (&job.source.video, &job.plan.timeline);
    let lead_ticks = job.plan.picture.pulldown.map_or(0, |_| pulldown::lead_ticks(timeline));
    let start_ticks = start_ticks.saturating_sub(lead_ticks);
    if start_ticks == 0 || track.seek != Seek::Keyframe {
        return Ok(None);
    }
    let needed = latest_pts(job, start_ticks);
    // Streams that are broadcast are entered anywhere: where the chunk begins would already be past its keyframe.
    let tries = if job.source.container.starts_with("mpeg") { &SEEK_BACK_MS[1..] } else { &SEEK_BACK_MS };
    for ms in tries {
        let back = ms * u64::from(timeline.timescale) / 1000;
        let pts = if back == 0 { needed } else { pts_of(track, timeline.timescale, start_ticks.saturating_sub(back)) };
        if pts <= track.origin {
            break;
        }
        let mut frame = frame::Video::empty();
        if decoding.seek(pts, needed)? && decoding.next(&mut frame)? {
            let tick = decoding.time().map(|pts| timeline.tick(track, pts));
            if tick.and_then(|tick| u64::try_from(tick).ok()).is_some_and(|tick| tick <= start_ticks) {
                return Ok(Some(frame));
            }
        }
    }
    decoding.rewind()?;
    Ok(None)
}

/// The time in the source at which `tick` is shown, rounded down.
pub(super) fn pts_of(track: &VideoTrack, timescale: u32, tick: u64) -> i64 {
    let units = u128::from(tick) * u128::from(track.time_base.den);
    let elapsed = units / (u128::from(timescale) * u128::from(track.time_base.num.max(1)));
    track.origin.saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX))
}

/// The latest time in the source that is shown at `tick` or before: containers round, also upwards.
fn latest_pts(job: &Job<'_>, tick: u64) -> i64 {
    let (track, timeline) = (&job.source.video, &job.plan.timeline);
    let exact = pts_of(track, timeline.timescale, tick);
    let is_in_time = |pts: &i64| u64::try_from(timeline.tick(track, *pts)).is_ok_and(|shown| shown <= tick);
    (1..=ROUNDING_UNITS_MAX).map(|units| exact.saturating_add(units)).take_while(is_in_time).last().unwrap_or(exact)
}
