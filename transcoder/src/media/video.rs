//! Encodes one chunk of the picture into some rungs: one thread decodes and scales, one thread per rung encodes.

use super::{
    Stop,
    cadence::{Cadence, Place},
    decode::Decoding,
    encode_video::{TRACK, VideoEncoder},
    filter::Filters,
    input::Input,
    segmenter::Segmenter,
};
use crate::child::{Link, Output, RemoteSource, Report};
use ffmpeg_next::{ffi, frame};
use marquee_core::{
    plan::{Chunk, Plan, Rung},
    source::{Note, Seek, Source, VideoTrack},
};
use marquee_packager::cmaf::edit_ticks;
use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

/// Pictures that wait for one encoder: enough to keep it busy, few enough to hold in memory.
const PICTURES_MAX: usize = 6;
/// Pictures between two reports of progress.
const PROGRESS_EVERY: u64 = 16;
/// How far before a chunk a keyframe is looked for, in seconds, one try after the other; then from the start.
const SEEK_BACK_SECONDS: [u64; 4] = [0, 3, 12, 40];

/// Units of a source's time base within which a rounded time is looked for: two milliseconds of the finest one that is usual.
const ROUNDING_UNITS_MAX: i64 = 180;

/// What is to be encoded.
pub(super) struct Job<'a> {
    pub(super) source: &'a Source,
    pub(super) plan: &'a Plan,
    pub(super) chunk: u32,
    pub(super) rungs: &'a [String],
}

/// What an encoder thread gets.
enum Work {
    Picture { picture: frame::Video, tick: u64, starts_group: bool },
    End { end_ticks: u64 },
}

/// Encodes one chunk and hands over its segments as they become complete.
pub(super) fn encode(link: &Link, source: RemoteSource, job: &Job<'_>) -> Result<Report, Stop> {
    let unknown = |what: &str| Stop::Fault(format!("the plan has no such {what}"));
    let chunk = job.plan.chunks.iter().find(|chunk| chunk.index == job.chunk).ok_or_else(|| unknown("chunk"))?;
    let rungs: Vec<&Rung> =
        job.rungs.iter().map(|id| job.plan.rung(id).ok_or_else(|| unknown("rung"))).collect::<Result<_, _>>()?;
    let decoding = start(source, job, chunk)?;
    thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut threads = Vec::new();
        for rung in &rungs {
            let (sender, receiver) = sync_channel(PICTURES_MAX);
            senders.push(sender);
            threads.push(scope.spawn(move || encode_rung(link, job, rung, &receiver)));
        }
        let mut chunk_run = Run::new(link, job, chunk, &rungs, senders);
        let decoded = chunk_run.decode(decoding);
        let report = chunk_run.report();
        // Encoders end when nobody can send to them any more.
        drop(chunk_run);
        for thread in threads {
            // An encoder's own failure is the cause; that nobody takes its pictures is only the consequence.
            thread.join().map_err(|_| Stop::Fault("an encoder thread panicked".into()))??;
        }
        decoded.map(|()| report)
    })
}

/// Opens the source and goes to where the chunk can be decoded from.
fn start(source: RemoteSource, job: &Job<'_>, chunk: &Chunk) -> Result<Start, Stop> {
    let track = &job.source.video;
    let mut decoding = Decoding::new(Input::open(source)?, track.stream as usize)?;
    if track.seek == Seek::InOrder {
        decoding.go_by_order(track.origin);
    }
    if chunk.start_ticks == 0 || track.seek != Seek::Keyframe {
        return Ok(Start { decoding, first: None });
    }
    let needed = latest_pts(job, chunk.start_ticks);
    for seconds in SEEK_BACK_SECONDS {
        let back = seconds * u64::from(job.plan.timeline.timescale);
        let pts =
            if back == 0 { needed } else { pts_of(track, job.plan.timeline.timescale, chunk.start_ticks.saturating_sub(back)) };
        if pts <= track.origin {
            break;
        }
        let mut frame = frame::Video::empty();
        if decoding.seek(pts, needed)? && decoding.next(&mut frame)? {
            let tick = decoding.time().map(|pts| job.plan.timeline.tick(track, pts));
            if tick.and_then(|tick| u64::try_from(tick).ok()).is_some_and(|tick| tick <= chunk.start_ticks) {
                return Ok(Start { decoding, first: Some(frame) });
            }
        }
    }
    decoding.rewind()?;
    Ok(Start { decoding, first: None })
}

/// A source that stands where a chunk can be decoded from.
struct Start {
    decoding: Decoding,
    /// The frame that proved it.
    first: Option<frame::Video>,
}

