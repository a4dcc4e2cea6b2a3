//! Looks at a film here and there, at little cost.

use super::{
    Stop,
    decode::{self, Decoding, is_discarded},
    input::Input,
    video::{self, Job},
};
use crate::child::RemoteSource;
use ffmpeg_next::{self as ffmpeg, Discard, Packet, decoder, frame};
use marquee_core::source::Seek;

/// Keyframes that are tried at one place until one can be decoded.
const TRIES_MAX: u32 = 300;
/// Containers that know where their keyframes are: what lies between is not even read.
const INDEXED: [&str; 2] = ["mov", "matroska"];

/// What a look has seen.
pub(super) struct Glimpse {
    pub(super) frame: frame::Video,
    pub(super) tick: u64,
}

/// Looks at a film at ascending ticks.
pub(super) trait Looks {
    /// What is shown at `tick`, as far as can be told: of the pictures that it decodes the last one at or before that, or the first of
    /// all. `None` if that is what the look before has seen, or nothing can be seen.
    fn at(&mut self, tick: u64) -> Result<Option<Glimpse>, Stop>;
}

/// Decodes keyframes and nothing else, of those only the ones that are looked at, each by itself.
pub(super) struct Keyframes<'a> {
    job: &'a Job<'a>,
    input: Input,
    decoder: decoder::Opened,
    is_indexed: bool,
    /// Read already, and to be looked at later.
    ahead: Option<Keyframe>,
    /// Time that the first packet is decoded at.
    first: Option<i64>,
    /// Tick of what was seen last.
    seen: Option<u64>,
}

struct Keyframe {
    packet: Packet,
    tick: u64,
}

impl<'a> Keyframes<'a> {
    pub(super) fn open(source: RemoteSource, job: &'a Job<'a>) -> Result<Self, Stop> {
        let mut input = Input::open(source)?;
        let stream = job.source.video.stream as usize;
        let Some(parameters) = input.context().stream(stream).map(|stream| stream.parameters()) else {
            return Err(Stop::Fault(format!("the source has no stream {stream} any more")));
        };
        let mut decoder = decode::open(&input, stream, &parameters)?;
        // Some containers call every packet a keyframe: the decoder knows better.
        decoder.skip_frame(Discard::NonKey);
        input.keep_only(&[stream]);
        let named = |name: &&str| job.source.container.split(',').any(|part| part == *name);
        let is_indexed = job.source.video.seek == Seek::Keyframe && INDEXED.iter().any(named) && !input.is_brief();
        Ok(Self { job, input, decoder, is_indexed, ahead: None, first: None, seen: None })
    }

    /// The last keyframe at or before `tick` of those that come, or the first of all.
    fn last_until(&mut self, tick: u64) -> Result<Option<Keyframe>, Stop> {
        if self.is_indexed {
            let track = &self.job.source.video;
            let time = video::pts_of(track, self.job.plan.timeline.timescale, tick);
            // Nowhere to go to before the first keyframe: that one is next then.
            if self.input.seek(track.stream as usize, time).is_err() {
                let _ = self.input.seek(track.stream as usize, i64::MIN / 2);
            }
            return self.read();
        }
        let mut last = None;
        while let Some(next) = self.ahead.take().map_or_else(|| self.read(), |ahead| Ok(Some(ahead)))? {
            let is_later = next.tick > tick;
            if is_later && (last.is_some() || self.seen.is_some()) {
                self.ahead = Some(next);
                break;
            }
            last = Some(next);
            if is_later {
                break;
            }
        }
        Ok(last)
    }

    /// The next keyframe that is shown.
    fn read(&mut self) -> Result<Option<Keyframe>, Stop> {
        let track = &self.job.source.video;
        while let Some(packet) = self.input.read()? {
            if packet.stream() != track.stream as usize || packet.size() == 0 {
                continue;
            }
            let Some(decoded) = packet.dts().or(packet.pts()) else { continue };
            let first = *self.first.get_or_insert(decoded);
            if !packet.is_key() || is_discarded(&packet) {
                continue;
            }
            let shown = match track.seek {
                Seek::InOrder => track.origin.saturating_add(decoded.saturating_sub(first)),
                Seek::Keyframe | Seek::FromStart => packet.pts().unwrap_or(decoded),
            };
            let tick = u64::try_from(self.job.plan.timeline.tick(track, shown)).unwrap_or(0);
            return Ok(Some(Keyframe { packet, tick }));
        }
        Ok(None)
    }

    /// The picture of one packet, if it can be decoded without any other.
    fn decode(&mut self, packet: &Packet) -> Result<Option<frame::Video>, Stop> {
        self.decoder.flush();
        match self.decoder.send_packet(packet) {
            Ok(()) => {}
            Err(ffmpeg::Error::Other { errno: libc::ENOMEM }) => return Err(Stop::Fault("decode: out of memory".into())),
            Err(_) => return Ok(None),
        }
        // It holds nothing back for others that do not come.
        let _ = self.decoder.send_eof();
        let mut frame = frame::Video::empty();
        Ok(self.decoder.receive_frame(&mut frame).is_ok().then_some(frame))
    }
}

impl Looks for Keyframes<'_> {
    fn at(&mut self, tick: u64) -> Result<Option<Glimpse>, Stop> {
        let mut found = self.last_until(tick)?;
        for _ in 0..TRIES_MAX {
            let Some(Keyframe { packet, tick }) = found else { return Ok(None) };
            if self.seen == Some(tick) {
                return Ok(None);
            }
            if let Some(frame) = self.decode(&packet)? {
                self.seen = Some(tick);
                return Ok(Some(Glimpse { frame, tick }));
            }
            found = self.read()?;
        }
        Ok(None)
    }
}

/// Decodes every frame: dear, and the only way where keyframes are rare or tell nothing.
pub(super) struct EveryFrame<'a> {
    job: &'a Job<'a>,
    decoding: Decoding,
    ahead: Option<Glimpse>,
    /// Tick of the newest frame that was decoded.
    newest: Option<u64>,
}

impl<'a> EveryFrame<'a> {
    pub(super) fn open(source: RemoteSource, job: &'a Job<'a>) -> Result<Self, Stop> {
        Ok(Self { job, decoding: video::open(source, job)?, ahead: None, newest: None })
    }

    fn decode(&mut self) -> Result<Option<Glimpse>, Stop> {
        let mut frame = frame::Video::empty();
        if !self.decoding.next(&mut frame)? {
            return Ok(None);
        }
        self.decoding.take_promised();
        let ticks = self.decoding.time().map(|time| self.job.plan.timeline.tick(&self.job.source.video, time));
        let tick = ticks.map_or(self.newest, |tick| u64::try_from(tick).ok()).unwrap_or(0);
        self.newest = Some(tick);
        Ok(Some(Glimpse { frame, tick }))
    }
}

impl Looks for EveryFrame<'_> {
    fn at(&mut self, tick: u64) -> Result<Option<Glimpse>, Stop> {
        let is_first = self.newest.is_none();
        let mut last = None;
        while let Some(next) = self.ahead.take().map_or_else(|| self.decode(), |ahead| Ok(Some(ahead)))? {
            if next.tick > tick && !(is_first && last.is_none()) {
                self.ahead = Some(next);
                break;
            }
            last = Some(next);
        }
        Ok(last)
    }
}
