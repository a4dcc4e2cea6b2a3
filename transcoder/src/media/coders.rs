//! What each codec's encoder is told: keyframes where they are forced and nowhere else, parameter sets that do not depend on a chunk's
//! content, one thread, and a result that does not depend on the processor.

use ffmpeg_next::{Dictionary, codec::Flags};
use marquee_core::plan::{Codec, Rung};

/// Keyframes come where they are forced; parameter sets do not depend on a chunk's content.
const X264: &str = "keyint=infinite:min-keyint=1:scenecut=0:open-gop=0:stitchable=1:cpu-independent=1";
/// The same. What x265 would say about itself in every stream is left out.
const X265: &str = "keyint=-1:min-keyint=1:scenecut=0:open-gop=0:repeat-headers=0:info=0:log-level=error";
/// One thread, and groups of pictures that are closed.
const X265_THREADS: &str = "pools=none:frame-threads=1:wpp=0";
/// Keyframes that are forced are obeyed. What may be spent above the cap, in percent of it, is next to nothing: the encoder's own buffer
/// is long.
const SVT: &str = "enable-force-key-frames=1:mbr-overshoot-pct=5";
/// Frames between keyframes where none are forced: never reached.
const SVT_KEYINT: u32 = 1 << 20;

/// Name of the encoder in libavcodec.
pub(super) fn name(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "libx264",
        Codec::Hevc => "libx265",
        Codec::Av1 => "libsvtav1",
    }
}

/// What the encoder needs to be told by flags.
pub(super) fn flags() -> Flags {
    Flags::GLOBAL_HEADER | Flags::CLOSED_GOP
}

/// What the encoder of `rung` needs to be told by name, if it is to keep to `threads`.
pub(super) fn options(rung: &Rung, threads: u16) -> Dictionary<'static> {
    let own = if rung.options.is_empty() { String::new() } else { format!("{}:", rung.options) };
    let mut options = Dictionary::new();
    options.set("preset", &rung.preset);
    match rung.codec {
        Codec::H264 => {
            options.set("crf", &rung.crf.to_string());
            options.set("profile", "high");
            options.set("forced-idr", "1");
            options.set("x264-params", &format!("{own}{X264}"));
        }
        Codec::Hevc => {
            options.set("crf", &rung.crf.to_string());
            options.set("profile", "main");
            options.set("forced-idr", "1");
            options.set("x265-params", &format!("{own}{X265}:{X265_THREADS}"));
        }
        Codec::Av1 => {
            options.set("crf", &rung.crf.round().to_string());
            options.set("g", &SVT_KEYINT.to_string());
            options.set("svtav1-params", &format!("{own}{SVT}:lp={threads}"));
        }
    }
    options
}
