//! Faults in init and media segments.

use super::{
    Fault::{Bytes, Cut, Gone, Raw, Swap},
    *,
};

use crate::{
    cmaf::{Colour, Configuration, VideoTrack},
    sample::{AV1_HEADER, HEVC_PPS, HEVC_SPS, HEVC_VPS},
    verify::boxes::Atom,
};
use marquee_core::{plan, source::Ratio};

const INIT: &str = "v/540p/init.mp4";
const SOUND: &str = "a/eng/init.mp4";
const SEGMENT: &str = "v/540p/000002.m4s";
const FRAMES: &str = "a/eng/000002.m4s";

const FAULTS_OF_INIT_SEGMENTS: &[Row] = &[
    ("nothing", INIT, Raw(b""), &["Error CMAF 7.3.1"]),
    ("cut off", INIT, Cut(300), &["Error CMAF 7.3.1"]),
    ("not there", INIT, Gone, &["Error RFC 8216 6.2.1"]),
    ("no ftyp", INIT, Bytes(b"ftyp", 0, b"free"), &["Error CMAF 7.3.1"]),
    (
        "old brands",
        INIT,
        Bytes(b"ftypiso6\0\0\0\0iso6cmfccfhd", 4, b"isom\0\0\0\0isomcmxcxfhd"),
        &["Error CMAF 7.2", "Error RFC 8216 3.3"],
    ),
    ("no CMAF brand", INIT, Bytes(b"cmfc", 0, b"mp42"), &["Error CMAF 7.2"]),
    ("a length of the movie", INIT, Bytes(b"mvhd\x01", 35, b"\x05"), &["Error RFC 8216 3.3"]),
    ("a length of the track", INIT, Bytes(b"tkhd\x01", 39, b"\x05"), &["Error RFC 8216 3.3"]),
    ("a fast movie", INIT, Bytes(b"mvhd\x01", 37, b"\x02"), &["Error CMAF 7.5.1"]),
    ("a turned track", INIT, Bytes(b"tkhd\x01", 56, b"\0\0\0\0\0\x01\0\0"), &["Error CMAF 7.5.4"]),
    ("a size of sound", SOUND, Bytes(b"tkhd\x01", 93, b"\x01"), &["Error CMAF 7.5.4"]),
    ("no timescale", INIT, Bytes(b"mdhd\x01", 24, b"\0\0\0\0"), &["Error CMAF 7.5.5"]),
    ("the handler of sound", INIT, Bytes(b"vide", 0, b"soun"), &["Error CMAF 7.3.1"]),
    ("data elsewhere", INIT, Bytes(b"url \0\0\0\x01", 7, b"\0"), &["Error CMAF 7.5.9"]),
    ("samples in the header", INIT, Bytes(b"stts", 11, b"\x01"), &["Error CMAF 7.5.12"]),
    ("two edits", INIT, Bytes(b"elst", 11, b"\x02"), &["Error CMAF 7.3.1", "Error CMAF 7.5.13"]),
    ("an edit with an end", INIT, Bytes(b"elst", 15, b"\x09"), &["Error CMAF 7.5.13"]),
    ("a slow edit", INIT, Bytes(b"elst", 20, b"\0\0"), &["Error CMAF 7.5.13"]),
    ("another edit", INIT, Bytes(b"elst", 18, b"\x01\x90"), &["Error CMAF 7.3.4", "Error RFC 8216 6.2.4"]),
    (
        "another timescale",
        INIT,
        Bytes(b"mdhd\x01", 24, b"\0\0\x4e\x20"),
        &["Error CMAF 7.3.4", "Error HLS-AUTH 8.1", "Error HLS-AUTH 8.7", "Error HLS-AUTH 9.15", "Error RFC 8216 4.3.3.6"],
    ),
    ("no mvex", INIT, Bytes(b"mvex", 0, b"free"), &["Error CMAF 7.3.1"]),
    ("the mvex of another track", INIT, Bytes(b"trex", 11, b"\x02"), &["Error CMAF 7.3.1"]),
    ("tables in another order", INIT, Swap(b"stts", b"stco"), &["Error CMAF 7.3.1"]),
    ("boxes of a track in another order", INIT, Swap(b"tkhd", b"edts"), &["Error CMAF 7.3.1"]),
    ("boxes of media in another order", INIT, Swap(b"mdhd", b"hdlr"), &["Error CMAF 7.3.1"]),
    ("boxes of the movie in another order", INIT, Swap(b"trak", b"mvex"), &["Error CMAF 7.3.1"]),
    (
        "a profile that is not the stream's",
        INIT,
        Bytes(b"avcC", 5, b"\x4d"),
        &["Error 14496-15 5.3.3.1", "Error HLS-AUTH 9.3", "Error RFC 8216 6.2.4", "Warning HLS-AUTH 1.4"],
    ),
    ("no parameter sets", INIT, Bytes(b"avcC", 9, b"\xe0"), &["Error 14496-15 5.3.3.1"]),
    (
        "parameter sets in the samples",
        INIT,
        Bytes(b"avc1", 0, b"avc3"),
        &["Error CMAF 7.3.4", "Error HLS-AUTH 9.3", "Error RFC 8216 6.2.4", "Warning HLS-AUTH 1.10"],
    ),
    ("an unknown codec", INIT, Bytes(b"avc1", 0, b"rv40"), &["Error CMAF 7.3.1"]),
    (
        "too high a profile and level",
        INIT,
        Bytes(b"avcC\x01d\0\x1f\xff\xe1\0\x05gd\0\x1f", 5, b"\x7a\0\x3e\xff\xe1\0\x05g\x7a\0\x3e"),
        &["Error CMAF A.2", "Error HLS-AUTH 1.3", "Error HLS-AUTH 9.3", "Error RFC 8216 6.2.4", "Warning HLS-AUTH 1.11"],
    ),
    ("another size", INIT, Bytes(b"avc1", 28, b"\x03\xc2"), &["Error HLS-AUTH 9.2", "Error HLS-AUTH 9.4"]),
    ("other primaries", INIT, Bytes(b"nclx", 4, b"\0\x09"), &["Warning HLS-AUTH 1.21"]),
    (
        "a level higher than needed",
        "v/234p/init.mp4",
        Bytes(b"avcC\x01d\0\x0d\xff\xe1\0\x05gd\0\x0d", 5, b"d\0\x1f\xff\xe1\0\x05gd\0\x1f"),
        &["Error HLS-AUTH 9.3", "Error RFC 8216 6.2.4", "Warning HLS-AUTH 1.11"],
    ),
    ("HDR colours", INIT, Bytes(b"nclx", 6, b"\0\x10"), &["Error HLS-AUTH 9.16"]),
    ("other channels", SOUND, Bytes(b"mp4a", 20, b"\0\x06"), &["Error 14496-14 5.6"]),
    ("another rate", SOUND, Bytes(b"mp4a", 28, b"\xac\x44"), &["Error 14496-14 5.6"]),
    ("another kind of AAC", SOUND, Bytes(b"\x05\x02\x11\x90", 2, b"\x29\x90"), &["Error RFC 8216 6.2.4"]),
    ("no loudness", SOUND, Bytes(b"ludt", 0, b"free"), &["Warning HLS-AUTH 2.18", "Warning HLS-AUTH 2.19"]),
    (
        "a loudness that is cut off",
        SOUND,
        Bytes(b"tlou", 14, b"\x02"),
        &["Error 14496-12 12.2.7", "Warning HLS-AUTH 2.18", "Warning HLS-AUTH 2.19"],
    ),
    ("a loudness by another measure", SOUND, Bytes(b"tlou", 17, b"\x53"), &["Warning HLS-AUTH 2.21"]),
    (
        "louder than its peak",
        SOUND,
        Bytes(b"tlou", 11, b"\x05\xc0\x22\x01\x01\xe7"),
        &["Error HLS-AUTH 2.23", "Warning HLS-AUTH 2.18"],
    ),
    ("louder than the other language", SOUND, Bytes(b"tlou", 16, b"\x90"), &["Warning HLS-AUTH 2.18"]),
    ("a table twice", INIT, Bytes(b"stsc", 0, b"stts"), &["Error CMAF 7.3.1"]),
    ("no header of pictures", INIT, Bytes(b"vmhd", 0, b"free"), &["Error CMAF 7.3.1"]),
    ("a mode of pictures", INIT, Bytes(b"vmhd", 9, b"\x01"), &["Error CMAF 7.5.6"]),
    ("a balance of sound", SOUND, Bytes(b"smhd", 9, b"\x01"), &["Error CMAF 7.5.7"]),
    ("a track that is off", INIT, Bytes(b"tkhd\x01", 7, b"\x06"), &["Error 14496-12 8.3.2"]),
    ("a layer", INIT, Bytes(b"tkhd\x01", 49, b"\x01"), &["Error CMAF 7.5.4"]),
    ("pictures that are loud", INIT, Bytes(b"tkhd\x01", 52, b"\x01"), &["Error CMAF 7.5.4"]),
    ("a length of the media", INIT, Bytes(b"mdhd\x01", 35, b"\x05"), &["Warning CMAF 7.5.5"]),
    ("a description of the future", INIT, Bytes(b"stsd", 4, b"\x01"), &["Error CMAF 7.5.10"]),
    ("a minor version", INIT, Bytes(b"ftypiso6", 4, b"cmfc\0\0\0\x01"), &["Error CMAF 7.2"]),
    ("the profile of sound", INIT, Bytes(b"cfhd", 0, b"caac"), &["Error CMAF A.1"]),
    ("a profile of smaller pictures", INIT, Bytes(b"cfhd", 0, b"cfsd"), &["Error CMAF A.2"]),
    ("a number of the stream", SOUND, Bytes(b"esds", 11, b"\x01"), &["Error CMAF 10.3.4"]),
    ("a broken descriptor", SOUND, Bytes(b"esds", 9, b"\x7f"), &["Error CMAF 7.3.1"]),
];

