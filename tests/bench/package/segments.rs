//! Segments out of what encoders made, and their protection.

use super::{rate, results::tell};
use bytes::Bytes;
use marquee_core::{
    Random, SeededRandom, object, plan,
    protection::{ContentKey, Scheme},
    source::Ratio,
};
use marquee_packager::{
    cmaf::{self, AudioTrack, Colour, Configuration, ParameterSets, Sample, VideoTrack},
    protect::Protector,
};

/// Gigabytes a second, of samples that are packaged and of those that are protected.
const PACKAGING_GOAL: f64 = 1.0;
const PROTECTION_GOAL: f64 = 0.8;
/// Frames of a segment, in groups of two seconds, and bytes of each: six seconds at about 5 Mb/s.
const FRAMES: usize = 180;
const GROUP_FRAMES: usize = 60;
const FRAME_BYTES: usize = 20_000;
/// Frames of six seconds of sound and bytes of each, 128 kb/s.
const SOUNDS: usize = 281;
const SOUND_BYTES: usize = 341;
/// Segments that are worked on in one round.
const REPEATS: usize = 20;
/// Parameter sets of x264 and the beginnings of its slices: one that decoding starts with, and one that refers to others.
const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03,
    0x20, 0xf1, 0x42, 0x99, 0x60,
];
const PPS: &[u8] = &[0x68, 0xeb, 0xa3, 0xcb, 0x22, 0xc0];
const SLICES: [&[u8]; 2] = [&[0x65, 0x88, 0x84, 0x00, 0x9f, 0xd9, 0x67, 0x4d], &[0x41, 0x9a, 0x24, 0x64, 0x9f, 0xb8, 0x36, 0xda]];

pub(super) fn bench() -> bool {
    let key = ContentKey::generate(&SeededRandom::new(1));
    let coded: Vec<Bytes> = (0..FRAMES).map(|index| frame(index, FRAME_BYTES)).collect();
    let (init, picture) = (video(), samples(&coded));
    let bytes = FRAMES * FRAME_BYTES * REPEATS;
    let written = cmaf::media_segment(1, 0, &picture, object::Track::Video).expect("the segment is possible");
    let repeat = |work: &dyn Fn(u32) -> Bytes| (1..=REPEATS as u32).map(|number| work(number)[0]).collect::<Vec<_>>();
    let package = |number, samples: &[Sample]| {
        cmaf::media_segment(number, 0, samples, object::Track::Video).expect("the segment is possible").bytes
    };
    let mut good = rate("packaging, from samples", bytes, PACKAGING_GOAL, || repeat(&|number| package(number, &picture)));
    good &= rate("packaging, from what an encoder gives", bytes, PACKAGING_GOAL, || {
        repeat(&|number| package(number, &samples(&coded)))
    });
    for (scheme, goal) in [(Scheme::Cbcs, PROTECTION_GOAL), (Scheme::Cenc, PROTECTION_GOAL)] {
        let protector = Protector::new(&init, scheme, &key, "v/1080p").expect("the track can be protected");
        let protect = |number| protector.segment(number, &written.bytes).expect("the segment can be protected").bytes;
        good &= rate(&format!("protection of pictures, {}", scheme.name()), bytes, goal, || repeat(&protect));
    }
    good & sound(&key)
}

/// All of it is encrypted, one block after the other.
fn sound(key: &ContentKey) -> bool {
    let sample =
        |index| Sample { data: frame(index, SOUND_BYTES), duration_ticks: 1024, composition_offset_ticks: 0, keyframe: true };
    let samples: Vec<_> = (0..SOUNDS).map(sample).collect();
    let written = cmaf::media_segment(1, 0, &samples, object::Track::Audio).expect("the segment is possible").bytes;
    let asc = Bytes::from_static(&[0x11, 0x90]);
    let track = AudioTrack {
        sample_rate_hz: 48_000,
        channels: 2,
        asc,
        priming_samples: 1024,
        bitrate_bps: 128_000,
        language: "en".into(),
        loudness: None,
    };
    let init = track.init_segment().expect("the track is possible");
    let protector = Protector::new(&init, Scheme::Cbcs, key, "a/eng").expect("the track can be protected");
    let repeats = 40 * REPEATS as u32;
    let work =
        || (1..=repeats).map(|number| protector.segment(number, &written).expect("it can be protected").bytes[0]).collect();
    let bytes = SOUNDS * SOUND_BYTES * repeats as usize;
    let gigabytes = bytes as f64 / super::seconds::<Vec<u8>>(work) / 1e9;
    // A second of sound has a hundredth of a second's bytes of picture: it has no goal of its own.
    tell(&format!("protection of sound, cbcs: {gigabytes:.2} GB/s"), true)
}

fn video() -> Bytes {
    let configuration = Configuration::Avc(ParameterSets { sps: Bytes::from_static(SPS), pps: Bytes::from_static(PPS) });
    let (frame_rate, colour) = (Ratio::new(30, 1), Colour::BT709);
    let track = VideoTrack { timescale: 30_000, width: 320, height: 180, frame_rate, edit_ticks: 2000, configuration, colour };
    track.init_segment().expect("the track is possible")
}

/// A coded picture as an encoder gives it: a delimiter and one slice, whose bytes nothing can be told of.
fn frame(index: usize, bytes: usize) -> Bytes {
    let head = SLICES[usize::from(!index.is_multiple_of(GROUP_FRAMES))];
    let mut frame = [&[0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1], head].concat();
    let start = frame.len();
    frame.resize(bytes.max(start), 0);
    SeededRandom::new(index as u64).fill(&mut frame[start..]);
    // No start code but those that are meant.
    frame[start..].iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 7);
    frame.into()
}

fn samples(coded: &[Bytes]) -> Vec<Sample> {
    let sample = |(index, coded): (usize, &Bytes)| Sample {
        data: cmaf::sample(plan::Codec::H264, coded),
        duration_ticks: 1000,
        composition_offset_ticks: 2000,
        keyframe: index.is_multiple_of(GROUP_FRAMES),
    };
    coded.iter().enumerate().map(sample).collect()
}
