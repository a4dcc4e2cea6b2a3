//! Tracks of a few samples, whose slices and frames are the beginnings of real ones.

use super::super::{Protector, map::Layout};
use crate::{
    cmaf::{self, Colour, Configuration, MediaSegment, ParameterSets, Sample, VideoTrack},
    sample::{AV1_HEADER, HEVC_PPS, HEVC_SPS, HEVC_VPS, stereo},
};
use bytes::Bytes;
use marquee_core::{
    object, plan,
    protection::{ContentKey, KEY_BYTES, Scheme, Secret},
    source::Ratio,
};
use uuid::uuid;

/// Parameter sets of x264 for 320 × 180.
pub(super) const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03,
    0x20, 0xf1, 0x42, 0x99, 0x60,
];
pub(super) const PPS: &[u8] = &[0x68, 0xeb, 0xa3, 0xcb, 0x22, 0xc0];
/// Slices of x264: what decoding starts with, one that refers to pictures before, and one that also refers to pictures after.
const AVC: [&[u8]; 3] = [
    &[0x65, 0x88, 0x84, 0x00, 0x9f, 0xd9, 0x67, 0x4d, 0x62, 0x78, 0xad, 0x3c, 0xeb, 0x11, 0x26, 0x83],
    &[0x41, 0x9a, 0x24, 0x64, 0x9f, 0xb8, 0x36, 0xda, 0x2e, 0x48, 0xbc, 0x4d, 0x83, 0x3c, 0x2e, 0xd7],
    &[0x01, 0x9e, 0x61, 0x74, 0x42, 0xdf, 0xf0, 0x21, 0xd6, 0xb9, 0x53, 0x3a, 0xe5, 0x7d, 0x42, 0x37],
];
/// The same of x265.
const HEVC: [&[u8]; 3] = [
    &[
        0x28, 0x01, 0xaf, 0x08, 0x44, 0x8c, 0x67, 0x73, 0xd1, 0x35, 0xa2, 0xe8, 0x1a, 0x3c, 0x10, 0xfd, 0xc5, 0x34, 0x80, 0x63,
        0xfb, 0x44, 0xae, 0x5d, 0x24, 0x98, 0x59, 0xea, 0x4c, 0xbc,
    ],
    &[
        0x02, 0x01, 0xd0, 0x29, 0x4b, 0xe1, 0x0c, 0x61, 0x00, 0x91, 0x89, 0x1a, 0x92, 0x27, 0x16, 0x51, 0x06, 0x7d, 0x3a, 0x18,
        0x32, 0x73, 0x90, 0x60, 0xe1, 0xa6, 0x32, 0x84, 0x94, 0xb2,
    ],
    &[
        0x00, 0x01, 0xe0, 0x24, 0xf5, 0x5f, 0xa2, 0xc2, 0x91, 0x22, 0xc9, 0x00, 0x2c, 0x03, 0x80, 0x70, 0x0d, 0x41, 0x4a, 0x42,
        0x57, 0xe0, 0xf0, 0xdb, 0x54, 0x10, 0xea, 0xcf, 0x50, 0xe6,
    ],
];
/// Frames of SVT-AV1: what decoding starts with, four that one sample has, and one that only shows another.
const AV1: [&[u8]; 6] = [
    &[
        0x10, 0x00, 0x88, 0x80, 0x80, 0x41, 0x04, 0x10, 0x67, 0xbc, 0x09, 0xc7, 0x9c, 0x0b, 0xc0, 0x20, 0xdd, 0x4c, 0x72, 0x38,
        0x69,
    ],
    &[
        0x28, 0x10, 0x00, 0x24, 0x92, 0x49, 0x3d, 0x14, 0xc1, 0x01, 0x86, 0x08, 0x20, 0xc1, 0x78, 0x13, 0x8f, 0x39, 0xf7, 0x80,
        0x30, 0x00, 0xf2, 0xc5, 0xb5,
    ],
    &[
        0x28, 0x08, 0x01, 0x04, 0x92, 0x00, 0x35, 0x1c, 0x40, 0x10, 0x40, 0x82, 0x05, 0x0b, 0xcf, 0xbc, 0x01, 0x80, 0x00, 0x74,
        0x55,
    ],
    &[
        0x28, 0x04, 0x84, 0x04, 0x92, 0x6d, 0xb5, 0x1f, 0xc0, 0x10, 0x40, 0x82, 0x05, 0x0b, 0xcf, 0xbc, 0x83, 0x60, 0x00, 0x55,
        0xac,
    ],
    &[0x30, 0x03, 0x20, 0x09, 0x25, 0xb6, 0x2a, 0x46, 0x00, 0x00, 0x01, 0x2f, 0x3c, 0x13, 0xc0, 0x30, 0x00, 0xec, 0x26, 0xb9],
    &[0xe8],
];
/// Bytes that are added to each slice and each frame, after what is the beginning of one.
pub(super) const MORE_BYTES: usize = 400;

