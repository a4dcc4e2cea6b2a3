//! Opens a source: demuxers and decoders from a list, no names, no nested files, everything bounded.

use super::{
    Stop,
    bare::Count,
    boxes::{self, Boxes},
    formats::{DECODERS, DEMUXERS},
    places::Places,
    view::View,
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
    io::Read,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Bytes and time that are looked at to find out what the streams are.
const PROBE_BYTES: &str = "16777216";
const PROBE_US: &str = "10000000";
/// libav's own buffer between its demuxer and the source.
const BUFFER_BYTES: usize = 64 << 10;
/// Unreadable places in a row before a source is given up.
const ERRORS_MAX: u32 = 1000;
/// Bytes of a film in fragments up to which all that is said of these is read at once.
const LISTED_BYTES_MAX: u64 = 8 << 20;

/// A source that is open for demuxing.
pub(super) struct Input {
    pub(super) context: Context,
    pub(super) source: RemoteSource,
    errors: u32,
    lost: Arc<AtomicBool>,
    /// What an MP4's outermost boxes tell; `None` of everything else.
    boxes: Option<Boxes>,
    /// Of a film in fragments whose descriptions are read when their turn comes: where the first media end.
    head_end: Option<u64>,
    /// Packets that lie before are passed over.
    begin: u64,
    /// Where there is no container.
    count: Option<Count>,
    /// Streams that are not ignored, if some are.
    kept: Option<Vec<usize>>,
    /// Places in a stream that the container does not list, once one was looked for.
    pub(super) places: Option<(usize, Places<RemoteSource>)>,
}

impl Input {
    /// Opens `source`, checks its limits and finds out what its streams are. Of a large film in fragments (MP4) no more is read than the
    /// first of them, so that not all that it promises is known.
    pub(super) fn open(source: RemoteSource) -> Result<Self, Stop> {
        let is_large = source.size_bytes() > LISTED_BYTES_MAX;
        Self::open_by(source, is_large)
    }

    /// The same, but for what is said of every fragment: it is read at once.
    pub(super) fn open_listed(source: RemoteSource) -> Result<Self, Stop> {
        Self::open_by(source, false)
    }

    fn open_by(mut source: RemoteSource, briefly: bool) -> Result<Self, Stop> {
        if source.size_bytes() == 0 {
            return Err(Stop::refuse("empty_file", "the file is empty: it has no bytes. Upload it again."));
        }
        let mut head = [0; 64];
        let count = source.read(&mut head)?;
        let size_bytes = source.size_bytes();
        let is_mp4 = boxes::starts_like_mp4(&head[..count]);
        let boxes = if is_mp4 { Some(boxes::look(&mut source, size_bytes, briefly)?) } else { None };
        let head_end = boxes.filter(|boxes| briefly && boxes.fragmented).and_then(|boxes| boxes.head_end);
        Self::new(source, boxes, head_end, 0)?.map_err(|()| unreadable(&head[..count]))
    }

    /// The same film, of which what lies between its first media and `position` is passed over.
    pub(super) fn reopened(&self, position: u64) -> Result<Self, Stop> {
        let reopened = Self::new(self.source.clone(), self.boxes, self.head_end, position)?;
        let mut input = reopened.map_err(|()| Stop::Fault("what could be opened cannot be opened again".into()))?;
        if let Some(kept) = &self.kept {
            input.keep_only(kept);
        }
        Ok(Self { errors: self.errors, ..input })
    }

    /// The inner error is the file's fault.
    fn new(source: RemoteSource, boxes: Option<Boxes>, head_end: Option<u64>, begin: u64) -> Result<Result<Self, ()>, Stop> {
        let lost = source.lost();
        let view = View::new(source.clone(), head_end.map_or(0..0, |head_end| head_end..begin))?;
        let stream = StreamIo::from_read_seek_with_capacity(view, BUFFER_BYTES).map_err(Stop::fault("buffer"))?;
        let context = match open(stream, head_end.is_some()) {
            Ok(context) => context,
            Err(error) if lost.load(Ordering::Relaxed) => return Err(Stop::Fault(format!("open: {error}"))),
            // What libav says of more tracks than it is told to take, too. The memory of a child is enough for any film.
            Err(ffmpeg::Error::Other { errno: libc::ENOMEM }) => {
                let message =
                    "the file says that it holds more tracks or frames than any film has: it is damaged. Export it again.";
                return Err(Stop::refuse("limits_exceeded", message));
            }
            Err(_) => return Ok(Err(())),
        };
        let mut input = Self { context, source, errors: 0, lost, boxes, head_end, begin, count: None, kept: None, places: None };
        input.check_limits()?;
        input.find_streams()?;
        input.check_limits()?;
        input.count = Count::of(&input.context);
        Ok(Ok(input))
    }

    /// The demuxer's context.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Whether it is a film in fragments of which only those are known that were read.
    pub(super) fn is_brief(&self) -> bool {
        self.head_end.is_some()
    }

    /// Whether something is wrong with the container, though it could be read.
    pub(super) fn is_damaged(&self) -> bool {
        self.boxes.is_some_and(|boxes| boxes.overrun) || self.errors > 0
    }

    /// Whether the container lists every packet, and where it is.
    pub(super) fn lists_packets(&self) -> bool {
        self.boxes.is_some_and(|boxes| !boxes.overrun && !boxes.fragmented) && self.context.format().name().starts_with("mov")
    }

    /// The next packet of any stream that is not ignored; `None` at the end.
    pub(super) fn read(&mut self) -> Result<Option<Packet>, Stop> {
        let mut errors = 0;
        while errors < ERRORS_MAX {
            let mut packet = Packet::empty();
            match packet.read(&mut self.context) {
                Ok(()) if u64::try_from(packet.position()).is_ok_and(|position| position < self.begin) => {}
                Ok(()) => {
                    self.count.iter_mut().for_each(|count| count.time(&mut packet));
                    return Ok(Some(packet));
                }
                Err(ffmpeg::Error::Eof) => return Ok(None),
                Err(_) if self.lost.load(Ordering::Relaxed) => return Err(Stop::Fault("the host is gone".into())),
                Err(_) => (errors, self.errors) = (errors + 1, self.errors + 1),
            }
        }
        Ok(None)
    }

    /// Ignores every stream but `streams`.
    pub(super) fn keep_only(&mut self, streams: &[usize]) {
        self.kept = Some(streams.to_vec());
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

/// Width and height that the container or the stream's headers state.
pub(super) fn size(parameters: &codec::Parameters) -> (i32, i32) {
    // SAFETY: the parameters keep their stream alive.
    #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for these fields")]
    unsafe {
        ((*parameters.as_ptr()).width, (*parameters.as_ptr()).height)
    }
}

/// Opens `stream` with demuxers from the list and no way to open anything else. If `briefly`, libav reads an MP4's fragments when their
/// turn comes, and not all of them at once.
fn open(mut stream: StreamIo, briefly: bool) -> Result<Context, ffmpeg::Error> {
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
        (*context).flags |= ffi::AVFMT_FLAG_CUSTOM_IO | if briefly { ffi::AVFMT_FLAG_IGNIDX } else { 0 };
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
