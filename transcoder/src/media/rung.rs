//! The encoding side of one rung of a chunk.

use super::{
    Stop,
    encode_video::{TRACK, VideoEncoder},
    pictures::Work,
    segmenter::{Segmenter, Unit},
    video::Job,
};
use crate::child::{Link, Output};
use bytes::Bytes;
use marquee_core::plan::Rung;
use marquee_packager::{cmaf::edit_ticks, model};
use std::sync::mpsc::Receiver;

/// Encodes the pictures of `rung` that come as `work`, and hands over its segments.
pub(super) fn encode(link: &Link, job: &Job<'_>, rung: &Rung, work: Receiver<Work>) -> Result<(), Stop> {
    let timeline = &job.plan.timeline;
    let frame_rate = rung.frame_rate(job.plan.picture.frame_rate(&job.source.video));
    let mut encoder = VideoEncoder::open(rung, timeline, frame_rate, job.plan.encoder_threads)?;
    let edit_ticks = edit_ticks(timeline.timescale, job.plan.least_frame_rate(&job.source.video));
    let (rendition, bytes) = encoder.rendition(rung, timeline.timescale, frame_rate, edit_ticks)?;
    link.output(Output::Init { track: TRACK, rendition, bytes })?;
    let mut segmenter = Segmenter::new(timeline, edit_ticks);
    let hand_over = |complete: Option<(model::Segment, Bytes)>| -> Result<(), Stop> {
        let Some((segment, bytes)) = complete else { return Ok(()) };
        Ok(link.output(Output::Segment { track: TRACK, rendition: rung.id.clone(), segment, bytes })?)
    };
    let end = encoder.run(work, |packet| hand_over(segmenter.push(Unit::of(rung.codec, &packet)?)?))?;
    // Without an end the decoding side gave up; what it says is the cause.
    end.map_or(Ok(()), |end_ticks| hand_over(segmenter.finish(end_ticks)?))
}
