//! The ffmpeg program as an independent judge: it must decode what we package, sample for sample and without a warning.

use crate::cmaf::{self, AudioTrack, Colour, Configuration, MediaSegment, ParameterSets, Sample, VideoTrack};
use crate::sample::stereo;
use bytes::Bytes;
use marquee_core::{object, source::Ratio};
use std::{
    path::Path,
    process::{Command, Output},
};

/// Ticks of one frame at 25 frames per second and 12 800 ticks.
const FRAME_TICKS: u64 = 512;
/// Frames of a group and of a segment of three groups.
const GROUP_FRAMES: usize = 50;
const SEGMENT_FRAMES: usize = 150;

pub(crate) fn run(program: &str, directory: &Path, arguments: &str) -> Output {
    let output = Command::new(program).args(arguments.split_whitespace()).current_dir(directory).output();
    let output = output.unwrap_or_else(|error| panic!("{program} judges these tests, ./dev test installs it: {error}"));
    assert!(output.status.success(), "{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Standard output of a judge who has nothing to complain about.
pub(crate) fn judge(program: &str, directory: &Path, arguments: &str) -> String {
    let output = run(program, directory, &format!("-v warning {arguments}"));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} {arguments}");
    String::from_utf8(output.stdout).unwrap()
}

/// A column of times; frames with side data have a comma and an empty line after theirs.
fn times(column: &str) -> Vec<u64> {
    column
        .lines()
        .map(|line| line.trim_end_matches(','))
        .filter(|line| !line.is_empty())
        .map(|line| line.parse().unwrap())
        .collect()
}

/// Access units of an Annex B stream with delimiters, each with start codes.
fn access_units(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    for nal in cmaf::split_nals(stream) {
        if nal[0] & 0x1f == 9 {
            units.push(Vec::new());
        }
        units.last_mut().unwrap().extend([&[0, 0, 0, 1], nal].concat());
    }
    units
}

/// Eight seconds of moving picture with B-frames, packaged; the reference lies beside it as `source.mp4`.
pub(crate) fn package_video(directory: &Path) -> (VideoTrack, Vec<MediaSegment>) {
    let x264 = format!("-c:v libx264 -preset fast -bf 3 -x264-params keyint={GROUP_FRAMES}:scenecut=0:open-gop=0");
    let source = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=8 -pix_fmt yuv420p";
    run("ffmpeg", directory, &format!("-v error {source} {x264} -video_track_timescale 12800 source.mp4"));
    let filter = "h264_mp4toannexb,h264_metadata=aud=insert";
    run("ffmpeg", directory, &format!("-v error -i source.mp4 -c copy -bsf:v {filter} source.h264"));
    let stream = std::fs::read(directory.join("source.h264")).unwrap();
    let shown = times(&judge("ffprobe", directory, "-show_entries packet=pts -of csv=p=0 source.mp4"));
    let units = access_units(&stream);
    assert_eq!((units.len(), shown.len()), (200, 200));

    let configuration = Configuration::Avc(ParameterSets::find(&stream).unwrap());
    let (frame_rate, colour) = (Ratio::new(25, 1), Colour::BT709);
    let edit_ticks = cmaf::edit_ticks(12_800, frame_rate);
    let track = VideoTrack { timescale: 12_800, width: 320, height: 180, frame_rate, edit_ticks, configuration, colour };
    let mut segments = Vec::new();
    for (number, (units, shown)) in (1..).zip(std::iter::zip(units.chunks(SEGMENT_FRAMES), shown.chunks(SEGMENT_FRAMES))) {
        let start = shown.iter().min().unwrap();
        let timing = cmaf::schedule(shown, start + units.len() as u64 * FRAME_TICKS, edit_ticks).unwrap();
        let samples: Vec<_> = std::iter::zip(units, timing)
            .map(|(unit, timing)| {
                let data = cmaf::annexb_to_avcc(unit);
                Sample {
                    keyframe: cmaf::is_idr(&data).unwrap(),
                    data,
                    duration_ticks: timing.duration_ticks,
                    composition_offset_ticks: timing.composition_offset_ticks,
                }
            })
            .collect();
        segments.push(cmaf::media_segment(number, *start, &samples, object::Track::Video).unwrap());
    }
    (track, segments)
}

#[test]
fn packaged_video_starts_at_zero_and_decodes_as_its_source() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let (track, segments) = package_video(directory);
    let init = track.init_segment().unwrap();
    let parts: Vec<&[u8]> =
        std::iter::once(&init).chain(segments.iter().map(|segment| &segment.bytes)).map(|part| &part[..]).collect();
    std::fs::write(directory.join("packaged.mp4"), parts.concat()).unwrap();

    let stream = "codec_name,profile,level,sample_aspect_ratio,color_range,color_space,color_transfer,color_primaries,time_base";
    let description = judge("ffprobe", directory, &format!("-show_entries stream={stream} -of default=nw=1:nk=1 packaged.mp4"));
    for expected in ["h264", "High", "1:1", "tv", "bt709", "1/12800"] {
        assert!(description.lines().any(|line| line == expected), "{expected} is not in {description}");
    }
    let shown = times(&judge("ffprobe", directory, "-show_entries frame=pts -of csv=p=0 packaged.mp4"));
    assert_eq!(shown, (0..200).map(|frame| frame * FRAME_TICKS).collect::<Vec<_>>());
    let pictures = |file| pictures(directory, file);
    let (packaged, source) = (pictures("packaged.mp4"), pictures("source.mp4"));
    assert_eq!(packaged, source);

    // The second segment alone, and an I-frame by its byte range.
    std::fs::write(directory.join("second.mp4"), [&init[..], &segments[1].bytes].concat()).unwrap();
    assert_eq!(pictures("second.mp4"), source[SEGMENT_FRAMES..]);
    let iframe = segments[0].iframes[1];
    assert_eq!(iframe.start_ticks, GROUP_FRAMES as u64 * FRAME_TICKS);
    let range = iframe.offset_bytes as usize..(iframe.offset_bytes + iframe.size_bytes) as usize;
    std::fs::write(directory.join("iframe.mp4"), [&init[..], &segments[0].bytes[range]].concat()).unwrap();
    // Its fragment is cut off on purpose, which the judge may remark.
    let sums = run("ffmpeg", directory, "-v quiet -i iframe.mp4 -frames:v 1 -f framemd5 -").stdout;
    let sums = String::from_utf8(sums).unwrap();
    assert!(sums.trim_end().ends_with(&source[GROUP_FRAMES]), "{sums}");
}

