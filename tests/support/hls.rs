//! What an HLS master playlist offers, and whether every rendition of it holds up when the ffmpeg program plays it.

use super::judge::{self, Picture, Sound};
use m3u8_rs::{AlternativeMediaType, MasterPlaylist, MediaPlaylist};
use reqwest::Url;

/// How much longer or later a sound may be than the source's: a few frames of AAC, in seconds.
const SOUND_TOLERANCE: f64 = 0.15;

/// The playlists behind a master playlist, as whole URLs.
#[derive(Debug)]
pub(crate) struct Renditions {
    pub(crate) video: Vec<String>,
    pub(crate) audio: Vec<String>,
}

/// Fetches a playlist as a player does: from the edge, without any credential but the URL.
pub(crate) async fn fetch(url: &str) -> Vec<u8> {
    let response = reqwest::get(url).await.expect("the edge answers");
    assert_eq!(response.status(), 200, "{url}");
    response.bytes().await.expect("a whole answer").to_vec()
}

/// The master playlist at `url`.
pub(crate) async fn master(url: &str) -> MasterPlaylist {
    let text = fetch(url).await;
    m3u8_rs::parse_master_playlist_res(&text).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// The media playlist at `url`.
pub(crate) async fn media(url: &str) -> MediaPlaylist {
    let text = fetch(url).await;
    m3u8_rs::parse_media_playlist_res(&text).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// The renditions of the master playlist at `url`, each once.
pub(crate) async fn renditions(url: &str) -> Renditions {
    let master = master(url).await;
    let base = Url::parse(url).expect("a URL");
    let whole = |uri: &str| base.join(uri).expect("a relative URL").to_string();
    let plays = master.variants.iter().filter(|variant| !variant.is_i_frame);
    let mut video: Vec<_> = plays.map(|variant| whole(&variant.uri)).collect();
    video.sort();
    video.dedup();
    let sound = master.alternatives.iter().filter(|other| other.media_type == AlternativeMediaType::Audio);
    Renditions { video, audio: sound.filter_map(|other| other.uri.as_deref().map(whole)).collect() }
}

/// Decodes every rendition of the master playlist at `url` and compares each with `source`, an encoded film: every frame once
/// and in order, as long, in the same shape, upright; every sound as long as `source`'s.
pub(crate) async fn assert_same_film(url: &str, source: &str) {
    let film = judge::picture(source, false);
    let offered = renditions(url).await;
    assert!(!offered.video.is_empty(), "{url} offers no picture");
    let mut picture_start = 0.0;
    for rendition in &offered.video {
        let picture = judge::picture(rendition, true);
        assert_same_picture(&picture, &film, rendition);
        picture_start = picture.times[0];
    }
    let sounds: Vec<_> = (0..).map_while(|track| judge::sound(source, &format!("a:{track}"), false)).collect();
    assert_eq!(offered.audio.is_empty(), sounds.is_empty(), "{url}: {} sounds of {}", offered.audio.len(), sounds.len());
    for rendition in &offered.audio {
        let sound = judge::sound(rendition, "a:0", true).unwrap_or_else(|| panic!("{rendition} holds no sound"));
        // As long as one of the source's sounds, and as early or late against the picture as that one.
        let fits = |original: &Sound| {
            let lead = original.start - film.times[0];
            (original.seconds - sound.seconds).abs() < SOUND_TOLERANCE
                && (sound.start - picture_start - lead).abs() < SOUND_TOLERANCE
        };
        assert!(
            sounds.iter().any(fits),
            "{rendition}: {sound:?}, picture from {picture_start}; the source: {sounds:?}, picture from {}",
            film.times[0]
        );
    }
}

fn assert_same_picture(got: &Picture, film: &Picture, what: &str) {
    assert_eq!(got.times.len(), film.times.len(), "frames of {what}");
    got.assert_in_order(what);
    let frame = film.span() / (film.times.len().max(2) - 1) as f64;
    let drift = (got.span() - film.span()).abs();
    assert!(drift <= frame * 1.01, "{what} spans {:.3} s, the source {:.3} s", got.span(), film.span());
    // Sizes are even, so a small picture may be off by a pixel in either direction.
    let tolerance = film.aspect * (1.5 / got.height as f64 + 1.5 / got.width as f64);
    assert!((got.aspect - film.aspect).abs() <= tolerance, "{what} has aspect {:.4}, the source {:.4}", got.aspect, film.aspect);
}
