//! The decoding side of one chunk: its pictures, filtered and scaled, each rung's to a worker of its own.

use super::{
    Stop,
    cadence::{Cadence, Place},
    captions::{self, Captions},
    damage::Damage,
    decode::Decoding,
    filter::Filters,
    pulldown::Pulldown,
    video::Job,
};
use crate::child::Report;
use ffmpeg_next::{ffi, frame};
use marquee_core::{
    plan::{Chunk, Rung},
    source::{Note, Source},
};
use std::{
    collections::HashSet,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

/// Pictures that wait for one worker: enough to keep it busy, few enough to hold in memory.
const PICTURES_MAX: usize = 6;
/// Pictures between two reports of progress.
const PROGRESS_EVERY: u64 = 16;

/// A piece of the picture, and what it is made in.
pub(super) struct Part<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) chunk: &'a Chunk,
    pub(super) rungs: &'a [&'a Rung],
    /// Is told what share is done.
    pub(super) progress: &'a dyn Fn(f32) -> Result<(), Stop>,
}

/// What a worker gets.
pub(super) enum Work {
    Picture { picture: frame::Video, tick: u64, starts_group: bool },
    End { end_ticks: u64 },
}

impl<'a> Part<'a> {
    /// Decodes the part from where `decoding` stands, `first` being what it has decoded already, and hands each rung's pictures to a
    /// `worker` on a thread of its own. Answers what workers made, in the order of the rungs.
    pub(super) fn share_out<T: Send>(
        &self,
        decoding: &mut Decoding,
        first: Option<frame::Video>,
        worker: impl Fn(&'a Rung, Receiver<Work>) -> Result<T, Stop> + Sync,
    ) -> Result<(Report, Vec<T>), Stop> {
        thread::scope(|scope| {
            let mut senders = Vec::new();
            let mut threads = Vec::new();
            for &rung in self.rungs {
                let (sender, receiver) = sync_channel(PICTURES_MAX);
                let worker = &worker;
                senders.push(sender);
                threads.push(scope.spawn(move || worker(rung, receiver)));
            }
            let mut run = Run::new(self, senders);
            let decoded = run.decode(decoding, first);
            let report = run.report();
            // Workers end when nobody can send to them any more.
            drop(run);
            let mut made = Vec::with_capacity(threads.len());
            for thread in threads {
                // A worker's own failure is the cause; that nobody takes its pictures is only the consequence.
                made.push(thread.join().map_err(|_| Stop::Fault("a worker's thread panicked".into()))??);
            }
            decoded.map(|()| (report, made))
        })
    }
}

/// The decoding side while it runs.
struct Run<'a> {
    part: &'a Part<'a>,
    senders: Vec<SyncSender<Work>>,
    filters: Option<Filters>,
    /// Where frames are those of a film that was spread over fields: it takes that out of them.
    pulldown: Option<Pulldown>,
    cadence: Cadence<'a>,
    captions: Captions,
    /// The newest picture of each rung that leaves frames out: what these say goes with it.
    late: Vec<Option<Late>>,
    /// The newest frame, for repeats.
    held: Option<(i64, frame::Video)>,
    /// Tick of the newest picture that each worker got.
    newest: Vec<Option<u64>>,
    frames: u64,
    repeats: u64,
    /// Ticks of the frames that were shown, of those that packets promised, and of those that are not as they were.
    shown: Vec<u64>,
    promised: Vec<u64>,
    hurt: Vec<u64>,
    damaged: u64,
    decoded: u64,
}

impl<'a> Run<'a> {
    fn new(part: &'a Part<'a>, senders: Vec<SyncSender<Work>>) -> Self {
        let plan = part.job.plan;
        Self {
            part,
            newest: vec![None; senders.len()],
            captions: Captions::new(senders.len()),
            late: senders.iter().map(|_| None).collect(),
            senders,
            filters: None,
            pulldown: plan.picture.pulldown.map(|order| Pulldown::new(order, &plan.timeline)),
            cadence: Cadence::new(&plan.timeline, part.chunk),
            held: None,
            frames: 0,
            repeats: 0,
            shown: Vec::new(),
            promised: Vec::new(),
            hurt: Vec::new(),
            damaged: 0,
            decoded: 0,
        }
    }

