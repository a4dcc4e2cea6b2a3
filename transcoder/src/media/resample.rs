//! Sound on its way from a decoder to what takes it: when it is heard, and in which channels, at which rate and how loud.

use super::{
    Stop,
    decode::Decoding,
    encode_audio::FRAME_SAMPLES,
    filter::{SOUND, one_way, valid},
};
use ffmpeg_next::{self as ffmpeg, ffi, filter, format::Sample, frame};
use marquee_core::{plan::AudioRendition, source::Source};

/// A difference between the clock and the samples up to this is left alone, in seconds: nobody hears it.
const LEFT_ALONE_SECONDS: f64 = 0.01;
/// A larger one up to this is stretched away; beyond it silence is put in or sound is cut.
const STRETCHED_SECONDS: f64 = 0.05;
/// How finely peaks between samples are looked for: as ITU-R BS.1770-4 annex 2 measures them.
const OVERSAMPLING: u32 = 4;
/// How long before a peak sound begins to be held down, and how long after it that ends, in milliseconds: what libavfilter's limiter
/// does by default.
const ATTACK_MS: u32 = 5;
const RELEASE_MS: u32 = 50;

/// A constant gain, and what no peak may exceed after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub(super) gain_db: f64,
    pub(super) peak_max_dbtp: f64,
}

/// When decoded sound is heard.
pub(super) struct Clock {
    /// Seconds of the container's time at which the title begins.
    origin: f64,
    /// Seconds per unit of the stream's times.
    unit: f64,
    /// Where the newest frame ended.
    end: Option<f64>,
}

impl Clock {
    pub(super) fn new(found: &Source, decoding: &Decoding) -> Self {
        let origin = found.video.origin as f64 * found.video.time_base.as_f64();
        Self { origin, unit: decoding.time_base().as_f64(), end: None }
    }

    /// The container's time, in seconds, at `time` of the title.
    pub(super) fn container_time(&self, time: f64) -> f64 {
        self.origin + time
    }

    /// When a frame begins and ends, in seconds of the title; `None` if it holds no sound. A frame without a time follows the one
    /// before it.
    pub(super) fn place(&mut self, frame: &frame::Audio) -> Option<(f64, f64)> {
        if frame.samples() == 0 || frame.rate() == 0 || frame.channels() == 0 {
            return None;
        }
        let start = match frame.timestamp() {
            Some(pts) => pts as f64 * self.unit - self.origin,
            None => self.end.unwrap_or(0.0),
        };
        let end = start + frame.samples() as f64 / f64::from(frame.rate());
        self.end = Some(end);
        Some((start, end))
    }
}

/// Converts to the rendition's rate and channels, and keeps samples and clock together: silence before the first, silence
/// in gaps, a gentle stretch against drift. Then it makes sound as loud as wanted.
///
/// Fewer channels are mixed by libswresample's defaults: centre and surround at -3 dB into the front, no LFE (ITU-R BS.775-3), all
/// scaled down so far that nothing can clip.
pub(super) struct Resampler {
    graph: filter::Graph,
    shape: (Sample, u32, u64, u16),
}

impl Resampler {
    /// For frames like `first`, where `done` samples of the rendition are there already.
    pub(super) fn new(first: &frame::Audio, rendition: &AudioRendition, done: u64, level: Option<Level>) -> Result<Self, Stop> {
        let shape = shape(first);
        let (format, rate, layout, channels) = shape;
        let layout = if layout == 0 { String::new() } else { format!(":channel_layout={layout:#x}") };
        let arguments = format!("time_base=1/{rate}:sample_rate={rate}:sample_fmt={}:channels={channels}{layout}", format.name());
        let out_rate = rendition.sample_rate_hz;
        let out_layout = match rendition.channels {
            1 => "mono",
            6 => "5.1",
            _ => "stereo",
        };
        let leveled = level.map_or(String::new(), |level| leveled(level, out_rate));
        let description = format!(
            "aresample={out_rate}:async=1000:first_pts={done}:min_comp={LEFT_ALONE_SECONDS}:\
             min_hard_comp={STRETCHED_SECONDS}:rematrix_maxval=1,\
             aformat=sample_fmts=fltp:sample_rates={out_rate}:channel_layouts={out_layout}{leveled}"
        );
        let mut graph = valid(one_way(SOUND, &arguments, &description)?)?;
        if let Some(mut out) = graph.get("out") {
            out.sink().set_frame_size(FRAME_SAMPLES as u32);
        }
        Ok(Self { graph, shape })
    }

    /// Whether frames like this one may be pushed.
    pub(super) fn fits(&self, frame: &frame::Audio) -> bool {
        self.shape == shape(frame)
    }

    /// Takes a frame that is heard at `start` (in seconds of the title).
    pub(super) fn push(&mut self, sound: &mut frame::Audio, start: f64) -> Result<(), Stop> {
        let sample = (start * f64::from(sound.rate())).round() as i64;
        sound.set_pts(Some(sample));
        let mut input = self.input()?;
        // SAFETY: the graph and the frame are alive; the graph takes a reference of its own to the sound.
        #[expect(unsafe_code, reason = "ffmpeg-next gives the frame away, which others want too")]
        let done = unsafe { ffi::av_buffersrc_write_frame(input.as_mut_ptr(), sound.as_ptr()) };
        if done < 0 { Err(Stop::fault("sound filter")(done.into())) } else { Ok(()) }
    }

    /// Nothing follows: what is held back comes out.
    pub(super) fn end(&mut self) -> Result<(), Stop> {
        self.input()?.source().flush().map_err(Stop::fault("sound filter"))
    }

    fn input(&mut self) -> Result<filter::Context, Stop> {
        self.graph.get("in").ok_or_else(|| Stop::Fault("the graph lost its input".into()))
    }

    /// The next frame for an encoder; only the last one may be short.
    pub(super) fn pull(&mut self) -> Result<Option<frame::Audio>, Stop> {
        let mut out = self.graph.get("out").ok_or_else(|| Stop::Fault("the graph lost its output".into()))?;
        let mut sound = frame::Audio::empty();
        match out.sink().frame(&mut sound) {
            Ok(()) => Ok(Some(sound)),
            Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => Ok(None),
            Err(error) => Err(Stop::Fault(format!("sound filter: {error}"))),
        }
    }
}

/// Filters for a constant gain and a limit of true peaks, each after a comma.
fn leveled(level: Level, rate_hz: u32) -> String {
    let (gain_db, limit) = (level.gain_db, 10_f64.powf(level.peak_max_dbtp / 20.0));
    let fine = rate_hz * OVERSAMPLING;
    format!(
        ",volume=volume={gain_db}dB:precision=float,aresample={fine},\
         alimiter=limit={limit}:attack={ATTACK_MS}:release={RELEASE_MS}:level=false:latency=true,\
         aresample={rate_hz},aformat=sample_fmts=fltp"
    )
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
