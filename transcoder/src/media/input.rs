//! Opens a source: demuxers and decoders from a list, no names, no nested files, everything bounded.

use super::{
    Stop,
    boxes::{self, Boxes},
};
use crate::child::RemoteSource;
use ffmpeg_next::{
    self as ffmpeg, Dictionary, Packet, codec, ffi,
    format::context::{Input as Context, StreamIo},
    media::Type,
};
use marquee_core::source::{PIXELS_MAX, STREAMS_MAX};
use std::{
    ffi::{c_char, c_int},
    io::{Read, Seek, SeekFrom},
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Demuxers that may read a source, by libav's names. None of them opens anything beside the stream it is given.
const DEMUXERS: &str = "mov,matroska,avi,mpegts,mpeg,flv,asf,mxf,ogg";
/// Decoders that may see its packets. What is not here is refused or left out with a note.
const DECODERS: &[&str] = &[
    // Picture
    "h264",
    "hevc",
    "libdav1d",
    "av1",
    "vp8",
    "vp9",
    "mpeg2video",
    "mpeg1video",
    "mpeg4",
    "msmpeg4",
    "msmpeg4v1",
    "msmpeg4v2",
    "h263",
    "h263p",
    "flv",
    "vp6",
    "vp6f",
    "vp6a",
    "wmv1",
    "wmv2",
    "wmv3",
    "vc1",
    "theora",
    "mjpeg",
    "prores",
    "dnxhd",
    "dvvideo",
    "ffv1",
    "svq1",
    "svq3",
    "cinepak",
    "rawvideo",
    "huffyuv",
    "ffvhuff",
    "utvideo",
    "qtrle",
    "png",
    "cfhd",
    "jpeg2000",
    "jpegls",
    "mjpegb",
    "v210",
    "v210x",
    "v308",
    "v408",
    "v410",
    "r210",
    "r10k",
    "avrp",
    "ayuv",
    "cljr",
    "dirac",
    "hap",
    "speedhq",
    "magicyuv",
    "cllc",
    "lagarith",
    "fraps",
    "flashsv",
    "flashsv2",
    "zmbv",
    "camtasia",
    "snow",
    "vp5",
    "vp7",
    "indeo2",
    "indeo3",
    "indeo4",
    "indeo5",
    "asv1",
    "asv2",
    "msvideo1",
    "msrle",
    "rpza",
    "8bps",
    "smc",
    "rv10",
    "rv20",
    "rv30",
    "rv40",
    "bmp",
    "targa",
    "tiff",
    // Sound
    "aac",
    "aac_latm",
    "ac3",
    "eac3",
    "mp3",
    "mp3float",
    "mp2",
    "mp2float",
    "mp1",
    "mp1float",
    "opus",
    "vorbis",
    "flac",
    "alac",
    "dca",
    "truehd",
    "mlp",
    "wmav1",
    "wmav2",
    "wmapro",
    "amrnb",
    "amrwb",
    "adpcm_ms",
    "adpcm_ima_qt",
    "adpcm_ima_wav",
    "adpcm_swf",
    "adpcm_yamaha",
    "g722",
    "g726",
    "gsm",
    "gsm_ms",
    "wmalossless",
    "wmavoice",
    "tta",
    "wavpack",
    "qdm2",
    "qdmc",
    "mace3",
    "mace6",
    "cook",
    "nellymoser",
    "speex",
    "pcm_s16le",
    "pcm_s16be",
    "pcm_s24le",
    "pcm_s24be",
    "pcm_s32le",
    "pcm_s32be",
    "pcm_s16le_planar",
    "pcm_s24le_planar",
    "pcm_s32le_planar",
    "pcm_u8",
    "pcm_s8",
    "pcm_f32le",
    "pcm_f32be",
    "pcm_f64le",
    "pcm_f64be",
    "pcm_alaw",
    "pcm_mulaw",
    "pcm_bluray",
    "pcm_dvd",
    "pcm_s302m",
    // Text
    "srt",
    "subrip",
    "ass",
    "ssa",
    "mov_text",
    "webvtt",
    "text",
];
/// Bytes and time that are looked at to find out what the streams are.
const PROBE_BYTES: &str = "16777216";
const PROBE_US: &str = "10000000";
/// libav's own buffer between its demuxer and the source.
const BUFFER_BYTES: usize = 64 << 10;
/// Unreadable places in a row before a source is given up.
const ERRORS_MAX: u32 = 1000;

/// A source that is open for demuxing.
pub(super) struct Input {
    context: Context,
    errors: u64,
    lost: Arc<AtomicBool>,
    /// What an MP4's outermost boxes tell; `None` of everything else.
    boxes: Option<Boxes>,
}

impl Input {
    /// Opens `source`, checks its limits and finds out what its streams are.
    pub(super) fn open(mut source: RemoteSource) -> Result<Self, Stop> {
        if source.size_bytes() == 0 {
            return Err(Stop::refuse("empty_file", "the file is empty: it has no bytes. Upload it again."));
        }
        let mut head = [0; 64];
        let count = source.read(&mut head)?;
        let size_bytes = source.size_bytes();
        let is_mp4 = boxes::starts_like_mp4(&head[..count]);
        let boxes = if is_mp4 { Some(boxes::look(&mut source, size_bytes)?) } else { None };
        source.seek(SeekFrom::Start(0))?;
        let lost = source.lost();
        let stream = StreamIo::from_read_seek_with_capacity(source, BUFFER_BYTES).map_err(Stop::fault("buffer"))?;
        let context = open(stream).map_err(|error| {
            let ours = lost.load(Ordering::Relaxed) || error == ffmpeg::Error::Other { errno: libc::ENOMEM };
            if ours { Stop::Fault(format!("open: {error}")) } else { unreadable(&head[..count]) }
        })?;
        let mut input = Self { context, errors: 0, lost, boxes };
        input.check_limits()?;
        input.find_streams()?;
        input.check_limits()?;
        Ok(input)
    }

    /// The demuxer's context.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Whether something is wrong with the container, though it could be read.
    pub(super) fn is_damaged(&self) -> bool {
        self.boxes.is_some_and(|boxes| boxes.overrun) || self.errors > 0
    }

    /// Whether the container lists every packet, and where it is.
    pub(super) fn lists_packets(&self) -> bool {
        self.boxes.is_some_and(|boxes| boxes == Boxes::default()) && self.context.format().name().starts_with("mov")
    }

    /// Whether the container can be asked for a place in `stream` itself: Matroska and FLV list only those of the picture.
    pub(super) fn lists_places_of(&self, stream: usize) -> bool {
        let is_picture = |stream: ffmpeg::format::stream::Stream<'_>| stream.parameters().medium() == Type::Video;
        !matches!(self.context.format().name(), "matroska,webm" | "flv") || self.context.stream(stream).is_some_and(is_picture)
    }

    /// The next packet of any stream that is not ignored; `None` at the end.
    pub(super) fn read(&mut self) -> Result<Option<Packet>, Stop> {
        for _ in 0..ERRORS_MAX {
            let mut packet = Packet::empty();
            match packet.read(&mut self.context) {
                Ok(()) => return Ok(Some(packet)),
                Err(ffmpeg::Error::Eof) => return Ok(None),
                Err(_) if self.lost.load(Ordering::Relaxed) => return Err(Stop::Fault("the host is gone".into())),
                Err(_) => self.errors += 1,
            }
        }
        Ok(None)
    }

    /// Ignores every stream but `streams`.
    pub(super) fn keep_only(&mut self, streams: &[usize]) {
        for index in 0..self.context.streams().len() {
            // SAFETY: `index` is below the number of streams, and nothing else looks at the context meanwhile.
            #[expect(unsafe_code, reason = "ffmpeg-next has no setter for a stream's discard")]
            unsafe {
                let wanted =
                    if streams.contains(&index) { ffi::AVDiscard::AVDISCARD_DEFAULT } else { ffi::AVDiscard::AVDISCARD_ALL };
                (**(*self.context.as_mut_ptr()).streams.add(index)).discard = wanted;
            }
        }
    }

    /// Goes to a place at or before `pts` (in the time base of `stream`), to a keyframe if the container knows them.
    pub(super) fn seek(&mut self, stream: usize, pts: i64) -> Result<(), ffmpeg::Error> {
        let index = c_int::try_from(stream).unwrap_or(-1);
        // SAFETY: the context is open and ours alone.
        #[expect(unsafe_code, reason = "ffmpeg-next seeks by microseconds only, which rounds")]
        let done = unsafe { ffi::avformat_seek_file(self.context.as_mut_ptr(), index, i64::MIN, pts, pts, 0) };
        if done < 0 { Err(done.into()) } else { Ok(()) }
    }

    /// Goes to the packet of `stream` that is decoded at `dts`, keyframe or not; the other streams follow.
    pub(super) fn seek_any(&mut self, stream: usize, dts: i64) -> Result<(), ffmpeg::Error> {
        let (index, flags) = (c_int::try_from(stream).unwrap_or(-1), ffi::AVSEEK_FLAG_ANY | ffi::AVSEEK_FLAG_BACKWARD);
        // SAFETY: the context is open and ours alone.
        #[expect(unsafe_code, reason = "ffmpeg-next seeks by microseconds only, which rounds")]
        let done = unsafe { ffi::av_seek_frame(self.context.as_mut_ptr(), index, dts, flags) };
        if done < 0 { Err(done.into()) } else { Ok(()) }
    }

    /// Goes to the byte at `position`, or a little after it, if the container can be entered anywhere: streams that are broadcast can.
    pub(super) fn seek_byte(&mut self, position: u64) -> bool {
        let (Ok(position), "mpegts" | "mpeg") = (i64::try_from(position), self.context.format().name()) else { return false };
        // SAFETY: the context is open and ours alone.
        #[expect(unsafe_code, reason = "ffmpeg-next seeks by microseconds only")]
        let done = unsafe { ffi::av_seek_frame(self.context.as_mut_ptr(), -1, position, ffi::AVSEEK_FLAG_BYTE) };
        done >= 0
    }

    fn check_limits(&self) -> Result<(), Stop> {
        if self.context.streams().len() > STREAMS_MAX {
            let message = format!("the file has more than {STREAMS_MAX} tracks. Export it with fewer.");
            return Err(Stop::refuse("limits_exceeded", message));
        }
        for stream in self.context.streams() {
            let (width, height) = size(&stream.parameters());
            if stream.parameters().medium() == Type::Video && i64::from(width) * i64::from(height) > i64::from(PIXELS_MAX) {
                let message = format!("the picture is {width}×{height}, larger than 8192×4320. Export it smaller.");
                return Err(Stop::refuse("limits_exceeded", message));
            }
        }
        Ok(())
    }

    /// Reads the beginning of every stream, so that sizes, formats and rates are known.
    fn find_streams(&mut self) -> Result<(), Stop> {
        let count = self.context.streams().len();
        let limit = PIXELS_MAX.to_string();
        // SAFETY: the array has one dictionary per stream, as libav requires, and each is freed by its owner afterwards.
        #[expect(unsafe_code, reason = "ffmpeg-next passes no options to avformat_find_stream_info")]
        let found = unsafe {
            let new = || Dictionary::from_iter([("max_pixels", limit.as_str()), ("threads", "1")]).disown();
            let mut options: Vec<*mut ffi::AVDictionary> = (0..count).map(|_| new()).collect();
            let found = ffi::avformat_find_stream_info(self.context.as_mut_ptr(), options.as_mut_ptr());
            options.into_iter().for_each(|dictionary| drop(Dictionary::own(dictionary)));
            found
        };
        if found < 0 {
            return Err(Stop::refuse("damaged", "the beginning of the file cannot be read. Export or upload it again."));
        }
        Ok(())
    }
}

/// The decoder for `parameters`, if it is one that may run.
pub(super) fn decoder(parameters: &codec::Parameters) -> Option<ffmpeg::Codec> {
    let decoder = codec::decoder::find(parameters.id())?;
    DECODERS.contains(&decoder.name()).then_some(decoder)
}

/// Width and height that the container or the stream's headers state.
pub(super) fn size(parameters: &codec::Parameters) -> (i32, i32) {
    // SAFETY: the parameters keep their stream alive.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for these fields")]
    unsafe {
        ((*parameters.as_ptr()).width, (*parameters.as_ptr()).height)
    }
}

/// Opens `stream` with demuxers from the list and no way to open anything else.
fn open(mut stream: StreamIo) -> Result<Context, ffmpeg::Error> {
    let (whitelist, pixels) = (DECODERS.join(","), PIXELS_MAX.to_string());
    let options = Dictionary::from_iter([
        ("format_whitelist", DEMUXERS),
        ("codec_whitelist", whitelist.as_str()),
        ("protocol_whitelist", ""),
        ("probesize", PROBE_BYTES),
        ("analyzeduration", PROBE_US),
        // Above our own bound, so that exceeding ours is told apart from a damaged file.
        ("max_streams", "256"),
        ("max_pixels", pixels.as_str()),
    ]);
    // SAFETY: the context is new, and libav frees it itself if opening fails. Its `pb` outlives it: `wrap_with_custom_io`
    // ties their lives together; on failure `stream` is dropped after the context is gone.
    #[expect(unsafe_code, reason = "ffmpeg-next cannot set io_open before opening")]
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err(ffmpeg::Error::Other { errno: libc::ENOMEM });
        }
        (*context).pb = stream.as_mut_ptr();
        (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
        (*context).io_open = Some(refuse);
        let mut options = options.disown();
        let opened = ffi::avformat_open_input(&raw mut context, ptr::null(), ptr::null(), &raw mut options);
        drop(Dictionary::own(options));
        if opened < 0 { Err(opened.into()) } else { Ok(Context::wrap_with_custom_io(context, stream)) }
    }
}

