//! Cues in the segments of a title's picture.

use super::{CODEC, Cue, segment};
use crate::model::{Media, Rendition, Segment};
use bytes::Bytes;
use marquee_core::plan::{Plan, SubtitleRendition};

/// Bytes of all segments of one track: cues that last for ever are in every one of them.
const SEGMENTS_BYTES_MAX: usize = 64 << 20;

/// What manifests need to know of a rendition of `plan`.
#[must_use]
pub fn describe(rendition: &SubtitleRendition, plan: &Plan) -> Rendition {
    Rendition {
        id: rendition.id.clone(),
        codec: CODEC.to_owned(),
        timescale: plan.timeline.timescale,
        edit_ticks: 0,
        max_bitrate_bps: 0,
        media: Media::Text {
            name: rendition.name.clone(),
            language: rendition.language.clone(),
            forced: rendition.forced,
            hearing_impaired: rendition.hearing_impaired,
        },
    }
}

/// Segments of `cues`, which are in order, at the times of the picture of `plan`: each has all that is shown in its time.
#[must_use]
pub fn cut<'a>(cues: &'a [Cue], plan: &'a Plan) -> Cut<'a> {
    Cut { plan, waiting: cues, shown: Vec::new(), number: 1, written: 0 }
}

/// See [`cut`].
#[derive(Debug)]
pub struct Cut<'a> {
    plan: &'a Plan,
    waiting: &'a [Cue],
    shown: Vec<&'a Cue>,
    number: u32,
    written: usize,
}

impl Cut<'_> {
    /// Whether cues were left out, because there is too much of them.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.written >= SEGMENTS_BYTES_MAX
    }
}

impl Iterator for Cut<'_> {
    type Item = (Segment, Bytes);

    fn next(&mut self) -> Option<Self::Item> {
        let (timeline, last, number) = (&self.plan.timeline, self.plan.last_segment(), self.number);
        if number > last {
            return None;
        }
        self.number += 1;
        let start_ticks = timeline.segment_start(number);
        let end_ticks = if number == last { self.plan.duration_ticks } else { timeline.segment_start(number + 1) };
        let ms = |ticks: u64| u64::try_from(u128::from(ticks) * 1000 / u128::from(timeline.timescale)).unwrap_or(u64::MAX);
        let (start_ms, end_ms) = (ms(start_ticks), ms(end_ticks) + 1);
        let begun = self.waiting.partition_point(|cue| cue.start_ms < end_ms);
        let (begun, waiting) = self.waiting.split_at(begun);
        self.shown.extend(begun);
        self.shown.retain(|cue| cue.end_ms > start_ms);
        self.waiting = waiting;
        let fits = !self.is_full();
        let bytes = Bytes::from(segment(self.shown.iter().copied().filter(|_| fits)));
        self.written += bytes.len();
        let duration_ticks = end_ticks.saturating_sub(start_ticks);
        Some((Segment { number, start_ticks, duration_ticks, size_bytes: bytes.len() as u64, iframes: Vec::new() }, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt::read;
    use marquee_core::plan::{Deinterlace, Judging, Recipe, RungChoice};

    #[test]
    fn every_segment_has_what_is_shown_in_its_time() {
        let film = marquee_core::testing::source();
        let recipe = Recipe {
            preset: "veryfast".into(),
            deinterlace: Deinterlace::Fields,
            rungs: vec![RungChoice { height: 360, crf: 23.0, max_bitrate_bps: 800_000 }],
            per_title: None,
            additional: Vec::new(),
            audio: Vec::new(),
            surround: None,
            loudness: None,
            judging: Judging::default(),
        };
        let plan = Plan::new(&film, &recipe);
        assert!(plan.last_segment() > 3);
        let cue = |start_ms, end_ms| Cue { start_ms, end_ms, settings: String::new(), text: "x".into() };
        let cues = [cue(0, 500), cue(500, 30_000), cue(29_000, 29_500)];
        let segments: Vec<_> = cut(&cues, &plan).collect();
        assert_eq!(segments.len() as u32, plan.last_segment());
        let ends: u64 = segments.iter().map(|(segment, _)| segment.duration_ticks).sum();
        assert_eq!(ends, plan.duration_ticks);
        for (found, bytes) in segments {
            let ms = |ticks: u64| ticks * 1000 / u64::from(plan.timeline.timescale);
            let (start_ms, end_ms) = (ms(found.start_ticks), ms(found.start_ticks + found.duration_ticks) + 1);
            let shown: Vec<_> = cues.iter().filter(|cue| cue.end_ms > start_ms && cue.start_ms < end_ms).cloned().collect();
            assert_eq!(read(&bytes).unwrap().cues, shown, "{}", found.number);
        }
    }
}
