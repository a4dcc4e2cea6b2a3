//! What tests of this crate and of those above it begin with.

use crate::source::{AudioTrack, Ratio, Seek, Source, VideoTrack};

/// A 35 s film of 640 × 360 at 30 frames a second, with one stereo track. A test changes what it is about.
pub fn source() -> Source {
    let video = VideoTrack {
        stream: 0,
        codec: "h264".into(),
        width: 640,
        height: 360,
        sample_aspect: Ratio::new(1, 1),
        rotation_degrees: 0,
        mirrored: false,
        pixel_format: "yuv420p".into(),
        bit_depth: 8,
        transfer: "bt709".into(),
        primaries: "bt709".into(),
        matrix: "bt709".into(),
        full_range: false,
        interlaced: false,
        frame_rate: Ratio::new(30, 1),
        constant_rate: true,
        time_base: Ratio::new(1, 1000),
        origin: 0,
        end: 35_000,
        frames: 1050,
        seek: Seek::Keyframe,
    };
    let audio = AudioTrack {
        stream: 1,
        codec: "aac".into(),
        channels: 2,
        sample_rate_hz: 48_000,
        language: "und".into(),
        title: None,
        default: true,
    };
    Source { container: "mp4".into(), size_bytes: 1, duration_ms: 35_000, video, audio: vec![audio], notes: Vec::new() }
}
