//! A first look at a film: its first frames, decoded while the packets go by, and then some in other places, for what they show of
//! fields and say in closed captions.

use super::{
    Stop,
    captions::Heard,
    decode,
    fields::{self, Comparison},
    input::Input,
};
use ffmpeg_next::{self as ffmpeg, Packet, decoder, frame};
use marquee_core::source::{CaptionChannel, Fields};

/// Frames at the beginning that are decoded to see what they are like.
const FIRST_FRAMES: u32 = 8;
/// Lines of a picture that can have fields, at least: one that was made smaller has none, and movement in it looks like combs.
const LINES_MIN: u32 = 320;
/// Places that are looked at: enough that what is seen there is hardly all that is unusual about a film.
const PLACES: usize = 5;
/// Pixels of all frames that are looked at there: what takes a few tenths of a second to decode.
const PIXELS: u64 = 60 * 1920 * 1080;
/// Frames in one place at least: movement is seen in as few, however large they are.
const FRAMES_MIN: u64 = 6;
/// Frames in all places, however small they are.
const FRAMES_MAX: u64 = 60;
/// Packets that are read in one place, whether they hold a keyframe or not.
const PACKETS_MAX: u32 = 600;

/// See the module.
pub(super) struct Look {
    decoder: decoder::Opened,
    stream: usize,
    /// The first frame that could be decoded.
    pub(super) first: Option<frame::Video>,
    seen: u32,
    fields: Fields,
    captions: Heard,
}

impl Look {
    pub(super) fn new(input: &Input, stream: usize) -> Result<Self, Stop> {
        let parameters = input.context().stream(stream).map(|stream| stream.parameters());
        let parameters = parameters.ok_or_else(|| Stop::Fault("the chosen stream is gone".into()))?;
        let decoder = decode::open(input, stream, &parameters)?;
        Ok(Self { decoder, stream, first: None, seen: 0, fields: Fields::default(), captions: Heard::default() })
    }

    /// Takes the next packet of the beginning, or `None` at the end; answers whether it wants more.
    pub(super) fn at(&mut self, packet: Option<&Packet>) -> Result<bool, Stop> {
        self.send(packet);
        while let Some(frame) = self.receive()? {
            self.seen += 1;
            self.fields.says(fields::order(&frame));
            self.captions.hear(&frame);
            self.first.get_or_insert(frame);
        }
        Ok(self.seen < FIRST_FRAMES)
    }

    /// Looks at a film whose frames are like `frame` from some of its `keyframes` on, which are spread over it. Answers what all
    /// frames that were seen say and show of fields, and the closed captions that they have.
    pub(super) fn around(
        mut self,
        input: &mut Input,
        keyframes: &[i64],
        frame: &frame::Video,
    ) -> Result<(Fields, Vec<CaptionChannel>), Stop> {
        input.keep_only(&[self.stream]);
        let places = if frame.height() < LINES_MIN { 0 } else { PLACES.min(keyframes.len()) };
        let pixels = u64::from(frame.width()) * u64::from(frame.height());
        let frames = (PIXELS / (pixels * places as u64).max(1)).clamp(FRAMES_MIN, FRAMES_MAX / places.max(1) as u64);
        for place in 0..places {
            if let Some(keyframe) = keyframes.get((2 * place + 1) * keyframes.len() / (2 * places)) {
                self.look(input, *keyframe, frames)?;
            }
        }
        Ok((self.fields, self.captions.channels()))
    }

    /// Looks at `frames` frames from a keyframe on that is shown at or before `time`.
    fn look(&mut self, input: &mut Input, time: i64, frames: u64) -> Result<(), Stop> {
        if input.seek(self.stream, time).is_err() {
            return Ok(());
        }
        self.decoder.flush();
        self.captions.cut();
        let mut comparison = Comparison::default();
        let (mut begin, mut seen, mut following) = (None, 0, Vec::new());
        for _ in 0..PACKETS_MAX {
            let packet = input.read()?;
            let is_wanted = |packet: &Packet| packet.stream() == self.stream && (begin.is_some() || packet.is_key());
            if packet.as_ref().is_some_and(|packet| !is_wanted(packet)) {
                continue;
            }
            begin = begin.or(packet.as_ref().and_then(|packet| packet.pts().or(packet.dts())));
            self.send(packet.as_ref());
            while let Some(frame) = self.receive()? {
                // Frames that lead an open group of pictures cannot be decoded from its keyframe.
                if frame.timestamp() < begin || frame.is_corrupt() || frame.has_decode_errors() {
                    continue;
                }
                seen += 1;
                self.fields.says(fields::order(&frame));
                self.captions.hear(&frame);
                if let Some((found, said)) = comparison.push(&frame)? {
                    self.fields.shows(found.shown, said);
                    following.push(found);
                }
            }
            if seen >= frames || packet.is_none() {
                break;
            }
        }
        self.fields.follow(&following);
        Ok(())
    }

    /// Hands a packet to the decoder, or tells it that there are no more.
    fn send(&mut self, packet: Option<&Packet>) {
        // Damage is no reason to stop here: a later packet may start a frame that can be decoded.
        let _ = match packet {
            Some(packet) if packet.size() > 0 => {
                // A packet that does not state when it is shown: its frame then tells which packet it was.
                let mut packet = packet.clone();
                packet.set_pts(packet.pts().or(packet.dts()));
                self.decoder.send_packet(&packet)
            }
            Some(_) => Ok(()),
            None => self.decoder.send_eof(),
        };
    }

    /// The next frame that has a time, unless the decoder wants another packet first.
    fn receive(&mut self) -> Result<Option<frame::Video>, Stop> {
        loop {
            let mut frame = frame::Video::empty();
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) if frame.timestamp().is_some() => return Ok(Some(frame)),
                Err(ffmpeg::Error::Other { errno: libc::ENOMEM }) => return Err(Stop::Fault("decode: out of memory".into())),
                Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { .. }) => return Ok(None),
                Ok(()) | Err(_) => {}
            }
        }
    }
}
