//! The encoding side of one rung of a chunk.

use super::{
    Stop,
    encode_video::{Taker, VideoEncoder},
    pictures::Work,
    review::Review,
    segmenter::{Segmenter, Unit},
    video::Job,
};
use bytes::Bytes;
use ffmpeg_next::{Packet, frame};
use marquee_core::{plan::Rung, quality::Judged};
use marquee_packager::{cmaf::edit_ticks, model};
use std::{sync::mpsc::Receiver, time::Duration};

/// A complete segment.
pub(super) struct Made {
    pub(super) segment: model::Segment,
    pub(super) bytes: Bytes,
    /// Pictures of it that were judged.
    pub(super) judged: Vec<Judged>,
}

/// An encoder that is about to begin, and how its track begins.
pub(super) struct Beginning {
    encoder: VideoEncoder,
    pub(super) rendition: model::Rendition,
    pub(super) init: Bytes,
}

impl Beginning {
    pub(super) fn of(job: &Job<'_>, rung: &Rung) -> Result<Self, Stop> {
        let timeline = &job.plan.timeline;
        let frame_rate = rung.frame_rate(job.plan.picture.frame_rate(&job.source.video));
        let encoder = VideoEncoder::open(rung, timeline, frame_rate, job.plan.encoder_threads)?;
        let edit_ticks = edit_ticks(timeline.timescale, job.plan.least_frame_rate(&job.source.video));
        let (rendition, init) = encoder.rendition(rung, timeline.timescale, frame_rate, edit_ticks)?;
        Ok(Self { encoder, rendition, init })
    }

    /// Encodes the pictures of `rung` that come as `work`, and hands over its segments. Answers the processor time that judging took.
    pub(super) fn run(
        mut self,
        job: &Job<'_>,
        rung: &Rung,
        work: Receiver<Work>,
        hand_over: impl FnMut(Made) -> Result<(), Stop>,
    ) -> Result<Duration, Stop> {
        let mut maker = Maker {
            rung,
            segmenter: Segmenter::new(&job.plan.timeline, self.rendition.edit_ticks),
            review: Review::new(job.plan, rung, self.encoder.parameters()),
            hand_over,
        };
        // Without an end the decoding side gave up; what it says is the cause.
        if let Some(end_ticks) = self.encoder.run(work, &mut maker)? {
            maker.finish(end_ticks, end_ticks >= job.plan.duration_ticks)?;
        }
        Ok(maker.review.cpu())
    }
}

/// Makes segments of what an encoder made, and judges it.
struct Maker<'a, F> {
    rung: &'a Rung,
    segmenter: Segmenter<'a>,
    review: Review<'a>,
    hand_over: F,
}

impl<F: FnMut(Made) -> Result<(), Stop>> Maker<'_, F> {
    fn finish(&mut self, end_ticks: u64, ends_title: bool) -> Result<(), Stop> {
        self.review.finish()?;
        let complete = if ends_title { self.segmenter.last(end_ticks)? } else { self.segmenter.finish(end_ticks)? };
        self.pass_on(complete)
    }

    fn pass_on(&mut self, complete: Option<(model::Segment, Bytes)>) -> Result<(), Stop> {
        let Some((segment, bytes)) = complete else { return Ok(()) };
        let judged = self.review.judged(segment.start_ticks + segment.duration_ticks);
        (self.hand_over)(Made { segment, bytes, judged })
    }
}

impl<F: FnMut(Made) -> Result<(), Stop>> Taker for Maker<'_, F> {
    fn given(&mut self, tick: u64, picture: &frame::Video) -> Result<(), Stop> {
        self.review.given(tick, picture)
    }

    fn take(&mut self, packet: Packet) -> Result<(), Stop> {
        let unit = Unit::of(self.rung.codec, &packet)?;
        self.review.take(&packet, unit.tick)?;
        let complete = self.segmenter.push(unit)?;
        self.pass_on(complete)
    }
}