/// The time in the source at which `tick` is shown, rounded down.
fn pts_of(track: &VideoTrack, timescale: u32, tick: u64) -> i64 {
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

/// The decoding side of one chunk.
struct Run<'a> {
    link: &'a Link,
    job: &'a Job<'a>,
    chunk: &'a Chunk,
    rungs: &'a [&'a Rung],
    senders: Vec<SyncSender<Work>>,
    filters: Option<Filters>,
    cadence: Cadence<'a>,
    /// The newest frame, for repeats.
    held: Option<frame::Video>,
    /// Tick of the newest picture that each encoder got.
    newest: Vec<Option<u64>>,
    frames: u64,
    repeats: u64,
    shown: u64,
    promised: u64,
    damaged: u64,
    decoded: u64,
}

impl<'a> Run<'a> {
    fn new(link: &'a Link, job: &'a Job<'a>, chunk: &'a Chunk, rungs: &'a [&'a Rung], senders: Vec<SyncSender<Work>>) -> Self {
        Self {
            link,
            job,
            chunk,
            rungs,
            newest: vec![None; senders.len()],
            senders,
            filters: None,
            cadence: Cadence::new(&job.plan.timeline, chunk),
            held: None,
            frames: 0,
            repeats: 0,
            shown: 0,
            promised: 0,
            damaged: 0,
            decoded: 0,
        }
    }

    /// Decodes up to the end of the chunk and one frame further, which says how long the last one lasts.
    fn decode(&mut self, start: Start) -> Result<(), Stop> {
        let track = &self.job.source.video;
        let timeline = &self.job.plan.timeline;
        let Start { mut decoding, mut first } = start;
        let frame_ticks = (f64::from(timeline.timescale) / track.frame_rate.as_f64()).round().max(1.0) as i64;
        let (mut newest, mut next) = (-frame_ticks, None);
        loop {
            let frame = match first.take() {
                Some(frame) => frame,
                None => {
                    let mut frame = frame::Video::empty();
                    if !decoding.next(&mut frame)? {
                        break;
                    }
                    frame
                }
            };
            let ticks = decoding.take_promised().into_iter().map(|pts| timeline.tick(track, pts));
            self.promised += ticks.filter(|tick| self.is_ours(*tick)).count() as u64;
            // A frame that nothing tells the time of follows the one before it.
            let tick = decoding.time().map_or(newest + frame_ticks, |pts| timeline.tick(track, pts));
            newest = tick;
            let is_damaged = decoding.take_damage();
            match self.cadence.place(tick) {
                Place::Before => self.held = Some(frame),
                Place::Never => self.damaged += 1,
                Place::Here { repeats, tick } => {
                    self.damaged += is_damaged;
                    self.repeat(&repeats)?;
                    self.shown += 1;
                    self.show(&frame, tick)?;
                    self.held = Some(frame);
                }
                Place::After => {
                    next = u64::try_from(tick).ok();
                    if self.job.plan.picture.deinterlace {
                        self.filter(&frame, next.unwrap_or_default())?;
                    }
                    break;
                }
            }
        }
        self.decoded = decoding.frames();
        let (repeats, end_ticks) = self.cadence.finish(next, self.job.plan.duration_ticks);
        self.repeat(&repeats)?;
        if let Some(filters) = &mut self.filters {
            filters.flush()?;
        }
        self.pull()?;
        self.senders.drain(..).try_for_each(|sender| sender.send(Work::End { end_ticks }).map_err(|_| encoder_gone()))
    }

    fn is_ours(&self, tick: i64) -> bool {
        u64::try_from(tick).is_ok_and(|tick| tick >= self.chunk.start_ticks && self.chunk.end_ticks.is_none_or(|end| tick < end))
    }

    /// Shows the newest frame again at each of `ticks`.
    fn repeat(&mut self, ticks: &[u64]) -> Result<(), Stop> {
        let Some(held) = self.held.take() else { return Ok(()) };
        for &tick in ticks {
            self.repeats += 1;
            self.show(&held, tick)?;
        }
        self.held = Some(held);
        Ok(())
    }

    /// Sends a frame to the encoders, to be shown at `tick`.
    fn show(&mut self, frame: &frame::Video, tick: u64) -> Result<(), Stop> {
        self.frames += 1;
        let fits = self.filters.as_ref().is_some_and(|filters| filters.fits(frame));
        if !fits && self.filters.is_none() && self.job.plan.picture.deinterlace {
            // The first frame of a chunk is deinterlaced with the help of the one before it, as in the middle of a chunk.
            if let (Some(before), Some(earlier)) = (self.held.take(), tick.checked_sub(1)) {
                self.filter(&before, earlier)?;
                self.held = Some(before);
            }
        }
        self.filter(frame, tick)?;
        if self.frames.is_multiple_of(PROGRESS_EVERY) {
            let end = self.chunk.end_ticks.unwrap_or(self.job.plan.duration_ticks);
            let whole = end.saturating_sub(self.chunk.start_ticks).max(1);
            self.link.output(Output::Progress(tick.saturating_sub(self.chunk.start_ticks) as f32 / whole as f32))?;
        }
        self.pull()
    }

    /// Puts a frame into the graph, making a new graph where the picture's size, format or colour changes.
    fn filter(&mut self, frame: &frame::Video, tick: u64) -> Result<(), Stop> {
        if !self.filters.as_ref().is_some_and(|filters| filters.fits(frame)) {
            if let Some(filters) = &mut self.filters {
                filters.flush()?;
                self.pull()?;
            }
            let plan = self.job.plan;
            self.filters = Some(Filters::new(frame, &self.job.source.video, &plan.picture, self.rungs, &plan.timeline)?);
        }
        let mut stamped = share(frame)?;
        stamped.set_pts(i64::try_from(tick).ok());
        match &mut self.filters {
            Some(filters) => filters.push(&stamped),
            None => Ok(()),
        }
    }

    /// Passes on what the graph has ready.
    fn pull(&mut self) -> Result<(), Stop> {
        let Some(filters) = &mut self.filters else { return Ok(()) };
        let (timeline, chunk) = (&self.job.plan.timeline, self.chunk);
        let (newest, senders) = (&mut self.newest, &self.senders);
        filters.pull(|rung, tick, picture| {
            // Neighbours of the chunk that deinterlacing looked at.
            if tick < chunk.start_ticks || chunk.end_ticks.is_some_and(|end| tick >= end) {
                return Ok(());
            }
            let starts_group = newest[rung].is_none_or(|newest| timeline.gop_of(newest) != timeline.gop_of(tick));
            newest[rung] = Some(tick);
            senders[rung].send(Work::Picture { picture, tick, starts_group }).map_err(|_| encoder_gone())
        })
    }

    fn report(&self) -> Report {
        let missing = if promises_count(self.job.source) { self.promised.saturating_sub(self.shown) } else { 0 };
        let mut notes = Vec::new();
        if self.repeats > 0 {
            let message = format!("in a pause of the picture its last frame is shown {} more times", self.repeats);
            notes.push(Note::new("pause_filled", message));
        }
        let damaged = self.damaged.max(missing);
        if damaged > 0 {
            let message = format!("{damaged} damaged frames in chunk {} are concealed as well as possible", self.chunk.index);
            notes.push(Note::new("damage_concealed", message));
        }
        Report { frames: self.frames, decoded: self.decoded, damaged, notes, ..Report::default() }
    }
}