#[test]
fn faults_of_init_segments_are_found() {
    each_is_found(FAULTS_OF_INIT_SEGMENTS, false);
}

const FAULTS_OF_MEDIA_SEGMENTS: &[Row] = &[
    ("nothing", SEGMENT, Raw(b""), &["Error CMAF 7.3.2.3"]),
    ("truncated", SEGMENT, Cut(150_000), &["Error CMAF 7.3.2.3"]),
    ("truncated in a head", SEGMENT, Cut(100_740), &["Error CMAF 7.3.2.3"]),
    ("not there", SEGMENT, Gone, &["Error RFC 8216 6.2.1"]),
    ("no brand of a segment", SEGMENT, Bytes(b"styp", 0, b"free"), &["Warning CMAF 7.3.3.1"]),
    ("no time", SEGMENT, Bytes(b"tfdt", 0, b"free"), &["Error CMAF 7.3.2.3", "Error RFC 8216 3.3"]),
    ("no data", SEGMENT, Bytes(b"mdat", 0, b"free"), &["Error CMAF 7.3.2.3"]),
    ("data of nothing", SEGMENT, Bytes(b"moof", 0, b"free"), &["Error CMAF 7.3.2.3"]),
    ("a gap before", SEGMENT, Bytes(b"tfdt", 14, b"\xeb"), &["Error HLS-AUTH 7.3"]),
    ("one tick late", FRAMES, Bytes(b"tfdt", 15, b"\x01"), &["Error HLS-AUTH 7.3"]),
    ("boxes of a fragment in another order", SEGMENT, Swap(b"tfdt", b"trun"), &["Error CMAF 7.3.2"]),
    ("another track", SEGMENT, Bytes(b"tfhd", 11, b"\x02"), &["Error CMAF 7.5.16"]),
    ("data by its place in the file", SEGMENT, Bytes(b"tfhd", 5, b"\0"), &["Error CMAF 7.5.16"]),
    ("another sample description", SEGMENT, Bytes(b"tfhd", 15, b"\x02"), &["Error CMAF 7.5.16"]),
    ("a trun of the future", SEGMENT, Bytes(b"trun", 4, b"\x02"), &["Error CMAF 7.5.17"]),
    ("no offset of data", SEGMENT, Bytes(b"trun", 7, b"\x04"), &["Error CMAF 7.3.2.3", "Error CMAF 7.5.17"]),
    ("data outside", SEGMENT, Bytes(b"trun", 13, b"\x01"), &["Error CMAF 7.3.2.3"]),
    ("a sample too large", SEGMENT, Bytes(b"trun", 20, b"\x01"), &["Error CMAF 7.3.2.3"]),
    ("no samples", FRAMES, Bytes(b"trun", 8, b"\0\0\0\0"), &["Error CMAF 7.3.2.3"]),
    ("no keyframe", SEGMENT, Bytes(b"trun", 16, b"\x01\x01\0\0"), &["Error HLS-AUTH 7.4"]),
    ("two pictures at once", SEGMENT, Bytes(b"\0\0\x04\xb0", 2, b"\x01\x90"), &["Error HLS-AUTH 7.1"]),
    ("the same number again", SEGMENT, Bytes(b"mfhd", 10, b"\0"), &["Warning 14496-12 8.8.5"]),
    ("shorter pictures", SEGMENT, Bytes(b"tfhd", 18, b"\x01\x8f"), &["Error HLS-AUTH 7.3"]),
];