/// What libav calls to open another file that a source names: nothing is ever opened.
#[expect(unsafe_code, reason = "the signature is libav's")]
unsafe extern "C" fn refuse(
    _context: *mut ffi::AVFormatContext,
    _stream: *mut *mut ffi::AVIOContext,
    _url: *const c_char,
    _flags: c_int,
    _options: *mut *mut ffi::AVDictionary,
) -> c_int {
    ffi::AVERROR(libc::EPERM)
}

/// Why nothing could be opened, going by the first bytes.
fn unreadable(head: &[u8]) -> Stop {
    if boxes::starts_like_mp4(head) {
        let message = "the file starts like an MP4 or MOV but its index is missing or unreadable: it was cut off or damaged. \
                       Export or upload it again.";
        return Stop::refuse("damaged", message);
    }
    if head.starts_with(b"#EXTM3U") {
        return Stop::refuse("not_a_video", "this is a playlist, a list of other files, not a film. Upload the film itself.");
    }
    let is_text = head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let what = if is_text { "this is a text file" } else { "this is not a film in a format that is known here" };
    let message = format!("{what}. Upload an MP4, MOV, MKV, WebM, AVI, TS, MPEG, FLV, WMV, MXF or OGV file.");
    Stop::refuse("not_a_video", message)
}
