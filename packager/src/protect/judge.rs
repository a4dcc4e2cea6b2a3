//! The ffmpeg program as an independent judge: with the key it decodes what was protected as what it was before, and without it nothing.

use super::{Opener, Protector};
use crate::{
    cmaf::{
        self, Colour, Configuration, MediaSegment, Sample, VideoTrack,
        judge::{judge, run},
        read,
    },
    sample::stereo,
};
use bytes::Bytes;
use marquee_core::{
    SeededRandom, object,
    plan::Codec,
    protection::{ContentKey, Scheme},
    source::Ratio,
};
use std::{fs::File, path::Path, process::Command};

/// Ticks of one frame at 25 frames a second and 12 800 ticks.
const FRAME_TICKS: u64 = 512;
/// Frames of a group.
const GROUP_FRAMES: usize = 50;

/// A packaged track.
pub(super) struct Track {
    pub(super) init: Bytes,
    pub(super) segments: Vec<MediaSegment>,
}

/// Encoders that make films of 100 frames, with what their headers can have: slices, weights, references, columns of tiles, grain.
const PICTURES: [(&str, Codec, &str); 6] = [
    (
        "h264",
        Codec::H264,
        "-c:v libx264 -preset slow -x264-params keyint=50:scenecut=0:open-gop=0:slices=3:weightp=2:ref=6:bframes=5",
    ),
    (
        "h264-field",
        Codec::H264,
        "-c:v libx264 -preset fast -flags +ildct+ilme -x264-params keyint=50:scenecut=0:open-gop=0:cabac=0",
    ),
    (
        "hevc",
        Codec::Hevc,
        "-c:v libx265 -preset medium -tag:v hvc1 -x265-params keyint=50:scenecut=0:open-gop=0:weightb=1:log-level=none",
    ),
    (
        "hevc-slices",
        Codec::Hevc,
        "-c:v libx265 -preset fast -tag:v hvc1 -x265-params keyint=50:scenecut=0:open-gop=0:slices=2:log-level=none",
    ),
    ("av1", Codec::Av1, "-c:v libsvtav1 -preset 10 -g 50 -svtav1-params tile-columns=1:film-grain=10"),
    ("av1-tiles", Codec::Av1, "-c:v libsvtav1 -preset 8 -g 50 -qp 40 -svtav1-params tile-rows=1:tile-columns=1:enable-qm=1"),
];

/// Samples of a file as they lie in it, by what ffmpeg's index says: when they are shown, and their bytes.
fn packets(directory: &Path, file: &str) -> Vec<(i64, Bytes)> {
    let bytes = Bytes::from(std::fs::read(directory.join(file)).unwrap());
    let table = judge("ffprobe", directory, &format!("-show_entries packet=pts,size,pos -of csv=p=0 {file}"));
    let rows = table.lines().filter(|line| !line.is_empty());
    rows.map(|line| {
        let numbers: Vec<i64> = line.trim_end_matches(',').split(',').take(3).map(|number| number.parse().unwrap()).collect();
        let (size, place) = (numbers[1] as usize, numbers[2] as usize);
        (numbers[0], bytes.slice(place..place + size))
    })
    .collect()
}

/// The body of the one box of a kind.
fn body(directory: &Path, file: &str, kind: &[u8; 4]) -> Vec<u8> {
    let bytes = std::fs::read(directory.join(file)).unwrap();
    let at = bytes.windows(4).position(|window| window == kind).unwrap();
    let size = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    bytes[at + 4..at - 4 + size].to_vec()
}

/// A picture track of two segments that an encoder made.
pub(super) fn picture(directory: &Path, name: &str, codec: Codec, encoder: &str) -> Track {
    let file = format!("{name}.mp4");
    let colour = "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv";
    let source = format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=4 -vf fade=in:0:40,format=yuv420p {colour}");
    run("ffmpeg", directory, &format!("-v error {source} {encoder} -video_track_timescale 12800 {file}"));
    let kind = match codec {
        Codec::H264 => b"avcC",
        Codec::Hevc => b"hvcC",
        Codec::Av1 => b"av1C",
    };
    let configuration = Configuration::find(codec, &body(directory, &file, kind)).unwrap();
    let (frame_rate, colour) = (Ratio::new(25, 1), Colour::BT709);
    let edit_ticks = cmaf::edit_ticks(12_800, Ratio::new(25, 3));
    let track = VideoTrack { timescale: 12_800, width: 320, height: 180, frame_rate, edit_ticks, configuration, colour };
    let packets = packets(directory, &file);
    assert_eq!(packets.len(), 2 * GROUP_FRAMES, "{name}");
    let segment = |(number, packets): (u32, &[(i64, Bytes)])| {
        let shown: Vec<_> = packets.iter().map(|(shown, _)| u64::try_from(*shown).unwrap()).collect();
        let start = *shown.iter().min().unwrap();
        let timing = cmaf::schedule(&shown, start + packets.len() as u64 * FRAME_TICKS, edit_ticks).unwrap();
        let sample = |((_, data), timing): (&(i64, Bytes), cmaf::Timing)| Sample {
            data: data.clone(),
            duration_ticks: timing.duration_ticks,
            composition_offset_ticks: timing.composition_offset_ticks,
            keyframe: cmaf::is_keyframe(codec, data).unwrap(),
        };
        let samples: Vec<_> = std::iter::zip(packets, timing).map(sample).collect();
        cmaf::media_segment(number, start, &samples, object::Track::Video).unwrap()
    };
    Track { init: track.init_segment().unwrap(), segments: (1..).zip(packets.chunks(GROUP_FRAMES)).map(segment).collect() }
}

