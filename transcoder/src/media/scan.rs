//! Goes through the packets of a source once, without decoding: how many frames there are, when they are shown, and whether the
//! file holds what its index promises. Where the index lists every packet, only the first and the last ones are read.

use super::{
    Stop,
    decode::is_discarded,
    entry::Entries,
    gaps::{self, Gaps},
    index::Index,
    input::Input,
    reading::Reading,
};
use crate::child::Link;
use ffmpeg_next::{Packet, codec::packet::Ref, ffi};
use marquee_core::source::{DURATION_SECONDS_MAX, FRAME_RATE_MAX, KEYFRAME_STEP_SECONDS, KEYFRAMES_MAX};

/// Frames of the longest title at the highest rate: twelve hours at 240 frames a second.
pub(super) const FRAMES_MAX: usize = DURATION_SECONDS_MAX as usize * FRAME_RATE_MAX as usize;

/// What the packets say.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Presentation times of the picture's frames inside the edit list, ascending once [`Scan::settle`] has been called.
    pub(super) times: Vec<i64>,
    /// Times that the same frames are decoded at.
    decode_times: Vec<i64>,
    /// Where only both ends were read: how many of the times are of the beginning.
    pub(super) beginning: Option<usize>,
    /// Latest end of a frame, if packets have durations.
    pub(super) end: i64,
    /// End of the last packet of each stream, in its own time base.
    pub(super) stream_ends: Vec<i64>,
    /// Start of the first packet of each stream.
    pub(super) stream_starts: Vec<i64>,
    /// What packets of the picture say in some places.
    pub(super) entries: Entries,
    /// What packets leave out in the middle.
    pub(super) gaps: Gaps,
    /// Seconds of a unit of each stream's times.
    units: Vec<f64>,
    /// Times of picture packets that were cut short or flagged as corrupt.
    pub(super) corrupt: Vec<i64>,
    /// Whether the picture is encrypted.
    pub(super) encrypted: bool,
    /// Whether all packets carry presentation times.
    pub(super) stated_times: bool,
    /// Whether at least some of those come from the container: libav gives a frame that is not reordered its decoding time.
    pub(super) stated_some: bool,
    /// Whether no packet is decoded at an earlier time than the one before it, as far as packets say.
    pub(super) ascending: bool,
    /// Time that the newest packet is decoded at.
    newest: Option<i64>,
    /// Earliest time of a packet, shown or not.
    earliest: Option<i64>,
    /// How many keyframes there are.
    pub(super) keyframes: u64,
    /// Times of those that come at least `keyframe_step` after the one before, the first included, in the order of the file.
    pub(super) keyframe_times: Vec<i64>,
    keyframe_step: i64,
}

/// Scans `input`; `early` sees the picture's packets until it has enough.
pub(super) fn scan(
    link: &Link,
    input: &mut Input,
    stream: usize,
    size_bytes: u64,
    mut early: impl FnMut(Option<&Packet>) -> Result<bool, Stop>,
) -> Result<Scan, Stop> {
    let mut index = Index::of(input, stream, size_bytes);
    let mut scan = Scan::new(input, stream);
    let (mut reading, mut curious) = (Reading::new(link, size_bytes), true);
    while let Some(packet) = input.read()? {
        reading.passes(&packet)?;
        scan.packet(&packet, stream)?;
        if packet.stream() != stream {
            continue;
        }
        curious = curious && early(Some(&packet))?;
        let is_worth = |index: &&Index| packet.dts().is_some_and(|dts| dts < index.tail);
        let Some(listed) = index.as_ref().filter(is_worth).filter(|_| !curious && scan.stated_times) else { continue };
        if scan.by_index(input, stream, listed)? {
            break;
        }
        input.seek_any(stream, i64::MIN / 2).map_err(Stop::fault("back to the beginning"))?;
        (scan, index) = (Scan::new(input, stream), None);
    }
    if curious {
        early(None)?;
    }
    Ok(scan)
}

impl Scan {
    pub(super) fn new(input: &Input, stream: usize) -> Self {
        let units: Vec<f64> = input.context().streams().map(|stream| f64::from(stream.time_base())).collect();
        let streams = units.len();
        let units_a_second = units.get(stream).map_or(0.0, |unit| 1.0 / unit);
        Self {
            keyframe_step: (units_a_second * f64::from(KEYFRAME_STEP_SECONDS)).round().max(1.0) as i64,
            stream_ends: vec![i64::MIN; streams],
            stream_starts: vec![i64::MAX; streams],
            units,
            entries: Entries::new(units_a_second),
            // MP4 may keep media in any order.
            gaps: Gaps::new(!input.context().format().name().starts_with("mov")),
            end: i64::MIN,
            stated_times: true,
            ascending: true,
            ..Self::default()
        }
    }

    /// Takes note of a packet, if it has a time.
    pub(super) fn packet(&mut self, packet: &Packet, stream: usize) -> Result<(), Stop> {
        self.gaps.packet(packet, packet.stream() == stream);
        let Some(time) = packet.pts().or(packet.dts()) else { return Ok(()) };
        let end = time.saturating_add(packet.duration().max(0));
        let is_picture = packet.stream() == stream;
        // Of sound that an edit list hides nothing is heard.
        if is_picture || !is_discarded(packet) {
            self.spans(packet.stream(), time, end);
        }
        if is_picture { self.picture(packet, time, end) } else { Ok(()) }
    }

