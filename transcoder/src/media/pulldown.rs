//! Takes a film out of the fields that it was spread over by 3:2 pulldown: fields are matched to frames again, and of each five frames the
//! one that is most like its predecessor is left out. Cycles are counted from the film's first frame, so that all chunks see the same.

use super::{
    Stop,
    filter::{PICTURES, one_way, valid},
};
use ffmpeg_next::{self as ffmpeg, Rational, filter, format::Pixel, frame};
use marquee_core::{
    plan::Timeline,
    source::{CYCLE, CYCLE_FILMED, FieldOrder},
};
use std::collections::VecDeque;

/// Cycles before a chunk from where on frames are looked at: what is left out depends on the frame before, and that on its neighbours.
const LEAD_CYCLES: u64 = 2;
/// Sides of the blocks in which frames are compared: a small movement is one.
const BLOCK: usize = 32;
/// Of so many lines one is compared.
const LINE_STEP: usize = 2;

/// Ticks before a chunk from where on its film is taken out.
pub(super) fn lead_ticks(timeline: &Timeline) -> u64 {
    LEAD_CYCLES * u64::from(CYCLE_FILMED) * u64::from(timeline.frame_ticks.unwrap_or(0))
}

/// See the module. Frames go in with their ticks, in order, and come out with those of the film.
pub(super) struct Pulldown {
    order: FieldOrder,
    frame_ticks: f64,
    graph: Option<(filter::Graph, Shape)>,
    before: Option<frame::Video>,
    /// The newest cycle, with each frame's place in it and how much of it is new.
    cycle: i64,
    frames: Vec<(i64, u32, frame::Video)>,
    ready: VecDeque<(i64, frame::Video)>,
}

type Shape = (Pixel, u32, u32);

impl Pulldown {
    pub(super) fn new(order: FieldOrder, timeline: &Timeline) -> Self {
        let frame_ticks = f64::from(timeline.frame_ticks.unwrap_or(1));
        let (frames, ready) = (Vec::new(), VecDeque::new());
        Self { order, frame_ticks, graph: None, before: None, cycle: i64::MIN, frames, ready }
    }

    /// Takes the next frame, which is shown at `tick`.
    pub(super) fn push(&mut self, frame: &mut frame::Video, tick: i64) -> Result<(), Stop> {
        let shape = (frame.format(), frame.width(), frame.height());
        if self.graph.as_ref().is_none_or(|(_, known)| *known != shape) {
            self.flush_graph()?;
            self.graph = Some((graph(shape, self.order)?, shape));
        }
        frame.set_pts(Some(tick));
        let Some((graph, _)) = &mut self.graph else { return Ok(()) };
        graph.get("in").ok_or_else(lost)?.source().add(frame).map_err(Stop::fault("match fields"))?;
        self.pull()
    }

    /// Says that no more frames come.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        self.flush_graph()?;
        self.end_cycle();
        Ok(())
    }

    /// The next frame of the film, and when it is shown.
    pub(super) fn next(&mut self) -> Option<(i64, frame::Video)> {
        self.ready.pop_front()
    }

    fn flush_graph(&mut self) -> Result<(), Stop> {
        let Some((graph, _)) = &mut self.graph else { return Ok(()) };
        graph.get("in").ok_or_else(lost)?.source().flush().map_err(Stop::fault("match fields"))?;
        self.pull()
    }

    fn pull(&mut self) -> Result<(), Stop> {
        loop {
            let Some((graph, _)) = &mut self.graph else { return Ok(()) };
            let mut out = graph.get("out").ok_or_else(lost)?;
            let (mut sink, mut matched) = (out.sink(), frame::Video::empty());
            // Deinterlacing halves the time base.
            let ticks = f64::from(sink.time_base()) / f64::from(UNIT);
            match sink.frame(&mut matched) {
                Ok(()) => {}
                Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => return Ok(()),
                Err(error) => return Err(Stop::fault("match fields")(error)),
            }
            let Some(pts) = matched.pts() else { continue };
            self.take((pts as f64 * ticks).round() as i64, matched);
        }
    }

    /// Takes a frame that is woven of its own fields again.
    fn take(&mut self, tick: i64, frame: frame::Video) {
        // On the grid of frames that were made of the film.
        let number = (tick as f64 / self.frame_ticks * f64::from(CYCLE) / f64::from(CYCLE_FILMED)).round() as i64;
        let cycle = number.div_euclid(i64::from(CYCLE));
        if cycle != self.cycle {
            self.end_cycle();
            self.cycle = cycle;
        }
        let news = self.before.as_ref().map_or(u32::MAX, |before| difference(before, &frame));
        self.before = super::pictures::share(&frame).ok();
        self.frames.push((number.rem_euclid(i64::from(CYCLE)), news, frame));
    }

    /// Leaves out the frame that a whole cycle has too many, and gives the others their times.
    fn end_cycle(&mut self) {
        let mut frames = std::mem::take(&mut self.frames);
        if frames.len() >= CYCLE as usize {
            let news = frames.iter().map(|(_, news, _)| *news).enumerate();
            if let Some((least, _)) = news.min_by_key(|(_, news)| *news) {
                frames.remove(least);
            }
        }
        let first = self.cycle.saturating_mul(i64::from(CYCLE_FILMED));
        let mut next = 0;
        let is_whole = frames.len() == CYCLE_FILMED as usize;
        for (place, _, frame) in frames {
            // Where some are missing, the others stay about where they were.
            let slot = if is_whole { next } else { next.max(place * i64::from(CYCLE_FILMED) / i64::from(CYCLE)) };
            if slot < i64::from(CYCLE_FILMED) {
                self.ready.push_back(((first.saturating_add(slot)).saturating_mul(self.frame_ticks as i64), frame));
            }
            next = slot + 1;
        }
    }
}

