//! What an HLS master playlist offers, and whether every rendition of it holds up when the ffmpeg program plays it.

use super::{
    client::Video,
    judge::{self, Picture, Sound},
};
use m3u8_rs::{AlternativeMediaType, MasterPlaylist, MediaPlaylist};
use reqwest::Url;

/// How much longer or later a sound may be than the source's: a few frames of AAC, in seconds.
const SOUND_TOLERANCE: f64 = 0.15;

/// Frames a second above which small rungs show fewer.
const FAST_RATE: f64 = 32.0;

/// The playlists behind a master playlist, as whole URLs.
#[derive(Debug)]
pub(crate) struct Renditions {
    pub(crate) video: Vec<String>,
    pub(crate) audio: Vec<String>,
    pub(crate) subtitles: Vec<String>,
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
    let of_type = |kind: AlternativeMediaType| {
        let found = master.alternatives.iter().filter(move |other| other.media_type == kind);
        found.filter_map(|other| other.uri.as_deref().map(whole)).collect()
    };
    Renditions { video, audio: of_type(AlternativeMediaType::Audio), subtitles: of_type(AlternativeMediaType::Subtitles) }
}

/// What the ffmpeg program reads of the subtitles at `url`, a media playlist: start and end in seconds, and words.
pub(crate) async fn words(url: &str) -> Vec<(f64, f64, String)> {
    let base = Url::parse(url).expect("a URL");
    let mut found = Vec::new();
    for segment in media(url).await.segments {
        let text = String::from_utf8(fetch(base.join(&segment.uri).expect("a URL").as_str()).await).expect("text");
        for cue in judge::cues(&text) {
            // Those that last into the next segment are in both.
            if !found.contains(&cue) {
                found.push(cue);
            }
        }
    }
    found
}

/// Decodes every rendition of the master playlist at `url` and compares each with `source`, the film that became `video`: every
/// frame once and in order, and again only where a pause is filled; as long, in the same shape, upright; every sound as long as
/// `source`'s.
pub(crate) async fn assert_same_film(url: &str, source: &str, video: &Video) {
    let film = judge::picture(source, false);
    let length = video.duration_ms.expect("a title has a length") as f64 / 1000.0;
    assert!((length - film.seconds()).abs() <= film.step(), "{url} lasts {length} s, the source {} s", film.seconds());
    let offered = renditions(url).await;
    assert!(!offered.video.is_empty(), "{url} offers no picture");
    let mut picture_start = 0.0;
    let mut smallest: Option<(u64, Picture, &String)> = None;
    for rendition in &offered.video {
        let picture = judge::picture(rendition, true);
        assert_same_picture(&picture, &film, repeats(video), rendition);
        let listed: f64 = media(rendition).await.segments.iter().map(|segment| f64::from(segment.duration)).sum();
        assert!((listed - film.seconds()).abs() <= film.step(), "{rendition} lists {listed} s of {} s", film.seconds());
        picture_start = picture.times[0];
        if smallest.as_ref().is_none_or(|(height, ..)| picture.height < *height) {
            smallest = Some((picture.height, picture, rendition));
        }
    }
    // All rungs go through one graph of filters, and the transcoder's own tests turn each: here the cheapest is enough.
    if let Some((_, picture, rendition)) = &smallest {
        assert_upright(picture, source, rendition);
    }
    let film_start = film.times.first().copied().unwrap_or_default();
    let sounds: Vec<_> = (0..).map_while(|track| judge::sound(source, &format!("a:{track}"), false)).collect();
    assert_eq!(offered.audio.is_empty(), sounds.is_empty(), "{url}: {} sounds of {}", offered.audio.len(), sounds.len());
    for rendition in &offered.audio {
        let sound = judge::sound(rendition, "a:0", true).unwrap_or_else(|| panic!("{rendition} holds no sound"));
        // As long as one of the source's sounds, and as early or late against the picture as that one.
        let fits = |original: &Sound| {
            let lead = original.start - film_start;
            (original.seconds - sound.seconds).abs() < SOUND_TOLERANCE
                && (sound.start - picture_start - lead).abs() < SOUND_TOLERANCE
        };
        assert!(
            sounds.iter().any(fits),
            "{rendition}: {sound:?}, picture from {picture_start}; the source: {sounds:?}, picture from {film_start}"
        );
    }
}

/// How often a frame is shown again to fill pauses, as the title's notes say.
fn repeats(video: &Video) -> usize {
    let filled = video.notes.iter().filter(|note| note.code == "pause_filled");
    filled.filter_map(|note| note.message.split(' ').find_map(|word| word.parse::<usize>().ok())).sum()
}

fn assert_same_picture(got: &Picture, film: &Picture, repeats: usize, what: &str) {
    // Small rungs of fast films show one of two frames, or of four.
    let step = (film.frames as f64 / got.frames as f64).round().max(1.0) as usize;
    if step == 1 {
        assert_eq!(got.frames, film.frames + repeats, "frames of {what}, {repeats} repeats among them");
    } else {
        assert!(film.step() * FAST_RATE < 1.0, "{what} shows {} frames of {}", got.frames, film.frames);
        let (least, most) = (film.frames.div_ceil(step), film.frames.div_ceil(step) * 11 / 10 + 1);
        assert!((least..=most).contains(&got.frames), "{what} shows {} frames of {}", got.frames, film.frames);
    }
    assert_eq!(got.times.len(), got.frames, "frames of {what} that have a time");
    got.assert_in_order(what);
    let drift = (got.seconds() - film.seconds()).abs();
    assert!(drift <= film.step() * 1.01 * step as f64, "{what} lasts {:.3} s, the source {:.3} s", got.seconds(), film.seconds());
    // Sizes are even, so a small picture may be off by a pixel in either direction.
    let tolerance = film.aspect * (1.5 / got.height as f64 + 1.5 / got.width as f64);
    assert!((got.aspect - film.aspect).abs() <= tolerance, "{what} has aspect {:.4}, the source {:.4}", got.aspect, film.aspect);
}

/// The picture looks more like the source as the ffmpeg program shows it than like any mirror image of it.
fn assert_upright(picture: &Picture, source: &str, what: &str) {
    let shape = format!("scale={}:{}", picture.width, picture.height);
    let upright = judge::similarity(source, &shape, what);
    for turn in ["hflip", "vflip", "hflip,vflip"] {
        let turned = judge::similarity(source, &format!("{shape},{turn}"), what);
        assert!(upright > turned, "{what}: {upright} like its source, {turned} after {turn}");
    }
}