#[test]
fn faults_of_media_segments_are_found() {
    each_is_found(FAULTS_OF_MEDIA_SEGMENTS, false);
}

const FAULTS_OF_SAMPLES: &[Row] = &[
    ("no IDR", SEGMENT, Bytes(b"\0\0\x2e\xdc\x65", 4, b"\x41"), &["Error HLS-AUTH 7.4"]),
    ("parameter sets in a sample", SEGMENT, Bytes(b"\0\0\x07\x04\x41", 4, b"\x67"), &["Warning HLS-AUTH 1.10"]),
    ("a unit that ends behind its sample", SEGMENT, Bytes(b"\0\0\x07\x04\x41", 1, b"\x01"), &["Error 14496-15 5.3.2"]),
    ("no unit", SEGMENT, Bytes(b"\0\0\x07\x04\x41", 4, b"\xc1"), &["Error 14496-15 5.3.2"]),
    ("frames of a stream", FRAMES, Bytes(b"\x21\x21\x21\x21", 0, b"\xff\xf1"), &["Error 14496-14 4.1"]),
];

/// Puts `new` before what is in the last of these boxes, which are in each other.
fn inserted(bytes: &[u8], parents: &[&[u8; 4]], at: usize, new: &[u8]) -> bytes::Bytes {
    let mut bytes = bytes.to_vec();
    let mut place = at;
    for parent in parents {
        let kind = bytes.windows(4).position(|window| window == *parent).unwrap();
        let size = u32::from_be_bytes(bytes[kind - 4..kind].try_into().unwrap()) + new.len() as u32;
        bytes[kind - 4..kind].copy_from_slice(&size.to_be_bytes());
        place = kind + 4;
    }
    bytes.splice(place..place, new.iter().copied());
    bytes.into()
}