/// A tick as libavfilter counts it here.
const UNIT: Rational = Rational(1, 1_000_000);

fn lost() -> Stop {
    Stop::Fault("the graph lost its ends".into())
}

/// Matches fields of frames of that shape. What has no match that fits is deinterlaced.
fn graph((format, width, height): Shape, order: FieldOrder) -> Result<filter::Graph, Stop> {
    let format = format.descriptor().map_or("none", |format| format.name());
    let arguments = format!("video_size={width}x{height}:pix_fmt={format}:time_base=1/{}:pixel_aspect=1/1", UNIT.denominator());
    let order = if order == FieldOrder::Top { "tff" } else { "bff" };
    let matching =
        format!("fieldmatch=order={order}:mode=pc_n:combmatch=full,bwdif=mode=send_frame:parity={order}:deint=interlaced");
    valid(one_way(PICTURES, &arguments, &matching)?)
}

/// How much of a frame is new beside the one before it: the most that is in one block of the luma.
fn difference(before: &frame::Video, frame: &frame::Video) -> u32 {
    if (before.format(), before.width(), before.height()) != (frame.format(), frame.width(), frame.height()) {
        return u32::MAX;
    }
    let lines = |frame: &frame::Video| (frame.stride(0).max(1), frame.width() as usize);
    let ((old_stride, width), (new_stride, _)) = (lines(before), lines(frame));
    let old = before.data(0).chunks(old_stride).step_by(LINE_STEP);
    let new = frame.data(0).chunks(new_stride).step_by(LINE_STEP).take(frame.height() as usize / LINE_STEP);
    let (mut sums, mut most) = (vec![0_u32; width.div_ceil(BLOCK)], 0);
    for (number, (old, new)) in old.zip(new).enumerate() {
        if number.is_multiple_of(BLOCK / LINE_STEP) {
            most = sums.iter().copied().max().unwrap_or(0).max(most);
            sums.fill(0);
        }
        let old = old.get(..width).unwrap_or(old).chunks(BLOCK);
        let new = new.get(..width).unwrap_or(new).chunks(BLOCK);
        for (sum, (old, new)) in sums.iter_mut().zip(old.zip(new)) {
            *sum += old.iter().zip(new).map(|(old, new)| u32::from(old.abs_diff(*new))).sum::<u32>();
        }
    }
    sums.into_iter().max().unwrap_or(0).max(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMELINE: Timeline = Timeline { timescale: 24_000, frame_ticks: Some(1001), gop_ticks: 48_048, first_lacks_gops: 2 };

    /// What comes out of cycles whose frames are numbered, of which one is as bright as the one before it if its mark is set.
    fn film(numbers: &[(i64, bool)]) -> Vec<i64> {
        let mut pulldown = Pulldown::new(FieldOrder::Top, &TIMELINE);
        let mut bright = 0_u8;
        for (number, is_same) in numbers {
            bright = bright.wrapping_add(if *is_same { 1 } else { 40 });
            let mut frame = frame::Video::new(Pixel::YUV420P, 64, 64);
            frame.data_mut(0).fill(bright);
            frame.set_pts(Some(*number));
            pulldown.take((*number as f64 * 800.8).round() as i64, frame);
        }
        pulldown.end_cycle();
        std::iter::from_fn(|| pulldown.next())
            .map(|(tick, frame)| {
                assert_eq!(tick % 1001, 0);
                tick / 1001 * 1000 + frame.pts().unwrap()
            })
            .collect()
    }

    #[test]
    fn of_each_cycle_the_frame_that_is_nothing_new_is_left_out() {
        let numbers: Vec<_> = (-5..12).map(|number| (number, [0, 3, 9].contains(&number))).collect();
        // Thousands are places in the film, the rest says which frame it is.
        let expected = vec![-4005, -3003, -2002, -1001, 1, 1002, 2003, 3004, 4005, 5006, 6007, 7008, 8010, 9011];
        assert_eq!(film(&numbers), expected);
    }

    #[test]
    fn where_frames_are_missing_the_others_stay_where_they_were() {
        let numbers = [0, 1, 2, 4, 7, 8, 9, 10].map(|number| (number, false));
        assert_eq!(film(&numbers), vec![0, 1001, 2002, 3004, 5007, 6008, 7009, 8010]);
    }
}
