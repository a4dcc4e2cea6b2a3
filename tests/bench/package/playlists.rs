//! Playlists of a title of ten hours.

use super::{results::tell, seconds};
use marquee_core::{
    presentation::{Iframe, Media, Presentation, Rendition, Segment, Track},
    source::Ratio,
};
use marquee_packager::hls::{self, Kind};

/// Longest that any playlist may take to make, in milliseconds.
const PLAYLIST_MAX_MS: f64 = 5.0;
/// Segments of ten hours, six seconds each.
const SEGMENTS: u32 = 6000;
const TIMESCALE: u32 = 30_000;
/// Heights and rates of the rungs.
const RUNGS: [(u32, u32); 6] =
    [(1080, 6_000_000), (720, 3_500_000), (540, 2_000_000), (432, 1_100_000), (360, 700_000), (234, 300_000)];

pub(super) fn bench() -> bool {
    let title = title();
    let (picture, sound) = (&title.tracks[0], &title.tracks[RUNGS.len()]);
    let in_time = |what: &str, seconds: f64| {
        let milliseconds = seconds * 1e3;
        tell(&format!("{what} of ten hours: {milliseconds:.2} ms, at most {PLAYLIST_MAX_MS}"), milliseconds <= PLAYLIST_MAX_MS)
    };
    in_time("multivariant playlist", seconds(|| hls::master(&title)))
        & in_time("media playlist of a picture", seconds(|| hls::media(&title, picture, Kind::Vod, "")))
        & in_time("media playlist of a sound", seconds(|| hls::media(&title, sound, Kind::Vod, "")))
        & iframes(&title, picture)
}

/// It has three entries for each of the other playlists, and no goal of its own.
fn iframes(title: &Presentation, picture: &Track) -> bool {
    let milliseconds = seconds(|| hls::iframes(title, picture)) * 1e3;
    tell(&format!("I-frame playlist of ten hours: {milliseconds:.2} ms"), true)
}

fn title() -> Presentation {
    let pictures = RUNGS.map(|(height, bitrate)| {
        let media = Media::Video { width: height * 16 / 9 / 2 * 2, height, frame_rate: Ratio::new(30, 1) };
        track(&format!("{height}p"), "avc1.640028", media, bitrate)
    });
    let sounds = [128_000, 64_000].map(|bitrate| {
        let [group, name, language] = [format!("aac-{bitrate}"), "English".to_owned(), "en".to_owned()];
        let media = Media::Audio { group, name, language, default: true, channels: 2, sample_rate_hz: 48_000 };
        track(&format!("eng-{bitrate}"), "mp4a.40.2", media, bitrate)
    });
    Presentation { tracks: pictures.into_iter().chain(sounds).collect(), ..Presentation::default() }
}

fn track(id: &str, codec: &str, media: Media, max_bitrate_bps: u32) -> Track {
    let duration_ticks = u64::from(6 * TIMESCALE);
    let groups = if matches!(media, Media::Video { .. }) { 3 } else { 0 };
    let segment = |number: u32| {
        let start_ticks = u64::from(number - 1) * duration_ticks;
        // Rates that differ from one to the next.
        let size_bytes = u64::from(max_bitrate_bps) * 6 / 8 * u64::from(70 + number * 7 % 25) / 100;
        let iframe = |group: u64| Iframe {
            start_ticks: start_ticks + group * duration_ticks / 3,
            offset_bytes: 24 + group * size_bytes / 3,
            size_bytes: size_bytes / 12,
        };
        Segment { number, start_ticks, duration_ticks, size_bytes, iframes: (0..groups).map(iframe).collect() }
    };
    let (id, codec) = (id.to_owned(), codec.to_owned());
    let rendition = Rendition { id, codec, timescale: TIMESCALE, edit_ticks: 2000, max_bitrate_bps, media };
    Track { rendition, segments: (1..=SEGMENTS).map(segment).collect() }
}