#[test]
fn boxes_that_do_not_belong_are_found() {
    let event = |timescale: u8| boxed(b"emsg", &[&[1, 0, 0, 0, 0, 0, timescale, 0x80][..], &[0; 16], b"urn:x\0\0"].concat());
    let empty = boxed(b"mehd", &[0; 8]);
    let extends = boxed(b"trex", &[&[0; 7][..], &[2], &[0; 16]].concat());
    type Added<'a> = (&'a str, &'a [&'a [u8; 4]], usize, Vec<u8>, &'a [&'a str]);
    let rows: [Added<'_>; 6] = [
        (SOUND, &[], 0, boxed(b"free", b""), &["Error CMAF 7.3.1"]),
        (SOUND, &[], good()[SOUND].len(), boxed(b"meta", &[0; 4]), &["Error CMAF 7.5.2"]),
        (SOUND, &[b"moov", b"mvex"], 0, empty, &["Error CMAF 7.3.2.1"]),
        (SOUND, &[b"moov", b"mvex"], 0, extends, &["Error CMAF 7.3.1"]),
        // 48 000 is 0xbb80.
        (FRAMES, &[], 24, event(0xbb), &[]),
        (FRAMES, &[], 24, event(0xbc), &["Error CMAF 7.4.5"]),
    ];
    for (path, parents, at, new, expected) in rows {
        let mut package = good();
        package.insert(path.to_owned(), inserted(&package[path], parents, at, &new));
        let (rules, verdict) = found(&package, false);
        assert_eq!(rules, expected, "{path}: {verdict}");
    }
}

