//! Decodes packets of subtitles whose cues are text. libav turns every such format into lines of Advanced SubStation Alpha.

use super::{Stop, formats};
use ffmpeg_next::{
    Packet,
    codec::{self, packet::Ref},
    decoder, ffi,
};
use marquee_packager::webvtt::{self, Styles, Words};
use std::{ffi::CStr, mem::MaybeUninit};

/// Decoders of text, by libav's names.
const DECODERS: &[&str] = &["srt", "subrip", "ass", "ssa", "mov_text", "webvtt", "text"];
/// Codecs whose packets are nothing but text.
const PLAIN: &[codec::Id] = &[codec::Id::SUBRIP, codec::Id::ASS, codec::Id::SSA, codec::Id::WEBVTT, codec::Id::TEXT];
/// Cues of one packet.
const CUES_MAX: usize = 64;

/// An open decoder.
pub(super) struct TextDecoder {
    decoder: decoder::Opened,
    styles: Styles,
}

/// What a packet says. Times are from that of the packet on.
pub(super) struct Spoken {
    pub(super) start_ms: u32,
    /// `None` if the packet does not say.
    pub(super) end_ms: Option<u32>,
    pub(super) words: Words,
}

impl TextDecoder {
    /// Whether there is such a decoder for `parameters`.
    pub(super) fn reads(parameters: &codec::Parameters) -> bool {
        formats::decoder(parameters).is_some_and(|codec| DECODERS.contains(&codec.name()))
    }

    pub(super) fn new(decoder: decoder::Opened) -> Self {
        // SAFETY: the decoder is open; its head has the length that stands beside it.
        #[expect(unsafe_code, reason = "ffmpeg-next has no accessor for these fields")]
        let head = unsafe {
            let (start, length) = ((*decoder.as_ptr()).subtitle_header, (*decoder.as_ptr()).subtitle_header_size);
            let length = usize::try_from(length).unwrap_or(0);
            if start.is_null() { &[] } else { std::slice::from_raw_parts(start, length) }
        };
        let styles = Styles::of(&String::from_utf8_lossy(head));
        Self { decoder, styles }
    }

    /// Whether packets are nothing but text.
    pub(super) fn is_plain(&self) -> bool {
        PLAIN.contains(&self.decoder.id())
    }

    /// What `packet` says; `None` if it cannot be read.
    pub(super) fn decode(&mut self, packet: &Packet) -> Result<Option<Vec<Spoken>>, Stop> {
        let mut decoded = Decoded::nothing();
        let mut got = 0;
        // SAFETY: decoder and packet are alive; libav fills the subtitle, which frees what it holds.
        #[expect(unsafe_code, reason = "ffmpeg-next does not free what it decodes")]
        let done = unsafe {
            ffi::avcodec_decode_subtitle2(self.decoder.as_mut_ptr(), &raw mut decoded.0, &raw mut got, packet.as_ptr().cast_mut())
        };
        if done == ffi::AVERROR(libc::ENOMEM) {
            return Err(Stop::Fault("decode: out of memory".into()));
        }
        if done < 0 {
            return Ok(None);
        }
        let settings = settings(packet);
        let (start_ms, end_ms) = (decoded.0.start_display_time, decoded.0.end_display_time);
        let end_ms = (end_ms > start_ms && end_ms < u32::MAX).then_some(end_ms);
        let spoken = decoded.lines().into_iter().map(|line| {
            let mut words = self.styles.words(&line);
            if words.settings.is_empty() {
                words.settings.clone_from(&settings);
            }
            Spoken { start_ms, end_ms, words }
        });
        Ok(Some(spoken.collect()))
    }
}

/// What WebVTT says of a cue's place beside its words.
fn settings(packet: &Packet) -> String {
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_WEBVTT_SETTINGS;
    let mut size = 0;
    // SAFETY: the side data belongs to the packet, which is alive, and has the size that libav writes beside it.
    #[expect(unsafe_code, reason = "ffmpeg-next lists side data by an enum that may not know every kind")]
    let bytes = unsafe {
        let data = ffi::av_packet_get_side_data(packet.as_ptr(), kind, &raw mut size);
        if data.is_null() { &[] } else { std::slice::from_raw_parts(data, size) }
    };
    webvtt::settings(&String::from_utf8_lossy(bytes))
}

/// A subtitle as libav gives it.
struct Decoded(ffi::AVSubtitle);

impl Decoded {
    fn nothing() -> Self {
        // SAFETY: all fields are numbers or pointers, for which zero means nothing.
        #[expect(unsafe_code, reason = "libav's own way to begin with a subtitle")]
        Self(unsafe { MaybeUninit::zeroed().assume_init() })
    }

    /// Its lines of script.
    fn lines(&self) -> Vec<String> {
        let count = (self.0.num_rects as usize).min(CUES_MAX);
        // SAFETY: libav filled as many pointers as it says, and its lines end in a zero.
        #[expect(unsafe_code, reason = "ffmpeg-next takes lines for UTF-8 without a look")]
        let line = |index: usize| unsafe {
            let line = (**self.0.rects.add(index)).ass;
            (!line.is_null()).then(|| CStr::from_ptr(line).to_string_lossy().into_owned())
        };
        (0..count).filter_map(line).collect()
    }
}

impl Drop for Decoded {
    fn drop(&mut self) {
        // SAFETY: libav frees what it has put there, and nothing where it has not.
        #[expect(unsafe_code, reason = "ffmpeg-next does not free subtitles")]
        unsafe {
            ffi::avsubtitle_free(&raw mut self.0);
        }
    }
}
