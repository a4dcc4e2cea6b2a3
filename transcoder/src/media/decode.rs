//! One stream of a source, decoded frame by frame. Damage is counted and passed over, never fatal by itself.

use super::{Stop, formats, input::Input, order::Order};
use ffmpeg_next::{self as ffmpeg, Frame, Packet, codec, codec::packet::Ref, decoder, ffi};
use marquee_core::source::{PIXELS_MAX, Ratio};

/// Threads of a picture decoder: as many as a small machine has, since each holds whole frames.
const DECODER_THREADS: usize = 2;

/// Demuxes and decodes one stream.
pub(super) struct Decoding {
    input: Input,
    decoder: decoder::Opened,
    stream: usize,
    /// Read but not yet decoded: found while looking for a keyframe.
    pending: Option<Packet>,
    drained: bool,
    /// Frames that were decoded, packets that were handed to the decoder, and frames that were damaged or never came.
    frames: u64,
    packets: u64,
    damaged: u64,
    /// Presentation times of the packets that were handed to the decoder and are to be shown.
    promised: Vec<i64>,
    /// Where frames go by their order: what gives them times, and the time of the first.
    order: Option<(Order, i64)>,
    /// Presentation time of the newest frame.
    time: Option<i64>,
}

impl Decoding {
    /// Prepares to decode `stream` from the beginning; every other stream is ignored.
    pub(super) fn new(mut input: Input, stream: usize) -> Result<Self, Stop> {
        let Some(parameters) = input.context().stream(stream).map(|stream| stream.parameters()) else {
            return Err(Stop::Fault(format!("the source has no stream {stream} any more")));
        };
        let decoder = open(&input, stream, &parameters)?;
        input.keep_only(&[stream]);
        Ok(Self {
            input,
            decoder,
            stream,
            pending: None,
            drained: false,
            frames: 0,
            packets: 0,
            damaged: 0,
            promised: Vec::new(),
            order: None,
            time: None,
        })
    }

    /// Gives frames times by their order, beginning at `origin`. Only for a decoding from the beginning.
    pub(super) fn go_by_order(&mut self, origin: i64) {
        self.order = Some((Order::default(), origin));
    }

    /// Decodes the next frame into `frame`; false at the end.
    pub(super) fn next(&mut self, frame: &mut Frame) -> Result<bool, Stop> {
        loop {
            match self.decoder.receive_frame(frame) {
                Ok(()) => {
                    self.frames += 1;
                    self.damaged += u64::from(frame.is_corrupt() || frame.has_decode_errors());
                    self.time = self.time_of(frame);
                    return Ok(true);
                }
                Err(ffmpeg::Error::Eof) => return Ok(false),
                Err(ffmpeg::Error::Other { errno: libc::EAGAIN }) if !self.drained => self.feed()?,
                Err(ffmpeg::Error::Other { errno: libc::EAGAIN }) => return Ok(false),
                Err(ffmpeg::Error::Other { errno: libc::ENOMEM }) => return Err(Stop::Fault("decode: out of memory".into())),
                Err(_) => self.damaged += 1,
            }
        }
    }

    /// When the newest frame is shown, if anything tells.
    pub(super) fn time(&self) -> Option<i64> {
        self.time
    }

    fn time_of(&mut self, frame: &Frame) -> Option<i64> {
        let Some((order, origin)) = &mut self.order else { return frame.timestamp() };
        // SAFETY: the decoder is open.
        #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for this field")]
        let held = unsafe { (*self.decoder.as_ptr()).has_b_frames };
        let elapsed = order.shown(frame.pts(), usize::try_from(held).unwrap_or(0))?;
        Some(origin.saturating_add(elapsed))
    }

    /// How many frames were damaged, or could not be decoded at all, since the last call.
    pub(super) fn take_damage(&mut self) -> u64 {
        std::mem::take(&mut self.damaged)
    }

    /// How many frames were decoded so far.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// How many packets the decoder has got so far.
    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Seconds per unit of the stream's times.
    pub(super) fn time_base(&self) -> Ratio {
        let time_base = self.input.context().stream(self.stream).map(|stream| stream.time_base());
        let positive = |value: i32| u32::try_from(value).unwrap_or(0);
        time_base.map_or(Ratio::new(1, 1), |unit| Ratio::new(positive(unit.numerator()), positive(unit.denominator())))
    }

