//! Checksums of what a source's tracks hold, taken in one reading without decoding.

use super::{Stop, input::Input, reading::Reading};
use crate::child::{Link, Output, RemoteSource, Report};
use ffmpeg_next::{Packet, ffi, format::stream::Stream};
use marquee_core::{
    fingerprint::{Fingerprints, PARTS_MAX, Part, SUM_BYTES},
    plan::Timeline,
    source::{AudioTrack, KEYFRAME_STEP_SECONDS, Seek, Source, SubtitleTrack, VideoTrack},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Reads `source`, in which inspection found `found`, and hands over what it holds.
pub(super) fn take(link: &Link, source: RemoteSource, found: &Source, timeline: &Timeline) -> Result<Report, Stop> {
    let size_bytes = source.size_bytes();
    let mut input = Input::open(source)?;
    let video = &found.video;
    let picture = sum(begun(&input, video.stream, &described(video))?);
    let mut tracks = BTreeMap::new();
    for track in &found.audio {
        tracks.insert(track.stream, begun(&input, track.stream, &heard(track))?);
    }
    for track in &found.subtitles {
        tracks.insert(track.stream, begun(&input, track.stream, &read(track))?);
    }
    let streams: Vec<usize> = tracks.keys().chain([&video.stream]).map(|stream| *stream as usize).collect();
    input.keep_only(&streams);
    let mut parts = Parts::new(timeline, video);
    let mut reading = Reading::new(link, size_bytes);
    while let Some(packet) = input.read()? {
        reading.passes(&packet)?;
        let stream = packet.stream() as u32;
        if stream == video.stream {
            parts.take(&packet);
        } else if let (Some(track), Some(opened)) = (tracks.get_mut(&stream), input.context().stream(stream as usize)) {
            add(track, &packet, origin_in(&opened, video));
        }
    }
    link.output(Output::Fingerprints(Fingerprints {
        timeline: timeline.clone(),
        picture,
        seekable: video.seek == Seek::Keyframe,
        parts: parts.end(),
        tracks: tracks.into_iter().map(|(stream, track)| (stream, sum(track))).collect(),
    }))?;
    Ok(Report::default())
}

/// What is said of the picture as a whole, but for where it is and how long it lasts.
fn described(video: &VideoTrack) -> VideoTrack {
    VideoTrack { stream: 0, origin: 0, end: 0, frames: 0, keyframes: Vec::new(), ..video.clone() }
}

fn heard(track: &AudioTrack) -> AudioTrack {
    AudioTrack { stream: 0, language: String::new(), title: None, default: false, ..track.clone() }
}

fn read(track: &SubtitleTrack) -> SubtitleTrack {
    SubtitleTrack { stream: 0, language: String::new(), title: None, ..track.clone() }
}

/// The picture, cut where keyframes are.
struct Parts<'a> {
    timeline: &'a Timeline,
    video: &'a VideoTrack,
    /// Ticks from the beginning of a part to that of the next, at least.
    step_ticks: i64,
    /// The one that grows, once there is one.
    open: Option<(i64, Sha256)>,
    parts: Vec<Part>,
}

impl<'a> Parts<'a> {
    fn new(timeline: &'a Timeline, video: &'a VideoTrack) -> Self {
        let step_ticks = i64::from(timeline.timescale) * i64::from(KEYFRAME_STEP_SECONDS);
        Self { timeline, video, step_ticks, open: None, parts: Vec::new() }
    }

    fn take(&mut self, packet: &Packet) {
        let time = packet.pts().or(packet.dts()).unwrap_or(self.video.origin);
        let ticks = self.timeline.tick(self.video, time);
        let is_room = self.parts.len() + 1 < PARTS_MAX;
        let begins = is_room
            && packet.is_key()
            && self.open.as_ref().is_none_or(|(start, _)| ticks.saturating_sub(*start) >= self.step_ticks);
        if begins {
            self.close();
        }
        let (_, part) = self.open.get_or_insert_with(|| (ticks, Sha256::new()));
        add(part, packet, self.video.origin);
    }

    fn close(&mut self) {
        if let Some((start_ticks, part)) = self.open.take() {
            self.parts.push(Part { start_ticks, sum: sum(part) });
        }
    }

    fn end(mut self) -> Vec<Part> {
        self.close();
        self.parts
    }
}

/// A checksum that begins with what decoders are told before the first packet.
fn begun(input: &Input, stream: u32, description: &impl Serialize) -> Result<Sha256, Stop> {
    let missing = || Stop::Fault(format!("the source has no stream {stream} any more"));
    let opened = input.context().stream(stream as usize).ok_or_else(missing)?;
    let description = serde_json::to_vec(description).map_err(|error| Stop::Fault(error.to_string()))?;
    let mut begun = Sha256::new();
    add_bytes(&mut begun, &description);
    add_bytes(&mut begun, &configuration(&opened));
    Ok(begun)
}

/// Adds a packet, its times counted from `origin`.
fn add(sum: &mut Sha256, packet: &Packet, origin: i64) {
    let time = |time: Option<i64>| time.map_or(i64::MIN, |time| time.saturating_sub(origin)).to_le_bytes();
    let data = packet.data().unwrap_or_default();
    sum.update(time(packet.pts()));
    sum.update(time(packet.dts()));
    // Cues last as long as their packets.
    sum.update(packet.duration().to_le_bytes());
    sum.update(packet.flags().bits().to_le_bytes());
    add_bytes(sum, data);
    packet.side_data().for_each(|aside| add_bytes(sum, aside.data()));
}

fn add_bytes(sum: &mut Sha256, bytes: &[u8]) {
    sum.update((bytes.len() as u64).to_le_bytes());
    sum.update(bytes);
}

fn sum(sum: Sha256) -> String {
    hex::encode(&sum.finalize()[..SUM_BYTES])
}

/// Where the picture begins, in the times of another stream.
fn origin_in(stream: &Stream<'_>, video: &VideoTrack) -> i64 {
    let base = stream.time_base();
    let (num, den) = (i128::from(video.time_base.num) * i128::from(base.1), i128::from(video.time_base.den) * i128::from(base.0));
    let origin = i128::from(video.origin).saturating_mul(num).checked_div_euclid(den.max(1)).unwrap_or(0);
    i64::try_from(origin).unwrap_or(0)
}

/// What a container says of a stream for its decoder.
fn configuration(stream: &Stream<'_>) -> Vec<u8> {
    let parameters = stream.parameters();
    // SAFETY: the parameters are alive; libav keeps pointer and size in step, and the bytes are copied at once.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for these fields")]
    unsafe {
        let parameters: *const ffi::AVCodecParameters = parameters.as_ptr();
        let size = usize::try_from((*parameters).extradata_size).unwrap_or(0);
        if size == 0 || (*parameters).extradata.is_null() {
            return Vec::new();
        }
        std::slice::from_raw_parts((*parameters).extradata, size).to_vec()
    }
}