/// What the stricter brand promises: that fragments need nothing of the header.
#[test]
fn fragments_of_the_second_brand_stand_alone() {
    let package = broken(&good(), SOUND, Bytes(b"cmfc", 0, b"cmf2"));
    assert_eq!(found(&package, false).0, Vec::<String>::new());
    let package = broken(&package, FRAMES, Bytes(b"tfhd", 7, b"\x0a"));
    assert_eq!(found(&package, false).0, ["Error CMAF 7.7.3"]);
}

#[test]
fn faults_of_samples_are_found_by_looking_at_them() {
    each_is_found(FAULTS_OF_SAMPLES, true);
}

/// The sample entries of our writer in every codec name what the writer says, and no other way.
#[test]
fn configurations_name_their_codecs() {
    let annexb = [HEVC_VPS, HEVC_SPS, HEVC_PPS].map(|unit| [&[0, 0, 0, 1], unit].concat()).concat();
    type Case<'a> = (plan::Codec, &'a [u8], &'a [u8; 4], usize, &'a str);
    let cases: [Case<'_>; 2] = [
        // The level, and the profile.
        (plan::Codec::Hevc, &annexb, b"hvcC", 4 + 12, "14496-15 8.3.3.1"),
        (plan::Codec::Av1, AV1_HEADER, b"av1C", 4 + 1, "AV1-ISOBMFF 2.3"),
    ];
    for (codec, extradata, kind, at, rule) in cases {
        let track = VideoTrack {
            timescale: 30_000,
            width: 960,
            height: 540,
            frame_rate: Ratio::new(30, 1),
            edit_ticks: 0,
            configuration: Configuration::find(codec, extradata).unwrap(),
            colour: Colour::BT709,
        };
        let bytes = track.init_segment().unwrap();
        let mut report = Report::default();
        let init = init::read(&mut report, "init.mp4", &bytes).unwrap();
        assert_eq!(init.entry.codec, track.codec().unwrap());
        assert_eq!(init.entry.media, entry::Media::Video { width: 960, height: 540, shown_width: 960, colour: Some((1, 1, 1)) });
        assert_eq!(rules(&report.verdict(false)), Vec::<String>::new());
        let mut untrue = bytes.to_vec();
        let at = untrue.windows(4).position(|window| window == kind).unwrap() + at;
        untrue[at] ^= 0x20;
        let mut report = Report::default();
        init::read(&mut report, "init.mp4", &untrue).unwrap();
        assert_eq!(rules(&report.verdict(false)), [format!("Error {rule}")]);
    }
}

