//! A good package of 18 s, made by our own writer from samples without meaning: two rungs, two languages, subtitles, tiles.

use super::encrypted;
use crate::{
    cmaf::{
        AudioTrack, Colour, Configuration, Loudness, ParameterSets, Sample, VideoTrack, WriteSegment, last_media_segment,
        media_segment,
    },
    dash,
    gate::read_segment,
    hls::{self, Kind},
    model::{Presentation, Segment, Track},
    protect::Protector,
    sample::{audio, text, video},
    thumbs,
    verify::{Files, Part},
    webvtt::{self, Cue},
};
use bytes::Bytes;
use marquee_core::{
    Error, Result, SeededRandom, object,
    protection::{Choice, ContentKeys, Protected, Scheme, System},
    source::Ratio,
    thumbnails::{Thumbnails, Tiles},
};
use std::{collections::BTreeMap, num::NonZeroU32, ops::Range, sync::OnceLock};

/// Files by path.
pub(super) type Package = BTreeMap<String, Bytes>;

impl Files for Package {
    async fn read(&self, path: &str, range: Range<u64>) -> Result<Part> {
        let bytes = self.get(path).ok_or_else(|| Error::not_found("file"))?;
        let [start, end] = [range.start, range.end].map(|at| (at as usize).min(bytes.len()));
        Ok(Part { bytes: bytes.slice(start..end), size_bytes: bytes.len() as u64, delivery: None })
    }
}

