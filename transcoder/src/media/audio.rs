//! Encodes one sound track, whole: aligned to the picture's first frame, without drift, as long as the title.

use super::{
    Stop,
    decode::Decoding,
    encode_audio::{AudioEncoder, FRAME_SAMPLES, TRACK},
    input::Input,
};
use crate::child::{Link, Output, RemoteSource, Report};
use ffmpeg_next::{self as ffmpeg, ffi, filter, format::Sample, frame};
use marquee_core::{
    plan::{AudioRendition, Plan},
    source::{Note, Source},
};

/// A difference between the clock and the samples up to this is left alone, in seconds: nobody hears it.
const LEFT_ALONE_SECONDS: f64 = 0.01;
/// A larger one up to this is stretched away; beyond it silence is put in or sound is cut.
const STRETCHED_SECONDS: f64 = 0.05;
/// A longer gap is filled with silence piece by piece: the resampler would fill it at once, which takes memory for all of it.
const GAP_SECONDS: f64 = 1.0;
/// Frames of sound between two reports of progress.
const PROGRESS_EVERY: u64 = 500;

/// Encodes `stream` into every rendition that the plan wants of it.
pub(super) fn encode(link: &Link, source: RemoteSource, found: &Source, plan: &Plan, stream: u32) -> Result<Report, Stop> {
    let wanted: Vec<&AudioRendition> = plan.audio.iter().filter(|rendition| rendition.stream == stream).collect();
    let Some(&first) = wanted.first() else { return Err(Stop::Fault("the plan wants nothing of this sound track".into())) };
    if wanted.iter().any(|other| (other.channels, other.sample_rate_hz) != (first.channels, first.sample_rate_hz)) {
        return Err(Stop::Fault("renditions of one sound track differ in more than bitrate".into()));
    }
    let mut encoders = Vec::new();
    for rendition in wanted {
        let encoder = AudioEncoder::open(rendition, &plan.timeline)?;
        let (described, bytes) = encoder.init()?;
        link.output(Output::Init { track: TRACK, rendition: described, bytes })?;
        encoders.push((rendition.id.clone(), encoder));
    }
    let samples = u128::from(plan.duration_ticks) * u128::from(first.sample_rate_hz);
    let total = u64::try_from(samples.div_ceil(u128::from(plan.timeline.timescale))).unwrap_or(u64::MAX);
    let mut track = Track { link, encoders, rendition: first, total, done: 0, resampler: None };
    let mut decoding = Decoding::new(Input::open(source)?, stream as usize)?;
    track.decode(&mut decoding, found)?;
    let mut notes = Vec::new();
    if track.resampler.is_none() {
        let message = format!("nothing of sound track {stream} could be decoded while there is a picture: it is silent");
        notes.push(Note::new("audio_silent", message));
    }
    let damaged = decoding.take_damage();
    if damaged > 0 {
        let percent = (damaged as f64 / decoding.packets().max(1) as f64 * 100.0).clamp(0.1, 100.0);
        let message = format!("about {percent:.1} % of sound track {stream} is damaged: it is silent there, or not as it was");
        notes.push(Note::new("sound_damaged", message));
    }
    track.finish()?;
    Ok(Report { frames: total, decoded: decoding.frames(), damaged, notes, ..Report::default() })
}

/// One decoded track on its way into its encoders.
struct Track<'a> {
    link: &'a Link,
    encoders: Vec<(String, AudioEncoder<'a>)>,
    rendition: &'a AudioRendition,
    /// Samples of the title.
    total: u64,
    /// Samples that the encoders got.
    done: u64,
    resampler: Option<Resampler>,
}