    /// Takes the times of the frames that packets have promised since the last call.
    pub(super) fn take_promised(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.promised)
    }

    /// Whether the first packet is shown at `origin`, which it is by all that the container says. What not all of it is known of
    /// (see [`Input::open`]) may be late: how much frames are reordered at most is not known then. To be asked before all else.
    pub(super) fn begins_at(&mut self, origin: i64) -> Result<bool, Stop> {
        while self.input.is_brief() && self.pending.is_none() {
            let Some(packet) = self.input.read()? else { return Ok(false) };
            self.pending = Some(packet).filter(|packet| packet.stream() == self.stream);
        }
        Ok(self.pending.as_ref().is_none_or(|packet| packet.pts() == Some(origin)))
    }

    /// Goes to a keyframe that is shown at or before `needed`, looking from `target` on; false if the container offers none there.
    /// Containers without an index go to any packet around `target`: from there the next keyframe may be later than that.
    pub(super) fn seek(&mut self, target: i64, needed: i64) -> Result<bool, Stop> {
        if self.input.seek(self.stream, target).is_err() {
            return Ok(false);
        }
        self.decoder.flush();
        (self.drained, self.damaged) = (false, 0);
        self.promised.clear();
        self.pending = None;
        while let Some(packet) = self.input.read()? {
            if packet.stream() == self.stream && packet.is_key() {
                // Frames that lead an open group of pictures are shown before its keyframe and cannot be decoded from
                // here. All later ones can: so the keyframe itself must not be late.
                let in_time = packet.pts().is_some_and(|shown| shown <= needed);
                self.pending = Some(packet);
                return Ok(in_time);
            }
        }
        Ok(false)
    }

    /// Goes to where the container has `seconds` of its time, or near to it, if it can: for sound, which can be decoded from any packet.
    /// `picture` is the stream that a container may know places of only.
    pub(super) fn jump(&mut self, seconds: f64, picture: usize) {
        let guide = if self.input.lists_places_of(self.stream) { self.stream } else { picture };
        let unit = self.input.context().stream(guide).map_or(1.0, |stream| f64::from(stream.time_base()));
        if self.input.seek(guide, (seconds / unit) as i64).is_ok() {
            self.decoder.flush();
            (self.drained, self.pending) = (false, None);
        }
    }

    /// Goes back to the beginning.
    pub(super) fn rewind(&mut self) -> Result<(), Stop> {
        self.seek(i64::MIN / 2, i64::MIN / 2).map(drop)
    }

    /// Hands the decoder one more packet, or tells it that there are no more.
    fn feed(&mut self) -> Result<(), Stop> {
        let packet = match self.pending.take() {
            Some(packet) => Some(packet),
            None => self.input.read()?,
        };
        let Some(mut packet) = packet else {
            self.drained = true;
            // Refused only by a decoder that is draining already.
            let _ = self.decoder.send_eof();
            return Ok(());
        };
        if packet.stream() != self.stream || packet.size() == 0 {
            return Ok(());
        }
        self.packets += 1;
        if let Some((order, _)) = &mut self.order {
            // A frame tells what its packet carried as presentation time: here, which packet it was.
            packet.set_pts(packet.dts().or(packet.pts()));
            packet.pts().into_iter().for_each(|own| order.sent(own));
        } else if !is_discarded(&packet) {
            self.promised.extend(packet.pts());
        }
        match self.decoder.send_packet(&packet) {
            Ok(()) => Ok(()),
            Err(ffmpeg::Error::Other { errno: libc::ENOMEM }) => Err(Stop::Fault("decode: out of memory".into())),
            Err(_) => {
                self.damaged += 1;
                Ok(())
            }
        }
    }
}

/// Whether a packet lies outside the edit list: it is decoded for others' sake and never shown.
pub(super) fn is_discarded(packet: &Packet) -> bool {
    // SAFETY: the packet is alive.
    #[expect(unsafe_code, reason = "ffmpeg-next has no name for this flag")]
    let flags = unsafe { (*packet.as_ptr()).flags };
    flags & ffi::AV_PKT_FLAG_DISCARD != 0
}

/// Opens the decoder of a stream.
pub(super) fn open(input: &Input, stream: usize, parameters: &codec::Parameters) -> Result<decoder::Opened, Stop> {
    let Some(codec) = formats::decoder(parameters) else {
        return Err(Stop::refuse("unsupported_codec", format!("the codec {} is not supported", parameters.id().name())));
    };
    let mut context = codec::Context::from_parameters(parameters.clone()).map_err(Stop::fault("decoder parameters"))?;
    if codec.is_video() {
        let kind = codec::threading::Type::Frame;
        context.set_threading(codec::threading::Config { kind, count: DECODER_THREADS, safe: true });
        // Without it, the short cuts that some processors offer give other pixels.
        context.set_flags(codec::Flags::BITEXACT);
    }
    let mut opening = context.decoder();
    if let Some(stream) = input.context().stream(stream) {
        opening.set_packet_time_base(stream.time_base());
    }
    // SAFETY: the context is ours and not open yet.
    #[expect(unsafe_code, reason = "ffmpeg-next has no setter for this field")]
    unsafe {
        let context: *mut ffi::AVCodecContext = opening.as_mut_ptr();
        (*context).max_pixels = i64::from(PIXELS_MAX);
    }
    opening.open_as(codec).map_err(|error| {
        Stop::refuse("unsupported_codec", format!("the {} track cannot be decoded: {error}", parameters.id().name()))
    })
}
