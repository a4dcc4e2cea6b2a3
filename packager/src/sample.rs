//! Presentations for tests.

use crate::{
    cmaf::AudioTrack,
    model::{Iframe, Media, Presentation, Rendition, Segment, Track},
};
use bytes::Bytes;
use marquee_core::{
    source::Ratio,
    thumbnails::{Thumbnails, Tiles},
};

/// Parameter sets of x265 for 960 × 540 at 29.97 frames a second.
pub(crate) const HEVC_VPS: &[u8] = &[
    0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5a,
    0x95, 0x98, 0x09,
];
pub(crate) const HEVC_SPS: &[u8] = &[
    0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x5a, 0xa0, 0x07, 0x82,
    0x00, 0x88, 0x7d, 0xe5, 0x95, 0x9a, 0x49, 0x32, 0xbc, 0x05, 0xa8, 0x08, 0x08, 0x0f, 0x08, 0x00, 0x00, 0x1f, 0x48, 0x00, 0x03,
    0xa9, 0x80, 0x40,
];
pub(crate) const HEVC_PPS: &[u8] = &[0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40];
/// The sequence header of SVT-AV1 for the same.
pub(crate) const AV1_HEADER: &[u8] = &[0x0a, 0x0e, 0, 0, 0, 0x24, 0xcf, 0x7f, 0x0d, 0x9f, 0x7f, 0x22, 0x02, 0x02, 0x02, 0x48];

/// A rung at 25 frames per second with keyframes every two seconds; `sizes` are the bytes of its 6 s segments, and
/// `last_ticks` the length of the last one.
pub(crate) fn video(id: &str, (width, height): (u32, u32), max_bitrate_bps: u32, sizes: &[u64], last_ticks: u64) -> Track {
    let segment = |(index, &size_bytes): (usize, &u64)| {
        let start_ticks = index as u64 * 60_000;
        let duration_ticks = if index + 1 == sizes.len() { last_ticks } else { 60_000 };
        let iframe = |gop: u64| Iframe {
            start_ticks: start_ticks + gop * 20_000,
            offset_bytes: 24 + gop * size_bytes / 4,
            size_bytes: size_bytes / 8,
        };
        let iframes = (0..duration_ticks.div_ceil(20_000)).map(iframe).collect();
        Segment { number: index as u32 + 1, start_ticks, duration_ticks, size_bytes, iframes }
    };
    Track {
        rendition: Rendition {
            id: id.to_owned(),
            codec: "avc1.64001f".to_owned(),
            timescale: 10_000,
            edit_ticks: 800,
            max_bitrate_bps,
            media: Media::Video { width, height, frame_rate: Ratio::new(25, 1) },
        },
        segments: sizes.iter().enumerate().map(segment).collect(),
    }
}

/// The presentation of [`presentation`] with a rung in HEVC and two in AV1 beside those of H.264.
pub(crate) fn many_codecs() -> Presentation {
    let other = |id: &str, codec: &str, height: u32, sizes: &[u64]| {
        let mut track = video(id, (height * 16 / 9 / 2 * 2, height), 1_500_000, sizes, 60_000);
        codec.clone_into(&mut track.rendition.codec);
        track
    };
    let others = [
        other("540p-hevc", "hvc1.1.6.L90.90", 540, &[900_000, 850_000, 870_000]),
        other("540p-av1", "av01.0.04M.08", 540, &[800_000, 700_000, 750_000]),
        other("360p-av1", "av01.0.01M.08", 360, &[150_000, 140_000, 145_000]),
    ];
    let mut all = presentation();
    all.tracks.splice(2..2, others);
    all
}

/// A stereo track at 48 kHz whose segments are 281 or 282 frames of 1024 samples.
pub(crate) fn audio(id: &str, group: &str, (name, language, default): (&str, &str, bool), sizes: &[u64]) -> Track {
    let start = |index: u64| (index * 288_000).div_ceil(1024) * 1024;
    let segment = |(index, &size_bytes): (usize, &u64)| Segment {
        number: index as u32 + 1,
        start_ticks: start(index as u64),
        duration_ticks: start(index as u64 + 1) - start(index as u64),
        size_bytes,
        iframes: Vec::new(),
    };
    Track {
        rendition: Rendition {
            id: id.to_owned(),
            codec: "mp4a.40.2".to_owned(),
            timescale: 48_000,
            edit_ticks: 1024,
            max_bitrate_bps: 128_000,
            media: Media::Audio {
                group: group.to_owned(),
                name: name.to_owned(),
                language: language.to_owned(),
                default,
                channels: 2,
                sample_rate_hz: 48_000,
            },
        },
        segments: sizes.iter().enumerate().map(segment).collect(),
    }
}

/// The same in 5.1, in a group of its own.
pub(crate) fn surround(id: &str, described: (&str, &str, bool), sizes: &[u64]) -> Track {
    let mut track = audio(id, "aac-51", described, sizes);
    track.rendition.max_bitrate_bps = 320_000;
    if let Media::Audio { channels, .. } = &mut track.rendition.media {
        *channels = 6;
    }
    track
}

/// Subtitles on the grid of [`video`].
pub(crate) fn text(id: &str, (name, language, forced): (&str, &str, bool), sizes: &[u64]) -> Track {
    let segment = |(index, &size_bytes): (usize, &u64)| Segment {
        number: index as u32 + 1,
        start_ticks: index as u64 * 60_000,
        duration_ticks: 60_000,
        size_bytes,
        iframes: Vec::new(),
    };
    Track {
        rendition: Rendition {
            id: id.to_owned(),
            codec: crate::webvtt::CODEC.to_owned(),
            timescale: 10_000,
            edit_ticks: 0,
            max_bitrate_bps: 0,
            media: Media::Text { name: name.to_owned(), language: language.to_owned(), forced, hearing_impaired: false },
        },
        segments: sizes.iter().enumerate().map(segment).collect(),
    }
}

/// Two rungs and two qualities of one language, 18 s long.
pub(crate) fn presentation() -> Presentation {
    Presentation {
        tracks: vec![
            video("540p", (960, 540), 2_200_000, &[1_500_000, 1_200_000, 1_350_000], 60_000),
            video("234p", (416, 234), 200_000, &[110_000, 100_000, 105_000], 60_000),
            audio("eng-128k", "aac-128k", ("English", "en", true), &[96_000, 96_000, 96_000]),
            audio("eng-64k", "aac-64k", ("English", "en", true), &[48_000, 48_000, 48_000]),
        ],
        ..Presentation::default()
    }
}

/// Tiles of [`presentation`], in one sheet.
pub(crate) fn thumbnails() -> Thumbnails {
    let tiles = Tiles { interval_ms: 10_000, columns: 5, rows: 5, width: 240, height: 136, count: 2 };
    Thumbnails { posters: Vec::new(), tiles, sheets_bytes: vec![30_000], cpu_ms: 0 }
}

/// Two channels of AAC in French, at 48 kHz.
pub(crate) fn stereo(bitrate_bps: u32) -> AudioTrack {
    AudioTrack {
        sample_rate_hz: 48_000,
        channels: 2,
        asc: Bytes::from_static(&[0x11, 0x90]),
        priming_samples: 1024,
        bitrate_bps,
        language: "fr".into(),
        loudness: None,
    }
}