impl Track<'_> {
    /// Decodes the stream until it or the title ends.
    fn decode(&mut self, decoding: &mut Decoding, found: &Source) -> Result<(), Stop> {
        let origin = found.video.origin as f64 * found.video.time_base.as_f64();
        let unit = decoding.time_base().as_f64();
        let end = self.total as f64 / f64::from(self.rendition.sample_rate_hz);
        let mut clock = None;
        // Where the sound that was passed on ends.
        let mut heard = 0.0;
        let mut frame = frame::Audio::empty();
        while self.done < self.total && decoding.next(&mut frame)? {
            if frame.samples() == 0 || frame.rate() == 0 || frame.channels() == 0 {
                continue;
            }
            let length = frame.samples() as f64 / f64::from(frame.rate());
            // A frame without a time follows the one before it.
            let time = match frame.timestamp() {
                Some(pts) => pts as f64 * unit - origin,
                None => clock.unwrap_or(0.0),
            };
            clock = Some(time + length);
            if time >= end || (time + length <= 0.0 && self.resampler.is_none()) {
                continue;
            }
            if time - heard > GAP_SECONDS {
                self.flush()?;
                self.keep_silent((time * f64::from(self.rendition.sample_rate_hz)) as u64)?;
            }
            heard = time + length;
            self.resample(&mut frame, time)?;
        }
        Ok(())
    }

    /// Sends a frame that sounds at `time` (in seconds of the title) through the resampler.
    fn resample(&mut self, frame: &mut frame::Audio, time: f64) -> Result<(), Stop> {
        if !self.resampler.as_ref().is_some_and(|resampler| resampler.fits(frame)) {
            self.flush()?;
            self.resampler = Some(Resampler::new(frame, self.rendition, self.done)?);
        }
        let Some(mut resampler) = self.resampler.take() else { return Ok(()) };
        let sample = (time * f64::from(frame.rate())).round() as i64;
        frame.set_pts(Some(sample));
        resampler.push(Some(frame))?;
        self.drain(&mut resampler)?;
        self.resampler = Some(resampler);
        Ok(())
    }

    fn drain(&mut self, resampler: &mut Resampler) -> Result<(), Stop> {
        while let Some(mut sound) = resampler.pull()? {
            // Only the last piece of a resampler may be short: an encoder wants whole frames before it.
            if (sound.samples() as u64) < FRAME_SAMPLES {
                sound = padded(&sound)?;
            }
            self.encode(&mut sound)?;
        }
        Ok(())
    }

    /// Encodes what the resampler holds back, and is done with it.
    fn flush(&mut self) -> Result<(), Stop> {
        let Some(mut old) = self.resampler.take() else { return Ok(()) };
        old.push(None)?;
        self.drain(&mut old)
    }

    /// Encodes silence as long as whole frames of it fit before sample `end`.
    fn keep_silent(&mut self, end: u64) -> Result<(), Stop> {
        let mut silence = silence(self.rendition);
        while self.done.saturating_add(FRAME_SAMPLES) <= end {
            self.encode(&mut silence)?;
        }
        Ok(())
    }

    /// Encodes one frame, if the title has room for it.
    fn encode(&mut self, sound: &mut frame::Audio) -> Result<(), Stop> {
        if self.done >= self.total {
            return Ok(());
        }
        sound.set_pts(i64::try_from(self.done).ok());
        self.done += FRAME_SAMPLES;
        self.each(Some(sound))?;
        if (self.done / FRAME_SAMPLES).is_multiple_of(PROGRESS_EVERY) {
            self.link.output(Output::Progress(self.done.min(self.total) as f32 / self.total as f32))?;
        }
        Ok(())
    }

    /// Fills the title with silence and ends the renditions.
    fn finish(&mut self) -> Result<(), Stop> {
        self.flush()?;
        self.keep_silent(self.total.saturating_add(FRAME_SAMPLES - 1))?;
        self.each(None)
    }

    fn each(&mut self, sound: Option<&frame::Audio>) -> Result<(), Stop> {
        for (rendition, encoder) in &mut self.encoders {
            encoder.push(sound, |segment, bytes| {
                Ok(self.link.output(Output::Segment { track: TRACK, rendition: rendition.clone(), segment, bytes })?)
            })?;
        }
        Ok(())
    }
}

/// One AAC frame of silence.
fn silence(rendition: &AudioRendition) -> frame::Audio {
    let layout = super::encode_audio::layout(rendition.channels);
    let mut silence = frame::Audio::new(Sample::F32(ffmpeg::format::sample::Type::Planar), FRAME_SAMPLES as usize, layout);
    silence.set_rate(rendition.sample_rate_hz);
    for plane in 0..silence.planes() {
        silence.plane_mut::<f32>(plane).fill(0.0);
    }
    silence
}