    /// Decodes up to the end of the chunk and one frame further, which says how long the last one lasts.
    fn decode(&mut self, decoding: &mut Decoding, mut first: Option<frame::Video>) -> Result<(), Stop> {
        let job = self.part.job;
        let (track, timeline) = (&job.source.video, &job.plan.timeline);
        let before = decoding.frames();
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
            let ticks = decoding.take_promised().into_iter().filter_map(|pts| u64::try_from(timeline.tick(track, pts)).ok());
            self.promised.extend(ticks.filter(|tick| self.part.chunk.contains(*tick)));
            // A frame that nothing tells the time of follows the one before it.
            let tick = decoding.time().map_or(newest + frame_ticks, |pts| timeline.tick(track, pts));
            newest = tick;
            let is_damaged = decoding.take_damage();
            next = if self.pulldown.is_some() {
                self.take_out(frame, tick, is_damaged)?
            } else {
                self.place(frame, tick, is_damaged)?
            };
            if next.is_some() {
                break;
            }
        }
        if let (Some(pulldown), None) = (&mut self.pulldown, &next) {
            pulldown.flush()?;
            next = self.place_filmed()?;
        }
        self.decoded = decoding.frames() - before;
        if next.is_none() {
            // What nothing came after.
            self.hurt(decoding.take_damage(), newest);
        }
        self.end(next)
    }

    /// Shows a frame when it is its turn; answers it if it is the first after the chunk.
    fn place(&mut self, frame: frame::Video, tick: i64, damaged: u64) -> Result<Option<(i64, frame::Video)>, Stop> {
        match self.cadence.place(tick) {
            Place::Before => self.held = Some((tick, frame)),
            Place::Never => self.hurt(1, tick),
            Place::Here { repeats, tick: shown } => {
                self.hurt(damaged, tick);
                self.repeat(&repeats)?;
                self.captions.keep(&frame, shown);
                self.shown.push(shown);
                self.show(&frame, shown)?;
                self.held = Some((tick, frame));
            }
            Place::After => return Ok(Some((tick, frame))),
        }
        Ok(None)
    }

    /// The same of a frame that is made of fields of a film: of the frames of that.
    fn take_out(&mut self, mut frame: frame::Video, tick: i64, damaged: u64) -> Result<Option<(i64, frame::Video)>, Stop> {
        let Some(pulldown) = &mut self.pulldown else { return Ok(None) };
        if let Some(tick) = u64::try_from(tick).ok().filter(|tick| self.part.chunk.contains(*tick)) {
            // Said and seen now, whatever becomes of the frame.
            self.captions.keep(&frame, tick);
            self.damaged += damaged;
            self.hurt.extend((damaged > 0).then_some(tick));
        }
        captions::strip(&mut frame);
        pulldown.push(&mut frame, tick)?;
        self.place_filmed()
    }

    fn place_filmed(&mut self) -> Result<Option<(i64, frame::Video)>, Stop> {
        while let Some((tick, frame)) = self.pulldown.as_mut().and_then(Pulldown::next) {
            let next = self.place(frame, tick, 0)?;
            if next.is_some() {
                return Ok(next);
            }
        }
        Ok(None)
    }

    /// Ends the chunk; `next` is the frame after it, and when it is shown.
    fn end(&mut self, next: Option<(i64, frame::Video)>) -> Result<(), Stop> {
        let plan = self.part.job.plan;
        let next_tick = next.as_ref().and_then(|(tick, _)| u64::try_from(*tick).ok());
        let (repeats, end_ticks) = self.cadence.finish(next_tick, plan.duration_ticks);
        self.repeat(&repeats)?;
        if self.frames == 0 {
            // In a pause that is longer than the part, what was shown before is shown still.
            self.repeat(&[self.part.chunk.start_ticks])?;
        }
        if let Some((tick, frame)) = next.filter(|_| plan.picture.deinterlace) {
            self.filter(&frame, tick)?;
        }
        if let Some(filters) = &mut self.filters {
            filters.flush()?;
        }
        self.finish()?;
        self.senders.drain(..).try_for_each(|sender| sender.send(Work::End { end_ticks }).map_err(|_| worker_gone()))
    }

    /// Takes note of damage to `count` frames, which is seen at `tick`.
    fn hurt(&mut self, count: u64, tick: i64) {
        self.damaged += count;
        self.hurt.extend(u64::try_from(tick).ok().filter(|_| count > 0));
    }

    /// Shows the newest frame again at each of `ticks`.
    fn repeat(&mut self, ticks: &[u64]) -> Result<(), Stop> {
        let Some((tick, held)) = self.held.take() else { return Ok(()) };
        for &tick in ticks {
            self.repeats += 1;
            self.show(&held, tick)?;
        }
        self.held = Some((ticks.last().map_or(tick, |tick| i64::try_from(*tick).unwrap_or(i64::MAX)), held));
        Ok(())
    }

    /// Sends a frame to the encoders, to be shown at `tick`.
    fn show(&mut self, frame: &frame::Video, tick: u64) -> Result<(), Stop> {
        self.frames += 1;
        let fits = self.filters.as_ref().is_some_and(|filters| filters.fits(frame));
        if !fits && self.filters.is_none() && self.part.job.plan.picture.deinterlace {
            // The first frame of a chunk is deinterlaced with the help of the one before it, as in the middle of a chunk.
            if let Some((earlier, before)) = self.held.take() {
                self.filter(&before, earlier)?;
                self.held = Some((earlier, before));
            }
        }
        self.filter(frame, i64::try_from(tick).unwrap_or(i64::MAX))?;
        if self.frames.is_multiple_of(PROGRESS_EVERY) {
            let chunk = self.part.chunk;
            let end = chunk.end_ticks.unwrap_or(self.part.job.plan.duration_ticks);
            let whole = end.saturating_sub(chunk.start_ticks).max(1);
            (self.part.progress)(tick.saturating_sub(chunk.start_ticks) as f32 / whole as f32)?;
        }
        self.pull()
    }

    /// Puts a frame into the graph, making a new graph where the picture's size, format or colour changes.
    fn filter(&mut self, frame: &frame::Video, tick: i64) -> Result<(), Stop> {
        if !self.filters.as_ref().is_some_and(|filters| filters.fits(frame)) {
            if let Some(filters) = &mut self.filters {
                filters.flush()?;
                self.pull()?;
            }
            let Job { source, plan } = self.part.job;
            self.filters = Some(Filters::new(frame, &source.video, &plan.picture, self.part.rungs, &plan.timeline)?);
        }
        let mut stamped = share(frame)?;
        stamped.set_pts(Some(tick));
        captions::strip(&mut stamped);
        match &mut self.filters {
            Some(filters) => filters.push(&stamped),
            None => Ok(()),
        }
    }

    /// Passes on what the graph has ready.
    fn pull(&mut self) -> Result<(), Stop> {
        let Some(filters) = &mut self.filters else { return Ok(()) };
        let (timeline, chunk) = (&self.part.job.plan.timeline, self.part.chunk);
        let (newest, late) = (&mut self.newest, &mut self.late);
        let (rungs, captions, senders) = (self.part.rungs, &mut self.captions, &self.senders);
        filters.pull(|rung, tick, picture| {
            // Neighbours of the chunk that deinterlacing looked at; and a field between two frames that nothing is between.
            if !chunk.contains(tick) || newest[rung].is_some_and(|newest| tick <= newest) {
                return Ok(());
            }
            let starts_group = newest[rung].is_none_or(|newest| timeline.gop_of(newest) != timeline.gop_of(tick));
            newest[rung] = Some(tick);
            let shown = Late { picture, tick, starts_group };
            if rungs[rung].frame_step == 1 {
                return shown.send(rung, tick + 1, captions, senders);
            }
            late[rung].replace(shown).map_or(Ok(()), |before| before.send(rung, tick, captions, senders))
        })
    }

    /// Passes on the last picture of every rung.
    fn finish(&mut self) -> Result<(), Stop> {
        self.pull()?;
        for (rung, late) in self.late.iter_mut().enumerate() {
            if let Some(last) = late.take() {
                last.send(rung, u64::MAX, &mut self.captions, &self.senders)?;
            }
        }
        Ok(())
    }

    fn report(&self) -> Report {
        let mut notes = Vec::new();
        if self.repeats > 0 {
            let message = format!("in a pause of the picture its last frame is shown {} more times", self.repeats);
            notes.push(Note::new("pause_filled", message));
        }
        let missing = self.missing();
        let damaged = self.damaged.max(missing.len() as u64);
        if damaged > 0 {
            let job = self.part.job;
            let frame_ms = (1000.0 / job.source.video.frame_rate.as_f64()).ceil() as u64;
            let mut damage = Damage::default();
            for start_ms in self.hurt.iter().chain(&missing).map(|tick| job.plan.timeline.ticks_to_ms(*tick)) {
                damage.add(start_ms, start_ms + frame_ms);
            }
            let message = format!("{damaged} frames of the picture are damaged and concealed as well as possible, {damage}");
            notes.push(Note::new("damage_concealed", message));
        }
        Report { frames: self.frames, decoded: self.decoded, damaged, notes, ..Report::default() }
    }

    /// Ticks of frames that were promised and never came, as many as are too few.
    fn missing(&self) -> Vec<u64> {
        let count = self.promised.len().saturating_sub(self.shown.len());
        if count == 0 || !promises_count(self.part.job.source) {
            return Vec::new();
        }
        let shown: HashSet<u64> = self.shown.iter().copied().collect();
        let mut missing: Vec<u64> = self.promised.iter().copied().filter(|tick| !shown.contains(tick)).collect();
        missing.truncate(count);
        missing
    }
}

