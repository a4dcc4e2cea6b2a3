//! Gathers encoded access units into segments: a segment is complete when the keyframe of the next one arrives.

use super::Stop;
use bytes::Bytes;
use ffmpeg_next::Packet;
use marquee_core::{
    object::Track,
    plan::{Codec, Timeline},
};
use marquee_packager::{cmaf, model};

/// One encoded picture.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    /// A sample of the track.
    pub(super) data: Bytes,
    /// When it is shown.
    pub(super) tick: u64,
    /// Whether it needs no other.
    pub(super) keyframe: bool,
}

impl Unit {
    /// What an encoder of `codec` made.
    pub(super) fn of(codec: Codec, packet: &Packet) -> Result<Self, Stop> {
        let tick = packet.pts().and_then(|pts| u64::try_from(pts).ok());
        let tick = tick.ok_or_else(|| Stop::Fault("the encoder lost a time".into()))?;
        let data = cmaf::sample(codec, packet.data().unwrap_or_default());
        Ok(Self { data, tick, keyframe: packet.is_key() })
    }
}

/// The segment that a rendition is in.
pub(super) struct Segmenter<'a> {
    timeline: &'a Timeline,
    /// The track's edit, see [`cmaf::edit_ticks`].
    edit_ticks: u32,
    units: Vec<Unit>,
}

impl<'a> Segmenter<'a> {
    pub(super) fn new(timeline: &'a Timeline, edit_ticks: u32) -> Self {
        Self { timeline, edit_ticks, units: Vec::new() }
    }

    /// Adds a unit, in coding order; answers the segment before it if this one starts another.
    pub(super) fn push(&mut self, unit: Unit) -> Result<Option<(model::Segment, Bytes)>, Stop> {
        let number = |unit: &Unit| self.timeline.segment_of(unit.tick);
        let starts = unit.keyframe && self.units.first().is_some_and(|first| number(first) != number(&unit));
        let complete = if starts { self.finish(unit.tick)? } else { None };
        self.units.push(unit);
        Ok(complete)
    }

    /// The segment so far, its last frame ending at `end`; `None` if it is empty.
    pub(super) fn finish(&mut self, end: u64) -> Result<Option<(model::Segment, Bytes)>, Stop> {
        self.complete(end, cmaf::media_segment)
    }

    /// The same of the last segment of the title.
    pub(super) fn last(&mut self, end: u64) -> Result<Option<(model::Segment, Bytes)>, Stop> {
        self.complete(end, cmaf::last_media_segment)
    }

    fn complete(&mut self, end: u64, write: cmaf::WriteSegment) -> Result<Option<(model::Segment, Bytes)>, Stop> {
        let units = std::mem::take(&mut self.units);
        let Some(first) = units.first() else { return Ok(None) };
        let number = self.timeline.segment_of(first.tick);
        let ticks: Vec<u64> = units.iter().map(|unit| unit.tick).collect();
        let start_ticks = first.tick;
        let timings = cmaf::schedule(&ticks, end, self.edit_ticks)?;
        let samples: Vec<cmaf::Sample> = std::iter::zip(units, timings)
            .map(|(unit, timing)| cmaf::Sample {
                data: unit.data,
                duration_ticks: timing.duration_ticks,
                composition_offset_ticks: timing.composition_offset_ticks,
                keyframe: unit.keyframe,
            })
            .collect();
        let written = write(number, start_ticks, &samples, Track::Video)?;
        let segment = model::Segment {
            number,
            start_ticks,
            duration_ticks: written.duration_ticks,
            size_bytes: written.bytes.len() as u64,
            iframes: written.iframes,
        };
        Ok(Some((segment, written.bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(tick: u64, keyframe: bool) -> Unit {
        Unit { data: Bytes::from_static(&[0, 0, 0, 1, 0x65]), tick, keyframe }
    }

    #[test]
    fn segments_end_where_the_next_keyframe_is_shown() {
        let timeline = Timeline { timescale: 1000, frame_ticks: None, gop_ticks: 2000, first_lacks_gops: 0 };
        let mut segmenter = Segmenter::new(&timeline, 100);
        for (tick, keyframe) in [(0, true), (1500, false), (900, false), (2100, true), (4000, true), (5900, false)] {
            assert!(segmenter.push(unit(tick, keyframe)).unwrap().is_none());
        }
        let (segment, bytes) = segmenter.push(unit(6200, true)).unwrap().unwrap();
        assert_eq!((segment.number, segment.start_ticks, segment.duration_ticks), (1, 0, 6200));
        assert_eq!(segment.iframes.iter().map(|iframe| iframe.start_ticks).collect::<Vec<_>>(), [0, 2100, 4000]);
        assert_eq!(segment.size_bytes, bytes.len() as u64);
        let (segment, _) = segmenter.finish(7000).unwrap().unwrap();
        assert_eq!((segment.number, segment.start_ticks, segment.duration_ticks), (2, 6200, 800));
        assert!(segmenter.finish(7000).unwrap().is_none());
    }
}