/// Another init segment in the middle of a track.
#[test]
fn what_is_coded_changes_at_discontinuities_alone() {
    let (six, wide) =
        (broken(&good(), SOUND, Bytes(b"mp4a", 20, b"\0\x06")), broken(&good(), INIT, Bytes(b"avc1", 28, b"\x03\xc2")));
    let six = broken(&six, SOUND, Bytes(b"\x05\x02\x11\x90", 2, b"\x11\xb0"));
    for (playlist, init, expected) in [
        ("a/eng/playlist.m3u8", six[SOUND].clone(), &["Error HLS-AUTH 2.11"][..]),
        ("v/540p/playlist.m3u8", wide[INIT].clone(), &["Error HLS-AUTH 8.13"]),
        ("v/540p/playlist.m3u8", good()[INIT].clone(), &[]),
    ] {
        let mut package = good();
        package.insert(playlist.replace("playlist.m3u8", "other.mp4"), init);
        let text = text_of(&package[playlist]);
        let at = text.rfind("#EXTINF").unwrap();
        let changed = |tag: &str| format!("{}{tag}#EXT-X-MAP:URI=\"other.mp4\"\n{}", &text[..at], &text[at..]);
        package.insert(playlist.to_owned(), changed("").into());
        let (rules, verdict) = found(&package, false);
        assert_eq!(rules, expected, "{verdict}");
        package.insert(playlist.to_owned(), changed("#EXT-X-DISCONTINUITY\n").into());
        let rules = found(&package, false).0;
        assert!(!rules.iter().any(|rule| expected.contains(&rule.as_str())), "{rules:?}");
    }
}

pub(super) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

#[test]
fn faults_of_encryption_are_found() {
    type Row = (&'static [u8; 4], [u8; 2], [u8; 2], u8, &'static [&'static str]);
    let constant = 16;
    let rows: [Row; 9] = [
        (b"cbcs", [0, 0x19], [1, 0], constant, &[]),
        (b"cenc", [0, 0], [1, 8], 0, &[]),
        (b"cens", [0, 0x19], [1, 8], 0, &["Error CENC 4.2"]),
        (b"cbcs", [0, 0x55], [1, 0], constant, &["Error HLS-AUTH 13.7"]),
        (b"cbcs", [0, 0x19], [1, 16], 0, &["Error CENC 10.4"]),
        (b"cbcs", [0, 0x19], [1, 0], 5, &["Error CENC 10.4"]),
        (b"cenc", [0, 0], [1, 0], constant, &["Error CENC 10.1"]),
        (b"cenc", [0, 0x19], [1, 8], 0, &["Error CENC 10.1"]),
        (b"cenc", [0, 0], [0, 8], 0, &["Error CMAF 8.2.3.2"]),
    ];
    for (scheme, pattern, protected, constant_bytes, expected) in rows {
        let constant_iv = [&[constant_bytes][..], &vec![7; usize::from(constant_bytes)]].concat();
        let tail: &[u8] = if protected[1] == 0 { &constant_iv } else { &[] };
        let tenc = boxed(b"tenc", &[&[1, 0, 0, 0], &pattern[..], &protected, &[9; 16], tail].concat());
        let schm = boxed(b"schm", &[&[0; 4], &scheme[..], &[0, 1, 0, 0]].concat());
        let sinf = boxed(b"sinf", &[boxed(b"frma", b"avc1"), schm, boxed(b"schi", &tenc)].concat());
        let avcc = boxed(b"avcC", b"\x01d\0\x1f\xff\xe1\0\x05gd\0\x1f\xac\x01\0\x02h\xeb");
        let body = [vec![0; 78], avcc, sinf].concat();
        let entry = entry::read(&Atom { kind: *b"encv", body: &body }).unwrap();
        assert_eq!((&entry.kind, entry.codec.as_str(), &entry.faults[..]), (b"avc1", "avc1.64001f", &[][..]));
        let mut report = Report::default();
        init::protected(&mut report, "init.mp4", entry.protection.as_ref().unwrap(), &entry);
        assert_eq!(rules(&report.verdict(false)), expected, "{scheme:?} {pattern:?} {protected:?}");
        let mut later = entry.protection.clone().unwrap();
        later.scheme_version += 1;
        let mut report = Report::default();
        init::protected(&mut report, "init.mp4", &later, &entry);
        assert!(rules(&report.verdict(false)).contains(&"Error CENC 4.2".to_owned()));
    }
}
