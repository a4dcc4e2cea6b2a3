//! One encoder of the picture: closed groups of pictures at the times it is told, parameter sets that every chunk shares.

use super::{Stop, coders, pictures::Work};
use bytes::Bytes;
use ffmpeg_next::{self as ffmpeg, Packet, Rational, codec, color, encoder, ffi, format, frame, picture};
use marquee_core::{
    object::Track,
    plan::{Codec, Rung, Timeline},
    source::Ratio,
};
use marquee_packager::{cmaf, model};
use std::sync::mpsc::Receiver;

/// Whom an encoder works for.
pub(super) trait Taker {
    /// Learns of a picture that is about to be encoded, in the order in which they are shown.
    fn given(&mut self, _tick: u64, _picture: &frame::Video) -> Result<(), Stop> {
        Ok(())
    }

    /// Takes an encoded picture, in coding order.
    fn take(&mut self, packet: Packet) -> Result<(), Stop>;
}

impl Taker for Vec<Packet> {
    fn take(&mut self, packet: Packet) -> Result<(), Stop> {
        self.push(packet);
        Ok(())
    }
}

/// An open encoder for one rung.
pub(super) struct VideoEncoder {
    encoder: encoder::video::Encoder,
    extradata: Bytes,
    /// Whether it has pictures and an end, which SVT-AV1 wants before it is closed: it would wait for them for ever.
    has_begun: bool,
    has_ended: bool,
}

impl VideoEncoder {
    pub(super) fn open(rung: &Rung, timeline: &Timeline, frame_rate: Ratio, threads: u16) -> Result<Self, Stop> {
        let name = coders::name(rung.codec);
        let codec = encoder::find_by_name(name).ok_or_else(|| Stop::Fault(format!("libavcodec lacks {name}")))?;
        let mut context = codec::Context::new_with_codec(codec);
        context.set_flags(coders::flags());
        context.set_threading(codec::threading::Config::count(usize::from(threads.max(1))));
        let mut encoder = context.encoder().video().map_err(Stop::fault("encoder"))?;
        encoder.set_width(rung.width);
        encoder.set_height(rung.height);
        encoder.set_format(format::Pixel::YUV420P);
        encoder.set_time_base(Rational::new(1, int(timeline.timescale)));
        encoder.set_frame_rate(Some(Rational::new(int(frame_rate.num.max(1)), int(frame_rate.den))));
        encoder.set_aspect_ratio(Rational::new(1, 1));
        encoder.set_colorspace(color::Space::BT709);
        encoder.set_color_range(color::Range::MPEG);
        encoder.set_color_primaries(color::Primaries::BT709);
        encoder.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
        encoder.set_max_bit_rate(rung.max_bitrate_bps as usize);
        // SAFETY: the context is ours and not open yet.
        #[expect(unsafe_code, reason = "ffmpeg-next has no setter for this field")]
        unsafe {
            // One second of the cap: a segment can never be far above it.
            (*encoder.as_mut_ptr()).rc_buffer_size = int(rung.max_bitrate_bps);
        }
        let options = coders::options(rung, threads.max(1));
        let encoder = encoder.open_as_with(codec, options).map_err(Stop::fault(&format!("open {name}")))?;
        let extradata = extradata(&encoder);
        Ok(Self { encoder, extradata, has_begun: false, has_ended: rung.codec != Codec::Av1 })
    }

    /// The init segment of the rung and what manifests need to know about it.
    pub(super) fn rendition(
        &self,
        rung: &Rung,
        timescale: u32,
        frame_rate: Ratio,
        edit_ticks: u32,
    ) -> Result<(model::Rendition, Bytes), Stop> {
        let configuration = cmaf::Configuration::find(rung.codec, &self.extradata)?;
        let (width, height, colour) = (rung.width, rung.height, cmaf::Colour::BT709);
        let track = cmaf::VideoTrack { timescale, width, height, frame_rate, edit_ticks, configuration, colour };
        let rendition = model::Rendition {
            id: rung.id.clone(),
            codec: track.codec()?,
            timescale,
            edit_ticks,
            max_bitrate_bps: rung.max_bitrate_bps,
            media: model::Media::Video { width, height, frame_rate },
        };
        Ok((rendition, track.init_segment()?))
    }

    /// Encodes the pictures that come as `work` for `taker`. Answers where the last one ends; `None` if nobody says so any more, because
    /// what decodes them gave up.
    pub(super) fn run(&mut self, work: Receiver<Work>, taker: &mut impl Taker) -> Result<Option<u64>, Stop> {
        let mut any = false;
        for work in work {
            let end = match work {
                Work::Picture { picture, tick, starts_group } => {
                    any = true;
                    taker.given(tick, &picture)?;
                    self.push(picture, tick, starts_group)?;
                    None
                }
                Work::End { end_ticks } => {
                    if any {
                        self.flush()?;
                    }
                    Some(end_ticks)
                }
            };
            while any && let Some(packet) = self.pull()? {
                taker.take(packet)?;
            }
            if end.is_some() {
                return Ok(end);
            }
        }
        Ok(None)
    }

    /// Encodes a picture that is shown at `tick`, as an IDR picture if it starts a group.
    fn push(&mut self, mut picture: frame::Video, tick: u64, starts_group: bool) -> Result<(), Stop> {
        picture.set_pts(i64::try_from(tick).ok());
        picture.set_kind(if starts_group { picture::Type::I } else { picture::Type::None });
        self.has_begun = true;
        self.encoder.send_frame(&picture).map_err(Stop::fault("encode"))
    }

    /// Says that no more pictures come.
    fn flush(&mut self) -> Result<(), Stop> {
        self.has_ended = true;
        self.encoder.send_eof().map_err(Stop::fault("encode"))
    }

    /// The next encoded picture in coding order, if one is ready.
    fn pull(&mut self) -> Result<Option<Packet>, Stop> {
        let mut packet = Packet::empty();
        match self.encoder.receive_packet(&mut packet) {
            Ok(()) => Ok(Some(packet)),
            Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => Ok(None),
            Err(error) => Err(Stop::Fault(format!("encode: {error}"))),
        }
    }

    /// What a decoder needs to know of the pictures.
    pub(super) fn parameters(&self) -> codec::Parameters {
        codec::Parameters::from(&self.encoder)
    }
}

impl Drop for VideoEncoder {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        if !self.has_begun {
            let any = frame::Video::new(format::Pixel::YUV420P, self.encoder.width(), self.encoder.height());
            // Where that fails there is nothing better to try.
            let _ = self.push(any, 0, true);
        }
        let _ = self.flush();
        while let Ok(Some(_)) = self.pull() {}
    }
}

/// The folder that the rungs' objects live in.
pub(super) const TRACK: Track = Track::Video;

fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// What an open encoder puts into init segments.
pub(super) fn extradata(context: &impl AsRef<codec::Context>) -> Bytes {
    // SAFETY: the context is open; libav keeps pointer and size in step, and the bytes are copied at once.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for these fields")]
    unsafe {
        let context: *const ffi::AVCodecContext = context.as_ref().as_ptr();
        let size = usize::try_from((*context).extradata_size).unwrap_or(0);
        if size == 0 || (*context).extradata.is_null() {
            return Bytes::new();
        }
        Bytes::copy_from_slice(std::slice::from_raw_parts((*context).extradata, size))
    }
}
