//! Boxes by value, round trips, and hostile bytes.

use super::*;
use crate::{
    cmaf::read::{Entry, Fragment},
    codec::Codec,
    model::Iframe,
    sample::{AV1_HEADER, HEVC_PPS, HEVC_SPS, HEVC_VPS, stereo},
};
use bytes::Bytes;
use marquee_core::{Random, SeededRandom, object, plan, source::Ratio};

const SPS: [u8; 26] = [
    0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0x84, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00,
    0xf0, 0x3c, 0x60, 0xc6, 0x58,
];
const PPS: [u8; 5] = [0x68, 0xeb, 0xec, 0xb2, 0x2c];

fn video() -> VideoTrack {
    VideoTrack {
        timescale: 30_000,
        width: 1920,
        height: 1080,
        frame_rate: Ratio::new(30, 1),
        edit_ticks: edit_ticks(30_000, Ratio::new(30, 1)),
        configuration: with_sps(&SPS),
        colour: Colour::BT709,
    }
}

fn with_sps(sps: &[u8]) -> Configuration {
    Configuration::Avc(ParameterSets { sps: Bytes::copy_from_slice(sps), pps: Bytes::copy_from_slice(&PPS) })
}

const CODECS: [plan::Codec; 3] = [plan::Codec::H264, plan::Codec::Hevc, plan::Codec::Av1];

fn in_codec(codec: plan::Codec) -> VideoTrack {
    let annexb = [HEVC_VPS, HEVC_SPS, HEVC_PPS].map(|unit| [&[0, 0, 0, 1], unit].concat()).concat();
    let configuration = match codec {
        plan::Codec::H264 => with_sps(&SPS),
        plan::Codec::Hevc => Configuration::find(codec, &annexb).unwrap(),
        plan::Codec::Av1 => Configuration::find(codec, AV1_HEADER).unwrap(),
    };
    VideoTrack { configuration, width: 960, height: 540, ..video() }
}

fn sample(data: &'static [u8], composition_offset_ticks: u32, keyframe: bool) -> Sample {
    Sample { data: Bytes::from_static(data), duration_ticks: 1000, composition_offset_ticks, keyframe }
}

/// Two groups of pictures of I P B, in coding order.
fn pictures() -> Vec<Sample> {
    let group = [
        sample(&[0, 0, 0, 2, 0x65, 1], 2000, true),
        sample(&[0, 0, 0, 3, 0x41, 2, 2], 3000, false),
        sample(&[0, 0, 0, 2, 0x01, 3], 1000, false),
    ];
    [group.clone(), group].concat()
}

/// Kinds of boxes, with those inside.
fn tree(bytes: &[u8]) -> String {
    const CONTAINERS: [&[u8]; 9] = [b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf"];
    let (mut text, mut rest) = (String::new(), bytes);
    while let Some((size, _)) = rest.split_first_chunk::<4>() {
        let (whole, after) = rest.split_at(u32::from_be_bytes(*size) as usize);
        let kind = &whole[4..8];
        let inner = if CONTAINERS.contains(&kind) { format!("({})", tree(&whole[8..])) } else { String::new() };
        text += &format!("{}{}{inner}", if text.is_empty() { "" } else { " " }, kind.escape_ascii());
        rest = after;
    }
    text
}

/// The box of a kind that occurs once, from its size on.
fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    let at = bytes.windows(4).position(|window| window == kind).unwrap() - 4;
    let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    &bytes[at..at + size]
}