    /// When the sound of `stream` ends, in seconds, that is heard at `seconds` and from there on without a break.
    pub(super) fn sound_end(&self, stream: usize, seconds: f64) -> Option<f64> {
        let (start, end, unit) = (*self.stream_starts.get(stream)?, *self.stream_ends.get(stream)?, *self.units.get(stream)?);
        let time = (seconds / unit) as i64;
        let heard_until = self.gaps.silence_after(stream, time).unwrap_or(end);
        (start <= time && end > time).then_some(heard_until as f64 * unit)
    }

    /// How long the picture is by now, in units of its clock.
    pub(super) fn length(&self) -> i64 {
        let first = self.decode_times.first().copied();
        first.zip(self.newest).map_or(0, |(first, newest)| newest.saturating_sub(first))
    }

    /// A demuxer may find new streams on its way; they are none of ours.
    fn spans(&mut self, stream: usize, start: i64, end: i64) {
        if let (Some(last), Some(first)) = (self.stream_ends.get_mut(stream), self.stream_starts.get_mut(stream)) {
            // Of the picture, the times of its frames tell.
            if self.units.get(stream).is_some_and(|unit| gaps::is_gap(*last, start, *unit)) {
                self.gaps.silence(stream, *last..start);
            }
            (*last, *first) = ((*last).max(end), (*first).min(start));
        }
    }

    /// Goes on at the end of the picture, and takes the times between from `index`: all frames together are shown at the times at
    /// which they are decoded, later by one delay, though not in that order; where the rate varies that is nearly so. False if the
    /// end is not where the index says.
    fn by_index(&mut self, input: &mut Input, stream: usize, index: &Index) -> Result<bool, Stop> {
        if input.seek_any(stream, index.tail).is_err() {
            return Ok(false);
        }
        let (Some(earliest), Some(first)) = (self.earliest, index.decode_times.first()) else { return Ok(false) };
        let delay = earliest.saturating_sub(*first);
        (self.times, self.decode_times, self.newest) = (Vec::new(), Vec::new(), None);
        while let Some(packet) = input.read()? {
            self.packet(&packet, stream)?;
        }
        // Of what lies between nothing was read.
        self.gaps = Gaps::default();
        let Some(last) = self.times.iter().copied().max() else { return Ok(false) };
        let shown = index.decode_times.iter().map(|time| time.saturating_add(delay));
        self.times = shown.take_while(|time| *time <= last).collect();
        if let Some(end) = self.times.last_mut() {
            *end = last;
        }
        (self.keyframes, self.keyframe_times) = (0, Vec::new());
        index.keyframes.iter().for_each(|time| self.keyframe(time.saturating_add(delay)));
        for (stream, span) in index.spans.iter().enumerate() {
            span.iter().for_each(|(start, end)| self.spans(stream, *start, *end));
        }
        Ok(true)
    }

    /// Puts the times in order, once it is known that the first frame's packet has the time `origin`. Where not all packets state
    /// when they are shown, the frame that is shown k-th has the k-th of the times that frames are decoded at, which go at the
    /// same pace.
    pub(super) fn settle(&mut self, origin: i64) {
        let decode_times = std::mem::take(&mut self.decode_times);
        if !self.stated_times {
            let first = self.times.iter().position(|time| *time == origin);
            let first = first.and_then(|place| decode_times.get(place)).copied().unwrap_or(origin);
            self.times = decode_times.into_iter().map(|time| time.saturating_sub(first).saturating_add(origin)).collect();
            // What packets say of their ends goes by other times.
            self.end = i64::MIN;
        }
        self.times.sort_unstable();
    }

    fn keyframe(&mut self, time: i64) {
        self.keyframes += 1;
        let is_next = self.keyframe_times.last().is_none_or(|last| time >= last.saturating_add(self.keyframe_step));
        if is_next && self.keyframe_times.len() < KEYFRAMES_MAX {
            self.keyframe_times.push(time);
        }
    }

    fn picture(&mut self, packet: &Packet, time: i64, end: i64) -> Result<(), Stop> {
        self.encrypted |= is_encrypted(packet);
        if packet.is_corrupt() && self.corrupt.len() < FRAMES_MAX {
            self.corrupt.push(time);
        }
        if packet.is_key() {
            self.keyframe(time);
        }
        self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
        if packet.size() == 0 || is_discarded(packet) {
            return Ok(());
        }
        if self.times.len() == FRAMES_MAX {
            return Err(Stop::refuse("limits_exceeded", "the film has more frames than twelve hours at 240 frames a second."));
        }
        let decode_time = packet.dts().unwrap_or(time);
        self.stated_times &= packet.pts().is_some();
        self.stated_some |= packet.pts().is_some_and(|pts| packet.is_key() || pts != decode_time);
        if let Some(dts) = packet.dts() {
            self.ascending &= self.newest.is_none_or(|newest| newest <= dts);
            self.newest = Some(dts);
        }
        self.entries.packet(packet);
        self.times.push(time);
        self.decode_times.push(decode_time);
        self.end = self.end.max(end);
        Ok(())
    }
}

/// Whether a packet can only be read with a key.
fn is_encrypted(packet: &Packet) -> bool {
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INFO;
    // SAFETY: the packet is alive; libav only looks through its side data.
    #[expect(unsafe_code, reason = "ffmpeg-next lists side data by an enum that may not know every kind")]
    unsafe {
        !ffi::av_packet_get_side_data(packet.as_ptr(), kind, std::ptr::null_mut()).is_null()
    }
}