pub(super) fn key() -> ContentKey {
    ContentKey {
        id: uuid!("00112233-4455-6677-8899-aabbccddeeff"),
        secret: Secret::new([0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c]),
        iv: std::array::from_fn::<_, KEY_BYTES, _>(|place| place as u8),
    }
}

pub(super) fn configuration(codec: plan::Codec) -> Configuration {
    let annexb = |units: &[&[u8]]| units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect::<Vec<_>>();
    match codec {
        plan::Codec::H264 => Configuration::Avc(ParameterSets { sps: Bytes::from_static(SPS), pps: Bytes::from_static(PPS) }),
        plan::Codec::Hevc => Configuration::find(codec, &annexb(&[HEVC_VPS, HEVC_SPS, HEVC_PPS])).unwrap(),
        plan::Codec::Av1 => Configuration::find(codec, AV1_HEADER).unwrap(),
    }
}

pub(super) fn layout(codec: plan::Codec) -> Layout {
    Layout::of_picture(&configuration(codec)).unwrap()
}

fn unit(head: &[u8]) -> Vec<u8> {
    let more = (0..MORE_BYTES).map(|place| (place % 251) as u8 | 1);
    head.iter().copied().chain(more).collect()
}

/// Three samples of a group.
pub(super) fn samples(codec: plan::Codec) -> Vec<Vec<u8>> {
    let nal = |heads: [&[u8]; 3]| {
        heads.map(|head| {
            let unit = unit(head);
            [&(unit.len() as u32).to_be_bytes(), &unit[..]].concat()
        })
    };
    let frame = |head: &[u8]| {
        let payload = unit(head);
        let size = [payload.len() as u8 | 0x80, (payload.len() >> 7) as u8];
        [&[0x32], &size[..], &payload].concat()
    };
    match codec {
        plan::Codec::H264 => nal(AVC).into(),
        plan::Codec::Hevc => nal(HEVC).into(),
        plan::Codec::Av1 => {
            let frames = AV1[1..5].iter().flat_map(|head| frame(head)).collect();
            vec![[AV1_HEADER, &frame(AV1[0])].concat(), frames, [&[0x1a, 1], AV1[5]].concat()]
        }
    }
}

/// A clear track with one segment.
pub(super) fn picture(codec: plan::Codec) -> (Bytes, MediaSegment) {
    let configuration = configuration(codec);
    let (frame_rate, colour) = (Ratio::new(30, 1), Colour::BT709);
    let track = VideoTrack { timescale: 30_000, width: 320, height: 180, frame_rate, edit_ticks: 2000, configuration, colour };
    let sample = |(index, data): (usize, Vec<u8>)| Sample {
        data: data.into(),
        duration_ticks: 1000,
        composition_offset_ticks: 2000,
        keyframe: index == 0,
    };
    let samples: Vec<_> = samples(codec).into_iter().enumerate().map(sample).collect();
    (track.init_segment().unwrap(), cmaf::media_segment(1, 0, &samples, object::Track::Video).unwrap())
}

pub(super) fn sound() -> (Bytes, MediaSegment) {
    let track = stereo(128_000);
    let sample = |bytes: usize| Sample {
        data: unit(&[])[..bytes].to_vec().into(),
        duration_ticks: 1024,
        composition_offset_ticks: 0,
        keyframe: true,
    };
    let samples = [sample(100), sample(15), sample(64)];
    (track.init_segment().unwrap(), cmaf::media_segment(1, 0, &samples, object::Track::Audio).unwrap())
}

pub(super) fn protector(init: &[u8], scheme: Scheme) -> Protector {
    Protector::new(init, scheme, &key(), "v/180p").unwrap()
}

/// Every clear track.
pub(super) fn tracks() -> [(Bytes, MediaSegment); 4] {
    [picture(plan::Codec::H264), picture(plan::Codec::Hevc), picture(plan::Codec::Av1), sound()]
}
