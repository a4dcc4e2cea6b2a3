//! One AAC encoder (libavcodec's own), and the segments that its frames belong to.

use super::{Stop, encode_video::extradata};
use bytes::Bytes;
use ffmpeg_next::{self as ffmpeg, ChannelLayout, Packet, Rational, codec, encoder, format, frame};
use marquee_core::{
    object::Track,
    plan::{AudioRendition, Timeline},
};
use marquee_packager::{cmaf, model};

/// Samples of one AAC frame.
pub(super) const FRAME_SAMPLES: u64 = 1024;
/// The folder that the renditions' objects live in.
pub(super) const TRACK: Track = Track::Audio;

/// Encodes one rendition.
pub(super) struct AudioEncoder<'a> {
    rendition: &'a AudioRendition,
    timeline: &'a Timeline,
    encoder: encoder::audio::Encoder,
    /// Samples that the encoder puts before the sound.
    priming: u64,
    /// Encoded frames before those in `frames`.
    done: u64,
    /// Encoded frames of the segment that is not complete yet.
    frames: Vec<Bytes>,
}

impl<'a> AudioEncoder<'a> {
    pub(super) fn open(rendition: &'a AudioRendition, timeline: &'a Timeline) -> Result<Self, Stop> {
        let codec = encoder::find_by_name("aac").ok_or_else(|| Stop::Fault("libavcodec lacks aac".into()))?;
        let mut context = codec::Context::new_with_codec(codec);
        context.set_flags(codec::Flags::GLOBAL_HEADER | codec::Flags::BITEXACT);
        let mut encoder = context.encoder().audio().map_err(Stop::fault("encoder"))?;
        let rate = i32::try_from(rendition.sample_rate_hz).unwrap_or(48_000);
        encoder.set_rate(rate);
        encoder.set_channel_layout(layout(rendition.channels));
        encoder.set_format(format::Sample::F32(format::sample::Type::Planar));
        encoder.set_bit_rate(rendition.bitrate_bps as usize);
        encoder.set_time_base(Rational::new(1, rate));
        // SAFETY: the context is ours and not open yet.
        #[expect(unsafe_code, reason = "ffmpeg-next sets only the layout's deprecated form here")]
        unsafe {
            let context = encoder.as_mut_ptr();
            ffmpeg::ffi::av_channel_layout_default(&raw mut (*context).ch_layout, i32::from(rendition.channels));
        }
        let encoder = encoder.open_as(codec).map_err(Stop::fault("open aac"))?;
        // SAFETY: the context is open.
        #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for this field")]
        let priming = unsafe { (*encoder.as_ptr()).initial_padding };
        let priming = u64::try_from(priming).unwrap_or(0);
        Ok(Self { rendition, timeline, encoder, priming, done: 0, frames: Vec::new() })
    }

    /// The init segment of sound that is so loud, and what manifests need to know.
    pub(super) fn init(&self, loudness: Option<cmaf::Loudness>) -> Result<(model::Rendition, Bytes), Stop> {
        let AudioRendition { id, group, name, language, default, channels, sample_rate_hz, bitrate_bps, .. } = self.rendition;
        let track = cmaf::AudioTrack {
            sample_rate_hz: *sample_rate_hz,
            channels: *channels,
            asc: extradata(&self.encoder),
            priming_samples: self.priming as u32,
            bitrate_bps: *bitrate_bps,
            language: language.clone(),
            loudness,
        };
        let rendition = model::Rendition {
            id: id.clone(),
            codec: track.codec()?,
            timescale: *sample_rate_hz,
            edit_ticks: track.priming_samples,
            max_bitrate_bps: *bitrate_bps,
            media: model::Media::Audio {
                group: group.clone(),
                name: name.clone(),
                language: language.clone(),
                default: *default,
                channels: *channels,
                sample_rate_hz: *sample_rate_hz,
            },
        };
        Ok((rendition, track.init_segment()?))
    }

    /// Encodes one frame's worth of sound, or ends the track; hands complete segments to `take`.
    pub(super) fn push(
        &mut self,
        sound: Option<&frame::Audio>,
        mut take: impl FnMut(model::Segment, Bytes) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        match sound {
            Some(sound) => self.encoder.send_frame(sound),
            None => self.encoder.send_eof(),
        }
        .map_err(Stop::fault("encode sound"))?;
        loop {
            let mut packet = Packet::empty();
            match self.encoder.receive_packet(&mut packet) {
                Ok(()) => self.add(Bytes::copy_from_slice(packet.data().unwrap_or_default()), &mut take)?,
                Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => break,
                Err(error) => return Err(Stop::Fault(format!("encode sound: {error}"))),
            }
        }
        if sound.is_none() { self.close(&mut take, cmaf::last_media_segment) } else { Ok(()) }
    }

    fn add(&mut self, data: Bytes, take: &mut impl FnMut(model::Segment, Bytes) -> Result<(), Stop>) -> Result<(), Stop> {
        let next = self.done + self.frames.len() as u64;
        if !self.frames.is_empty() && self.segment_of(next) != self.segment_of(self.done) {
            self.close(take, cmaf::media_segment)?;
        }
        self.frames.push(data);
        Ok(())
    }

    /// Number of the segment that encoded frame `index` starts in. Frames that hold only priming belong to the first.
    fn segment_of(&self, index: u64) -> u32 {
        let sample = (index * FRAME_SAMPLES).saturating_sub(self.priming);
        let ticks = u128::from(sample) * u128::from(self.timeline.timescale) / u128::from(self.rendition.sample_rate_hz.max(1));
        self.timeline.segment_of(u64::try_from(ticks).unwrap_or(u64::MAX))
    }

    /// Writes the segment so far.
    fn close(
        &mut self,
        take: &mut impl FnMut(model::Segment, Bytes) -> Result<(), Stop>,
        write: cmaf::WriteSegment,
    ) -> Result<(), Stop> {
        let frames = std::mem::take(&mut self.frames);
        if frames.is_empty() {
            return Ok(());
        }
        let number = self.segment_of(self.done);
        let decode_ticks = self.done * FRAME_SAMPLES;
        self.done += frames.len() as u64;
        let samples: Vec<cmaf::Sample> = frames
            .into_iter()
            .map(|data| cmaf::Sample { data, duration_ticks: FRAME_SAMPLES as u32, composition_offset_ticks: 0, keyframe: true })
            .collect();
        let written = write(number, decode_ticks, &samples, TRACK)?;
        // Shown times: the edit list takes the priming away.
        let start_ticks = decode_ticks.saturating_sub(self.priming);
        let hidden = self.priming.saturating_sub(decode_ticks);
        let segment = model::Segment {
            number,
            start_ticks,
            duration_ticks: written.duration_ticks.saturating_sub(hidden),
            size_bytes: written.bytes.len() as u64,
            iframes: written.iframes,
        };
        take(segment, written.bytes)
    }
}

/// The layout of a result: mono, stereo, or 5.1 as AAC knows it, with its surround channels at the back (ISO/IEC 14496-3 table 1.19,
/// configuration 6).
pub(super) fn layout(channels: u16) -> ChannelLayout {
    match channels {
        1 => ChannelLayout::MONO,
        6 => ChannelLayout::_5POINT1_BACK,
        _ => ChannelLayout::STEREO,
    }
}