/// Checksums of all pictures of `file`.
pub(crate) fn pictures(directory: &Path, file: &str) -> Vec<String> {
    let sums = judge("ffmpeg", directory, &format!("-i {file} -map 0:v -f framemd5 -"));
    let sums = sums.lines().filter(|line| !line.starts_with('#'));
    sums.map(|line| line.split(',').next_back().unwrap().trim().to_owned()).collect()
}

/// Raw frames of an ADTS stream without checksums.
fn adts_frames(mut stream: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while stream.len() > 7 {
        let length = usize::from(stream[3] & 3) << 11 | usize::from(stream[4]) << 3 | usize::from(stream[5] >> 5);
        frames.push(Bytes::copy_from_slice(&stream[7..length]));
        stream = &stream[length..];
    }
    frames
}

/// Eight seconds of sound, packaged; the reference lies beside it as `source.aac`.
pub(crate) fn package_sound(directory: &Path) -> (AudioTrack, Vec<MediaSegment>) {
    let source = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=8 -ac 2 -c:a aac -b:a 128k";
    run("ffmpeg", directory, &format!("-v error {source} source.aac"));
    let frames = adts_frames(&std::fs::read(directory.join("source.aac")).unwrap());
    let track = stereo(128_000);
    let mut segments = Vec::new();
    let mut decode_ticks = 0;
    for (number, frames) in (1..).zip(frames.chunks(282)) {
        let sample =
            |data: &Bytes| Sample { data: data.clone(), duration_ticks: 1024, composition_offset_ticks: 0, keyframe: true };
        let samples: Vec<_> = frames.iter().map(sample).collect();
        let segment = cmaf::media_segment(number, decode_ticks, &samples, object::Track::Audio).unwrap();
        decode_ticks += segment.duration_ticks;
        segments.push(segment);
    }
    (track, segments)
}

/// Decoded sound of `file`, as bytes.
pub(crate) fn sound(directory: &Path, file: &str) -> Vec<u8> {
    run("ffmpeg", directory, &format!("-v error -i {file} -map 0:a -f f32le -c:a pcm_f32le -y {file}.pcm"));
    std::fs::read(directory.join(format!("{file}.pcm"))).unwrap()
}

#[test]
fn packaged_sound_has_its_priming_before_zero_and_decodes_as_its_source() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let (track, segments) = package_sound(directory);
    let frames = segments.iter().map(|segment| segment.duration_ticks / 1024).sum::<u64>() as i64;
    let init = track.init_segment().unwrap();
    let parts: Vec<&[u8]> =
        std::iter::once(&init).chain(segments.iter().map(|segment| &segment.bytes)).map(|part| &part[..]).collect();
    std::fs::write(directory.join("packaged.mp4"), parts.concat()).unwrap();

    let description = judge(
        "ffprobe",
        directory,
        "-show_entries stream=codec_name,profile,sample_rate,channels,bit_rate -of csv=p=0 packaged.mp4",
    );
    assert!(description.starts_with("aac,LC,48000,2"), "{description}");
    judge("ffmpeg", directory, "-i packaged.mp4 -f null -");
    assert!(sound(directory, "packaged.mp4") == sound(directory, "source.aac"), "the sound differs");
    let shown = judge("ffprobe", directory, "-show_entries packet=pts -of csv=p=0 packaged.mp4");
    let shown: Vec<i64> = shown.lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    assert_eq!(shown, (-1..frames - 1).map(|frame| frame * 1024).collect::<Vec<_>>());
}