#[test]
fn boxes_are_in_the_order_that_cmaf_fixes() {
    let header =
        "ftyp moov(mvhd trak(tkhd edts(elst) mdia(mdhd hdlr minf({MEDIA} dinf stbl(stsd stts stsc stsz stco)))) mvex(trex))";
    let video_tree = header.replace("{MEDIA}", "vmhd");
    assert_eq!(tree(&video().init_segment().unwrap()), video_tree);
    let audio_tree = header.replace("{MEDIA}", "smhd").replace("stco", "stco sgpd");
    assert_eq!(tree(&stereo(128_000).init_segment().unwrap()), audio_tree);
    let loudness = Some(Loudness { lkfs: Some(-24.0), is_whole: true, true_peak_max_dbtp: -2.0 });
    let loud = AudioTrack { loudness, ..stereo(128_000) }.init_segment().unwrap();
    assert_eq!(tree(&loud), audio_tree.replace(") mvex", " udta) mvex"));
    let segment = media_segment(1, 0, &pictures(), object::Track::Video).unwrap();
    let fragment = "moof(mfhd traf(tfhd tfdt trun)) mdat";
    assert_eq!(tree(&segment.bytes), format!("styp {fragment} {fragment}"));
}

#[test]
fn a_video_header_is_this() {
    let init = video().init_segment().unwrap();
    assert_eq!(find(&init, b"ftyp"), b"\0\0\0\x1cftypiso6\0\0\0\0iso6cmfccfhd");
    let two_frames = b"\0\0\0\x1celst\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x07\xd0\0\x01\0\0";
    assert_eq!(find(&init, b"elst"), two_frames);
    assert_eq!(find(&init, b"colr"), b"\0\0\0\x13colrnclx\0\x01\0\x01\0\x01\0");
    assert_eq!(find(&init, b"pasp"), b"\0\0\0\x10pasp\0\0\0\x01\0\0\0\x01");
    let avcc = [b"\0\0\0\x36avcC\x01\x64\x00\x28\xff\xe1\0\x1a", &SPS[..], b"\x01\0\x05", &PPS, b"\xfd\xf8\xf8\0"].concat();
    assert_eq!(find(&init, b"avcC"), avcc);
    assert_eq!(&find(&init, b"tkhd")[8..12], [1, 0, 0, 7], "version 1, enabled, in movie and preview");
    assert_eq!(find(&init, b"tkhd")[96..], [0x07, 0x80, 0, 0, 0x04, 0x38, 0, 0], "1920 × 1080 as 16.16");
    assert_eq!(find(&init, b"trex"), b"\0\0\0\x20trex\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(video().codec().unwrap(), "avc1.640028");
}

#[test]
fn an_audio_header_is_this() {
    let init = stereo(128_000).init_segment().unwrap();
    let roll = b"\0\0\0\x1asgpd\x01\0\0\0roll\0\0\0\x02\0\0\0\x01\xff\xff";
    assert_eq!(find(&init, b"sgpd"), roll, "one sample before each");
    let edit = b"\0\0\0\x1celst\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x04\0\0\x01\0\0";
    assert_eq!(find(&init, b"elst"), edit);
    let esds = b"\0\0\0\x27esds\0\0\0\0\x03\x19\0\0\0\x04\x11\x40\x15\0\0\0\0\x01\xf4\0\0\x01\xf4\0\x05\x02\x11\x90\x06\x01\x02";
    assert_eq!(find(&init, b"esds"), esds);
    assert_eq!(find(&init, b"btrt"), b"\0\0\0\x14btrt\0\0\0\0\0\x01\xf4\0\0\x01\xf4\0");
    assert_eq!(find(&init, b"ftyp"), b"\0\0\0\x1cftypiso6\0\0\0\0iso6cmfccaac");
    assert_eq!(stereo(128_000).codec().unwrap(), "mp4a.40.2");

    let unprimed = AudioTrack { priming_samples: 0, ..stereo(128_000) }.init_segment().unwrap();
    assert!(!unprimed.windows(4).any(|kind| kind == b"edts"));
}

#[test]
fn a_fragment_is_this() {
    let segment = media_segment(3, 9000, &pictures(), object::Track::Video).unwrap();
    let expected = [
        &b"\0\0\0\x18stypmsdh\0\0\0\0msdhcmfc"[..],
        b"\0\0\0\x80moof\0\0\0\x10mfhd\0\0\0\0\0\0\x02\x01\0\0\0\x68traf",
        // default-base-is-moof, sample description, default duration and flags.
        b"\0\0\0\x1ctfhd\0\x02\0\x2a\0\0\0\x01\0\0\0\x01\0\0\x03\xe8\x01\x01\0\0",
        b"\0\0\0\x14tfdt\x01\0\0\0\0\0\0\0\0\0\x23\x28",
        // Version 1: data offset, first flags, sizes, offsets.
        b"\0\0\0\x30trun\x01\0\x0a\x05\0\0\0\x03\0\0\0\x88\x02\0\0\0",
        b"\0\0\0\x06\0\0\x07\xd0\0\0\0\x07\0\0\x0b\xb8\0\0\0\x06\0\0\x03\xe8",
        b"\0\0\0\x1bmdat\0\0\0\x02\x65\x01\0\0\0\x03\x41\x02\x02\0\0\0\x02\x01\x03",
    ]
    .concat();
    assert_eq!(segment.bytes[..expected.len()].escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(segment.duration_ticks, 6000);
    let iframes = [
        Iframe { start_ticks: 9000, offset_bytes: 24, size_bytes: 142 },
        Iframe { start_ticks: 12_000, offset_bytes: 179, size_bytes: 142 },
    ];
    assert_eq!(segment.iframes, iframes);
}

#[test]
fn a_written_track_reads_back() {
    let init = read::init(&video().init_segment().unwrap()).unwrap();
    let codec = Codec::Avc { profile: 100, constraints: 0, level: 40 };
    assert_eq!((init.timescale, init.codec, init.edits, init.edit_ticks), (30_000, codec, 1, 2000));
    assert_eq!(init.media, Entry::Video { width: 1920, height: 1080 });
    let init = read::init(&stereo(128_000).init_segment().unwrap()).unwrap();
    assert_eq!((init.timescale, init.codec, init.edit_ticks), (48_000, Codec::Aac { object_type: 2 }, 1024));
    assert_eq!(init.media, Entry::Audio { channels: 2, sample_rate_hz: 48_000 });

    let samples = pictures();
    let segment = media_segment(1, u64::from(u32::MAX), &samples, object::Track::Video).unwrap();
    let fragments = read::segment(&segment.bytes).unwrap();
    assert_eq!(fragments.len(), 2);
    assert_eq!(fragments[1].decode_ticks, u64::from(u32::MAX) + 3000, "64-bit times");
    let read: Vec<_> = fragments.iter().flat_map(|fragment: &Fragment| &fragment.samples).collect();
    for (read, written) in std::iter::zip(read, &samples) {
        assert_eq!(read.of(&segment.bytes), written.data);
        assert_eq!(read.duration_ticks, written.duration_ticks);
        assert_eq!(read.composition_offset_ticks, i64::from(written.composition_offset_ticks));
        assert_eq!(read.keyframe, written.keyframe);
    }
    let shown = fragments[0].media_ticks().map(|ticks| ticks - i128::from(u32::MAX) - 2000);
    assert_eq!(shown.collect::<Vec<_>>(), [0, 2000, 1000]);
}

#[test]
fn a_header_in_any_codec_reads_back_and_must_be_true() {
    for (codec, name, brand, entry) in
        [(plan::Codec::Hevc, "hvc1.1.6.L90.90", b"chhd", b"hvc1"), (plan::Codec::Av1, "av01.0.04M.08", b"av01", b"av01")]
    {
        let track = in_codec(codec);
        assert_eq!(track.codec().unwrap(), name);
        let bytes = track.init_segment().unwrap();
        let init = read::init(&bytes).unwrap();
        assert_eq!((init.codec.to_string().as_str(), init.codec.of_picture()), (name, Some(codec)));
        assert_eq!((init.media, init.brands[2]), (Entry::Video { width: 960, height: 540 }, *brand));
        assert!(bytes[32..].windows(4).any(|kind| kind == entry));
        // The level that the box repeats is not that of the parameter sets.
        let at = bytes.windows(4).position(|kind| kind == b"hvcC" || kind == b"av1C").unwrap();
        let mut untrue = bytes.to_vec();
        untrue[at + if codec == plan::Codec::Hevc { 4 + 12 } else { 4 + 1 }] += 1;
        assert!(read::init(&untrue).unwrap_err().detail().contains("not that of"), "{name}");
    }
}

#[test]
fn sound_is_one_fragment_of_sync_samples_whose_last_may_be_shorter() {
    let mut samples = vec![sample(&[1, 2, 3], 0, true); 4];
    samples[3].duration_ticks = 500;
    let segment = media_segment(1, 48_000, &samples, object::Track::Audio).unwrap();
    assert!(segment.iframes.is_empty());
    let fragments = read::segment(&segment.bytes).unwrap();
    assert_eq!(fragments.len(), 1);
    assert!(fragments[0].samples.iter().all(|sample| sample.keyframe));
    let members = b"\0\0\0\x1csbgp\0\0\0\0roll\0\0\0\x01\0\0\0\x04\0\0\0\x01";
    assert!(find(&segment.bytes, b"moof").ends_with(members), "all of them need the one before");
    assert_eq!((fragments[0].duration_ticks(), segment.duration_ticks), (3500, 3500));
}

#[test]
fn only_the_last_segment_says_that_it_is() {
    let written = |write: WriteSegment| write(1, 0, &pictures(), object::Track::Video).unwrap();
    let (one, last) = (written(media_segment), written(last_media_segment));
    let brands = |segment: &MediaSegment| read::segment_brands(&segment.bytes).unwrap();
    assert_eq!(brands(&one), [*b"msdh", *b"cmfc"]);
    assert_eq!(brands(&last), [*b"msdh", *b"cmfc", *b"lmsg"]);
    assert_eq!(one.bytes[24..], last.bytes[28..]);
    assert_eq!(last.iframes[0].offset_bytes, 28, "its keyframe is where the playlist says");
}

#[test]
fn fragments_of_a_track_have_growing_numbers() {
    let sequence = |number| {
        let bytes = media_segment(number, 0, &pictures(), object::Track::Video).unwrap().bytes;
        let numbers = bytes.windows(4).enumerate().filter(|(_, kind)| kind == b"mfhd");
        numbers.map(|(at, _)| u32::from_be_bytes(bytes[at + 8..at + 12].try_into().unwrap())).collect::<Vec<_>>()
    };
    let all: Vec<_> = (1..5).flat_map(sequence).collect();
    assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
}

#[test]
fn impossible_segments_and_tracks_are_refused() {
    let delta = sample(&[1], 0, false);
    assert!(media_segment(1, 0, &[], object::Track::Video).is_err());
    assert!(media_segment(1, 0, &[delta], object::Track::Video).is_err());
    assert!(media_segment(0, 0, &pictures(), object::Track::Video).is_err());
    assert!(media_segment(1, 0, &vec![sample(&[1], 0, true); 257], object::Track::Video).is_err());

    let ten_bit = with_sps(&[0x67, 110, 0, 40, 0]);
    assert!(VideoTrack { configuration: ten_bit, ..video() }.init_segment().is_err());
    assert!(VideoTrack { width: 70_000, ..video() }.init_segment().is_err());
    assert!(AudioTrack { sample_rate_hz: 44_100, ..stereo(128_000) }.init_segment().is_err());
    assert!(AudioTrack { channels: 6, ..stereo(128_000) }.init_segment().is_err());
}

#[test]
fn the_media_profile_fits_size_rate_and_level() {
    let profile = |width, height, fps, level| {
        let mut sps = SPS;
        sps[3] = level;
        let track = VideoTrack { width, height, frame_rate: Ratio::new(fps, 1), configuration: with_sps(&sps), ..video() };
        let init = read::init(&track.init_segment().unwrap()).unwrap();
        init.brands.get(2).map(|brand| brand.escape_ascii().to_string())
    };
    assert_eq!(profile(640, 360, 30, 30).as_deref(), Some("cfsd"));
    assert_eq!(profile(1280, 720, 30, 31).as_deref(), Some("cfhd"));
    assert_eq!(profile(1920, 1080, 60, 42).as_deref(), Some("chdf"));
    assert_eq!(profile(1080, 1920, 30, 40), None, "profiles are for upright screens only");
    assert_eq!(profile(1920, 1080, 120, 42), None);
}

/// Everything the reader takes.
fn read_all(bytes: &[u8]) -> bool {
    let fragments = read::segment(bytes).unwrap_or_default();
    for fragment in &fragments {
        assert!(fragment.samples.iter().all(|sample| sample.of(bytes).len() == sample.size_bytes as usize));
    }
    let _ = (read::segment_brands(bytes), split_avcc(bytes));
    for codec in CODECS {
        let found = Configuration::find(codec, bytes).map(|found| found.codec());
        let _ = (found, is_keyframe(codec, &super::sample(codec, bytes)), has_what_is_elsewhere(codec, bytes));
    }
    read::init(bytes).is_ok() || !fragments.is_empty()
}

fn specimens() -> [Bytes; 6] {
    let sound = media_segment(1, 0, &vec![sample(&[1, 2, 3], 0, true); 3], object::Track::Audio).unwrap().bytes;
    let picture = media_segment(1, 0, &pictures(), object::Track::Video).unwrap().bytes;
    let inits = CODECS.map(|codec| in_codec(codec).init_segment().unwrap());
    let [h264, hevc, av1] = inits;
    [h264, hevc, av1, stereo(128_000).init_segment().unwrap(), picture, sound]
}

#[test]
fn bytes_that_end_anywhere_are_refused_or_hold_whole_fragments() {
    for bytes in specimens() {
        assert!(read_all(&bytes));
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            let whole = read::segment(cut).is_ok_and(|fragments| fragments.len() < 2);
            assert!(!read_all(cut) || whole, "{length} of {}", bytes.len());
        }
    }
}

#[test]
fn mutated_bytes_never_panic_the_reader() {
    let random = SeededRandom::new(1);
    let number = |limit: usize| ((&random as &dyn Random).unit() * limit as f64) as usize;
    for bytes in specimens() {
        for _ in 0..20_000 {
            let mut mutated = bytes.to_vec();
            for _ in 0..1 + number(4) {
                let at = number(mutated.len());
                match number(4) {
                    0 => mutated[at] ^= 1 << number(8),
                    1 => mutated[at] = [0, 1, 0x7f, 0x80, 0xff][number(5)],
                    2 => mutated.truncate(at.max(1)),
                    _ => mutated.insert(at, number(256) as u8),
                }
            }
            read_all(&mutated);
        }
    }
}

#[test]
fn counts_and_nesting_that_the_bytes_do_not_carry_are_refused() {
    let segment = media_segment(1, 0, &pictures(), object::Track::Video).unwrap().bytes.to_vec();
    let at = segment.windows(4).position(|kind| kind == b"trun").unwrap();
    // Four billion samples without a field of their own.
    let mut counted = segment;
    counted[at + 4..at + 8].copy_from_slice(&[1, 0, 0, 1]);
    counted[at + 8..at + 12].copy_from_slice(&[0xff; 4]);
    let error = read::segment(&counted).unwrap_err();
    assert!(error.detail().contains("too many samples") || error.detail().contains("trun"), "{error:?}");

    // Descriptors inside descriptors, a megabyte deep.
    let init = stereo(128_000).init_segment().unwrap().to_vec();
    let at = init.windows(4).position(|kind| kind == b"esds").unwrap() + 8;
    let mut nested = init[..at].to_vec();
    nested.extend(std::iter::repeat_n([3, 0xff, 0xff, 0x7f, 0, 0, 0], 150_000).flatten());
    // Every box around it grows to the end.
    for kind in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4a", b"esds"] {
        let at = nested.windows(4).position(|window| window == kind).unwrap() - 4;
        let size = (nested.len() - at) as u32;
        nested[at..at + 4].copy_from_slice(&size.to_be_bytes());
    }
    assert!(read::init(&nested).unwrap_err().detail().contains("too long"));
}