/// Whether every packet of the source is one frame that is shown. Transport streams may hold fields, VP8 has hidden frames.
fn promises_count(source: &Source) -> bool {
    let one_by_one = source.container.starts_with("mov") || source.container.starts_with("matroska");
    one_by_one && !source.video.interlaced && !matches!(source.video.codec.as_str(), "vp8" | "vp9")
}

fn encoder_gone() -> Stop {
    Stop::Fault("an encoder ended early".into())
}

/// The encoding side of one rung.
fn encode_rung(link: &Link, job: &Job<'_>, rung: &Rung, work: &Receiver<Work>) -> Result<(), Stop> {
    let timeline = &job.plan.timeline;
    let frame_rate = rung.frame_rate(job.source.video.frame_rate);
    let mut encoder = VideoEncoder::open(rung, timeline, frame_rate, job.plan.encoder_threads)?;
    let edit_ticks = edit_ticks(timeline.timescale, job.plan.least_frame_rate(job.source.video.frame_rate));
    let (rendition, bytes) = encoder.rendition(rung, timeline.timescale, frame_rate, edit_ticks)?;
    link.output(Output::Init { track: TRACK, rendition, bytes })?;
    let mut segmenter = Segmenter::new(timeline, edit_ticks);
    let hand_over = |complete: Option<(marquee_packager::model::Segment, bytes::Bytes)>| -> Result<(), Stop> {
        let Some((segment, bytes)) = complete else { return Ok(()) };
        Ok(link.output(Output::Segment { track: TRACK, rendition: rung.id.clone(), segment, bytes })?)
    };
    let mut any = false;
    for work in work {
        let end = match work {
            Work::Picture { picture, tick, starts_group } => {
                any = true;
                encoder.push(picture, tick, starts_group)?;
                None
            }
            Work::End { end_ticks } => {
                if any {
                    encoder.flush()?;
                }
                Some(end_ticks)
            }
        };
        while any && let Some(unit) = encoder.pull()? {
            hand_over(segmenter.push(unit)?)?;
        }
        if let Some(end_ticks) = end {
            return hand_over(segmenter.finish(end_ticks)?);
        }
    }
    // The decoding side gave up; what it says is the cause.
    Ok(())
}

/// Another reference to the same picture, with times of its own.
fn share(frame: &frame::Video) -> Result<frame::Video, Stop> {
    let mut shared = frame::Video::empty();
    // SAFETY: both frames are alive and `shared` is empty, as av_frame_ref requires.
    #[expect(unsafe_code, reason = "ffmpeg-next's clone copies the pixels")]
    let done = unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), frame.as_ptr()) };
    if done < 0 { Err(Stop::Fault("out of memory".into())) } else { Ok(shared) }
}