/// A short frame made whole with silence.
fn padded(short: &frame::Audio) -> Result<frame::Audio, Stop> {
    let mut whole = frame::Audio::new(short.format(), FRAME_SAMPLES as usize, short.channel_layout());
    whole.set_rate(short.rate());
    if whole.planes() != short.planes() {
        return Err(Stop::Fault("a frame of sound changed its shape".into()));
    }
    for plane in 0..whole.planes() {
        let from = short.plane::<f32>(plane);
        let to = whole.plane_mut::<f32>(plane);
        to[..from.len()].copy_from_slice(from);
        to[from.len()..].fill(0.0);
    }
    Ok(whole)
}

/// Converts to the rendition's rate and channels, and keeps samples and clock together: silence before the first, silence
/// in gaps, a gentle stretch against drift.
struct Resampler {
    graph: filter::Graph,
    shape: (Sample, u32, u64, u16),
}

impl Resampler {
    fn new(first: &frame::Audio, rendition: &AudioRendition, done: u64) -> Result<Self, Stop> {
        let shape = shape(first);
        let (format, rate, layout, channels) = shape;
        let fault = || Stop::fault("sound filter");
        let missing = || Stop::Fault("libavfilter lacks a filter that is needed".into());
        let mut graph = filter::Graph::new();
        let layout = if layout == 0 { String::new() } else { format!(":channel_layout={layout:#x}") };
        let arguments = format!("time_base=1/{rate}:sample_rate={rate}:sample_fmt={}:channels={channels}{layout}", format.name());
        graph.add(&filter::find("abuffer").ok_or_else(missing)?, "in", &arguments).map_err(fault())?;
        graph.add(&filter::find("abuffersink").ok_or_else(missing)?, "out", "").map_err(fault())?;
        let out_rate = rendition.sample_rate_hz;
        let out_layout = if rendition.channels == 1 { "mono" } else { "stereo" };
        let description = format!(
            "aresample={out_rate}:ocl={out_layout}:osf=fltp:async=1000:first_pts={done}:min_comp={LEFT_ALONE_SECONDS}:\
             min_hard_comp={STRETCHED_SECONDS},aformat=sample_fmts=fltp:sample_rates={out_rate}:channel_layouts={out_layout}"
        );
        let parser = graph.output("in", 0).and_then(|parser| parser.input("out", 0)).map_err(fault())?;
        parser.parse(&description).map_err(|error| Stop::Fault(format!("sound filter {description}: {error}")))?;
        graph.validate().map_err(|error| Stop::Fault(format!("sound filter {arguments} {description}: {error}")))?;
        if let Some(mut out) = graph.get("out") {
            out.sink().set_frame_size(FRAME_SAMPLES as u32);
        }
        Ok(Self { graph, shape })
    }

    fn fits(&self, frame: &frame::Audio) -> bool {
        self.shape == shape(frame)
    }

    fn push(&mut self, sound: Option<&frame::Audio>) -> Result<(), Stop> {
        let mut input = self.graph.get("in").ok_or_else(|| Stop::Fault("the graph lost its input".into()))?;
        let done = match sound {
            Some(sound) => input.source().add(sound),
            None => input.source().flush(),
        };
        done.map_err(Stop::fault("sound filter"))
    }

    fn pull(&mut self) -> Result<Option<frame::Audio>, Stop> {
        let mut out = self.graph.get("out").ok_or_else(|| Stop::Fault("the graph lost its output".into()))?;
        let mut sound = frame::Audio::empty();
        match out.sink().frame(&mut sound) {
            Ok(()) => Ok(Some(sound)),
            Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => Ok(None),
            Err(error) => Err(Stop::Fault(format!("sound filter: {error}"))),
        }
    }
}

/// What a resampler is configured for: format, rate, channel mask (0 if the order is unknown) and channels.
fn shape(frame: &frame::Audio) -> (Sample, u32, u64, u16) {
    // SAFETY: the frame is alive; the mask is read only where the order says that it is one.
    #[expect(unsafe_code, reason = "ffmpeg-next reads the layout's deprecated form")]
    let (mask, channels) = unsafe {
        let layout = &(*frame.as_ptr()).ch_layout;
        let is_mask = layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE;
        (if is_mask { layout.u.mask } else { 0 }, layout.nb_channels)
    };
    (frame.format(), frame.rate(), mask, u16::try_from(channels).unwrap_or(0))
}