pub(super) fn text_of(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The package; the same every time.
pub(super) fn good() -> Package {
    static GOOD: OnceLock<Package> = OnceLock::new();
    GOOD.get_or_init(|| build(None).0).clone()
}

/// The same, protected by a scheme, with keys that change with every segment.
pub(super) fn rotating(scheme: Scheme) -> Package {
    build(rotated(scheme)).0
}

/// The package, as it is or protected, with our own manifest and the words in one file.
pub(super) fn written(scheme: Option<Scheme>) -> Package {
    let (mut package, manifest) = build(scheme.and_then(rotated));
    package.insert(object::MANIFEST.to_owned(), manifest.into());
    let segments = (1..=3).map(|number| package[&object::segment_path(object::Track::Text, "text-0", number)].clone());
    let words = segments.map(|bytes| webvtt::read(&bytes).unwrap().cues);
    package.insert(object::subtitles_path("text-0"), webvtt::whole(words.collect::<Vec<_>>()).into());
    package
}

fn rotated(scheme: Scheme) -> Keys {
    let choice = Choice { scheme, rotation_segments: NonZeroU32::new(1), ..Choice::default() };
    Some(Protected::generate(choice, vec![System::ClearKey { key_url: None }], &SeededRandom::new(1)))
}

/// Protects tracks as they are made.
type Keys = Option<(Protected, ContentKeys)>;

/// A package, and its manifest.
fn build(keys: Keys) -> (Package, String) {
    let mut package = Package::new();
    let mut tracks = vec![
        pictures(&mut package, &keys, "540p", ((960, 540), (12_000, 1800))),
        pictures(&mut package, &keys, "234p", ((416, 234), (3000, 300))),
        sound(&mut package, &keys, "eng", ("English", "en", true)),
        sound(&mut package, &keys, "deu", ("Deutsch", "de", false)),
    ];
    tracks.push(words(&mut package));
    let presentation = Presentation { tracks, protected: keys.map(|(protected, _)| protected), ..Presentation::default() };
    for track in &presentation.tracks {
        let (id, folder) = (&track.rendition.id, track.rendition.folder());
        let text = hls::media(&presentation, track, Kind::Vod, "");
        package.insert(object::playlist_path(folder, id), text.into());
        if folder == object::Track::Video {
            package.insert(object::iframes_path(id), hls::iframes(&presentation, track).into());
        }
    }
    package.insert(object::MASTER.to_owned(), hls::master(&presentation).into());
    let tiles = Tiles { interval_ms: 10_000, columns: 2, rows: 1, width: 240, height: 136, count: 2 };
    package.insert(object::TILES.to_owned(), thumbs::index(&tiles, 18_000).into());
    package.insert(object::sheet_path(1), Bytes::from_static(JPEG));
    let thumbnails = Thumbnails { posters: Vec::new(), tiles, sheets_bytes: vec![JPEG.len() as u64], cpu_ms: 0 };
    (package, dash::manifest(&presentation, Some(&thumbnails)))
}

/// The head and the end of a JPEG file of 480 × 136.
const JPEG: &[u8] =
    b"\xff\xd8\xff\xe0\0\x04JF\xff\xc4\0\x03x\xff\xc0\0\x0b\x08\0\x88\x01\xe0\x01\x01\x11\0\xff\xda\0\x02x\xff\xd9";

/// Makes a clear segment, by its number, one that says how it is protected.
type Mark = Box<dyn Fn(u32, &[u8]) -> Bytes>;

/// Stores the init segment of a track, protected if there are keys; what makes its segments so.
fn mark(package: &mut Package, keys: &Keys, track: &Track, init: &Bytes) -> Option<Mark> {
    let (folder, id) = (track.rendition.folder(), &track.rendition.id);
    let is_sound = folder == object::Track::Audio;
    let counted = keys.as_ref().is_some_and(|(protected, _)| protected.choice.scheme == Scheme::Cenc);
    // No two tracks count from the same vector on.
    let seed = id.bytes().fold(0, |seed: u64, byte| seed << 8 | u64::from(byte)) << 24;
    let marker = keys
        .as_ref()
        .map(|(protected, keys)| Protector::marker(protected.choice, keys.of(&track.rendition.media).unwrap(), is_sound));
    let init = marker.as_ref().map_or_else(|| init.clone(), |marker| marker.init(init));
    package.insert(object::init_path(folder, id), init);
    marker.map(|marker| {
        Box::new(move |number, clear: &[u8]| {
            let first = seed + u64::from(number) * 1000;
            encrypted::told(&marker.segment(number, clear), first, (counted, is_sound)).into()
        }) as Mark
    })
}

/// What writes the segment with a number.
fn writer(number: u32) -> WriteSegment {
    if number == 3 { last_media_segment } else { media_segment }
}

type Sizes = ((u32, u32), (usize, usize));

fn pictures(package: &mut Package, keys: &Keys, id: &str, ((width, height), (key, other)): Sizes) -> Track {
    let mut track = video(id, (width, height), 2_000_000, &[], 0);
    // Levels are no higher than the pictures need.
    let level = if width < 960 { 0x0d } else { 0x1f };
    let sps = Bytes::from(vec![0x67, 0x64, 0x00, level, 0xac]);
    track.rendition.codec = format!("avc1.6400{level:02x}");
    let header = VideoTrack {
        timescale: 10_000,
        width,
        height,
        frame_rate: Ratio::new(25, 1),
        edit_ticks: 800,
        configuration: Configuration::Avc(ParameterSets { sps, pps: Bytes::from_static(&[0x68, 0xeb]) }),
        colour: Colour::BT709,
    };
    let mark = mark(package, keys, &track, &header.init_segment().unwrap());
    let picture = |unit: u8, bytes: usize, composition_offset_ticks| {
        let mut data = (bytes as u32 - 4).to_be_bytes().to_vec();
        data.resize(bytes, unit);
        Sample { data: data.into(), duration_ticks: 400, composition_offset_ticks, keyframe: unit == 0x65 }
    };
    // I, then pairs of P and B, then a last P: 50 pictures.
    let mut group = vec![picture(0x65, key, 800)];
    for _ in 0..24 {
        group.extend([picture(0x41, other, 1200), picture(0x01, other, 400)]);
    }
    group.push(picture(0x41, other, 800));
    let samples = [group.clone(), group.clone(), group].concat();
    for number in 1..=3 {
        let bytes = writer(number)(number, u64::from(number - 1) * 60_000, &samples, object::Track::Video).unwrap().bytes;
        keep(package, &mut track, (number, bytes), mark.as_ref());
    }
    track
}

fn sound(package: &mut Package, keys: &Keys, id: &str, described: (&str, &str, bool)) -> Track {
    let mut track = audio(id, "aac-128k", described, &[]);
    let header = AudioTrack {
        sample_rate_hz: 48_000,
        channels: 2,
        asc: Bytes::from_static(&[0x11, 0x90]),
        priming_samples: 1024,
        bitrate_bps: 40_000,
        language: described.1.to_owned(),
        loudness: Some(Loudness { lkfs: Some(-24.0), is_whole: true, true_peak_max_dbtp: -2.0 }),
    };
    let mark = mark(package, keys, &track, &header.init_segment().unwrap());
    let frame =
        Sample { data: Bytes::from_static(&[0x21; 100]), duration_ticks: 1024, composition_offset_ticks: 0, keyframe: true };
    let mut decoded = 0;
    for number in 1..=3 {
        // Where segments end, in frames, the one of priming among them.
        let end = (u64::from(number) * 288_000).div_ceil(1024) + 1;
        let frames = vec![frame.clone(); (end - decoded) as usize];
        let bytes = writer(number)(number, decoded * 1024, &frames, object::Track::Audio).unwrap().bytes;
        decoded = end;
        keep(package, &mut track, (number, bytes), mark.as_ref());
    }
    track
}

fn keep(package: &mut Package, track: &mut Track, (number, bytes): (u32, Bytes), mark: Option<&Mark>) {
    let bytes = mark.map_or(bytes.clone(), |mark| mark(number, &bytes));
    track.segments.push(read_segment(&track.rendition, number, &bytes).unwrap());
    package.insert(object::segment_path(track.rendition.folder(), &track.rendition.id, number), bytes);
}

fn words(package: &mut Package) -> Track {
    let mut track = text("text-0", ("English", "en", false), &[0; 3]);
    let cue = |start_ms, end_ms| Cue { start_ms, end_ms, settings: String::new(), text: "words".into() };
    let cues = [cue(1000, 2000), cue(5000, 7000), cue(13_000, 18_000)];
    for segment in &mut track.segments {
        let (start_ms, end_ms) = (segment.start_ticks / 10, (segment.start_ticks + segment.duration_ticks) / 10);
        let shown = cues.iter().filter(|cue| cue.start_ms < end_ms && cue.end_ms > start_ms);
        let bytes = Bytes::from(webvtt::segment(shown));
        *segment = Segment { size_bytes: bytes.len() as u64, ..segment.clone() };
        package.insert(object::segment_path(object::Track::Text, "text-0", segment.number), bytes);
    }
    track
}