/// A stereo track of two segments.
pub(super) fn sound(directory: &Path) -> Track {
    run("ffmpeg", directory, "-v error -f lavfi -i sine=sample_rate=48000:duration=4 -ac 2 -c:a aac -b:a 96k sound.mp4");
    let track = stereo(96_000);
    let packets = packets(directory, "sound.mp4");
    let segment = |(number, packets): (u32, &[(i64, Bytes)])| {
        let sample = |(_, data): &(i64, Bytes)| Sample {
            data: data.clone(),
            duration_ticks: 1024,
            composition_offset_ticks: 0,
            keyframe: true,
        };
        let samples: Vec<_> = packets.iter().map(sample).collect();
        let start = u64::from(number - 1) * 100 * 1024;
        cmaf::media_segment(number, start, &samples, object::Track::Audio).unwrap()
    };
    Track { init: track.init_segment().unwrap(), segments: (1..).zip(packets.chunks(100)).map(segment).collect() }
}

/// The track in the hands of somebody who has no key.
pub(super) fn protected(track: &Track, scheme: Scheme, key: &ContentKey) -> Track {
    let protector = Protector::new(&track.init, scheme, key, "v/180p").unwrap();
    let segment = |(number, segment): (u32, &MediaSegment)| protector.segment(number, &segment.bytes).unwrap();
    Track { init: protector.init().clone(), segments: (1..).zip(&track.segments).map(segment).collect() }
}

/// What the judge sees and hears of a track with a key or without, and what there is to complain about. It reads a stream: of a file
/// whose fragments it can look up it takes the protection of one for that of another, as it does with files of other packagers.
fn judged(directory: &Path, track: &Track, key: Option<&ContentKey>) -> (String, String) {
    let parts: Vec<&[u8]> =
        std::iter::once(&track.init).chain(track.segments.iter().map(|segment| &segment.bytes)).map(|part| &part[..]).collect();
    let path = directory.join("judged.mp4");
    std::fs::write(&path, parts.concat()).unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "warning"]).stdin(File::open(path).unwrap());
    if let Some(key) = key {
        ffmpeg.args(["-decryption_key", &hex::encode(key.secret.expose())]);
    }
    let output = ffmpeg.args(["-i", "-", "-f", "framemd5", "-"]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

fn seen(directory: &Path, track: &Track, key: Option<&ContentKey>) -> String {
    let (seen, complaints) = judged(directory, track, key);
    assert_eq!(complaints, "");
    seen
}

/// The sums of frames alone.
fn sums(seen: &str) -> Vec<&str> {
    seen.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit(',').next().unwrap().trim()).collect()
}

/// The track is decoded as it was, its keyframes lie where it says, and it can be opened again.
fn check(directory: &Path, name: &str, clear: &Track) {
    let key = ContentKey::generate(&SeededRandom::new(7));
    let expected = seen(directory, clear, None);
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let hidden = protected(clear, scheme, &key);
        assert_eq!(seen(directory, &hidden, Some(&key)), expected, "{name} in {scheme:?}");
        let opener = Opener::new(&hidden.init, &key.secret).unwrap();
        assert_eq!(opener.init(), &clear.init);
        for (number, (hidden, clear)) in (1..).zip(std::iter::zip(&hidden.segments, &clear.segments)) {
            assert_eq!(opener.segment(&hidden.bytes).unwrap(), *clear, "{name} in {scheme:?}, segment {number}");
            let starts = |segment: &MediaSegment| segment.iframes.iter().map(|iframe| iframe.start_ticks).collect::<Vec<_>>();
            assert_eq!(starts(hidden), starts(clear));
            for (iframe, fragment) in std::iter::zip(&hidden.iframes, read::segment(&hidden.bytes).unwrap()) {
                let first = fragment.samples[0];
                assert_eq!(iframe.offset_bytes, fragment.offset_bytes);
                assert_eq!(iframe.offset_bytes + iframe.size_bytes, first.offset_bytes + u64::from(first.size_bytes));
            }
        }
    }
}

#[test]
fn protected_pictures_are_decoded_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    for (name, codec, encoder) in PICTURES {
        check(directory.path(), name, &picture(directory.path(), name, codec, encoder));
    }
}

#[test]
fn protected_sound_is_decoded_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    check(directory.path(), "sound", &sound(directory.path()));
}

#[test]
fn an_iframe_is_decoded_by_its_range_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (name, codec, encoder) = PICTURES[0];
    let clear = picture(directory.path(), name, codec, encoder);
    let key = ContentKey::generate(&SeededRandom::new(7));
    let mut hidden = protected(&clear, Scheme::Cbcs, &key);
    let mut last = hidden.segments.remove(1);
    let iframe = last.iframes[0];
    last.bytes = last.bytes.slice(iframe.offset_bytes as usize..(iframe.offset_bytes + iframe.size_bytes) as usize);
    hidden.segments = vec![last];
    // Its fragment is cut off on purpose, which the judge may remark.
    let (frame, _) = judged(directory.path(), &hidden, Some(&key));
    let all = seen(directory.path(), &clear, None);
    assert_eq!(sums(&frame), sums(&all)[GROUP_FRAMES..=GROUP_FRAMES]);
}

#[test]
fn nothing_is_seen_with_another_key() {
    let directory = tempfile::tempdir().unwrap();
    let (name, codec, encoder) = PICTURES[0];
    let clear = picture(directory.path(), name, codec, encoder);
    let [key, other] = [7, 8].map(|seed| ContentKey::generate(&SeededRandom::new(seed)));
    let all = seen(directory.path(), &clear, None);
    for scheme in [Scheme::Cbcs, Scheme::Cenc] {
        let (seen, complaints) = judged(directory.path(), &protected(&clear, scheme, &key), Some(&other));
        assert!(!complaints.is_empty() && sums(&seen).iter().all(|sum| !sums(&all).contains(sum)), "{scheme:?}");
    }
}