/// A picture for an encoder.
struct Late {
    picture: frame::Video,
    tick: u64,
    starts_group: bool,
}

impl Late {
    /// Sends it to its worker with what is said before `until`.
    fn send(mut self, rung: usize, until: u64, captions: &mut Captions, senders: &[SyncSender<Work>]) -> Result<(), Stop> {
        captions.give(rung, until, &mut self.picture)?;
        let Self { picture, tick, starts_group } = self;
        senders[rung].send(Work::Picture { picture, tick, starts_group }).map_err(|_| worker_gone())
    }
}

/// Whether every packet of the source is one frame that is shown. Transport streams may hold fields, VP8 has hidden frames.
fn promises_count(source: &Source) -> bool {
    let one_by_one = source.container.starts_with("mov") || source.container.starts_with("matroska");
    one_by_one && !source.video.interlaced && !matches!(source.video.codec.as_str(), "vp8" | "vp9")
}

fn worker_gone() -> Stop {
    Stop::Fault("a worker ended early".into())
}

/// Another reference to the same picture, with times of its own.
pub(super) fn share(frame: &frame::Video) -> Result<frame::Video, Stop> {
    let mut shared = frame::Video::empty();
    // SAFETY: both frames are alive and `shared` is empty, as av_frame_ref requires.
    #[expect(unsafe_code, reason = "ffmpeg-next's clone copies the pixels")]
    let done = unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), frame.as_ptr()) };
    if done < 0 { Err(Stop::Fault("out of memory".into())) } else { Ok(shared) }
}
