//! Segments that came out poor are made once more, at a better setting, before anybody gets them.

use super::{
    Stop,
    encode_video::TRACK,
    pictures::Part,
    rung::{Beginning, Made},
    video::{self, Job},
};
use crate::child::{Link, Output, RemoteSource};
use marquee_core::{
    plan::{Chunk, Rung},
    quality::mean_vmaf,
    source::{Note, Seek},
};
use std::{collections::VecDeque, time::Duration};

/// Bytes of segments that wait to be made again, and of those after them: about a chunk of the largest. What came first goes as it is
/// where there are more.
const WAITING_BYTES_MAX: u64 = 128 << 20;

/// Segments of one rung on their way to the host, in order: from a poor one on they wait.
pub(super) struct Exit<'a> {
    link: &'a Link,
    job: &'a Job<'a>,
    rung: &'a Rung,
    /// VMAF below which a segment is poor.
    floor: Option<f64>,
    waiting: VecDeque<Made>,
    waiting_bytes: u64,
}

/// What making segments again came to.
#[derive(Default)]
pub(super) struct Again {
    /// Source frames that were decoded for it.
    pub(super) decoded: u64,
    /// Processor time that judging took.
    pub(super) quality_cpu: Duration,
    /// What to know about it.
    pub(super) note: Option<Note>,
}

impl<'a> Exit<'a> {
    pub(super) fn new(link: &'a Link, job: &'a Job<'a>, rung: &'a Rung) -> Self {
        Self { link, job, rung, floor: job.plan.floor_vmaf(rung), waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    /// Takes a segment, and hands over what need not wait.
    pub(super) fn push(&mut self, made: Made) -> Result<(), Stop> {
        self.waiting_bytes += made.segment.size_bytes;
        self.waiting.push_back(made);
        let (floor, mut bytes) = (self.floor, self.waiting_bytes);
        while let Some(made) = self.waiting.pop_front_if(|made| bytes > WAITING_BYTES_MAX || !is_poor(made, floor)) {
            bytes -= made.segment.size_bytes;
            self.hand_over(made)?;
        }
        self.waiting_bytes = bytes;
        Ok(())
    }

    /// Makes what is poor again, reading `chunk` of the source once more, and hands over the better of both, and all that waited.
    pub(super) fn finish(mut self, source: &RemoteSource, chunk: &Chunk) -> Result<Again, Stop> {
        let mut again = Again::default();
        if let (Some(floor), false) = (self.floor, self.waiting.is_empty())
            && let Some(better) = better(self.job, self.rung)?
        {
            let mut remade = Vec::new();
            for piece in self.pieces(chunk) {
                remade.extend(again.make(source, self.link, self.job, &piece, &better)?);
            }
            again.note = Some(self.replace(remade, floor));
        }
        while let Some(made) = self.waiting.pop_front() {
            self.hand_over(made)?;
        }
        Ok(again)
    }

    fn hand_over(&self, made: Made) -> Result<(), Stop> {
        let Made { segment, bytes, judged } = made;
        Ok(self.link.output(Output::Segment { track: TRACK, rendition: self.rung.id.clone(), segment, bytes, judged })?)
    }

    /// Runs of poor segments, as chunks. A source that can only be decoded from its beginning is decoded once for all of them.
    fn pieces(&self, chunk: &Chunk) -> Vec<Chunk> {
        let one_by_one = self.job.source.video.seek == Seek::Keyframe;
        let poor = self.waiting.iter().filter(|made| is_poor(made, self.floor)).map(|made| made.segment.number);
        let poor: Vec<u32> = poor.collect();
        let last = self.waiting.back().map(|made| made.segment.number);
        let timeline = &self.job.plan.timeline;
        let piece = |run: &[u32]| {
            let (first, end) = (*run.first()?, *run.last()?);
            Some(Chunk {
                index: chunk.index,
                start_ticks: timeline.segment_start(first),
                end_ticks: if Some(end) == last { chunk.end_ticks } else { Some(timeline.segment_start(end + 1)) },
                first_segment: first,
            })
        };
        poor.chunk_by(|a, b| !one_by_one || a + 1 == *b).filter_map(piece).collect()
    }

    /// Puts those of `remade` that are better than what is poor in its place, and says so.
    fn replace(&mut self, remade: Vec<Made>, floor: f64) -> Note {
        let poor: Vec<u64> =
            self.waiting.iter().filter(|made| is_poor(made, Some(floor))).map(|made| made.segment.start_ticks).collect();
        let times = |made: &Made| (made.segment.number, made.segment.start_ticks, made.segment.duration_ticks);
        let mut scores = Vec::new();
        for new in remade {
            let Some(old) = self.waiting.iter_mut().find(|old| times(old) == times(&new) && is_poor(old, Some(floor))) else {
                continue;
            };
            if let (Some(before), Some(after)) = (mean_vmaf(&old.judged), mean_vmaf(&new.judged))
                && after > before
            {
                scores.push((before, after));
                *old = new;
            }
        }
        let first_seconds = self.job.plan.timeline.ticks_to_ms(poor.first().copied().unwrap_or(0)) as f64 / 1000.0;
        let mean = |of: fn(&(f64, f64)) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
        let better = match scores.len() {
            0 => "none came out better".to_owned(),
            count => format!("{count} came out better: {:.1} became {:.1} on average", mean(|it| it.0), mean(|it| it.1)),
        };
        let message = format!(
            "{} segments of {}, the first at {first_seconds:.1} s, were below VMAF {floor} and made again. {better}",
            poor.len(),
            self.rung.id,
        );
        Note::new("made_again", message)
    }
}

impl Again {
    /// What comes of `piece` in the rung `better`.
    fn make(
        &mut self,
        source: &RemoteSource,
        link: &Link,
        job: &Job<'_>,
        piece: &Chunk,
        better: &Rung,
    ) -> Result<Vec<Made>, Stop> {
        let mut decoding = video::open(source.clone(), job)?;
        let first = video::go_to(&mut decoding, job, piece.start_ticks)?;
        // A sign of life.
        let progress = |_| Ok(link.output(Output::Progress(1.0))?);
        let part = Part { job, chunk: piece, rungs: &[better], progress: &progress };
        let (report, made) = part.share_out(&mut decoding, first, |rung, work| {
            let mut all = Vec::new();
            let cpu = Beginning::of(job, rung)?.run(job, rung, work, |made| {
                all.push(made);
                Ok(())
            })?;
            Ok((all, cpu))
        })?;
        self.decoded += report.decoded;
        let mut segments = Vec::new();
        for (all, cpu) in made {
            self.quality_cpu += cpu;
            segments.extend(all);
        }
        Ok(segments)
    }
}

/// Whether what was judged of a segment is below `floor`.
fn is_poor(made: &Made, floor: Option<f64>) -> bool {
    floor.zip(mean_vmaf(&made.judged)).is_some_and(|(floor, vmaf)| vmaf < floor)
}

/// A better setting for `rung` whose segments fit those of it; `None` if there is none.
fn better(job: &Job<'_>, rung: &Rung) -> Result<Option<Rung>, Stop> {
    let ours = Beginning::of(job, rung)?;
    let fits = |better: &Rung| {
        Beginning::of(job, better).is_ok_and(|theirs| theirs.rendition == ours.rendition && theirs.init == ours.init)
    };
    Ok(rung.improved().into_iter().find(fits))
}
